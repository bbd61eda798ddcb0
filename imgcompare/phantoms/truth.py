"""Exact volumes and diameters of phantom lesions, by integration on a fine grid of their own."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from imgcompare.model import LESION_TISSUES, TISSUE_CODES, WHOLE, Tissue
from imgcompare.phantoms._fields import textures
from imgcompare.phantoms._kernels import count_codes, tissue_cube
from imgcompare.phantoms.cases import BODIES, PhantomCase
from imgcompare.phantoms.lesions import outline_points, shapes
from imgcompare.phantoms.settings import ScanSettings, grid_for

CUBE_POINTS = 100
"""Sample points along each side of the cube around a lesion; error of its volume below 0.1 %."""

OEDEMA_STEP_MM = 0.75

_OUTLINE_POINTS = 40000
_SLAB_MM = 0.4


@lru_cache(maxsize=64)
def true_volumes(case: PhantomCase, timepoint: int) -> Mapping[int, Mapping[str, float]]:
    """Integrate the volumes of every lesion present at a timepoint.

    Returns
    -------
    mapping of lesion id to mapping of compartment to mL
        Every tissue present, plus ``whole``, all but oedema.
    """
    built = shapes(case.lesions, timepoint)
    result = {}
    for row, lesion_id in enumerate(built.ids):
        numbers = built.numbers[row]
        reach = float(numbers[14])
        step = 2.0 * reach / CUBE_POINTS
        cube = np.empty((CUBE_POINTS,) * 3, dtype=np.uint8)
        tissue_cube(numbers, built.tables[row], numbers[:3] - reach, step, cube)
        counts = np.bincount(cube.ravel(), minlength=8)
        volumes = {
            str(t): float(counts[TISSUE_CODES[t]]) * step**3 / 1000.0
            for t in LESION_TISSUES
            if counts[TISSUE_CODES[t]]
        }
        volumes[WHOLE] = sum(volumes.values())
        if case.body == "head" and numbers[15] > 0.0:
            volumes[str(Tissue.OEDEMA)] = _oedema_ml(case, timepoint, row)
        result[lesion_id] = MappingProxyType(volumes)
    return MappingProxyType(result)


def _oedema_ml(case: PhantomCase, timepoint: int, row: int) -> float:
    built = shapes(case.lesions, timepoint)
    reach = float(built.numbers[row, 25])
    size = int(np.ceil(2.0 * reach / OEDEMA_STEP_MM))
    counts = np.zeros((size, 256), dtype=np.int64)
    count_codes(
        BODIES.index(case.body),
        textures(case.seed),
        built.numbers,
        built.tables,
        built.numbers[row, :3] - reach,
        OEDEMA_STEP_MM,
        size,
        counts,
    )
    code = built.base(built.ids[row]) + TISSUE_CODES[Tissue.OEDEMA]
    return float(counts[:, code].sum()) * OEDEMA_STEP_MM**3 / 1000.0


def longest_diameter_mm(
    case: PhantomCase, timepoint: int, lesion_id: int, *, settings: ScanSettings
) -> float:
    """Longest diameter of a whole lesion in any plane parallel to the reference series' slices.

    Points of the exact outline are sorted into slabs 0.4 mm thin; the largest distance within a
    slab, measured in the plane, is the diameter. The lesion is thinner between slices than any
    voxel, so a scan with thick slices may show less.
    """
    built = shapes(case.lesions, timepoint)
    points = outline_points(built, built.ids.index(lesion_id), _OUTLINE_POINTS)
    to_anatomy = case.matrix(timepoint, case.reference, motion=settings.motion)
    axes = to_anatomy[:3, :3] @ grid_for(settings, case.body, to_anatomy).directions
    local = points @ axes
    slab = np.floor(local[:, 0] / _SLAB_MM).astype(int)
    longest = 0.0
    for level in np.unique(slab):
        plane = local[slab == level, 1:]
        if len(plane) > 3:
            corners = plane[ConvexHull(plane).vertices]
            longest = max(longest, float(pdist(corners).max()))
    return longest
