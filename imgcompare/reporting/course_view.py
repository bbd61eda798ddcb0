"""What a page shows about one course, with or without images: criteria, patterns, plots."""

from __future__ import annotations

import re
from dataclasses import dataclass

from imgcompare.model import Comparison, Observation
from imgcompare.reporting.comparability import (
    ComparabilityRow,
    comparability_rows,
    comparability_summary,
)
from imgcompare.reporting.course_plots import (
    DIAMETERS,
    ENHANCEMENT,
    WHOLE_VOLUME,
    spider_plot,
    swimmer_plot,
    waterfall_plot,
)
from imgcompare.reporting.criteria_table import (
    CriterionRow,
    Detail,
    Disagreement,
    assessed_timepoints,
    course_sentence,
    criteria_details,
    criteria_rows,
    disagreements,
    proper_units,
)
from imgcompare.reporting.wording import timepoint_name

PATTERN_NAMES = {
    "EARLY_GROWTH_RT": "Early growth after radiotherapy",
    "GROWTH_THEN_DECLINE": "Growth, then decline",
    "RAPID_GROWTH": "Rapid growth",
    "DISSOCIATED": "Lesions going different ways",
    "NECROSIS_INCREASE": "More necrosis",
    "CYSTIC_CONVERSION": "More fluid",
    "SOLID_DECLINE_TOTAL_STABLE": "Less enhancement at stable size",
    "PSEUDORESPONSE_LIKE": "Less enhancement, more T2/FLAIR",
    "EDEMA_ONLY": "Oedema only",
    "RESPONSE_FADES": "A response that fades",
}
"""Titles of the patterns; none names a cause."""

WINDOW_UNKNOWN = "WINDOW_UNKNOWN"
WITHOUT_WINDOW = {"EARLY_GROWTH_RT": "Growth of enhancing tissue"}
"""Titles where it is not known what was done to the patient, and when."""

KINDS = (
    (r"HU|attenuation|density", "density: how dense the tissue of a lesion is on CT"),
    (r"viable", "viable diameters: the enhancing part only, in one direction"),
    (
        r"enhancing.*volume|volume.*enhancing",
        "enhancing volume: tissue that takes up contrast, in all directions",
    ),
    (r"enhancing", "enhancing products: tissue that takes up contrast, in two directions"),
    (r"volume", "volume: all tissue of the lesion, in all directions"),
    (r"product", "products: the outer size in two directions of one slice"),
    (r"diameter", "diameters: the outer size in one direction, necrosis and fluid included"),
)
"""What each kind of figure counts, by the words for it; the first that fits."""


@dataclass(frozen=True, slots=True)
class SeenPattern:
    """One observation with a title and its date."""

    title: str
    when: str
    text: str


@dataclass(frozen=True, slots=True)
class CourseView:
    """Everything a page shows about one course besides its images.

    ``kinds`` says what the figures of the criteria that disagree count; ``plots`` are pairs of a
    picture and its caption.
    """

    title: str
    anchor: str
    timepoints: tuple[str, ...]
    comparability: tuple[ComparabilityRow, ...]
    comparability_summary: str
    sentence: str
    rows: tuple[CriterionRow, ...]
    not_evaluable: tuple[CriterionRow, ...]
    disagreements: tuple[Disagreement, ...]
    kinds: tuple[str, ...]
    details: tuple[Detail, ...]
    patterns: tuple[SeenPattern, ...]
    plots: tuple[tuple[str, str], ...]
    swimmer: str
    warnings: tuple[str, ...]
    windows_known: bool


def course_view(comparison: Comparison) -> CourseView:
    """Collect what a page shows about a course."""
    rows = criteria_rows(comparison)
    parts = [p for p in (comparison.course.subject, comparison.evaluator) if p]
    differing = disagreements(comparison)
    return CourseView(
        title=" · ".join(parts) or "Course",
        anchor="-".join(parts).replace(" ", "-").lower() or "course",
        timepoints=tuple(assessed_timepoints(comparison)),
        comparability=tuple(comparability_rows(comparison)),
        comparability_summary=comparability_summary(comparison),
        sentence=course_sentence(comparison),
        rows=tuple(r for r in rows if r.has_figure),
        not_evaluable=tuple(r for r in rows if not r.has_figure),
        disagreements=tuple(differing),
        kinds=_kinds(comparison) if differing else (),
        details=tuple(criteria_details(comparison)),
        patterns=tuple(_pattern(comparison, o) for o in comparison.observations),
        plots=tuple(_plots(comparison)),
        swimmer=swimmer_plot(comparison) if len(comparison.course.timepoints) > 2 else "",
        warnings=comparison.warnings,
        windows_known=bool(comparison.clinical_events),
    )


def _pattern(comparison: Comparison, o: Observation) -> SeenPattern:
    names = WITHOUT_WINDOW if WINDOW_UNKNOWN in o.flags else PATTERN_NAMES
    title = names.get(o.code) or PATTERN_NAMES.get(o.code, o.code.replace("_", " ").capitalize())
    return SeenPattern(title, timepoint_name(comparison, o.timepoint_index), proper_units(o.text))


def _kinds(comparison: Comparison) -> tuple[str, ...]:
    """Say what each kind of figure counts, once, of the criteria that have a say."""
    opinions = [o for beside in comparison.side_by_side for o in beside.opinions]
    quantities = [o.quantity for o in opinions if o.counts and o.quantity]
    said = [
        next((meaning for words, meaning in KINDS if re.search(words, quantity)), "")
        for quantity in dict.fromkeys(quantities)
    ]
    return tuple(dict.fromkeys(m for m in said if m))


def _plots(comparison: Comparison) -> list[tuple[str, str]]:
    """Spider plots of size and of enhancement, and a waterfall where there are several lesions."""
    guides = "dashed: {} and {} %"
    found = [
        (
            spider_plot(comparison, DIAMETERS),
            "Diameter of each lesion against its baseline; " + guides.format("−30", "+20"),
        ),
        (
            spider_plot(comparison, ENHANCEMENT),
            "Enhancing volume of each lesion against its baseline; " + guides.format("−65", "+40"),
        ),
    ]
    if not found[0][0]:
        caption = "Volume of each lesion against its baseline; " + guides.format("−65.7", "+72.8")
        found.append((spider_plot(comparison, WHOLE_VOLUME), caption))
    if len(comparison.lesions) > 1:
        found.append((waterfall_plot(comparison), "Best change of each lesion's diameter"))
    return [(picture, caption) for picture, caption in found if picture]
