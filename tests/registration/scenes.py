"""Small asymmetric scenes with a known motion between two scans of them."""

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.model import Quantity, Volume
from tests.builders import rotation

Float64 = npt.NDArray[np.float64]

_PARTS = (
    # centre mm, radii mm, value in contrast A, value in contrast B
    ((0.0, 0.0, 0.0), (62.0, 74.0, 58.0), 300.0, 900.0),
    ((0.0, 2.0, 2.0), (56.0, 68.0, 52.0), 700.0, 400.0),
    ((14.0, -8.0, 6.0), (9.0, 24.0, 10.0), 200.0, 1000.0),
    ((-16.0, -4.0, 8.0), (8.0, 18.0, 12.0), 250.0, 950.0),
    ((24.0, 34.0, -12.0), (14.0, 12.0, 16.0), 1000.0, 650.0),
    ((-30.0, 30.0, 20.0), (10.0, 12.0, 9.0), 900.0, 200.0),
    ((-28.0, -36.0, -20.0), (16.0, 9.0, 8.0), 450.0, 800.0),
    ((6.0, 52.0, 24.0), (9.0, 7.0, 12.0), 150.0, 500.0),
    ((36.0, -20.0, 26.0), (8.0, 14.0, 9.0), 850.0, 250.0),
    ((0.0, -50.0, -30.0), (20.0, 10.0, 9.0), 550.0, 700.0),
)


def rigid(degrees: tuple[float, float, float], shift_mm: tuple[float, float, float]) -> Float64:
    """Rigid map (4, 4): a turn about the world's origin, then a shift."""
    out = np.eye(4)
    out[:3, :3] = rotation(degrees)
    out[:3, 3] = shift_mm
    return out


def grid(
    shape: tuple[int, int, int] = (36, 48, 42),
    *,
    spacing_mm: tuple[float, float, float] = (4.0, 4.0, 4.0),
    oblique_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    shear: float = 0.0,
    centre_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    frame_uid: str = "",
) -> Geometry:
    """Axial grid about ``centre_mm``; ``shear`` leans the slice axis towards the rows (tilt)."""
    axes = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], dtype=float).T
    affine = np.eye(4)
    affine[:3, :3] = rotation(oblique_deg) @ axes * np.array(spacing_mm)
    affine[:3, 0] += shear * affine[:3, 1] / spacing_mm[1] * spacing_mm[0]
    middle = (np.array(shape) - 1) / 2.0
    affine[:3, 3] = np.array(centre_mm) - affine[:3, :3] @ middle
    return Geometry(shape, affine, frame_uid)


def scan(
    geometry: Geometry,
    to_anatomy: Float64 | None = None,
    *,
    contrast: int = 0,
    noise: float = 10.0,
    seed: int = 0,
    grown_mm: float = 0.0,
) -> Volume:
    """Scan the scene; ``to_anatomy`` maps scanner mm to scene mm.

    Boundaries are 3 mm soft, and partial volume along thick slices is sampled. ``grown_mm``
    enlarges one part, as a tumour does.
    """
    to_anatomy = np.eye(4) if to_anatomy is None else to_anatomy
    steps = max(1, round(geometry.spacing_mm[0] / 2.0))
    total = np.zeros(geometry.shape)
    for offset in (np.arange(steps) + 0.5) / steps - 0.5:
        index = np.stack(np.indices(geometry.shape), axis=-1) + np.array([offset, 0.0, 0.0])
        world = geometry.index_to_world(index) @ to_anatomy[:3, :3].T + to_anatomy[:3, 3]
        image = np.zeros(geometry.shape)
        for n, (centre, radii, *values) in enumerate(_PARTS):
            size = np.array(radii) + (grown_mm if n == 4 else 0.0)
            reach = np.sqrt((((world - np.array(centre)) / size) ** 2).sum(axis=-1))
            inside = 1.0 / (1.0 + np.exp(np.clip((reach - 1.0) * size.min() / 1.5, -30, 30)))
            image += inside * (values[contrast] - image)
        total += image / steps
    random = np.random.default_rng(seed)
    noisy = total + random.normal(0.0, noise, total.shape)
    return Volume(np.abs(noisy).astype(np.float32), geometry, Quantity.MR_SIGNAL)


def error_mm(found: Float64, truth: Float64, radius_mm: float = 60.0) -> float:
    """Mean distance between two maps over a ball of scene points about the fixed origin."""
    points = np.random.default_rng(1).normal(size=(400, 3))
    points *= radius_mm / np.linalg.norm(points, axis=1, keepdims=True)
    points *= np.random.default_rng(2).random((400, 1)) ** (1 / 3)
    moving = points @ np.linalg.inv(truth)[:3, :3].T + np.linalg.inv(truth)[:3, 3]
    there = moving @ found[:3, :3].T + found[:3, 3]
    return float(np.linalg.norm(there - points, axis=1).mean())
