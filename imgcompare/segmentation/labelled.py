"""Labels of one lesion's tissues, and steps that MR and CT share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.model import Decision
from imgcompare.segmentation.masks import BoolArray
from imgcompare.segmentation.scene import Scene

MIN_PART_ML = 0.05
"""Smaller islands are noise or vessels; half of the 0.1 mL of criteria.md §8, as a lesion of
0.5 mL may hold a cyst of that size."""


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Most probable tissue of each voxel of a box, with what was noticed on the way.

    Attributes
    ----------
    labels : uint8 array, shape (slices, rows, columns)
        Values of TISSUE_CODES inside the lesion, 0 outside.
    flags, decisions : tuple
    """

    labels: npt.NDArray[np.uint8]
    flags: tuple[str, ...]
    decisions: tuple[Decision, ...]


def drop_small(mask: BoolArray, scene: Scene) -> BoolArray:
    """Drop connected parts below MIN_PART_ML."""
    labels, count = ndimage.label(mask)
    if not count:
        return mask
    sizes = np.bincount(labels.ravel()) * scene.geometry.voxel_volume_ml
    sizes[0] = 0.0
    return np.asarray((sizes >= MIN_PART_ML)[labels])
