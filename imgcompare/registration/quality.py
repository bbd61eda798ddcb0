"""Tell how good an alignment is, and refuse to call a bad one good."""

from __future__ import annotations

import time

import numpy as np

from imgcompare.model import RegistrationQuality
from imgcompare.registration import search
from imgcompare.registration.engines import Arithmetic, Float64
from imgcompare.registration.metric import make_metric, normalised_mutual_information
from imgcompare.registration.pyramid import MASK_MM, Pyramid
from imgcompare.registration.settings import BINS, RegistrationSettings, TransformKind


def _overlap(fixed: Pyramid, moving: Pyramid, found: Float64) -> float:
    """Share of the smaller foreground that the other covers."""
    covered = []
    for one, other, there in ((fixed, moving, found), (moving, fixed, np.linalg.inv(found))):
        points = one.points_mm()
        mapped = points @ there[:3, :3].T + there[:3, 3]
        to_index = np.linalg.inv(other.mask_affine)
        index = np.rint(mapped @ to_index[:3, :3].T + to_index[:3, 3]).astype(int)
        inside = ((index >= 0) & (index < other.tight.shape)).all(axis=1)
        index = np.clip(index, 0, np.array(other.tight.shape) - 1)
        covered.append(float((inside & other.tight[tuple(index.T)]).mean()))
    return max(covered)


def inverse_consistency_mm(
    fixed: Pyramid,
    moving: Pyramid,
    found: Float64,
    *,
    kind: TransformKind,
    arithmetic: Arithmetic,
) -> float:
    """Mean distance a foreground point moves when mapped there and back by two registrations."""
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
    size = fixed.mask_size_mm
    metric = make_metric(fixed, moving, size, arithmetic=arithmetic, bins=BINS)
    before = normalised_mutual_information(metric.histogram(start))
    after = normalised_mutual_information(metric.histogram(found))
    consistency = None
    if settings.inverse_check:
        consistency = inverse_consistency_mm(fixed, moving, found, kind=kind, arithmetic=arithmetic)
    return RegistrationQuality(
        before,
        after,
        consistency,
        _overlap(fixed, moving, found),
        succeeded=True,
        reason="",
        seconds=time.perf_counter() - began,
        engine=arithmetic.name,
    )
