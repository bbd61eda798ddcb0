"""Small scans made in code: non-cubic, anisotropic, oblique and asymmetric on purpose."""

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.model import Quantity, Volume


def rotation(degrees_xyz: tuple[float, float, float]) -> npt.NDArray[np.float64]:
    """Rotation about x, then y, then z, as a 3x3 matrix."""
    x, y, z = np.radians(degrees_xyz)
    about_x = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def make_geometry(
    shape: tuple[int, int, int] = (11, 17, 23),
    *,
    spacing_mm: tuple[float, float, float] = (3.0, 0.9, 0.7),
    origin_mm: tuple[float, float, float] = (-12.0, 7.0, 31.0),
    oblique_deg: tuple[float, float, float] = (0.0, 0.0, 0.0),
    frame_uid: str = "1.2.826.0.1.3680043.8.498.1",
) -> Geometry:
    """Axial grid (slices go up, rows to the back, columns to the left), optionally oblique."""
    affine = np.eye(4)
    axes = np.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]], dtype=float).T
    affine[:3, :3] = rotation(oblique_deg) @ axes * np.array(spacing_mm)
    affine[:3, 3] = origin_mm
    return Geometry(shape, affine, frame_uid)


def world_grid(geometry: Geometry) -> npt.NDArray[np.float64]:
    """LPS position of every voxel centre, shape (slices, rows, columns, 3)."""
    return geometry.index_to_world(np.stack(np.indices(geometry.shape), axis=-1))


def ellipsoid(
    geometry: Geometry,
    centre_mm: npt.ArrayLike,
    radii_mm: npt.ArrayLike,
) -> npt.NDArray[np.bool_]:
    """Voxels whose centres lie inside an axis-aligned ellipsoid of patient space."""
    offset = (world_grid(geometry) - np.asarray(centre_mm)) / np.asarray(radii_mm)
    return np.asarray((offset**2).sum(axis=-1) <= 1.0)


def make_volume(
    geometry: Geometry | None = None,
    *,
    quantity: Quantity = Quantity.MR_SIGNAL,
    seed: int = 0,
) -> Volume:
    """Noise with an asymmetric ramp, so that no flip or swap of axes goes unnoticed."""
    geometry = geometry or make_geometry()
    k, j, i = np.indices(geometry.shape)
    ramp = 7.0 * k + 3.0 * j + 1.0 * i
    noise = np.random.default_rng(seed).normal(0.0, 2.0, geometry.shape)
    return Volume((ramp + noise).astype(np.float32), geometry, quantity)
