"""Body and intracranial masks from intensities and shape alone, on a coarse working grid."""

from __future__ import annotations

from collections.abc import Mapping

import edt
import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import Role

FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

WORKING_SPACING_MM = 3.0
"""Masks are found on blocks of about this size: brain surfaces need no finer grid here."""

SLAB_MM = 100.0
"""A stack thinner than this does not hold a whole head: its end slices are cuts, not surfaces."""

HEAD_FRACTION = 0.25
"""Head voxels exceed this fraction of the typical bright signal; air and its ghosts do not."""

BODY_HU = -300.0
"""Between lung or air (< -500 HU) and fat (about -100 HU)."""

BRAIN_RANGE = (0.55, 1.40)
"""Signal of brain over that of the deep head on T1: above fluid and bone, below fat."""

NECK_MM = 5.0
"""Half width of the bridges (optic nerves, vessels, foramina) that erosion has to cut."""

SULCUS_MM = 9.0
"""Half width of the gaps (sulci, fissures, dark or bright lesions) that closing has to bridge."""

STRIPPED_FRACTION = 0.80
"""A brain filling more than this of the foreground means that the skull was removed before."""

MARGIN_MM = 2.0
"""Cortex lost to partial volume at the edge of the candidate range, added back."""


def shrink_steps(geometry: Geometry, spacing_mm: float) -> tuple[int, int, int]:
    """Count the voxels per axis that make one block of about ``spacing_mm``."""
    a, b, c = (max(1, int(spacing_mm / s + 1e-6)) for s in geometry.spacing_mm)
    return a, b, c


def block_mean(array: AnyArray, steps: tuple[int, int, int]) -> FloatArray:
    """Average blocks of voxels; an incomplete last block is averaged over what there is.

    Parameters
    ----------
    array : array, shape (slices, rows, columns)
    steps : tuple of int
        Block size in voxels.

    Returns
    -------
    float32 array, shape ceil(shape / steps)
    """
    out = np.asarray(array, dtype=np.float32) if array.dtype != bool else array
    for axis, step in enumerate(steps):
        if step > 1:
            out = _mean_along(out, axis, step)
    return out.astype(np.float32, copy=False)


def _mean_along(array: AnyArray, axis: int, step: int) -> FloatArray:
    """Average runs of ``step`` voxels along one axis, by adding strided views."""
    size = array.shape[axis]
    whole = size - size % step
    views = [[slice(None)] * 3 for _ in range(step)]
    for k, view in enumerate(views):
        view[axis] = slice(k, whole, step)
    total = array[tuple(views[0])].astype(np.float32)
    for view in views[1:]:
        total += array[tuple(view)]
    total /= np.float32(step)
    if whole == size:
        return total
    rest = [slice(None)] * 3
    rest[axis] = slice(whole, None)
    last = array[tuple(rest)].mean(axis=axis, keepdims=True, dtype=np.float32)
    return np.concatenate([total, last], axis=axis)


def expand(mask: BoolArray, steps: tuple[int, int, int], shape: tuple[int, int, int]) -> BoolArray:
    """Blow a mask of blocks up to ``shape``, with rounded rather than stepped edges."""
    zoomed = mask.astype(np.float32)
    for axis in (2, 1, 0):  # the whole array is touched along its slices only, which is quickest
        zoomed = _stretch(zoomed, axis, steps[axis], shape[axis])
    return np.asarray(zoomed > 0.5)


def _stretch(array: FloatArray, axis: int, step: int, size: int) -> FloatArray:
    position = (np.arange(size) + 0.5) / step - 0.5
    low = np.clip(np.floor(position).astype(int), 0, array.shape[axis] - 1)
    high = np.minimum(low + 1, array.shape[axis] - 1)
    shape = [1, 1, 1]
    shape[axis] = -1
    weight = np.clip(position - low, 0.0, 1.0).astype(np.float32).reshape(shape)
    lower, upper = np.take(array, low, axis), np.take(array, high, axis)
    upper -= lower
    upper *= weight
    upper += lower
    return np.asarray(upper, dtype=np.float32)


def largest_component(mask: BoolArray) -> BoolArray:
    """Keep the largest 6-connected part of a mask."""
    labels, count = ndimage.label(mask)
    if count < 2:
        return mask
    sizes = np.bincount(labels.ravel())
    sizes[0] = 0
    return np.asarray(labels == int(sizes.argmax()))


class Shaper:
    """Erosion, dilation and closing in mm by distance transform; in-plane only for slabs."""

    def __init__(self, spacing_mm: tuple[float, float, float], *, planar: bool) -> None:
        # A huge spacing takes the slice axis out of the distance.
        self.sampling = (1e6, *spacing_mm[1:]) if planar else spacing_mm
        self.pad = (0, 3, 3) if planar else (3, 3, 3)

    def depth(self, mask: BoolArray) -> FloatArray:
        """Distance of each voxel of a mask from its surface, mm; the grid's edge is no surface.

        Infinite where the mask has no surface at all.
        """
        found: FloatArray = edt.edt(np.ascontiguousarray(mask), anisotropy=self.sampling)
        return found

    def erode(self, mask: BoolArray, mm: float) -> BoolArray:
        """Remove everything less than ``mm`` from the surface."""
        return np.asarray(self.depth(mask) > mm)

    def dilate(self, mask: BoolArray, mm: float) -> BoolArray:
        """Add everything less than ``mm`` from the mask."""
        return np.asarray(self.depth(~mask) <= mm)

    def close(self, mask: BoolArray, mm: float) -> BoolArray:
        """Bridge gaps up to twice ``mm`` wide."""
        return ~self.dilate(~self.dilate(mask, mm), mm)


