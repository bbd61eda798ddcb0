"""iRECIST: progression under immunotherapy counts once a later scan has confirmed it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import ClassVar

from imgcompare.model import Assessment, Category, CourseResponse, ReaderFinding, Reason
from imgcompare.response.base import title
from imgcompare.response.best_overall import (
    CONFIRMATION_DAYS,
    MIN_SD_DAYS,
    BestRules,
    Seen,
    best_overall_response,
)
from imgcompare.response.clinical import status_at
from imgcompare.response.irecist_facts import Driver, Facts, facts_of
from imgcompare.response.readings import CourseReadings
from imgcompare.response.recist import DIAMETERS
from imgcompare.response.sum_criterion import make_assessment

RULE = "irecist"

LATE_DAYS = 56
"""A confirming scan is due 4 to 8 weeks after the unconfirmed progression; later is noted."""

FURTHER_GROWTH_MM = Decimal(5)
"""Further growth of the sum of targets, or of new targets, that confirms progression."""

IMMUNE = {
    Category.CR: Category.ICR,
    Category.PR: Category.IPR,
    Category.SD: Category.ISD,
    Category.NON_CR_NON_PD: Category.INON_CR_NON_PD,
    Category.PD: Category.ICPD,
}
PLAIN = {immune: plain for plain, immune in IMMUNE.items()}


@dataclass(frozen=True, slots=True)
class IRecist:
    """RECIST for trials of immunotherapy.

    Attributes
    ----------
    new_lesion_hold : bool
        Whether new lesions that have not changed hold iUPD, as the published table says; the
        EORTC also allows iSD, iPR and, once they are gone, iCR.
    confirmation_days : int
        Shortest time after which a scan may confirm progression; an earlier one is repeated.
    variance_days : int
        Days by which a scan may be early all the same (EORTC: 2).
    target_steps_add_up : bool
        Whether growth of the targets counts from the first iUPD, so that small steps add up, as it
        is published for new targets; else from the scan before.
    confirm : bool
        Whether the best response counts iCR and iPR only if they are seen again.
    min_sd_days : int
        Shortest time on study after which stable disease counts.
    """

    new_lesion_hold: bool = True
    confirmation_days: int = CONFIRMATION_DAYS
    variance_days: int = 0
    target_steps_add_up: bool = True
    confirm: bool = False
    min_sd_days: int = MIN_SD_DAYS

    name: ClassVar[str] = "iRECIST"
    version: ClassVar[str] = "2017"
    requires: ClassVar[tuple[str, ...]] = (
        "whole longest_diameter",
        "whole short_axis (nodes)",
        "dates",
        "new lesions and further increases from a reader",
    )
    citations: ClassVar[tuple[str, ...]] = (
        "Seymour L et al. Lancet Oncol 2017;18:e143-e152. doi:10.1016/S1470-2045(17)30074-8",
        "Eisenhauer EA et al. Eur J Cancer 2009;45:228-247. doi:10.1016/j.ejca.2008.10.026",
    )

    def assess(self, course: CourseReadings) -> tuple[Assessment, ...]:
        """Classify every timepoint from the baseline on."""
        baseline, facts = facts_of(self, course, rule=RULE)
        steps = tuple(self._walk(course, facts))
        return (baseline, *_with_confirmation(steps))

    def summarise(
        self, course: CourseReadings, assessments: Sequence[Assessment]
    ) -> CourseResponse:
        """Best overall response, and the first iUPD of the block that ends in iCPD.

        An iUPD that is followed by iSD, iPR or iCR is passed over.
        """
        later = [a for a in assessments if a.timepoint_index > course.baseline_index]
        seen = [
            Seen(
                a.timepoint_index,
                course.days_on_study(a.timepoint_index),
                PLAIN.get(Category(a.category), Category(a.category)),
                ReaderFinding.CR_OVERCALLED in course.found(a.timepoint_index),
            )
            for a in later
            if a.category != Category.IUPD
        ]
        best = best_overall_response(seen, BestRules(self.confirm, self.min_sd_days))
        start, confirmed = _progression(later)
        category = IMMUNE.get(best.category, best.category)
        at = best.timepoint
        if category in (Category.NE, Category.ICPD) and start is not None:
            category, at = (Category.ICPD if confirmed else Category.IUPD), start
        reasons = [Reason("best-overall", best.text)]
        if start is not None:
            so_far = "confirmed later" if confirmed else "not confirmed yet"
            text = f"progression is dated {course.name(start)}, the first iUPD, {so_far}"
            reasons.append(Reason("progression-date", text))
        return CourseResponse(
            title(self),
            self.version,
            category.value,
            at,
            best.confirmed,
            start,
            confirmed if start is not None else None,
            tuple(reasons),
            best.flags,
        )

    def _walk(self, course: CourseReadings, facts: Sequence[Facts]) -> Iterator[Assessment]:
        """Go through time, keeping what is unconfirmed and which new lesions are known."""
        state = _State()
        for now in facts:
            if state.is_confirmed:
                now.visit.notes.add("after-icpd", "progression was confirmed before")
                category = Category.ICPD
            else:
                category, state = self._step(course, now, state)
            decisive = now.visit.notes.reasons[-1].rule_id
            _note_clinical(course, now)
            yield make_assessment(
                self,
                now.visit,
                category=category,
                measure=DIAMETERS,
                outcome=now.outcome,
                decisive=decisive,
            )

    def _step(self, course: CourseReadings, now: Facts, state: _State) -> tuple[Category, _State]:
        """One timepoint of the state machine."""
        drivers = self._drivers(now, state)
        block = state.block
        if block is None:
            if not drivers:
                return self._without_progression(now, state)
            words = ", ".join(sorted(drivers))
            now.visit.notes.add("iupd", f"progression for the first time, by {words}")
            return Category.IUPD, _State(Block.started(now, drivers), now.new_ids)
        grounds = list(_grounds(block, now, drivers, state.known_new))
        if not (grounds or drivers or self._holds(now, block)):
            return self._without_progression(now, state)
        if not self._is_usable(course, block, now):
            return Category.IUPD, state
        if grounds:
            now.visit.notes.add("icpd", f"{'; '.join(grounds)}: confirmed")
            return Category.ICPD, replace(state, is_confirmed=True)
        now.visit.notes.add("iupd-holds", "progression holds without further growth")
        if block.drivers - {Driver.TARGETS}:
            now.visit.notes.flags.append("REVIEW_FURTHER_INCREASE")
        held = replace(block, last=now.timepoint)
        if not self.target_steps_add_up:
            held = replace(held, target_sum=now.target_sum)
        return Category.IUPD, replace(state, block=held)

    def _drivers(self, now: Facts, state: _State) -> frozenset[Driver]:
        """Find what makes this timepoint RECIST progression."""
        found = {d for d in (now.targets_progress, now.non_targets_progress) if d}
        if now.new_ids - state.known_new:
            found.add(Driver.NEW_LESIONS)
        if state.block is None and now.known_new_progress:
            text = "new lesions known before grew by 20 % and 5 mm over their nadir"
            now.visit.notes.add("new-targets", text)
            found.add(Driver.NEW_LESIONS)
        return frozenset(found)

    def _holds(self, now: Facts, block: Block) -> bool:
        """Whether new lesions that are still there hold the unconfirmed progression."""
        by_new = Driver.NEW_LESIONS in block.drivers
        return by_new and self.new_lesion_hold and now.new_lesions_remain

    def _is_usable(self, course: CourseReadings, block: Block, now: Facts) -> bool:
        """Whether a scan is late enough to confirm; one that is very late is noted."""
        days = course.days(block.last, now.timepoint)
        if days is None:
            now.visit.notes.flags.append("CONFIRMATION_INTERVAL_UNKNOWN")
            return True
        if days >= self.confirmation_days - self.variance_days:
            if days > LATE_DAYS:
                now.visit.notes.flags.append("LATE")
            return True
        additional = bool(now.new_ids - block.known_new)
        if additional and ReaderFinding.SYMPTOMATIC_SCAN in now.findings:
            return True
        now.visit.notes.flags.append("TOO_EARLY_TO_CONFIRM")
        text = f"{days} days after the iUPD, fewer than {self.confirmation_days}: repeat the scan"
        now.visit.notes.add("too-early", text, days, self.confirmation_days)
        return False

    def _without_progression(self, now: Facts, state: _State) -> tuple[Category, _State]:
        """Category without progression, which resets the bar; NE leaves it as it was."""
        plain = now.overall
        if plain is Category.NE:
            now.visit.notes.add("overall", "targets or non-targets were not evaluated: NE")
            return Category.NE, state
        category = IMMUNE.get(plain, plain)
        if category is Category.ICR and now.new_lesions_remain:
            now.visit.notes.add("new-lesions-remain", "new lesions remain: no iCR")
            category = Category.IPR
        text = f"targets {now.target or 'none'}, non-targets {now.non_target or 'none'}"
        if state.block is not None:
            text += "; progression is no longer met, the bar is reset"
        now.visit.notes.add("overall", f"{text}: {category}")
        return category, _State(None, state.known_new | now.new_ids)


@dataclass(frozen=True, slots=True)
class Block:
    """Unconfirmed progression: since when, by what, and the sums further growth counts from."""

    start: int
    last: int
    drivers: frozenset[Driver]
    target_sum: Decimal
    known_new: frozenset[int]
    new_target_ids: frozenset[int]
    new_target_sum: Decimal

    @classmethod
    def started(cls, now: Facts, drivers: frozenset[Driver]) -> Block:
        """Unconfirmed progression that begins now."""
        return cls(
            now.timepoint,
            now.timepoint,
            drivers,
            now.target_sum,
            now.new_ids,
            now.new_target_ids,
            now.new_targets.value,
        )


@dataclass(frozen=True, slots=True)
class _State:
    """What is remembered from one timepoint to the next."""

    block: Block | None = None
    known_new: frozenset[int] = frozenset()
    is_confirmed: bool = False


def _grounds(
    block: Block, now: Facts, drivers: frozenset[Driver], known_new: frozenset[int]
) -> Iterator[str]:
    """Everything that confirms the progression, (a) to (f) of the published table."""
    growth = now.target_sum - block.target_sum
    if Driver.TARGETS in block.drivers and growth >= FURTHER_GROWTH_MM:
        yield f"targets grew by {DIAMETERS.text(growth)} since the iUPD"
    found = now.findings
    if Driver.NON_TARGETS in block.drivers and ReaderFinding.NON_TARGET_INCREASE in found:
        yield "non-targets increased further"
    new_growth = now.new_sum_of(block.new_target_ids) - block.new_target_sum
    if block.new_target_ids and new_growth >= FURTHER_GROWTH_MM:
        yield f"new targets grew by {DIAMETERS.text(new_growth)} since the iUPD"
    if block.known_new and ReaderFinding.NEW_NON_TARGET_INCREASE in found:
        yield "new lesions that are no targets increased"
    if now.new_ids - known_new:
        yield f"{len(now.new_ids - known_new)} additional new lesion(s)"
    for driver in sorted(drivers - block.drivers - {Driver.NEW_LESIONS}):
        yield f"{driver} progress for the first time"


def _note_clinical(course: CourseReadings, now: Facts) -> None:
    """Report the clinical status, by which nothing is decided."""
    status = status_at(course.clinical, course.dates[now.timepoint])
    if status is not None:
        now.visit.notes.add("clinical", f"clinical status: {status} (reported, not used)")


def _with_confirmation(steps: Sequence[Assessment]) -> Iterator[Assessment]:
    """Say of each iUPD whether the block it belongs to was confirmed."""
    for position, one in enumerate(steps):
        if one.category != Category.IUPD:
            yield replace(one, confirmed=True) if one.category == Category.ICPD else one
            continue
        after = (s.category for s in steps[position + 1 :])
        end = next((c for c in after if c not in (Category.IUPD, Category.NE)), None)
        yield replace(one, confirmed=end == Category.ICPD)


def _progression(later: Sequence[Assessment]) -> tuple[int | None, bool]:
    """First iUPD of the block that ended in iCPD, or that is still open; and which of the two."""
    start: int | None = None
    for one in later:
        if one.category == Category.ICPD:
            return (one.timepoint_index if start is None else start), True
        if one.category == Category.IUPD:
            start = one.timepoint_index if start is None else start
        elif one.category != Category.NE:
            start = None
    return start, False
