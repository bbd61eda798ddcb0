import pytest

from imgcompare.model import ReaderFinding, ReaderInput
from imgcompare.response.irano import IRano
from tests.response.courses import categories, course_of, event, figures

START = (event("immunotherapy_start", 0),)

# criteria.md §4, iRANO: products, days since the start of immunotherapy
TABLE = [
    ([1000, 1300], (0, 122), ["prePD"]),  # month 4, clinically stable
    ([1000, 1300], (0, 213), ["PD"]),  # month 7
    ([1000, 1300], (0, 182), ["prePD"]),  # six months are 182.6 days
    ([1000, 1300], (0, 183), ["PD"]),
    ([1000, 1300, 1625], (0, 60, 150), ["prePD", "PD"]),
    ([1000, 1300, 1624], (0, 60, 150), ["prePD", "SD"]),
    ([1000, 1300, 1624, 2030], (0, 60, 150, 240), ["prePD", "SD", "PD"]),
    ([1000, 1300, 1625], (0, 60, 143), ["prePD", "prePD"]),  # 83 days: too early
    ([1000, 1300, 1625], (0, 60, 144), ["prePD", "PD"]),
    ([1000, 1249], (0, 122), ["SD"]),
    ([1000, 500], (0, 122), ["PR"]),
]


def spd(*rows, clinical=START, **more):
    values = dict(enumerate(rows, start=1))
    rows = figures(values, "bidimensional_product", "enhancing")
    return course_of(rows, clinical=clinical, **more)


@pytest.mark.parametrize(("values", "days", "expected"), TABLE)
def test_products_within_and_after_six_months(values, days, expected):
    assert categories(IRano(), spd(values, days=days)) == expected


def test_a_place_outside_the_field_does_not_do_without_confirmation():
    reader = ReaderInput(findings={1: [ReaderFinding.OUTSIDE_RADIATION_FIELD]})
    readings = spd([1000, 1300], days=(0, 122), reader=reader)
    assert categories(IRano(), readings) == ["prePD"]


def test_clinical_decline_is_progression_at_once():
    worse = (*START, event("clinical_status", 100, "worse"))
    assert categories(IRano(), spd([1000, 1300], days=(0, 122), clinical=worse)) == ["PD"]


def test_a_new_lesion_in_the_first_six_months_must_be_confirmed():
    reader = ReaderInput(targets=[1], new_lesions={1: [2]})
    readings = spd([1000] * 3, [None, 100, 100], days=(0, 60, 150), reader=reader)
    assert categories(IRano(), readings) == ["prePD", "SD"]


def test_t2_flair_must_increase_further():
    for later, expected in (([ReaderFinding.T2_FLAIR_INCREASE], "PD"), ([], "SD")):
        findings = {1: [ReaderFinding.T2_FLAIR_INCREASE], 2: later}
        readings = spd([1000] * 3, days=(0, 60, 150), reader=ReaderInput(findings=findings))
        assert categories(IRano(), readings) == ["prePD", expected]


def test_progression_is_dated_back():
    readings = spd([1000, 1300, 1625], days=(0, 60, 150))
    summary = IRano().summarise(readings, IRano().assess(readings))
    assert (summary.progression_index, summary.progression_confirmed) == (1, True)


def test_without_a_start_the_window_is_unknown():
    last = IRano().assess(spd([1000, 1300], clinical=()))[-1]
    assert last.category == "PD"
    assert "WINDOW_UNKNOWN" in last.flags


def test_without_enhancing_products_it_is_not_evaluable():
    last = IRano().assess(course_of(figures({1: [50, 50]}, "longest_diameter")))[-1]
    assert (last.category, len(last.missing)) == ("NE", 1)
