"""Which lesion is which over time: stable identities, and explicit events where they change."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from imgcompare.errors import ConfigurationError
from imgcompare.geometry import Geometry
from imgcompare.model import NOT_IMAGED_BEFORE, EventKind, LabelMap, LesionEvent, Transform

TOLERANCE_MM: Final = 3.0
"""How far apart aligned lesions may lie: residual misalignment, tissue shifted by mass effect."""

SAME_LESION_SHARE: Final = 0.25
"""Part of the smaller of two outlines that must lie on the other for them to be one lesion."""

FRAGMENT_SHARE: Final = 0.5
"""Part of a fragment that must lie on the lesion it split from, or merged into."""

SAMPLE_POINTS: Final = 4000
"""Points that stand for a lesion; shares are then known to about one percent."""


NO_EARLIER_LESION: Final = "no earlier lesion lies at its place"

View = tuple[Geometry, Transform]
"""The grid of an image, and the way from there to baseline space."""

Place = tuple[int, int]
"""A lesion found: position of its timepoint, and its own among those found there."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A lesion found at one timepoint: its voxels, and the way from there to baseline space."""

    region: LabelMap
    to_baseline: Transform


@dataclass(frozen=True, slots=True)
class Matching:
    """Identities: ``ids[timepoint][position]`` for every lesion found, and what happened."""

    ids: tuple[tuple[int, ...], ...]
    events: tuple[LesionEvent, ...]


@dataclass(slots=True)
class _Known:
    """What is remembered of a lesion: where it was last seen, and whether it still is."""

    points_mm: npt.NDArray[np.float64]
    present: bool = True
    places: tuple[Place, ...] = ()


@dataclass(slots=True)
class _State:
    known: dict[int, _Known] = field(default_factory=dict)
    events: list[LesionEvent] = field(default_factory=list)

    def new_id(self) -> int:
        return len(self.known) + 1


def match_lesions(
    timepoints: Sequence[Sequence[Found]],
    *,
    views: Sequence[View],
    links: Mapping[Place, int] | None = None,
    followed: Mapping[Place, Place] | None = None,
    looked_for: Mapping[int, Collection[Place]] | None = None,
    tolerance_mm: float = TOLERANCE_MM,
) -> Matching:
    """Give every lesion an identity that is stable over time.

    Two outlines of consecutive timepoints are one lesion if, in baseline space, enough of the
    smaller one lies within a tolerance of the other. Several later outlines on one earlier lesion
    are a split (the one that covers it best keeps its identity); several earlier lesions under one
    later outline have merged. A lesion that comes back where it was keeps its old identity.

    Parameters
    ----------
    timepoints : sequence of sequence of Found
        Lesions of each timepoint, in order of time.
    views : sequence of (Geometry, Transform)
        Per timepoint, the imaged grid and the way to baseline space: a lesion outside the grid
        was not seen, which is not the same as vanished, and what no earlier image shows may have
        been there before.
    links : mapping of (timepoint, position) to int, optional
        A person's word, which overrules: the lesion found there has this identity.
    followed : mapping of (timepoint, position) to (timepoint, position), optional
        Lesions that were looked for at the place of an earlier one, and found: they are that one.
    looked_for : mapping of int to collection of (timepoint, position), optional
        Per timepoint, the earlier lesions that were looked for there; all of them where a timepoint
        is missing. What was not looked for cannot have vanished.
    tolerance_mm : float
        See TOLERANCE_MM.

    Returns
    -------
    Matching
        Identities count from 1; at the first timepoint they follow the order given.

    Raises
    ------
    ConfigurationError
        If a link names no lesion, or gives two lesions of one timepoint the same identity.
    """
    links, sought = dict(links or {}), looked_for or {}
    _check_links(links, timepoints)
    state = _State()
    ids: list[tuple[int, ...]] = []
    for index, found in enumerate(timepoints):
        points = [_sample(one) for one in found]
        said = {p: links[index, p] for p in range(len(found)) if (index, p) in links}
        for position in range(len(found)):
            earlier = (followed or {}).get((index, position))
            if earlier is not None and position not in said:
                said[position] = ids[earlier[0]][earlier[1]]
        seen = [any(_imaged(p, view) for view in views[:index]) for p in points]
        ids.append(_match_one(state, index, points, said, tolerance_mm, seen=seen))
        _note_vanished(state, index, set(ids[-1]), views[index], sought.get(index))
    return Matching(tuple(ids), tuple(state.events))


def is_imaged(found: Found, view: View) -> bool:
    """Tell whether another image covers the place of a lesion."""
    return _imaged(_sample(found), view)


def _imaged(points_mm: npt.NDArray[np.float64], view: View) -> bool:
    """Tell whether a grid holds most of some points of baseline space."""
    grid, to_baseline = view
    inside = grid.contains(to_baseline.inverse().apply(points_mm))
    return bool(inside.mean() >= FRAGMENT_SHARE)


def _check_links(links: Mapping[Place, int], timepoints: Sequence[Sequence[Found]]) -> None:
    for index, position in links:
        if not (0 <= index < len(timepoints) and 0 <= position < len(timepoints[index])):
            raise ConfigurationError(
                f"There is no lesion {position} at timepoint {index} to link; count from 0."
            )
    pairs = [(index, identity) for (index, _), identity in links.items()]
    if len(set(pairs)) < len(pairs):
        raise ConfigurationError("Two lesions of one timepoint cannot have the same identity.")


