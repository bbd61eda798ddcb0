import pytest

from imgcompare.model import ReaderFinding, ReaderInput
from imgcompare.response.rano_lgg import RanoLgg
from tests.response.courses import categories, course, course_of, figures

# criteria.md §4, RANO-LGG: products on T2/FLAIR
TABLE = [
    ([1000, 500], ["PR"]),
    ([1000, 501], ["MR"]),
    ([1000, 750], ["MR"]),
    ([1000, 751], ["SD"]),
    ([1000, 1249], ["SD"]),
    ([1000, 1250], ["PD"]),
    ([1000, 0], ["CR"]),
    ([1000, 400, 500], ["PR", "PD"]),
]


def flair(values, enhancing=None, **more):
    rows = figures({1: values}, "bidimensional_product", "t2_flair")
    more_rows = figures({1: enhancing or []}, "bidimensional_product", "enhancing")
    return course_of((*rows, *more_rows), **more)


@pytest.mark.parametrize(("values", "expected"), TABLE)
def test_products_at_the_boundaries(values, expected):
    assert categories(RanoLgg(), flair(values)) == expected


def test_new_enhancement_is_progression():
    found = RanoLgg().assess(flair([1000, 500], [0, 100]))[-1]
    assert (found.category, found.rule_id) == ("PD", "rano-lgg/new-enhancement")
    small = RanoLgg().assess(flair([1000, 500], [0, 99]))[-1]
    assert small.category == "PR"
    assert "REVIEW_NEW_ENHANCEMENT" in small.flags
    assert categories(RanoLgg(), flair([1000, 500], [50, 400])) == ["PR"]


def test_enhancement_that_is_not_known_is_said():
    assert "ENHANCEMENT_UNKNOWN" in RanoLgg().assess(flair([1000, 500]))[-1].flags


def test_an_increase_seen_by_a_reader_is_progression():
    reader = ReaderInput(findings={1: [ReaderFinding.T2_FLAIR_INCREASE]})
    assert categories(RanoLgg(), flair([1000, 1000], reader=reader)) == ["PD"]


def test_minor_response_is_a_best_response_once_confirmed():
    readings = flair([1000, 700, 700])
    assert RanoLgg().summarise(readings, RanoLgg().assess(readings)).best == "MR"
    once = flair([1000, 700])
    assert RanoLgg().summarise(once, RanoLgg().assess(once)).best == "SD"


def test_without_t2_flair_products_it_is_not_evaluable():
    last = RanoLgg().assess(course({1: [50, 50]}))[-1]
    assert last.category == "NE"
    assert "t2_flair bidimensional product" in last.missing[0]
