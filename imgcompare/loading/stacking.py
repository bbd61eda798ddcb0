"""Turns the planes of a series into stacks: split, ordered along the normal, checked for gaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.loading.instances import Instance, SeriesFacts
from imgcompare.loading.spacing import (
    SAME_POSITION_MM,
    fit_grid,
    missing_text,
    normal_of,
    shape_of,
)

COSINE_TOLERANCE: Final = 2e-3
"""Direction cosines that differ by less are one orientation (headers round to 3-6 decimals)."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """The planes of one volume in order, with their grid, or why they make none.

    ``refusal`` is empty for a stack that can be read; ``geometry`` is then exact.
    """

    instances: tuple[Instance, ...]
    geometry: Geometry
    refusal: str = ""
    notes: tuple[str, ...] = ()
    part: int = 1
    parts: int = 1
    split_rule: str = ""

    @property
    def facts(self) -> SeriesFacts:
        """Facts of the first plane."""
        return self.instances[0].facts


def stack_series(instances: Iterable[Instance]) -> tuple[Stack, ...]:
    """Make stacks from all planes that carry one Series Instance UID.

    Planes are split by orientation, size, spacing, image type, echo and frame of reference; where
    positions repeat, into phases (see `split_phases`). Each stack is ordered by
    ImagePositionPatient along the normal, never by file name or InstanceNumber.

    Parameters
    ----------
    instances : iterable of Instance
        In any order; instances with the same SOP Instance UID and frame count once.

    Returns
    -------
    tuple of Stack
        In order of acquisition. A stack that cannot become a volume has a ``refusal``.
    """
    unique, duplicates = _drop_duplicates(instances)
    groups: dict[tuple[object, ...], list[Instance]] = defaultdict(list)
    orientations: list[npt.NDArray[np.float64]] = []
    for instance in unique:
        groups[_kind(instance, orientations)].append(instance)
    ordered = sorted(groups.values(), key=_acquisition_order)
    pieces = [(phase, rule) for group in ordered for phase, rule in _phases(group)]
    stacks = []
    for part, (planes, rule) in enumerate(pieces, start=1):
        why = rule or ("image kind (orientation, type, echo, size)" if len(pieces) > 1 else "")
        stacks.append(_stack(planes, part, len(pieces), why, duplicates if part == 1 else 0))
    return tuple(stacks)


def _drop_duplicates(instances: Iterable[Instance]) -> tuple[list[Instance], int]:
    """Count each SOP instance once, preferring a copy that is not truncated."""
    best: dict[tuple[str, int], Instance] = {}
    count = 0
    for instance in instances:
        count += 1
        key = (instance.sop_uid or str(instance.path), instance.frame)
        if key not in best or (best[key].truncated and not instance.truncated):
            best[key] = instance
    return list(best.values()), count - len(best)


def _kind(instance: Instance, known: list[npt.NDArray[np.float64]]) -> tuple[object, ...]:
    """Key of the planes that can lie in one volume."""
    facts = instance.facts
    orientation = -1
    if len(facts.orientation) == 6:
        cosines = np.array(facts.orientation)
        fits = (n for n, k in enumerate(known) if np.abs(cosines - k).max() < COSINE_TOLERANCE)
        orientation = next(fits, len(known))
        if orientation == len(known):
            known.append(cosines)
    spacing = tuple(round(s, 4) for s in facts.pixel_spacing_mm)
    echo = facts.acquisition.echo_time_ms
    return (
        orientation,
        facts.pixels.rows,
        facts.pixels.columns,
        spacing,
        facts.image_type,
        None if echo is None else round(echo, 2),
        facts.frame_uid,
        facts.sop_class,
    )


def _acquisition_order(planes: Sequence[Instance]) -> tuple[float, float, int]:
    """Order stacks by echo time, then acquisition time, then instance number."""
    first = min(planes, key=lambda p: p.number or 0)
    echo = first.facts.acquisition.echo_time_ms or 0.0
    return echo, first.acquired_s or 0.0, first.number or 0


def _placed(planes: Sequence[Instance]) -> bool:
    """Whether all planes say where they are."""
    facts = planes[0].facts
    if len(facts.orientation) != 6 or len(facts.pixel_spacing_mm) != 2:
        return False
    if min(facts.pixel_spacing_mm) <= 0.0 or not np.isfinite(facts.orientation).all():
        return False
    if np.linalg.norm(normal_of(facts.orientation)) < 0.5:
        return False
    return all(len(p.position) == 3 and np.isfinite(p.position).all() for p in planes)


PHASE: Final = "phase"
"""First word of the rule that split planes at equal positions."""

PHASE_RULES: Final[tuple[tuple[str, Callable[[Instance], float | None]], ...]] = (
    ("temporal position", lambda p: p.temporal_position),
    ("b-value", lambda p: p.b_value),
    ("trigger time", lambda p: p.trigger_ms),
    ("acquisition number", lambda p: p.acquisition_number),
    ("acquisition time", lambda p: p.acquired_s),
    ("content time", lambda p: p.content_s),
)
"""What may tell apart planes at one position, in order of trust."""


def _phases(planes: list[Instance]) -> list[tuple[list[Instance], str]]:
    """Split planes whose positions repeat into phases, and say by what."""
    if not _placed(planes):
        return [(planes, "")]
    slots = _slots(planes)
    if len(slots) == len(planes):
        return [(planes, "")]
    for name, value in PHASE_RULES:
        split = _split_by(planes, value, count=max(map(len, slots)))
        if split is not None:
            return [(phase, f"{PHASE} by {name}") for phase in split]
    if len({len(slot) for slot in slots}) > 1:
        return [(planes, "")]  # ranks would mix phases where one of them lacks a slice
    by_rank: dict[int, list[Instance]] = defaultdict(list)
    for slot in slots:
        for rank, plane in enumerate(sorted(slot, key=_time_order)):
            by_rank[rank].append(plane)
    return [
        (by_rank[rank], f"{PHASE} by instance order at each position") for rank in sorted(by_rank)
    ]


def _time_order(plane: Instance) -> tuple[float, float, int]:
    return plane.acquired_s or 0.0, plane.content_s or 0.0, plane.number or 0


def _slots(planes: Sequence[Instance]) -> list[list[Instance]]:
    """Group planes that lie at one position, in order along the normal."""
    normal = normal_of(planes[0].facts.orientation)
    heights = np.array([p.position for p in planes]) @ normal
    order = np.argsort(heights, kind="stable")
    slots: list[list[Instance]] = []
    previous = -np.inf
    for n in order:
        if heights[n] - previous > SAME_POSITION_MM:
            slots.append([])
            previous = heights[n]
        slots[-1].append(planes[n])
    return slots


def _split_by(
    planes: Sequence[Instance], value: Callable[[Instance], float | None], *, count: int
) -> list[list[Instance]] | None:
    """Split by a value if that gives ``count`` phases, none with a position twice."""
    groups: dict[float, list[Instance]] = defaultdict(list)
    for plane in planes:
        key = value(plane)
        if key is None:
            return None
        groups[key].append(plane)
    if len(groups) != count:
        return None
    if any(len(_slots(group)) < len(group) for group in groups.values()):
        return None
    return [groups[key] for key in sorted(groups)]


def _stack(planes: list[Instance], part: int, parts: int, rule: str, duplicates: int) -> Stack:
    """Order planes, find their grid, and say what is wrong with them."""
    notes = (f"{duplicates} duplicate files counted once",) if duplicates else ()
    if not _placed(planes):
        refusal = "has no position, orientation or pixel spacing in its headers"
        unplaced = Geometry(shape_of(planes), np.eye(4), planes[0].facts.frame_uid)
        return Stack(tuple(planes), unplaced, refusal, notes, part, parts, rule)
    normal = normal_of(planes[0].facts.orientation)
    planes = sorted(planes, key=lambda p: float(np.dot(p.position, normal)))
    heights = np.array([p.position for p in planes]) @ normal
    refusal, geometry, more = fit_grid(planes, heights)
    cut = [(h, p) for p, h in zip(planes, heights, strict=True) if p.truncated]
    if cut and not refusal:
        names = ", ".join(p.file_name for _, p in cut[:3]) + (", …" if len(cut) > 3 else "")
        word = f"truncated files ({names})"
        refusal = missing_text(heights, np.array([h for h, _ in cut]), word)
    return Stack(tuple(planes), geometry, refusal, notes + more, part, parts, rule)
