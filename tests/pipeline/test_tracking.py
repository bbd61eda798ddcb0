"""Which lesion is looked for where: forward from where it was last seen, and back if it is new."""

from dataclasses import replace

import numpy as np
import pytest

from imgcompare.errors import RegistrationError
from imgcompare.model import (
    NOT_IMAGED_BEFORE,
    AlignedTimepoint,
    EventKind,
    LabelMap,
    Quantity,
    RegistrationQuality,
    Role,
    Timepoint,
    Transform,
    Volume,
)
from imgcompare.pipeline import tracking as module
from imgcompare.pipeline.journal import Journal
from imgcompare.pipeline.tracking import Outline, Tracking, find_overlooked
from imgcompare.segmentation import Prepared
from tests.builders import ellipsoid, make_geometry

GRID = make_geometry((24, 40, 44), spacing_mm=(2.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0))


def ball(x: float, y: float, z: float, radius: float) -> np.ndarray:
    return ellipsoid(GRID, (x, y, z), (radius, radius, radius))


A, B, C = ball(10, 10, 20, 6), ball(32, 28, 26, 7), ball(12, 30, 30, 5)


def visit(index: int, *, failed: bool = False, role: Role = Role.T1C) -> AlignedTimepoint:
    image = Volume(np.zeros(GRID.shape, dtype=np.float32), GRID, Quantity.MR_SIGNAL)
    quality = RegistrationQuality(1.0, 1.0, None, 1.0, not failed, "nothing fits")
    timepoint = Timepoint(index, None, (), {}, label=f"visit {index}")
    way = Transform(np.eye(4), quality=quality)
    return AlignedTimepoint(timepoint, role, {role: image}, {}, way)


def prepared(aligned: AlignedTimepoint) -> Prepared:
    body = np.ones(GRID.shape, dtype=bool)
    return Prepared(aligned, body, None, {}, {}, None, 0.0)


def drawn(*masks: np.ndarray, source: str = "seed") -> list[Outline]:
    return [Outline(LabelMap(m, GRID), source) for m in masks]


