"""Fit of the error of outlines to the figures of some heads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import t

from imgcompare.measurement.uncertainty import (
    FINEST_STUDIED_MM,
    STUDIED_MM2,
    Z95,
    OutlineError,
)

FREEDOM = {"whole": 2.0, "enhancing": 3.0, "necrotic": 2.0}
"""Degrees of freedom of Student's t: a few outlines go wrong by more than a normal error would."""

GROWTH = {"whole": 0.75, "enhancing": 0.6, "necrotic": 0.8}
"""Power of the area with which errors grow. Both were chosen in sight of the first heads only."""

WANTED = 0.95


def fitted(rows: Sequence[dict], part: str) -> OutlineError:
    """Fit the one free number of a compartment by maximum likelihood.

    The error is taken to follow Student's t; its slant is that of a normal error with the same
    95 % interval. Parts that were not found do not count: they have an interval of their own.
    """
    rows = [row for row in rows if row["part"] == part and row["value"]]
    error = np.array([row["value"] - row["true"] for row in rows]) * 1000.0
    slices = np.array([row["slice_mm"] for row in rows])
    faces = np.array([row["faces"] for row in rows])
    noise = np.sqrt([row["edges"] * row["edge_noise"] ** 2 for row in rows]) * slices
    # Pixels are 1 mm², so a face between slices is 1 mm², any other as high as a slice.
    areas = np.linalg.norm(faces * np.stack([np.ones_like(slices), slices, slices], axis=1), axis=1)
    unit = np.maximum(slices, FINEST_STUDIED_MM) * STUDIED_MM2
    unit *= (areas / STUDIED_MM2) ** GROWTH[part]
    freedom = FREEDOM[part]
    wide = float(t.ppf((1.0 + WANTED) / 2.0, freedom)) / Z95

    def surprise(log_slant: float) -> float:
        spread = np.hypot(np.exp(log_slant) * unit, noise) / wide
        return -float(np.sum(t.logpdf(error / spread, freedom) - np.log(spread)))

    found = minimize_scalar(surprise, bounds=(np.log(1e-4), 0.0), method="bounded")
    return OutlineError(slant=round(float(np.exp(found.x)), 4), growth=GROWTH[part])
