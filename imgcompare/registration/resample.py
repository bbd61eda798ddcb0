"""Show one image on another's grid. For looking and matching: figures come from native voxels."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.errors import ConfigurationError, GeometryMismatchError
from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import LabelMap, Quantity, Transform, Volume
from imgcompare.registration import engines
from imgcompare.registration.settings import Interpolation

AIR_HU = -1024.0
"""What lies outside a CT image."""


def _index_map(source: Geometry, onto: Geometry, transform: Transform) -> engines.Float64:
    """Map (4, 4) from indices of ``onto`` to indices of ``source``."""
    world = np.linalg.inv(transform.matrix) @ onto.affine
    return np.asarray(np.linalg.inv(source.affine) @ world)


def _nearest(
    source: AnyArray, matrix: engines.Float64, *, shape: tuple[int, int, int], outside: Any
) -> AnyArray:
    """Value of the voxel each point lies in, a slice at a time."""
    out = np.full(shape, outside, source.dtype)
    rows, columns = np.indices(shape[1:]).reshape(2, -1)
    in_plane = matrix[:3, 1:2] * rows + matrix[:3, 2:3] * columns + matrix[:3, 3:]
    limit = np.array(source.shape)[:, None]
    for s in range(shape[0]):
        index = np.floor(in_plane + matrix[:3, :1] * s + 0.5).astype(np.intp)
        inside = ((index >= 0) & (index < limit)).all(axis=0)
        z, y, x = index[:, inside]
        out[s].reshape(-1)[inside] = source[z, y, x]
    return out


def _cubic(
    source: AnyArray, matrix: engines.Float64, *, shape: tuple[int, int, int], outside: float
) -> engines.Float32:
    """Cubic B-spline interpolation; points beyond the outermost half voxel are ``outside``."""
    values = source.astype(np.float32, copy=False)
    out = np.empty(shape, np.float32)
    # Mirroring gives the half voxel beyond the outermost centres sensible values.
    ndimage.affine_transform(
        values, matrix[:3, :3], matrix[:3, 3], shape, output=out, order=3, mode="mirror"
    )
    covered = _nearest(np.ones(source.shape, np.bool_), matrix, shape=shape, outside=False)
    out[~covered] = outside
    return out


def resample(
    volume: Volume,
    onto: Geometry,
    transform: Transform | None = None,
    *,
    interpolation: Interpolation = Interpolation.LINEAR,
    outside: float | None = None,
) -> Volume:
    """Give an image on another grid.

    Parameters
    ----------
    volume : Volume
        Any grid, sheared ones too.
    onto : Geometry
        The wanted grid, in the space that ``transform`` leads to.
    transform : Transform, optional
        From the volume's space to that of ``onto``; by default they are the same.
    interpolation : Interpolation
        Linear and cubic give float32; nearest keeps the type.
    outside : float, optional
        Value where the volume has no voxels: by default -1024 for HU, else 0.

    Returns
    -------
    Volume
    """
    transform = transform or Transform.identity()
    if outside is None:
        outside = AIR_HU if volume.quantity is Quantity.HU else 0.0
    matrix = _index_map(volume.geometry, onto, transform)
    kind = Interpolation(interpolation)
    array: AnyArray
    if kind is Interpolation.NEAREST:
        array = _nearest(volume.array, matrix, shape=onto.shape, outside=outside)
    elif kind is Interpolation.CUBIC:
        array = _cubic(volume.array, matrix, shape=onto.shape, outside=outside)
    else:
        array = _linear(volume.array, matrix, shape=onto.shape, outside=outside)
    return Volume(array, onto, volume.quantity)


def _linear(
    source: AnyArray, matrix: engines.Float64, *, shape: tuple[int, int, int], outside: float
) -> engines.Float32:
    values = np.ascontiguousarray(source, dtype=np.float32)
    index_map = np.ascontiguousarray(matrix[:3])
    return engines.choose().resample_linear(values, index_map, shape=shape, outside=outside)


def resample_labels(
    labels: LabelMap, onto: Geometry, transform: Transform | None = None
) -> LabelMap:
    """Give a label map on another grid, each voxel taking the label it lies in."""
    matrix = _index_map(labels.geometry, onto, transform or Transform.identity())
    array = _nearest(labels.array, matrix, shape=onto.shape, outside=0)
    return LabelMap(array, onto, labels.tissues)


def map_mask(
    mask: npt.NDArray[np.bool_],
    geometry: Geometry,
    onto: Geometry,
    transform: Transform | None = None,
) -> npt.NDArray[np.bool_]:
    """Give a mask on another grid: voxels more than half inside it, by linear interpolation.

    Raises
    ------
    GeometryMismatchError
        If mask and geometry do not belong together.
    ConfigurationError
        If the mask is not boolean.
    """
    if mask.shape != geometry.shape:
        raise GeometryMismatchError(
            f"A mask of {mask.shape} voxels does not fit the grid [{geometry}]."
        )
    if mask.dtype != np.bool_:
        raise ConfigurationError(f"A mask must be boolean, not {mask.dtype}.")
    matrix = _index_map(geometry, onto, transform or Transform.identity())
    share = _linear(mask, matrix, shape=onto.shape, outside=0.0)
    return np.asarray(share > 0.5)
