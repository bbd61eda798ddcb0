"""Oedema or infiltration around a lesion: bright on FLAIR, contiguous, not fluid, not enhancing."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imgcompare.model import Role
from imgcompare.segmentation.masks import BoolArray, FloatArray, Shaper
from imgcompare.segmentation.mixture import TwoClasses
from imgcompare.segmentation.morphology import components, keep_labels, touched
from imgcompare.segmentation.references import References
from imgcompare.segmentation.regularise import smooth_probability
from imgcompare.segmentation.scene import Scene

SPREADS = 1.5
"""Oedema exceeds all normal brain on FLAIR by this many of its upper spreads. Grey matter alone
lies one spread above the median, so this is 2 to 3 SD of white matter (criteria.md §8)."""

REACH_MM = 45.0
"""Further from the lesion, brightness is white matter disease of its own."""

CONTACT_MM = 3.0
"""Oedema begins within this distance of the lesion."""

ENHANCING = 0.15
"""Gain of tissue that enhances (criteria.md §8): not oedema."""

FLUID_SHARE = 0.75
"""On T2, fluid is at least this share of the way from normal brain to CSF."""

MIN_CONTRAST = 0.1
MIN_OEDEMA_ML = 0.1


def find_oedema(
    scene: Scene, lesion: BoolArray, references: References
) -> tuple[BoolArray, FloatArray] | None:
    """Find the oedema of one lesion.

    Parameters
    ----------
    scene : Scene
        The lesion with a margin of REACH_MM.
    lesion : bool array
        The lesion without oedema.
    references : References
        Normal brain and CSF.

    Returns
    -------
    labels : bool array
    fraction : float32 array
        Part of each voxel; both empty masks if there is none. None without FLAIR and T2.
    """
    role = next((r for r in (Role.FLAIR, Role.T2) if r in scene.images), None)
    if role is None:
        return None
    image = scene.images[role]
    normal = references.normal.get(role, 1.0)
    start = normal + max(SPREADS * references.spread.get(role, MIN_CONTRAST), MIN_CONTRAST)
    shaper = Shaper(scene.spacing_mm, planar=False)
    distance = shaper.depth(~lesion)
    allowed = scene.tissue & ~lesion & (distance <= REACH_MM) & ~_fluid(scene, role, references)
    if scene.enhancement is not None:
        allowed &= scene.enhancement < ENHANCING + 3.0 * scene.enhancement_noise
    bright = _touching(allowed & (image > start), distance)
    if bright.sum() * scene.geometry.voxel_volume_ml < MIN_OEDEMA_ML:
        nothing = np.zeros(lesion.shape, dtype=bool)
        return nothing, nothing.astype(np.float32)
    level = float(np.median(image[bright]))
    classes = TwoClasses(normal, level, max(start, (normal + level) / 2))
    smooth = smooth_probability(classes.evidence(image), allowed, scene.spacing_mm) > 0.5
    labels = _touching(np.asarray(smooth), distance)
    fraction = _edges(image, labels, allowed, (normal, level))
    return labels, fraction


def _fluid(scene: Scene, role: Role, references: References) -> BoolArray:
    """Find CSF, which only T2 shows bright."""
    if role is Role.FLAIR or Role.T1 not in scene.images:
        level = 1.0 + FLUID_SHARE * (references.csf_t2 - 1.0)
        return np.asarray(scene.images[role] > (level if role is Role.T2 else np.inf))
    return np.asarray(scene.images[Role.T1] < (1.0 - FLUID_SHARE / 2))


def _touching(mask: BoolArray, distance: FloatArray) -> BoolArray:
    """Keep the parts that reach the lesion."""
    labels, _ = components(mask)
    return keep_labels(labels, touched(labels, distance <= CONTACT_MM))


def _edges(
    image: FloatArray, labels: BoolArray, allowed: BoolArray, levels: tuple[float, float]
) -> FloatArray:
    """Give fractions: 1 inside, read from the signal where the label changes."""
    cross = ndimage.generate_binary_structure(3, 1)
    edge = ndimage.binary_dilation(labels, cross) & ~ndimage.binary_erosion(labels, cross)
    low, high = levels
    share = np.clip((image - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.where(edge & allowed, share, labels).astype(np.float32)
