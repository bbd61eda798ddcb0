"""Goes through a course by RANO rules, keeping nadirs and progression to be confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

from imgcompare.model import Assessment, Category
from imgcompare.response.base import Criterion
from imgcompare.response.rano_rules import RanoRules, part_course
from imgcompare.response.rano_step import Pending, State, Step, Walk
from imgcompare.response.rano_summary import with_confirmation
from imgcompare.response.readings import CourseReadings
from imgcompare.response.sites import BRAIN
from imgcompare.response.sum_criterion import SumRules, baseline_assessment


def assess_rano(
    criterion: Criterion, course: CourseReadings, rules: RanoRules
) -> tuple[Assessment, ...]:
    """Classify every timepoint from the baseline on, and say which responses were confirmed."""
    parts = tuple(part_course(course, part, rules) for part in rules.parts)
    first, base = parts[0], course.baseline_index
    size_of, scale = rules.parts[0].size_of, first.scale
    plain = SumRules(rules.rule, scale.measure, scale.limits, size_of, organ=BRAIN)
    baseline = baseline_assessment(
        criterion, course, choice=first.choice, total=first.totals[base], rules=plain
    )
    steps = tuple(_steps(Walk(criterion, course, rules, parts)))
    return (baseline, *with_confirmation(course, steps))


def _steps(walk: Walk) -> Iterator[Assessment]:
    """Give one assessment per later timepoint."""
    base = walk.course.baseline_index
    state = State(tuple((p.totals[base].value, base) for p in walk.parts))
    for t in walk.course.later:
        assessment, state = _step(Step(walk, t, state))
        yield assessment
        state = replace(state, nadirs=tuple(_lower(walk, t, state)))


def _lower(walk: Walk, t: int, state: State) -> Iterator[tuple[Decimal, int]]:
    """Nadir of each part for the timepoints to come."""
    for part, nadir in zip(walk.parts, state.nadirs, strict=True):
        now = part.totals[t]
        yield (now.value, t) if now.complete and now.value < nadir[0] else nadir


def _step(step: Step) -> tuple[Assessment, State]:
    """Decide one timepoint from its signs of progression and what is still to be confirmed."""
    state, progression = step.state, step.progression
    if state.confirmed:
        step.decide("confirmed-before", "progression was confirmed before")
        return step.give(Category.PD, confirmed=True), state
    at_once = [s for s in step.signs if s.at_once]
    if at_once:
        return step.give(Category.PD, sign=at_once[0]), replace(state, pending=None)
    if state.pending is not None:
        return step.with_pending(state.pending)
    if not step.signs:
        return step.give(step.without_progression()), state
    if progression is None:
        return step.recheck(), state
    if progression is Category.PD:
        return step.give(Category.PD, sign=step.signs[0]), state
    text = f"{step.signs[0].text}: preliminary until a scan confirms it"
    step.notes.add("preliminary", text)
    pending = Pending(step.t, step.burdens, step.new_ids)
    return step.give(Category.PRE_PD, sign=step.signs[0]), replace(state, pending=pending)
