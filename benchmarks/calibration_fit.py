"""Fit of the error of outlines to the figures of some heads."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.stats import t

from imgcompare.geometry import Geometry
from imgcompare.measurement.contour import Surface
from imgcompare.measurement.uncertainty import (
    Z95,
    OutlineError,
    studied_error,
    studied_unit_mm3,
    thickness_mm,
)

FREEDOM = {"whole": 2.0, "enhancing": 3.0, "necrotic": 2.0}
"""Degrees of freedom of Student's t: a few outlines go wrong by more than a normal error would.
Chosen, like the form of the error, in sight of the first heads only."""

WANTED = 0.955
"""Share of intervals that shall hold the truth: the middle of 93 to 98 %."""


def fitted(rows: Sequence[dict], part: str) -> float:
    """Fit the slant of a compartment, its one free number, by maximum likelihood.

    The error is taken to follow Student's t; the slant is that of a normal error with the same
    interval. Parts that were not found, and what the package does not take for studied, do not
    count: they have intervals of other kinds.
    """
    rows = [r for r in rows if r["part"] == part and r["value"] and error_of(r) is not None]
    error = np.array([row["value"] - row["true"] for row in rows]) * 1000.0
    noise = np.sqrt([row["edges"] * row["edge_noise"] ** 2 for row in rows])
    noise *= [row["slice_mm"] for row in rows]
    unit = np.array([_unit_mm3(row) for row in rows])
    freedom = FREEDOM[part]
    wide = float(t.ppf((1.0 + WANTED) / 2.0, freedom)) / Z95

    def surprise(log_slant: float) -> float:
        spread = np.hypot(np.exp(log_slant) * unit, noise) / wide
        return -float(np.sum(t.logpdf(error / spread, freedom) - np.log(spread)))

    found = minimize_scalar(surprise, bounds=(np.log(1e-4), 0.0), method="bounded")
    return round(float(np.exp(found.x)), 4)


def _unit_mm3(row: dict) -> float:
    rim_mm = min(row["rim_mm"], _thickness_mm(row))
    return studied_unit_mm3(surface_from(row), grid_of(row), rim_mm=rim_mm)


def error_of(row: dict) -> OutlineError | None:
    """Give the error that the package takes for a stored figure."""
    return studied_error(
        row["part"],
        surface_from(row),
        grid_of(row),
        whole_ml=row["whole_ml"],
        rim_mm=row["rim_mm"],
    )


def with_sizes(rows: Sequence[dict]) -> list[dict]:
    """Add to each figure the lesion's measured volume and the thickness of its enhancing part."""
    found = {(row["head"], row["visit"], row["lesion"], row["part"]): row for row in rows}

    def of(row: dict, part: str) -> dict:
        return found[row["head"], row["visit"], row["lesion"], part]

    return [
        {
            **row,
            "whole_ml": of(row, "whole")["value"],
            "rim_mm": _thickness_mm(of(row, "enhancing")),
        }
        for row in rows
    ]


def _thickness_mm(row: dict) -> float:
    if not row["value"]:
        return float("inf")
    grid = grid_of(row)
    return thickness_mm(row["value"] / grid.voxel_volume_ml, surface_from(row), grid)


def grid_of(row: dict) -> Geometry:
    """Give the grid of a stored figure: pixels of 1 mm."""
    return Geometry((8, 8, 8), np.diag([1.0, 1.0, row["slice_mm"], 1.0])[:, [2, 1, 0, 3]])


def surface_from(row: dict) -> Surface:
    """Give the surface of a stored figure; parts that were not found have none."""
    if not row["value"]:
        return Surface((0.0, 0.0, 0.0), 0.0, 0.0, 0, 0)
    return Surface(tuple(row["faces"]), row["eroded"], row["dilated"], row["edges"], row["partial"])
