"""Tissues inside a lesion of the brain from T1C, T1, T2 and FLAIR."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from imgcompare.geometry import AnyArray
from imgcompare.model import TISSUE_CODES, Decision, Role, Tissue
from imgcompare.segmentation.labelled import Labelled, drop_small
from imgcompare.segmentation.masks import BoolArray, Shaper
from imgcompare.segmentation.mixture import Bounds, TwoClasses, separate
from imgcompare.segmentation.references import References
from imgcompare.segmentation.regularise import smooth_probability
from imgcompare.segmentation.scene import Scene

PERCENT_ENHANCEMENT = 0.15
"""A class gaining less than 15 % of the signal of white matter does not count as enhancing
(criteria.md §8)."""

SUBTRACTION_CAP = 0.08
"""Mean gain of tissue that does not enhance: none, but for a difference of sequences."""

T1C_FLOOR = 1.15
"""Without T1: enhancing tissue is brighter than white matter, by the same 15 %."""

T1C_CAP = 1.0
"""Without T1: everything that does not enhance is at most as bright as white matter."""

TEXTURE = 0.03
"""Least relative spread of signal inside a tissue."""

NOISE_GAP = 2.0
"""Class means less than this many noise SDs apart are one class: halves of one Gaussian lie 1.6
SDs apart."""

BLOOD_T1 = 1.25
"""Blood brighter than white matter before contrast; nothing else in brain is (but fat)."""

FLUID_T2 = 0.6
"""A cyst's T2 signal is at least this share of the way from white matter to CSF."""

BRIGHT_T2 = 1.2
"""Necrosis is brighter than white matter on T2 by more than its spread (grey matter: 1.3)."""

NEIGHBOURS = ndimage.generate_binary_structure(3, 3)

TOUCH_MM = 3.0
"""Necrosis is enclosed by or adjacent to enhancing tissue; this near is adjacent."""


def label_mr(scene: Scene, references: References) -> Labelled:
    """Label the tissues of one lesion.

    Parameters
    ----------
    scene : Scene
        The lesion and its surroundings; at least one of T1C, T1, T2, FLAIR.
    references : References
        Normal levels of this timepoint.

    Returns
    -------
    Labelled
        Values of TISSUE_CODES inside the region, 0 outside.
    """
    region = scene.region
    flags: list[str] = []
    decisions: list[Decision] = []
    labels = np.zeros(region.shape, dtype=np.uint8)
    enhancing = _enhancing(scene, flags, decisions)
    labels[enhancing] = TISSUE_CODES[Tissue.ENHANCING]
    rest = region & ~enhancing
    blood = _blood(scene, rest, flags, decisions)
    labels[blood] = TISSUE_CODES[Tissue.HAEMORRHAGE]
    rest &= ~blood
    if Role.FLAIR not in scene.images or Role.T1C not in scene.images:
        labels[rest] = TISSUE_CODES[Tissue.NON_ENHANCING]
        if rest.any():
            flags.append("necrosis and cyst cannot be told apart without FLAIR and T1C")
        return Labelled(labels, tuple(flags), tuple(decisions))
    cyst = _cyst(scene, rest, references, decisions)
    labels[cyst] = TISSUE_CODES[Tissue.CYSTIC]
    rest &= ~cyst
    necrotic = _necrotic(scene, rest, enhancing, decisions)
    labels[necrotic] = TISSUE_CODES[Tissue.NECROTIC]
    labels[rest & ~necrotic] = TISSUE_CODES[Tissue.NON_ENHANCING]
    return Labelled(labels, tuple(flags), tuple(decisions))


def _decided(subject: str, choice: str, reason: str) -> Decision:
    return Decision("segmentation", subject, choice, reason)


def _enhancing(scene: Scene, flags: list[str], decisions: list[Decision]) -> BoolArray:
    """Find enhancing tissue from the subtraction, else from T1C alone."""
    nothing = np.zeros(scene.region.shape, dtype=bool)
    if Role.T1C not in scene.images:
        flags.append("no T1C: enhancement cannot be measured")
        decisions.append(_decided("enhancing", "not measured", "there is no T1C"))
        return nothing
    if scene.enhancement is not None:
        feature, noise = scene.enhancement, scene.enhancement_noise
        cap, floor = SUBTRACTION_CAP, PERCENT_ENHANCEMENT
        basis = "T1C less matched T1"
    else:
        feature, noise = scene.images[Role.T1C], scene.noise[Role.T1C]
        cap, floor = T1C_CAP, T1C_FLOOR
        basis = "T1C alone, relative to white matter"
        flags.append("enhancement from T1C alone; subtraction not possible")
    bounds = Bounds(
        low_cap=cap,
        high_floor=floor,
        gap=max(PERCENT_ENHANCEMENT, NOISE_GAP * noise),
        sd_floor=max(noise, TEXTURE),
    )
    classes = separate(feature[scene.region], bounds)
    decisions.append(_decided("enhancing", _words(classes), f"classes of {basis}"))
    if not classes.has_high:
        flags.append("no part of the lesion enhances")
        return nothing
    return _regular(scene, feature, classes, scene.region)


