"""Fit of the error of outlines to the figures of the heads of even number."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from imgcompare.measurement.uncertainty import Z95, OutlineError

FREEDOM = 4.0
"""Degrees of freedom of Student's t: a few outlines go wrong by more than a normal error would."""

WANTED = 0.95
"""Share of the fitted figures whose interval shall hold the truth."""

STARTS = ((0.02, 0.5), (0.005, 1.0), (0.01, 0.1))

Floats = npt.NDArray[np.float64]


def fitted(rows: Sequence[dict]) -> OutlineError:
    """Fit slant and lump of one compartment, then scale both to hold the wanted share."""
    rows = [row for row in rows if row["value"]]
    error = np.array([row["value"] - row["true"] for row in rows]) * 1000.0
    faces = np.array([row["faces"] for row in rows])
    voxel = np.array([row["slice_mm"] for row in rows])
    noise = np.array([row["edges"] * row["edge_noise"] ** 2 for row in rows]) * voxel**2
    # Pixels are 1 mm², so a face between slices is 1 mm², any other as high as a slice.
    areas = faces * np.stack([np.ones_like(voxel), voxel, voxel], axis=1)
    systematic = (areas**2).sum(axis=1) * voxel**2
    edge = faces.sum(axis=1) * voxel**2

    def sd(logs: Floats, scale: float = 1.0) -> Floats:
        slant, root = scale * np.exp(logs)
        return np.sqrt(slant**2 * systematic + root**2 * edge + noise)

    def surprise(logs: Floats) -> float:
        spread = sd(logs)
        z2 = (error / spread) ** 2
        tail = (FREEDOM + 1.0) / 2.0 * np.log1p(z2 / FREEDOM)
        return float(np.sum(np.log(spread) + tail)) if logs.min() > -10.0 else np.inf

    found = min(
        (minimize(surprise, np.log(start), method="Nelder-Mead") for start in STARTS),
        key=lambda result: result.fun,
    ).x
    scales = np.geomspace(0.3, 10.0, 800)
    held = [np.mean(np.abs(error) <= Z95 * sd(found, scale)) for scale in scales]
    slant, root = scales[int(np.searchsorted(held, WANTED))] * np.exp(found)
    return OutlineError(slant=round(float(slant), 4), lump_mm2=round(float(root) ** 2, 2))
