"""What speaks for lesion around a point: signal above local normal tissue, where, and oddness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from imgcompare.model import Role
from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.masks import BoolArray, FloatArray, block_mean
from imgcompare.segmentation.morphology import Box, Spacing
from imgcompare.segmentation.normalisation import MAD_TO_SD
from imgcompare.segmentation.preparation import Prepared

BLOCK_MM = 2.0
"""Normal tissue and its level are found on blocks of about this size."""

LEVEL_SIGMA_MM = 8.0
"""Local normal level is averaged over this distance: wider than a rim, narrower than shading."""

NOISE_STANDARDS = 2.5
"""Signal this many SD above local normal tissue is a candidate (criteria §8: 2 to 3)."""

T1C_NORMAL = (0.62, 1.22)
"""Grey and white matter over white matter, after contrast; below is fluid, above enhances."""

T1_NORMAL = (0.45, 1.22)
"""The same before contrast, with oedema and the solid parts of lesions."""

TISSUE_SD = 0.06
"""Grey and white matter mix: their spread after contrast, over white matter; no noise."""

DARK = 0.10
"""T1C this far below local tissue (white matter = 1) is no normal brain: core, cyst, cavity."""

T2_BRIGHT = 1.5
"""T2 over white matter above which tissue is no normal grey or white matter (grey: 1.2-1.3)."""

T1_BRIGHT = 1.25
"""T1 before contrast over white matter above which it is blood or fat."""

UNSUBTRACTED_CAP = 0.6
"""Without subtraction weak enhancement is drawn too: readers outline all that is brighter."""

ISLAND_MM = 2.5
"""Half width of the bridges between normal brain and scalp muscle that are cut."""

BRAIN_SLACK_MM = 6.0
"""The approximate brain mask may be this far off."""

NOTCH_MM = 13.0
"""Half width of the notch that a lesion at the surface may leave in normal tissue."""

WIDE_NOTCHES_MM = (30.0,)
"""Tried in turn where a point known to lie in a lesion is not in normal tissue closed like that."""

MIN_DOMAIN_SHARE = 0.02
"""Normal tissue must make up this part of the neighbourhood."""


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What is known around a point, on a crop of the reference grid.

    Attributes
    ----------
    box : tuple of slice
        Where the crop lies in the grid.
    spacing : tuple of float
        Effective voxel size, mm (see morphology.effective_spacing).
    domain : bool array
        Where a lesion can be: brain or organ, without skull, scalp and other organs.
    rise : float32 array
        Signal above local normal tissue (MR: units of white matter; CT: distance in HU, not
        negative).
    floor : float
        Rise below which nothing can be told from noise.
    odd : bool array
        Voxels that are no normal tissue though they may not rise: necrosis, fluid, blood.
    solid : bool
        Whether core tissue rises as well (CT: any difference counts), so that lesions are solid
        rather than shells.
    plateau_cap : float
        Rise beyond this multiple of the lesion's own counts no more than it (vessels, dura).
    """

    box: Box
    spacing: Spacing
    domain: BoolArray
    rise: FloatArray
    floor: float
    odd: BoolArray
    solid: bool
    plateau_cap: float = 1.0

    @property
    def candidates(self) -> BoolArray:
        """Voxels that stand out from normal tissue."""
        return np.asarray(self.domain & (self.rise > self.floor))

    def within(self, centre: Sequence[int], radius_mm: float) -> Evidence:
        """Give the same with nothing possible beyond a distance from a voxel of the crop."""
        axes = [
            ((np.arange(n) - i) * s) ** 2
            for n, i, s in zip(self.rise.shape, centre, self.spacing, strict=True)
        ]
        near = axes[0][:, None, None] + axes[1][:, None] + axes[2] <= radius_mm**2
        return replace(self, domain=self.domain & near)

    def cut(self, inner: Box) -> Evidence:
        """Give the same on a smaller box, in indices of this one."""
        a, b, c = (
            slice(o.start + i.start, o.start + i.stop) for o, i in zip(self.box, inner, strict=True)
        )
        return Evidence(
            (a, b, c),
            self.spacing,
            self.domain[inner],
            self.rise[inner],
            self.floor,
            self.odd[inner],
            self.solid,
            self.plateau_cap,
        )


