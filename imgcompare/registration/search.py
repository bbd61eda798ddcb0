"""Find the map between two images from any start: many guesses at 8 mm, the best few refined."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.registration.engines import Arithmetic
from imgcompare.registration.metric import MOST_ON_THE_WAY, Match, Metric, make_metric
from imgcompare.registration.motion import Motion, rotation_matrix
from imgcompare.registration.optimise import minimise
from imgcompare.registration.pyramid import Pyramid
from imgcompare.registration.settings import BINS, TransformKind

Float64 = npt.NDArray[np.float64]

COARSE_MM = 8.0
"""Level at which all guesses are tried: a minimum there is some 15 mm and 12 degrees wide."""

COARSE_BINS = 16
"""Bins at 8 mm, where a head has only some ten thousand foreground voxels."""

COARSE_SAMPLES = 3_000
"""Fixed voxels with which guesses are scored, at most."""

ROTATION_STEP_DEG = 18.0
"""Spacing of the rotations tried, about 1.5 times the half-width of a minimum at 8 mm."""

SHIFT_STEP_MM = 20.0
"""Spacing of the shifts tried."""

SHIFTS_ACROSS = 1
"""Steps of shift to each side, left-right and front-back, about centroid alignment."""

SHIFTS_ALONG = 3
"""Steps of shift to each side along the body, where fields of view differ most."""

REFINED = 8
"""Guesses refined at 8 mm; the best KEPT of them go on to 4 mm."""

KEPT = 3

SHARPER = 0.2
"""Share of a coarser level's inverse curvature that a level starts with: finer copies match more
sharply, and a first step too short costs less than one too long."""

SAME_MM = 4.0
"""Two results closer than this are one."""

PREFER_START = 0.02
"""The starting guess is kept unless another result has this share more information."""


class AlongMotion:
    """A metric as a function of a motion's parameters."""

    def __init__(self, metric: Metric, motion: Motion) -> None:
        self._metric, self._motion = metric, motion
        self._last: Match | None = None

    def cost(self, x: Float64) -> float:
        """Cost at parameters ``x``."""
        self._last = self._metric.match(self._motion.matrix(x))
        return self._last.cost

    def slope(self, x: Float64) -> Float64:
        """Gradient at the parameters that `cost` was called with last."""
        last = self._last or self._metric.match(self._motion.matrix(x))
        return self._motion.pull_back(x, self._metric.slope(last))


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A map (4, 4) from fixed to moving world, its cost, and what was learned of curvature."""

    matrix: Float64
    cost: float
    from_start: bool = False
    inverse_hessian: Float64 | None = None


def descend(
    metric: Metric,
    candidate: Candidate,
    *,
    kind: TransformKind,
    fixed: Pyramid,
    size_mm: float,
    tolerance_mm: float,
) -> Candidate:
    """Minimise from a candidate at one level."""
    motion = Motion(kind, candidate.matrix, fixed.centre_mm, fixed.radius_mm)
    known = candidate.inverse_hessian
    if known is not None:
        known = known * SHARPER if known.shape[0] == motion.count else None
    found = minimise(
        AlongMotion(metric, motion),
        np.zeros(motion.count),
        first_step=0.25 * size_mm,
        longest_step=2.0 * size_mm,
        tolerance=tolerance_mm,
        inverse_hessian=known,
    )
    return Candidate(
        motion.matrix(found.x), found.cost, candidate.from_start, found.inverse_hessian
    )


def _turned(base: Float64, turns: Float64, centre: Float64, shifts: Float64) -> Float64:
    """Give ``base`` followed by each turn (n, 3, 3) about where ``centre`` lands, and a shift.

    Every turn is combined with every shift (m, 3); shape (n * m, 4, 4).
    """
    pivot = base[:3, :3] @ centre + base[:3, 3]
    out = np.zeros((len(turns), len(shifts), 4, 4))
    out[..., 3, 3] = 1.0
    out[..., :3, :3] = (turns @ base[:3, :3])[:, None]
    out[..., :3, 3] = (turns @ (base[:3, 3] - pivot) + pivot)[:, None] + shifts
    return out.reshape(-1, 4, 4)


def _rotations(limit_deg: float) -> Float64:
    """Grid of rotation matrices (n, 3, 3) up to about ``limit_deg``, the identity first."""
    steps = int(np.ceil(max(0.0, limit_deg - 0.75 * ROTATION_STEP_DEG) / ROTATION_STEP_DEG))
    line = np.arange(-steps, steps + 1) * np.radians(ROTATION_STEP_DEG)
    vectors = sorted(itertools.product(line, repeat=3), key=lambda v: float(np.linalg.norm(v)))
    reach = np.radians(limit_deg) + 0.5 * np.radians(ROTATION_STEP_DEG)
    return np.stack([rotation_matrix(v) for v in vectors if np.linalg.norm(v) <= reach])


def guesses(
    fixed: Pyramid, moving: Pyramid, start: Float64, *, limit_deg: float, limit_mm: float
) -> Float64:
    """Give the maps (n, 4, 4) to try: around the start, and around aligned foreground centroids.

    The start itself comes first.
    """
    centred = np.eye(4)
    centred[:3, :3] = start[:3, :3]
    centred[:3, 3] = moving.centre_mm - start[:3, :3] @ fixed.centre_mm
    across = min(SHIFTS_ACROSS, int(np.ceil(limit_mm / SHIFT_STEP_MM)))
    along = min(SHIFTS_ALONG, int(np.ceil(limit_mm / SHIFT_STEP_MM)))
    ranges = [range(-n, n + 1) for n in (across, across, along)]
    shifts = np.array(list(itertools.product(*ranges)), dtype=np.float64) * SHIFT_STEP_MM
    turns = _rotations(limit_deg)
    here = _turned(start, turns, fixed.centre_mm, np.zeros((1, 3)))
    return np.concatenate([here, _turned(centred, turns, fixed.centre_mm, shifts)])


def distance_mm(first: Float64, second: Float64, fixed: Pyramid) -> float:
    """Root mean square distance between two maps over the fixed foreground (approximately)."""
    difference = first - second
    shift = difference[:3, :3] @ fixed.centre_mm + difference[:3, 3]
    turned = np.sum(difference[:3, :3] ** 2) * fixed.radius_mm**2 / 3.0
    return float(np.sqrt(shift @ shift + turned))


def _distinct(
    candidates: list[Candidate], fixed: Pyramid, apart_mm: float, *, most: int = 100
) -> list[Candidate]:
    """Best first, without those close to a better one; the starting guess' result always stays."""
    kept: list[Candidate] = []
    for one in sorted(candidates, key=lambda c: c.cost):
        if len(kept) == most:
            break
        near = [k for k in kept if distance_mm(one.matrix, k.matrix, fixed) < apart_mm]
        if not near:
            kept.append(one)
        elif one.from_start:
            kept[kept.index(near[0])] = Candidate(
                near[0].matrix, near[0].cost, True, near[0].inverse_hessian
            )
    return kept


