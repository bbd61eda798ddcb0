"""Bring a timepoint's images to one scale: masks, shading, white matter, noise, enhancement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from imgcompare.model import AlignedTimepoint, Decision, Quantity, Role, read_only
from imgcompare.segmentation.bias import estimate_bias
from imgcompare.segmentation.enhancement import Match, match_images, subtract
from imgcompare.segmentation.masks import BoolArray, FloatArray, find_body, find_brain
from imgcompare.segmentation.normalisation import noise_sd, white_matter_level

BRIGHT_WHITE_MATTER = frozenset({Role.T1, Role.T1C})
WHITE_MATTER_BAND = 0.15
"""Half width of the band around the white matter level in which noise is read."""

SOFT_TISSUE_HU = (0.0, 150.0)
"""Soft tissue with and without contrast, where CT noise is read."""


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A timepoint ready to be segmented.

    Attributes
    ----------
    aligned : AlignedTimepoint
        What it was made from.
    body : bool array
        Filled foreground on the reference grid.
    brain : bool array or None
        Inside of the skull, approximate; None for CT.
    images : mapping of Role to float32 array
        On the reference grid. MR: shading removed and normal-appearing white matter = 1. CT: HU.
    noise : mapping of Role to float
        Noise SD of each image, same unit.
    enhancement : float32 array or None
        Signal gained by contrast, same unit: T1C less matched T1, or CT portal (else arterial,
        else delayed) less pre-contrast; None if there is nothing to subtract.
    enhancement_noise : float
        SD of ``enhancement`` where nothing enhances, 0 if there is none.
    decisions : tuple of Decision
        What was chosen, and why.
    """

    aligned: AlignedTimepoint
    body: BoolArray
    brain: BoolArray | None
    images: Mapping[Role, FloatArray]
    noise: Mapping[Role, float]
    enhancement: FloatArray | None
    enhancement_noise: float
    decisions: tuple[Decision, ...] = ()

    def __post_init__(self) -> None:
        """Freeze arrays and mappings."""
        frozen = {r: read_only(a) for r, a in self.images.items()}
        object.__setattr__(self, "images", MappingProxyType(frozen))
        object.__setattr__(self, "noise", MappingProxyType(dict(self.noise)))
        object.__setattr__(self, "body", read_only(self.body))
        if self.brain is not None:
            object.__setattr__(self, "brain", read_only(self.brain))
        if self.enhancement is not None:
            object.__setattr__(self, "enhancement", read_only(self.enhancement))

    @property
    def is_ct(self) -> bool:
        """Whether the reference image is CT."""
        return self.aligned.reference.quantity is Quantity.HU


def prepare(aligned: AlignedTimepoint) -> Prepared:
    """Prepare a timepoint's aligned images for segmentation.

    Parameters
    ----------
    aligned : AlignedTimepoint
        All images on the reference grid; pixels outside a moved image may be NaN.

    Returns
    -------
    Prepared
    """
    if aligned.reference.quantity is Quantity.HU:
        return _prepare_ct(aligned)
    return _prepare_mr(aligned)


def _prepare_ct(aligned: AlignedTimepoint) -> Prepared:
    grid = aligned.geometry
    images = {
        r: np.nan_to_num(v.array, nan=-1024.0).astype(np.float32) for r, v in aligned.images.items()
    }
    body = find_body(images[aligned.reference_role], grid, hounsfield=True)
    noise = {}
    for role, image in images.items():
        soft = body & (image > SOFT_TISSUE_HU[0]) & (image < SOFT_TISSUE_HU[1])
        noise[role] = noise_sd(image, soft, grid)
    phases = (Role.CT_PORTAL, Role.CT_ARTERIAL, Role.CT_DELAYED)
    late = next((r for r in phases if r in images), None)
    decisions = []
    enhancement, spread = None, 0.0
    if Role.CT_PRE in images and late is not None:
        enhancement = images[late] - images[Role.CT_PRE]
        soft = body & (np.abs(images[Role.CT_PRE] - 60.0) < 60.0)
        spread = noise_sd(enhancement, soft, grid)
        decisions.append(
            Decision(
                "segmentation",
                "enhancement",
                f"{late} - {Role.CT_PRE}",
                "both phases are there, aligned",
            )
        )
    else:
        decisions.append(
            Decision(
                "segmentation", "enhancement", "none", "a single phase cannot show enhancement"
            )
        )
    return Prepared(aligned, body, None, images, noise, enhancement, spread, tuple(decisions))


def _prepare_mr(aligned: AlignedTimepoint) -> Prepared:
    grid = aligned.geometry
    raw = {r: np.nan_to_num(v.array.astype(np.float32)) for r, v in aligned.images.items()}
    body = find_body(raw[aligned.reference_role], grid, hounsfield=False)
    brain, stripped = find_brain(raw, body, grid)
    decisions = [
        Decision(
            "segmentation",
            "brain mask",
            "whole foreground" if stripped else "found",
            "skull removed before" if stripped else "signal range and shape",
        )
    ]
    tissue = brain if brain.any() else body
    images: dict[Role, FloatArray] = {}
    noise: dict[Role, float] = {}
    for role, image in raw.items():
        bias = estimate_bias(image, tissue, grid)
        flat = image if bias is None else image / bias
        level = white_matter_level(flat, tissue, bright=role in BRIGHT_WHITE_MATTER)
        images[role] = np.asarray(flat / np.float32(max(level, 1e-6)), dtype=np.float32)
        white = tissue & (np.abs(images[role] - 1.0) < WHITE_MATTER_BAND)
        noise[role] = noise_sd(images[role], white, grid)
    enhancement, spread = None, 0.0
    if Role.T1 in images and Role.T1C in images:
        match = match_images(images[Role.T1], images[Role.T1C], tissue, grid) or Match(0.0, 1.0)
        enhancement = subtract(images[Role.T1], images[Role.T1C], match)
        white = tissue & (np.abs(images[Role.T1] - 1.0) < WHITE_MATTER_BAND)
        spread = noise_sd(enhancement, white, grid)
        decisions.append(
            Decision(
                "segmentation",
                "enhancement",
                f"T1C - ({match.offset:.3f} + {match.slope:.3f} T1)",
                "T1 matched to T1C by robust regression in normal brain",
            )
        )
    else:
        decisions.append(
            Decision(
                "segmentation",
                "enhancement",
                "none",
                "T1 before contrast is missing: no subtraction",
            )
        )
    return Prepared(aligned, body, brain, images, noise, enhancement, spread, tuple(decisions))