def box_around(
    index: Sequence[float], reach_mm: float, spacing: Spacing, shape_: Sequence[int]
) -> Box:
    """Give the part of a grid within ``reach_mm`` of an index along each axis."""
    parts = [
        slice(max(0, int(i - reach_mm / s)), min(n, int(np.ceil(i + reach_mm / s)) + 1))
        for i, s, n in zip(index, spacing, shape_, strict=True)
    ]
    return parts[0], parts[1], parts[2]


def block_steps(spacing: Spacing, block_mm: float) -> tuple[int, int, int]:
    """Voxels per axis that make one block of about ``block_mm``."""
    a, b, c = (max(1, int(block_mm / s + 0.25)) for s in spacing)
    return a, b, c


def stretch(coarse: FloatArray, shape_: Sequence[int], steps: Sequence[int]) -> FloatArray:
    """Interpolate block values linearly to voxels."""
    out = coarse
    for axis in (2, 1, 0):  # the whole array is touched along its slices only, which is quickest
        size, step = shape_[axis], steps[axis]
        if step > 1:
            position = np.clip((np.arange(size) + 0.5) / step - 0.5, 0, out.shape[axis] - 1)
            low = np.minimum(position.astype(int), max(out.shape[axis] - 2, 0))
            high = np.minimum(low + 1, out.shape[axis] - 1)
            weight = np.expand_dims(
                (position - low).astype(np.float32), tuple(a for a in range(3) if a != axis)
            )
            first = out.take(low, axis)
            out = out.take(high, axis)
            out -= first
            out *= weight
            out += first
    return np.asarray(out, dtype=np.float32)


def local_level(image: FloatArray, normal: BoolArray, spacing: Spacing) -> FloatArray:
    """Average normal tissue over the neighbourhood; far from any, its overall median.

    Parameters
    ----------
    image, normal : arrays of the same shape
        Values, and which voxels count.
    spacing : tuple of float
        Voxel size, mm.
    """
    steps = block_steps(spacing, 2 * BLOCK_MM)
    overall = float(np.median(image[normal])) if normal.any() else 0.0
    weight = block_mean(normal, steps)
    value = block_mean(np.where(normal, image - overall, 0.0), steps)
    sigma = [LEVEL_SIGMA_MM / (s * n) for s, n in zip(spacing, steps, strict=True)]
    weight = ndimage.gaussian_filter(weight, sigma, truncate=3.0)
    value = ndimage.gaussian_filter(value, sigma, truncate=3.0)
    level = value / (weight + np.float32(0.01))
    return np.asarray(overall + stretch(level, image.shape, steps), dtype=np.float32)


def tissue_domain(
    normal: BoolArray, within: BoolArray, spacing: Spacing, *, notch_mm: float = NOTCH_MM
) -> BoolArray:
    """Close normal tissue over lesions, fluid and vessels, leaving skull and scalp outside.

    Parameters
    ----------
    normal : bool array
        Voxels that look like normal tissue.
    within : bool array
        Outer limit, e.g. an approximate brain mask.
    spacing : tuple of float
        Voxel size, mm.
    notch_mm : float
        Half width of the widest notch that is closed.

    Returns
    -------
    bool array
        The largest connected part of ``normal``, closed; ``within`` if there is hardly any.
    """
    steps = block_steps(spacing, BLOCK_MM)
    a, b, c = (s * n for s, n in zip(spacing, steps, strict=True))
    coarse = block_mean(normal, steps) >= 0.5
    core = shape.depth_mm(coarse, (a, b, c)) > ISLAND_MM
    labels, count = shape.components(core)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    if not count or sizes.max() < MIN_DOMAIN_SHARE * core.size:
        return within.copy()
    main = shape.keep_labels(labels, [int(sizes.argmax()) + 1])
    tissue = shape.dilate(main, ISLAND_MM, (a, b, c)) & (block_mean(normal, steps) > 0)
    closed = shape.close(tissue, notch_mm, (a, b, c))
    closed |= shape.enclosed_holes(closed)
    depth = shape.depth_mm(closed, (a, b, c)) - shape.depth_mm(~closed, (a, b, c))
    return np.asarray((stretch(depth, normal.shape, steps) > 0) & within)


