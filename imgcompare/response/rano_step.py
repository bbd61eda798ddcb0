"""One timepoint by RANO rules: its signs of progression, and what confirms an earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from imgcompare.model import Assessment, Category, ReaderFinding
from imgcompare.response.base import Criterion
from imgcompare.response.best_overall import RESPONSES
from imgcompare.response.clinical import ClinicalStatus, Steroids, status_at, steroids_at
from imgcompare.response.exact import percent_text
from imgcompare.response.other_disease import (
    Notes,
    confirmed_new,
    has_new_lesion,
    non_target_status,
)
from imgcompare.response.rano_measures import Window, sum_of_new
from imgcompare.response.rano_rules import (
    ConfirmBy,
    PartCourse,
    Policy,
    RanoRules,
    RanoVisit,
    Sign,
    combine_parts,
)
from imgcompare.response.readings import CourseReadings
from imgcompare.response.sites import BRAIN
from imgcompare.response.sum_criterion import Visit, make_assessment, outside_flags
from imgcompare.response.sums import Outcome, Standing, judge_sum, total_at


@dataclass(frozen=True, slots=True)
class Pending:
    """Progression that waits for confirmation: since when, and how much there was of each part."""

    at: int
    burdens: tuple[Decimal, ...]
    new_ids: frozenset[int]


@dataclass(frozen=True, slots=True)
class State:
    """What is remembered from one timepoint to the next; one nadir per part."""

    nadirs: tuple[tuple[Decimal, int], ...]
    pending: Pending | None = None
    confirmed: bool = False
    absorbed: frozenset[int] = frozenset()
    absorbed_non_target: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Walk:
    """What stays the same through a course."""

    criterion: Criterion
    course: CourseReadings
    rules: RanoRules
    parts: tuple[PartCourse, ...]


class Step:
    """One timepoint while it is assessed."""

    def __init__(self, walk: Walk, t: int, state: State) -> None:
        """Read the timepoint and find its signs of progression."""
        self.walk, self.t, self.state = walk, t, state
        self.course, self.rules = walk.course, walk.rules
        flags = dict.fromkeys(f for p in walk.parts for f in p.choice.flags)
        outside = outside_flags(self.course, BRAIN)
        self.notes = Notes(self.rules.rule, flags=[*flags, *outside])
        self.decisive = ""
        self.window = self.rules.window(self.course, t)
        if self.window is Window.UNKNOWN:
            self.notes.flags.append("WINDOW_UNKNOWN")
        self.outcomes = [self._outcome(k, state.nadirs[k]) for k in range(len(walk.parts))]
        self.target = combine_parts([o.category for o in self.outcomes if o is not None])
        missing = [*self.rules.missing, *(m for p in walk.parts for m in p.choice.missing)]
        if missing:
            self.notes.missing.extend(missing)
            self.decide("missing-input", f"missing: {'; '.join(self.notes.missing)}")
            self.target = Category.NE
        self.notes.target = self.target
        self.non_target = self._non_target()
        new = self.rules.new_lesions_count(self.course, t, self.notes)
        has_new_lesion(self.course, t, would_be=self.progression, notes=self.notes)
        self.new_ids = new - state.absorbed
        self.clinical = status_at(self.course.clinical, self.course.dates[t])
        base = self.course.dates[self.course.baseline_index]
        self.steroids = steroids_at(self.course.clinical, self.course.dates[t], baseline=base)
        if self.clinical is None and self.steroids is None:
            self.notes.flags.append("RADIOGRAPHIC_ONLY")
        new_all = sorted(confirmed_new(self.course, t))
        self.burdens = tuple(
            part.totals[t].value
            + sum_of_new(self.course, new_all, at=t, measure=part.scale.measure)
            for part in walk.parts
        )
        self.signs = list(self._signs())

    def decide(
        self, rule: str, text: str, value: float | None = None, threshold: float | None = None
    ) -> None:
        """Note the reason that decides, unless a later one does."""
        self.notes.add(rule, text, value, threshold)
        self.decisive = f"{self.rules.rule}/{rule}"

    @property
    def progression(self) -> Category | None:
        """Category that a first sign of progression gives here; None for a recheck."""
        policy, inside = self.rules.policy, self.window is Window.INSIDE
        if policy is Policy.WAIT_IN_WINDOW and inside:
            return None
        waits = policy is Policy.ALWAYS or (policy is Policy.IN_WINDOW and inside)
        return Category.PRE_PD if waits else Category.PD

    def _visit(self, k: int, nadir: tuple[Decimal, int]) -> Visit:
        part, base = self.walk.parts[k], self.course.baseline_index
        standing = (
            Standing(part.totals[base].value, *nadir, part.totals[self.t])
            if part.is_usable
            else None
        )
        return Visit(self.course, part.choice, self.t, standing, self.notes)

    def _outcome(self, k: int, nadir: tuple[Decimal, int]) -> Outcome | None:
        """Classify the sum of one part, and say so if the other metric disagrees."""
        part, visit = self.walk.parts[k], self._visit(k, nadir)
        if visit.standing is None:
            return None
        rule = f"{self.rules.rule}/target"
        if self.rules.judge is not None:
            outcome = self.rules.judge(visit, part.scale, rule)
        else:
            outcome = judge_sum(
                visit.standing, part.scale.limits, measure=part.scale.measure, rule=rule
            )
        self.notes.reasons.append(outcome.reason)
        if not visit.standing.now.complete:
            self.notes.missing.extend(
                part.scale.measure.input_of(self.course, i, self.t)
                for i in visit.standing.now.missing
            )
        self._compare_metrics(part, outcome)
        return outcome

    def _compare_metrics(self, part: PartCourse, outcome: Outcome) -> None:
        """Report what the other metric says, without deciding by it."""
        if part.other is None:
            return
        measure = part.other.measure
        start = self.course.baseline_index
        totals = [
            total_at(self.course, part.choice.targets, at=t, measure=measure)
            for t in range(start, self.t + 1)
        ]
        if not (totals[0].complete and totals[-1].complete):
            return
        lowest = min(t.value for t in totals[:-1] if t.complete)
        standing = Standing(totals[0].value, lowest, start, totals[-1])
        found = judge_sum(standing, part.other.limits, measure=measure, rule="other-metric")
        if found.category is not outcome.category:
            self.notes.flags.append("METRICS_DISAGREE")
            text = f"by the {measure.words} it would be {found.category}: {found.reason.text}"
            self.notes.add("other-metric", text, found.reason.value, found.reason.threshold)

    def _non_target(self) -> Category | None:
        part = self.walk.parts[0]
        others = set(part.choice.others)
        for more in self.walk.parts[1:]:
            others &= set(more.choice.others)
        return non_target_status(
            self.course, sorted(others), self.t, measure=part.scale.measure, notes=self.notes
        )

    def _signs(self) -> Iterator[Sign]:
        """Find every sign of progression; those proven by tissue or field need no waiting."""
        found = self.course.found(self.t)
        proven = ReaderFinding.TUMOUR_IN_HISTOLOGY in found
        if self.rules.field_proves:
            proven |= ReaderFinding.OUTSIDE_RADIATION_FIELD in found
        for sign in self._imaging_signs(found):
            yield replace(sign, at_once=proven)
        if ReaderFinding.TUMOUR_IN_HISTOLOGY in found:
            yield Sign("histology", "tumour in histology, by the reader", at_once=True)
        waits = self.rules.policy is Policy.WAIT_IN_WINDOW and self.window is Window.INSIDE
        if self.clinical is ClinicalStatus.WORSE:
            text = "clinically worse because of the tumour"
            self.notes.add("clinical", text)
            if waits:
                self.notes.flags.append("RECHECK")
            else:
                yield Sign("clinical", text, at_once=True)

    def _imaging_signs(self, found: frozenset[ReaderFinding]) -> Iterator[Sign]:
        for outcome in self.outcomes:
            if outcome is not None and outcome.category is Category.PD:
                reason = outcome.reason
                yield Sign("target-pd", reason.text, reason.value, reason.threshold)
        if self.new_ids:
            names = self.course.called(*sorted(self.new_ids))
            yield Sign("new-lesion", f"new lesion {names}")
        if self._non_target_progresses(found):
            yield Sign("non-target-reader", "non-target disease progresses, by the reader")
        if self.rules.t2_flair and ReaderFinding.T2_FLAIR_INCREASE in found:
            text = "significant increase on T2/FLAIR, by the reader"
            self.notes.add("t2-flair", text)
            yield Sign("t2-flair", text)
        visit = self._visit(0, self.state.nadirs[0])
        yield from self.rules.more_signs(RanoVisit(visit, self.walk.parts[0].scale))

    def _non_target_progresses(self, found: frozenset[ReaderFinding]) -> bool:
        """Whether a reader's progression of the non-targets counts."""
        if self.non_target is not Category.PD:
            return False
        part = self.walk.parts[0]
        is_measured = any(
            part.scale.measure.read(self.course, i, self.t).is_known for i in part.choice.others
        )
        if self.rules.non_target_by_figures and is_measured:
            self.notes.flags.append("NON_TARGET_PD_NEEDS_THE_SUM")
            return False
        increased = ReaderFinding.NON_TARGET_INCREASE in found
        return increased or not self.state.absorbed_non_target

    def with_pending(self, pending: Pending) -> tuple[Assessment, State]:
        """Decide whether this scan confirms an earlier sign of progression."""
        ground = self._ground(pending)
        if ground is None and self._is_incomplete():
            waits = Category.PRE_PD if self.signs else Category.NE
            sign = self.signs[0] if self.signs else None
            return self.give(waits, sign=sign), self.state
        if not self._is_usable(pending):
            if self.signs or ground:
                return self.give(Category.PRE_PD), self.state
            self.decisive = ""
            return self.give(self.without_progression()), self.state
        if ground is not None:
            dated = self.course.name(pending.at)
            text = f"{ground}: progression is confirmed and dated {dated}"
            self.decide("confirmed", text)
            return self.give(Category.PD, confirmed=True), replace(self.state, confirmed=True)
        self.notes.add("not-confirmed", f"{self._compared(pending)}: not confirmed")
        state = replace(self.state, pending=None)
        if self.rules.confirm_by is ConfirmBy.PRELIMINARY:
            state = self._from_preliminary(pending, state)
        return self.give(self.without_progression()), state

    def _ground(self, pending: Pending) -> str | None:
        """Say what confirms the earlier sign, if anything does."""
        if self.rules.confirm_by is ConfirmBy.ORIGINAL:
            return f"{self.signs[0].text}, still" if self.signs else None
        for k, part in enumerate(self.walk.parts):
            if part.scale.limits.is_progression(pending.burdens[k], self.burdens[k]):
                return self._compared(pending, k)
        if self.new_ids - pending.new_ids:
            return "an additional new lesion"
        found = self.course.found(self.t)
        if ReaderFinding.NON_TARGET_INCREASE in found:
            return "non-target disease increased further"
        if self.rules.t2_flair and ReaderFinding.T2_FLAIR_INCREASE in found:
            return "T2/FLAIR increased further"
        return None

    def _is_incomplete(self) -> bool:
        """Whether a target was not evaluated, so that growth cannot be ruled out."""
        return self.target is Category.NE or not all(
            part.totals[self.t].complete for part in self.walk.parts
        )

    def _compared(self, pending: Pending, k: int = 0) -> str:
        """Put this scan beside the one that raised the question, in words."""
        if self.rules.confirm_by is ConfirmBy.ORIGINAL:
            return "the limits over the original reference are no longer met"
        measure, then, now = self.walk.parts[k].scale.measure, pending.burdens[k], self.burdens[k]
        before = f"{measure.text(then)} at {self.course.name(pending.at)}"
        return f"{measure.text(now)} is {percent_text(then, now)} against {before}"

    def _is_usable(self, pending: Pending) -> bool:
        """Whether the scan is late enough to confirm."""
        days = self.course.days(pending.at, self.t)
        if days is None:
            self.notes.flags.append("CONFIRMATION_INTERVAL_UNKNOWN")
            return True
        if days >= self.rules.confirmation_days:
            return True
        self.notes.flags.append("TOO_EARLY_TO_CONFIRM")
        text = f"{days} days after the first sign, fewer than {self.rules.confirmation_days}"
        self.decide("too-early", text, days, self.rules.confirmation_days)
        return False

    def _from_preliminary(self, pending: Pending, state: State) -> State:
        """Take the scan that raised the question as what growth is compared with from now on."""
        parts = self.walk.parts
        nadirs = tuple((part.totals[pending.at].value, pending.at) for part in parts)
        self.outcomes = [self._outcome(k, nadirs[k]) for k in range(len(parts))]
        known = [o.category for o in self.outcomes if o is not None]
        self.target = Category.NE if self.target is Category.NE else combine_parts(known)
        return replace(
            state,
            nadirs=nadirs,
            absorbed=state.absorbed | pending.new_ids,
            absorbed_non_target=True,
        )

    def recheck(self) -> Assessment:
        """Growth that may be due to treatment is no progression yet."""
        self.notes.flags.append("RECHECK")
        text = (
            f"{self.signs[0].text}; within 12 weeks of radiotherapy and not shown to lie outside "
            "the high-dose field nor proven by histology: not progression, recheck"
        )
        self.decide("recheck", text)
        return self.give(Category.SD)

    def without_progression(self) -> Category:
        """Category where nothing progresses: imaging first, then steroids."""
        imaging = self._by_imaging()
        if self.clinical is ClinicalStatus.WORSE and imaging in RESPONSES:
            self.decide("clinical", f"{imaging} needs a stable clinical status: SD")
            imaging = Category.SD
        if imaging is Category.CR and self.steroids not in (None, Steroids.NONE):
            self.decide("steroids", "complete response needs no steroids: PR")
            imaging = Category.PR
        if imaging is not Category.NE and self.steroids is Steroids.INCREASED:
            text = f"steroids were increased: {imaging} counts once the dose has returned"
            self.decide("steroids", text)
            self.notes.flags.append("STEROIDS_INCREASED")
            self.notes.missing.append("a steroid dose no higher than at baseline")
            return Category.NE
        return imaging

    def _by_imaging(self) -> Category:
        target = self.target
        if target is None:
            if self.non_target is Category.NE:
                return Category.NE
            gone = self.non_target is Category.CR and self.rules.can_vanish
            text = "only non-measurable disease: " + ("gone" if gone else "at best stable")
            self.decide("non-measurable", text)
            return Category.CR if gone else Category.SD
        if target is Category.CR and self.non_target not in (None, Category.CR):
            self.decide("non-target-remains", "non-target disease remains: PR")
            return Category.PR
        return Category.SD if target is Category.PD else target

    def give(
        self, category: Category, *, sign: Sign | None = None, confirmed: bool | None = None
    ) -> Assessment:
        """Put together what the timepoint came to."""
        if sign is not None and not any(r.rule_id.endswith(sign.rule) for r in self.notes.reasons):
            self.notes.add(sign.rule, sign.text, sign.value, sign.threshold)
        k = next((k for k, o in enumerate(self.outcomes) if o and o.category is category), 0)
        outcome = self.outcomes[k]
        rule = f"{self.rules.rule}/{sign.rule}" if sign else self.decisive
        if not rule:
            rule = outcome.reason.rule_id if outcome else self.notes.reasons[-1].rule_id
        visit = self._visit(k, self.state.nadirs[k])
        return make_assessment(
            self.walk.criterion,
            visit,
            category=category,
            measure=self.walk.parts[k].scale.measure,
            outcome=outcome,
            decisive=rule,
            confirmed=confirmed,
        )
