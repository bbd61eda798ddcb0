"""Reads NIfTI, NRRD and MetaImage files: grid without voxels, and voxels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from imgcompare.errors import NothingFoundError, SeriesError, UnreadableFileError
from imgcompare.geometry import AnyArray, Geometry, from_sitk
from imgcompare.loading.pixels import MAX_VOXELS

SUFFIXES: Final = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")

FORMS_AGREE_MM: Final = 0.1
"""Qform and sform that place a corner closer than this are the same (float32 quaternions)."""


@dataclass(frozen=True, slots=True, eq=False)
class VolumeFile:
    """Grid and notes of a volume file whose voxels have not been read."""

    geometry: Geometry
    refusal: str = ""
    notes: tuple[str, ...] = ()


def is_volume_file(path: Path) -> bool:
    """Whether a file is, by its name, a NIfTI, NRRD or MetaImage volume."""
    return path.name.lower().endswith(SUFFIXES)


def stem(path: Path) -> str:
    """File name without its ending(s)."""
    name = path.name
    for suffix in SUFFIXES:
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return path.stem


def inspect(path: Path) -> VolumeFile:
    """Read the grid of a volume file, not its voxels.

    Raises
    ------
    NothingFoundError
        If there is no such file.
    UnreadableFileError
        If its header cannot be read.
    """
    reader = _reader(path)
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        if "orthonormal" in str(error):
            raise UnreadableFileError(
                f"File {path.name} has an sform and qform that are sheared or degenerate; give it "
                "an orthogonal one, e.g. by resampling."
            ) from None
        raise UnreadableFileError(
            f"File {path.name} cannot be read as an image; it is damaged or of another format."
        ) from None
    size, spacing = list(reader.GetSize()), list(reader.GetSpacing())
    parts = reader.GetNumberOfComponents()
    refusal = ""
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    if len(size) != 3:
        refusal = f"has {len(size)} dimensions ({'×'.join(map(str, size))}); give one 3-D volume"
    elif parts != 1:
        refusal = f"has {parts} values per voxel (colour or vectors); give one"
    elif np.prod(size, dtype=np.float64) > MAX_VOXELS:
        refusal = f"claims {np.prod(size, dtype=np.float64):,.0f} voxels"
    shape = (size + [1, 1, 1])[:3]
    affine = np.eye(4)
    dimension = reader.GetDimension()
    if dimension >= 3:
        probe = sitk.Image(1, 1, 1, sitk.sitkUInt8)
        direction = np.array(reader.GetDirection()).reshape(dimension, dimension)[:3, :3]
        probe.SetSpacing(spacing[:3])
        probe.SetOrigin(reader.GetOrigin()[:3])
        probe.SetDirection(direction.ravel().tolist())
        affine = np.array(from_sitk(probe).affine)
    geometry = Geometry((int(shape[2]), int(shape[1]), int(shape[0])), affine)
    return VolumeFile(geometry, refusal, _form_notes(reader, geometry))


def _reader(path: Path) -> sitk.ImageFileReader:
    if not path.is_file():
        raise NothingFoundError(f"There is no file {path.name!r}; check the path.")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    return reader


def read_array(path: Path) -> AnyArray:
    """Read the voxels of a 3-D volume file, shape (slices, rows, columns).

    Whole numbers keep their type; 64-bit floats become 32-bit.

    Raises
    ------
    SeriesError
        If it is not one 3-D volume of one value per voxel.
    UnreadableFileError
        If it is damaged or truncated.
    """
    found = inspect(path)
    if found.refusal:
        raise SeriesError(f"File {path.name} cannot be loaded: it {found.refusal}.")
    try:
        image = _reader(path).Execute()
    except RuntimeError:
        raise UnreadableFileError(
            f"File {path.name} is damaged or truncated; copy it again."
        ) from None
    array: AnyArray = sitk.GetArrayFromImage(image).reshape(found.geometry.shape)
    return array.astype(np.float32) if array.dtype == np.float64 else array


def _form_notes(reader: sitk.ImageFileReader, geometry: Geometry) -> tuple[str, ...]:
    """Warn where a NIfTI file holds two different positions, or none."""
    keys = set(reader.GetMetaDataKeys())
    if "sform_code" not in keys or "qform_code" not in keys:
        return ()
    codes = [_code(reader.GetMetaData(k)) for k in ("qform_code", "sform_code")]
    if codes == [0, 0]:
        return ("holds no position in space (neither qform nor sform)",)
    if 0 in codes:
        return ()
    qform, sform = _qform(reader), _sform(reader)
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in geometry.shape[::-1]])).reshape(3, -1)
    corners = np.vstack([corners, np.ones(8)])
    off = float(np.abs((qform - sform) @ corners).max())
    if off <= FORMS_AGREE_MM:
        return ()
    return (f"its qform and sform differ by up to {off:.1f} mm; {_used(geometry, sform)} is used",)


def _used(geometry: Geometry, sform: npt.NDArray[np.float64]) -> str:
    origin = np.array([-1.0, -1.0, 1.0]) * sform[:3, 3]
    return "the sform" if np.allclose(origin, geometry.origin_mm, atol=1e-2) else "the qform"


def _code(text: str) -> int:
    digits = text.strip().split()[0] if text.strip() else "0"
    return int(digits) if digits.isdigit() else 1


def _sform(reader: sitk.ImageFileReader) -> npt.NDArray[np.float64]:
    rows = [[float(v) for v in reader.GetMetaData(f"srow_{a}").split()] for a in "xyz"]
    return np.array([*rows, [0.0, 0.0, 0.0, 1.0]])


def _qform(reader: sitk.ImageFileReader) -> npt.NDArray[np.float64]:
    """Build the qform affine (NIfTI-1 method 2), RAS mm."""

    def value(key: str) -> float:
        return float(reader.GetMetaData(key))

    b, c, d = value("quatern_b"), value("quatern_c"), value("quatern_d")
    a = float(np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d)))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    sizes = np.array([value(f"pixdim[{n}]") for n in (1, 2, 3)])
    sizes[2] *= -1.0 if value("pixdim[0]") < 0.0 else 1.0
    affine = np.eye(4)
    affine[:3, :3] = turn * sizes
    affine[:3, 3] = [value("qoffset_x"), value("qoffset_y"), value("qoffset_z")]
    return affine
