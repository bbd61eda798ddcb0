"""Reads NIfTI, NRRD and MetaImage files: grid without voxels, and voxels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from imgcompare.errors import InputError, NothingFoundError, SeriesError, UnreadableFileError
from imgcompare.geometry import AnyArray, Geometry, from_nifti_affine, from_sitk
from imgcompare.loading.files import VOLUME_SUFFIXES
from imgcompare.loading.nifti_forms import form_notes, stated_affine, stray_intercept
from imgcompare.loading.pixels import MAX_VOXELS
from imgcompare.loading.volume_headers import require_sound, require_whole, space_notes

if TYPE_CHECKING:
    import SimpleITK as sitk


@dataclass(frozen=True, slots=True, eq=False)
class VolumeFile:
    """Grid and notes of a volume file whose voxels have not been read."""

    geometry: Geometry
    refusal: str = ""
    notes: tuple[str, ...] = ()


def stem(path: Path) -> str:
    """File name without its ending(s)."""
    name = path.name
    for suffix in VOLUME_SUFFIXES:
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
    require_sound(path)
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
    shape = [*size, 1, 1, 1][:3]
    try:
        geometry = _grid(reader, (int(shape[2]), int(shape[1]), int(shape[0])), spacing)
        stated = stated_affine(path)
        if stated is not None and np.isfinite(stated).all() and not refusal:
            geometry = from_nifti_affine(stated, geometry.shape[::-1])
    except (RuntimeError, InputError):
        raise UnreadableFileError(
            f"File {path.name} has no usable position in space (spacing {spacing}); it is damaged."
        ) from None
    return VolumeFile(geometry, refusal, (*form_notes(path), *space_notes(path)))


def _grid(
    reader: sitk.ImageFileReader, shape: tuple[int, int, int], spacing: Sequence[float]
) -> Geometry:
    """Give the grid that the library states; the unit grid for less than three dimensions."""
    import SimpleITK as sitk

    dimension = reader.GetDimension()
    if dimension < 3:
        return Geometry(shape, np.eye(4))
    probe = sitk.Image(1, 1, 1, sitk.sitkUInt8)
    direction = np.array(reader.GetDirection()).reshape(dimension, dimension)[:3, :3]
    probe.SetSpacing(list(spacing[:3]))
    probe.SetOrigin(reader.GetOrigin()[:3])
    probe.SetDirection(direction.ravel().tolist())
    return Geometry(shape, from_sitk(probe).affine)


def _reader(path: Path) -> sitk.ImageFileReader:
    if not path.is_file():
        raise NothingFoundError(f"There is no file {path.name!r}; check the path.")
    import SimpleITK as sitk

    sitk.ProcessObject.SetGlobalWarningDisplay(False)  # its warnings print paths, hence names
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
    import SimpleITK as sitk

    found = inspect(path)
    if found.refusal:
        raise SeriesError(f"File {path.name} cannot be loaded: it {found.refusal}.")
    require_whole(path)
    try:
        image = _reader(path).Execute()
    except RuntimeError:
        raise UnreadableFileError(
            f"File {path.name} is damaged or truncated; copy it again."
        ) from None
    array: AnyArray = sitk.GetArrayFromImage(image).reshape(found.geometry.shape)
    stray = stray_intercept(path)
    if stray:
        array = np.rint(array - stray) if array.dtype.kind in "iu" else array - stray
    return array.astype(np.float32) if array.dtype == np.float64 else array


def signed(array: AnyArray) -> AnyArray:
    """Give image values a signed type, so that differences of voxels cannot wrap around.

    Whole numbers become int16 where they fit, else int32; 64-bit integers beyond that, float32.
    """
    if array.dtype.kind not in "iub" or array.dtype in (np.int16, np.int32):
        return array
    low, high = int(array.min()), int(array.max())
    for kind in (np.int16, np.int32):
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
            return array.astype(kind)
    return array.astype(np.float32)
