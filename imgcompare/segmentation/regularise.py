"""Make the labels of neighbouring voxels agree where the evidence is weak."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imgcompare.segmentation.masks import BoolArray, FloatArray

STRENGTH_MM = 0.7
"""Cost of a square millimetre of boundary, in log odds per cubic millimetre. From 0.25 to 1 results
change little (benchmarks/regularisers.py)."""

ITERATIONS = 20


def smooth_probability(
    evidence: FloatArray,
    region: BoolArray,
    spacing_mm: tuple[float, float, float],
    *,
    strength_mm: float = STRENGTH_MM,
) -> FloatArray:
    """Probability of a class from log odds per voxel and its neighbours: mean-field Potts model.

    Parameters
    ----------
    evidence : float32 array, shape (slices, rows, columns)
        Log odds of the class in each voxel.
    region : bool array
        Where there is something to decide; outside counts neither for nor against.
    spacing_mm : tuple of float
        Voxel size: a far neighbour counts less.
    strength_mm : float
        Weight of boundary area against volume.

    Returns
    -------
    float32 array
        0 outside ``region``.

    References
    ----------
    Parisi 1988, Statistical field theory; Zhang 1992, doi 10.1109/78.157297.
    """
    weights = [np.float32(strength_mm / s) for s in spacing_mm]
    belief = np.where(region, np.tanh(evidence / 2), 0).astype(np.float32)
    for _ in range(ITERATIONS):
        field = evidence + _neighbours(belief, weights)
        updated = np.where(region, np.tanh(field / 2), np.float32(0))
        belief = (belief + updated) / np.float32(2)
    return np.where(region, (belief + np.float32(1)) / np.float32(2), np.float32(0))


def _neighbours(belief: FloatArray, weights: list[np.float32]) -> npt.NDArray[np.float32]:
    total = np.zeros_like(belief)
    for axis, weight in enumerate(weights):
        ahead = [slice(None)] * 3
        behind = [slice(None)] * 3
        ahead[axis], behind[axis] = slice(1, None), slice(None, -1)
        total[tuple(behind)] += weight * belief[tuple(ahead)]
        total[tuple(ahead)] += weight * belief[tuple(behind)]
    return total
