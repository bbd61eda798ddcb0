"""Tell how good an alignment is, and refuse to call a bad one good.

The thresholds were set on 21 true pairs (head and abdomen, MR and CT, real and simulated, same and
cross contrast, half fields of view) and 38 false ones (noise, another body part, mirrored or
turned-over images, almost empty images); each docstring gives the figures of both groups.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

import numpy as np

from imgcompare.model import RegistrationQuality
from imgcompare.registration import search
from imgcompare.registration.engines import Arithmetic, Float64
from imgcompare.registration.metric import (
    Metric,
    make_metric,
    normalised_mutual_information,
)
from imgcompare.registration.motion import rotation_degrees
from imgcompare.registration.pyramid import MASK_MM, Pyramid
from imgcompare.registration.settings import BINS, RegistrationSettings, TransformKind

SMALLEST_FOREGROUND_ML = 30.0
"""Less tissue than this cannot place a rigid body; a head has 1500 mL or more, a kidney 150."""

LEAST_INFORMATION = 0.03
"""Mutual information in nats inside the foreground. True pairs: .07 (ADC to T2 of an abdomen) and
.16 or more; noise and almost empty images: .006 or less."""

SHIFTS_MM = (8.0, 16.0)
"""How far an alignment is shifted to see whether it was distinctive."""

LARGEST_REMAINDER = 0.73
"""Mean share of the information that remains after SHIFTS_MM. True pairs keep .13 to .66 (the
highest in abdomens, whose organs are large), unrelated ones .79 or more. One true pair of poor
contrast, ADC to T2 of an abdomen, keeps .83 and is called failed."""

LARGEST_MIRRORED = 1.0
"""Information of the best mirrored or turned-over alignment, relative to the one found. True pairs:
.94 or less, mostly .6 to .8; mirrored images: 1.05 to 6.8."""

CLEARLY_MIRRORED = 1.2
"""From here on the orientation is named as the reason before anything else."""

LARGEST_INCONSISTENCY_MM = 2.0
"""Mean distance after mapping there and back, or half the largest voxel side if that is more. True
pairs: .01 to .25."""

LEAST_OVERLAP = 0.3
"""Share of the smaller foreground that the other covers. True pairs: .70 or more."""

ROTATION_SLACK_DEG = 8.0
TRANSLATION_SLACK_MM = 20.0
"""Beyond the largest misalignment searched for plus this, a result is not believed."""

CHECK_BINS = 16
"""Bins of the distinctiveness check, which has only some ten thousand voxels."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What `verdict` decides on; see the thresholds for the meaning of each figure."""

    foreground_ml: float
    information: float
    remainder: float
    mirrored: float
    inconsistency_mm: float | None
    largest_spacing_mm: float
    overlap: float
    turned_deg: float
    shifted_mm: float


def verdict(evidence: Evidence, settings: RegistrationSettings) -> tuple[bool, str]:
    """Decide whether an alignment can be trusted, with the reason."""
    e = evidence
    allowed_mm = max(LARGEST_INCONSISTENCY_MM, 0.5 * e.largest_spacing_mm)
    most_deg = settings.max_rotation_deg + ROTATION_SLACK_DEG
    most_mm = settings.max_translation_mm + TRANSLATION_SLACK_MM
    mirrored = (
        "a mirrored or turned-over copy fits better "
        f"({e.mirrored:.2f} times the information): check the orientation of both images"
    )
    failures = (
        (
            not e.foreground_ml >= SMALLEST_FOREGROUND_ML,
            f"one image holds only {e.foreground_ml:.0f} mL of tissue; "
            f"{SMALLEST_FOREGROUND_ML:.0f} mL are needed",
        ),
        (
            not e.information >= LEAST_INFORMATION,
            f"the images share almost no information ({e.information:.3f} nats; "
            f"{LEAST_INFORMATION:g} are needed)",
        ),
        (e.mirrored > CLEARLY_MIRRORED, mirrored),
        (
            not e.remainder <= LARGEST_REMAINDER,
            f"the alignment is not distinctive: {100 * e.remainder:.0f} % of the shared "
            f"information remains when it is shifted by {SHIFTS_MM[0]:g} to {SHIFTS_MM[-1]:g} mm "
            f"(at most {100 * LARGEST_REMAINDER:.0f} %)",
        ),
        (e.mirrored > LARGEST_MIRRORED, mirrored),
        (
            e.inconsistency_mm is not None and not e.inconsistency_mm <= allowed_mm,
            f"registering back leads {e.inconsistency_mm or 0.0:.1f} mm away "
            f"(at most {allowed_mm:.1f} mm)",
        ),
        (
            not e.overlap >= LEAST_OVERLAP,
            f"only {100 * e.overlap:.0f} % of the smaller image's tissue is in the other "
            f"(at least {100 * LEAST_OVERLAP:.0f} %)",
        ),
        (
            e.turned_deg > most_deg or e.shifted_mm > most_mm,
            f"the images would have to be turned by {e.turned_deg:.0f} degrees and shifted by "
            f"{e.shifted_mm:.0f} mm, more than was searched for",
        ),
    )
    for failed, reason in failures:
        if failed:
            return False, reason
    return True, (
        f"distinctive: shifting by {SHIFTS_MM[0]:g} to {SHIFTS_MM[-1]:g} mm leaves "
        f"{100 * e.remainder:.0f} % of the shared information"
    )


