"""Where to look: axial planes through a lesion in baseline patient space, and sampling on them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import Comparison, LesionSegmentation, TimepointResult, Transform

MIN_ZOOM_MM, MAX_ZOOM_MM = 64.0, 220.0
ZOOM_MARGIN = 1.5
"""Side of a zoomed view relative to the lesion."""

ZOOM_PIXELS = 288
CONTEXT_PIXELS = 256
MAX_POINTS = 20_000
"""Lesion voxels used to choose a level; more change nothing."""

LEVEL_STEP_MM = 0.5


@dataclass(frozen=True, slots=True)
class Plane:
    """A square axial picture in patient space, seen from the feet as radiologists do.

    Rows run to the back, columns to the patient's left, so the patient's right is on the left of
    the picture. ``corner_mm`` is the LPS position of the centre of pixel [0, 0].
    """

    corner_mm: tuple[float, float, float]
    step_mm: float
    pixels: int

    @property
    def side_mm(self) -> float:
        """Length of a side of the picture, mm."""
        return self.step_mm * self.pixels

    @property
    def level_mm(self) -> float:
        """Height in the patient (LPS z), mm."""
        return self.corner_mm[2]

    def points(self) -> npt.NDArray[np.float64]:
        """LPS position of every pixel centre, shape (rows, columns, 3)."""
        offsets = np.arange(self.pixels) * self.step_mm
        x, y, z = self.corner_mm
        points = np.empty((self.pixels, self.pixels, 3))
        points[..., 0] = x + offsets[None, :]
        points[..., 1] = y + offsets[:, None]
        points[..., 2] = z
        return points


def plane_around(centre_mm: npt.ArrayLike, side_mm: float, pixels: int) -> Plane:
    """Axial square of a given size around a point."""
    x, y, z = (float(v) for v in np.asarray(centre_mm))
    step = side_mm / pixels
    half = (pixels - 1) / 2.0 * step
    return Plane((x - half, y - half, z), step, pixels)


def sample(
    array: AnyArray,
    geometry: Geometry,
    plane: Plane,
    *,
    to_own: Transform | None = None,
    outside: float = np.nan,
) -> npt.NDArray[np.float32]:
    """Interpolate an image linearly on a plane.

    Points up to half a voxel outside the outermost voxel centres take the edge value, so that a
    single-slice image can be shown; those beyond get ``outside``.

    Parameters
    ----------
    array : array, shape ``geometry.shape``
        Voxel values.
    geometry : Geometry
        Their grid.
    plane : Plane
        In baseline space.
    to_own : Transform, optional
        From baseline space to the image's space; identity by default.
    outside : float
        Value of points that the image does not cover.
    """
    from scipy.ndimage import map_coordinates

    index = _indices(geometry, plane, to_own)
    inside = np.ones((plane.pixels, plane.pixels), dtype=bool)
    for axis, size in enumerate(geometry.shape):
        inside &= (index[axis] >= -0.5) & (index[axis] <= size - 0.5)
    source = array.astype(np.uint8) if array.dtype == bool else array
    values = map_coordinates(source, index, order=1, mode="nearest", output=np.float32)
    return np.where(inside, values, np.float32(outside))


def _indices(geometry: Geometry, plane: Plane, to_own: Transform | None) -> npt.NDArray[np.float64]:
    """Voxel indices of every pixel, shape (3, rows, columns).

    They are a plane in index space, so two steps span them; nothing is multiplied per pixel.
    """
    corner = np.array(plane.corner_mm)
    step = np.eye(3) * plane.step_mm
    points = np.stack([corner, corner + step[0], corner + step[1]])
    own = to_own.apply(points) if to_own is not None else points
    start, right, down = geometry.world_to_index(own)
    count = np.arange(plane.pixels)
    along = (right - start)[:, None, None] * count[None, None, :]
    return np.asarray(
        start[:, None, None] + along + (down - start)[:, None, None] * count[None, :, None]
    )


def is_aligned(result: TimepointResult) -> bool:
    """Tell whether a timepoint's pictures show the same anatomy as the baseline's."""
    quality = result.aligned.to_baseline.quality
    return quality is None or quality.succeeded


def for_viewing(comparison: Comparison) -> Comparison:
    """Replace failed transforms by shifts that bring the lesions into view.

    Pictures of such timepoints show the lesion, but not the same anatomy, and must say so.
    """
    if not comparison.results or all(map(is_aligned, comparison.results)):
        return comparison
    base = baseline_result(comparison)
    results = [r if is_aligned(r) else _shifted(r, base) for r in comparison.results]
    return replace(comparison, results=tuple(results))


def _shifted(result: TimepointResult, base: TimepointResult) -> TimepointResult:
    common = [i for i in base.lesions if i in result.lesions]
    own, there = (
        r.lesions[common[0]].geometry.centre_mm if common else r.aligned.geometry.centre_mm
        for r in (result, base)
    )
    matrix = np.eye(4)
    matrix[:3, 3] = there - own
    shift = replace(result.aligned.to_baseline, matrix=matrix)
    return replace(result, aligned=replace(result.aligned, to_baseline=shift))


def in_timepoint(result: TimepointResult, points_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Map baseline points to the timepoint's own reference space."""
    return baseline_to_own(result).apply(points_mm)


