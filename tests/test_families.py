"""Lesions that split or merged are counted together, at every timepoint alike."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcompare.model import (
    SUM_OF_PARTS,
    EventKind,
    LesionEvent,
    Measurement,
    carrier_of,
    counted_together,
    families,
)


def figure(
    lesion: int, t: int, value: float, quantity: str = "volume", part: str = "whole"
) -> Measurement:
    return Measurement(lesion, t, part, quantity, value, "mL", 0.9 * value, 1.2 * value)


def split(t: int, *ids: int) -> LesionEvent:
    return LesionEvent(EventKind.SPLIT, t, ids, "parts")


def merged(t: int, *ids: int) -> LesionEvent:
    return LesionEvent(EventKind.MERGED, t, ids, "one mass")


def sums(figures, events, at: int, lesion: int = 1, quantity: str = "volume", part: str = "whole"):
    return {
        m.timepoint_index: m.value
        for m in counted_together(figures, events, at)
        if (m.lesion_id, m.quantity, m.compartment) == (lesion, quantity, part)
    }


def test_fragments_are_added_up_from_the_split_on() -> None:
    figures = [figure(1, 0, 8.0), figure(1, 1, 3.0), figure(2, 1, 2.0), figure(3, 1, 1.0)]
    events = [split(1, 1, 2), split(1, 1, 3)]
    assert families(events, 1) == {1: (1, 2, 3)}
    assert sums(figures, events, 1) == {0: 8.0, 1: 6.0}
    (together,) = (
        m
        for m in counted_together(figures, events, 1)
        if (m.lesion_id, m.timepoint_index) == (1, 1)
    )
    assert (together.ci_low, together.ci_high) == pytest.approx((5.4, 7.2))
    assert together.flags == (SUM_OF_PARTS,)
    assert sums(figures, events, 0) == {0: 8.0, 1: 3.0}, "nothing has split by then"


def test_what_is_to_merge_is_added_up_before() -> None:
    before = [figure(1, 0, 3.0), figure(2, 0, 2.0), figure(1, 1, 3.5), figure(2, 1, 2.5)]
    figures, events = [*before, figure(1, 2, 9.0)], [merged(2, 1, 2)]
    assert sums(figures, events, 2) == {0: 5.0, 1: 6.0, 2: 9.0}
    assert sums(figures, events, 1) == {0: 3.0, 1: 3.5, 2: 9.0}
    assert sums(figures, events, 2, lesion=2) == {0: 2.0, 1: 2.5}, "its own figures stay"


def test_a_part_that_was_not_measured_leaves_no_sum() -> None:
    figures = [figure(1, 0, 8.0), figure(1, 1, 3.0), figure(2, 1, 2.0), figure(1, 2, 2.0)]
    assert sums(figures, [split(1, 1, 2)], 2) == {0: 8.0, 1: 5.0}


def test_a_part_without_a_tissue_counts_as_nothing_in_it() -> None:
    figures = [figure(1, 0, 8.0), figure(1, 1, 3.0), figure(2, 1, 2.0)]
    figures += [figure(1, 0, 2.0, part="necrotic"), figure(2, 1, 1.0, part="necrotic")]
    assert sums(figures, [split(1, 1, 2)], 1, part="necrotic") == {0: 2.0, 1: 1.0}


def test_a_parent_that_its_parts_replace_counts_as_nothing() -> None:
    figures = [figure(1, 0, 8.0), figure(2, 1, 2.0), figure(3, 1, 1.0)]
    assert sums(figures, [split(1, 1, 2, 3)], 1) == {0: 8.0, 1: 3.0}


def test_what_cannot_be_added_is_left_out() -> None:
    given_ = [(1, 0, 8.0), (1, 1, 3.0), (2, 1, 2.0)]
    quantities = ("volume", "mean_intensity", "diameter_3d", "longest_diameter")
    figures = [figure(*one, quantity) for quantity in quantities for one in given_]
    events = [split(1, 1, 2)]
    assert sums(figures, events, 1, quantity="mean_intensity") == {0: 8.0}
    assert sums(figures, events, 1, quantity="diameter_3d") == {0: 8.0}
    assert sums(figures, events, 1, quantity="longest_diameter") == {0: 8.0, 1: 5.0}


def test_a_split_of_what_has_merged_stays_one_family() -> None:
    events = [merged(1, 1, 2), split(2, 1, 3), merged(3, 4, 1)]
    assert families(events, 2) == {1: (1, 2, 3)}
    assert families(events, 3) == {4: (4, 1, 2, 3)}
    assert carrier_of(families(events, 3), 2) == 4
    assert carrier_of(families(events, 3), 7) == 7


@given(st.lists(st.floats(0.1, 90.0), min_size=2, max_size=6), st.booleans())
def test_nothing_is_counted_twice_or_lost(values: list[float], joins: bool) -> None:
    apart, together = (0, 1) if joins else (1, 0)
    parts = [figure(i, apart, v) for i, v in enumerate(values, start=1)]
    whole = figure(1, together, sum(values))
    event = (merged if joins else split)(1, *range(1, len(values) + 1))
    found = sums([*parts, whole], [event], 1)
    assert found[0] == pytest.approx(found[1])
    gone = [replace(m, value=0.0) for m in parts[1:]]
    assert sums([parts[0], *gone, whole], [event], 1)[apart] == values[0]
