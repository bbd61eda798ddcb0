"""Tissues inside a lesion on CT, from the rise in HU between phases, else attenuation classes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from scipy.special import expit, logit

from imgcompare.model import TISSUE_CODES, Decision, Role, Tissue
from imgcompare.segmentation.labelled import Labelled, drop_small
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.mixture import Bounds, TwoClasses, separate
from imgcompare.segmentation.regularise import smooth_probability
from imgcompare.segmentation.scene import Scene
from imgcompare.segmentation.steadying import least_blur, smooth_inside

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

FLUID_GAP_HU = 8.0
"""Fluid and necrosis closer than this cannot be told apart."""

NOISE_GAP = 2.0
"""Class means less than this many SDs apart are one class: halves of one Gaussian lie 1.6 apart."""

LEVEL_ROUNDS = 20

SOLID_HU = 35.0
"""Above necrosis (about 30 HU), below unenhanced soft tissue (about 40 HU)."""

BLOOD_HU = (50.0, 90.0)
"""Clotted blood before contrast (criteria.md §8)."""

SMOOTH_MM = 1.5
"""SD of the widest in-lesion blur, where CT noise exceeds class differences."""

CLEAR = 3.0
"""Classes whose means lie this many noise SDs apart are told apart voxel by voxel and by their
neighbours; a blur would only thicken thin rims."""

TEXTURE_HU = 3.0
"""Least SD of a tissue's gain."""

BLURS_MM = (0.0, 0.6, 0.9, 1.2, SMOOTH_MM)

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


def _steady(
    scene: Scene, image: FloatArray, region: BoolArray, noise: float, gap: float
) -> tuple[FloatArray, float]:
    """Blur an image no more than telling classes ``gap`` HU apart calls for; give its noise SD."""
    blur, left = least_blur(BLURS_MM, scene.spacing_mm, noise=noise, wanted=gap / CLEAR)
    return smooth_inside(image, region, scene.spacing_mm, blur), max(TEXTURE_HU, left)


def _two_phases(scene: Scene, post: list[Role]) -> Labelled:
    flags: list[str] = []
    decisions: list[Decision] = []
    pre = scene.images[Role.CT_PRE]
    role, rise, spread = _strongest(scene, post)
    bounds = Bounds(low_cap=EQUIVOCAL_HU, high_floor=ACCEPTED_HU, gap=GAP_HU, sd_floor=spread)
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
    phases = (Role.CT_PRE, *post)
    attenuation = np.mean([scene.images[r] for r in phases], axis=0).astype(np.float32)
    noise = float(np.linalg.norm([scene.noise[r] for r in phases])) / len(phases)
    _label_attenuation(scene, rest, attenuation, labels, noise=noise, blood_image=pre)
    return Labelled(labels, tuple(flags), tuple(decisions))


def _strongest(scene: Scene, post: list[Role]) -> tuple[Role, FloatArray, float]:
    """Pick the phase in which the lesion gains most; give the gain and its noise SD."""
    pre = scene.images[Role.CT_PRE]
    rises = {r: scene.images[r] - pre for r in post}
    calm = {r: smooth_inside(rise, scene.region, scene.spacing_mm, SMOOTH_MM)[scene.region]
            for r, rise in rises.items()}  # fmt: skip
    best = max(post, key=lambda r: float(np.percentile(calm[r], 90)))
    low, high = np.percentile(calm[best], (5, 95))
    noise = float(np.hypot(scene.noise[best], scene.noise[Role.CT_PRE]))
    gap = max(float(high - low), GAP_HU)
    rise, spread = _steady(scene, rises[best], scene.region, noise, gap)
    return best, rise, spread