def foreground_overlap(fixed: Pyramid, moving: Pyramid, found: Float64) -> float:
    """Share of the smaller foreground that the other covers at a map from fixed to moving."""
    covered = []
    for one, other, there in ((fixed, moving, found), (moving, fixed, np.linalg.inv(found))):
        points = one.points_mm()
        if not len(points):
            return 0.0
        mapped = points @ there[:3, :3].T + there[:3, 3]
        to_index = np.linalg.inv(other.mask_affine)
        index = np.rint(mapped @ to_index[:3, :3].T + to_index[:3, 3]).astype(int)
        inside = ((index >= 0) & (index < other.tight.shape)).all(axis=1)
        index = np.clip(index, 0, np.array(other.tight.shape) - 1)
        covered.append(float((inside & other.tight[tuple(index.T)]).mean()))
    return max(covered)


def inverse_consistency_mm(
    fixed: Pyramid, moving: Pyramid, found: Float64, *, kind: TransformKind, arithmetic: Arithmetic
) -> float:
    """Mean distance a foreground point moves when mapped there and back by two registrations.

    The way back is found at 2 mm with the roles swapped, so other voxels are interpolated.
    """
    size = min(fixed.levels, key=lambda s: (abs(s - MASK_MM / 2), s))
    back = search.refine(
        moving,
        fixed,
        [search.Candidate(np.asarray(np.linalg.inv(found)), 0.0)],
        size_mm=size,
        kind=kind,
        arithmetic=arithmetic,
        tolerance_mm=0.02 * size,
        reward_overlap=False,
    )[0].matrix
    points = fixed.points_mm()
    round_trip = back @ found
    moved = points @ round_trip[:3, :3].T + round_trip[:3, 3] - points
    return float(np.sqrt((moved**2).sum(axis=1)).mean())


def distinctiveness(metric: Metric, found: Float64) -> tuple[float, float]:
    """Information inside the foreground, and the mean share of it left after shifts.

    Unrelated images can share an outline but no inner structure, so information about them
    hardly depends on the exact position.
    """

    def information(matrix: Float64) -> tuple[float, float]:
        match = metric.match(matrix)
        # Few samples look informative by chance: subtract the expected excess (Miller 1955).
        excess = (metric.bins - 1) ** 2 / (2.0 * max(match.total, 1.0))
        return match.information - excess, match.total

    here, used_here = information(found)
    if here <= 0.0:
        return 0.0, 1.0
    left = []
    for axis, sign, shift in itertools.product(range(3), (-1.0, 1.0), SHIFTS_MM):
        matrix = found.copy()
        matrix[axis, 3] += sign * shift
        there, used = information(matrix)
        if used >= 0.3 * used_here:
            left.append(max(there, 0.0) / here)
    return here, float(np.mean(left)) if left else 1.0


