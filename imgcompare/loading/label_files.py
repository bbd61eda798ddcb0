"""Reads label maps in NIfTI, NRRD and MetaImage files: each value is a part of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from imgcompare.errors import InputError
from imgcompare.geometry import AnyArray, Geometry, require_same_grid
from imgcompare.loading.drawn import Filled, Part, cropped
from imgcompare.loading.volumes import inspect, read_array

SAME_VOXEL: Final = 0.05
"""A mask lies on a grid if its voxels are off by no more than this part of one: converters write
positions with single precision, qforms with less."""

_MANY: Final = 1000
"""Labels beyond which a file holds an image, not outlines."""


@dataclass(frozen=True, slots=True, eq=False)
class LabelFile:
    """A label map that has been read."""

    name: str
    labels: npt.NDArray[np.integer] = field(repr=False)
    grid: Geometry
    parts: tuple[Part, ...]
    kind: str = "labels"

    def fill(self, part: Part, *, onto: Geometry, what: str) -> Filled:
        """Give the voxels of one label value.

        Raises
        ------
        GeometryMismatchError
            If the file has another grid than the image; names both.
        """
        self.require_grid(onto, what)
        return cropped(self.labels == part.number)

    def require_grid(self, onto: Geometry, what: str) -> None:
        """Refuse a file whose voxels are not the image's."""
        bare = Geometry(self.grid.shape, self.grid.affine, onto.frame_of_reference_uid)
        if not _coincide(bare, onto):
            require_same_grid(
                bare,
                onto,
                what=f"Mask {self.name} and {what}",
                remedy="Draw or resample the mask on that image.",
            )


def open_labels(path: Path, *, name: str) -> LabelFile:
    """Read a label map; ``name`` is what messages call it.

    Raises
    ------
    InputError
        If it is empty or holds values that are not whole numbers.
    NothingFoundError, UnreadableFileError, SeriesError
        If there is no such file, or it is damaged or not one 3-D volume.
    """
    grid = inspect(path).geometry
    labels = _whole_numbers(read_array(path), name)
    values = np.unique(labels)
    if len(values) > _MANY:
        raise InputError(
            f"Mask {name} holds {len(values)} different values; it is an image, no mask."
        )
    parts = tuple(Part(int(v)) for v in values if v)
    if not parts:
        raise InputError(f"Mask {name} is empty: all its voxels are 0.")
    return LabelFile(name, labels, grid, parts)


def _coincide(mask: Geometry, image: Geometry) -> bool:
    """Whether all corners agree to a small part of a voxel."""
    if mask.shape != image.shape:
        return False
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in image.shape])).reshape(3, -1).T
    shift = image.world_to_index(mask.index_to_world(corners)) - corners
    return float(np.abs(shift).max()) <= SAME_VOXEL


def _whole_numbers(array: AnyArray, name: str) -> npt.NDArray[np.integer]:
    """Give labels as integers; refuse fractions and negative values."""
    if array.dtype.kind == "f":
        broken = array[~np.isfinite(array) | (array != np.rint(array))]
        if broken.size:
            raise InputError(
                f"Mask {name} holds values that are not whole numbers (e.g. "
                f"{float(broken.flat[0]):.3g}); threshold it first."
            )
    if array.min() < 0 or array.max() > np.iinfo(np.int32).max:
        extreme = array.min() if array.min() < 0 else array.max()
        raise InputError(f"Mask {name} holds labels that are negative or too large ({extreme}).")
    smallest = np.uint8 if array.max() <= np.iinfo(np.uint8).max else np.int32
    return np.asarray(array, dtype=smallest)
