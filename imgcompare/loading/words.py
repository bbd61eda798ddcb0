"""The vocabulary of series descriptions: what scanner makers and hospitals write, as patterns.

Descriptions are lower-cased and every separator becomes a blank, so that patterns see words. The
lists hold English, German, French, Spanish, Italian, Portuguese, Dutch and some Chinese and
Japanese wording.
"""

from __future__ import annotations

import re
from typing import Final

_SEPARATORS = re.compile(r"[\s_\-./,;:()\[\]{}=&|\\^#<>\"']+")
_MINUS = re.compile(r"(?<![a-z0-9])(?:t1)?c ?-(?![a-z0-9])")


def normalise(text: str) -> str:
    """Give the words of a description, lower-case, separated and framed by single blanks.

    A trailing minus as in ``C-`` is kept as the word ``c-``.
    """
    lowered = _MINUS.sub(" cminus ", text.lower().replace("w/o", " without ").replace("+", " +"))
    return f" {_SEPARATORS.sub(' ', lowered).strip()} "


def word(*alternatives: str) -> re.Pattern[str]:
    """Compile alternatives that must be whole words."""
    return re.compile(rf"(?<![a-z0-9])(?:{'|'.join(alternatives)})(?![a-z0-9])")


_AGENTS = (
    r"gado\w*|gad|gd|gdpa|gddtpa|dotarem|prohance|multihance|magnevist|omniscan|clariscan|"
    r"primovist|eovist|elucirem|vueway"
)
_MEDIUM = rf"(?:iv |i v )?(?:contrast\w*|contraste|con|cont|ce|c|km|cm|mdc|civ|inj\w*|iv|{_AGENTS})"
_NOT_A_PHASE = (
    r"(?! ?(?:op|operat\w*|surg\w*|rt|xrt|radi\w*|chemo\w*|treat\w*|ther\w*|resect\w*|fossa|"
    r"proc\w*|sat\w*|scan\w*|bx|biops\w*|tx|void\w*|mort\w*|trauma\w*|cor|pulse)(?![a-z]))"
)

WITHOUT_CONTRAST: Final = word(
    rf"pre ?{_MEDIUM}",
    rf"pre{_NOT_A_PHASE}",
    r"t1w?pre|ctpre",
    r"nativ(?:e|o|a|er|es|ne)?",
    r"t1w?n",
    r"plain",
    r"un ?enhanced",
    r"(?:non|not|no)[ ]?enh\w*",
    rf"(?:non|no|without|sans|ohne|sin|senza|sem|zonder|bez|uden|utan|vor|before|avant|antes|prima)"
    rf"(?: (?:de|del|do|di|the|der))? ?{_MEDIUM}",
    r"noncon\w*",
    r"without",
    r"ncct|nect|nc|nce",
    r"basal|blanco|kontrastfrei\w*|kontrastlos\w*|kontrasts[ıi]z",
    r"cminus",
)
"""What says that no contrast agent had been given."""

WITH_CONTRAST: Final = word(
    rf"post ?{_MEDIUM}",
    r"ctpost",
    rf"post{_NOT_A_PHASE}",
    rf"(?:w|with|avec|con|com|mit|met|nach|after|apres|après|dopo|tras|na|pos|pós|med|efter|plus) "
    rf"{_MEDIUM}",
    rf"\+ ?(?:{_MEDIUM}|k)",
    r"(?:c|gd|km|ce|k) \+",
    r"(?:t1w?|ct) ?\+",
    rf"{_AGENTS}",
    r"t1w?(?:c|ce|gd|km|gad|ca|cm|post)|ce ?t1w?",
    r"ce(?! (?:fast|ffe|mra|angio))",
    r"km|mdc|civ|cect",
    r"(?:c|k) plus",
    r"enh|enhanced",
    r"inj(?:ect\w*|\w?)?",
    r"kontrast\w*|contrast\w*|contraste",
)
"""What says that a contrast agent had been given."""

WITHOUT_CONTRAST_CJK: Final = re.compile("造影前|增强前|增強前|平扫|平掃|単純|单纯")
WITH_CONTRAST_CJK: Final = re.compile("造影|增强|增強|強化")
NO_CONTRAST_MEANT: Final = word(
    r"phase contrast", r"transfer contrast", r"contrast ratio", r"tissue contrast", r"pc ?mra?"
)
"""Uses of the word that do not mean an agent."""


def contrast_in(text: str) -> tuple[bool | None, str]:
    """Tell whether a description speaks of contrast, and the words that say so.

    Returns
    -------
    tuple of (bool or None, str)
        None where it says nothing or both.
    """
    words = NO_CONTRAST_MEANT.sub(" ", normalise(text))
    found_without = WITHOUT_CONTRAST.search(words) or WITHOUT_CONTRAST_CJK.search(words)
    rest = WITHOUT_CONTRAST_CJK.sub(" ", WITHOUT_CONTRAST.sub(" ", words))
    found_with = WITH_CONTRAST.search(rest) or WITH_CONTRAST_CJK.search(rest)
    if found_without and found_with:
        return None, ""
    found = found_with or found_without
    return (bool(found_with), found.group().strip()) if found else (None, "")