def _sample(found: Found) -> npt.NDArray[np.float64]:
    """Points of a lesion in baseline space, mm, evenly taken from its voxels; shape (n, 3)."""
    index = np.argwhere(found.region.array != 0)
    step = max(1, len(index) // SAMPLE_POINTS)
    return found.to_baseline.apply(found.region.geometry.index_to_world(index[::step]))


def _share(
    points: npt.NDArray[np.float64], of: npt.NDArray[np.float64], tolerance_mm: float
) -> float:
    """Part of ``points`` that lie within a tolerance of the other lesion's points."""
    low, high = of.min(axis=0) - tolerance_mm, of.max(axis=0) + tolerance_mm
    near = points[((points >= low) & (points <= high)).all(axis=1)]
    if not len(near):
        return 0.0
    distance, _ = cKDTree(of).query(near, distance_upper_bound=tolerance_mm)
    return float(np.isfinite(distance).sum() / len(points))


def _match_one(
    state: _State,
    index: int,
    points: Sequence[npt.NDArray[np.float64]],
    said: Mapping[int, int],
    tolerance_mm: float,
    *,
    seen: Sequence[bool],
) -> tuple[int, ...]:
    """Give the lesions of one timepoint their identities, and note what happened.

    ``seen`` says of each lesion found whether an earlier image shows its place.
    """
    on_known, on_found = _shares(state, points, tolerance_mm)
    ids: dict[int, int] = dict(said)
    strength = {k: max(on_known[k], on_found[k]) for k in on_known}
    # The best mutual cover first: of two fragments, the larger continues the lesion.
    for identity, position in sorted(strength, key=lambda k: (-on_known[k] - on_found[k], k)):
        free = position not in ids and identity not in ids.values()
        if free and strength[identity, position] >= SAME_LESION_SHARE:
            ids[position] = identity
    for position in range(len(points)):
        if position not in ids:
            parent = _best(on_known, position=position)
            why = NO_EARLIER_LESION if seen[position] else NOT_IMAGED_BEFORE
            ids[position] = _admit(state, index, parent, why_new=why if index else "")
    for identity, known in list(state.known.items()):
        if known.present and identity not in ids.values():
            _note_merged(state, index, identity, ids, on_found)
    for position, identity in ids.items():
        before = state.known[identity].places if identity in state.known else ()
        places = (*before, (index, position))
        state.known[identity] = _Known(points[position], places=places)
    return tuple(ids[p] for p in range(len(points)))


def _shares(
    state: _State, points: Sequence[npt.NDArray[np.float64]], tolerance_mm: float
) -> tuple[dict[tuple[int, int], float], dict[tuple[int, int], float]]:
    """Shares of each found lesion on each known one, and of each known on each found."""
    on_known, on_found = {}, {}
    for identity, known in state.known.items():
        for position, cloud in enumerate(points):
            on_known[identity, position] = _share(cloud, known.points_mm, tolerance_mm)
            on_found[identity, position] = _share(known.points_mm, cloud, tolerance_mm)
    return on_known, on_found


def _best(shares: Mapping[tuple[int, int], float], *, position: int) -> int | None:
    """Identity that a fragment lies on, if any."""
    candidates = {k: s for (k, p), s in shares.items() if p == position and s >= FRAGMENT_SHARE}
    return max(candidates, key=lambda k: candidates[k]) if candidates else None


def _admit(state: _State, index: int, parent: int | None, *, why_new: str) -> int:
    """Give a lesion that continues none a new identity, and say why it is there."""
    identity = state.new_id()
    state.known[identity] = _Known(np.empty((0, 3)))
    if parent is not None:
        reason = f"lies on lesion {parent}, which another part continues"
        state.events.append(LesionEvent(EventKind.SPLIT, index, (parent, identity), reason))
    elif why_new:
        state.events.append(LesionEvent(EventKind.NEW, index, (identity,), why_new))
    return identity


def _note_merged(
    state: _State,
    index: int,
    identity: int,
    ids: Mapping[int, int],
    on_found: Mapping[tuple[int, int], float],
) -> None:
    """Note that a lesion went up in another one, if it did."""
    for position, other in ids.items():
        if on_found.get((identity, position), 0.0) >= FRAGMENT_SHARE:
            reason = f"its place is now part of lesion {other}"
            event = LesionEvent(EventKind.MERGED, index, (other, identity), reason)
            state.events.append(event)
            state.known[identity].present = False
            return


def _note_vanished(
    state: _State,
    index: int,
    present: set[int],
    view: View,
    looked_for: Collection[Place] | None,
) -> None:
    """Note which lesions are gone: known, looked for, imaged, and not found."""
    for identity, known in state.known.items():
        if not known.present or identity in present:
            continue
        if looked_for is not None and not set(known.places) & set(looked_for):
            continue
        if not _imaged(known.points_mm, view):
            continue  # not seen, which is no statement
        reason = "nothing was found at its place"
        state.events.append(LesionEvent(EventKind.VANISHED, index, (identity,), reason))
        known.present = False
