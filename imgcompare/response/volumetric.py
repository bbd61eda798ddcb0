"""Volumetric criteria: qEASL and vRECIST for liver lesions, and an equivalent of RECIST."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import ClassVar

from imgcompare.model import WHOLE, Tissue
from imgcompare.response.best_overall import MIN_SD_DAYS
from imgcompare.response.readings import VOLUME, CourseReadings
from imgcompare.response.recist import recist_size
from imgcompare.response.shapes import SumCriterion
from imgcompare.response.sites import LIVER
from imgcompare.response.sum_criterion import SumRules
from imgcompare.response.sums import Limits, Measure, same_figure
from imgcompare.response.targets import Size

ENHANCING_VOLUME = same_figure(
    "sum of enhancing volumes", "mL", compartment=Tissue.ENHANCING, quantity=VOLUME
)
WHOLE_VOLUME = same_figure("sum of volumes", "mL", compartment=WHOLE, quantity=VOLUME)

SPHERE_RESPONSE = Decimal("65.7")
"""Loss of volume, %, of a sphere that loses 30 % of its diameter: 1 - 0.7**3."""

SPHERE_PROGRESSION = Decimal("72.8")
"""Gain of volume, %, of a sphere that gains 20 % in diameter: 1.2**3 - 1."""


@dataclass(frozen=True, slots=True)
class QEasl(SumCriterion):
    """Quantitative EASL: the volume of the enhancing part.

    Attributes
    ----------
    response_percent : Decimal
        Loss of enhancing volume against baseline that is a response.
    progression_percent : Decimal
        Gain against the nadir that is progression, the volume of +20 % in diameter.
    progression_least_ml : Decimal
        Smallest absolute growth that is progression.
    min_sd_days, confirm
        As in RECIST 1.1.
    """

    response_percent: Decimal = Decimal(65)
    progression_percent: Decimal = Decimal(73)
    progression_least_ml: Decimal = Decimal(0)
    min_sd_days: int = MIN_SD_DAYS
    confirm: bool = False

    name: ClassVar[str] = "qEASL"
    version: ClassVar[str] = "2014"
    requires: ClassVar[tuple[str, ...]] = ("enhancing volume",)
    citations: ClassVar[tuple[str, ...]] = (
        "Chapiro J et al. Radiology 2014;273:746-758. doi:10.1148/radiol.14140033",
    )

    def rules(self) -> SumRules:
        """Give the rules, by the settings."""
        limits = Limits(self.response_percent, self.progression_percent, self.progression_least_ml)
        return SumRules(
            "qeasl",
            ENHANCING_VOLUME,
            limits,
            _has_any(ENHANCING_VOLUME),
            organ=LIVER,
            organ_only=True,
            confirm=self.confirm,
        )


@dataclass(frozen=True, slots=True)
class VRecist(SumCriterion):
    """Volumetric RECIST of the qEASL authors: the volume of the whole lesion.

    The attributes are those of `QEasl`.
    """

    response_percent: Decimal = Decimal(65)
    progression_percent: Decimal = Decimal(73)
    progression_least_ml: Decimal = Decimal(0)
    min_sd_days: int = MIN_SD_DAYS
    confirm: bool = False

    name: ClassVar[str] = "vRECIST"
    version: ClassVar[str] = "2014"
    requires: ClassVar[tuple[str, ...]] = ("whole volume",)
    citations: ClassVar[tuple[str, ...]] = QEasl.citations

    def rules(self) -> SumRules:
        """Give the rules, by the settings."""
        limits = Limits(self.response_percent, self.progression_percent, self.progression_least_ml)
        return SumRules(
            "vrecist",
            WHOLE_VOLUME,
            limits,
            _has_any(WHOLE_VOLUME),
            organ=LIVER,
            organ_only=True,
            confirm=self.confirm,
        )


@dataclass(frozen=True, slots=True)
class VolumetricRecist(SumCriterion):
    """RECIST's limits turned into those of a sphere's volume; not a published standard.

    Attributes
    ----------
    progression_least_ml : Decimal
        Smallest absolute growth that is progression: set it to the repeatability coefficient
        where that is larger.
    min_sd_days, confirm
        As in RECIST 1.1.
    """

    progression_least_ml: Decimal = Decimal("0.1")
    min_sd_days: int = MIN_SD_DAYS
    confirm: bool = False

    name: ClassVar[str] = "volumetric-equivalent"
    version: ClassVar[str] = "1"
    requires: ClassVar[tuple[str, ...]] = ("whole volume",)
    citations: ClassVar[tuple[str, ...]] = (
        "not a published standard; limits of Eisenhauer EA et al. Eur J Cancer 2009;45:228-247, "
        "doi:10.1016/j.ejca.2008.10.026, cubed",
    )

    def rules(self) -> SumRules:
        """Give the rules, by the settings."""
        limits = Limits(SPHERE_RESPONSE, SPHERE_PROGRESSION, self.progression_least_ml)
        return SumRules(
            "volumetric", WHOLE_VOLUME, limits, _recist_measurable, confirm=self.confirm
        )


def _has_any(measure: Measure) -> Callable[[CourseReadings, int], Size]:
    """Every lesion that has any of the tissue is measured."""

    def size(course: CourseReadings, lesion_id: int) -> Size:
        reading = measure.read(course, lesion_id, course.baseline_index)
        if not reading.is_known:
            return Size.NOT_MEASURED
        return Size.MEASURABLE if reading.value else Size.NON_MEASURABLE

    return size


def _recist_measurable(course: CourseReadings, lesion_id: int) -> Size:
    """Measurable as in RECIST where a diameter is known, else any volume."""
    size = _has_any(WHOLE_VOLUME)(course, lesion_id)
    by_diameter = recist_size(course, lesion_id)
    return size if by_diameter is Size.NOT_MEASURED or size is not Size.MEASURABLE else by_diameter
