import dataclasses
import math

import pytest

from imgcompare.model import (
    NOT_IMAGED_BEFORE,
    Assessment,
    Comparison,
    EventKind,
    Exceeds,
    Measurement,
    Reason,
    finish,
)
from imgcompare.reporting import summary
from imgcompare.reporting.html import report_html
from tests.reporting.builders import event, make_change
from tests.reporting.test_findings import NO, UNKNOWN, YES, course_of

GREW_NECROTIC = {"whole": (14.56, 26.5, YES), "enhancing": (13.27, 9.82, YES)}


def rated(comparison: Comparison, category: str) -> Comparison:
    reason = Reason("sum", "sum of diameters", 24.0, 20.0)
    found = Assessment("RECIST 1.1", "1.1", 1, category, "baseline", (reason,), ("PROPOSED",))
    return dataclasses.replace(comparison, assessments=(found,))


def test_volumes_have_intervals_and_changes(comparison: Comparison) -> None:
    rows = summary.volume_rows(comparison, comparison.lesions[0])
    assert [r.name for r in rows] == ["whole lesion", "enhancing", "necrotic", "oedema"]
    whole = rows[0]
    assert whole.cells[0].value.endswith(" mL")
    assert "–" in whole.cells[0].below
    assert whole.change.startswith("+")
    assert whole.change_interval.endswith(" mL")
    assert whole.exceeds == "yes"


def test_published_repeatability_stands_beside_the_error_that_decided(
    comparison: Comparison,
) -> None:
    words = "published repeatability of semi-automatic tools is ±22 %, within which it lies"
    changes = tuple(
        dataclasses.replace(
            c, error_limit_percent=14.3, published_limit_percent=22.2, published=words
        )
        if (c.compartment, c.quantity) == ("enhancing", "volume")
        else c
        for c in comparison.changes
    )
    calibrated = dataclasses.replace(comparison, changes=changes)
    rows = summary.volume_rows(calibrated, calibrated.lesions[0])
    assert {r.name: r.against for r in rows if r.against} == {
        "enhancing": f"exceeds the error that holds here (±14 %); {words}"
    }
    page = finish(report_html(calibrated)).replace("\u00a0", " ").replace("&nbsp;", " ")
    assert page.count(f"exceeds the error that holds here (±14 %); {words}") == 1


def test_sizes_keep_nodes_apart(comparison: Comparison) -> None:
    names = [r.name for r in summary.size_rows(comparison, comparison.lesions[0])]
    assert "longest diameter" in names
    assert "short axis" not in names


@pytest.mark.parametrize("exceeds", list(Exceeds))
def test_every_verdict_has_words(exceeds: Exceeds) -> None:
    assert summary.EXCEEDS_TEXT[exceeds]


@pytest.mark.parametrize(
    ("category", "says"),
    [
        ("PD", "while the volumes differ: Lesion 1: enhancing volume −26 %."),
        ("SD", "while the volumes differ: Lesion 1: whole volume +82 % and enhancing volume −26 %"),
        ("PR", "while the volumes differ: Lesion 1: whole volume +82 %."),
        ("NE", "is NE (not evaluable)."),
    ],
)
def test_disagreement_of_size_and_tissue(category: str, says: str, comparison: Comparison) -> None:
    text = summary.size_against_tissue(rated(course_of(comparison, GREW_NECROTIC), category))
    assert text.startswith("By diameters (RECIST 1.1) the course is ")
    assert says in text
    assert ("necrosis and fluid included" in text) == (category != "NE")


def test_agreement_is_said_too(comparison: Comparison) -> None:
    both = course_of(comparison, {"whole": (10, 20, YES), "enhancing": (9, 18, YES)})
    text = summary.size_against_tissue(rated(both, "PD"))
    assert text.endswith("PD (progressive disease); the volumes point the same way.")
    still = course_of(comparison, {"whole": (10, 10.1, NO), "enhancing": (9, 9.1, NO)})
    assert "point the same way" in summary.size_against_tissue(rated(still, "SD"))
    within = summary.size_against_tissue(rated(still, "PD"))
    assert "whole volume +1.0 % (within measurement error)" in within