def mirrored_information(
    fixed: Pyramid, moving: Pyramid, found: Float64, *, arithmetic: Arithmetic
) -> float:
    """Information of the best mirrored or turned-over alignment relative to the one found.

    Heads and bodies are nearly symmetric, so a wrong orientation can look well aligned; it gives
    itself away because the other orientation fits better still.
    """
    signs = list(itertools.product((1.0, -1.0), repeat=3))[1:]
    maps = []
    for sign in signs:
        flipped = np.eye(4)
        flipped[:3, :3] = found[:3, :3] * np.array(sign)
        flipped[:3, 3] = moving.centre_mm - flipped[:3, :3] @ fixed.centre_mm
        maps.append(flipped)
    sizes = sorted(fixed.levels, reverse=True)[:2]
    candidates = [search.Candidate(m, 0.0) for m in maps]
    for size, kept in zip(sizes, (2, 1), strict=False):
        candidates = search.refine(
            fixed,
            moving,
            candidates,
            size_mm=size,
            kind=TransformKind.RIGID,
            arithmetic=arithmetic,
            tolerance_mm=0.05 * size,
            reward_overlap=True,
        )[:kept]
    metric = make_metric(
        fixed,
        moving,
        sizes[min(1, len(sizes) - 1)],
        arithmetic=arithmetic,
        bins=BINS,
        reward_overlap=True,
    )
    here = metric.match(found).cost
    return candidates[0].cost / here if here < 0.0 else 1.0


def _moved(fixed: Pyramid, moving: Pyramid, found: Float64, start: Float64) -> tuple[float, float]:
    """Degrees turned from the start, and mm shifted from the start or from aligned centroids."""
    turned = rotation_degrees(np.linalg.inv(start) @ found)
    lands = found[:3, :3] @ fixed.centre_mm + found[:3, 3]
    expected = (start[:3, :3] @ fixed.centre_mm + start[:3, 3], moving.centre_mm)
    return turned, min(float(np.linalg.norm(lands - e)) for e in expected)


def gather(
    fixed: Pyramid,
    moving: Pyramid,
    *,
    found: Float64,
    start: Float64,
    kind: TransformKind,
    arithmetic: Arithmetic,
    settings: RegistrationSettings,
) -> Evidence:
    """Measure everything `verdict` needs; if an image is almost empty, nothing but that."""
    spacing = max(
        float(np.linalg.norm(p.native_affine[:3, :3], axis=0).max()) for p in (fixed, moving)
    )
    foreground = min(fixed.foreground_ml, moving.foreground_ml)
    if foreground < SMALLEST_FOREGROUND_ML:
        return Evidence(foreground, 0.0, 1.0, 1.0, None, spacing, 0.0, 0.0, 0.0)
    inner = make_metric(
        fixed,
        moving,
        fixed.mask_size_mm,
        arithmetic=arithmetic,
        bins=CHECK_BINS,
        wide=False,
    )
    information, remainder = distinctiveness(inner, found)
    consistency = None
    if settings.inverse_check:
        consistency = inverse_consistency_mm(fixed, moving, found, kind=kind, arithmetic=arithmetic)
    turned, shifted = _moved(fixed, moving, found, start)
    return Evidence(
        foreground,
        information,
        remainder,
        mirrored_information(fixed, moving, found, arithmetic=arithmetic),
        consistency,
        spacing,
        foreground_overlap(fixed, moving, found),
        turned,
        shifted,
    )


def judge(
    fixed: Pyramid,
    moving: Pyramid,
    *,
    found: Float64,
    start: Float64,
    kind: TransformKind,
    arithmetic: Arithmetic,
    settings: RegistrationSettings,
    began: float,
) -> RegistrationQuality:
    """Measure an alignment and decide whether it succeeded."""
    metric = make_metric(fixed, moving, fixed.mask_size_mm, arithmetic=arithmetic, bins=BINS)
    before = normalised_mutual_information(metric.match(start).histogram)
    after = normalised_mutual_information(metric.match(found).histogram)
    evidence = gather(
        fixed,
        moving,
        found=found,
        start=start,
        kind=kind,
        arithmetic=arithmetic,
        settings=settings,
    )
    succeeded, reason = verdict(evidence, settings)
    return RegistrationQuality(
        before,
        after,
        evidence.inconsistency_mm,
        evidence.overlap,
        succeeded=succeeded,
        reason=reason,
        seconds=time.perf_counter() - began,
        engine=arithmetic.name,
    )
