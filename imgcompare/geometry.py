"""Where voxels are: grids in patient space, and the only place that converts conventions.

Array order is [slice, row, column]. World coordinates are DICOM patient coordinates, LPS, in mm.
SimpleITK speaks (x, y, z) in LPS, NIfTI speaks (i, j, k) in RAS; both are converted here and
nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from imgcompare.errors import GeometryMismatchError, InputError

if TYPE_CHECKING:
    import SimpleITK as sitk

FloatArray = npt.NDArray[np.floating[Any]]
AnyArray = npt.NDArray[Any]

AFFINE_TOLERANCE_MM = 1e-3
"""Two affines agree when no grid corner moves by more than this (DICOM writes ~6 decimals)."""

ORTHOGONALITY_TOLERANCE = 1e-4
"""Cosine between grid axes below which a grid counts as orthogonal (0.006 degrees)."""

LPS_FROM_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Flips the first two world axes; its own inverse."""

REVERSE_INDEX = np.eye(4)[[2, 1, 0, 3]]
"""Swaps [slice, row, column] and (column, row, slice) index order; its own inverse."""

_AXIS_LETTERS = (("R", "L"), ("A", "P"), ("I", "S"))


@dataclass(frozen=True, slots=True, eq=False)
class Geometry:
    """A regular, possibly oblique or sheared, voxel grid in patient space.

    Parameters
    ----------
    shape : tuple of int
        Number of slices, rows and columns, each at least 1.
    affine : array, shape (4, 4)
        Maps homogeneous voxel-centre indices ``[slice, row, column, 1]`` to LPS mm. Copied and
        made read-only.
    frame_of_reference_uid : str
        DICOM Frame of Reference UID; empty when the source has none (NIfTI, NRRD).

    Raises
    ------
    InputError
        If the shape is not three positive numbers, or the affine is not finite and invertible.
    """

    shape: tuple[int, int, int]
    affine: npt.NDArray[np.float64]
    frame_of_reference_uid: str = ""

    def __post_init__(self) -> None:
        """Validate, copy and freeze."""
        if len(self.shape) != 3 or any(int(n) != n or n < 1 for n in self.shape):
            raise InputError(f"A grid needs three positive sizes, not {self.shape!r}.")
        affine = np.array(self.affine, dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise InputError("A grid needs a finite 4x4 affine; check its position and spacing.")
        if not np.allclose(affine[3], (0.0, 0.0, 0.0, 1.0)):
            raise InputError("The last row of a grid's affine must be 0 0 0 1.")
        if abs(np.linalg.det(affine[:3, :3])) < 1e-9:
            raise InputError("A grid's axes must span space; two of them are parallel or zero.")
        affine.flags.writeable = False
        object.__setattr__(
            self, "shape", (int(self.shape[0]), int(self.shape[1]), int(self.shape[2]))
        )
        object.__setattr__(self, "affine", affine)

    def __eq__(self, other: object) -> bool:
        """Compare frame of reference, shape and affine."""
        return isinstance(other, Geometry) and self.difference_from(other) is None

    __hash__ = None  # type: ignore[assignment]  # equality is within a tolerance

    def __str__(self) -> str:
        """One line a person can compare with another grid."""
        size = "x".join(str(n) for n in self.shape)
        spacing = "x".join(f"{s:.3g}" for s in self.spacing_mm)
        origin = ", ".join(f"{x:.1f}" for x in self.origin_mm)
        return (
            f"{size} voxels of {spacing} mm, first voxel at LPS ({origin}), axes {self.axis_codes}"
        )

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between neighbouring voxel centres along slice, row and column axes, mm."""
        a, b, c = np.linalg.norm(self.affine[:3, :3], axis=0)
        return float(a), float(b), float(c)

    @property
    def slice_spacing_mm(self) -> float:
        """Distance between neighbouring slice planes along their normal, mm."""
        return self.voxel_volume_mm3 / float(
            np.linalg.norm(np.cross(self.affine[:3, 1], self.affine[:3, 2]))
        )

    @property
    def directions(self) -> npt.NDArray[np.float64]:
        """Unit vectors of the slice, row and column axes, as columns; shape (3, 3)."""
        matrix = self.affine[:3, :3]
        return np.asarray(matrix / np.linalg.norm(matrix, axis=0), dtype=np.float64)

    @property
    def origin_mm(self) -> npt.NDArray[np.float64]:
        """LPS position of the centre of voxel [0, 0, 0], mm."""
        return self.affine[:3, 3]

    @property
    def centre_mm(self) -> npt.NDArray[np.float64]:
        """LPS position of the middle of the grid, mm."""
        return self.index_to_world((np.array(self.shape) - 1) / 2.0)

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel, mm³; exact for sheared grids too."""
        return float(abs(np.linalg.det(self.affine[:3, :3])))

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel, mL."""
        return self.voxel_volume_mm3 / 1000.0

    @property
    def is_orthogonal(self) -> bool:
        """Whether the three axes are perpendicular (false for uncorrected gantry tilt)."""
        gram = self.directions.T @ self.directions
        return bool(np.abs(gram - np.eye(3)).max() < ORTHOGONALITY_TOLERANCE)

    @property
    def axis_codes(self) -> str:
        """Anatomical direction in which slice, row and column indices grow, e.g. ``SPL``."""
        return "".join(
            _AXIS_LETTERS[int(np.argmax(np.abs(v)))][int(v[np.argmax(np.abs(v))] > 0)]
            for v in self.directions.T
        )

    @property
    def plane(self) -> str:
        """Name of the acquisition plane: axial, coronal or sagittal; ``oblique`` is not a name."""
        normal = np.cross(self.affine[:3, 2], self.affine[:3, 1])
        return ("sagittal", "coronal", "axial")[int(np.argmax(np.abs(normal)))]

    def index_to_world(self, index: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map indices ``[..., (slice, row, column)]`` to LPS mm, same shape."""
        points = np.asarray(index, dtype=np.float64)
        return np.asarray(points @ self.affine[:3, :3].T + self.affine[:3, 3])

    def world_to_index(self, points_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map LPS points ``[..., 3]`` in mm to fractional indices (slice, row, column)."""
        inverse = np.linalg.inv(self.affine)
        points = np.asarray(points_mm, dtype=np.float64)
        return np.asarray(points @ inverse[:3, :3].T + inverse[:3, 3])

    def contains(self, points_mm: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Tell which LPS points ``[..., 3]`` lie inside the grid (half a voxel beyond centres)."""
        index = self.world_to_index(points_mm)
        inside = (index >= -0.5) & (index <= np.array(self.shape) - 0.5)
        return np.asarray(inside.all(axis=-1))

    def crop(self, start: Sequence[int], stop: Sequence[int]) -> Geometry:
        """Give the grid of ``array[start[0]:stop[0], start[1]:stop[1], start[2]:stop[2]]``."""
        affine = self.affine.copy()
        affine[:3, 3] = self.index_to_world(np.asarray(start, dtype=np.float64))
        a, b, c = (int(e) - int(s) for s, e in zip(start, stop, strict=True))
        return Geometry((a, b, c), affine, self.frame_of_reference_uid)

    def offset_in(self, parent: Geometry) -> tuple[int, int, int]:
        """Index of this grid's first voxel in ``parent``, of which it is a crop.

        Raises
        ------
        GeometryMismatchError
            If this grid's voxels do not coincide with voxels of ``parent``.
        """
        offset = parent.world_to_index(self.origin_mm)
        whole = np.rint(offset)
        same_axes = np.allclose(self.affine[:3, :3], parent.affine[:3, :3], atol=1e-6)
        if not same_axes or np.abs(offset - whole).max() > 1e-2:
            raise GeometryMismatchError(f"Grid ({self}) is no part of grid ({parent}).")
        return int(whole[0]), int(whole[1]), int(whole[2])

    def place_in(self, parent: Geometry) -> tuple[slice, slice, slice]:
        """Give the slices that cut this grid out of ``parent``, of which it is a crop.

        Raises
        ------
        GeometryMismatchError
            As `offset_in`.
        """
        start = self.offset_in(parent)
        a, b, c = (slice(s, s + n) for s, n in zip(start, self.shape, strict=True))
        return a, b, c

    def resampled(self, spacing_mm: Sequence[float]) -> Geometry:
        """Give the orthogonal grid that covers the same box with another voxel size."""
        new = np.asarray(spacing_mm, dtype=np.float64)
        old = np.array(self.spacing_mm)
        count = np.maximum(1, np.ceil(np.array(self.shape) * old / new - 1e-6)).astype(int)
        affine = self.affine.copy()
        affine[:3, :3] = self.directions * new
        corner = self.index_to_world((-0.5, -0.5, -0.5))
        affine[:3, 3] = corner + affine[:3, :3] @ np.array([0.5, 0.5, 0.5])
        return Geometry(
            (int(count[0]), int(count[1]), int(count[2])), affine, self.frame_of_reference_uid
        )

    def difference_from(self, other: Geometry) -> str | None:
        """Say how two grids differ, or return None when they are the same."""
        if self.shape != other.shape:
            return f"{self.shape} against {other.shape} voxels"
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape])).reshape(3, -1).T
        shift = np.abs(self.index_to_world(corners) - other.index_to_world(corners)).max()
        if shift > AFFINE_TOLERANCE_MM:
            return f"positions differ by up to {shift:.3g} mm"
        uids = {self.frame_of_reference_uid, other.frame_of_reference_uid} - {""}
        if len(uids) > 1:
            return "different frames of reference"
        return None


