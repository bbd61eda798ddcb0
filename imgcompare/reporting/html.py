"""The report: one HTML page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from imgcompare.model import TISSUE_CODES, WHOLE, Comparison, Lesion, Progress, Steps
from imgcompare.reporting import summary
from imgcompare.reporting.alignment import checkerboards, transform_rows
from imgcompare.reporting.charts import dates_to_scale, volume_chart
from imgcompare.reporting.course_view import course_view
from imgcompare.reporting.findings import headline, lesion_details, lesion_finding, lesions_overview
from imgcompare.reporting.flags import lesion_notes
from imgcompare.reporting.intensity import GreyScale, grey_scale
from imgcompare.reporting.lookup import VOLUME
from imgcompare.reporting.native import DiameterPicture, diameter_pictures
from imgcompare.reporting.page import NOTICE, environment
from imgcompare.reporting.pictures import LesionPictures, legend_entries, lesion_pictures
from imgcompare.reporting.provenance import all_decisions, all_warnings, path_scrubber, versions
from imgcompare.reporting.svg import TISSUE_COLOURS
from imgcompare.reporting.views import for_viewing, lesion_plane
from imgcompare.reporting.wording import (
    LESION_ROLE_NAMES,
    days_between,
    role_name,
    span,
    timepoint,
)

MOST_PICTURES = 12
"""More lesions than this are listed without pictures, so that the page stays readable."""


@dataclass(frozen=True, slots=True)
class LesionSection:
    """Everything the page shows about one lesion."""

    lesion: Lesion
    role: str
    finding: str
    details: list[str]
    volumes: list[summary.FigureRow]
    sizes: list[summary.FigureRow]
    pictures: LesionPictures | None
    legend: list[tuple[str, str]]
    diameters: list[DiameterPicture]
    chart: str
    flags: list[str]
    pictured: bool


def report_html(comparison: Comparison) -> Steps[str]:
    """Write the page; yields Progress per lesion.

    Returns
    -------
    str
        HTML with inline styles and pictures. It holds no address of any other file or site, and
        no folder of the machine it was made on.
    """
    comparison, measured = for_viewing(comparison), comparison
    scale = grey_scale(comparison)
    sections = []
    drawn = _largest(comparison)
    for n, lesion in enumerate(comparison.lesions):
        yield Progress(n, len(comparison.lesions), f"drawing lesion {lesion.id}")
        sections.append(_section(comparison, lesion, scale, with_pictures=lesion.id in drawn))
    templates = environment(path_scrubber(comparison))
    page = templates.get_template("report.html").render(
        _context(comparison, sections, _level(comparison), scale)
        | {"transforms": transform_rows(measured)}
    )
    return page


def _largest(comparison: Comparison) -> set[int]:
    """Lesions that get pictures: those that were largest at any timepoint."""
    size = {lesion.id: 0.0 for lesion in comparison.lesions}
    for m in comparison.measurements:
        if (m.compartment, m.quantity) == (WHOLE, VOLUME) and m.lesion_id in size:
            size[m.lesion_id] = max(size[m.lesion_id], m.value)
    return set(sorted(size, key=lambda i: -size[i])[:MOST_PICTURES])


def _section(
    comparison: Comparison, lesion: Lesion, scale: GreyScale, *, with_pictures: bool
) -> LesionSection:
    pictures = lesion_pictures(comparison, lesion, scale) if with_pictures else None
    return LesionSection(
        lesion,
        LESION_ROLE_NAMES[lesion.role],
        lesion_finding(comparison, lesion),
        lesion_details(comparison, lesion),
        summary.volume_rows(comparison, lesion),
        summary.size_rows(comparison, lesion),
        pictures,
        legend_entries(pictures.tissues) if pictures else [],
        diameter_pictures(comparison, lesion, scale) if with_pictures else [],
        volume_chart(comparison, lesion),
        lesion_notes(comparison, lesion),
        with_pictures,
    )


def _level(comparison: Comparison) -> float | None:
    """Level for the checkerboards: that of the first lesion, else the middle of the baseline."""
    for lesion in comparison.lesions:
        plane = lesion_plane(comparison, lesion.id)
        if plane is not None:
            return plane.level_mm
    if not comparison.results:
        return None
    return float(comparison.results[0].aligned.geometry.centre_mm[2])


def _context(
    comparison: Comparison,
    sections: list[LesionSection],
    level: float | None,
    scale: GreyScale,
) -> dict[str, Any]:
    return {
        "notice": NOTICE,
        "comparison": comparison,
        "subject": comparison.course.subject,
        "overview": lesions_overview(comparison),
        "headline": headline(comparison),
        "sections": sections,
        "timepoints": _timepoints(comparison),
        "overview_rows": summary.overview_rows(comparison),
        "course_view": course_view(comparison),
        "size_against_tissue": summary.size_against_tissue(comparison),
        "checkerboards": [] if level is None else checkerboards(comparison, level, scale),
        "decisions": all_decisions(comparison),
        "warnings": all_warnings(comparison),
        "to_scale": dates_to_scale(comparison),
        "timings": _timings(comparison),
        "versions": versions(),
        "colours": {t.value: c for t, c in TISSUE_COLOURS.items()},
        "codes": {t.value: c for t, c in TISSUE_CODES.items()},
        "most_pictures": MOST_PICTURES,
    }


def _timepoints(comparison: Comparison) -> list[dict[str, str]]:
    """Name, interval from baseline and series of each timepoint with results."""
    base = timepoint(comparison, comparison.course.baseline_index)
    rows = []
    for result in comparison.results:
        own = result.aligned.timepoint
        since = span(days_between(base.date, own.date))
        rows.append(
            {
                "index": str(own.index),
                "name": own.name,
                "since": "baseline" if own.index == base.index else f"{since} later",
                "roles": ", ".join(role_name(r) for r in result.aligned.images),
                "reference": role_name(result.aligned.reference_role),
                "grid": " × ".join(f"{s:.2g}" for s in result.aligned.geometry.spacing_mm),
            }
        )
    return rows


def _timings(comparison: Comparison) -> list[tuple[str, str]]:
    shown: Callable[[float], str] = lambda s: f"{s:.1f} s" if s >= 0.05 else "< 0.1 s"  # noqa: E731
    return [(name, shown(s)) for name, s in comparison.timings_s.items()]
