"""All criteria side by side: which way each points, which disagree, and why."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from imgcompare.model.clinical import Category


class Direction(StrEnum):
    """Which way a category points; those of one direction agree."""

    RESPONSE = "response"
    STABLE = "stable"
    PROGRESSION = "progression"
    NONE = "none"


DIRECTIONS = {
    **dict.fromkeys((Category.CR, Category.PR, Category.MR, Category.ICR, Category.IPR,
                     Category.NED), Direction.RESPONSE),
    **dict.fromkeys((Category.SD, Category.NON_CR_NON_PD, Category.ISD,
                     Category.INON_CR_NON_PD), Direction.STABLE),
    **dict.fromkeys((Category.PD, Category.PRE_PD, Category.IUPD, Category.ICPD),
                    Direction.PROGRESSION),
    **dict.fromkeys((Category.NE, Category.BASELINE), Direction.NONE),
}  # fmt: skip
"""Direction of every category; NE and the baseline point nowhere."""


class Ground(StrEnum):
    """Why a criterion points another way than most."""

    FIGURE = "they measure different things"
    REFERENCE = "they compare with different timepoints"
    LIMITS = "their limits differ"
    OWN_RULE = "a rule of its own decides"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a criterion gave its category: a rule, the value it saw, the threshold it met or not."""

    rule_id: str
    text: str
    value: float | None = None
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one criterion says at one timepoint, and what it rests on.

    Attributes
    ----------
    criterion, category, direction
        What it says.
    counts : bool
        Whether it has a say: it had a figure at some later timepoint, and is made for the organ
        in which the lesions lie.
    differs : bool
        Whether it points another way than most that have a say.
    rule_id : str
        The rule that decided.
    reasons : tuple of Reason
        What it decided by: the rule and, where that has no number, that of the targets.
    quantity, unit, percent
        What was added up and how much it changed.
    reference : str
        What it was compared with.
    missing : tuple of str
        For NE: the inputs that were missing.
    """

    criterion: str
    category: Category
    direction: Direction
    counts: bool
    differs: bool
    rule_id: str
    reasons: tuple[Reason, ...]
    quantity: str
    unit: str
    percent: float | None
    reference: str
    missing: tuple[str, ...]

    @property
    def text(self) -> str:
        """Words of the reasons."""
        return "; ".join(r.text for r in self.reasons)

    @property
    def by_sum(self) -> bool:
        """Whether what the targets add up to decided, and nothing else."""
        return bool(self.reasons) and all("/target" in r.rule_id for r in self.reasons)

    @property
    def number(self) -> Reason | None:
        """First of the reasons that has a number: what was seen, and the limit it was put to."""
        return next((r for r in self.reasons if r.value is not None), None)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why some criteria point another way than most: the kind of ground, and a sentence."""

    ground: Ground
    criteria: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class SideBySide:
    """One timepoint by all criteria, the first choice first.

    ``causes`` hold every criterion that differs once.
    """

    timepoint_index: int
    opinions: tuple[Opinion, ...]
    causes: tuple[Cause, ...]

    @property
    def disagree(self) -> bool:
        """Whether two criteria that have a say point different ways."""
        return any(o.differs for o in self.opinions)

    @property
    def differing(self) -> tuple[Opinion, ...]:
        """Criteria that point another way than most."""
        return tuple(o for o in self.opinions if o.differs)