def require_same_grid(first: Geometry, second: Geometry, *, what: str, remedy: str) -> None:
    """Refuse two grids that differ.

    Parameters
    ----------
    first, second : Geometry
        The grids to compare.
    what : str
        What the grids belong to, e.g. ``"mask lesion.nii.gz and series T1C"``.
    remedy : str
        What the user can do about it.

    Raises
    ------
    GeometryMismatchError
        Naming both grids.
    """
    difference = first.difference_from(second)
    if difference is not None:
        raise GeometryMismatchError(
            f"{what} are on different grids ({difference}): [{first}] and [{second}]. {remedy}"
        )


def from_slices(
    positions_mm: npt.ArrayLike,
    orientation: Sequence[float],
    pixel_spacing_mm: Sequence[float],
    rows_columns: Sequence[int],
    frame_of_reference_uid: str = "",
    *,
    slice_spacing_mm: float | None = None,
) -> Geometry:
    """Build a grid from DICOM plane attributes of sorted, evenly spaced slices.

    Parameters
    ----------
    positions_mm : array, shape (n, 3)
        ImagePositionPatient of each slice, in stacking order.
    orientation : sequence of 6 floats
        ImageOrientationPatient: direction of growing column index, then of growing row index.
    pixel_spacing_mm : sequence of 2 floats
        PixelSpacing: distance between rows, then between columns.
    rows_columns : sequence of 2 int
        Rows and Columns.
    frame_of_reference_uid : str
        Frame of Reference UID.
    slice_spacing_mm : float, optional
        Used when there is one slice only; defaults to 1 mm.

    Returns
    -------
    Geometry
        Sheared if the slices are (gantry tilt): the slice axis runs from first to last position.

    References
    ----------
    DICOM PS3.3 C.7.6.2.1.1, equation C.7.6.2.1-1.
    """
    positions = np.asarray(positions_mm, dtype=np.float64).reshape(-1, 3)
    along_row = np.asarray(orientation[:3], dtype=np.float64)
    along_column = np.asarray(orientation[3:], dtype=np.float64)
    affine = np.eye(4)
    if len(positions) > 1:
        affine[:3, 0] = (positions[-1] - positions[0]) / (len(positions) - 1)
    else:
        affine[:3, 0] = np.cross(along_row, along_column) * (slice_spacing_mm or 1.0)
    affine[:3, 1] = along_column * float(pixel_spacing_mm[0])
    affine[:3, 2] = along_row * float(pixel_spacing_mm[1])
    affine[:3, 3] = positions[0]
    shape = (len(positions), int(rows_columns[0]), int(rows_columns[1]))
    return Geometry(shape, affine, frame_of_reference_uid)


