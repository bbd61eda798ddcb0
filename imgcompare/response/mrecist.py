"""Modified RECIST for liver cancer: response from the viable, enhancing part of the lesions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from imgcompare.model import (
    WHOLE,
    ReaderFinding,
    Role,
    Tissue,
)
from imgcompare.response.best_overall import MIN_SD_DAYS
from imgcompare.response.other_disease import confirmed_new
from imgcompare.response.readings import LONGEST, CourseReadings
from imgcompare.response.recist import MEASURABLE_MM, MEASURABLE_NODE_MM, recist_size
from imgcompare.response.shapes import SumCriterion
from imgcompare.response.sites import LIVER, is_elsewhere
from imgcompare.response.sum_criterion import SumRules, Visit
from imgcompare.response.sums import Limits, Measure
from imgcompare.response.targets import Size

PORTA_HEPATIS_NODE_MM = Decimal(20)
"""Smallest short axis of a malignant node at the porta hepatis, which reacts to any hepatitis."""

PORTA_WORDS = ("porta", "hepatic hil", "liver hil")

NEW_NODULE_MM = Decimal(10)
"""A new liver nodule counts from this size, or once it has grown by as much."""

CT_ROLES = frozenset({Role.CT, Role.CT_PRE, Role.CT_ARTERIAL, Role.CT_PORTAL, Role.CT_DELAYED})
RULE = "mrecist"


@dataclass(frozen=True, slots=True)
class MRecist(SumCriterion):
    """Modified RECIST for hepatocellular carcinoma.

    Attributes
    ----------
    progression_least_mm : Decimal
        Smallest absolute growth of the sum that is progression; the paper of 2010 has none.
    min_sd_days, confirm
        As in RECIST 1.1.
    """

    progression_least_mm: Decimal = Decimal(0)
    min_sd_days: int = MIN_SD_DAYS
    confirm: bool = False

    name: ClassVar[str] = "mRECIST"
    version: ClassVar[str] = "2010"
    requires: ClassVar[tuple[str, ...]] = (
        "enhancing longest_diameter (arterial phase)",
        "whole longest_diameter (lesions without enhancement at baseline)",
        "whole short_axis (nodes)",
    )
    citations: ClassVar[tuple[str, ...]] = (
        "Lencioni R, Llovet JM. Semin Liver Dis 2010;30:52-60. doi:10.1055/s-0030-1247132",
    )

    def rules(self) -> SumRules:
        """Give the rules, by the settings."""
        limits = Limits(Decimal(30), Decimal(20), self.progression_least_mm)
        return SumRules(
            RULE,
            VIABLE_DIAMETERS,
            limits,
            _size,
            organ=LIVER,
            confirm=self.confirm,
            missing_at=missing_arterial_phase,
            also_progression=_malignant_fluid,
            counts_as_new=_is_unequivocal,
            review=_review,
        )


def _pick(course: CourseReadings, lesion_id: int) -> tuple[str, str]:
    """Viable diameter of liver lesions that enhance at baseline; size of all others."""
    lesion = course.by_id[lesion_id]
    base = course.baseline_index
    viable = course.number(lesion_id, base, LONGEST, compartment=Tissue.ENHANCING)
    if lesion.nodal or is_elsewhere(lesion.site, LIVER) or viable == 0:
        return WHOLE, course.size_quantity(lesion_id)
    return Tissue.ENHANCING, LONGEST


VIABLE_DIAMETERS = Measure("sum of viable diameters", "mm", _pick)
"""Longest diameters of the enhancing part, necrosis in between left out."""


def _size(course: CourseReadings, lesion_id: int) -> Size:
    """Classify a lesion at baseline: viable diameter from 10 mm, nodes from 15 or 20 mm."""
    lesion, base = course.by_id[lesion_id], course.baseline_index
    reading = VIABLE_DIAMETERS.read(course, lesion_id, base)
    if not reading.is_known:
        return Size.NOT_MEASURED
    if lesion.nodal:
        at_porta = any(word in lesion.site.lower() for word in PORTA_WORDS)
        needed = PORTA_HEPATIS_NODE_MM if at_porta else MEASURABLE_NODE_MM
        return Size.MEASURABLE if reading.value >= needed else Size.NORMAL_NODE
    if VIABLE_DIAMETERS.pick(course, lesion_id)[0] == WHOLE:
        return recist_size(course, lesion_id)
    return Size.MEASURABLE if reading.value >= MEASURABLE_MM else Size.NON_MEASURABLE


def missing_arterial_phase(course: CourseReadings, timepoint: int) -> tuple[str, ...]:
    """Name the arterial phase if CT images were read and it is not among them."""
    roles = course.roles[timepoint] if course.roles else frozenset()
    if roles & CT_ROLES and Role.CT_ARTERIAL not in roles:
        return (f"arterial phase CT at {course.name(timepoint)}",)
    return ()


def _malignant_fluid(visit: Visit) -> bool:
    """Effusion or ascites is progression only if malignant cells are proven in it."""
    if ReaderFinding.POSITIVE_CYTOLOGY not in visit.course.found(visit.timepoint):
        return False
    visit.notes.add("cytology", "effusion or ascites with malignant cells, by the reader")
    return True


def _is_unequivocal(course: CourseReadings, lesion_id: int, timepoint: int) -> bool:
    """Whether a new lesion counts: liver nodules from 10 mm with washout, or grown by 10 mm.

    A reader's new lesion without a size counts, as do nodes and lesions outside the liver.
    """
    lesion = course.by_id[lesion_id]
    first = confirmed_new(course, timepoint)[lesion_id]
    now = course.size(lesion_id, timepoint)
    if lesion.nodal or is_elsewhere(lesion.site, LIVER) or not now.is_known:
        return True
    if now.value - course.size(lesion_id, first).value >= NEW_NODULE_MM:
        return True
    sizes = [course.size(lesion_id, t).value for t in range(first, timepoint + 1)]
    return max(sizes) >= NEW_NODULE_MM and ReaderFinding.NO_WASHOUT not in course.found(first)


def _review(visit: Visit) -> Iterator[str]:
    """Say which phase the enhancing part was told from."""
    roles = visit.course.roles[visit.timepoint] if visit.course.roles else frozenset()
    if Role.T1C in roles:
        yield "ARTERIAL_PHASE_ASSUMED"
    if Role.CT_PORTAL in roles:
        yield "ENHANCEMENT_FROM_PORTAL_PHASE"
