"""Where images are shown: napari's world is patient LPS in mm, axes in the order S, P, L.

napari shows axis-aligned slices only, so an oblique series is shown on an orthogonal copy; its
native voxels stay what is measured. An axial view then has the patient's right on the left of the
screen and the front at the top, as radiologists see it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import LabelMap, Transform, Volume
from imgcompare.registration import resample, resample_labels

AXIS_LABELS = ("S", "P", "L")
"""Where each world axis grows to: superior, posterior, left."""

UNITS = ("mm", "mm", "mm")

PARALLEL_COSINE = 0.999998
"""Axes within 0.1 degrees of the patient's count as parallel: under 0.5 mm over a head."""

MAX_DISPLAY_VOXELS = 64_000_000
"""An orthogonal copy of a large oblique volume is made coarser rather than larger than this."""

THICK_SLICE_STEPS = 2.0
"""Thick oblique slices are copied at this many steps each, lest they break into stairs."""


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """An array as napari shows it, axes S, P, L.

    Attributes
    ----------
    array : array
        Three axes, each growing to S, P and L.
    grid : Geometry
        Its grid, without rotation.
    resampled : bool
        Whether this is an orthogonal copy of an oblique series.
    """

    array: AnyArray
    grid: Geometry
    resampled: bool

    @property
    def scale(self) -> tuple[float, float, float]:
        """Step along S, P and L, mm."""
        return self.grid.spacing_mm

    @property
    def translate(self) -> tuple[float, float, float]:
        """World position of the first voxel: S, P, L in mm."""
        left, posterior, superior = (float(x) for x in self.grid.origin_mm)
        return superior, posterior, left


def to_world(points_lps_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Patient points ``[..., (L, P, S)]`` as napari world points ``[..., (S, P, L)]``."""
    return np.asarray(points_lps_mm, dtype=np.float64)[..., ::-1].copy()


def to_patient(points_world: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Napari world points ``[..., (S, P, L)]`` as patient points ``[..., (L, P, S)]``."""
    return to_world(points_world)


def is_parallel(geometry: Geometry) -> bool:
    """Tell whether every grid axis runs along a patient axis."""
    return bool((np.abs(geometry.directions).max(axis=0) > PARALLEL_COSINE).all())


def display_grid(geometry: Geometry) -> Geometry:
    """Give the grid without rotation, axes growing to S, P, L, on which a volume is shown.

    The grid of an aligned volume is its own, axes reordered and turned; that of an oblique one is
    the box around it, with the spacing of the native axis nearest to each patient axis.
    """
    nearest = np.abs(geometry.directions).argmax(axis=1)[::-1]  # native axis of S, P, L
    if is_parallel(geometry) and len(set(nearest.tolist())) == 3:
        spacing = np.array([geometry.spacing_mm[a] for a in nearest])
        shape = tuple(geometry.shape[a] for a in nearest)
        corners = _corners(geometry)
        return _grid(shape, spacing, corners.min(axis=0), geometry.frame_of_reference_uid)
    native = np.array(geometry.spacing_mm)
    thin = native.min()
    spacing = np.array([max(native[a] / THICK_SLICE_STEPS, thin) for a in nearest])
    corners = _corners(geometry)
    extent = (corners.max(axis=0) - corners.min(axis=0))[::-1]
    voxels = float(np.prod(extent / spacing + 1))
    spacing = spacing * max(1.0, (voxels / MAX_DISPLAY_VOXELS) ** (1 / 3))
    shape = tuple(int(n) for n in np.ceil(extent / spacing) + 1)
    return _grid(shape, spacing, corners.min(axis=0), geometry.frame_of_reference_uid)


def show_volume(volume: Volume) -> Shown:
    """Give a volume as napari shows it: a view of its own voxels, or an orthogonal copy."""
    grid = display_grid(volume.geometry)
    if is_parallel(volume.geometry):
        return Shown(_reordered(volume.array, volume.geometry), grid, False)
    copy = resample(volume, grid)
    kind = volume.array.dtype
    array = np.rint(copy.array).astype(kind) if kind.kind in "iu" else copy.array
    return Shown(array, grid, True)


def show_labels(labels: LabelMap) -> Shown:
    """Give a label map as napari shows it; writable, so that it can be edited."""
    grid = display_grid(labels.geometry)
    if is_parallel(labels.geometry):
        return Shown(_reordered(labels.array, labels.geometry).copy(), grid, False)
    return Shown(np.array(resample_labels(labels, grid).array), grid, True)


def shown_on(volume: Volume, grid: Geometry, transform: Transform) -> Shown:
    """Give a volume on another display grid, through a transform into that grid's space."""
    return Shown(resample(volume, grid, transform).array, grid, True)


def native_labels(shown: AnyArray, grid: Geometry, native: Geometry) -> LabelMap:
    """Bring labels edited on a display grid back to the native voxels they belong to."""
    if is_parallel(native):
        back = LabelMap(shown, grid)
        inverse = np.linalg.inv(grid.affine) @ native.affine
        axes = np.abs(inverse[:3, :3]).argmax(axis=0)
        turned = np.moveaxis(back.array, axes.tolist(), (0, 1, 2))
        flips = tuple(slice(None, None, -1 if inverse[axes[n], n] < 0 else 1) for n in range(3))
        return LabelMap(np.ascontiguousarray(turned[flips]), native)
    return resample_labels(LabelMap(shown, grid), native)


def _reordered(array: AnyArray, geometry: Geometry) -> AnyArray:
    """Turn and reorder axes so that they grow to S, P, L; a view."""
    axes = np.abs(geometry.directions).argmax(axis=1)[::-1]
    flips = [slice(None)] * 3
    for world, axis in zip((2, 1, 0), axes, strict=True):
        if geometry.directions[world, axis] < 0:
            flips[axis] = slice(None, None, -1)
    return np.transpose(array[tuple(flips)], axes)


def _corners(geometry: Geometry) -> npt.NDArray[np.float64]:
    """LPS positions of the eight outermost voxel centres."""
    index = np.array(np.meshgrid(*[(0, n - 1) for n in geometry.shape])).reshape(3, -1).T
    return geometry.index_to_world(index)


def _grid(
    shape: tuple[int, ...],
    spacing: npt.NDArray[np.float64],
    first_mm: npt.NDArray[np.float64],
    frame_uid: str,
) -> Geometry:
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing)[::-1]
    affine[:3, 3] = first_mm
    return Geometry((shape[0], shape[1], shape[2]), affine, frame_uid)
