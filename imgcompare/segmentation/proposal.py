"""Lesions proposed without a mask or seed, where contrast phases allow it; never decided."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.errors import SegmentationError
from imgcompare.model import LabelMap, Role
from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.evidence import Evidence, box_around, gather_mr
from imgcompare.segmentation.growing import coarse_evidence, grow
from imgcompare.segmentation.lesion import segment_at
from imgcompare.segmentation.likeness import MIN_LESION_ML, is_lesion, roundness
from imgcompare.segmentation.masks import BoolArray, FloatArray
from imgcompare.segmentation.normalisation import MAD_TO_SD
from imgcompare.segmentation.preparation import Prepared
from imgcompare.segmentation.starting import look_around

Start = tuple[tuple[int, int, int], float]
"""A voxel to grow from and how far, mm."""

ENHANCING: Final = 0.15
"""Gain that counts as enhancing, over white matter (criteria.md §8)."""

DENSITY_SIGMA_MM: Final = 2.5
DENSITY: Final = 0.35
"""Vessels and dura fill less of a ball of this Gaussian SD than a lesion or its rim does."""

SURFACE_MM: Final = 5.0
"""Enhancing tissue this close to the surface of brain or organ may be dura, sinus or capsule."""

FLAT: Final = 0.2
"""Smallest over largest standard deviation of a part: tubes and sheets are flat, rims are not."""

COMPACT_COARSE: Final = 0.45
"""The same on blocks of 2 mm, before voxels are looked at."""

MOST_STARTS: Final = 16
"""Further, smaller parts are not looked at."""

REACH: Final = 1.5
REACH_MM: Final = 10.0
"""A lesion reaches at most this factor and this far beyond its enhancing part."""

ORGAN_HU: Final = (70.0, 160.0)
"""Liver parenchyma in the portal venous phase."""

ORGAN_SMOOTHING_MM: Final = 1.5
ORGAN_SPREADS: Final = 2.5
"""Smoothed voxels this many robust SDs from the organ's level are no normal parenchyma."""

ORGAN_NOTCH_MM: Final = 12.0
"""Half width of the gap that a lesion or vessel may leave in the organ."""

LEAST_LESION_MM: Final = 3.0
"""Half thickness of the smallest lesion proposed on CT; vessels of the liver are thinner."""


def propose_lesions(prepared: Prepared, *, known: BoolArray | None = None) -> LabelMap:
    """Propose lesions from what gains (or, in an organ on CT, differs in) contrast.

    Parameters
    ----------
    prepared : Prepared
        Head MR with T1 and T1C, or CT with a pre-contrast and a later phase.
    known : bool array, optional
        Lesions that need no proposal, on the reference grid.

    Returns
    -------
    LabelMap
        Labels 1, 2, ... from the largest down, on the reference grid; may be empty.

    Raises
    ------
    SegmentationError
        If the images hold no contrast phases to compare.
    """
    if prepared.enhancement is None:
        raise no_contrast(prepared.aligned.timepoint.name)
    grid = prepared.aligned.geometry
    lesions: list[BoolArray] = []
    taken = np.zeros(grid.shape, dtype=bool) if known is None else known.copy()
    starts = _starts_ct(prepared, taken) if prepared.is_ct else _starts_mr(prepared, taken)
    with ThreadPoolExecutor(max_workers=2) as pool:
        regions = list(pool.map(lambda s: segment_at(prepared, s[0], radius_mm=s[1]), starts))
    for (index, _), whole in zip(starts, regions, strict=True):
        region = whole & ~taken
        if taken[index]:
            continue
        if is_lesion(prepared, region):
            lesions.append(region)
            taken |= region
    labels = np.zeros(grid.shape, dtype=np.uint8)
    for number, region in enumerate(sorted(lesions, key=lambda r: -int(r.sum())), start=1):
        labels[region] = number
    return LabelMap(labels, grid)


def no_contrast(name: str) -> SegmentationError:
    """Say why no lesion can be proposed for a timepoint, and what to do."""
    return SegmentationError(
        f"No lesion can be proposed for {name}: that takes a scan before and one after contrast. "
        "Give a point in the lesion with --seed, or --mask."
    )


def _starts_mr(prepared: Prepared, known: BoolArray) -> list[Start]:
    """Deepest voxels of dense enhancing parts inside the brain, largest part first."""
    spacing = prepared.aligned.geometry.spacing_mm
    inside = prepared.body if prepared.brain is None else prepared.brain
    box = shape.box_of(inside, 0.0, spacing)
    evidence = gather_mr(prepared, box)
    bright = evidence.domain & (evidence.rise > max(ENHANCING, evidence.floor))
    density = ndimage.gaussian_filter(
        bright.astype(np.float32), [DENSITY_SIGMA_MM / s for s in spacing], truncate=2.0
    )
    deep = shape.depth_mm(evidence.domain, spacing) > SURFACE_MM
    starts = _deepest(bright & deep & (density >= DENSITY), density, box, prepared)
    coarse, steps = coarse_evidence(evidence)
    starts = [s for s in starts if not known[s[0]]][:MOST_STARTS]
    with ThreadPoolExecutor(max_workers=2) as pool:
        likely = list(pool.map(lambda s: _may_be_lesion(coarse, steps, box, s), starts))
    return [s for s, keep in zip(starts, likely, strict=True) if keep]