def test_proposed_new_lesions_are_left_to_a_reader(comparison: Comparison) -> None:
    case = rated(course_of(comparison, GREW_NECROTIC), "SD")
    new = Reason("recist-1.1/new-lesion-proposed", "lesion 3 is proposed as new")
    target = Reason("recist-1.1/target-sd", "sum 41.0 mm is +22 %")
    found = dataclasses.replace(case.assessments[0], reasons=(target, new))
    case = dataclasses.replace(case, assessments=(found,))
    assert summary.size_against_tissue(case).endswith("Lesion 3 is proposed as new.")
    assert summary.overview_rows(case)[-1].outcome.below == "Sum 41.0 mm is +22 %"


def test_changes_at_the_limit_are_marked(comparison: Comparison) -> None:
    limit = {"whole": (10, 18, YES), "enhancing": (9, 7, Exceeds.BORDERLINE)}
    text = summary.size_against_tissue(rated(course_of(comparison, limit), "PD"))
    assert "enhancing volume −22 % (at the limit of measurement error)." in text
    weak = {"whole": (10, 18, YES), "enhancing": (9, 11, Exceeds.BORDERLINE)}
    assert "same way" in summary.size_against_tissue(rated(course_of(comparison, weak), "PD"))


def test_mr_signal_is_not_compared_across_visits(comparison: Comparison) -> None:
    figures = [
        Measurement(1, n, "whole", "mean_intensity", 300.0 * (n + 1), "MR signal") for n in (0, 1)
    ]
    change = make_change(*figures)
    flagged = dataclasses.replace(change, flags=("ARBITRARY_UNITS",))
    for given, shown in ((change, "+100 %"), (flagged, "–")):
        case = dataclasses.replace(comparison, measurements=tuple(figures), changes=(given,))
        (row,) = summary.size_rows(case, case.lesions[0])
        assert row.change == shown


def test_without_assessment_nothing_is_said(comparison: Comparison) -> None:
    assert summary.size_against_tissue(dataclasses.replace(comparison, assessments=())) == ""


def test_overview_sums_lesions_beside_the_category(comparison: Comparison) -> None:
    down = {"whole": (10.0, 5.0, YES), "enhancing": (8.0, 4.0, YES)}
    rows = summary.overview_rows(rated(course_of(comparison, GREW_NECROTIC, down), "PD"))
    assert [r.name for r in rows] == ["Lesion 1", "Lesion 2", "Sum"]
    total = rows[-1]
    assert total.is_sum
    assert total.outcome.value == "RECIST 1.1: PD (progressive disease)"
    assert total.cells[2] == summary.Cell("")  # criteria choose their own sum
    assert total.cells[0] == summary.Cell("+28 %", "24.6 → 31.5 mL")
    assert rows[0].outcome.value == "growing while its enhancing part shrinks"


def test_a_sum_needs_every_lesion_at_both_visits_or_an_event(comparison: Comparison) -> None:
    missing = {"whole": (5.0, math.nan, UNKNOWN)}
    case = course_of(comparison, GREW_NECROTIC, missing)
    row = summary.overview_rows(case)[-1]
    assert row.cells[0] == summary.Cell("–")
    later = course_of(comparison, GREW_NECROTIC, {"whole": (math.nan, 5.0, UNKNOWN)})
    new = event(EventKind.NEW, 1, 2)
    with_new = dataclasses.replace(later, events=(new,))
    assert summary.overview_rows(with_new)[-1].cells[0].below == "14.6 → 31.5 mL"
    hidden = dataclasses.replace(new, reason=NOT_IMAGED_BEFORE)
    first_imaged = dataclasses.replace(later, events=(hidden,))
    assert summary.overview_rows(first_imaged)[-1].cells[0] == summary.Cell("–")


def test_a_withheld_change_has_no_percentage(comparison: Comparison) -> None:
    case = course_of(comparison, GREW_NECROTIC)
    withheld = tuple(dataclasses.replace(c, absolute=math.nan) for c in case.changes)
    row = summary.overview_rows(dataclasses.replace(case, changes=withheld))[0]
    assert row.cells[0] == summary.Cell("–", "14.6 → 26.5 mL")