def gather_mr(prepared: Prepared, box: Box, at: Sequence[int] | None = None) -> Evidence:
    """Collect the evidence in a box of a head MR timepoint.

    Parameters
    ----------
    prepared : Prepared
        With T1C or another MR image.
    box : tuple of slice
        Part of the reference grid.
    at : sequence of 3 int, optional
        Voxel of the box that lies in a lesion, and so among the tissue to look at.
    """
    images = {r: i[box] for r, i in prepared.images.items()}
    role = prepared.aligned.reference_role
    brain = prepared.body if prepared.brain is None else prepared.brain
    post = images[role]
    spacing = shape.effective_spacing(
        prepared.images[role], brain, prepared.aligned.geometry.spacing_mm
    )
    base, span = (images[Role.T1], T1_NORMAL) if Role.T1 in images else (post, T1C_NORMAL)
    ordinary = (base > span[0]) & (base < span[1])
    # A lesion at the surface may be missing from the brain mask: look a little beyond it.
    around = shape.dilate(brain[box], BRAIN_SLACK_MM, spacing)
    domain = _domain_at(at, around & ordinary, prepared.body[box], spacing)
    plain = domain & (post > T1C_NORMAL[0]) & (post < T1C_NORMAL[1])
    if prepared.enhancement is None:
        signal, noise, spread = post, prepared.noise.get(role, 0.0), TISSUE_SD
    else:
        signal, noise, spread = prepared.enhancement[box], prepared.enhancement_noise, np.inf
    rise, floor = _rise(signal, plain if plain.any() else domain, spacing, noise, spread)
    level = local_level(post, plain, spacing)
    odd = post < level - DARK
    if Role.T2 in images:
        odd |= images[Role.T2] > T2_BRIGHT
    if Role.T1 in images:
        odd |= images[Role.T1] > T1_BRIGHT
    cap = 1.0 if prepared.enhancement is not None else UNSUBTRACTED_CAP
    return Evidence(box, spacing, domain, rise, floor, odd, solid=False, plateau_cap=cap)


def _domain_at(
    at: Sequence[int] | None, normal: BoolArray, within: BoolArray, spacing: Spacing
) -> BoolArray:
    """Close wider notches where a voxel of a lesion would be left out otherwise.

    Without T1 before contrast all of a lesion differs from normal tissue, so that a large one at
    the surface leaves a wide notch.
    """
    domain = tissue_domain(normal, within, spacing)
    if at is None or domain[tuple(at)]:
        return domain
    for notch_mm in WIDE_NOTCHES_MM:
        wider = tissue_domain(normal, within, spacing, notch_mm=notch_mm)
        if wider[tuple(at)]:
            return wider
    return domain


def _rise(
    signal: FloatArray, normal: BoolArray, spacing: Spacing, noise: float, most: float
) -> tuple[FloatArray, float]:
    """Subtract the local normal level, twice: candidates of the first round do not count."""
    middle = float(np.median(signal[normal])) if normal.any() else 0.0
    reference = normal & (np.abs(signal - middle) < 4 * _spread(signal[normal]))
    rise, floor = signal, 0.0
    for _ in range(2):
        rise = signal - local_level(signal, reference, spacing)
        floor = NOISE_STANDARDS * max(min(_spread(rise[reference]), most), noise)
        stray = ndimage.binary_dilation(rise > floor, iterations=2)
        reference = reference & ~stray if (reference & ~stray).any() else reference
    return rise, floor


def _spread(values: FloatArray) -> float:
    """Robust SD."""
    if values.size == 0:
        return 0.0
    return MAD_TO_SD * float(np.median(np.abs(values - np.median(values))))
