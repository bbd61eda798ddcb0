"""What the RANO criteria measure: products of two diameters, or volumes, and their limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from imgcompare.model import ClinicalEventKind, Tissue
from imgcompare.response.readings import (
    LONGEST,
    PERPENDICULAR,
    PRODUCT,
    T2_FLAIR,
    VOLUME,
    CourseReadings,
)
from imgcompare.response.recist import thick_slice_minimum
from imgcompare.response.sums import Limits, Measure, same_figure
from imgcompare.response.targets import Size

MEASURABLE_MM = Decimal(10)
"""Both diameters of a measurable lesion reach this, or two slices where those are thick."""

MINOR_VOLUME_PERCENT = Decimal(40)
"""Loss of volume that is a minor response; a sphere that loses 25 % of its area loses 35.0 %."""

RADIOTHERAPY_WINDOW_DAYS = 84
"""Up to 12 weeks after radiotherapy (day 84 included) growth may be due to treatment."""

IMMUNOTHERAPY_WINDOW_DAYS = Decimal("30.4375") * 6
"""Up to six months after the start of immunotherapy growth may be due to inflammation."""


class Metric(StrEnum):
    """What is added up."""

    PRODUCT = "product"
    VOLUME = "volume"


class Window(StrEnum):
    """Where a scan lies with respect to a time in which treatment may look like growth."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Scale:
    """A measure with its limits."""

    measure: Measure
    limits: Limits


def _scales(
    tissue: str, words: str, *, minor: bool, minor_volume_percent: Decimal = MINOR_VOLUME_PERCENT
) -> Mapping[Metric, Scale]:
    areas = same_figure(f"sum of products of {words}", "mm2", compartment=tissue, quantity=PRODUCT)
    volumes = same_figure(f"volume of {words}", "mL", compartment=tissue, quantity=VOLUME)
    minor_area, minor_volume = (Decimal(25), minor_volume_percent) if minor else (None, None)
    return MappingProxyType(
        {
            Metric.PRODUCT: Scale(
                areas, Limits(Decimal(50), Decimal(25), minor_percent=minor_area)
            ),
            Metric.VOLUME: Scale(
                volumes, Limits(Decimal(65), Decimal(40), minor_percent=minor_volume)
            ),
        }
    )


ENHANCING = _scales(Tissue.ENHANCING, "enhancing tumour", minor=False)
"""-50 % and +25 % of area, -65 % and +40 % of volume: they are never mixed."""

NON_ENHANCING = _scales(T2_FLAIR, "T2/FLAIR abnormality", minor=True)
"""The same with minor response: from -25 % of area or -40 % of volume."""


def non_enhancing(minor_volume_percent: Decimal) -> Mapping[Metric, Scale]:
    """Give the scales of T2/FLAIR abnormality with another volume of minor response."""
    words = "T2/FLAIR abnormality"
    return _scales(T2_FLAIR, words, minor=True, minor_volume_percent=minor_volume_percent)


def two_diameters_size(compartment: str) -> Callable[[CourseReadings, int], Size]:
    """Classify lesions by both diameters of a compartment at baseline.

    A product without diameters is measurable from 10 by 10 mm, a volume alone if it is not zero.
    """

    def size(course: CourseReadings, lesion_id: int) -> Size:
        return size_at(course, lesion_id, at=course.baseline_index, compartment=compartment)

    return size


def size_at(course: CourseReadings, lesion_id: int, *, at: int, compartment: str) -> Size:
    """Classify a lesion by both diameters of a compartment at a timepoint."""

    def number(quantity: str) -> Decimal | None:
        return course.number(lesion_id, at, quantity, compartment=compartment)

    needed = thick_slice_minimum(MEASURABLE_MM, course.slice_mm(at))
    both = [number(LONGEST), number(PERPENDICULAR)]
    known = [mm for mm in both if mm is not None]
    product, volume = number(PRODUCT), number(VOLUME)
    if len(known) == len(both):
        is_measurable = min(known) >= needed
    elif product is not None:
        is_measurable = product >= needed**2
    elif volume is not None:
        is_measurable = volume > 0
    else:
        return Size.NOT_MEASURED
    return Size.MEASURABLE if is_measurable else Size.NON_MEASURABLE


def choose_scale(
    course: CourseReadings, scales: Mapping[Metric, Scale], primary: Metric
) -> tuple[Scale, Scale | None]:
    """Scale to assess by and, where its figures are there as well, the other one.

    The primary metric is used unless no lesion has it at baseline and some have the other.
    """
    first = scales[primary]
    others = [scale for metric, scale in scales.items() if metric is not primary]
    second = others[0] if others else None
    if second is None or _is_measured(course, first):
        return first, second if second and _is_measured(course, second) else None
    return (second, None) if _is_measured(course, second) else (first, None)


def _is_measured(course: CourseReadings, scale: Scale) -> bool:
    base = course.baseline_index
    return any(scale.measure.read(course, i, base).is_known for i in course.present_at(base))


def radiotherapy_window(course: CourseReadings, timepoint: int) -> Window:
    """Whether a scan is within 12 weeks of the end of radiotherapy."""
    return _window(
        course, timepoint, ClinicalEventKind.RADIOTHERAPY_END, Decimal(RADIOTHERAPY_WINDOW_DAYS)
    )


def immunotherapy_window(course: CourseReadings, timepoint: int) -> Window:
    """Whether a scan is within six months of the start of immunotherapy."""
    return _window(
        course, timepoint, ClinicalEventKind.IMMUNOTHERAPY_START, IMMUNOTHERAPY_WINDOW_DAYS
    )


def _window(
    course: CourseReadings, timepoint: int, kind: ClinicalEventKind, last_day: Decimal
) -> Window:
    if not any(e.kind is kind for e in course.clinical) or course.dates[timepoint] is None:
        return Window.UNKNOWN
    days = course.days_since(kind, timepoint)
    return Window.INSIDE if days is not None and days <= last_day else Window.OUTSIDE


def sum_of_new(
    course: CourseReadings, new_ids: Sequence[int], *, at: int, measure: Measure
) -> Decimal:
    """Add up what is known of new lesions."""
    return sum((measure.read(course, i, at).value for i in new_ids), Decimal(0))
