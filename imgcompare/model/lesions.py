"""Lesions, their identity over time, and what they consist of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.model.images import LabelMap, read_only, require_shape
from imgcompare.model.progress import Decision
from imgcompare.model.tissues import LESION_TISSUES, TISSUE_CODES, WHOLE, Tissue

OUTLINED_ON_WATER = (
    "gains no contrast: outlined on FLAIR or T2, where oedema and gliosis look alike"
)
"""Flag of a lesion whose outline is all that is abnormal on T2/FLAIR."""


class LesionRole(StrEnum):
    """Part a lesion plays in response assessment."""

    TARGET = "target"
    NON_TARGET = "non_target"
    NEW = "new"


class EventKind(StrEnum):
    """What happened to a lesion's identity between two timepoints."""

    NEW = "new"
    VANISHED = "vanished"
    SPLIT = "split"
    MERGED = "merged"


NOT_IMAGED_BEFORE = "its place lies outside every earlier image"
"""Reason of an event NEW that says nothing about whether the lesion is new."""


@dataclass(frozen=True, slots=True)
class Lesion:
    """Identity of a lesion, stable over time; ``name`` is what a table calls it."""

    id: int
    tracking_uid: str
    site: str = ""
    role: LesionRole = LesionRole.TARGET
    nodal: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class LesionEvent:
    """A change of identity: which lesions, what happened, at which timepoint, and why."""

    kind: EventKind
    timepoint_index: int
    lesion_ids: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class LesionSegmentation:
    """Compartments of one lesion at one timepoint, on a crop of the native reference grid.

    Attributes
    ----------
    labels : LabelMap
        The most probable tissue of each voxel, values of TISSUE_CODES.
    fractions : mapping of Tissue to float32 array
        Part of each voxel filled by each tissue, 0 to 1, on the grid of ``labels``. A voxel's
        fractions add up to at most 1. Tissues that are absent may be missing.
    proposed : bool
        Whether the lesion was proposed automatically, without a mask or seed.
    source : str
        Where the outline comes from: ``mask``, ``seed``, ``seed carried from baseline``,
        ``proposal``.
    attenuation_classes_only : bool
        True for a single CT phase, which can never show enhancement.
    """

    labels: LabelMap
    fractions: Mapping[Tissue, npt.NDArray[np.float32]]
    proposed: bool = False
    source: str = ""
    attenuation_classes_only: bool = False
    flags: tuple[str, ...] = ()
    decisions: tuple[Decision, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes and freeze."""
        for fraction in self.fractions.values():
            require_shape(fraction, self.labels.geometry)
        frozen = {t: read_only(f) for t, f in self.fractions.items()}
        object.__setattr__(self, "fractions", MappingProxyType(frozen))

    @property
    def geometry(self) -> Geometry:
        """Grid of the crop."""
        return self.labels.geometry

    def mask(self, compartment: Tissue | str = WHOLE) -> npt.NDArray[np.bool_]:
        """Voxels whose most probable tissue belongs to the compartment."""
        tissues = LESION_TISSUES if compartment == WHOLE else (Tissue(compartment),)
        return np.isin(self.labels.array, [TISSUE_CODES[t] for t in tissues])

    def fraction(self, compartment: Tissue | str = WHOLE) -> npt.NDArray[np.float32]:
        """Part of each voxel filled by the compartment, 0 to 1."""
        tissues = LESION_TISSUES if compartment == WHOLE else (Tissue(compartment),)
        total = np.zeros(self.geometry.shape, dtype=np.float32)
        for tissue in tissues:
            if tissue in self.fractions:
                total += self.fractions[tissue]
        return np.minimum(total, np.float32(1.0))