@pytest.fixture
def visible(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What is to be seen wherever it is looked for; all of it counts as lesion."""
    there: list[np.ndarray] = []

    def follow(_: Prepared, expected: np.ndarray, *, unenhanced: bool = False) -> LabelMap:
        seen = [m for m in there if (m & expected).any()]
        return LabelMap(seen[0] if seen else np.zeros_like(expected), GRID)

    monkeypatch.setattr(module, "follow_lesion", follow)
    monkeypatch.setattr(module, "is_lesion", lambda _, mask: bool(mask.any()))
    return there


def make(count: int = 3, *, failed: int | None = None) -> Tracking:
    return Tracking([visit(n, failed=n == failed) for n in range(count)], Journal())


def test_a_lesion_new_at_the_second_visit_is_followed_to_the_third(visible) -> None:
    visible += [A, C]
    tracking = make()
    tracking.outlines += [drawn(A), drawn(A, C, source="proposal")]
    followed = tracking.follow(prepared(tracking.aligned[2]))
    assert [o.followed for o in followed] == [(1, 0), (1, 1)]
    assert followed[1].source == "proposal carried from visit 1"
    tracking.outlines.append(followed)
    assert tracking.match().ids == ((1,), (1, 2), (1, 2))


def test_seeded_lesions_are_not_followed_and_the_others_are(visible) -> None:
    visible += [A, B]
    tracking = make(2)
    tracking.outlines.append(drawn(A, B))
    followed = tracking.follow(prepared(tracking.aligned[1]), drawn(A))
    assert [o.followed for o in followed] == [(0, 1)]
    assert tracking.looked_for[1] == {(0, 1)}


def test_vanished_only_if_looked_for(visible) -> None:
    tracking = make(2, failed=1)
    tracking.outlines.append(drawn(A, B))
    given = drawn(A)
    assert tracking.follow(prepared(tracking.aligned[1]), given) == []
    tracking.outlines.append(given)
    assert tracking.match().events == (), "B could not be looked for"
    gone = make(2)
    gone.outlines.append(drawn(A, B))
    gone.outlines.append([*given, *gone.follow(prepared(gone.aligned[1]), given)])
    assert [e.kind for e in gone.match().events] == [EventKind.VANISHED]


def test_without_contrast_nothing_is_called_vanished(visible) -> None:
    visible.append(A)
    tracking = make(1)
    tracking.aligned.append(visit(1, role=Role.FLAIR))  # type: ignore[attr-defined]
    tracking.outlines.append(drawn(A, B))
    tracking.outlines.append(tracking.follow(prepared(tracking.aligned[1])))
    assert tracking.outlines[1] == []
    assert tracking.match().events == ()
    assert "visit 1 has no series after contrast" in tracking.journal.warnings[0]


def test_a_lesion_outlined_on_flair_is_followed_without_contrast(visible) -> None:
    visible.append(A)
    tracking = make(1)
    tracking.aligned.append(visit(1, role=Role.FLAIR))  # type: ignore[attr-defined]
    tracking.outlines.append([replace(o, unenhanced=True) for o in drawn(A, B)])
    tracking.outlines.append(tracking.follow(prepared(tracking.aligned[1])))
    assert [e.kind for e in tracking.match().events] == [EventKind.VANISHED]
    assert tracking.journal.warnings == []


def test_nothing_given_and_no_alignment_is_an_error(visible) -> None:
    tracking = make(2, failed=1)
    tracking.outlines.append(drawn(A))
    with pytest.raises(RegistrationError, match=r"nothing fits.*--seed or --mask"):
        tracking.follow(prepared(tracking.aligned[1]))


@pytest.mark.parametrize("there", [True, False])
def test_new_means_not_visible_before(visible, there: bool) -> None:
    visible += [A, B] if there else [A]
    tracking = make(2)
    tracking.outlines += [drawn(A), drawn(A, B)]
    added = find_overlooked(
        tracking, closed=set(), prepare=prepared, tell=lambda _, outline: outline.source
    )  # type: ignore[arg-type,return-value]
    matching = tracking.match()
    if there:
        assert added == [["seed carried back from visit 1"], []]
        assert matching.ids == ((1, 2), (1, 2))
        assert matching.events == ()
    else:
        assert added == [[], []]
        assert [e.kind for e in matching.events] == [EventKind.NEW]
    assert any("first found at visit 1" in d.choice for d in tracking.journal.decisions)


@pytest.mark.parametrize(
    ("before", "new"), [(ball(32, 28, 26, 6), False), (ball(32, 28, 26, 3), True)]
)
def test_what_was_alike_before_is_not_new_even_if_it_looks_like_no_lesion(
    visible, monkeypatch: pytest.MonkeyPatch, before: np.ndarray, new: bool
) -> None:
    monkeypatch.setattr(module, "is_lesion", lambda *_: False)
    visible += [A, before]
    tracking = make(2)
    tracking.outlines += [drawn(A), drawn(A, B)]
    find_overlooked(tracking, closed=set(), prepare=prepared, tell=lambda *_: None)  # type: ignore[arg-type,return-value]
    assert [e.kind for e in tracking.match().events] == ([EventKind.NEW] if new else [])


def test_where_nothing_was_imaged_nothing_is_looked_for(visible) -> None:
    visible += [A, B]
    tracking = make(2)
    grid = GRID.crop((0, 0, 0), (24, 40, 20))
    image = Volume(np.zeros(grid.shape, dtype=np.float32), grid, Quantity.MR_SIGNAL)
    tracking.aligned[0] = replace(tracking.aligned[0], images={Role.T1C: image})  # type: ignore[index]
    tracking.outlines += [[Outline(LabelMap(A[:, :, :20], grid), "seed")], drawn(A, B)]
    find_overlooked(tracking, closed=set(), prepare=prepared, tell=lambda *_: None)  # type: ignore[arg-type,return-value]
    assert [d.choice for d in tracking.journal.decisions] == [
        "lesion first found at visit 1: not imaged"
    ]
    assert [e.reason for e in tracking.match().events] == [NOT_IMAGED_BEFORE]


def test_a_persons_outlines_settle_what_was_there(visible) -> None:
    visible += [A, B]
    tracking = make(2)
    tracking.outlines += [drawn(A), drawn(A, B)]
    find_overlooked(tracking, closed={0}, prepare=prepared, tell=lambda *_: None)  # type: ignore[arg-type,return-value]
    assert [e.kind for e in tracking.match().events] == [EventKind.NEW]
