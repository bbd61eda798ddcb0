import pytest

from imgcompare.model import ReaderInput
from imgcompare.response.who import ProgressionBy, Who
from tests.response.courses import categories, course, course_of, figures

# Miller 1981 (criteria.md §4 has the same limits of area, §9 the code): products over time
TABLE = [
    ([1000, 500], ["PR"]),
    ([1000, 501], ["SD"]),
    ([1000, 1249], ["SD"]),
    ([1000, 1250], ["PD"]),
    ([1000, 400, 499], ["PR", "PR"]),
    ([1000, 400, 500], ["PR", "PD"]),
    ([1000, 0], ["CR"]),
]


def products(*rows, **more):
    values = dict(enumerate(rows, start=1))
    return course_of(figures(values, "bidimensional_product"), **more)


@pytest.mark.parametrize(("values", "expected"), TABLE)
def test_products_at_the_boundaries(values, expected):
    assert categories(Who(), products(values)) == expected


def test_one_lesion_that_grows_is_progression_unless_the_sum_is_asked_for():
    readings = products([1000, 400], [100, 125])
    found = Who().assess(readings)[-1]
    assert (found.category, found.rule_id) == ("PD", "who/one-lesion")
    assert categories(Who(progression_by=ProgressionBy.SUM), readings) == ["PR"]
    assert categories(Who(), products([1000, 400], [100, 124.9])) == ["PR"]


def test_every_measured_lesion_counts():
    assert Who().assess(products(*([[200, 200]] * 8)))[0].value == 1600


def test_responses_need_confirmation_by_default():
    for days, expected in ((28, "PR"), (27, "SD")):
        readings = products([1000, 400, 400], days=(0, 42, 42 + days))
        assert Who().summarise(readings, Who().assess(readings)).best == expected


def test_each_response_says_whether_it_was_confirmed():
    readings = products([1000, 400, 400, 900])
    assert [a.confirmed for a in Who().assess(readings)] == [None, True, True, None]
    assert Who(confirm=False).assess(readings)[1].confirmed is None


def test_a_new_lesion_is_progression():
    reader = ReaderInput(new_lesions={1: [2]})
    assert categories(Who(), products([1000, 1000], [None, 50], reader=reader)) == ["PD"]


def test_without_products_it_is_not_evaluable():
    assert categories(Who(), course({1: [50, 50]})) == ["NE"]
