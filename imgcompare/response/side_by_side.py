"""All criteria side by side at each timepoint: which disagree, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from imgcompare.model import Assessment, Category, Reason

FIRST_CHOICE = "RECIST 1.1"
"""The criterion that others are set beside where no direction has a majority."""


class Direction(StrEnum):
    """Which way a category points."""

    RESPONSE = "response"
    STABLE = "stable"
    PROGRESSION = "progression"


DIRECTIONS = {
    **dict.fromkeys((Category.CR, Category.PR, Category.MR, Category.ICR, Category.IPR,
                     Category.NED), Direction.RESPONSE),
    **dict.fromkeys((Category.SD, Category.NON_CR_NON_PD, Category.ISD,
                     Category.INON_CR_NON_PD), Direction.STABLE),
    **dict.fromkeys((Category.PD, Category.PRE_PD, Category.IUPD, Category.ICPD),
                    Direction.PROGRESSION),
}  # fmt: skip
"""Categories that point somewhere; NE and the baseline point nowhere."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one criterion says at one timepoint, and what it rests on.

    Attributes
    ----------
    criterion, category, direction
        ``direction`` is None for NE and the baseline.
    rule_id, text, value, threshold
        The rule that decided, its words, the number it saw and the one it was compared with.
    quantity, unit, percent
        What was added up and how much it changed.
    reference : str
        What it was compared with.
    confirmed : bool or None
        As in `Assessment`.
    missing : tuple of str
        For NE: the inputs that were missing.
    """

    criterion: str
    category: Category
    direction: Direction | None
    rule_id: str
    text: str
    value: float | None
    threshold: float | None
    quantity: str
    unit: str
    percent: float | None
    reference: str
    confirmed: bool | None
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One timepoint by all criteria.

    ``causes`` say in a sentence each why a criterion points another way than most.
    """

    timepoint_index: int
    opinions: tuple[Opinion, ...]
    causes: tuple[str, ...]

    @property
    def disagree(self) -> bool:
        """Whether two criteria point different ways."""
        return len({o.direction for o in self.opinions} - {None}) > 1

    @property
    def differing(self) -> tuple[Opinion, ...]:
        """Criteria that point another way than most."""
        leader = _leader(self.opinions)
        return tuple(o for o in self.opinions if o.direction not in (None, leader))


def side_by_side(assessments: Sequence[Assessment]) -> tuple[SideBySide, ...]:
    """Set the criteria side by side at each timepoint.

    Parameters
    ----------
    assessments : sequence of Assessment
        Of one course, of any criteria, in any order.

    Returns
    -------
    tuple of SideBySide
        In order of time; criteria by name.
    """
    times = sorted({a.timepoint_index for a in assessments})
    return tuple(
        _beside(t, sorted((a for a in assessments if a.timepoint_index == t), key=_name))
        for t in times
    )


def _name(assessment: Assessment) -> tuple[bool, str]:
    return assessment.criterion != FIRST_CHOICE, assessment.criterion.lower()


def _beside(timepoint: int, assessments: Sequence[Assessment]) -> SideBySide:
    opinions = tuple(_opinion(a) for a in assessments)
    return SideBySide(timepoint, opinions, tuple(_causes(opinions)))


def _opinion(a: Assessment) -> Opinion:
    reason = _deciding(a)
    category = Category(a.category)
    return Opinion(
        a.criterion,
        category,
        DIRECTIONS.get(category),
        reason.rule_id,
        reason.text,
        reason.value,
        reason.threshold,
        a.quantity,
        a.unit,
        a.percent,
        a.reference,
        a.confirmed,
        a.missing,
    )


def _deciding(a: Assessment) -> Reason:
    """Reason that decided; where the combination did, that is the last reason by its id."""
    found = [r for r in a.reasons if r.rule_id == a.rule_id]
    return found[-1] if found else Reason(a.rule_id, "")


def _leader(opinions: Sequence[Opinion]) -> Direction | None:
    """Direction that most criteria point to; that of the first criterion where there is a tie."""
    count = Counter(o.direction for o in opinions if o.direction is not None)
    if not count:
        return None
    best = max(count.values())
    leaders = [d for d, n in count.items() if n == best]
    first = next(o.direction for o in opinions if o.direction is not None)
    return first if first in leaders else leaders[0]


def _causes(opinions: Sequence[Opinion]) -> Iterator[str]:
    """Say why each criterion that differs does, beside one that speaks for the others."""
    leader = _leader(opinions)
    spokesman = next((o for o in opinions if o.direction is leader), None)
    if leader is None or spokesman is None:
        return
    for other in opinions:
        if other.direction not in (None, leader):
            yield explain(spokesman, other)


def explain(one: Opinion, other: Opinion) -> str:
    """Say in a sentence why two criteria come to different categories."""
    both = f"{one.criterion} says {one.category}, {other.criterion} {other.category}: "
    special = [o for o in (one, other) if not _is_by_sum(o)]
    if special:
        why = " and ".join(
            f"{o.criterion} decides by a rule of its own ({o.text})" for o in special
        )
        return both + why
    if one.quantity != other.quantity:
        return both + (f"they measure different things, {_figure(one)} and {_figure(other)}")
    if one.reference != other.reference:
        return both + (
            f"both measure the {one.quantity}, but compare it with different timepoints, "
            f"{_figure(one)} and {_figure(other)}"
        )
    return both + (
        f"both measure the {one.quantity} ({_change(one)}), but their limits differ, "
        f"{_limit(one)} and {_limit(other)}"
    )


def _is_by_sum(opinion: Opinion) -> bool:
    """Whether the sum of the targets decided, alone or because nothing else spoke against it."""
    rule = opinion.rule_id.rsplit("/", 1)[-1]
    by_targets = opinion.text.startswith(f"targets {opinion.category},")
    return rule.startswith("target") or (rule == "overall" and by_targets)


def _figure(opinion: Opinion) -> str:
    return f"the {opinion.quantity} ({_change(opinion)} against {opinion.reference or 'nothing'})"


def _change(opinion: Opinion) -> str:
    return "no percentage" if opinion.percent is None else f"{opinion.percent:+.1f} %"


def _limit(opinion: Opinion) -> str:
    if opinion.threshold is None:
        return f"{opinion.criterion} meets none"
    return f"{opinion.criterion} {opinion.threshold:g} {opinion.unit}"
