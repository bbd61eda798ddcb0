"""Mean and spread of image values within a compartment."""

from __future__ import annotations

import math

import numpy as np

from imgcompare.geometry import AnyArray, FloatArray
from imgcompare.measurement.contour import LEVEL
from imgcompare.measurement.uncertainty import Z95, Estimate


def intensity_estimates(image: AnyArray, fraction: FloatArray) -> tuple[Estimate, Estimate] | None:
    """Mean and standard deviation of the voxels that belong to a compartment for the most part.

    Parameters
    ----------
    image : array, shape (slices, rows, columns)
        Native values.
    fraction : float array, same shape
        Part of each voxel that belongs to the compartment; its weight. Voxels less than half
        filled are left out, unless there are no others (a thin rim).

    Returns
    -------
    (mean, sd) or None
        Estimates in the unit of the image; None for an empty compartment. The interval of the
        mean is its standard error's, that of the sd the usual large-sample one.
    """
    weights = np.asarray(fraction, dtype=np.float64)
    chosen = weights >= LEVEL
    if not chosen.any():
        chosen = weights > 0.0
    if not chosen.any():
        return None
    weight, value = weights[chosen], np.asarray(image)[chosen].astype(np.float64)
    mean = float(np.average(value, weights=weight))
    sd = math.sqrt(float(np.average((value - mean) ** 2, weights=weight)))
    count = float(weight.sum() ** 2 / (weight**2).sum())
    error, spread = sd / math.sqrt(count), sd / math.sqrt(2.0 * max(count - 1.0, 1.0))
    return (
        Estimate(mean, error, mean - Z95 * error, mean + Z95 * error),
        Estimate(sd, spread, max(sd - Z95 * spread, 0.0), sd + Z95 * spread),
    )
