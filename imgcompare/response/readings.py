"""Everything a criterion may look at: figures, states, dates, and what a reader decided."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import MappingProxyType

from imgcompare.errors import InputError
from imgcompare.model import (
    WHOLE,
    ClinicalEvent,
    ClinicalEventKind,
    EventKind,
    Lesion,
    LesionEvent,
    LesionRole,
    LesionState,
    Measurement,
    ReaderFinding,
    ReaderInput,
    Role,
    Timepoint,
)
from imgcompare.response.checking import check_reader
from imgcompare.response.clinical import require_known
from imgcompare.response.exact import exact_value, too_small_value
from imgcompare.response.figures import Figures, Key, exact_figures, slice_thickness_of
from imgcompare.response.t2_flair import is_t2_flair_outline, on_t2_flair

NORMAL_NODE_MM = Decimal(10)
"""A node of a smaller short axis is normal (RECIST 1.1)."""

LONGEST = "longest_diameter"
PERPENDICULAR = "perpendicular_diameter"
SHORT_AXIS = "short_axis"
PRODUCT = "bidimensional_product"
VOLUME = "volume"
MEAN_HU = "mean_intensity"

T2_FLAIR = "t2_flair"
"""Compartment of a typed table: all that is abnormal on T2/FLAIR (RANO-LGG)."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One quantity of one lesion at one timepoint.

    ``value`` is what it adds to a sum, with the parts it has split into. Where a lesion or one of
    its parts was not evaluated, the state is NE and ``value`` what the evaluated parts add.
    """

    lesion_id: int
    state: LesionState
    value: Decimal = Decimal(0)

    @property
    def is_known(self) -> bool:
        """Whether it was evaluated."""
        return self.state is not LesionState.NE


@dataclass(frozen=True, slots=True, eq=False)
class CourseReadings:
    """One subject's figures over time, valid once constructed; what every criterion is given.

    Attributes
    ----------
    lesions : tuple of Lesion
    measurements : tuple of Measurement
        Of any compartment and quantity. A value of 0 is a lesion, or tissue, that is gone; no
        value, or NaN, is one that was not evaluated.
    dates : tuple of date or None
        One per timepoint, in order of time; a measurement's ``timepoint_index`` is a position.
    names : tuple of str
        Names of the timepoints; their dates when left out.
    baseline_index : int
        The last timepoint before treatment.
    slice_thickness_mm : tuple of float or None
        Per timepoint; empty where nothing is known.
    roles : tuple of frozenset of Role
        Which images there were at each timepoint; empty for a typed table, whose compartments
        are then taken as what they say.
    events : tuple of LesionEvent
        Splits, mergers and disappearances. A split names the parent first, then its fragments;
        a merger names the lesion that carries the confluent mass first.
    reader : ReaderInput
        What a reader decided.
    clinical : tuple of ClinicalEvent
        What happened to the patient, in any order.

    Raises
    ------
    InputError
        If something is impossible or contradicts itself; the message names the value.
    """

    lesions: tuple[Lesion, ...]
    measurements: tuple[Measurement, ...]
    dates: tuple[dt.date | None, ...]
    names: tuple[str, ...] = ()
    baseline_index: int = 0
    slice_thickness_mm: tuple[float | None, ...] = ()
    roles: tuple[frozenset[Role], ...] = ()
    events: tuple[LesionEvent, ...] = ()
    reader: ReaderInput = field(default_factory=ReaderInput)
    clinical: tuple[ClinicalEvent, ...] = ()
    by_id: Mapping[int, Lesion] = field(init=False, repr=False)
    _figures: Figures = field(init=False, repr=False)
    _read: dict[Key, Reading] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Check everything and read the figures as exact numbers."""
        if not 0 <= self.baseline_index < len(self.dates):
            raise InputError(f"There is no timepoint {self.baseline_index} to be the baseline.")
        known = [d for d in self.dates if d is not None]
        if known != sorted(known):
            raise InputError("The timepoints are not in order of their dates; sort them first.")
        for name in ("names", "slice_thickness_mm", "roles"):
            given = getattr(self, name)
            if given and len(given) != len(self.dates):
                raise InputError(f"{name} must hold one entry per timepoint, not {len(given)}.")
        by_id = {lesion.id: lesion for lesion in self.lesions}
        if len(by_id) != len(self.lesions):
            raise InputError("Two lesions have the same number; give each one of its own.")
        object.__setattr__(self, "by_id", MappingProxyType(by_id))
        figures = exact_figures(self.measurements, by_id, len(self.dates))
        object.__setattr__(self, "_figures", figures)
        check_reader(self)
        for event in self.clinical:
            require_known(event)

    @classmethod
    def of(
        cls,
        lesions: Sequence[Lesion],
        measurements: Sequence[Measurement],
        timepoints: Sequence[Timepoint],
        *,
        baseline_index: int = 0,
        events: Sequence[LesionEvent] = (),
        reader: ReaderInput | None = None,
        clinical: Sequence[ClinicalEvent] = (),
    ) -> CourseReadings:
        """Take dates, images and slice thickness from the timepoints of a course."""
        return cls(
            lesions=tuple(lesions),
            measurements=tuple(measurements),
            dates=tuple(t.date for t in timepoints),
            names=tuple(t.name for t in timepoints),
            baseline_index=baseline_index,
            slice_thickness_mm=slice_thickness_of(measurements, timepoints),
            roles=tuple(frozenset(t.series) for t in timepoints),
            events=tuple(events),
            reader=reader or ReaderInput(),
            clinical=tuple(clinical),
        )

    def without(self, lesion_ids: Iterable[int]) -> CourseReadings:
        """Leave out some lesions with everything that is known about them."""
        gone = frozenset(lesion_ids)
        if not gone:
            return self
        reader = self.reader
        new = {t: tuple(i for i in ids if i not in gone) for t, ids in reader.new_lesions.items()}
        targets = reader.targets
        reader = replace(
            reader,
            targets=None if targets is None else tuple(i for i in targets if i not in gone),
            new_lesions=new,
            states={key: s for key, s in reader.states.items() if key[0] not in gone},
            small_parts=tuple(p for p in reader.small_parts if p[0] not in gone),
            statuses={key: s for key, s in reader.statuses.items() if key[0] not in gone},
        )
        return replace(
            self,
            lesions=tuple(x for x in self.lesions if x.id not in gone),
            measurements=tuple(m for m in self.measurements if m.lesion_id not in gone),
            events=tuple(e for e in self.events if not gone & set(e.lesion_ids)),
            reader=reader,
        )

    @property
    def count(self) -> int:
        """Number of timepoints."""
        return len(self.dates)

    @property
    def later(self) -> range:
        """Timepoints after the baseline."""
        return range(self.baseline_index + 1, self.count)

    def name(self, timepoint: int) -> str:
        """Name of a timepoint: as given, else its date or position."""
        date = self.dates[timepoint]
        if self.names:
            return self.names[timepoint]
        return date.isoformat() if date else f"timepoint {timepoint}"

    def called(self, *lesion_ids: int) -> str:
        """Names of lesions as their table calls them, else their numbers."""
        return ", ".join(self.by_id[i].name or str(i) for i in lesion_ids)

    def days(self, first: int, second: int) -> int | None:
        """Days from one timepoint to another; None unless both dates are known."""
        a, b = self.dates[first], self.dates[second]
        return None if a is None or b is None else (b - a).days

    def days_since(self, kind: ClinicalEventKind, timepoint: int) -> int | None:
        """Days from the last such event up to a timepoint; None if there was none."""
        now = self.dates[timepoint]
        if now is None:
            return None
        before = [e.date for e in self.clinical if e.kind is kind and e.date <= now]
        return (now - max(before)).days if before else None

    def days_on_study(self, timepoint: int) -> int | None:
        """Days since the first start of therapy after the baseline, else since the baseline."""
        now, base = self.dates[timepoint], self.dates[self.baseline_index]
        if now is None or base is None:
            return None
        starts = [
            e.date
            for e in self.clinical
            if e.kind is ClinicalEventKind.THERAPY_START and base <= e.date <= now
        ]
        return (now - min(starts, default=base)).days

    def slice_mm(self, timepoint: int) -> Decimal | None:
        """Slice thickness at a timepoint, if known."""
        given = self.slice_thickness_mm[timepoint] if self.slice_thickness_mm else None
        return None if given is None else exact_value(given, "mm", what="slice thickness")

    def found(self, timepoint: int) -> frozenset[ReaderFinding]:
        """Give what a reader saw at a timepoint."""
        return frozenset(self.reader.findings.get(timepoint, ()))

    def size_quantity(self, lesion_id: int) -> str:
        """Diameter that RECIST reads: the short axis of a node, else the longest diameter."""
        return SHORT_AXIS if self.by_id[lesion_id].nodal else LONGEST

    def number(
        self, lesion_id: int, timepoint: int, quantity: str, *, compartment: str = WHOLE
    ) -> Decimal | None:
        """Give a figure as it was measured, in mm, mm2, mL or HU; None if it was not.

        A product that is not given is made from the two diameters.
        """
        given = self._figures.values.get((lesion_id, timepoint, compartment, quantity))
        if given is None and compartment == T2_FLAIR:
            return on_t2_flair(self, self._figures, (lesion_id, timepoint), quantity)
        if given is not None or quantity != PRODUCT:
            return given
        long = self._figures.values.get((lesion_id, timepoint, compartment, LONGEST))
        across = self._figures.values.get((lesion_id, timepoint, compartment, PERPENDICULAR))
        return None if long is None or across is None else long * across

    def read(
        self, lesion_id: int, timepoint: int, quantity: str, *, compartment: str = WHOLE
    ) -> Reading:
        """Read one quantity of a lesion, with its state and the parts it has split into."""
        key = (lesion_id, timepoint, compartment, quantity)
        found = self._read.get(key)  # many criteria read the same figure
        if found is None:
            found = self._read[key] = self._with_fragments(*key)
        return found

    def _with_fragments(
        self, lesion_id: int, timepoint: int, compartment: str, quantity: str
    ) -> Reading:
        own = self._read_one(lesion_id, timepoint, quantity, compartment)
        parts = [
            self._read_one(part, timepoint, quantity, compartment)
            for part in self.fragments(lesion_id, timepoint)
        ]
        if not parts:
            return own
        untyped = (lesion_id, timepoint) not in self.reader.states
        is_replaced = own.state is LesionState.NE and untyped and any(p.is_known for p in parts)
        every = parts if is_replaced else [own, *parts]
        value = sum((r.value for r in every), Decimal(0))
        states = {r.state for r in every}
        for state in (LesionState.NE, LesionState.MEASURED, LesionState.TOO_SMALL):
            if state in states:
                return Reading(lesion_id, state, value)
        return Reading(lesion_id, own.state, value)

    def size(self, lesion_id: int, timepoint: int) -> Reading:
        """Read the diameter that RECIST reads."""
        return self.read(lesion_id, timepoint, self.size_quantity(lesion_id))

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

    def is_seen(self, lesion_id: int, timepoint: int) -> bool:
        """Whether a lesion is there at a timepoint, in any figure or by a typed state."""
        state = self._typed_state(lesion_id, timepoint)
        if state is not None:
            return state in (LesionState.MEASURED, LesionState.TOO_SMALL)
        return (lesion_id, timepoint) in self._figures.seen

    def is_on_radiograph(self, lesion_id: int, timepoint: int) -> bool:
        """Whether a lesion was measured on a plain film."""
        return (lesion_id, timepoint) in self._figures.on_radiograph

    def is_t2_flair_outline(self, lesion_id: int, timepoint: int) -> bool:
        """Whether the outline of a lesion is its T2/FLAIR abnormality."""
        return is_t2_flair_outline(self, self._figures, (lesion_id, timepoint))

    def present_at(self, timepoint: int) -> tuple[int, ...]:
        """Ids of the lesions that were seen at a timepoint."""
        return tuple(i for i in sorted(self.by_id) if self.is_seen(i, timepoint))

    def first_seen(self, lesion_id: int, *, after: int) -> int | None:
        """First timepoint after ``after`` at which a lesion, or a node from 10 mm, is seen."""
        for t in range(after + 1, self.count):
            if not self.is_seen(lesion_id, t):
                continue
            size = self.size(lesion_id, t)
            if not self.by_id[lesion_id].nodal or size.value >= NORMAL_NODE_MM:
                return t
        return None

    def is_new(self, lesion_id: int) -> bool:
        """Whether a lesion was absent at baseline and is no part of an earlier one."""
        if self.by_id[lesion_id].role is LesionRole.NEW:
            return True
        seen = self.is_seen(lesion_id, self.baseline_index)
        return not seen and lesion_id not in self.fragment_ids()

    def _read_one(self, lesion_id: int, t: int, quantity: str, compartment: str) -> Reading:
        number = self.number(lesion_id, t, quantity, compartment=compartment)
        state = self._typed_state(lesion_id, t)
        if state in (LesionState.NE, LesionState.ABSENT, LesionState.MERGED):
            return Reading(lesion_id, state)
        flagged = (lesion_id, t, compartment, quantity) in self._figures.too_small
        is_small = state is LesionState.TOO_SMALL or self._is_small_part(lesion_id, t, compartment)
        if flagged or (is_small and not number):
            return Reading(lesion_id, LesionState.TOO_SMALL, too_small_value(quantity))
        if number:
            return Reading(lesion_id, LesionState.MEASURED, number)
        if self._happened(EventKind.MERGED, lesion_id, t):
            return Reading(lesion_id, LesionState.MERGED)
        if number is not None or self._happened(EventKind.VANISHED, lesion_id, t):
            return Reading(lesion_id, LesionState.ABSENT)
        return Reading(lesion_id, LesionState.NE)

    def _typed_state(self, lesion_id: int, t: int) -> LesionState | None:
        return self.reader.states.get((lesion_id, t))

    def _is_small_part(self, lesion_id: int, t: int, compartment: str) -> bool:
        return (lesion_id, t, compartment) in self.reader.small_parts

    def _happened(self, kind: EventKind, lesion_id: int, t: int) -> bool:
        """Whether a lesion has merged into another one by now, or vanished just now."""
        merged = kind is EventKind.MERGED
        return any(
            e.kind is kind
            and (e.timepoint_index <= t if merged else e.timepoint_index == t)
            and lesion_id in e.lesion_ids[1 if merged else 0 :]
            for e in self.events
        )
