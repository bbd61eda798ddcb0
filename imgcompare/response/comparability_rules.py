"""The checks of comparability: which attributes of two series are compared, and what is too much.

References
----------
Raunig 2015, 10.1177/0962280214537344; QIBA CT volumetry, 10.1148/QIBA/20220721; slice thickness
and kernel: PMC4000020. Thresholds are those of the project's table (criteria.md §6).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from imgcompare.model import Concern, Role, Series, Severity
from imgcompare.response.comparability_reading import (
    PHASES,
    SHARP,
    SMOOTH,
    T1_WEIGHTED,
    WITH_CONTRAST,
    contrast_phase,
    fat_suppressed,
    gap_mm,
    has_contrast,
    image_type,
    kernel_class,
    kind_of_image,
    sequence,
    slice_normal,
    tilt_not_shown,
)

Verdict = tuple[Severity, tuple[Concern, ...]]
Judge = Callable[[Any, Any], Iterator[Verdict]]

EVERYTHING = (Concern.ALL,)
SIZES = (Concern.SIZE,)
SIGNAL = (Concern.INTENSITY, Concern.ENHANCEMENT)

EQUAL_THICKNESS = 1.10
MINOR_THICKNESS_RATIO, MINOR_THICKNESS_MM = 1.5, 1.0
MAJOR_THICKNESS_RATIO = 2.0
THIN_FOR_VOLUME_MM, THIN_FOR_DIAMETER_MM = 2.5, 5.0
MINOR_SHARE, MAJOR_SHARE = 1.2, 1.5
"""Ratios of pixel size, field of view, TR, TE, TI and flip angle that count."""

FLAIR_TI_RATIO = 1.15
KVP_STEP = 20.0
TUBE_CURRENT_RATIO = 2.0
FIELD_STEP_T = 0.2
ARTERIAL_DELAY_S, PORTAL_DELAY_S = 10.0, 20.0
MR_DELAY_LEAST_S, MR_DELAY_STEP_S = 240.0, 300.0
CONTRAST_DOSE_RATIO = 1.2
OTHER_PLANE_DEG = 30.0
"""Slices turned further than this show diameters of another plane (house rule)."""

NO_ORIGINAL = frozenset({"DERIVED", "MIP", "MINIP", "LOCALIZER", "PROJECTION IMAGE"})
"""Values of ImageType whose voxels were not acquired as they are; and all that name subtraction."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One check: how to read an attribute, and how to judge two values of it.

    A missing attribute counts one level below ``worst``, the severest verdict of the rule; INFO
    stands for attributes that many series rightly lack, and whose absence is not reported.
    ``fits`` limits it to series it makes sense for.
    """

    check: str
    read: Callable[[Series], Any]
    judge: Judge
    worst: Severity
    concerns: tuple[Concern, ...]
    unit: str = ""
    fits: Callable[[Series, Series], bool] = lambda a, b: True


def rules() -> tuple[Rule, ...]:
    """Give every check, in the order of the table."""
    return (*_IDENTITY, *_SAMPLING, *_CT, *_CONTRAST, *_SCANNER, *_MR)


def ratio(a: float, b: float) -> float:
    """Larger over smaller; infinite where one is zero."""
    low, high = sorted((abs(a), abs(b)))
    return high / low if low else (1.0 if high == low else float("inf"))


def _tilted(a: float, b: float) -> Iterator[Verdict]:
    if a or b:
        yield Severity.BLOCK, EVERYTHING


def _differ(*verdicts: Verdict) -> Judge:
    """Judge any difference."""

    def judge(a: Any, b: Any) -> Iterator[Verdict]:
        if a != b:
            yield from verdicts

    return judge


def _beyond(minor: float, major: float, concerns: tuple[Concern, ...]) -> Judge:
    """Judge by ratio."""

    def judge(a: float, b: float) -> Iterator[Verdict]:
        if ratio(a, b) > major:
            yield Severity.MAJOR, concerns
        elif ratio(a, b) > minor:
            yield Severity.MINOR, concerns

    return judge


def _thickness(a: float, b: float) -> Iterator[Verdict]:
    """1.25 or 2.5 and 5 mm are not interchangeable (PMC4000020)."""
    times, thick = ratio(a, b), max(a, b)
    if times <= EQUAL_THICKNESS:
        return
    minor = times > MINOR_THICKNESS_RATIO or abs(a - b) > MINOR_THICKNESS_MM
    if times >= MAJOR_THICKNESS_RATIO or thick > THIN_FOR_DIAMETER_MM:
        yield Severity.MAJOR, SIZES
    elif thick > THIN_FOR_VOLUME_MM:
        yield Severity.MAJOR, (Concern.VOLUME,)
        if minor:
            yield Severity.MINOR, (Concern.DIAMETER,)
    elif minor:
        yield Severity.MINOR, SIZES


def _gap(a: float, b: float) -> Iterator[Verdict]:
    if a or b:
        yield Severity.MAJOR, SIZES


def _turned(a: tuple[float, ...], b: tuple[float, ...]) -> Iterator[Verdict]:
    cosine = min(1.0, abs(float(np.dot(a, b))))
    if np.degrees(np.arccos(cosine)) > OTHER_PLANE_DEG:
        yield Severity.BLOCK, (Concern.DIAMETER,)


def _kernel(a: str, b: str) -> Iterator[Verdict]:
    """Any change matters to HU criteria; a change of class to volumes."""
    if a.upper() == b.upper():
        return
    yield Severity.MAJOR, (Concern.INTENSITY,)
    classes = {kernel_class(a), kernel_class(b)}
    worse = classes == {SMOOTH, SHARP}
    yield (Severity.MAJOR if worse else Severity.MINOR), (Concern.VOLUME,)


def _kvp(a: float, b: float) -> Iterator[Verdict]:
    if abs(a - b) >= KVP_STEP:
        yield Severity.MINOR, SIZES
        yield Severity.MAJOR, (Concern.INTENSITY,)


def _current(a: float, b: float) -> Iterator[Verdict]:
    if ratio(a, b) > TUBE_CURRENT_RATIO:
        yield Severity.MINOR, SIZES


def _not_original(a: str, b: str) -> Iterator[Verdict]:
    for value in (a, b):
        if any(w in NO_ORIGINAL or "SUBTRACT" in w for w in value.split("\\")):
            yield Severity.BLOCK, EVERYTHING
            return


def _lossy(a: bool, b: bool) -> Iterator[Verdict]:
    if a or b:
        yield Severity.MAJOR, (Concern.SIZE, Concern.INTENSITY)


def _field(a: float, b: float) -> Iterator[Verdict]:
    if abs(a - b) > FIELD_STEP_T:
        yield Severity.MAJOR, (Concern.INTENSITY,)
        yield Severity.MINOR, SIZES


def _inversion(a: float, b: float) -> Iterator[Verdict]:
    if ratio(a, b) > MAJOR_SHARE:
        yield Severity.MAJOR, SIGNAL
    elif ratio(a, b) > FLAIR_TI_RATIO:
        yield Severity.MINOR, SIGNAL


def _delay(a: float, b: float) -> Iterator[Verdict]:
    if min(a, b) < MR_DELAY_LEAST_S or abs(a - b) > MR_DELAY_STEP_S:
        yield Severity.MAJOR, (Concern.ENHANCEMENT,)


def _arterial_delay(a: float, b: float) -> Iterator[Verdict]:
    if abs(a - b) > ARTERIAL_DELAY_S:
        yield Severity.MINOR, SIGNAL


def _portal_delay(a: float, b: float) -> Iterator[Verdict]:
    if abs(a - b) > PORTAL_DELAY_S:
        yield Severity.MINOR, SIGNAL


def _dose(a: float, b: float) -> Iterator[Verdict]:
    if ratio(a, b) > CONTRAST_DOSE_RATIO:
        yield Severity.MINOR, SIGNAL


def _both(modality: str) -> Callable[[Series, Series], bool]:
    return lambda a, b: a.modality == b.modality == modality


def _roles(*roles: Role) -> Callable[[Series, Series], bool]:
    return lambda a, b: a.role in roles and b.role in roles


def _inverted(a: Series, b: Series) -> bool:
    """Whether inversion times make sense: FLAIR, or an inversion recovery sequence."""
    return all(
        s.role is Role.FLAIR or "IR" in (s.acquisition.scanning_sequence or "") for s in (a, b)
    )


_IDENTITY = (
    Rule("modality", lambda s: s.modality or None,
         _differ((Severity.BLOCK, EVERYTHING)), Severity.BLOCK, EVERYTHING),
    Rule("kind of image", kind_of_image, _differ((Severity.BLOCK, EVERYTHING)), Severity.BLOCK,
         EVERYTHING, fits=_both("MR")),
    Rule("image type", image_type, _not_original, Severity.BLOCK, EVERYTHING),
    Rule("plane", slice_normal, _turned, Severity.BLOCK, (Concern.DIAMETER,)),
    Rule("lossy compression", lambda s: s.acquisition.lossy, _lossy, Severity.MAJOR, SIZES),
)  # fmt: skip
_SAMPLING = (
    Rule("slice thickness", lambda s: s.acquisition.slice_thickness_mm, _thickness,
         Severity.MAJOR, SIZES, "mm"),
    Rule("gap between slices", gap_mm, _gap, Severity.MAJOR, SIZES, "mm",
         fits=lambda a, b: gap_mm(a) is not None and gap_mm(b) is not None),
    Rule("pixel size", lambda s: max(s.geometry.spacing_mm[1:]),
         _beyond(MINOR_SHARE, MAJOR_SHARE, SIZES), Severity.MAJOR, SIZES, "mm"),
    Rule("reconstruction diameter", lambda s: s.acquisition.reconstruction_diameter_mm,
         _beyond(MINOR_SHARE, MAJOR_SHARE, SIZES), Severity.INFO, SIZES, "mm", _both("CT")),
)  # fmt: skip
_CT = (
    Rule("reconstruction kernel", lambda s: s.acquisition.convolution_kernel, _kernel,
         Severity.MAJOR, (Concern.VOLUME, Concern.INTENSITY), fits=_both("CT")),
    Rule("reconstruction algorithm", lambda s: s.acquisition.reconstruction_algorithm,
         _differ((Severity.MAJOR, (Concern.VOLUME, Concern.INTENSITY))), Severity.INFO,
         (Concern.VOLUME, Concern.INTENSITY), fits=_both("CT")),
    Rule("tube voltage", lambda s: s.acquisition.kvp, _kvp, Severity.MAJOR,
         (Concern.INTENSITY,), "kV", _both("CT")),
    Rule("dose (CTDIvol)", lambda s: s.acquisition.ctdi_vol_mgy, _current, Severity.INFO,
         SIZES, "mGy", _both("CT")),
    Rule("gantry tilt", tilt_not_shown, _tilted, Severity.INFO, EVERYTHING, "°", _both("CT")),
    Rule("tube current", lambda s: s.acquisition.tube_current_ma, _current, Severity.MINOR,
         SIZES, "mA", _both("CT")),
)  # fmt: skip
_CONTRAST = (
    Rule("contrast", has_contrast,
         _differ((Severity.MAJOR, SIZES), (Severity.BLOCK, SIGNAL)), Severity.BLOCK, SIGNAL,
         fits=lambda a, b: a.role in T1_WEIGHTED or a.modality == "CT"),
    Rule("contrast phase", contrast_phase,
         _differ((Severity.BLOCK, SIGNAL), (Severity.MAJOR, SIZES)), Severity.BLOCK, SIGNAL,
         fits=lambda a, b: a.modality == b.modality == "CT" and a.role is not b.role
         and None not in (has_contrast(a), has_contrast(b))
         and bool(has_contrast(a)) == bool(has_contrast(b))),
    Rule("contrast agent", lambda s: (s.acquisition.contrast_agent or "").upper() or None,
         _differ((Severity.MAJOR, SIGNAL)), Severity.MAJOR, SIGNAL, fits=_roles(Role.T1C)),
    Rule("contrast agent", lambda s: (s.acquisition.contrast_agent or "").upper() or None,
         _differ((Severity.MINOR, SIGNAL)), Severity.MINOR, SIGNAL, fits=_roles(*PHASES)),
    Rule("contrast volume", lambda s: s.acquisition.contrast_volume_ml, _dose, Severity.MINOR,
         SIGNAL, "mL", _roles(*WITH_CONTRAST)),
    Rule("delay after contrast", lambda s: s.acquisition.seconds_after_contrast, _delay,
         Severity.MAJOR, (Concern.ENHANCEMENT,), "s", _roles(Role.T1C)),
    Rule("delay after contrast", lambda s: s.acquisition.seconds_after_contrast,
         _arterial_delay, Severity.MINOR, SIGNAL, "s", _roles(Role.CT_ARTERIAL)),
    Rule("delay after contrast", lambda s: s.acquisition.seconds_after_contrast,
         _portal_delay, Severity.MINOR, SIGNAL, "s", _roles(Role.CT_PORTAL)),
)  # fmt: skip
_SCANNER = (
    Rule("manufacturer", lambda s: s.acquisition.manufacturer,
         _differ((Severity.MINOR, EVERYTHING)), Severity.MINOR, EVERYTHING),
    *(
        Rule(name, read, _differ((Severity.INFO, EVERYTHING)), Severity.INFO, EVERYTHING)
        for name, read in (
            ("scanner model", lambda s: s.acquisition.model),
            ("scanner", lambda s: s.acquisition.device_serial),
            ("software", lambda s: s.acquisition.software),
        )
    ),
    Rule("field strength", lambda s: s.acquisition.field_strength_t, _field, Severity.MAJOR,
         (Concern.INTENSITY,), "T", _both("MR")),
)  # fmt: skip
_MR = (
    Rule("pulse sequence", sequence,
         _differ((Severity.MAJOR, (Concern.SIZE, Concern.INTENSITY))), Severity.MAJOR,
         (Concern.SIZE, Concern.INTENSITY), fits=_both("MR")),
    Rule("sequence name", lambda s: s.acquisition.sequence_name,
         _differ((Severity.INFO, EVERYTHING)), Severity.INFO, EVERYTHING, fits=_both("MR")),
    Rule("repetition time", lambda s: s.acquisition.repetition_time_ms,
         _beyond(MINOR_SHARE, MAJOR_SHARE, SIGNAL), Severity.MAJOR, SIGNAL, "ms", _both("MR")),
    Rule("echo time", lambda s: s.acquisition.echo_time_ms,
         _beyond(MINOR_SHARE, MAJOR_SHARE, SIGNAL), Severity.MAJOR, SIGNAL, "ms", _both("MR")),
    Rule("flip angle", lambda s: s.acquisition.flip_angle_deg,
         _beyond(MINOR_SHARE, MAJOR_SHARE, SIGNAL), Severity.MAJOR, SIGNAL, "°", _both("MR")),
    Rule("inversion time", lambda s: s.acquisition.inversion_time_ms, _inversion,
         Severity.MAJOR, SIGNAL, "ms", fits=_inverted),
    Rule("fat suppression", fat_suppressed, _differ((Severity.MAJOR, SIGNAL)), Severity.MAJOR,
         SIGNAL, fits=_roles(Role.T1C)),
)  # fmt: skip
