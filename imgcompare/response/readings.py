"""What is known about each lesion's RECIST diameter at each timepoint."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from imgcompare.errors import InputError
from imgcompare.model import (
    WHOLE,
    EventKind,
    Lesion,
    LesionEvent,
    LesionRole,
    LesionState,
    Measurement,
    Timepoint,
)
from imgcompare.response.base import decimal_mm
from imgcompare.response.recist_rules import NORMAL_NODE_MM, TargetReading

TOO_SMALL_FLAG = "TOO_SMALL"
"""Flag of a measurement: the lesion is visible, but too small to measure reliably."""


@dataclass(frozen=True, slots=True, eq=False)
class Readings:
    """Diameters of all lesions over time, with the events that change how they are read.

    Attributes
    ----------
    lesions : mapping of id to Lesion
    diameters : mapping of (lesion id, timepoint index) to Measurement
        Longest diameter of the whole lesion, or short axis of a node.
    events : tuple of LesionEvent
        A split names the parent first, then its fragments; a merger names the lesion that
        carries the confluent mass first.
    """

    lesions: Mapping[int, Lesion]
    diameters: Mapping[tuple[int, int], Measurement]
    events: tuple[LesionEvent, ...]

    def size_mm(self, lesion_id: int, timepoint: int) -> Decimal | None:
        """Diameter of a lesion, or None where it was not evaluated."""
        found = self.diameters.get((lesion_id, timepoint))
        if found is None or math.isnan(found.value):
            return None
        return decimal_mm(found.value)

    def reading(self, lesion_id: int, timepoint: int) -> TargetReading:
        """State and size of a lesion, with the fragments it has split into."""
        nodal = self.lesions[lesion_id].nodal
        size = self.size_mm(lesion_id, timepoint)
        pieces = [self.size_mm(f, timepoint) for f in self.fragments(lesion_id, timepoint)]
        fragments = tuple(mm for mm in pieces if mm is not None)
        if size is None and not fragments:
            state = self._unmeasured_state(lesion_id, timepoint)
            return TargetReading(lesion_id, nodal, state)
        if not size and not any(fragments):
            merged = self._is_merged(lesion_id, timepoint)
            state = LesionState.MERGED if merged else LesionState.ABSENT
            return TargetReading(lesion_id, nodal, state)
        found = self.diameters.get((lesion_id, timepoint))
        if found is not None and TOO_SMALL_FLAG in found.flags:
            return TargetReading(lesion_id, nodal, LesionState.TOO_SMALL)
        mm = size if size is not None else Decimal(0)
        return TargetReading(lesion_id, nodal, LesionState.MEASURED, mm, fragments)

    def fragments(self, lesion_id: int, timepoint: int) -> tuple[int, ...]:
        """Ids of the other parts a lesion has split into by a timepoint."""
        return tuple(
            part
            for event in self.events
            if event.kind is EventKind.SPLIT
            and event.timepoint_index <= timepoint
            and event.lesion_ids[0] == lesion_id
            for part in event.lesion_ids[1:]
        )

    def fragment_ids(self) -> frozenset[int]:
        """Ids of all lesions that are parts of an earlier one."""
        splits = [e.lesion_ids[1:] for e in self.events if e.kind is EventKind.SPLIT]
        return frozenset(part for parts in splits for part in parts)

    def present_at(self, timepoint: int) -> tuple[int, ...]:
        """Ids of the lesions that were seen at a timepoint."""
        return tuple(i for i in sorted(self.lesions) if self.size_mm(i, timepoint))

    def first_seen(self, lesion_id: int, *, after: int) -> int | None:
        """First timepoint after ``after`` at which a lesion, or a node from 10 mm, is seen."""
        least = NORMAL_NODE_MM if self.lesions[lesion_id].nodal else Decimal(0)
        later = sorted(t for i, t in self.diameters if i == lesion_id and t > after)
        for t in later:
            size = self.size_mm(lesion_id, t)
            if size and size >= least:
                return t
        return None

    def is_new(self, lesion_id: int, *, baseline: int) -> bool:
        """Whether a lesion was absent at baseline and is no part of an earlier one."""
        if self.lesions[lesion_id].role is LesionRole.NEW:
            return True
        return not self.size_mm(lesion_id, baseline) and lesion_id not in self.fragment_ids()

    def _unmeasured_state(self, lesion_id: int, timepoint: int) -> LesionState:
        if self._is_merged(lesion_id, timepoint):
            return LesionState.MERGED
        vanished = any(
            e.kind is EventKind.VANISHED and e.timepoint_index == timepoint
            for e in self.events
            if lesion_id in e.lesion_ids
        )
        return LesionState.ABSENT if vanished else LesionState.NE

    def _is_merged(self, lesion_id: int, timepoint: int) -> bool:
        return any(
            e.kind is EventKind.MERGED and e.timepoint_index <= timepoint
            for e in self.events
            if lesion_id in e.lesion_ids[1:]
        )


def collect_readings(
    lesions: Sequence[Lesion],
    measurements: Sequence[Measurement],
    *,
    timepoints: int,
    events: Sequence[LesionEvent] = (),
) -> Readings:
    """Pick the RECIST diameter of every lesion and timepoint out of all measurements.

    Raises
    ------
    InputError
        If a measurement names an unknown lesion or timepoint, is not in mm, or is given twice.
    """
    known = {lesion.id: lesion for lesion in lesions}
    diameters: dict[tuple[int, int], Measurement] = {}
    for m in measurements:
        if m.lesion_id not in known or not 0 <= m.timepoint_index < timepoints:
            raise InputError(
                f"A {m.quantity} belongs to lesion {m.lesion_id} at timepoint "
                f"{m.timepoint_index}, which is not in the course."
            )
        wanted = "short_axis" if known[m.lesion_id].nodal else "longest_diameter"
        if m.compartment != WHOLE or m.quantity != wanted:
            continue
        if m.unit != "mm":
            raise InputError(f"A {m.quantity} must be in mm, not {m.unit!r}; convert it first.")
        key = (m.lesion_id, m.timepoint_index)
        if key in diameters:
            raise InputError(f"Lesion {key[0]} has two values of {wanted} at timepoint {key[1]}.")
        diameters[key] = m
    return Readings(known, diameters, tuple(events))


def slice_thickness_of(
    measurements: Sequence[Measurement], timepoints: Sequence[Timepoint]
) -> tuple[float | None, ...]:
    """Slice thickness or spacing, the larger, of the series measured at each timepoint, mm."""
    used = {(m.timepoint_index, m.series_uid) for m in measurements if m.series_uid}
    found: list[float | None] = []
    for index, timepoint in enumerate(timepoints):
        values = [
            max(s.acquisition.slice_thickness_mm or 0.0, s.geometry.slice_spacing_mm)
            for s in (*timepoint.series.values(), *timepoint.others)
            if (index, s.uid) in used
        ]
        found.append(max(values) if values else None)
    return tuple(found)
