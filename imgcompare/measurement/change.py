"""How every figure changed: to baseline, to the nadir and to the previous timepoint."""

from __future__ import annotations

import datetime as dt
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from imgcompare.errors import InputError
from imgcompare.measurement.errors import (
    diameter_of,
    error_model,
    figure_sd,
    image_sd,
    sizes_of,
    widened,
)
from imgcompare.measurement.growth import NAN, doubling_time, log_change, specific_growth_rate
from imgcompare.measurement.lesion import AT_IMAGE_EDGE
from imgcompare.measurement.repeatability import HOUSE_DEFAULT, Verdict, judge
from imgcompare.measurement.uncertainty import Z95
from imgcompare.model import (
    Change,
    ComparabilityFinding,
    Exceeds,
    Lesion,
    Measurement,
    Quantity,
    Repeatability,
    Severity,
)

BASELINE: Final = "baseline"
NADIR: Final = "nadir"
PREVIOUS: Final = "previous"

INTENSITIES = frozenset({"mean_intensity", "mean_enhancement"})
"""Quantities of image values, for which no rates and no repeatability figures exist."""

NOT_COMPARED = frozenset({"sd_intensity"})
"""Quantities whose change nobody asks for."""

ARBITRARY_UNITS = "ARBITRARY_UNITS"
"""Flag: MR signal has no absolute scale, so its change means nothing by itself."""

WITHHELD = "WITHHELD"
"""Flag: the acquisitions differ so much that the change is not given."""

ERROR_WIDENED = "ERROR_WIDENED"
"""Flag: the acquisitions differ, so the error is wider than repeatability."""

_Key = tuple[int, str, str]


def measure_changes(
    measurements: Sequence[Measurement],
    dates: Sequence[dt.date | None],
    *,
    baseline_index: int = 0,
    lesions: Sequence[Lesion] = (),
    modality: str = "",
    local: Sequence[Repeatability] = (),
    comparability: Sequence[ComparabilityFinding] = (),
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
    lesions : sequence of Lesion
        Their sites decide about repeatability.
    modality : str
        ``CT`` or ``MR``; told from the unit of the intensities where left out.
    local : sequence of Repeatability
        The user's own test-retest values, which come before published ones.
    comparability : sequence of ComparabilityFinding
        A finding that blocks a figure withholds its change; a major one widens its error.

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
    errors = error_model(measurements, lesions=lesions, modality=modality, local=local)
    sizes = sizes_of(measurements)
    serious = _serious(comparability)
    changes = []
    for key, values in series.items():
        if key[2] in NOT_COMPARED:
            continue
        for later, name, earlier in _pairs(values, baseline_index):
            a, b = values[earlier], values[later]
            worst = _worst(serious.get((earlier, later), ()), a)
            days = _days(dates[earlier], dates[later])
            if worst is not None and worst.severity is Severity.BLOCK:
                changes.append(_withheld(a, b, name, days=days, why=worst.text))
                continue
            mm = diameter_of(sizes.get((key[0], earlier)), a)
            both = a.calibrated and b.calibrated
            error = errors.repeatability(a, diameter_mm=mm, calibrated=both)
            usual = errors.published(a, diameter_mm=mm)
            flags: tuple[str, ...] = ()
            if worst is not None and worst.severity is Severity.MAJOR:
                error, usual, flags = widened(error), widened(usual), (ERROR_WIDENED,)
            change = _change(a, b, name, days=days, error=error, usual=usual)
            changes.append(replace(change, flags=(*change.flags, *flags)))
    return tuple(changes)


def _serious(
    findings: Sequence[ComparabilityFinding],
) -> Mapping[tuple[int, int], Sequence[ComparabilityFinding]]:
    """Pick the findings that change anything, by pair of timepoints."""
    found: dict[tuple[int, int], list[ComparabilityFinding]] = defaultdict(list)
    for finding in findings:
        if finding.severity >= Severity.MAJOR:
            found[finding.from_index, finding.to_index].append(finding)
    return found


def _worst(findings: Sequence[ComparabilityFinding], m: Measurement) -> ComparabilityFinding | None:
    """Give the worst difference between two acquisitions that concerns a figure."""
    own = [f for f in findings if f.applies_to(m.compartment, m.quantity)]
    return max(own, key=lambda f: f.severity, default=None)


def _withheld(
    earlier: Measurement, later: Measurement, reference: str, *, days: int | None, why: str
) -> Change:
    """Give both figures and no change between them."""
    plain = _change(earlier, later, reference, days=days, error=None, usual=None)
    return replace(
        plain,
        absolute=NAN,
        percent=NAN,
        log_change=NAN,
        ci_low=NAN,
        ci_high=NAN,
        growth_rate_percent_per_day=NAN,
        doubling_time_days=NAN,
        reason=f"withheld: {why}",
        flags=(*plain.flags, WITHHELD),
    )


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


def _days(earlier: dt.date | None, later: dt.date | None) -> int | None:
    return (later - earlier).days if earlier and later else None


def _change(
    earlier: Measurement,
    later: Measurement,
    reference: str,
    *,
    days: int | None,
    error: Repeatability | None,
    usual: Repeatability | None,
) -> Change:
    """Compare two figures by the error that decides; say what the usual one would have said."""
    a, b = earlier.value, later.value
    has_rate = later.quantity == "volume"
    verdict = _verdict(earlier, later, error)
    published = _verdict(earlier, later, usual)
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
        error_limit_percent=verdict.limit_percent,
        published_limit_percent=published.limit_percent,
        published="" if usual is None or error == usual else _published_words(published, usual),
    )


def _published_words(verdict: Verdict, usual: Repeatability) -> str:
    """Say what published repeatability makes of a change that something else decided about."""
    if math.isnan(verdict.limit_percent):
        return ""
    if usual.source.startswith(HOUSE_DEFAULT):
        name = "the house default for parts of lesions"
    else:
        tools = " of semi-automatic tools" if usual.modality == "MR" else ""
        name = f"published repeatability{tools}"
    place = {
        Exceeds.YES: "which it exceeds too",
        Exceeds.NO: "within which it lies",
        Exceeds.BORDERLINE: "at whose limit it lies",
    }[verdict.exceeds]
    return f"{name} is ±{verdict.limit_percent:.0f} %, {place}"


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


def _verdict(earlier: Measurement, later: Measurement, error: Repeatability | None) -> Verdict:
    """Weigh the change against the larger of repeatability and the image's own interval."""
    sds = [figure_sd(m, error) for m in (earlier, later)]
    image_counts = error is not None and any(
        image_sd(m) > error.wcv * m.value for m in (earlier, later)
    )
    difference = later.value - earlier.value
    half = Z95 * math.hypot(sds[0], sds[1])
    if error is None:
        reason = f"no repeatability is known for this {later.quantity.replace('_', ' ')}"
        return Verdict(Exceeds.UNKNOWN, difference - half, difference + half, reason)
    if math.isnan(half):
        return Verdict(Exceeds.UNKNOWN, NAN, NAN, "a figure has no interval")
    if AT_IMAGE_EDGE in (*earlier.flags, *later.flags):
        return Verdict(Exceeds.UNKNOWN, NAN, NAN, "the image's edge may cut off part of the lesion")
    source = error.source
    if image_counts:
        source = f"image resolution and noise, beyond {source}"
    return judge(earlier.value, later.value, sd=(sds[0], sds[1]), source=source)
