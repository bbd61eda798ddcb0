"""How well a figure repeats when nothing has changed: published figures and the decision.

wCV is the within-subject coefficient of variation of repeated measurements. The repeatability
coefficient, the difference that 95 % of repeats stay within, is 2.77 · wCV of the mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from imgcompare.measurement.uncertainty import Z95
from imgcompare.model import BRAIN, WHOLE, Exceeds, Repeatability, Tissue, place_named

REPEATABILITY_FACTOR = Z95 * math.sqrt(2.0)
"""2.77: repeatability coefficient in within-subject standard deviations (Raunig 2015)."""

CT_VOLUME_BANDS = ((35.0, 0.141), (50.0, 0.103), (100.0, 0.085))
"""wCV of CT tumour volume for longest diameters below each bound, mm (10.1148/QIBA/20220721)."""

SMALL_NODULE_WCV = ((6.0, 0.29), (10.0, 0.141))
"""wCV of CT volume at these diameters, mm; linear between (10.1148/QIBA/20231219)."""

BRAIN_VOLUME_WCV = 0.08
"""wCV of enhancing brain tumour volume, one reader and one tool (criteria.md §6: Huber 2017)."""

OTHER_VOLUME_WCV = 0.15
"""wCV of a compartment volume that nobody has published one for (house default)."""

DIAMETER_WCV = 0.22 / REPEATABILITY_FACTOR
"""wCV of one lesion's diameter between readers, ±22 % (Yoon 2016, 10.1016/j.ejca.2015.10.014)."""

PRODUCT_WCV = math.sqrt(2.0) * DIAMETER_WCV
"""wCV of a product of two diameters that err independently."""

DIAMETERS = frozenset({"longest_diameter", "perpendicular_diameter", "short_axis", "diameter_3d"})


DIFFERENT_TOOL_WCV = 0.15
"""wCV of enhancing brain tumour volume between readers or tools (criteria.md §6)."""

WIDENING = DIFFERENT_TOOL_WCV / BRAIN_VOLUME_WCV
"""Repeatability holds for equal acquisitions only. A major difference multiplies wCV by the ratio
of different to equal conditions that is published for brain tumours (house rule: used for all)."""

HOUSE_WCV = 0.05
"""Least wCV of a volume that imgcompare outlined itself on MR of the head, whose interval is
calibrated (house floor): limits of ±14 %, or −13/+15 % on the log scale. The published 8 % are
those of a person who guides a tool, and include where the person clicks, so they are too wide for
such a volume. Its own interval, of a few percent, is too narrow, because positioning, noise that
is not simulated, and the timing of contrast differ between real scans."""

HEAD = place_named(BRAIN).region

HOUSE_DEFAULT = "compartment volume (house default, wCV 15 %)"

PUBLISHED = (
    *(
        Repeatability(DIAMETER_WCV, "diameter between readers ±22 % (Yoon 2016)", quantity)
        for quantity in sorted(DIAMETERS)
    ),
    Repeatability(
        PRODUCT_WCV, "two diameters of ±22 % each (after Yoon 2016)", "bidimensional_product"
    ),
    *(
        Repeatability(
            BRAIN_VOLUME_WCV,
            "enhancing brain volume, one tool (wCV 8 %)",
            "volume",
            compartment,
            "MR",
            "brain",
        )
        for compartment in (WHOLE, Tissue.ENHANCING.value)
    ),
    Repeatability(OTHER_VOLUME_WCV, HOUSE_DEFAULT, "volume", modality="MR"),
    Repeatability(OTHER_VOLUME_WCV, HOUSE_DEFAULT, "volume", modality="CT", site="brain"),
    *(
        Repeatability(OTHER_VOLUME_WCV, HOUSE_DEFAULT, "volume", tissue.value, "CT")
        for tissue in Tissue
    ),
    *(
        Repeatability(
            wcv,
            f"CT volume of {low:.0f}–{high:.0f} mm (QIBA, wCV {wcv:.1%})",
            "volume",
            WHOLE,
            "CT",
            from_mm=low,
            below_mm=high,
        )
        for (low, high, wcv) in (
            (10.0, 35.0, 0.141),
            (35.0, 50.0, 0.103),
            (50.0, 100.0, 0.085),
        )
    ),
)
"""Settings by measurand, site and size; the most specific one that fits is used."""

CALIBRATED = (
    Repeatability(
        HOUSE_WCV,
        "wCV 5 %, the house floor of volumes with calibrated intervals",
        "volume",
        modality="MR",
        site="brain",
    ),
)
"""Settings for figures whose own intervals are calibrated."""


