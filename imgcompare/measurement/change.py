"""How every figure changed: to baseline, to the nadir and to the previous timepoint."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from imgcompare.errors import InputError
from imgcompare.measurement.growth import NAN, doubling_time, log_change, specific_growth_rate
from imgcompare.measurement.repeatability import (
    Repeatability,
    Verdict,
    judge,
    published_repeatability,
)
from imgcompare.measurement.uncertainty import Z95
from imgcompare.measurement.volume import sphere_equivalent_diameter_mm
from imgcompare.model import WHOLE, Change, Exceeds, Measurement, Quantity

BASELINE: Final = "baseline"
NADIR: Final = "nadir"
PREVIOUS: Final = "previous"

INTENSITIES = frozenset({"mean_intensity", "mean_enhancement"})
"""Quantities of image values, for which no rates and no repeatability figures exist."""

NOT_COMPARED = frozenset({"sd_intensity"})
"""Quantities whose change nobody asks for."""

ARBITRARY_UNITS = "ARBITRARY_UNITS"
"""Flag: MR signal has no absolute scale, so its change means nothing by itself."""

_Key = tuple[int, str, str]


def measure_changes(
    measurements: Sequence[Measurement],
    dates: Sequence[dt.date | None],
    *,
    baseline_index: int = 0,
) -> tuple[Change, ...]:
    """Compare each figure with its baseline, its nadir and its previous value.

    Parameters
    ----------
    measurements : sequence of Measurement
        Figures of any lesions, compartments and quantities, in any order.
    dates : sequence of date or None
        Date of each timepoint, by timepoint index; rates need them.
    baseline_index : int
        Which timepoint is the baseline.

    Returns
    -------
    tuple of Change
        In order of lesion, compartment, quantity and later timepoint. The nadir is the smallest
        value of the baseline and later timepoints before the one compared, never itself. Figures
        that are NaN are passed over.

    Raises
    ------
    InputError
        If a timepoint index lies outside ``dates``, or a figure is given twice.
    """
    series = _by_figure(measurements, len(dates))
    modality = _modalities(measurements)
    changes = []
    for key, values in series.items():
        if key[2] in NOT_COMPARED:
            continue
        sizes = series.get((key[0], WHOLE, "longest_diameter"), {})
        for later, name, earlier in _pairs(values, baseline_index):
            repeatability = published_repeatability(
                key[2],
                key[1],
                modality=modality.get(key[0], ""),
                diameter_mm=_diameter(sizes.get(earlier), values[earlier]),
            )
            days = _days(dates[earlier], dates[later])
            changes.append(
                _change(values[earlier], values[later], name, days=days, error=repeatability)
            )
    return tuple(changes)


def _by_figure(
    measurements: Sequence[Measurement], timepoints: int
) -> Mapping[_Key, Mapping[int, Measurement]]:
    series: dict[_Key, dict[int, Measurement]] = defaultdict(dict)
    for m in measurements:
        if not 0 <= m.timepoint_index < timepoints:
            raise InputError(
                f"A {m.quantity} belongs to timepoint {m.timepoint_index}, but dates are given "
                f"for {timepoints} timepoints only."
            )
        values = series[(m.lesion_id, m.compartment, m.quantity)]
        if m.timepoint_index in values:
            raise InputError(
                f"Lesion {m.lesion_id} has two values of {m.compartment} {m.quantity} at "
                f"timepoint {m.timepoint_index}; keep one."
            )
        if not math.isnan(m.value):
            values[m.timepoint_index] = m
    return series


def _modalities(measurements: Sequence[Measurement]) -> Mapping[int, str]:
    """CT or MR for each lesion, told from the unit of its intensities."""
    names = {Quantity.HU.value: "CT", Quantity.MR_SIGNAL.value: "MR"}
    return {m.lesion_id: names[m.unit] for m in measurements if m.unit in names}


def _pairs(values: Mapping[int, Measurement], baseline: int) -> Iterator[tuple[int, str, int]]:
    """Each later timepoint with the name and index of what it is compared with."""
    order = sorted(values)
    for position, later in enumerate(order[1:], start=1):
        if later > baseline:
            if baseline in values:
                yield later, BASELINE, baseline
            earlier = [i for i in order if baseline <= i < later]
            if earlier:
                yield later, NADIR, min(earlier, key=lambda i: values[i].value)
        yield later, PREVIOUS, order[position - 1]


def _diameter(size: Measurement | None, value: Measurement) -> float:
    """Longest diameter of the lesion, or of a sphere of its volume, mm."""
    if size is not None:
        return size.value
    return sphere_equivalent_diameter_mm(value.value) if value.quantity == "volume" else NAN


def _days(earlier: dt.date | None, later: dt.date | None) -> int | None:
    return (later - earlier).days if earlier and later else None


def _change(
    earlier: Measurement,
    later: Measurement,
    reference: str,
    *,
    days: int | None,
    error: Repeatability | None,
) -> Change:
    a, b = earlier.value, later.value
    has_rate = later.quantity == "volume"
    verdict = _verdict(earlier, later, error)
    return Change(
        lesion_id=later.lesion_id,
        compartment=later.compartment,
        quantity=later.quantity,
        unit=later.unit,
        reference=reference,
        from_index=earlier.timepoint_index,
        to_index=later.timepoint_index,
        days=days,
        from_value=a,
        to_value=b,
        absolute=b - a,
        percent=_percent(earlier, later),
        log_change=NAN if later.quantity in INTENSITIES else log_change(a, b),
        ci_low=verdict.ci_low,
        ci_high=verdict.ci_high,
        growth_rate_percent_per_day=specific_growth_rate(a, b, days) if has_rate else NAN,
        doubling_time_days=doubling_time(a, b, days) if has_rate else NAN,
        exceeds_error=verdict.exceeds,
        reason=verdict.reason,
        flags=_flags(earlier, later),
    )


def _percent(earlier: Measurement, later: Measurement) -> float:
    """Percent change; NaN from zero, and for Hounsfield units at or below zero."""
    if earlier.value <= 0.0:
        return NAN
    return 100.0 * (later.value - earlier.value) / earlier.value


def _flags(earlier: Measurement, later: Measurement) -> tuple[str, ...]:
    extra: tuple[str, ...] = ()
    if later.quantity in INTENSITIES and later.unit == Quantity.MR_SIGNAL.value:
        extra = (ARBITRARY_UNITS,)
    return tuple(dict.fromkeys((*earlier.flags, *later.flags, *extra)))


def _image_sd(m: Measurement) -> float:
    """Give the standard deviation from the figure's own interval, NaN where it has none."""
    if m.value == 0.0:
        return m.ci_high / Z95
    return (m.ci_high - m.ci_low) / (2.0 * Z95)


def _verdict(earlier: Measurement, later: Measurement, error: Repeatability | None) -> Verdict:
    """Weigh the change against the larger of repeatability and the image's own interval."""
    sds = []
    image_counts = False
    for m in (earlier, later):
        image = _image_sd(m)
        repeat = error.wcv * m.value if error else NAN
        image_counts |= image > repeat
        sds.append(max((x for x in (image, repeat) if not math.isnan(x)), default=NAN))
    difference = later.value - earlier.value
    half = Z95 * math.hypot(sds[0], sds[1])
    if error is None:
        reason = f"no published repeatability for this {later.quantity.replace('_', ' ')}"
        return Verdict(Exceeds.UNKNOWN, difference - half, difference + half, reason)
    if math.isnan(half):
        return Verdict(Exceeds.UNKNOWN, NAN, NAN, "a figure has no interval")
    source = error.source
    if image_counts:
        source = f"image resolution and noise, beyond {source}"
    return judge(earlier.value, later.value, sd=(sds[0], sds[1]), source=source)