def from_sitk(image: sitk.Image, frame_of_reference_uid: str = "") -> Geometry:
    """Read the grid of a 3-D SimpleITK image."""
    size, spacing = image.GetSize(), np.array(image.GetSpacing())
    xyz = np.eye(4)
    xyz[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * spacing
    xyz[:3, 3] = image.GetOrigin()
    return Geometry((size[2], size[1], size[0]), xyz @ REVERSE_INDEX, frame_of_reference_uid)


def to_sitk(array: AnyArray, geometry: Geometry) -> sitk.Image:
    """Wrap an array [slice, row, column] on an orthogonal grid as a SimpleITK image.

    Raises
    ------
    GeometryMismatchError
        If the grid is sheared, which SimpleITK cannot represent, or the shapes differ.
    """
    import SimpleITK as sitk

    if array.shape != geometry.shape:
        raise GeometryMismatchError(f"Array {array.shape} does not fit grid {geometry.shape}.")
    if not geometry.is_orthogonal:
        raise GeometryMismatchError(
            f"The grid [{geometry}] is sheared; put it on an orthogonal one first "
            "(imgcompare.loading.deskew)."
        )
    image = sitk.GetImageFromArray(array.astype(np.uint8) if array.dtype == bool else array)
    set_sitk_geometry(image, geometry)
    return image


def set_sitk_geometry(image: sitk.Image, geometry: Geometry) -> None:
    """Give a SimpleITK image the spacing, origin and direction of an orthogonal grid."""
    xyz = geometry.affine @ REVERSE_INDEX
    spacing = np.linalg.norm(xyz[:3, :3], axis=0)
    # ITK wants exactly orthonormal cosines; headers carry about six decimals.
    u, _, vt = np.linalg.svd(xyz[:3, :3] / spacing)
    image.SetSpacing(spacing.tolist())
    image.SetOrigin(xyz[:3, 3].tolist())
    image.SetDirection((u @ vt).ravel().tolist())


def from_nifti_affine(
    affine_ras: npt.ArrayLike, shape_ijk: Sequence[int], frame_of_reference_uid: str = ""
) -> Geometry:
    """Build the grid of a NIfTI image, whose array is transposed to [slice, row, column]."""
    affine = LPS_FROM_RAS @ np.asarray(affine_ras, dtype=np.float64) @ REVERSE_INDEX
    i, j, k = (int(n) for n in shape_ijk)
    return Geometry((k, j, i), affine, frame_of_reference_uid)


def to_nifti_affine(geometry: Geometry) -> npt.NDArray[np.float64]:
    """Give the NIfTI affine (i, j, k) → RAS mm of the transposed array."""
    return np.asarray(LPS_FROM_RAS @ geometry.affine @ REVERSE_INDEX)
