"""Bring a timepoint's images to one scale: masks, shading, white matter, noise, enhancement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import AlignedTimepoint, Decision, Quantity, Role, read_only
from imgcompare.segmentation.bias import block_mask, estimate_bias
from imgcompare.segmentation.enhancement import Match, match_images, subtract
from imgcompare.segmentation.masks import BoolArray, FloatArray, find_body, find_brain
from imgcompare.segmentation.normalisation import noise_sd, white_matter_level

BRIGHT_WHITE_MATTER = frozenset({Role.T1, Role.T1C})
WHITE_MATTER_BAND = np.float32(0.15)
"""Half width of the band around the white matter level in which noise is read."""

AIR_HU = -1024.0
"""Stands where a phase has no voxel."""

POST_PHASES = (Role.CT_PORTAL, Role.CT_ARTERIAL, Role.CT_DELAYED)
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


def _decided(subject: str, choice: str, reason: str) -> Decision:
    return Decision("segmentation", subject, choice, reason)


def _prepare_ct(aligned: AlignedTimepoint) -> Prepared:
    grid = aligned.geometry
    images = {
        r: np.nan_to_num(v.array.astype(np.float32), nan=AIR_HU, copy=False)
        for r, v in aligned.images.items()
    }
    body = find_body(images[aligned.reference_role], grid, hounsfield=True)
    low, high = SOFT_TISSUE_HU
    noise = {r: noise_sd(i, body & (i > low) & (i < high), grid) for r, i in images.items()}
    late = next((r for r in POST_PHASES if r in images), None)
    if Role.CT_PRE not in images or late is None:
        decision = _decided("enhancement", "none", "a single phase cannot show enhancement")
        return Prepared(aligned, body, None, images, noise, None, 0.0, (decision,))
    before = images[Role.CT_PRE]
    enhancement = images[late] - before
    spread = noise_sd(enhancement, body & (before > low) & (before < high), grid)
    decision = _decided("enhancement", f"{late} - {Role.CT_PRE}", "both phases are there")
    return Prepared(aligned, body, None, images, noise, enhancement, spread, (decision,))


def _prepare_mr(aligned: AlignedTimepoint) -> Prepared:
    grid = aligned.geometry
    body = find_body(aligned.reference.array, grid, hounsfield=False)
    brain, stripped = find_brain({r: v.array for r, v in aligned.images.items()}, body, grid)
    decisions = [
        _decided("brain mask", "whole foreground", "the skull had been removed")
        if stripped
        else _decided("brain mask", "found", "brain-like signal, eroded and grown back")
    ]
    if not brain.any():
        brain = body.copy()
        decisions[0] = _decided("brain mask", "whole foreground", "no brain could be told apart")
    images: dict[Role, FloatArray] = {}
    noise: dict[Role, float] = {}
    inner = block_mask(brain, grid)
    for role, volume in aligned.images.items():
        images[role], shaded = _flattened(volume.array, brain, inner, grid, role)
        noise[role] = noise_sd(images[role], _white(images[role], brain), grid)
        if not shaded:
            decisions.append(_decided(f"shading of {role}", "kept", "too little brain to fit it"))
    enhancement, spread, decision = _enhancement(images, brain, grid)
    decisions.append(decision)
    return Prepared(aligned, body, brain, images, noise, enhancement, spread, tuple(decisions))


def _flattened(
    array: AnyArray, brain: BoolArray, inner: BoolArray, grid: Geometry, role: Role
) -> tuple[FloatArray, bool]:
    """Remove shading and scale to white matter = 1; tell whether shading was found."""
    image = np.nan_to_num(array.astype(np.float32), copy=False)
    bias = estimate_bias(image, inner, grid)
    if bias is not None:
        image /= bias
    level = white_matter_level(image, brain, bright=role in BRIGHT_WHITE_MATTER)
    image /= np.float32(max(level, 1e-6))
    return image, bias is not None


def _white(image: FloatArray, brain: BoolArray) -> BoolArray:
    white = np.abs(image - np.float32(1.0)) < WHITE_MATTER_BAND
    white &= brain
    return np.asarray(white)


def _enhancement(
    images: Mapping[Role, FloatArray], brain: BoolArray, grid: Geometry
) -> tuple[FloatArray | None, float, Decision]:
    """Subtract matched T1 from T1C, if both are there."""
    if Role.T1C not in images:
        reason = "there is no T1 after contrast"
        return None, 0.0, _decided("enhancement", "none", reason)
    if Role.T1 not in images:
        reason = "T1 before contrast is missing: no subtraction"
        return None, 0.0, _decided("enhancement", "none", reason)
    match = match_images(images[Role.T1], images[Role.T1C], brain, grid)
    matched = match or Match(0.0, 1.0)
    enhancement = subtract(images[Role.T1], images[Role.T1C], matched)
    spread = noise_sd(enhancement, _white(images[Role.T1], brain), grid)
    how = "robust regression in normal brain" if match else "white matter only"
    return (
        enhancement,
        spread,
        _decided("enhancement", f"T1C - ({matched.offset:.3f} + {matched.slope:.3f} T1)", how),
    )
