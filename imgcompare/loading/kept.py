"""What a session or another program kept: parts of label maps on a known grid, and transforms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from imgcompare.errors import GeometryMismatchError, NothingFoundError, UnreadableFileError
from imgcompare.geometry import AnyArray, Geometry, from_sitk
from imgcompare.model import RegistrationQuality, Transform

SAME_VOXELS = 0.05
"""Voxels; NIfTI keeps positions in single precision."""


def read_part(path: Path, *, of: Geometry, what: str) -> tuple[AnyArray, Geometry]:
    """Read an image whose voxels coincide with some of a grid's voxels.

    Parameters
    ----------
    path : Path
        NIfTI or NRRD.
    of : Geometry
        The grid it is a part of.
    what : str
        Whose grid that is, for messages.

    Returns
    -------
    array, Geometry
        The voxels, and their exact place in the grid.

    Raises
    ------
    UnreadableFileError
        If the file cannot be read.
    GeometryMismatchError
        If its voxels are no part of the grid, naming both.
    """
    _require(path)
    try:
        image = sitk.ReadImage(str(path))
    except RuntimeError:
        raise UnreadableFileError(f"{path.name} cannot be read as an image.") from None
    if image.GetDimension() != 3:
        raise UnreadableFileError(f"{path.name} is not three-dimensional.")
    found = from_sitk(image)
    corners = np.array([(0, 0, 0), np.array(found.shape) - 1])
    index = of.world_to_index(found.index_to_world(corners))
    start, last = np.rint(index).astype(int)
    fits = np.abs(index - np.rint(index)).max() < SAME_VOXELS
    inside = (start >= 0).all() and (last < np.array(of.shape)).all()
    if not (fits and inside and (last - start == corners[1]).all()):
        raise GeometryMismatchError(
            f"{path.name} [{found}] is no part of the grid of {what} [{of}]. Use the study that "
            "it was made from."
        )
    return sitk.GetArrayFromImage(image), of.crop(start.tolist(), (last + 1).tolist())


def read_transform(path: Path) -> Transform:
    """Read an affine or rigid ITK transform file ``A_onto_B``, which maps points of B to A.

    Returns
    -------
    Transform
        From A to B, accepted by a person.

    Raises
    ------
    UnreadableFileError
        If it is no linear ITK transform.
    """
    _require(path)
    try:
        found = sitk.ReadTransform(str(path))
    except RuntimeError:
        raise UnreadableFileError(f"{path.name} cannot be read as an ITK transform.") from None
    if found.GetDimension() != 3 or not found.IsLinear():
        raise UnreadableFileError(f"{path.name} is no linear transform of three dimensions.")
    origin = np.array(found.TransformPoint((0.0, 0.0, 0.0)))
    matrix = np.eye(4)
    for axis, step in enumerate(np.eye(3)):
        matrix[:3, axis] = np.array(found.TransformPoint(step.tolist())) - origin
    matrix[:3, 3] = origin
    if abs(np.linalg.det(matrix)) < 1e-9:
        raise UnreadableFileError(f"{path.name} maps space onto a plane or a line.")
    nan = float("nan")
    quality = RegistrationQuality(nan, nan, None, nan, True, "accepted by a person", engine="given")
    return Transform(np.asarray(np.linalg.inv(matrix), dtype=np.float64), quality=quality)


def _require(path: Path) -> None:
    """Refuse a missing file here: ITK tells of it in many lines of its own."""
    if not path.is_file():
        raise NothingFoundError(
            f"There is no file {path.name!r}; keep a session beside the files that it names."
        )
