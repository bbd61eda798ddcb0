"""Make images of different scanners and dates look alike: common grey scale and windows.

MR has no absolute scale. The same anatomy is compared across timepoints through the transforms:
the median ratio of two images over the foreground is their relative gain, which a lesion of any
usual size cannot move. Windows are then shared by all timepoints.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.model import Comparison, Lesion, Quantity, Role, TimepointResult
from imgcompare.reporting.views import baseline_result, in_timepoint

COARSE_MM = 6.0
FOREGROUND_SHARE = 0.2
"""Part of the bright (98th percentile) signal above which a voxel counts as body."""

MIN_POINTS = 200
"""Fewer common foreground points give no reliable gain."""

SOFT_TISSUE_HU = (-160.0, 240.0)
PARENCHYMA_HU = (-50.0, 190.0)
PARENCHYMA_FROM_HU = 20.0
"""Median around a lesion above which it lies in an organ and is shown with more contrast."""

LUNG_HU = (-1350.0, 150.0)
LUNG_BELOW_HU = -400.0
"""Median around a lesion below which it is shown in the lung window."""

SUBTRACTION_HU = (-40.0, 140.0)
SUBTRACTION_MR = (-0.25, 1.1)
MR_WINDOW_PERCENTILE = 99.7
MR_HEADROOM = 1.08
"""Room above the brightest tissue, so that it is not flat white."""

MR_WINDOW_LIMITS = (1.5, 2.6)
"""Upper end of MR windows, in units of normal tissue."""

LESION_PERCENTILE = 98.0
LESION_WINDOW_LIMITS = (1.6, 3.4)
"""Wide enough for normal tissue, narrow enough to tell its parts."""

Window = tuple[float, float]
Values = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class GreyScale:
    """Gains by timepoint and role: image times gain is HU, or 1.0 in normal MR tissue."""

    gains: dict[tuple[int, Role], float]

    def gain(self, result: TimepointResult, role: Role) -> float:
        """Factor for one image."""
        return self.gains.get((result.index, role), 1.0)


def grey_scale(comparison: Comparison) -> GreyScale:
    """Find the gain of every image of a comparison."""
    if not comparison.results:
        return GreyScale({})
    base = baseline_result(comparison)
    points = _coarse_points(base)
    ordered = sorted(comparison.results, key=lambda r: (r is not base, r.index))
    seen = {r.index: _coarse_values(r, points) for r in ordered}
    gains: dict[tuple[int, Role], float] = {}
    for role in dict.fromkeys(role for values in seen.values() for role in values):
        anchor: tuple[Values, float] | None = None
        for index, values in seen.items():
            if role not in values:
                continue
            gain = _relative_gain(values[role], anchor)
            gains[index, role] = gain
            anchor = anchor or (values[role], gain)
    for index, values in seen.items():
        _match_pair(index, values, gains)
    return GreyScale(gains)


def window_bytes(image: npt.NDArray[np.float32], window: Window) -> npt.NDArray[np.uint8]:
    """Map a window of values to 0..255; NaN, outside the image, becomes black."""
    low, high = window
    scaled = (np.nan_to_num(image, nan=low) - low) * (255.0 / (high - low))
    return np.asarray(np.clip(np.rint(scaled), 0, 255), dtype=np.uint8)


def lesion_window(comparison: Comparison, lesion: Lesion, role: Role, scale: GreyScale) -> Window:
    """Share one MR window among timepoints, the brightest tissue of the lesion near its top."""
    tops = []
    for result in comparison.results:
        segmented, volume = result.lesions.get(lesion.id), result.aligned.images.get(role)
        if segmented is None or volume is None:
            continue
        place = segmented.geometry.place_in(result.aligned.geometry)
        inside = volume.array[place][segmented.labels.array != 0]
        if inside.size:
            tops.append(float(np.percentile(inside, LESION_PERCENTILE)) * scale.gain(result, role))
    top = MR_HEADROOM * max(tops, default=0.0)
    return 0.0, float(np.clip(top, *LESION_WINDOW_LIMITS))


def mr_window(images: list[npt.NDArray[np.float32]]) -> Window:
    """Share one window among images in units of normal tissue."""
    values = np.concatenate([i[np.isfinite(i)].ravel() for i in images])
    top = float(np.percentile(values, MR_WINDOW_PERCENTILE)) if len(values) else 1.0
    return 0.0, float(np.clip(MR_HEADROOM * top, *MR_WINDOW_LIMITS))


def ct_window(images: list[npt.NDArray[np.float32]]) -> Window:
    """Choose one window for views of lung, of a solid organ, or of mixed soft tissue."""
    values = np.concatenate([i[np.isfinite(i)].ravel() for i in images])
    typical = float(np.median(values)) if len(values) else 0.0
    if typical < LUNG_BELOW_HU:
        return LUNG_HU
    return PARENCHYMA_HU if typical > PARENCHYMA_FROM_HU else SOFT_TISSUE_HU


def foreground_threshold(values: npt.NDArray[np.float32]) -> float:
    """Signal above which a voxel of an MR image counts as body."""
    finite = values[np.isfinite(values)]
    return FOREGROUND_SHARE * float(np.percentile(finite, 98)) if len(finite) else 0.0


def _coarse_points(base: TimepointResult) -> npt.NDArray[np.float64]:
    grid = base.aligned.geometry
    coarse = grid.resampled([max(COARSE_MM, s) for s in grid.spacing_mm])
    index = np.indices(coarse.shape).reshape(3, -1).T
    return coarse.index_to_world(index)


def _coarse_values(result: TimepointResult, points: npt.NDArray[np.float64]) -> dict[Role, Values]:
    """Nearest voxel of every MR image at baseline points, NaN outside."""
    geometry = result.aligned.geometry
    index = np.rint(geometry.world_to_index(in_timepoint(result, points))).astype(np.intp)
    inside = ((index >= 0) & (index < np.array(geometry.shape))).all(axis=-1)
    place = tuple(index[inside].T)
    found = {}
    for role, volume in result.aligned.images.items():
        if volume.quantity is Quantity.MR_SIGNAL:
            values = np.full(len(points), np.nan, dtype=np.float32)
            values[inside] = volume.array[place]
            found[role] = values
    return found


def _relative_gain(values: Values, anchor: tuple[Values, float] | None) -> float:
    body = values > foreground_threshold(values)
    if anchor is not None:
        reference, gain = anchor
        both = body & (reference > foreground_threshold(reference))
        if both.sum() >= MIN_POINTS:
            return gain * float(np.median(reference[both] / values[both]))
    typical = float(np.median(values[body])) if body.any() else 1.0
    return 1.0 / typical if typical > 0 else 1.0


def _match_pair(
    index: int, values: dict[Role, Values], gains: dict[tuple[int, Role], float]
) -> None:
    """Scale T1 to T1C of the same visit in the tissue that does not enhance."""
    if Role.T1 not in values or Role.T1C not in values:
        return
    before, after = values[Role.T1], values[Role.T1C]
    both = (before > foreground_threshold(before)) & (after > foreground_threshold(after))
    if both.sum() >= MIN_POINTS:
        ratio = float(np.median(after[both] / before[both]))
        gains[index, Role.T1] = gains[index, Role.T1C] * ratio
