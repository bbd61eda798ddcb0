"""The comparison in progress: what the six steps show and change. Knows neither Qt nor napari."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from psygnal import Signal

from imgcompare.errors import InputError
from imgcompare.loading import ScanResult, scan
from imgcompare.model import (
    AlignedTimepoint,
    Comparison,
    Course,
    Lesion,
    LesionSegmentation,
    Progress,
    Role,
    Steps,
    Transform,
)
from imgcompare.options import CompareOptions, GivenDiameter
from imgcompare.pipeline.aligning import align_series, align_to_baseline, succeeded
from imgcompare.pipeline.concluding import conclude
from imgcompare.pipeline.journal import Journal
from imgcompare.pipeline.outlining import tell_compartments
from imgcompare.pipeline.replaying import (
    as_outline,
    given_transforms,
    take_transform,
)
from imgcompare.pipeline.tracking import Outline
from imgcompare.response import load_criteria
from imgcompare.segmentation import (
    Prepared,
    outline_seed,
    prepare,
    propose_lesions,
)
from napari_imgcompare import acts
from napari_imgcompare.acts import Key, Marked, State, role_at_start
from napari_imgcompare.tasks import Task

UNDO_DEPTH = 50


class Workspace:
    """A study being compared.

    Attributes
    ----------
    changed : Signal(str)
        Emits ``study``, ``aligned``, ``lesions`` or ``result`` when that has changed.
    """

    changed = Signal(str)

    def __init__(self) -> None:
        self.courses: tuple[Course, ...] = ()
        self.problems: tuple[str, ...] = ()
        self.paths: tuple[Path, ...] = ()
        self.roles: dict[str, Role] = {}
        self.subject = 0
        self.aligned: dict[int, AlignedTimepoint] = {}
        self.accepted: set[int] = set()
        self.result: Comparison | None = None
        self.criteria: tuple[str, ...] = ()
        self.journal = Journal()
        self.doubts: tuple[str, ...] = ()  # about the last seed, for a person to read
        self._prepared: dict[int, Prepared] = {}
        self._state, self._past, self._future = State(), list[State](), list[State]()

    # -- 1 study ---------------------------------------------------------------------------

    @property
    def course(self) -> Course | None:
        """The chosen subject's course."""
        return self.courses[self.subject] if self.courses else None

    def require_course(self) -> Course:
        """Give the course, or say that a study comes first."""
        if self.course is None:
            raise InputError("Open a study first (step 1).")
        return self.course

    def open_study(self, paths: Sequence[Path]) -> Task[ScanResult]:
        """Read the headers of a study."""

        def steps() -> Steps[ScanResult]:
            yield Progress(1, 1, "reading headers")
            return scan(list(paths), roles=self.roles)

        def take(found: ScanResult) -> None:
            if not found.courses:
                raise InputError(f"No images in {paths[0].name}.")
            self.courses, self.problems = found.courses, found.problems
            self.paths, self.subject = tuple(paths), 0
            self._forget_images()
            self.changed.emit("study")

        return Task("Reading headers", steps(), take)

    def choose_subject(self, position: int) -> None:
        """Turn to another subject of the study."""
        self.subject = position
        self._forget_images()
        self.changed.emit("study")

    def set_role(self, series_uid: str, role: Role) -> Task[ScanResult]:
        """Overrule what a series is for."""
        self.roles[series_uid] = role
        return self.open_study(self.paths)

    def _forget_images(self) -> None:
        self.aligned, self._prepared, self.accepted, self.result = {}, {}, set(), None
        self._state, self._past, self._future = State(), [], []
        self.journal = Journal()

    # -- 2 register ------------------------------------------------------------------------

    def align(self, options: CompareOptions | None = None) -> Task[dict[int, AlignedTimepoint]]:
        """Bring all series of each visit onto one grid, and follow-ups to the baseline.

        Follow-ups for which ``options`` hold a transform are placed by it.
        """
        course = self.require_course()
        placed = given_transforms(course, options) if options else {}
        if len(course.timepoints) < 2:
            raise InputError("A comparison needs two or more visits; add the folder of another.")
        journal = Journal()

        def steps() -> Steps[dict[int, AlignedTimepoint]]:
            total, done = 2 * len(course.timepoints) - 1, 0
            found: dict[int, AlignedTimepoint] = {}
            for timepoint in course.timepoints:
                yield Progress(done := done + 1, total, f"aligning series of {timepoint.name}")
                found[timepoint.index] = align_series(timepoint, journal)
            baseline = found[course.baseline_index]
            for index in sorted(set(found) - {course.baseline_index}):
                name = course.timepoints[index].name
                yield Progress(done := done + 1, total, f"aligning {name} to baseline")
                if index in placed:
                    given = placed[index]
                    found[index] = take_transform(found[index], baseline, given, journal)
                else:
                    found[index] = align_to_baseline(found[index], baseline, journal)
            return found

        def take(found: dict[int, AlignedTimepoint]) -> None:
            self.aligned, self._prepared, self.accepted = found, {}, set(placed)
            self.journal, self.result = journal, None
            self.changed.emit("aligned")

        return Task("Aligning", steps(), take)

    def set_alignment(self, index: int, transform: Transform) -> None:
        """Place a follow-up by a person's own transform; it counts as accepted."""
        grid = self.require_aligned()[index].geometry
        placed = replace(
            transform,
            moving_frame_uid=grid.frame_of_reference_uid,
            fixed_frame_uid=self.baseline.geometry.frame_of_reference_uid,
        )
        self.aligned[index] = replace(self.aligned[index], to_baseline=placed)
        if index in self._prepared:
            self._prepared[index] = replace(self._prepared[index], aligned=self.aligned[index])
        self.accept_alignment(index)

    def accept_alignment(self, index: int) -> None:
        """Write down that a person looked at an alignment and accepts it."""
        self.accepted.add(index)
        self.result = None
        self.changed.emit("aligned")

    def require_aligned(self) -> dict[int, AlignedTimepoint]:
        """Give the aligned visits, or say that registration comes first."""
        if not self.aligned:
            raise InputError("Register the visits first (step 2).")
        return self.aligned

    @property
    def baseline(self) -> AlignedTimepoint:
        """The visit that all others are compared with."""
        return self.require_aligned()[self.require_course().baseline_index]

    def prepared(self, index: int) -> Prepared:
        """Normalised images of a visit, made on first use and kept."""
        known = self._prepared.get(index)
        if known is not None:
            return known
        one = self.require_aligned()[index]
        found = prepare(one)
        if self.aligned.get(index) is one:  # not of work that was given up
            self.journal.note(found.decisions, about=one.timepoint.name)
            self._prepared[index] = found
        return found

    # -- 3 lesions -------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Lesions as they stand."""
        return self._state

    @property
    def marked(self) -> Mapping[Key, Marked]:
        """Every lesion at every visit where it is marked."""
        return self._state.marked

    @property
    def lesions(self) -> Mapping[int, Lesion]:
        """What is known of each lesion."""
        return self._state.lesions

    def change(self, state: State) -> None:
        """Take a new state; the one before can be brought back."""
        self._past = [*self._past, self._state][-UNDO_DEPTH:]
        self._state, self._future, self.result = state, [], None
        self.changed.emit("lesions")

    @property
    def can_undo(self) -> bool:
        """Whether there is anything to undo."""
        return bool(self._past)

    def undo(self) -> None:
        """Bring the lesions back as they were before the last act."""
        if self._past:
            self._future.append(self._state)
            self._state, self.result = self._past.pop(), None
            self.changed.emit("lesions")

    def redo(self) -> None:
        """Do again what was undone."""
        if self._future:
            self._past.append(self._state)
            self._state, self.result = self._future.pop(), None
            self.changed.emit("lesions")

    def mark_seed(
        self, index: int, point_mm: Sequence[float], *, radius_mm: float | None = None
    ) -> Task[dict[int, Marked]]:
        """Find the lesion around a point of one visit, and the same lesion at the others."""
        self.require_aligned()
        doubts: list[str] = []

        def steps() -> Steps[dict[int, Marked]]:
            others = [i for i in self.aligned if i != index]
            total = 1 + len(others)
            yield Progress(1, total, "finding the lesion")
            seeded = outline_seed(self.prepared(index), point_mm, radius_mm=radius_mm)
            doubts.extend(seeded.doubts)
            found = {index: Marked(acts.as_mask(seeded.region), "seed")}
            for n, other in enumerate(others, 2):
                name = self.aligned[other].timepoint.name
                yield Progress(n, total, f"following it to {name}")
                followed = self._follow(found[index], index, other)
                if followed is not None:
                    found[other] = followed
            return found

        def take(found: dict[int, Marked]) -> None:
            self.doubts = tuple(doubts)
            self.add_lesion(found)

        return Task("Finding the lesion", steps(), take)

    def propose(self) -> Task[dict[Key, Marked]]:
        """Propose lesions by rule at every visit; a person confirms each."""
        self.require_aligned()

        def steps() -> Steps[dict[Key, Marked]]:
            found: dict[Key, Marked] = {}
            for n, index in enumerate(sorted(self.aligned), 1):
                name = self.aligned[index].timepoint.name
                yield Progress(n, len(self.aligned), f"looking for lesions at {name}")
                found |= self._propose_at(index, found)
            return found

        def take(found: dict[Key, Marked]) -> None:
            base = self.require_course().baseline_index
            ids = sorted({lesion for _, lesion in found})
            lesions = {i: Lesion(i, "", role=role_at_start((base, i) in found)) for i in ids}
            self.change(State(found, lesions))

        return Task("Proposing lesions", steps(), take)

    def add_lesion(self, found: Mapping[int, Marked]) -> None:
        """Add one lesion, marked at some visits."""
        self.change(acts.add(self.state, found, baseline=self.require_course().baseline_index))

    def _follow(self, marked: Marked, index: int, other: int) -> Marked | None:
        """Find a lesion of one visit at another, through baseline space."""
        there, here = self.aligned[other], self.aligned[index]
        if not (succeeded(there.to_baseline) and succeeded(here.to_baseline)):
            return None
        return acts.carry_over(marked, here, there, self.prepared(other))

    def _propose_at(self, index: int, found: Mapping[Key, Marked]) -> dict[Key, Marked]:
        """Follow what earlier visits have, and propose what is left."""
        course = self.require_course()
        here: dict[Key, Marked] = {}
        for (visit, identity), marked in found.items():
            first = min(i for i, lesion in found if lesion == identity)
            if visit == first and index != course.baseline_index:
                followed = self._follow(marked, visit, index)
                if followed is not None:
                    here[index, identity] = followed
        prepared = self.prepared(index)
        known = np.zeros(prepared.aligned.geometry.shape, dtype=bool)
        for marked in here.values():
            known |= np.asarray(marked.region.array, dtype=bool)
        next_id = max((i for _, i in [*found, *here]), default=0) + 1
        proposals = acts.as_proposed(propose_lesions(prepared, known=known))
        return here | {(index, n): marked for n, marked in enumerate(proposals, next_id)}

    # -- 4 compartments --------------------------------------------------------------------

    def tell_tissues(self) -> Task[dict[Key, LesionSegmentation]]:
        """Tell the tissues apart of every lesion for which that has not been done."""
        self.require_aligned()
        left = {k: m for k, m in self.marked.items() if m.segmentation is None}
        if not self.marked:
            raise InputError("Mark a lesion first (step 3).")

        def steps() -> Steps[dict[Key, LesionSegmentation]]:
            found = {}
            for n, (key, marked) in enumerate(sorted(left.items()), 1):
                name = self.aligned[key[0]].timepoint.name
                yield Progress(n, len(left), f"tissues of lesion {key[1]}, {name}")
                outline = Outline(marked.region, marked.source, marked.proposed)
                found[key] = tell_compartments(self.prepared(key[0]), outline, None)
            return found

        def take(found: dict[Key, LesionSegmentation]) -> None:
            self.change(acts.tell(self.state, found))

        return Task("Telling tissues apart", steps(), take)

    # -- 5 results -------------------------------------------------------------------------

    def options(self) -> CompareOptions:
        """Give what a person decided in the terms of the command line."""
        return CompareOptions(
            roles=dict(self.roles),
            criteria=self.criteria,
            lesions=tuple(self.lesions[i] for i in sorted(self.lesions)),
            diameters=tuple(
                GivenDiameter(str(index), lesion, quantity, ends)
                for (index, lesion, quantity), ends in self.state.diameters.items()
            ),
            events=self.state.events,
        )

    def measuring(self) -> Task[Comparison]:
        """Measure beside the window."""
        self.require_aligned()
        if not self.marked or any(m.segmentation is None for m in self.marked.values()):
            raise InputError("Tell the tissues of all lesions apart first (step 4).")

        def steps() -> Steps[Comparison]:
            yield Progress(1, 1, "measuring")
            return self._conclude()

        def take(found: Comparison) -> None:
            self.result = found
            self.changed.emit("result")

        return Task("Measuring", steps(), take)

    def measure(self) -> Comparison:
        """Measure here and now; give the comparison."""
        self.measuring().run()
        assert self.result is not None
        return self.result

    def _conclude(self) -> Comparison:
        """Match, measure and assess the lesions as they stand, as `imgcompare compare` does."""
        course, aligned = self.require_course(), self.require_aligned()
        order = sorted(aligned)
        told = [
            [(n, m.segmentation) for n, m in self.state.at(i).items() if m.segmentation is not None]
            for i in order
        ]
        return conclude(
            course,
            [aligned[i] for i in order],
            [
                [as_outline(s, aligned[i], lesion=lesion) for lesion, s in found]
                for i, found in zip(order, told, strict=True)
            ],
            [[s for _, s in found] for found in told],
            criteria=load_criteria(self.criteria),
            options=self.options(),
            journal=self.journal,
        )