def repeatability_of(
    quantity: str,
    compartment: str,
    *,
    modality: str,
    diameter_mm: float,
    site: str = "",
    local: Sequence[Repeatability] = (),
    calibrated: bool = False,
) -> Repeatability | None:
    """Choose the repeatability of a kind of figure, or None where nobody knows it.

    This is the one place that decides what a change is held against: the user's own values, else
    the house floor where the intervals are calibrated, else what was published.

    Parameters
    ----------
    quantity, compartment : str
        As in `Measurement`.
    modality : str
        ``"CT"``, ``"MR"`` or empty when unknown.
    diameter_mm : float
        Longest diameter of the earlier lesion, which the error of CT volumes depends on.
    site : str
        Organ; empty when unknown.
    local : sequence of Repeatability
        The user's own test-retest values, which come before all others.
    calibrated : bool
        Whether the figure's own interval is calibrated (`Measurement`).
    """
    places = {site.lower(), BRAIN if _in_the_head(site, modality) else site.lower()}
    for settings in (local, CALIBRATED if calibrated else (), PUBLISHED):
        fitting = [
            s
            for s in settings
            if any(
                s.fits(quantity, compartment, modality=modality, site=p, diameter_mm=diameter_mm)
                for p in places
            )
        ]
        if fitting:
            return max(fitting, key=lambda s: s.specificity)
    if (quantity, compartment, modality) == ("volume", WHOLE, "CT"):
        wcv = ct_volume_wcv(diameter_mm)
        return Repeatability(wcv, f"CT volume of {diameter_mm:.0f} mm, outside the QIBA range")
    return None


def _in_the_head(site: str, modality: str) -> bool:
    """Tell whether a site is in the head; MR of unknown site is taken for it."""
    return place_named(site).region == HEAD if site else modality == "MR"


def ct_volume_wcv(diameter_mm: float) -> float:
    """WCV of a CT volume by longest diameter; held constant beyond the published range."""
    low, high = SMALL_NODULE_WCV[0][0], SMALL_NODULE_WCV[-1][0]
    if diameter_mm < high:
        at = max(diameter_mm, low)
        for (d0, w0), (d1, w1) in pairwise(SMALL_NODULE_WCV):
            if at <= d1:
                return w0 + (at - d0) / (d1 - d0) * (w1 - w0)
    for bound, wcv in CT_VOLUME_BANDS:
        if diameter_mm < bound:
            return wcv
    return CT_VOLUME_BANDS[-1][1]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a change exceeds measurement error, its 95 % interval and the reason in words.

    ``limit_percent`` is the repeatability coefficient, NaN where a figure is zero or unknown.
    """

    exceeds: Exceeds
    ci_low: float
    ci_high: float
    reason: str
    limit_percent: float = float("nan")


def judge(earlier: float, later: float, *, sd: tuple[float, float], source: str) -> Verdict:
    """Decide whether two figures differ by more than their measurement errors.

    Three rules are asked; if they disagree the answer is borderline: the change in percent
    against the repeatability coefficient, the log change against its own limits (Obuchowski
    2016), and whether the 95 % interval of the difference holds zero (QIBA). When one figure is
    zero only the last can be asked.

    Parameters
    ----------
    earlier, later : float
        The figures, not negative.
    sd : (float, float)
        Standard deviation of each.
    source : str
        What the errors rest on, for the reason.
    """
    difference = later - earlier
    half = Z95 * math.hypot(*sd)
    low, high = difference - half, difference + half
    beyond = abs(difference) > half
    if earlier <= 0.0 or later <= 0.0:
        exceeds = Exceeds.YES if beyond and difference else Exceeds.NO
        word = "exceeds" if beyond and difference else "is within"
        return Verdict(exceeds, low, high, f"change {word} ±{half:.3g}: {source}")
    wcv = (sd[0] / earlier, sd[1] / later)
    percent_limit = REPEATABILITY_FACTOR * math.sqrt((wcv[0] ** 2 + wcv[1] ** 2) / 2.0)
    sigma = math.sqrt(math.log1p(wcv[0] ** 2) + math.log1p(wcv[1] ** 2))
    change = math.log(later / earlier)
    rules = (
        abs(difference) / earlier > percent_limit,
        sigma > 0.0 and abs(change) >= Z95 * sigma,
        beyond,
    )
    votes = sum(rules)
    exceeds = (Exceeds.NO, Exceeds.BORDERLINE, Exceeds.BORDERLINE, Exceeds.YES)[votes]
    limits = f"{100 * math.expm1(-Z95 * sigma):+.0f}/{100 * math.expm1(Z95 * sigma):+.0f} %"
    word = {
        Exceeds.YES: "exceeds",
        Exceeds.NO: "is within",
        Exceeds.BORDERLINE: f"is beyond {votes} of 3 limits of",
    }[exceeds]
    return Verdict(
        exceeds,
        low,
        high,
        f"{100 * difference / earlier:+.1f} % {word} measurement error "
        f"(±{100 * percent_limit:.0f} %; {limits} on the log scale): {source}",
        100.0 * percent_limit,
    )