def _may_be_lesion(
    coarse: Evidence, steps: tuple[int, int, int], box: shape.Box, start: Start
) -> bool:
    """Grow from a start on coarse blocks, which is quick, and drop what is clearly thin."""
    index, reach_mm = start
    at = [(i - s.start) // n for i, s, n in zip(index, box, steps, strict=True)]
    at = [min(i, n - 1) for i, n in zip(at, coarse.rise.shape, strict=True)]
    inner = box_around(at, reach_mm, coarse.spacing, coarse.rise.shape)
    near = replace(coarse.cut(inner), box=inner)
    a, b, c = (i - s.start for i, s in zip(at, inner, strict=True))
    region = grow(near, look_around(near, (a, b, c)))
    return bool(region.any()) and roundness(region, coarse.spacing) >= COMPACT_COARSE


def _starts_ct(prepared: Prepared, known: BoolArray) -> list[Start]:
    """Deepest voxels of compact parts of an organ that differ from its parenchyma."""
    spacing = prepared.aligned.geometry.spacing_mm
    role = next(r for r in (Role.CT_PORTAL, Role.CT_ARTERIAL, Role.CT_DELAYED)
                if r in prepared.images)  # fmt: skip
    sigma = [ORGAN_SMOOTHING_MM / s for s in spacing]
    smooth = ndimage.gaussian_filter(prepared.images[role], sigma)
    organ, odd = _organ(smooth, prepared.body, spacing)
    if not organ.any():
        return []
    box = shape.box_of(organ, 0.0, spacing)
    deep = shape.depth_mm(organ[box], spacing) > SURFACE_MM
    thickness = shape.depth_mm(odd[box] & organ[box], spacing)
    starts = _deepest(deep & (thickness > LEAST_LESION_MM), thickness, box, prepared)
    return [s for s in starts if not known[s[0]]][:MOST_STARTS]


def _organ(
    smooth: FloatArray, body: BoolArray, spacing: tuple[float, float, float]
) -> tuple[BoolArray, BoolArray]:
    """Largest homogeneous organ with its holes closed, and what in it is no parenchyma."""
    low, high = ORGAN_HU
    plausible = body & (smooth > low) & (smooth < high)
    nothing = np.zeros_like(body)
    if not plausible.any():
        return nothing, nothing
    counts, edges = np.histogram(smooth[plausible], bins=90, range=ORGAN_HU)
    level = float(edges[int(np.argmax(counts))] + (edges[1] - edges[0]) / 2)
    close = smooth[plausible & (np.abs(smooth - level) < 15.0)]
    spread = MAD_TO_SD * float(np.median(np.abs(close - level)))
    normal = plausible & (np.abs(smooth - level) < ORGAN_SPREADS * max(spread, 1.0))
    core = shape.depth_mm(normal, spacing) > LEAST_LESION_MM
    labels, count = shape.components(core)
    if not count:
        return nothing, nothing
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    main = shape.keep_labels(labels, [int(sizes.argmax())])
    main = shape.dilate(main, LEAST_LESION_MM, spacing) & normal
    organ = shape.close(main, ORGAN_NOTCH_MM, spacing)
    organ |= shape.enclosed_holes(organ)
    return organ & body, ~normal


def _deepest(
    parts: BoolArray, depth: FloatArray, box: shape.Box, prepared: Prepared
) -> list[Start]:
    """Give a start per part, where ``depth`` is largest, and its reach; the largest part first."""
    spacing = np.array(prepared.aligned.geometry.spacing_mm)
    labels, _ = shape.components(parts)
    least = 0.5 * MIN_LESION_ML / prepared.aligned.geometry.voxel_volume_ml
    found = []
    for label, inside in enumerate(ndimage.find_objects(labels), start=1):
        part = labels[inside] == label
        if part.sum() < least or _flatness(part, spacing) < FLAT:
            continue
        place = np.unravel_index(int(np.argmax(np.where(part, depth[inside], -np.inf))), part.shape)
        far = float(np.linalg.norm((np.argwhere(part) - place) * spacing, axis=1).max())
        a, b, c = (int(p) + i.start + s.start for p, i, s in zip(place, inside, box, strict=True))
        found.append((int(part.sum()), ((a, b, c), REACH * far + REACH_MM)))
    return [start for _, start in sorted(found, key=lambda f: (-f[0], f[1][0]))]


def _flatness(part: BoolArray, spacing: npt.NDArray[np.float64]) -> float:
    """Smallest over largest standard deviation of a part's voxels along its principal axes."""
    spread = np.linalg.eigvalsh(np.cov((np.argwhere(part) * spacing).T))
    return float(np.sqrt(max(spread[0], 0.0) / spread[-1])) if spread[-1] > 0 else 0.0
