"""The surroundings of one lesion, cut out of a prepared timepoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import Role
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.morphology import Box, box_of
from imgcompare.segmentation.preparation import Prepared


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
    return full.crop(box_of(full.region, margin_mm, full.spacing_mm))