def _score(metric: Metric, maps: Float64) -> Float64:
    """Costs (n,) of many maps."""
    index = metric.to_moving_index @ maps @ metric.fixed_affine
    return -metric.arithmetic.information_of_many(
        metric.fixed, metric.moving, matrices=np.ascontiguousarray(index[:, :3]), bins=metric.bins
    )


def search_coarse(
    fixed: Pyramid,
    moving: Pyramid,
    maps: Float64,
    *,
    arithmetic: Arithmetic,
    size_mm: float = COARSE_MM,
    refined: int = REFINED,
) -> list[Candidate]:
    """Score many maps at the coarse level and refine the best; ``maps[0]`` is always refined."""
    thinned = make_metric(
        fixed,
        moving,
        size_mm,
        arithmetic=arithmetic,
        bins=COARSE_BINS,
        reward_overlap=True,
        most=COARSE_SAMPLES,
    )
    costs = _score(thinned, maps)
    scored = [
        Candidate(m, float(c), n == 0) for n, (m, c) in enumerate(zip(maps, costs, strict=True))
    ]
    chosen = _distinct(scored[1:], fixed, 1.5 * size_mm, most=refined)
    metric = make_metric(
        fixed, moving, size_mm, arithmetic=arithmetic, bins=COARSE_BINS, reward_overlap=True
    )
    found = [
        descend(
            metric,
            one,
            kind=TransformKind.RIGID,
            fixed=fixed,
            size_mm=size_mm,
            tolerance_mm=0.05 * size_mm,
        )
        for one in [scored[0], *chosen]
    ]
    return _distinct(found, fixed, SAME_MM)


def refine(
    fixed: Pyramid,
    moving: Pyramid,
    candidates: list[Candidate],
    *,
    size_mm: float,
    kind: TransformKind,
    arithmetic: Arithmetic,
    tolerance_mm: float,
    reward_overlap: bool,
    most: int = MOST_ON_THE_WAY,
) -> list[Candidate]:
    """Minimise every candidate at one level; best first, the start's result if as good."""
    metric = make_metric(
        fixed,
        moving,
        size_mm,
        arithmetic=arithmetic,
        bins=BINS,
        reward_overlap=reward_overlap,
        most=most,
    )
    found = [
        descend(metric, c, kind=kind, fixed=fixed, size_mm=size_mm, tolerance_mm=tolerance_mm)
        for c in candidates
    ]
    found = _distinct(found, fixed, SAME_MM)
    for one in found[1:]:
        if one.from_start and one.cost <= found[0].cost * (1.0 - PREFER_START):
            return [one, *(c for c in found if c is not one)]
    return found
