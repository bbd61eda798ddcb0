"""What all patterns look at: sums over lesions, exact comparisons, and figures in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from imgcompare.model import Assessment, Change, Role
from imgcompare.response.readings import CourseReadings
from imgcompare.response.sites import BRAIN, is_known, place_of

WINDOW_UNKNOWN = "WINDOW_UNKNOWN"
"""Flag: an events table would say whether a window applies."""

CANNOT_TELL = "This measurement cannot tell why."


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """Everything the patterns look at."""

    course: CourseReadings
    assessments: Sequence[Assessment]
    changes: Sequence[Change]

    def change(self, lesion_id: int, t: int, compartment: str, quantity: str) -> Change | None:
        """Change from the baseline."""
        for c in self.changes:
            what = (c.lesion_id, c.to_index, c.compartment, c.quantity, c.reference)
            if what == (lesion_id, t, compartment, quantity, "baseline"):
                return c
        return None

    def name(self, *lesion_ids: int) -> str:
        """Name lesions at the start of a sentence."""
        return f"Lesion {self.course.called(*lesion_ids)}"

    def is_head(self) -> bool:
        """Whether this is about the brain: by site, or by contrast-enhanced MR without one."""
        sites = [lesion.site for lesion in self.course.lesions if is_known(lesion.site)]
        if sites:
            return any(place_of(site).organ == BRAIN for site in sites)
        return any(Role.T1C in roles for roles in self.course.roles)


def total(
    course: CourseReadings, t: int, reference: int, quantity: str, compartment: str
) -> tuple[Decimal, Decimal] | None:
    """Sum of a figure at reference and now, over the lesions known at both."""
    pairs = [
        (a, b)
        for i in course.by_id
        if (a := course.number(i, reference, quantity, compartment=compartment)) is not None
        and (b := course.number(i, t, quantity, compartment=compartment)) is not None
    ]
    if not pairs:
        return None
    return sum((a for a, _ in pairs), Decimal(0)), sum((b for _, b in pairs), Decimal(0))


def rose(pair: tuple[Decimal, Decimal], percent: int) -> bool:
    """Whether a figure rose by at least so many percent, exactly."""
    return pair[0] > 0 and 100 * (pair[1] - pair[0]) >= percent * pair[0]


def fell(pair: tuple[Decimal, Decimal], percent: int) -> bool:
    """Whether a figure fell by at least so many percent, exactly."""
    return pair[0] > 0 and 100 * (pair[0] - pair[1]) >= percent * pair[0]


def percent_text(pair: tuple[Decimal, Decimal]) -> str:
    """Write a change in percent; never used to decide."""
    return f"{100 * (pair[1] - pair[0]) / pair[0]:+.0f} %"


def moved(name: str, pair: tuple[Decimal, Decimal], unit: str) -> str:
    """``Enhancing volume rose 43 % (12.1 → 17.3 mL)``."""
    verb = "rose" if pair[1] > pair[0] else "fell"
    share = f"{abs(100 * (pair[1] - pair[0]) / pair[0]):.0f} %"
    return f"{name} {verb} {share} ({pair[0]:.1f} → {pair[1]:.1f} {unit})"


def weeks(days: int) -> str:
    """Write an interval in weeks, short ones in days."""
    return f"{days / 7:.0f} weeks" if days >= 14 else f"{days} days"
