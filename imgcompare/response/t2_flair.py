"""T2/FLAIR abnormality of lesions that gain no contrast: it is what was outlined."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from imgcompare.model import WHOLE, Role, Tissue
from imgcompare.response.figures import Figures

if TYPE_CHECKING:
    from imgcompare.response.readings import CourseReadings

SHOW_WATER = frozenset({Role.FLAIR, Role.T2})
"""Images on which all of a lesion that does not enhance is seen."""

VOLUME = "volume"


def is_t2_flair_outline(course: CourseReadings, figures: Figures, where: tuple[int, int]) -> bool:
    """Whether the outline of a lesion at a timepoint is its T2/FLAIR abnormality.

    So it is where it was outlined on these images, as it gains no contrast; and where an outline
    was given, FLAIR or T2 was read, and no tissue of the lesion enhanced when it was first seen. A
    typed table has a compartment for it.
    """
    lesion_id, timepoint = where
    if where in figures.on_water:
        return True
    if not course.roles or not course.roles[timepoint] & SHOW_WATER:
        return False
    first = next((t for t in range(course.count) if (lesion_id, t) in figures.seen), None)
    enhancing = figures.values.get((lesion_id, first or 0, Tissue.ENHANCING.value, VOLUME))
    return first is not None and not enhancing


def on_t2_flair(
    course: CourseReadings, figures: Figures, where: tuple[int, int], quantity: str
) -> Decimal | None:
    """Read T2/FLAIR abnormality from an outline; with oedema beyond it, its volume only."""
    if not is_t2_flair_outline(course, figures, where):
        return None
    whole = course.number(*where, quantity, compartment=WHOLE)
    oedema = figures.values.get((*where, Tissue.OEDEMA.value, VOLUME))
    if whole is None or not oedema or where in figures.on_water:
        return whole
    return whole + oedema if quantity == VOLUME else None


def gains_no_contrast(course: CourseReadings, lesion_id: int, timepoint: int) -> bool:
    """Whether images after contrast show that nothing in a lesion enhances."""
    seen = not course.roles or Role.T1C in course.roles[timepoint]
    return seen and course.is_t2_flair_outline(lesion_id, timepoint)