def baseline_to_own(result: TimepointResult) -> Transform:
    """Give the transform from baseline reference space to this timepoint's reference space."""
    return result.aligned.to_baseline.inverse()


def lesion_plane(comparison: Comparison, lesion_id: int) -> Plane | None:
    """Choose the axial plane that shows a lesion best at all timepoints together.

    The level is where the lesion's cross-sections, each timepoint weighted alike, are largest;
    the square is centred on the lesion's outline at that level and leaves a margin around it.
    None if no timepoint shows the lesion.
    """
    found = [
        (r, r.lesions[lesion_id])
        for r in comparison.results
        if lesion_id in r.lesions and r.lesions[lesion_id].mask().any()
    ]
    if not found:
        return None
    clouds = [lesion_points(result, lesion) for result, lesion in found]
    thickness = [_axial_thickness_mm(r, s) for r, s in found]
    level = _best_level(clouds, thickness)
    near = [p[np.abs(p[:, 2] - level) <= t] for p, t in zip(clouds, thickness, strict=True)]
    flat = np.concatenate(near if any(len(p) for p in near) else clouds)[:, :2]
    low, high = flat.min(axis=0), flat.max(axis=0)
    side = float(np.clip((high - low).max() * ZOOM_MARGIN + 12.0, MIN_ZOOM_MM, MAX_ZOOM_MM))
    centre = (low + high) / 2.0
    return plane_around((centre[0], centre[1], level), side, ZOOM_PIXELS)


def lesion_points(result: TimepointResult, lesion: LesionSegmentation) -> npt.NDArray[np.float64]:
    """Voxel centres of a whole lesion in baseline space, thinned out; shape (n, 3), LPS mm."""
    index = np.argwhere(lesion.mask())
    index = index[:: max(1, len(index) // MAX_POINTS)]
    return result.aligned.to_baseline.apply(lesion.geometry.index_to_world(index))


def context_plane(comparison: Comparison, level_mm: float) -> Plane:
    """Axial square at a level that holds the whole baseline image."""
    baseline = baseline_result(comparison)
    geometry = baseline.aligned.geometry
    corners = np.array(np.meshgrid(*[(-0.5, n - 0.5) for n in geometry.shape])).reshape(3, -1).T
    points = geometry.index_to_world(corners)
    low, high = points.min(axis=0), points.max(axis=0)
    centre, side = (low + high) / 2.0, float((high - low)[:2].max())
    return plane_around((centre[0], centre[1], level_mm), side, CONTEXT_PIXELS)


def baseline_result(comparison: Comparison) -> TimepointResult:
    """Give the baseline's result, or the first one if the baseline has none."""
    index = comparison.course.baseline_index
    return next((r for r in comparison.results if r.index == index), comparison.results[0])


def trimmed(plane: Plane, image: npt.NDArray[np.float32], threshold: float) -> Plane:
    """Cut the empty border off a context plane: the square around everything above a value."""
    shown = np.nan_to_num(image, nan=-np.inf) > threshold
    if not shown.any():
        return plane
    rows, columns = np.flatnonzero(shown.any(axis=1)), np.flatnonzero(shown.any(axis=0))
    middle = np.array([columns[0] + columns[-1], rows[0] + rows[-1]]) / 2.0 * plane.step_mm
    span = max(np.ptp(rows), np.ptp(columns)) * plane.step_mm + 12.0
    x, y, z = plane.corner_mm
    side = min(float(span), plane.side_mm)
    return plane_around((x + middle[0], y + middle[1], z), side, plane.pixels)


def _axial_thickness_mm(result: TimepointResult, lesion: LesionSegmentation) -> float:
    """Extent of one voxel along the patient's long axis, mm."""
    steps = result.aligned.to_baseline.matrix[:3, :3] @ lesion.geometry.affine[:3, :3]
    return float(np.abs(steps[2]).max())


def _best_level(clouds: list[npt.NDArray[np.float64]], thickness_mm: list[float]) -> float:
    """Level with the largest cross-section, averaged over the timepoints."""
    low = min(p[:, 2].min() for p in clouds)
    high = max(p[:, 2].max() for p in clouds)
    levels = np.arange(low, high + LEVEL_STEP_MM, LEVEL_STEP_MM)
    score = np.zeros(len(levels))
    for points, thick in zip(clouds, thickness_mm, strict=True):
        count = np.histogram(points[:, 2], bins=np.append(levels, np.inf) - LEVEL_STEP_MM / 2)[0]
        width = max(1, round(thick / LEVEL_STEP_MM))
        # Two box filters make a triangle, so that a thick slice peaks at its middle.
        kernel = np.convolve(np.ones(width), np.ones(width))
        smooth = np.convolve(count, kernel)[width - 1 : width - 1 + len(levels)]
        score += smooth / max(smooth.max(), 1e-9)
    best = np.flatnonzero(score >= score.max() - 1e-9)
    return float(levels[best[len(best) // 2]])
