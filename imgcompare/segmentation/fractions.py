"""How the tissues of one lesion share its voxels, with what surrounds it told apart."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.model import TISSUE_CODES, Role, Tissue
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.partial_volume import Channels, unmix
from imgcompare.segmentation.references import looks_like_fluid
from imgcompare.segmentation.scene import Scene
from imgcompare.segmentation.thick_slices import is_thick, resolve

Labels = npt.NDArray[np.uint8]
Fractions = dict[Tissue, FloatArray]

TISSUE_OF_CODE: Mapping[int, Tissue] = {code: tissue for tissue, code in TISSUE_CODES.items()}

MR_CHANNELS = (Role.T1C, Role.FLAIR, Role.T2, Role.T1)
"""Images that tell the fractions of a voxel; the native one comes first."""

OEDEMA = TISSUE_CODES[Tissue.OEDEMA]
FLUID = max(TISSUE_CODES.values()) + 1
OUTSIDE = (0, OEDEMA, FLUID)
"""What surrounds a lesion: brain, oedema, CSF; each has signals of its own."""

CORES = tuple(TISSUE_CODES[t] for t in (Tissue.NECROTIC, Tissue.CYSTIC, Tissue.HAEMORRHAGE))
"""Tissues that an enhancing rim encloses as a rule."""

STILL = tuple(TISSUE_CODES[t] for t in (Tissue.NECROTIC, Tissue.CYSTIC, Tissue.NON_ENHANCING))
"""Tissues that take up no contrast, by definition."""

SLIGHT = 0.05
"""A voxel outside that gains more than this (and three noise SDs) holds some of the lesion."""

WEAK = 0.05
"""A voxel of a given mask with less lesion signal than this takes its label's tissue whole."""


def name_surroundings(scene: Scene, labels: Labels, oedema: BoolArray) -> Labels:
    """Tell what the voxels outside a lesion border on: brain, oedema or CSF.

    Left as one tissue, their signals would vary so much that a little necrosis or cyst could
    explain any of them. Voxels that the lesion fills in part take after the nearest that it does
    not.

    Parameters
    ----------
    scene : Scene
        MR images around the lesion.
    labels : uint8 array, shape (slices, rows, columns)
        Tissues of the lesion, 0 outside.
    oedema : bool array

    Returns
    -------
    uint8 array
        ``labels`` with the codes of OUTSIDE in place of 0.
    """
    outside = labels == 0
    kind = np.where(oedema & outside, np.uint8(OEDEMA), labels)
    kind[looks_like_fluid(scene.images, outside & ~oedema)] = FLUID
    unclear = ~outside
    if scene.enhancement is not None:
        unclear |= (kind == 0) & (scene.enhancement > SLIGHT + 3 * scene.enhancement_noise)
    if unclear.all():
        return labels
    nearest = ndimage.distance_transform_edt(
        unclear, sampling=scene.spacing_mm, return_distances=False, return_indices=True
    )
    return np.where(outside, kind[tuple(nearest)], labels)


def tissue_fractions(
    scene: Scene, labels: Labels, outline: FloatArray | None
) -> tuple[Labels, Fractions]:
    """Unmix boundary voxels, within an outline to keep; then the largest fraction is the label.

    Parameters
    ----------
    scene : Scene
    labels : uint8 array, shape (slices, rows, columns)
        Most probable tissue, and codes of OUTSIDE.
    outline : float32 array, optional
        Part of each voxel that the lesion fills, if that is known.

    Returns
    -------
    labels : uint8 array
        0 outside the lesion.
    fractions : dict of Tissue to float32 array
        Of the lesion's tissues.
    """
    channels = _channels(scene)
    codes, solved = unmix(channels, labels, outside=OUTSIDE)
    if is_thick(scene.spacing_mm):
        solved = resolve(channels, codes, solved, outside=OUTSIDE, cores=CORES)
    lesion = {int(c): f for c, f in zip(codes, solved, strict=True) if c not in OUTSIDE}
    if outline is not None:
        lesion = _fill(lesion, outline, np.where(np.isin(labels, OUTSIDE), np.uint8(0), labels))
    stack = np.stack(list(lesion.values()))
    inside = stack.sum(axis=0) >= 0.5 if outline is None else scene.region
    best = np.array(list(lesion), dtype=np.uint8)[stack.argmax(axis=0)]
    chosen = np.where(inside, best, np.uint8(0))
    return chosen, {TISSUE_OF_CODE[c]: f for c, f in lesion.items()}


def _channels(scene: Scene) -> Channels:
    """Collect the images; the gain is one of T1C, which then comes first."""
    roles = [r for r in MR_CHANNELS if r in scene.images] or list(scene.images)
    stack = np.stack([scene.images[r] for r in roles])
    gain = scene.enhancement if roles[0] is Role.T1C else None
    noise = [scene.noise[r] for r in roles]
    return Channels(stack, noise, scene.spacing_mm, gain=gain, still=STILL)


def _fill(
    lesion: dict[int, FloatArray], outline: FloatArray, labels: Labels
) -> dict[int, FloatArray]:
    """Scale fractions so that they fill a given outline exactly and nothing beyond.

    Where the signals show no lesion, the nearest label fills the outline's part.
    """
    total = np.sum(list(lesion.values()), axis=0)
    scale = outline / np.maximum(total, np.float32(WEAK))
    weak = (outline > 0) & (total < WEAK)
    if (weak & (labels == 0)).any():
        nearest = ndimage.distance_transform_edt(
            labels == 0, return_distances=False, return_indices=True
        )
        labels = labels[tuple(nearest)]
    bare = np.where(weak, outline, np.float32(0))
    return {
        c: np.where(weak, bare * (labels == c), f * scale).astype(np.float32)
        for c, f in lesion.items()
    }
