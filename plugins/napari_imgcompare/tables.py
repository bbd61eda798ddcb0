"""What the tables of the widget hold, as plain text: visits, alignment, lesions, results."""

from __future__ import annotations

from dataclasses import dataclass

from imgcompare.model import Comparison, Role
from imgcompare.reporting import disagreement_lines, headline
from imgcompare.reporting.summary import volume_rows
from napari_imgcompare.workspace import Workspace

GIVEN = "given"
"""Engine of a transform that was read from a session or a result."""

ALIGNMENT_COLUMNS = ("visit", "verdict", "similarity", "round trip", "set by")
LESION_COLUMNS = ("lesion", "name", "role", "site", "node", "marked at")
ALIGNMENT_TIPS = (
    "The follow-up that was brought to the baseline",
    "Whether the alignment can be relied on; the reason when the mouse rests on a row",
    "How alike the images are, before and after (normalised mutual information, 1 to 2)",
    "How far points are off after going there and back by two independent registrations",
    "imgcompare, a person who corrected or accepted it, or a session or result it is saved in",
)


@dataclass(frozen=True, slots=True)
class SeriesRow:
    """One series of a visit, for the study's tree."""

    uid: str
    title: str
    role: Role
    chosen: bool
    reason: str
    problem: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table, and the lesion it is about."""

    cells: tuple[str, ...]
    lesion: int | None = None
    tip: str = ""


def visit_rows(workspace: Workspace) -> list[tuple[str, list[SeriesRow]]]:
    """List the visits of the chosen subject, each with its series."""
    course = workspace.course
    if course is None:
        return []
    return [
        (
            timepoint.name + (" (baseline)" if timepoint.index == course.baseline_index else ""),
            [
                SeriesRow(
                    series.uid,
                    f"{series.description or series.modality} · {series.geometry}",
                    series.role,
                    chosen,
                    series.role_reason,
                    series.refusal or "; ".join(series.problems),
                )
                for chosen, listed in ((True, timepoint.series.values()), (False, timepoint.others))
                for series in listed
            ],
        )
        for timepoint in course.timepoints
    ]


def alignment_rows(workspace: Workspace) -> list[Row]:
    """Say how well each follow-up fits the baseline."""
    course = workspace.course
    rows = []
    for index, one in sorted(workspace.aligned.items()):
        quality = one.to_baseline.quality
        if course is None or index == course.baseline_index or quality is None:
            continue
        there = quality.inverse_consistency_mm
        rows.append(
            Row(
                (
                    one.timepoint.name,
                    "good" if quality.succeeded else "FAILED",
                    ""
                    if quality.similarity_after != quality.similarity_after
                    else f"{quality.similarity_before:.2f} → {quality.similarity_after:.2f}",
                    "" if there is None else f"{there:.2f} mm",
                    _set_by(quality.engine, index in workspace.accepted),
                ),
                tip=quality.reason,
            )
        )
    return rows


def _set_by(engine: str, accepted: bool) -> str:
    if engine == GIVEN:
        return "as saved"
    return "a person" if accepted else "imgcompare"


def next_step(workspace: Workspace) -> str:
    """Say what a person would do next; empty when the results are there."""
    if workspace.course is None:
        return "Open a folder with two or more visits, or the demo (step 1)."
    if len(workspace.course.timepoints) < 2:
        return "Only one visit is here; open a folder with two or more of the subject."
    if not workspace.aligned:
        return "Next: Register (step 2)."
    qualities = [one.to_baseline.quality for one in workspace.aligned.values()]
    if not workspace.marked and any(q is not None and not q.succeeded for q in qualities):
        return "The visits may not fit: look at step 2, and correct it by landmarks or by dragging."
    if not workspace.marked:
        return "Next: mark a lesion (step 3)."
    if any(m.segmentation is None for m in workspace.marked.values()):
        return "Next: tell its tissues apart (step 4)."
    return "" if workspace.result is not None else "Next: Measure (step 5)."


def lesion_rows(workspace: Workspace) -> list[Row]:
    """List the lesions and where they are marked."""
    course = workspace.course
    rows = []
    for identity, lesion in sorted(workspace.lesions.items()):
        places = [i for (i, lesion_id) in sorted(workspace.marked) if lesion_id == identity]
        names = [course.timepoints[i].name if course else str(i) for i in places]
        sources = {workspace.marked[i, identity].source for i in places}
        about = (str(identity), lesion.name, lesion.role.value, lesion.site)
        node = "yes" if lesion.nodal else "no"
        cells = (*about, node, ", ".join(names))
        rows.append(Row(cells, identity, "; ".join(sorted(sources))))
    return rows


def finding(comparison: Comparison | None) -> str:
    """Give the one sentence a reader wants first."""
    return headline(comparison) if comparison is not None else ""


def results_table(comparison: Comparison | None) -> tuple[tuple[str, ...], list[Row]]:
    """Give the volumes: a row for every tissue of a lesion, a column per visit."""
    names = [t.aligned.timepoint.name for t in comparison.results] if comparison else []
    columns = ("lesion", "tissue", *names, "change", "beyond error")
    return columns, [] if comparison is None else [
        Row(
            (
                str(lesion.id),
                figure.name,
                *("\n".join(x for x in (cell.value, cell.below) if x) for cell in figure.cells),
                figure.change,
                figure.exceeds,
            ),
            lesion.id,
            figure.against or figure.reason,
        )
        for lesion in comparison.lesions
        for figure in volume_rows(comparison, lesion)
    ]


def observation_texts(comparison: Comparison | None) -> list[str]:
    """Give what was noticed over time, where criteria disagree, and what to be careful about."""
    if comparison is None:
        return []
    found = [
        *(o.text for o in comparison.observations),
        *disagreement_lines(comparison),
        *comparison.warnings,
    ]
    return found or ["Nothing to add to the finding and the criteria."]


def criteria_table(comparison: Comparison | None) -> tuple[tuple[str, ...], list[Row]]:
    """Give the criteria side by side: a row each, a column per visit."""
    if comparison is None:
        return ("criterion",), []
    names = tuple(t.name for t in comparison.course.timepoints)
    found: dict[str, dict[int, str]] = {}
    tips: dict[str, list[str]] = {}
    for one in comparison.assessments:
        found.setdefault(one.criterion, {})[one.timepoint_index] = one.category
        tips.setdefault(one.criterion, []).extend(r.text for r in one.reasons)
    indices = [t.index for t in comparison.course.timepoints]
    rows = [
        Row((title, *(by.get(i, "") for i in indices)), tip="\n".join(dict.fromkeys(tips[title])))
        for title, by in found.items()
    ]
    return ("criterion", *names), rows
