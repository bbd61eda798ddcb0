"""The surroundings of one lesion, cut out of a prepared timepoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import Role
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.preparation import Prepared

Box = tuple[slice, slice, slice]


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A box around one lesion.

    Attributes
    ----------
    region : bool array
        The whole lesion, without oedema.
    images : mapping of Role to float32 array
        As in Prepared, cropped.
    noise : mapping of Role to float
    enhancement : float32 array or None
    enhancement_noise : float
    tissue : bool array
        Brain, or body for CT.
    geometry : Geometry
        Grid of the box.
    """

    region: BoolArray
    images: Mapping[Role, FloatArray]
    noise: Mapping[Role, float]
    enhancement: FloatArray | None
    enhancement_noise: float
    tissue: BoolArray
    geometry: Geometry

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Voxel size."""
        return self.geometry.spacing_mm

    def crop(self, box: Box) -> Scene:
        """Cut a smaller box out."""
        start = [s.start for s in box]
        stop = [s.stop for s in box]
        return Scene(
            self.region[box],
            {r: a[box] for r, a in self.images.items()},
            self.noise,
            None if self.enhancement is None else self.enhancement[box],
            self.enhancement_noise,
            self.tissue[box],
            self.geometry.crop(start, stop),
        )


def cut_out(prepared: Prepared, region: AnyArray, margin_mm: float) -> Scene:
    """Cut the box of a region with a margin out of a prepared timepoint."""
    tissue = prepared.body if prepared.brain is None else prepared.brain
    full = Scene(
        np.asarray(region, dtype=bool),
        prepared.images,
        prepared.noise,
        prepared.enhancement,
        prepared.enhancement_noise,
        tissue,
        prepared.aligned.geometry,
    )
    return full.crop(bounding_box(full.region, full.spacing_mm, margin_mm))


def bounding_box(mask: BoolArray, spacing_mm: tuple[float, float, float], margin_mm: float) -> Box:
    """Give the box around a mask that is not empty, at least one voxel wider on each side."""
    slices = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        where = np.flatnonzero(mask.any(axis=others))
        margin = max(1, int(np.ceil(margin_mm / spacing_mm[axis])))
        start = max(0, int(where[0]) - margin)
        slices.append(slice(start, min(mask.shape[axis], int(where[-1]) + 1 + margin)))
    return slices[0], slices[1], slices[2]
