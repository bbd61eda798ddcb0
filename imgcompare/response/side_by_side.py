"""All criteria side by side at each timepoint: which disagree, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace

from imgcompare.model import (
    DIRECTIONS,
    Assessment,
    Category,
    Cause,
    Direction,
    Ground,
    Opinion,
    Reason,
    SideBySide,
)
from imgcompare.response.base import FIRST_CHOICE
from imgcompare.response.sum_criterion import OUTSIDE_ITS_ORGAN

NEW_LESION, OVERALL = "/new-lesion", "/overall"
"""Ends of rule ids: a reader's new lesion, and the table that joins all disease."""

NON_TARGETS = ("/non-target-reader", "/non-target-proposed", "/marker")
"""Ends of rule ids of what is said about disease beyond the targets."""


def side_by_side(
    assessments: Sequence[Assessment], *, baseline_index: int = 0
) -> tuple[SideBySide, ...]:
    """Set the criteria side by side at each timepoint.

    Parameters
    ----------
    assessments : sequence of Assessment
        Of one course, of any criteria, in any order.
    baseline_index : int
        Timepoint that the others are compared with.

    Returns
    -------
    tuple of SideBySide
        In order of time; criteria by name, the first choice first.
    """
    able = with_a_say(assessments, baseline_index=baseline_index)
    times = sorted({a.timepoint_index for a in assessments})
    return tuple(
        _beside(t, sorted((a for a in assessments if a.timepoint_index == t), key=_name), able)
        for t in times
    )


def with_a_say(assessments: Sequence[Assessment], *, baseline_index: int = 0) -> frozenset[str]:
    """Criteria made for this organ that had a figure at any timepoint after the baseline."""
    elsewhere = {a.criterion for a in assessments if OUTSIDE_ITS_ORGAN in a.flags}
    able = {
        a.criterion
        for a in assessments
        if a.timepoint_index > baseline_index and a.value is not None and a.category != Category.NE
    }
    return frozenset(able - elsewhere)


def deciding_reasons(assessment: Assessment) -> tuple[Reason, ...]:
    """Give the reasons that decided: the rule and, where it has no number, that of the targets."""
    reasons = assessment.reasons
    decided = next((r for r in reversed(reasons) if r.rule_id == assessment.rule_id), None)
    by_figure = tuple(r for r in reasons if "/target" in r.rule_id and r.value is not None)[-1:]
    if decided is None:
        return by_figure or reasons[-1:]
    if decided.value is not None or decided.rule_id.endswith(NEW_LESION):
        return (decided,)
    if not decided.rule_id.endswith(OVERALL):
        return (decided, *by_figure)
    by_targets = assessment.category in (assessment.target, f"i{assessment.target}")
    if by_targets and by_figure:
        return by_figure
    return tuple(_beyond_targets(assessment, by_figure)) or (decided,)


def _beyond_targets(assessment: Assessment, by_figure: Sequence[Reason]) -> Iterator[Reason]:
    """Give what decided where the targets alone say something else."""
    progresses = DIRECTIONS.get(Category(assessment.category)) is Direction.PROGRESSION
    for reason in assessment.reasons:
        beyond = reason.rule_id.endswith(NON_TARGETS) and (not progresses or " PD " in reason.text)
        if beyond or reason.rule_id.endswith(NEW_LESION):
            yield reason
    if not progresses:
        yield from by_figure


def _name(assessment: Assessment) -> tuple[bool, str]:
    return assessment.criterion != FIRST_CHOICE, assessment.criterion.lower()


def _beside(timepoint: int, found: Sequence[Assessment], able: frozenset[str]) -> SideBySide:
    opinions = [_opinion(a, counts=a.criterion in able) for a in found]
    leader = _leader(opinions)
    marked = tuple(replace(o, differs=_points(o) and o.direction is not leader) for o in opinions)
    return SideBySide(timepoint, marked, tuple(_causes(marked, leader)))


def _opinion(a: Assessment, *, counts: bool) -> Opinion:
    category = Category(a.category)
    return Opinion(
        a.criterion,
        category,
        DIRECTIONS[category],
        counts,
        False,
        a.rule_id,
        deciding_reasons(a),
        a.quantity,
        a.unit,
        a.percent,
        a.reference,
        a.missing,
    )


def _points(opinion: Opinion) -> bool:
    return opinion.counts and opinion.direction is not Direction.NONE


def _leader(opinions: Sequence[Opinion]) -> Direction | None:
    """Direction that most criteria point to; that of the first criterion where there is a tie."""
    ways = [o.direction for o in opinions if _points(o)]
    if not ways:
        return None
    count = Counter(ways)
    return max(count, key=lambda way: (count[way], way is ways[0]))


def _causes(opinions: Sequence[Opinion], leader: Direction | None) -> Iterator[Cause]:
    """Say why criteria differ, beside one that speaks for the others; those alike together."""
    spokesman = next((o for o in opinions if _points(o) and o.direction is leader), None)
    if spokesman is None:
        return
    groups: dict[tuple[Category, str], list[Opinion]] = {}
    for other in opinions:
        if other.differs:
            groups.setdefault((other.category, other.text), []).append(other)
    for alike in groups.values():
        ground, words = explain(spokesman, alike[0])
        names = tuple(o.criterion for o in alike)
        said = f"{spokesman.criterion} says {spokesman.category}, {_joined(names)} "
        yield Cause(ground, names, f"{said}{alike[0].category}: {words}.")


def explain(one: Opinion, other: Opinion) -> tuple[Ground, str]:
    """Say why two criteria come to different categories."""
    special = [o for o in (one, other) if not o.by_sum]
    if special:
        words = (f"{o.criterion} decides by a rule of its own ({o.text})" for o in special)
        return Ground.OWN_RULE, " and ".join(words)
    if one.quantity != other.quantity:
        return Ground.FIGURE, f"{Ground.FIGURE}, {_figure(one)} and {_figure(other)}"
    if one.reference != other.reference:
        return Ground.REFERENCE, (
            f"both measure the {one.quantity}, but compare it with different timepoints, "
            f"{_figure(one)} and {_figure(other)}"
        )
    return Ground.LIMITS, (
        f"both measure the {one.quantity} ({_change(one)}), but {Ground.LIMITS}: "
        f"{_limit(one)} and {_limit(other)}"
    )


def _figure(opinion: Opinion) -> str:
    return f"the {opinion.quantity} ({_change(opinion)} against {opinion.reference or 'nothing'})"


def _change(opinion: Opinion) -> str:
    return "no percentage" if opinion.percent is None else f"{opinion.percent:+.1f} %"


def _limit(opinion: Opinion) -> str:
    number = opinion.number
    if number is None or number.threshold is None:
        return f"{opinion.criterion} meets none"
    return f"{opinion.criterion} that of {number.threshold:g} {opinion.unit}"


def _joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