def _regular(scene: Scene, feature: AnyArray, classes: TwoClasses, region: BoolArray) -> BoolArray:
    evidence = classes.evidence(feature)
    return np.asarray(smooth_probability(evidence, region, scene.spacing_mm) > 0.5)


def _words(classes: TwoClasses) -> str:
    parts = [f"threshold {classes.threshold:.3g}"]
    if classes.has_low:
        parts.append(f"low class {classes.low:.3g}")
    if classes.has_high:
        parts.append(f"high class {classes.high:.3g}")
    return ", ".join(parts)


def _blood(scene: Scene, rest: BoolArray, flags: list[str], decisions: list[Decision]) -> BoolArray:
    """Find blood: brighter than white matter before contrast."""
    if Role.T1 not in scene.images:
        flags.append("no T1 before contrast: haemorrhage cannot be recognised")
        return np.zeros_like(rest)
    t1 = scene.images[Role.T1]
    sharp = max(scene.noise[Role.T1], TEXTURE)
    classes = TwoClasses(BLOOD_T1 - 6 * sharp, BLOOD_T1 + 6 * sharp, BLOOD_T1)
    blood = drop_small(_regular(scene, t1, classes, rest), scene)
    if blood.any():
        decisions.append(
            _decided("haemorrhage", f"T1 above {BLOOD_T1} × white matter", "bright before contrast")
        )
    return blood


def _cyst(
    scene: Scene, rest: BoolArray, references: References, decisions: list[Decision]
) -> BoolArray:
    """Find fluid: suppressed on FLAIR like CSF, and as bright as CSF on T2."""
    if not rest.any():
        return rest
    flair = scene.images[Role.FLAIR]
    level = references.csf_flair
    solid = flair[rest & (flair > (level + 1) / 2)]
    upper = float(np.median(solid)) if solid.size else 1.0
    classes = TwoClasses(level, max(upper, 1.0), (level + 1.0) / 2)
    fluid = ~_regular(scene, flair, classes, rest) & rest
    if Role.T2 in scene.images:
        bright = references.csf_t2
        fluid &= scene.images[Role.T2] > 1.0 + FLUID_T2 * (bright - 1.0)
    fluid = drop_small(fluid, scene)
    # Where fluid borders on brain, the voxels they share look like solid tissue.
    around = np.asarray(ndimage.binary_dilation(fluid, NEIGHBOURS))
    edge = np.asarray(ndimage.binary_dilation(~scene.region, NEIGHBOURS))
    walled = np.asarray(ndimage.binary_dilation(scene.region & ~rest, NEIGHBOURS))
    fluid |= rest & around & edge & ~walled
    if fluid.any():
        decisions.append(
            _decided("cystic", f"FLAIR below {classes.threshold:.2f} × white matter", "like CSF")
        )
    return fluid


def _necrotic(
    scene: Scene, rest: BoolArray, enhancing: BoolArray, decisions: list[Decision]
) -> BoolArray:
    """Find necrosis: bright on T2, next to enhancing tissue; the rest is solid."""
    if not rest.any() or not enhancing.any():
        return np.zeros_like(rest)
    bright = rest
    if Role.T2 in scene.images:
        t2 = scene.images[Role.T2]
        top = max(float(np.median(t2[rest])), 1.5)
        classes = TwoClasses(1.0, top, min(BRIGHT_T2, (1.0 + top) / 2))
        bright = _regular(scene, t2, classes, rest)
    near = Shaper(scene.spacing_mm, planar=False).dilate(enhancing, TOUCH_MM)
    labels, _ = ndimage.label(bright)
    touching = np.unique(labels[near & bright])
    necrotic = np.isin(labels, touching[touching > 0])
    decisions.append(
        _decided("necrotic", "bright on T2, beside enhancing tissue", "not suppressed on FLAIR")
    )
    return np.asarray(necrotic)
