"""How a series is acquired: voxel size, plane, noise and the rest, and the grid that follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.errors import ConfigurationError
from imgcompare.geometry import Geometry

PLANES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "axial": ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)),
    "sagittal": ((-1.0, 0.0, 0.0), (0.0, 0.0, -1.0), (0.0, 1.0, 0.0)),
    "coronal": ((0.0, 1.0, 0.0), (0.0, 0.0, -1.0), (1.0, 0.0, 0.0)),
}
"""Slice, row and column directions in LPS; slice = column direction × row direction, as DICOM."""

_EXTENT_MM = {"head": (190.0, 236.0, 184.0), "abdomen": (372.0, 268.0, 210.0)}
"""Left-right, front-back and up-down size that a default field of view covers."""

_TOP_MM = {"head": 90.0, "abdomen": 112.0}

SUBSAMPLE_MM = 1.25
"""Partial volume is sampled at least this finely, and twice per axis."""


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How one series is acquired.

    Attributes
    ----------
    spacing_mm : tuple of 3 floats
        Between slices, rows and columns, mm.
    matrix : tuple of 3 ints, optional
        Slices, rows, columns; by default as many as cover the body.
    plane : str
        ``axial``, ``sagittal`` or ``coronal``.
    oblique_deg : tuple of 3 floats
        Turns the plane about patient x, y and z, degrees.
    thickness_mm : float, optional
        Slice thickness; by default the slice spacing (no gap).
    noise : float
        MR: SD in each channel as a fraction of white-matter signal.
    noise_hu : float
        CT: SD in HU.
    bias : float
        MR: coil shading, about the log of the ratio of signals 10 cm apart.
    gain : float
        MR: multiplies the scanner's own (random) gain.
    supersampling : tuple of 3 ints, optional
        Sample points per voxel along slice, row and column near boundaries.
    motion : bool
        Whether the patient moves between timepoints and, a little, between series.
    """

    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0)
    matrix: tuple[int, int, int] | None = None
    plane: str = "axial"
    oblique_deg: tuple[float, float, float] = (0.0, 0.0, 0.0)
    thickness_mm: float | None = None
    noise: float = 0.02
    noise_hu: float = 10.0
    bias: float = 0.2
    gain: float = 1.0
    supersampling: tuple[int, int, int] | None = None
    motion: bool = True

    def __post_init__(self) -> None:
        """Refuse what no scanner can do."""
        if self.plane not in PLANES:
            raise ConfigurationError(f"Unknown plane {self.plane!r}; choose from {list(PLANES)}.")
        if len(self.spacing_mm) != 3 or min(self.spacing_mm) <= 0.0:
            raise ConfigurationError(f"Spacing must be three positive mm, not {self.spacing_mm}.")
        if self.noise < 0.0 or self.noise_hu < 0.0 or self.gain <= 0.0:
            raise ConfigurationError("Noise cannot be negative and gain must be positive.")

    @property
    def extent(self) -> npt.NDArray[np.float64]:
        """Excited part of the voxel along slice, row and column, relative to its spacing."""
        thickness = self.spacing_mm[0] if self.thickness_mm is None else self.thickness_mm
        return np.array([thickness / self.spacing_mm[0], 1.0, 1.0])

    @property
    def samples(self) -> npt.NDArray[np.int64]:
        """Sample points along slice, row and column of a voxel near a boundary."""
        if self.supersampling is not None:
            return np.array(self.supersampling, dtype=np.int64)
        sizes = np.array(self.spacing_mm) * self.extent
        return np.maximum(2, np.ceil(sizes / SUBSAMPLE_MM - 1e-6)).astype(np.int64)


def grid_for(
    settings: ScanSettings,
    body: str,
    to_anatomy: npt.NDArray[np.float64],
    frame_of_reference_uid: str = "",
) -> Geometry:
    """Plan the grid of a series in scanner space, centred on the patient as a technician would."""
    directions = np.array(PLANES[settings.plane]).T
    for axis, degrees in enumerate(settings.oblique_deg):
        angle = np.radians(degrees)
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        turn = np.eye(3)
        turn[i, i] = turn[j, j] = np.cos(angle)
        turn[i, j], turn[j, i] = -np.sin(angle), np.sin(angle)
        directions = turn @ directions
    spacing = np.array(settings.spacing_mm)
    axes = np.abs(np.array(PLANES[settings.plane])) @ np.array(_EXTENT_MM[body])
    matrix = settings.matrix or tuple(int(n) for n in np.ceil(axes / spacing - 1e-6))
    upward = np.abs(np.array(PLANES[settings.plane]))[:, 2]
    height = float(upward @ (np.array(matrix) * spacing))
    middle = np.array([0.0, 3.0 if body == "head" else 0.0, _TOP_MM[body] - height / 2.0, 1.0])
    centre = np.rint((np.linalg.inv(to_anatomy) @ middle)[:3])
    affine = np.eye(4)
    affine[:3, :3] = directions * spacing
    affine[:3, 3] = centre - affine[:3, :3] @ ((np.array(matrix) - 1) / 2.0)
    return Geometry((matrix[0], matrix[1], matrix[2]), affine, frame_of_reference_uid)
