"""Tissues inside a lesion on CT, from the rise in HU between phases, else attenuation classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.model import TISSUE_CODES, Decision, Role, Tissue
from imgcompare.segmentation.labelled import Labelled, drop_small
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.mixture import Bounds, TwoClasses, separate
from imgcompare.segmentation.regularise import smooth_probability
from imgcompare.segmentation.scene import Scene

ENHANCING_HU = 20.0
"""A rise of at least this is enhancement (criteria.md §8)."""

EQUIVOCAL_HU = 10.0
"""A rise of less than this is none; between the two it is equivocal."""

ACCEPTED_HU = (EQUIVOCAL_HU + ENHANCING_HU) / 2
"""An equivocal class counts as enhancing from here, and is flagged."""

GAP_HU = 12.0
"""Classes with means closer than this are one."""

FLUID_HU = 15.0
"""Fluid (-9 to 20 HU) and necrosis (10 to 30 HU) overlap; half-way (criteria.md §8)."""

SOLID_HU = 35.0
"""Above necrosis (about 30 HU), below unenhanced soft tissue (about 40 HU)."""

BLOOD_HU = (50.0, 90.0)
"""Clotted blood before contrast (criteria.md §8)."""

SMOOTH_MM = 1.5
"""SD of the in-lesion blur before classes are fitted: CT noise exceeds class differences."""

POST_PHASES = (Role.CT_PORTAL, Role.CT_ARTERIAL, Role.CT_DELAYED)

Labels = npt.NDArray[np.uint8]


def label_ct(scene: Scene) -> Labelled:
    """Label the tissues of one lesion on CT.

    Parameters
    ----------
    scene : Scene
        HU images; enhancement needs CT_PRE and a later phase.

    Returns
    -------
    Labelled
        Without two phases never enhancing: attenuation classes, and a flag that says so.
    """
    post = [r for r in POST_PHASES if r in scene.images]
    if Role.CT_PRE in scene.images and post:
        return _two_phases(scene, post)
    return _single_phase(scene)


def smooth_inside(image: FloatArray, region: BoolArray, sigma: list[float]) -> FloatArray:
    """Blur an image without mixing in what lies outside a region."""
    weight = ndimage.gaussian_filter(region.astype(np.float32), sigma, truncate=2.5)
    blurred = ndimage.gaussian_filter(np.where(region, image, np.float32(0)), sigma, truncate=2.5)
    return np.asarray(blurred / np.maximum(weight, np.float32(1e-3)), dtype=np.float32)


def _blurred(scene: Scene, image: FloatArray) -> FloatArray:
    return smooth_inside(image, scene.region, [SMOOTH_MM / s for s in scene.spacing_mm])


def _two_phases(scene: Scene, post: list[Role]) -> Labelled:
    flags: list[str] = []
    decisions: list[Decision] = []
    pre = scene.images[Role.CT_PRE]
    role, rise = _strongest(scene, post)
    bounds = Bounds(
        low_cap=EQUIVOCAL_HU, high_floor=ACCEPTED_HU, gap=GAP_HU, sd_floor=_floor(scene, role)
    )
    classes = separate(rise[scene.region], bounds)
    enhancing = np.zeros(scene.region.shape, dtype=bool)
    if classes.has_high:
        evidence = classes.evidence(rise)
        belief = smooth_probability(evidence, scene.region, scene.spacing_mm)
        enhancing = np.asarray(belief > 0.5)
    top = classes.high if classes.has_high else classes.low
    decisions.append(
        Decision(
            "segmentation",
            "enhancing",
            f"{role} - {Role.CT_PRE} above {classes.threshold:.0f} HU",
            f"class rises: {classes.low:.0f} and {classes.high:.0f} HU",
        )
    )
    if EQUIVOCAL_HU <= top < ENHANCING_HU:
        flags.append(f"equivocal enhancement: {top:.0f} HU (10 to 20 HU)")
    elif not classes.has_high:
        flags.append("no part of the lesion enhances")
    labels = np.zeros(scene.region.shape, dtype=np.uint8)
    labels[enhancing] = TISSUE_CODES[Tissue.ENHANCING]
    rest = scene.region & ~enhancing
    attenuation = np.mean([scene.images[r] for r in (Role.CT_PRE, *post)], axis=0)
    _label_attenuation(scene, rest, attenuation.astype(np.float32), labels, blood_image=pre)
    return Labelled(labels, tuple(flags), tuple(decisions))


def _strongest(scene: Scene, post: list[Role]) -> tuple[Role, FloatArray]:
    """Pick the phase in which the lesion gains most, and give the blurred gain."""
    pre = scene.images[Role.CT_PRE]
    rises = {r: _blurred(scene, scene.images[r] - pre) for r in post}
    gains = {r: float(np.percentile(rise[scene.region], 90)) for r, rise in rises.items()}
    best = max(post, key=lambda r: gains[r])
    return best, rises[best]


def _floor(scene: Scene, role: Role) -> float:
    """SD of a class after the blur: noise of a difference, and texture of about 3 HU."""
    noise = float(np.hypot(scene.noise[role], scene.noise[Role.CT_PRE]))
    kernel = np.prod([max(1.0, 3.5 * SMOOTH_MM / s) for s in scene.spacing_mm])
    return max(3.0, noise / float(np.sqrt(kernel)))


def _single_phase(scene: Scene) -> Labelled:
    role = next(iter(scene.images))
    image = scene.images[role]
    labels = np.zeros(scene.region.shape, dtype=np.uint8)
    blood = image if role is Role.CT_PRE else None
    _label_attenuation(scene, scene.region, image, labels, blood_image=blood)
    decision = Decision(
        "segmentation",
        "attenuation classes",
        f"fluid below {FLUID_HU:.0f} HU, low attenuation below {SOLID_HU:.0f} HU, else soft tissue",
        "a single phase cannot show enhancement",
    )
    flag = (
        "attenuation classes only: cystic = fluid, necrotic = low attenuation, non_enhancing = "
        "soft tissue; enhancement unknown"
    )
    return Labelled(labels, (flag,), (decision,))


def _label_attenuation(
    scene: Scene,
    rest: BoolArray,
    image: FloatArray,
    labels: Labels,
    *,
    blood_image: FloatArray | None,
) -> None:
    """Label fluid, low attenuation, soft tissue and blood in the rest of a lesion, in place."""
    if not rest.any():
        return
    sigma = [SMOOTH_MM / s for s in scene.spacing_mm]
    smooth = smooth_inside(image, rest, sigma)
    labels[rest] = TISSUE_CODES[Tissue.NECROTIC]
    solid = _above(scene, smooth, rest, SOLID_HU)
    labels[solid] = TISSUE_CODES[Tissue.NON_ENHANCING]
    if blood_image is not None:
        before = smooth_inside(blood_image, rest, sigma)
        blood = _above(scene, before, rest, BLOOD_HU[0]) & (before <= BLOOD_HU[1])
        labels[drop_small(blood, scene)] = TISSUE_CODES[Tissue.HAEMORRHAGE]
    soft = rest & ~solid
    if soft.any():
        labels[_fluid(scene, smooth, soft)] = TISSUE_CODES[Tissue.CYSTIC]


def _fluid(scene: Scene, smooth: FloatArray, soft: BoolArray) -> BoolArray:
    """Tell fluid from necrosis: by class means if there are two, else by the one."""
    bounds = Bounds(low_cap=FLUID_HU, high_floor=FLUID_HU, gap=8.0, sd_floor=2.0)
    classes = separate(smooth[soft], bounds)
    if not classes.has_low:
        return np.zeros_like(soft)
    if not classes.has_high:
        return soft
    belief = smooth_probability(classes.evidence(smooth), soft, scene.spacing_mm)
    return drop_small(soft & ~(belief > 0.5), scene)


def _above(scene: Scene, image: FloatArray, region: BoolArray, limit: float) -> BoolArray:
    classes = TwoClasses(limit - GAP_HU, limit + GAP_HU, limit)
    belief = smooth_probability(classes.evidence(image), region, scene.spacing_mm)
    return np.asarray(belief > 0.5)
