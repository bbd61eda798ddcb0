"""What a person can do to lesions, each act a pure function from one state to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.measure import label

from imgcompare.errors import InputError, SegmentationError
from imgcompare.model import (
    AlignedTimepoint,
    EventKind,
    LabelMap,
    Lesion,
    LesionEvent,
    LesionRole,
    LesionSegmentation,
)
from imgcompare.pipeline.replaying import region_on
from imgcompare.registration import map_mask
from imgcompare.segmentation import Prepared, edit_compartments, follow_lesion

Key = tuple[int, int]
"""Timepoint index and lesion id."""

Ends = tuple[tuple[float, float, float], tuple[float, float, float]]
"""The two ends of a diameter, native patient LPS mm."""


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """One lesion at one timepoint: its region on the native grid, and its tissues once told."""

    region: LabelMap
    source: str
    proposed: bool = False
    segmentation: LesionSegmentation | None = None


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """Lesions as they stand: where they are marked, what they are, what happened to them."""

    marked: Mapping[Key, Marked] = field(default_factory=lambda: MappingProxyType({}))
    lesions: Mapping[int, Lesion] = field(default_factory=lambda: MappingProxyType({}))
    diameters: Mapping[tuple[int, int, str], Ends] = field(
        default_factory=lambda: MappingProxyType({})
    )
    events: tuple[LesionEvent, ...] = ()

    def at(self, index: int) -> dict[int, Marked]:
        """Give the lesions marked at a visit."""
        return {i: self.marked[v, i] for v, i in sorted(self.marked) if v == index}


def as_mask(region: LabelMap) -> LabelMap:
    """Give all that is labelled as one region."""
    return LabelMap(region.array != 0, region.geometry)


def carry_over(
    marked: Marked, here: AlignedTimepoint, there: AlignedTimepoint, prepared: Prepared
) -> Marked | None:
    """Find a lesion of one visit at another (``there``, prepared), through baseline space."""
    way = here.to_baseline.then(there.to_baseline.inverse())
    mask = np.asarray(marked.region.array, dtype=bool)
    expected = map_mask(mask, here.geometry, there.geometry, way)
    found = follow_lesion(prepared, expected)
    if not found.array.any():
        return None
    return Marked(as_mask(found), f"{marked.source} carried over", marked.proposed)


def as_proposed(proposals: LabelMap) -> list[Marked]:
    """Give the labels of a map as proposals, for a person to confirm."""
    return [
        Marked(LabelMap(proposals.array == value, proposals.geometry), "proposal", proposed=True)
        for value in np.unique(proposals.array)
        if value
    ]


def add(state: State, found: Mapping[int, Marked], *, baseline: int) -> State:
    """Add one lesion, marked at some visits, under the next free number."""
    identity = max(state.lesions, default=0) + 1
    lesion = Lesion(identity, "", role=role_at_start(baseline in found))
    marked = {**state.marked, **{(i, identity): m for i, m in found.items()}}
    return replace(state, marked=marked, lesions={**state.lesions, identity: lesion})


def add_regions(
    state: State, index: int, labels: LabelMap, *, baseline: int, source: str = "mask"
) -> State:
    """Add a lesion for every label value of a map on the native grid of a visit.

    Raises
    ------
    SegmentationError
        If the map is empty.
    """
    values = [int(v) for v in np.unique(labels.array) if v]
    if not values:
        raise SegmentationError("The layer is empty; draw the lesion or choose another layer.")
    for value in values:
        part = LabelMap(labels.array == value, labels.geometry)
        state = add(state, {index: Marked(part, source)}, baseline=baseline)
    return state


def describe(state: State, identity: int, **facts: Any) -> State:
    """Set a lesion's name, site, role or nodal."""
    described = replace(state.lesions[identity], **facts)
    return replace(state, lesions={**state.lesions, identity: described})


def remove(state: State, identity: int) -> State:
    """Forget a lesion everywhere, e.g. a proposal that is none."""
    marked = {k: m for k, m in state.marked.items() if k[1] != identity}
    lesions = {i: lesion for i, lesion in state.lesions.items() if i != identity}
    events = tuple(e for e in state.events if identity not in e.lesion_ids)
    diameters = {k: ends for k, ends in state.diameters.items() if k[1] != identity}
    return State(marked, lesions, diameters, events)


def draw_diameter(state: State, index: int, identity: int, quantity: str, ends: Ends) -> State:
    """Take a diameter as a reader drew it."""
    return replace(state, diameters={**state.diameters, (index, identity, quantity): ends})


