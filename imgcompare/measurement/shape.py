"""Shape figures by the conventions of IBSI and pyradiomics, to compare with theirs.

They mesh the yes-or-no mask, so their surface runs half way between voxel centres everywhere.
What imgcompare reports itself comes from `imgcompare.measurement.lesion`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.measurement._kernels import longest_pair_3d
from imgcompare.measurement.contour import LEVEL, padded, surface_points

BoolMask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MeshDiameters:
    """Greatest distances between mesh vertices, mm: any two, or two with one index in common.

    ``in_slice`` is pyradiomics' Maximum2DDiameterSlice (same slice), ``in_row_plane`` its
    Maximum2DDiameterColumn (same row) and ``in_column_plane`` its Maximum2DDiameterRow (same
    column).
    """

    any_direction: float
    in_slice: float
    in_row_plane: float
    in_column_plane: float


def mesh(
    mask: BoolMask, geometry: Geometry
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.intp]]:
    """Marching cubes surface of a mask: vertices (n, 3) in LPS mm and triangles (m, 3)."""
    from skimage.measure import marching_cubes

    vertices, faces, _, _ = marching_cubes(
        padded(mask.astype(np.float32)), LEVEL, method="lorensen"
    )
    return geometry.index_to_world(vertices - 1.0), faces


def mesh_volume_mm3(mask: BoolMask, geometry: Geometry) -> float:
    """Volume inside the mesh, mm³ (IBSI RNU0)."""
    a, b, c = _corners(mask, geometry)
    return float(abs(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6.0)


def surface_area_mm2(mask: BoolMask, geometry: Geometry) -> float:
    """Area of the mesh, mm² (IBSI C0JK)."""
    a, b, c = _corners(mask, geometry)
    return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2.0)


def voxel_volume_mm3(mask: BoolMask, geometry: Geometry) -> float:
    """Count the voxels times their volume, mm³ (IBSI YEKZ)."""
    return int(np.count_nonzero(mask)) * geometry.voxel_volume_mm3


def mesh_diameters(mask: BoolMask, geometry: Geometry) -> MeshDiameters:
    """Greatest distances between vertices of the mesh (IBSI L0JK; pyradiomics shape features)."""
    index = surface_points(padded(mask.astype(np.float32)))
    points = geometry.index_to_world(index)
    planes = [
        max((_longest(points[index[:, axis] == at]) for at in np.unique(index[:, axis])), default=0)
        for axis in range(3)
    ]
    return MeshDiameters(_longest(points), *planes)


def _corners(mask: BoolMask, geometry: Geometry) -> tuple[npt.NDArray[np.float64], ...]:
    """First, second and third corner of each triangle, about the middle of the mesh, mm."""
    vertices, faces = mesh(mask, geometry)
    centred = vertices - vertices.mean(axis=0)
    return centred[faces[:, 0]], centred[faces[:, 1]], centred[faces[:, 2]]


def _longest(points: npt.NDArray[np.float64]) -> float:
    if not len(points):
        return 0.0
    middle = (points.max(axis=0) + points.min(axis=0)) / 2.0
    radius = np.linalg.norm(points - middle, axis=1)
    order = np.argsort(-radius, kind="stable")
    return float(longest_pair_3d(points[order], radius[order])[0])