LOCALIZER: Final = word(
    r"locali[sz]er\w*|loc|locs|scout\w*|survey|topogram\w*|scanogram\w*|surview|3 ?plane|3 ?pl",
    r"plan ?scan|lokali\w*|rep[ée]rage|localisateur|localizador|tri ?plan\w*|aahead ?scout|"
    r"aahscout|quick ?view|scano|pilot",
)

MR_UNSUITABLE: Final = word(
    r"sub|subs|subtr\w*",
    r"mip|mips|m ?ip|minip|mmip|thin mip",
    r"r?cbv\w*|relcb[vf]|r?cbf|r?mtt|relmtt|ttp|tmax|pbp|k ?trans|kep|perf\w*|dsc|ser|pe1",
    r"swi|swip|swan|susc\w*|ven ?bold|h[a]?emo\w*|heme",
    r"t2w? ?(?:\*|star|s)(?: ?w?)|t2\*w?|r2 ?\*?",
    r"bold|fmri|resting|asl|pcasl|pasl",
    r"tof|mra|mrv|angio\w*|phase ?contrast|pc ?angio|inhance",
    r"spectro\w*|svs|csi|mrs|press",
    r"field ?map\w*|b[01] ?map\w*|gre field\w*|molli|t[12] ?map\w*|t1 ?rho|relax\w*|synthetic",
    r"calib\w*|asset|shim\w*|ref scan|smartbrain|coil sens\w*|sense ref|prescan\w*",
    r"screen ?save|screenshot|report|fat ?frac\w*|stir|dir|ciss|fiesta|cest|apt\w*",
    r"eadc|exponential\w*|colfa|fa map|tensor",
    r"inv ?[12]|mp2rage inv\w*|magnetization transfer|mtc|mt",
)
"""MR series that are no T1, T2, FLAIR, ADC or DWI image."""

CT_UNSUITABLE: Final = word(
    r"(?:pre ?)?monitor\w*|smart ?prep|bolus ?track\w*|care ?bolus|test ?bolus|timing|tracker",
    r"perf\w*|dose|report|screen ?save|mip|minip|vrt|3d vol\w*|sub|subtr\w*|bone subtr\w*",
    r"iodine|virtual|vnc|z ?eff|mono\w*|calcium|fusion|summary|protocol",
)
"""CT series that are no plain volume of attenuation."""

_PREFIX = r"(?:3d|2d|ax|sag|cor|tra|axial|obl|wip|ir|fl|fs|ce|s)?"
ADC: Final = word(r"d?adc\w*", r"apparent diff\w*", r"average dc")
DWI: Final = word(r"e?dwi\w*|dw|diff\w*|dti\w*|trace\w*|b ?\d{3,4}|resolve|ivim|hardi|dki|isodwi")
FLAIR: Final = word(
    rf"{_PREFIX}(?:t2)?w?flair\w*|t2w?f|dark ?fl\w*|fluid (?:atten|supp)\w*|t2 tirm|tirm",
    r"ir ?tse t2|t2 ir",
)
T2: Final = word(
    rf"{_PREFIX}t2(?![0-9*])\w*(?!\*)", r"haste|ss ?f?tse|ssfse|fase|fase2d|fr ?fse|trufi t2"
)
T1: Final = word(
    rf"{_PREFIX}t1(?![0-9])\w*",
    r"mp ?rage\w*|mp2 ?rage\w*|bravo|f?spgr\w*|vibe\w*|lava\w*|e? ?thrive|flash\w*|tfl3d\w*|"
    r"ir ?fspgr|efgre3d|mdixon\w*|quick ?3d",
)
PROTON_DENSITY: Final = word(r"pd\w*|proton\w*|dp")

CT_ARTERIAL: Final = word(
    r"art|arte?r?i\w*|late ?art\w*|early ?art\w*|hap|eap|lap|aorta\w*|cta|angio\w*"
)
CT_PORTAL: Final = word(
    r"port\w*|pv|pvp|pvs|ven|veno?u?s\w*|venös\w*|ven[oeö]\w*|vein\w*|hepatic phase|"
    r"(?:60|65|70|75|80) ?s(?:ec)?(?:ond)?s?"
)
CT_DELAYED: Final = word(
    r"delay\w*|delays?|late|spät\w*|spaet\w*|equil\w*|excret\w*|urogra\w*|uro|tardi\w*|retard\w*|"
    r"nephro\w*|\d+ ?min\w*|washout|wash ?out"
)
