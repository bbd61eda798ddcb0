"""Says what a series is for: T1, T1C, T2, FLAIR, ADC, a CT phase, from its text and parameters.

Each answer carries its reason, so that a person can see and overrule it. What the description
says comes first, then the protocol name, then sequence parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from imgcompare.loading import words
from imgcompare.model import Acquisition, Role


@dataclass(frozen=True, slots=True)
class Evidence:
    """What role naming looks at."""

    modality: str
    description: str = ""
    protocol: str = ""
    sequence_name: str = ""
    image_type: tuple[str, ...] = ()
    acquisition: Acquisition = field(default_factory=Acquisition)
    b_value: float | None = None


@dataclass(frozen=True, slots=True)
class RoleGuess:
    """A role with its reason; ``contrast`` is None where nothing tells."""

    role: Role
    reason: str
    contrast: bool | None = None
    doubt: str = ""


SHORT_TE_MS: Final = 40.0
SURELY_SHORT_TE_MS: Final = 20.0  # where the header does not say spin echo
LONG_TE_MS: Final = 60.0
SHORT_TR_MS: Final = 1200.0
LONG_TR_MS: Final = 1800.0
"""Spin-echo weighting: T1 has short TE and TR, T2 long ones (Westbrook, MRI in Practice)."""

GRADIENT_TE_MS: Final = 12.0
GRADIENT_TR_MS: Final = 100.0
GRADIENT_FLIP_DEG: Final = 8.0
"""Spoiled gradient echoes with short TE, TR and a sizeable flip angle are T1-weighted."""

FLAIR_TI_MS: Final = 1400.0
STIR_TI_MS: Final = 300.0
"""Inversion times that null fluid (≥ about 1.4 s for 1.5 T, long TR) and fat (≤ about 0.3 s)."""

ARTERIAL_UNTIL_S: Final = 50.0
PORTAL_UNTIL_S: Final = 120.0
"""Delay after the start of injection: late arterial 35-45 s, portal venous 60-90 s, delayed from
about 2 min (ACR, LI-RADS technical recommendations)."""

_UNSUITABLE_TYPES: Final[dict[str, str]] = {
    "PHASE": "phase image",
    "P": "phase image",
    "PHASE MAP": "phase image",
    "MIN IP": "projection",
    "MNIP": "projection",
    "MIP": "projection",
    "PROJECTION IMAGE": "projection",
    "SUBTRACTION": "subtraction",
    "SUB": "subtraction",
    "PE1": "enhancement map",
    "SER": "enhancement map",
    "FA": "diffusion map",
    "TENSOR": "diffusion map",
    "COLFA": "diffusion map",
    "CBF": "perfusion map",
    "CBV": "perfusion map",
    "MTT": "perfusion map",
    "TTP": "perfusion map",
    "RCBF": "perfusion map",
    "RCBV": "perfusion map",
    "PERFUSION": "perfusion",
    "FMRI": "functional series",
    "MOSAIC": "mosaic of slices",
    "DOSE_INFO": "dose report",
    "SCREEN SAVE": "screen copy",
    "FAT": "fat image",
    "F": "fat image",
    "T1 MAP": "T1 map",
    "T2 MAP": "T2 map",
}


def guess_role(evidence: Evidence) -> RoleGuess:
    """Name the role of one series.

    Parameters
    ----------
    evidence : Evidence
        Modality, texts, image type and sequence parameters.

    Returns
    -------
    RoleGuess
        OTHER where nothing fits; never a guess without a reason.
    """
    texts = f"{evidence.description} {evidence.protocol}"
    if "LOCALIZER" in evidence.image_type:
        return RoleGuess(Role.LOCALIZER, "ImageType says LOCALIZER")
    found = words.LOCALIZER.search(words.normalise(evidence.description or texts))
    if found:
        return RoleGuess(Role.LOCALIZER, f"“{found.group()}” in the description")
    if evidence.modality == "MR":
        return _guess_mr(evidence)
    if evidence.modality == "CT":
        return _guess_ct(evidence)
    if evidence.modality == "PT":
        return RoleGuess(Role.PET, "modality PT")
    return RoleGuess(Role.OTHER, f"modality {evidence.modality or 'not given'}")


def _guess_mr(evidence: Evidence) -> RoleGuess:
    types = set(evidence.image_type)
    if "ADC" in types:
        return RoleGuess(Role.ADC, "ImageType says ADC")
    for kind in evidence.image_type:
        if kind in _UNSUITABLE_TYPES:
            return RoleGuess(Role.OTHER, f"ImageType says {_UNSUITABLE_TYPES[kind]}")
    if "DIFFUSION" in types or "TRACEW" in types or (evidence.b_value or 0.0) > 0.0:
        by_text = _mr_by_text(evidence.description)
        if by_text is None or by_text[0] is not Role.ADC:
            return RoleGuess(Role.DWI, "ImageType or b-value says diffusion")
    by_parameters = _mr_by_parameters(evidence.acquisition)
    for text, where in (
        (evidence.description, "description"),
        (evidence.protocol, "protocol name"),
        (evidence.sequence_name, "sequence name"),
    ):
        by_text = _mr_by_text(text)
        if by_text is not None:
            role, word, settle = by_text
            if settle and by_parameters:
                role = by_parameters[0]
            return _finish_mr(evidence, role, f"“{word}” in the {where}", by_parameters)
    if by_parameters is not None:
        return _finish_mr(evidence, *by_parameters, by_parameters)
    return RoleGuess(Role.OTHER, "neither text nor TR, TE, TI say the weighting")


def _mr_by_text(text: str) -> tuple[Role, str, bool] | None:
    """Role, the word that says so, and whether parameters should settle it."""
    line = words.normalise(text)
    found = words.ADC.search(line)
    if found and not words.MR_UNSUITABLE.search(line):
        return Role.ADC, found.group(), False
    found = words.MR_UNSUITABLE.search(line)
    if found:
        return Role.OTHER, found.group(), False
    flair, t1, t2 = words.FLAIR.search(line), words.T1.search(line), words.T2.search(line)
    if flair:
        named_t1 = t1 and "t1" in t1.group() and not t2
        return (
            (Role.T1, t1.group(), False) if t1 and named_t1 else (Role.FLAIR, flair.group(), False)
        )
    found = words.DWI.search(line)
    if found:
        return Role.DWI, found.group(), False
    if t1 and t2:
        first = t1 if t1.start() < t2.start() else t2
        return (Role.T1 if first is t1 else Role.T2), first.group(), True
    if t1:
        return Role.T1, t1.group(), False
    if t2:
        return Role.T2, t2.group(), bool(words.PROTON_DENSITY.search(line))
    found = words.PROTON_DENSITY.search(line)
    return (Role.OTHER, found.group(), False) if found else None


def _mr_by_parameters(acquisition: Acquisition) -> tuple[Role, str] | None:
    """Weighting from TR, TE, TI, flip angle; None where they are missing or fit nothing."""
    te, tr = acquisition.echo_time_ms, acquisition.repetition_time_ms
    ti = acquisition.inversion_time_ms or 0.0
    if te is None or tr is None or te <= 0.0 or tr <= 0.0:
        return None
    values = f"TR {tr:g}, TE {te:g}" + (f", TI {ti:g} ms" if ti else " ms")
    sequence = (acquisition.scanning_sequence or "").upper().replace(",", "\\").split("\\")
    if "EP" in sequence:
        return None
    if ti >= FLAIR_TI_MS and te >= LONG_TE_MS:
        return Role.FLAIR, f"inversion recovery that nulls fluid ({values})"
    if 0.0 < ti <= STIR_TI_MS:
        return Role.OTHER, f"inversion recovery that nulls fat ({values})"
    if STIR_TI_MS < ti < FLAIR_TI_MS and te <= SHORT_TE_MS:
        return Role.T1, f"inversion recovery ({values})"
    if "SE" not in sequence:
        flip = acquisition.flip_angle_deg or 0.0
        prepared = "MP" in (acquisition.sequence_variant or "")
        if te <= GRADIENT_TE_MS and (
            (tr <= GRADIENT_TR_MS and flip >= GRADIENT_FLIP_DEG)
            or (prepared and tr <= 2 * LONG_TR_MS)
        ):
            return Role.T1, f"spoiled gradient echo ({values}, flip {flip:g}°)"
        if "GR" in sequence:
            return None
    if te >= LONG_TE_MS and tr >= LONG_TR_MS:
        return Role.T2, f"long TE and TR ({values})"
    short = SHORT_TE_MS if "SE" in sequence else SURELY_SHORT_TE_MS
    if te <= short and GRADIENT_TR_MS < tr <= SHORT_TR_MS:
        return Role.T1, f"short TE and TR ({values})"
    return None


def _finish_mr(
    evidence: Evidence, role: Role, reason: str, by_parameters: tuple[Role, str] | None
) -> RoleGuess:
    """Add contrast to a T1, and doubt where text and parameters disagree."""
    doubt = ""
    if by_parameters and role in (Role.T1, Role.T2, Role.FLAIR) and by_parameters[0] is not role:
        doubt = f"its parameters look otherwise: {by_parameters[1]}"
    if role is not Role.T1:
        return RoleGuess(role, reason, doubt=doubt)
    contrast, why, contrast_doubt = contrast_state(evidence)
    reason = f"{reason}; {why}"
    return RoleGuess(
        Role.T1C if contrast else Role.T1, reason, contrast, doubt=doubt or contrast_doubt
    )


def contrast_state(evidence: Evidence) -> tuple[bool | None, str, str]:
    """Tell whether contrast agent was in the patient: yes/no/unknown, why, and any doubt.

    Text comes first (a scanner often records the agent for the whole examination), then the time
    since injection, then the agent.
    """
    agent = evidence.acquisition.contrast_agent
    delay = evidence.acquisition.seconds_after_contrast
    for text in (evidence.description, evidence.protocol):
        said, word = words.contrast_in(text)
        if said is not None:
            doubt = ""
            if said is False and agent and (delay or 0.0) > 0.0:
                doubt = "its header records a contrast agent given before it"
            return said, f"“{word}” says {'with' if said else 'without'} contrast", doubt
    if delay is not None:
        given = delay > 0.0
        return given, f"acquired {abs(delay):.0f} s {'after' if given else 'before'} injection", ""
    if agent:
        return True, "its header records a contrast agent", ""
    return None, "nothing says contrast", ""


def _guess_ct(evidence: Evidence) -> RoleGuess:
    """CT phase by text, then by delay since injection, then by the absence of contrast."""
    for kind in evidence.image_type:
        if kind in _UNSUITABLE_TYPES:
            return RoleGuess(Role.OTHER, f"ImageType says {_UNSUITABLE_TYPES[kind]}")
    for text, where in (
        (evidence.description, "description"),
        (evidence.protocol, "protocol name"),
    ):
        line = words.normalise(text)
        unsuitable = words.CT_UNSUITABLE.search(line)
        if unsuitable and where == "description":
            return RoleGuess(Role.OTHER, f"“{unsuitable.group()}” in the {where}")
        phase = _ct_phase(line)
        if phase:
            return RoleGuess(phase[0], f"“{phase[1]}” in the {where}", contrast=True)
    contrast, why, doubt = contrast_state(evidence)
    delay = evidence.acquisition.seconds_after_contrast
    if contrast is False:
        return RoleGuess(Role.CT_PRE, why, contrast=False, doubt=doubt)
    if contrast and delay is not None and delay > 0.0:
        role = (
            Role.CT_ARTERIAL
            if delay <= ARTERIAL_UNTIL_S
            else (Role.CT_PORTAL if delay <= PORTAL_UNTIL_S else Role.CT_DELAYED)
        )
        return RoleGuess(role, f"{delay:.0f} s after injection", contrast=True)
    return RoleGuess(Role.CT, f"CT; {why}, no phase named", contrast=contrast)


def _ct_phase(line: str) -> tuple[Role, str] | None:
    portal, delayed = words.CT_PORTAL.search(line), words.CT_DELAYED.search(line)
    arterial = words.CT_ARTERIAL.search(line)
    if arterial and not portal:
        return Role.CT_ARTERIAL, arterial.group()
    if portal and not arterial:
        return Role.CT_PORTAL, portal.group()
    if delayed and not (portal or arterial):
        return Role.CT_DELAYED, delayed.group()
    return None