def link(state: State, index: int, identity: int, *, to: int) -> State:
    """Say that what is marked at a visit is another lesion, known from elsewhere.

    Raises
    ------
    InputError
        If that lesion is already marked there.
    """
    if (index, to) in state.marked:
        raise InputError(f"Lesion {to} is already marked at this visit.")
    marked = dict(state.marked)
    marked[index, to] = marked.pop((index, identity))
    left = {lesion for _, lesion in marked}
    lesions = {i: lesion for i, lesion in state.lesions.items() if i in left}
    return replace(state, marked=marked, lesions=lesions)


def vanish(state: State, index: int, identity: int) -> State:
    """Say that a lesion was looked for at a visit and is gone."""
    marked = {k: m for k, m in state.marked.items() if k != (index, identity)}
    reason = "a person looked for it and it is gone"
    event = LesionEvent(EventKind.VANISHED, index, (identity,), reason)
    return replace(state, marked=marked, events=(*state.events, event))


def split(state: State, index: int, identity: int) -> State:
    """Say that the separate parts of a lesion at a visit are lesions that split from it.

    The largest part keeps its number.

    Raises
    ------
    InputError
        If it is in one piece.
    """
    whole = state.marked[index, identity]
    parts = label(np.asarray(whole.region.array, dtype=bool), connectivity=1)
    sizes = np.bincount(parts.ravel())[1:]
    if len(sizes) < 2:
        raise InputError("The lesion is in one piece; separate its parts with the brush first.")
    order = np.argsort(-sizes, kind="stable") + 1
    marked, lesions = dict(state.marked), dict(state.lesions)
    marked[index, identity] = _part(whole, parts == order[0])
    new = []
    for value in order[1:]:
        new.append(max(lesions) + 1)
        lesions[new[-1]] = replace(lesions[identity], id=new[-1], tracking_uid="")
        marked[index, new[-1]] = _part(whole, parts == value)
    event = LesionEvent(EventKind.SPLIT, index, (identity, *new), "a person said so")
    return replace(state, marked=marked, lesions=lesions, events=(*state.events, event))


def merge(state: State, index: int, identities: Sequence[int]) -> State:
    """Say that lesions have become one at a visit; the first carries it from there.

    Raises
    ------
    InputError
        Unless two or more of them are marked there.
    """
    first, *rest = identities
    regions = [state.marked[index, i].region for i in identities if (index, i) in state.marked]
    if len(regions) < 2:
        raise InputError("Choose two or more lesions that are marked at this visit.")
    joined = np.logical_or.reduce([np.asarray(r.array, dtype=bool) for r in regions])
    marked = {k: m for k, m in state.marked.items() if not (k[0] == index and k[1] in rest)}
    marked[index, first] = Marked(LabelMap(joined, regions[0].geometry), "merged by a person")
    event = LesionEvent(EventKind.MERGED, index, tuple(identities), "a person said so")
    return replace(state, marked=marked, events=(*state.events, event))


def tell(state: State, found: Mapping[Key, LesionSegmentation]) -> State:
    """Add the tissues of lesions that are marked."""
    told = {k: replace(state.marked[k], segmentation=s) for k, s in found.items()}
    return replace(state, marked={**state.marked, **told})


def redraw(state: State, index: int, identity: int, labels: LabelMap) -> State:
    """Take the tissues of one lesion as a person left them on the native grid.

    Raises
    ------
    InputError
        If its tissues have not been told apart yet.
    """
    marked = state.marked[index, identity]
    if marked.segmentation is None:
        raise InputError("Tell the tissues apart first (step 4).")
    edited = edit_compartments(marked.segmentation, labels)
    if edited is marked.segmentation:
        return state
    region = region_on(labels.geometry, edited)
    redrawn = replace(marked, region=region, segmentation=edited)
    return replace(state, marked={**state.marked, (index, identity): redrawn})


def lesion_at(state: State, index: int, point_mm: npt.ArrayLike) -> int | None:
    """Give the lesion that lies under a point of a visit's own space, LPS mm."""
    for identity, marked in state.at(index).items():
        grid = marked.region.geometry
        if bool(grid.contains(point_mm)):
            a, b, c = np.rint(grid.world_to_index(point_mm)).astype(int)
            if marked.region.array[a, b, c]:
                return identity
    return None


def role_at_start(at_baseline: bool) -> LesionRole:
    """Give the role of a lesion before a person says otherwise."""
    return LesionRole.TARGET if at_baseline else LesionRole.NEW


def _part(whole: Marked, part: npt.NDArray[np.bool_]) -> Marked:
    return Marked(LabelMap(part, whole.region.geometry), whole.source, whole.proposed)
