import dataclasses

import pytest

from imgcompare.model import OUTLINED_ON_WATER, ReaderFinding, ReaderInput, Role
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


IMAGES = frozenset({Role.T1, Role.T1C, Role.FLAIR})


def outlined(products, *, enhancing=None, oedema=None, roles=IMAGES, flags=()):
    """A lesion as it comes from images, outlined on FLAIR where nothing in it enhances."""
    side = [p**0.5 for p in products]
    rows = (
        *figures({1: products}, "bidimensional_product"),
        *figures({1: side}, "longest_diameter"),
        *figures({1: side}, "perpendicular_diameter"),
        *figures({1: [p / 100 for p in products]}, "volume"),
        *figures({1: enhancing or []}, "volume", "enhancing"),
        *figures({1: (oedema or [])[: len(products)]}, "volume", "oedema"),
    )
    rows = [dataclasses.replace(r, flags=flags) for r in rows]
    return course_of(rows, roles=(roles,) * len(products) if roles else ())


@pytest.mark.parametrize(
    "how",
    [
        {},
        # outlined on FLAIR by imgcompare: what it finds around is the blur of the outline
        {"oedema": [5, 5, 5], "flags": (OUTLINED_ON_WATER,)},
        {"roles": frozenset(), "flags": (OUTLINED_ON_WATER,)},  # its table, read again
    ],
)
@pytest.mark.parametrize(("products", "expected"), TABLE)
def test_outlines_on_flair_are_assessed(products, expected, how):
    found = RanoLgg().assess(outlined(products, **how))
    assert [a.category for a in found[1:]] == expected
    assert "T2_FLAIR_FROM_OUTLINE" in found[1].flags


@pytest.mark.parametrize(
    "other",
    [
        {"enhancing": [3, 3]},  # outlined by what enhances
        {"oedema": [5, 5]},  # the product of the whole leaves the oedema out
        {"roles": frozenset({Role.T1, Role.T1C})},
        {"roles": frozenset()},  # a typed table says t2_flair itself
    ],
)
def test_other_outlines_are_not_taken_for_t2_flair(other):
    found = RanoLgg().assess(outlined([1000, 500], **other))
    assert found[-1].category == "NE"
    assert "t2_flair" in found[-1].missing[0]


def test_what_gained_no_contrast_and_does_now_progresses():
    rows = outlined([1000, 1000], flags=(OUTLINED_ON_WATER,))
    lit = figures({1: [None, 150]}, "bidimensional_product", "enhancing")
    again = dataclasses.replace(rows, measurements=(*rows.measurements, *lit))
    found = RanoLgg().assess(again)[-1]
    assert (found.category, found.rule_id) == ("PD", "rano-lgg/new-enhancement")
    assert "ENHANCEMENT_UNKNOWN" not in RanoLgg().assess(rows)[-1].flags


def test_the_volume_on_t2_flair_holds_the_oedema():
    readings = outlined([1000, 500], oedema=[5, 2])
    assert readings.number(1, 1, "volume", compartment="t2_flair") == 7
