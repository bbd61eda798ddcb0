import pytest

from imgcompare.response.easl import Easl
from tests.response.courses import categories, course, course_of, figures

# criteria.md §3, "Vectors" and EASL: enhancing products of one lesion over time
TABLE = [
    ([1000, 500], ["PR"]),
    ([1000, 501], ["SD"]),
    ([1000, 0], ["CR"]),
    ([1000, 400, 500], ["PR", "PD"]),
    ([1000, 400, 499], ["PR", "PR"]),
    ([1000, 1249], ["SD"]),
    ([1000, 1250], ["PD"]),
]


def products(*rows):
    values = dict(enumerate(rows, start=1))
    return course_of(figures(values, "bidimensional_product", "enhancing"))


@pytest.mark.parametrize(("values", "expected"), TABLE)
def test_products_at_the_boundaries(values, expected):
    assert categories(Easl(), products(values)) == expected


def test_more_than_25_percent_is_a_setting():
    assert categories(Easl(progression_above=True), products([1000, 1250])) == ["SD"]
    assert categories(Easl(progression_above=True), products([1000, 1250.1])) == ["PD"]


def test_a_product_is_made_of_both_diameters():
    rows = (
        *figures({1: [40, 20]}, "longest_diameter", "enhancing"),
        *figures({1: [25, 25]}, "perpendicular_diameter", "enhancing"),
    )
    assert categories(Easl(), course_of(rows)) == ["PR"]


def test_new_enhancement_in_a_treated_lesion_is_progression():
    """criteria.md §3: new enhancement in a treated lesion."""
    found = Easl().assess(products([1000, 0, 100], [1000, 1000, 1000]))
    assert [a.category for a in found[1:]] == ["PR", "PD"]
    assert found[-1].rule_id == "easl/new-enhancement"
    small = Easl().assess(products([1000, 0, 99], [1000, 1000, 1000]))[-1]
    assert small.category == "SD"
    assert "REVIEW_NEW_ENHANCEMENT" in small.flags


def test_without_enhancing_products_it_is_not_evaluable():
    last = Easl().assess(course({1: [50, 50]}))[-1]
    assert (last.category, len(last.missing)) == ("NE", 1)
