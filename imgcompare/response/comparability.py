"""Compares the acquisitions of two visits before their figures are: what stands between them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations

from imgcompare.model import (
    ComparabilityFinding,
    Concern,
    Measurement,
    Role,
    Series,
    Severity,
    Timepoint,
)
from imgcompare.response.comparability_reading import body_regions, sequence
from imgcompare.response.comparability_rules import Rule, ratio, rules

SHORT_DAYS, LONG_DAYS = 14, 26 * 7
"""Intervals outside these are noted: shorter ones see little, longer ones join several courses."""

SAME_SEQUENCE_RATIO = 1.05
"""TR, TE and spacing within which two T1 series may be subtracted."""

WORDS = {True: "yes", False: "no"}


def compare_acquisitions(
    timepoints: Sequence[Timepoint],
    measured: Sequence[Series | None],
    *,
    misaligned: Collection[int] = (),
) -> tuple[ComparabilityFinding, ...]:
    """Check every pair of visits, the series that were measured against each other.

    Parameters
    ----------
    timepoints : sequence of Timepoint
        In order of time.
    measured : sequence of Series or None
        The series each visit was measured on, None where nothing was.
    misaligned : collection of int
        Positions of visits that could not be registered to the baseline.

    Returns
    -------
    tuple of ComparabilityFinding
        Worst first within a pair. A finding of severity BLOCK withholds the figures it concerns,
        one of MAJOR widens their error.
    """
    found: list[ComparabilityFinding] = []
    for i, j in combinations(range(len(timepoints)), 2):
        own = [*_of_interval(timepoints, i, j), *_of_registration(i, j, misaligned)]
        a, b = measured[i], measured[j]
        if a is not None and b is not None:
            own += _of_series(a, b, (i, j), aligned=not {i, j} & set(misaligned))
            own += _of_subtraction(timepoints, i, j)
        found += sorted(own, key=lambda f: (-f.severity, f.unknown))
    return tuple(found)


def withhold(
    measurements: Sequence[Measurement],
    findings: Sequence[ComparabilityFinding],
    *,
    baseline_index: int,
) -> tuple[Measurement, ...]:
    """Leave out figures whose acquisition is not comparable with the baseline's.

    Criteria then find no value and say that they cannot be evaluated.
    """
    blocks = [
        f for f in findings if f.severity is Severity.BLOCK and f.from_index == baseline_index
    ]
    return tuple(
        m
        for m in measurements
        if not any(
            f.to_index == m.timepoint_index and f.applies_to(m.compartment, m.quantity)
            for f in blocks
        )
    )


def _of_series(
    a: Series, b: Series, pair: tuple[int, int], *, aligned: bool
) -> Iterator[ComparabilityFinding]:
    if not a.acquisition.is_recorded and not b.acquisition.is_recorded:
        yield ComparabilityFinding(
            "acquisition", Severity.MAJOR, (Concern.ALL,), *pair, a.role.value, "", "",
            "Neither series says how it was acquired (no DICOM header), so it cannot be checked "
            "whether they are comparable.", unknown=True,
        )  # fmt: skip
        return
    for rule in rules():
        if rule.fits(a, b):
            yield from _apply(rule, a, b, pair)
    yield from _of_region(a, b, pair, aligned=aligned)


def _apply(
    rule: Rule, a: Series, b: Series, pair: tuple[int, int]
) -> Iterator[ComparabilityFinding]:
    """Judge one attribute of two series; one that is missing counts one level below its rule."""
    first, second = rule.read(a), rule.read(b)
    said = _said(first, rule.unit), _said(second, rule.unit)
    if first is None or second is None:
        if rule.worst is Severity.INFO:
            return
        both = first is None and second is None
        which = "in either header" if both else "in one header"
        yield ComparabilityFinding(
            rule.check, Severity(rule.worst - 1), rule.concerns, *pair, b.role.value, *said,
            f"{rule.check.capitalize()} is not recorded {which}.", unknown=True,
        )  # fmt: skip
        return
    for severity, concerns in rule.judge(first, second):
        yield ComparabilityFinding(
            rule.check, severity, concerns, *pair, b.role.value, *said, _sentence(rule, *said)
        )


def _sentence(rule: Rule, earlier: str, later: str) -> str:
    """Say what differs, or what both share that should not be."""
    name = rule.check.capitalize()
    if earlier == later:
        return f"{name}: {earlier} in both."
    return f"{name} differs: {earlier}, then {later}."


def _said(value: object, unit: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return WORDS[value]
    if isinstance(value, tuple):  # a slice normal
        return "(" + ", ".join(f"{v:.2f}" for v in value) + ")"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".rstrip()


def _of_region(
    a: Series, b: Series, pair: tuple[int, int], *, aligned: bool
) -> Iterator[ComparabilityFinding]:
    """Check the body region; a registration that succeeded shows it too where no header does."""
    names = a.acquisition.body_part or "", b.acquisition.body_part or ""
    first, second = body_regions(a), body_regions(b)
    if first and second and not first & second:
        yield ComparabilityFinding(
            "body region", Severity.BLOCK, (Concern.ALL,), *pair, b.role.value, *names,
            f"Body region differs: {names[0]}, then {names[1]}.",
        )  # fmt: skip
    elif not (first and second) and not aligned:
        yield ComparabilityFinding(
            "body region", Severity.MAJOR, (Concern.ALL,), *pair, b.role.value, *names,
            "Body region is missing in a header, and the images do not align.", unknown=True,
        )  # fmt: skip


def _of_interval(timepoints: Sequence[Timepoint], i: int, j: int) -> Iterator[ComparabilityFinding]:
    first, second = timepoints[i].date, timepoints[j].date
    if first is None or second is None:
        yield ComparabilityFinding(
            "interval", Severity.INFO, (Concern.ALL,), i, j, "", _said(first, ""),
            _said(second, ""), "The interval is unknown, for a date is missing.", unknown=True,
        )  # fmt: skip
        return
    days = (second - first).days
    if not SHORT_DAYS <= days <= LONG_DAYS:
        word = "short" if days < SHORT_DAYS else "long"
        yield ComparabilityFinding(
            "interval", Severity.INFO, (Concern.ALL,), i, j, "", str(first), str(second),
            f"The interval of {days} days is {word} (usual: 2 to 26 weeks).",
        )  # fmt: skip


def _of_registration(i: int, j: int, misaligned: Collection[int]) -> Iterator[ComparabilityFinding]:
    if {i, j} & set(misaligned):
        yield ComparabilityFinding(
            "registration", Severity.BLOCK, (Concern.VOXELWISE,), i, j, "", "", "",
            "The images could not be aligned, so they cannot be compared voxel by voxel.",
        )  # fmt: skip


def _of_subtraction(
    timepoints: Sequence[Timepoint], i: int, j: int
) -> Iterator[ComparabilityFinding]:
    """Check that T1 before and after contrast of each visit may be subtracted."""
    for index in (i, j):
        series: Mapping[Role, Series] = timepoints[index].series
        plain, contrast = series.get(Role.T1), series.get(Role.T1C)
        if plain is None or contrast is None:
            continue
        why = _not_subtractable(plain, contrast)
        if why:
            yield ComparabilityFinding(
                "T1 pair", Severity.BLOCK, (Concern.SUBTRACTION,), i, j, Role.T1C.value, "", "",
                f"T1 before and after contrast of {timepoints[index].name} differ in {why}; their "
                "difference image is not to be trusted.",
            )  # fmt: skip


def _not_subtractable(plain: Series, contrast: Series) -> str:
    """Name the first thing in which two T1 series differ; empty if in nothing that is known."""
    first, second = sequence(plain), sequence(contrast)
    if first and second and first != second:
        return f"pulse sequence ({first}, {second})"
    a, b = plain.acquisition, contrast.acquisition
    pairs = (
        ("repetition time", a.repetition_time_ms, b.repetition_time_ms),
        ("echo time", a.echo_time_ms, b.echo_time_ms),
        ("slice spacing", plain.geometry.slice_spacing_mm, contrast.geometry.slice_spacing_mm),
        ("pixel size", max(plain.geometry.spacing_mm[1:]), max(contrast.geometry.spacing_mm[1:])),
    )
    for name, x, y in pairs:
        if x and y and ratio(x, y) > SAME_SEQUENCE_RATIO:
            return f"{name} ({x:g}, {y:g})"
    return ""
