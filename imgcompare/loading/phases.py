"""Splits planes whose positions repeat into phases, and says by what they were told apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from imgcompare.loading.instances import Instance
from imgcompare.loading.spacing import SAME_POSITION_MM, heights_of, is_even, normal_of

PHASE: Final = "phase"
"""First word of the rule that split planes at equal positions."""

Value = Callable[[Instance], float | None]

_DAY_S = 86400.0


def _acquired(plane: Instance) -> float | None:
    """Acquisition time, s, that goes on over midnight where dates are known."""
    if plane.acquired_s is None:
        return None
    day = plane.acquired_date
    return plane.acquired_s + (day.toordinal() * _DAY_S if day else 0.0)


STATED: Final[tuple[tuple[str, Value], ...]] = (
    ("temporal position", lambda p: p.temporal_position),
    ("inversion time", lambda p: p.facts.acquisition.inversion_time_ms),
    ("flip angle", lambda p: p.facts.acquisition.flip_angle_deg),
    ("repetition time", lambda p: p.facts.acquisition.repetition_time_ms),
    ("trigger time", lambda p: p.trigger_ms),
    ("dimension index", lambda p: p.dimension),
    ("acquisition number", lambda p: p.acquisition_number),
    ("acquisition time", _acquired),
    ("content time", lambda p: p.content_s),
)
"""Attributes that may be equal in all planes of a phase, in order of trust."""

ORDERED: Final[tuple[tuple[str, Value], ...]] = (
    ("trigger time", lambda p: p.trigger_ms),
    ("acquisition time", _acquired),
    ("content time", lambda p: p.content_s),
    ("instance order", lambda p: p.number),
)
"""Attributes that grow from phase to phase although planes of one phase differ."""

STATIONS: Final[tuple[tuple[str, Value], ...]] = (
    ("acquisition number", lambda p: p.acquisition_number),
    ("acquisition time", _acquired),
    ("content time", lambda p: p.content_s),
)
"""Attributes that number the blocks of a scan whose table moves on."""

MIN_STATION: Final = 3
"""Fewer slices are no block."""

LEAST_COVER: Final = 0.5
"""A phase covers at least this part of the positions, or the attribute numbers planes instead; and
as many positions have a plane of each phase, or single slices were made again."""


@dataclass(frozen=True, slots=True, eq=False)
class Phase:
    """Planes of one phase; ``rule`` is empty and ``count`` 1 where no position repeats."""

    planes: tuple[Instance, ...]
    rule: str = ""
    count: int = 1


def split_phases(planes: Sequence[Instance]) -> list[Phase]:
    """Split planes whose positions repeat into phases in order of time.

    The first attribute fits that has one value for all planes of a phase (`STATED`); then one that
    grows while positions are gone through again and again, or grows at each position (`ORDERED`).

    Parameters
    ----------
    planes : sequence of Instance
        Of one kind, all with positions and one orientation.

    Returns
    -------
    list of Phase
        One where no position repeats. Planes that nothing tells apart stay in one phase, whose
        positions repeat.
    """
    slots = _slots(planes)
    most = max(map(len, slots))
    stated = _by_stated(planes, slots, most)
    if stated is not None:
        name, groups = stated
        found = [phase for group in groups for phase in split_phases(group)]
        finer = dict.fromkeys(p.rule.removeprefix(f"{PHASE} by ") for p in found if p.rule)
        rule = f"{PHASE} by {', then '.join((name, *finer))}"
        return [replace(p, rule=rule, count=len(found)) for p in found]
    stations = _by_stations(planes, slots)
    if stations is not None:
        name, groups = stations
        return [Phase(tuple(group), f"station ({name})") for group in groups]
    if most == 1:
        return [Phase(tuple(planes))]
    repeated = sum(len(slot) == most for slot in slots)
    for name, value in ORDERED if repeated >= LEAST_COVER * len(slots) else ():
        if not _tells_apart(slots, value):
            continue
        for ordered in (_in_turn(planes, value, most), _at_each_position(slots, value, most)):
            if ordered is not None:
                groups, how = ordered
                rule = f"{PHASE} by {name}{how}"
                return [Phase(tuple(group), rule, len(groups)) for group in groups]
        break  # a weaker attribute must not guess what this one leaves open
    return [Phase(tuple(planes))]


def _by_stations(
    planes: Sequence[Instance], slots: Sequence[Sequence[Instance]]
) -> tuple[str, list[list[Instance]]] | None:
    """Find blocks along the patient that overlap at their ends, as a table moves on.

    Each has one acquisition number or time, even slices, and most of its length for itself.
    """
    heights = heights_of([slot[0] for slot in slots])
    if len(slots) == len(planes) and (len(slots) < 2 or is_even(np.diff(heights))):
        return None  # one even stack
    for name, value in STATIONS:
        by_value: dict[float | None, list[Instance]] = defaultdict(list)
        for plane in planes:
            by_value[value(plane)].append(plane)
        if None in by_value or len(by_value) < 2 or min(map(len, by_value.values())) < MIN_STATION:
            continue
        blocks = [np.sort(heights_of(group)) for group in by_value.values()]
        if all(is_even(np.diff(b)) and np.diff(b).min() > SAME_POSITION_MM for b in blocks):
            order = sorted(range(len(blocks)), key=lambda n: float(blocks[n][0]))
            shared = [blocks[a][-1] - blocks[b][0] for a, b in pairwise(order)]
            least = min(float(b[-1] - b[0]) for b in blocks)
            if max(shared) >= 0.0 and max(shared) < LEAST_COVER * least:
                groups = list(by_value.values())
                return name, [groups[n] for n in order]
    return None


def _tells_apart(slots: Sequence[Sequence[Instance]], value: Value) -> bool:
    """Whether all planes have an attribute that differs between planes at one position."""
    found = [[value(p) for p in slot] for slot in slots]
    return all(None not in values and len(set(values)) == len(values) for values in found)


def positions_repeat(planes: Sequence[Instance]) -> bool:
    """Whether several planes lie at one position."""
    return len(_slots(planes)) < len(planes)


def _slots(planes: Sequence[Instance]) -> list[list[Instance]]:
    """Group planes that lie at one position, in order along the normal."""
    normal = normal_of(planes[0].facts.orientation)
    heights = np.array([p.position for p in planes]) @ normal
    order = np.argsort(heights, kind="stable")
    slots: list[list[Instance]] = []
    previous = -np.inf
    for n, height in zip(order.tolist(), heights[order].tolist(), strict=True):
        if height - previous > SAME_POSITION_MM:
            slots.append([])
            previous = height
        slots[-1].append(planes[n])
    return slots


def _by_stated(
    planes: Sequence[Instance], slots: Sequence[Sequence[Instance]], most: int
) -> tuple[str, list[list[Instance]]] | None:
    """Find an attribute whose values are phases: each covers at least half of the positions.

    One that leaves no position twice in a phase comes before one that tells some phases apart.
    Where no position repeats only the temporal position can split: it means nothing else.
    """
    partial = None
    for name, value in STATED if most > 1 else STATED[:1]:
        groups: dict[float | None, list[Instance]] = defaultdict(list)
        for plane in planes:
            groups[value(plane)].append(plane)
        if None in groups or not 1 < len(groups) <= 2 * max(most, 2):
            continue
        covers = [len(_slots(group)) for group in groups.values()]
        if min(covers) < max(LEAST_COVER * len(slots), 1 if most > 1 else 2):
            continue
        # more phases than planes at one position: each must lack some, but cover most
        if len(groups) > max(most, 2) and min(covers) <= LEAST_COVER * len(slots):
            continue
        found = name, [groups[key] for key in sorted(groups, key=lambda k: k or 0.0)]
        if sum(covers) == len(planes):
            return found
        partial = partial or found
    return partial


def _in_turn(
    planes: Sequence[Instance], value: Value, most: int
) -> tuple[list[list[Instance]], str] | None:
    """Cut planes in order of an attribute wherever a position comes again.

    Each cut must be the only possible one: the last plane before it lies where the next phase has
    one too. A phase may then lack planes without taking one from its neighbour.
    """
    place = {id(p): n for n, slot in enumerate(_slots(planes)) for p in slot}
    groups: list[list[Instance]] = [[]]
    seen: set[int] = set()
    for plane in sorted(planes, key=lambda p: (value(p) or 0.0, p.number or 0)):
        if place[id(plane)] in seen:
            groups.append([])
            seen = set()
        groups[-1].append(plane)
        seen.add(place[id(plane)])
    if len(groups) != most:
        return None
    for group, following in pairwise(groups):
        if place[id(group[-1])] not in {place[id(p)] for p in following}:
            return None
    return groups, ""


def _at_each_position(
    slots: Sequence[Sequence[Instance]], value: Value, most: int
) -> tuple[list[list[Instance]], str] | None:
    """Rank planes at each position, where all positions have as many and the values differ."""
    if any(len(slot) != most for slot in slots):
        return None
    groups: list[list[Instance]] = [[] for _ in range(most)]
    for slot in slots:
        for rank, plane in enumerate(sorted(slot, key=lambda p: value(p) or 0.0)):
            groups[rank].append(plane)
    return groups, " at each position"