def fill_in_plane(mask: BoolArray) -> BoolArray:
    """Fill the holes of every slice."""
    return np.asarray(ndimage.binary_fill_holes(mask, structure=_in_plane()))


def _in_plane() -> BoolArray:
    plane = ndimage.generate_binary_structure(3, 1)
    plane[0] = plane[2] = False
    return np.asarray(plane)


def _typical_bright(values: AnyArray) -> float:
    """Give the median of the brighter of two Otsu classes, blind to a few extreme voxels."""
    top = float(np.percentile(values, 99.5))
    histogram, edges = np.histogram(np.clip(values, values.min(), top), bins=128)
    centres = (edges[:-1] + edges[1:]) / 2
    weight = np.cumsum(histogram).astype(float)
    mean = np.cumsum(histogram * centres)
    rest = np.maximum(weight[-1] - weight, 1.0)
    between = weight * rest * (mean / np.maximum(weight, 1.0) - (mean[-1] - mean) / rest) ** 2
    cut = float(centres[int(np.argmax(between))])
    return float(np.median(values[values > cut])) if (values > cut).any() else top


def find_body(image: AnyArray, geometry: Geometry, *, hounsfield: bool) -> BoolArray:
    """Find the filled foreground: the head of an MR series, the body of a CT series.

    Parameters
    ----------
    image : array, shape (slices, rows, columns)
        MR signal or HU.
    geometry : Geometry
        Its grid.
    hounsfield : bool
        Whether ``image`` is CT.

    Returns
    -------
    bool array of the same shape
    """
    steps = shrink_steps(geometry, WORKING_SPACING_MM)
    coarse = block_mean(np.nan_to_num(image), steps)
    if hounsfield:
        inside = coarse > BODY_HU
    else:
        positive = coarse[coarse > coarse.min()]
        if positive.size == 0:
            return np.zeros(image.shape, dtype=bool)
        inside = coarse > HEAD_FRACTION * _typical_bright(positive)
    # Filled first: a thin scalp around a dark skull would not survive the opening.
    inside = fill_in_plane(np.asarray(inside))
    inside = largest_component(np.asarray(ndimage.binary_opening(inside, _in_plane())))
    return expand(fill_in_plane(inside), steps, geometry.shape)


def find_brain(
    images: Mapping[Role, AnyArray], body: BoolArray, geometry: Geometry
) -> tuple[BoolArray, bool]:
    """Find the inside of the skull, approximately, on head MR.

    Voxels of brain-like signal are eroded until scalp and eyes come off, the largest part is
    grown back, and sulci, ventricles and lesions are closed.

    Parameters
    ----------
    images : mapping of Role to array
        MR signals on the reference grid; T1 is used if there, else T1C, else what there is.
    body : bool array
        Filled foreground.
    geometry : Geometry
        The grid.

    Returns
    -------
    brain : bool array
    stripped : bool
        Whether the skull had been removed before, so that the whole foreground is brain.
    """
    order = (Role.T1, Role.T1C, Role.FLAIR, Role.T2)
    role = next((r for r in order if r in images), next(iter(images)))
    planar = geometry.shape[0] * geometry.spacing_mm[0] < SLAB_MM
    steps = shrink_steps(geometry, WORKING_SPACING_MM)
    if planar:
        steps = (1, *steps[1:])
    a, b, c = (s * n for s, n in zip(geometry.spacing_mm, steps, strict=True))
    shaper = Shaper((a, b, c), planar=planar)
    coarse = block_mean(np.nan_to_num(images[role]), steps)
    head = block_mean(body, steps) > 0.5
    depth = shaper.depth(head)
    if not head.any():
        return np.zeros(geometry.shape, dtype=bool), False
    deep = head & (depth > 0.4 * float(np.percentile(depth[head], 99)))
    level = float(np.median(coarse[deep]))
    candidate = head & (coarse > BRAIN_RANGE[0] * level) & (coarse < BRAIN_RANGE[1] * level)
    core = largest_component(shaper.erode(candidate, NECK_MM))
    grown = shaper.dilate(core, NECK_MM + MARGIN_MM) & (candidate | shaper.dilate(core, NECK_MM))
    brain = fill_in_plane(shaper.close(grown, SULCUS_MM)) & head
    if brain.sum() > STRIPPED_FRACTION * head.sum():
        return body.copy(), True
    return expand(brain, steps, geometry.shape) & body, False