def _single_phase(scene: Scene) -> Labelled:
    role = next(iter(scene.images))
    image = scene.images[role]
    labels = np.zeros(scene.region.shape, dtype=np.uint8)
    blood = image if role is Role.CT_PRE else None
    noise = scene.noise[role]
    _label_attenuation(scene, scene.region, image, labels, noise=noise, blood_image=blood)
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
    noise: float,
    blood_image: FloatArray | None,
) -> None:
    """Label fluid, low attenuation, soft tissue and blood in the rest of a lesion, in place."""
    if not rest.any():
        return
    pure = _interior(rest)
    steady, _ = _steady(scene, image, pure, noise, GAP_HU)
    labels[rest] = TISSUE_CODES[Tissue.NECROTIC]
    solid = _above(scene, _completed(scene, image, steady, pure), rest, SOLID_HU)
    labels[solid] = TISSUE_CODES[Tissue.NON_ENHANCING]
    if blood_image is not None:
        calm = smooth_inside(blood_image, pure, scene.spacing_mm, SMOOTH_MM)
        before = _completed(scene, blood_image, calm, pure)
        blood = _above(scene, before, rest, BLOOD_HU[0]) & (before <= BLOOD_HU[1])
        labels[drop_small(blood, scene)] = TISSUE_CODES[Tissue.HAEMORRHAGE]
    soft = rest & ~solid
    if soft.any():
        labels[_fluid(scene, image, soft, noise)] = TISSUE_CODES[Tissue.CYSTIC]


def _interior(rest: BoolArray, *, planar: bool = False) -> BoolArray:
    """Voxels that share nothing with what is around them, as they would pass for another class."""
    around = ndimage.generate_binary_structure(3, 2)
    if planar:
        around[0] = around[2] = False
    inner = rest & ~np.asarray(ndimage.binary_dilation(~rest, around))
    return inner if inner.any() else rest


def _completed(scene: Scene, image: FloatArray, steady: FloatArray, pure: BoolArray) -> FloatArray:
    """Give voxels that are not pure the value of the nearest that is, free of its noise."""
    nearest = ndimage.distance_transform_edt(
        ~pure, sampling=scene.spacing_mm, return_distances=False, return_indices=True
    )
    calm = smooth_inside(image, pure, scene.spacing_mm, SMOOTH_MM)[tuple(nearest)]
    return np.where(pure, steady, calm)


def _fluid(scene: Scene, image: FloatArray, soft: BoolArray, noise: float) -> BoolArray:
    """Tell fluid from necrosis: by class means if there are two, else by the one."""
    # Slices above and below hardly darken a voxel, and thick slices would leave none.
    pure = _interior(soft, planar=True)
    calm = smooth_inside(image, pure, scene.spacing_mm, SMOOTH_MM)[pure]
    bounds = Bounds(low_cap=FLUID_HU, high_floor=FLUID_HU, gap=FLUID_GAP_HU, sd_floor=2.0)
    classes = separate(calm, bounds)
    if not classes.has_low:
        return np.zeros_like(soft)
    if not classes.has_high:
        return soft
    steady, spread = _steady(scene, image, pure, noise, classes.high - classes.low)
    values = steady[pure & (steady < SOLID_HU)]
    low, high, spread = _two_levels(values, (classes.low, classes.high), spread)
    if low > FLUID_HU or high - low < max(FLUID_GAP_HU, NOISE_GAP * spread):
        return soft if float(np.median(calm)) < FLUID_HU else np.zeros_like(soft)
    limit = min((low + high) / 2, FLUID_HU)
    evidence = TwoClasses(low, high, limit).evidence(_completed(scene, image, steady, pure))
    belief = smooth_probability(evidence, soft, scene.spacing_mm)
    return drop_small(soft & ~(belief > 0.5), scene)


def _two_levels(
    values: FloatArray, start: tuple[float, float], least_sd: float
) -> tuple[float, float, float]:
    """Refit two class means and their common SD by expectation maximisation (Dempster 1977)."""
    low, high = start
    portion, spread = 0.5, least_sd
    for _ in range(LEVEL_ROUNDS):
        odds = (values - (low + high) / 2) * (high - low) / spread**2 + logit(portion)
        share = expit(odds)
        mass = float(share.sum())
        if not 1.0 <= mass <= values.size - 1.0:
            break
        low = float(((1 - share) * values).sum() / (values.size - mass))
        high = float((share * values).sum() / mass)
        rest = (1 - share) * (values - low) ** 2 + share * (values - high) ** 2
        spread = max(least_sd, float(rest.mean()) ** 0.5)
        portion = mass / values.size
    return low, high, spread


def _above(scene: Scene, image: FloatArray, region: BoolArray, limit: float) -> BoolArray:
    classes = TwoClasses(limit - GAP_HU, limit + GAP_HU, limit)
    belief = smooth_probability(classes.evidence(image), region, scene.spacing_mm)
    return np.asarray(belief > 0.5)
