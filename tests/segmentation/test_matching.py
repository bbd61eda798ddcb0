"""Identity over time: kept, new, vanished, split, merged, out of view, and overruled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcompare.errors import ConfigurationError
from imgcompare.model import NOT_IMAGED_BEFORE, EventKind, LabelMap, Transform
from imgcompare.segmentation.matching import Found, Matching, match_lesions
from tests.builders import ellipsoid, make_geometry, rotation

GRID = make_geometry((20, 60, 70), spacing_mm=(3.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0))
HERE = Transform.identity()


def ball(x: float, y: float, z: float, radius: float) -> np.ndarray:
    return ellipsoid(GRID, (x, y, z), (radius, radius, radius))


def found(*masks: np.ndarray) -> list[Found]:
    return [Found(LabelMap(m, GRID), HERE) for m in masks]


def match(*timepoints: list[Found], **options: object) -> Matching:
    return match_lesions(timepoints, views=[(GRID, HERE)] * len(timepoints), **options)  # type: ignore[arg-type]


def kinds(matching: Matching) -> list[tuple[EventKind, int, tuple[int, ...]]]:
    return [(e.kind, e.timepoint_index, e.lesion_ids) for e in matching.events]


A, B, C = ball(15, 15, 20, 7), ball(50, 40, 30, 8), ball(20, 45, 40, 6)


def test_lesions_keep_their_identity_while_they_grow_and_shrink() -> None:
    matching = match(found(A, B), found(ball(50, 40, 30, 4), ball(16, 15, 20, 11)))
    assert matching.ids == ((1, 2), (2, 1))
    assert matching.events == ()


@given(st.permutations([0, 1, 2]))
def test_the_order_of_later_lesions_does_not_matter(order: list[int]) -> None:
    masks = [A, B, C]
    matching = match(found(*masks), found(*[masks[n] for n in order]))
    assert matching.ids[1] == tuple(n + 1 for n in order)


def test_new_and_vanished() -> None:
    matching = match(found(A, B), found(A, C))
    assert matching.ids == ((1, 2), (1, 3))
    assert kinds(matching) == [(EventKind.NEW, 1, (3,)), (EventKind.VANISHED, 1, (2,))]


def test_a_lesion_that_comes_back_keeps_its_identity() -> None:
    matching = match(found(A, B), found(A), found(A, B))
    assert matching.ids == ((1, 2), (1,), (1, 2))
    assert kinds(matching) == [(EventKind.VANISHED, 1, (2,))]


def test_split_and_merged() -> None:
    big = ellipsoid(GRID, (35, 30, 30), (20, 8, 9))
    left, right = ball(20, 30, 30, 6), ball(47, 30, 30, 7)
    split = match(found(big), found(left, right))
    assert sorted(split.ids[1]) == [1, 2]
    assert split.ids[1][1] == 1, "the part that covers more keeps the identity"
    assert kinds(split) == [(EventKind.SPLIT, 1, (1, 2))]
    merged = match(found(left, right), found(big))
    assert kinds(merged) == [(EventKind.MERGED, 1, (merged.ids[1][0], 3 - merged.ids[1][0]))]


def test_a_merged_lesion_is_not_called_vanished_as_well_or_later() -> None:
    big = ellipsoid(GRID, (35, 30, 30), (20, 8, 9))
    matching = match(found(ball(20, 30, 30, 6), ball(47, 30, 30, 7)), found(big), found(big))
    assert [e.kind for e in matching.events] == [EventKind.MERGED]


def test_a_neighbour_beyond_the_tolerance_is_another_lesion() -> None:
    near, far = ball(22, 15, 20, 3), ball(31, 15, 20, 3)
    assert match(found(A), found(near)).ids[1] == (1,)
    assert match(found(A), found(far)).ids[1] == (2,)


def test_lesions_are_matched_through_the_transform_not_by_raw_position() -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation((0, 0, 20))
    matrix[:3, 3] = (32, -9, 6)
    to_baseline = Transform(matrix)
    moved = to_baseline.inverse().apply([[50.0, 40.0, 30.0]])[0]
    later = [Found(LabelMap(ball(*moved, 8), GRID), to_baseline)]
    views = [(GRID, HERE), (GRID, to_baseline)]
    assert match_lesions([found(A, B), later], views=views).ids[1] == (2,)
    assert match(found(A, B), found(ball(*moved, 8))).ids[1] == (3,), "raw position misleads"


def test_outside_the_image_is_not_vanished() -> None:
    small = GRID.crop((0, 0, 0), (20, 30, 30))
    views = [(GRID, HERE), (small, HERE)]
    later = [Found(LabelMap(A[:, :30, :30], small), HERE)]
    assert match_lesions([found(A, B), later], views=views).events == ()


def test_what_no_earlier_image_shows_is_said_to_be_first_imaged() -> None:
    small = GRID.crop((0, 0, 0), (20, 30, 30))
    earlier = [Found(LabelMap(A[:, :30, :30], small), HERE)]
    views = [(small, HERE), (GRID, HERE)]
    hidden = match_lesions([earlier, found(A, B)], views=views).events
    assert [(e.kind, e.reason) for e in hidden] == [(EventKind.NEW, NOT_IMAGED_BEFORE)]
    seen = match(found(A), found(A, B)).events
    assert [(e.kind, e.reason == NOT_IMAGED_BEFORE) for e in seen] == [(EventKind.NEW, False)]


def test_what_was_followed_is_the_lesion_it_was_followed_from() -> None:
    matching = match(found(A, B), found(B), found(C, A), followed={(1, 0): (0, 0), (2, 0): (1, 0)})
    assert matching.ids == ((1, 2), (1,), (1, 3))


def test_only_what_was_looked_for_has_vanished() -> None:
    assert kinds(match(found(A, B), found(), looked_for={1: {(0, 0)}})) == [
        (EventKind.VANISHED, 1, (1,))
    ]
    assert match(found(A, B), found(), looked_for={1: set()}).events == ()
    assert len(match(found(A, B), found(), looked_for={}).events) == 2


def test_a_person_overrules() -> None:
    matching = match(found(A, B), found(C, B), links={(1, 0): 1})
    assert matching.ids[1] == (1, 2)
    assert matching.events == ()


@pytest.mark.parametrize("links", [{(1, 5): 1}, {(7, 0): 1}, {(1, 0): 1, (1, 1): 1}])
def test_impossible_links_are_refused(links: dict[tuple[int, int], int]) -> None:
    with pytest.raises(ConfigurationError):
        match(found(A, B), found(A, B), links=links)


def test_no_lesions_at_all() -> None:
    assert match(found(), found()) == Matching(((), ()), ())
