"""Compares the two positions that a NIfTI-1 header can hold, the qform and the sform."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

HEADER_BYTES: Final = 348

FORMS_AGREE_MM: Final = 0.1
"""Qform and sform that place every corner closer than this are the same (float32 quaternions)."""

_DIMS, _PIXDIM, _CODES, _QUATERNION, _ROWS = 40, 76, 252, 256, 280  # byte offsets, NIfTI-1
_SCALE, _UNITS = 112, 123

_MM: Final = {1: (1000.0, "metres"), 3: (0.001, "micrometres")}
"""Millimetres in a unit of space other than mm, by its code (nifti1.h)."""


def stated_affine(path: Path) -> npt.NDArray[np.float64] | None:
    """Give the affine that a NIfTI-1 header states: the sform, else the qform.

    ITK takes the qform where both agree, whose single-precision quaternion loses up to 1e-3 rad
    near half-turns (0.1 mm at the edge of a head); the sform does not.

    Returns
    -------
    array, shape (4, 4), or None
        (i, j, k) to RAS mm; None for other formats and where neither form is set.
    """
    header = _header(path)
    if header is None:
        return None
    qform_code, sform_code = struct.unpack_from(f"{header[0]}2h", header[1], _CODES)
    if sform_code <= 0 and qform_code <= 0:
        return None
    stated = _sform(*header) if sform_code > 0 else _qform(*header)
    stated[:3] *= _unit(header[1])[0]
    return stated


def stray_intercept(path: Path) -> float:
    """Give the intercept that libraries add although the slope of 0 says that there is no scaling.

    The standard: "if the scl_slope field is nonzero, then each voxel value should be scaled"
    (nifti1.h). A slope that is no number is none either.
    """
    header = _header(path)
    if header is None:
        return 0.0
    slope, intercept = struct.unpack_from(f"{header[0]}2f", header[1], _SCALE)
    unscaled = slope == 0.0 or np.isnan(slope)
    return float(intercept) if unscaled and np.isfinite(intercept) else 0.0


def _unit(raw: bytes) -> tuple[float, str]:
    """Millimetres in the unit of space, and its name."""
    return _MM.get(raw[_UNITS] & 7, (1.0, "mm"))


def form_notes(path: Path) -> tuple[str, ...]:
    """Say where the header of a NIfTI-1 file holds two different positions, or none.

    Parameters
    ----------
    path : Path
        A .nii or .nii.gz file; other files give no notes.

    Returns
    -------
    tuple of str
        Empty if there is nothing to say.
    """
    header = _header(path)
    if header is None:
        return ()
    order, raw = header
    unit, name = _unit(raw)
    notes = (f"its positions are in {name}, converted to mm",) if unit != 1.0 else ()
    qform_code, sform_code = struct.unpack_from(f"{order}2h", raw, _CODES)
    if qform_code <= 0 and sform_code <= 0:
        return ("holds no position in space (neither qform nor sform)",)
    if qform_code <= 0 or sform_code <= 0:
        return notes
    shape = struct.unpack_from(f"{order}3h", raw, _DIMS + 2)
    corners = np.array(np.meshgrid(*[(0, max(0, n - 1)) for n in shape])).reshape(3, -1)
    difference = _qform(order, raw) - _sform(order, raw)
    off = unit * float(np.abs(difference @ np.vstack([corners, np.ones(8)])).max())
    if not off > FORMS_AGREE_MM:
        return notes
    return (
        *notes,
        f"its qform and sform differ by up to {off:.1f} mm; the sform is used",
    )


def _header(path: Path) -> tuple[str, bytes] | None:
    """Byte order and bytes of a NIfTI-1 header; None for anything else."""
    name = path.name.lower()
    try:
        if name.endswith(".nii.gz"):
            with gzip.open(path) as file:
                raw = file.read(HEADER_BYTES)
        elif name.endswith(".nii"):
            with path.open("rb") as plain:
                raw = plain.read(HEADER_BYTES)
        else:
            return None
    except (OSError, EOFError):
        return None
    if len(raw) < HEADER_BYTES:
        return None
    for order in "<>":
        if struct.unpack_from(f"{order}i", raw)[0] == HEADER_BYTES:
            return order, raw
    return None


def _sform(order: str, raw: bytes) -> npt.NDArray[np.float64]:
    rows = np.array(struct.unpack_from(f"{order}12f", raw, _ROWS), dtype=np.float64)
    return np.vstack([rows.reshape(3, 4), [0.0, 0.0, 0.0, 1.0]])


def _qform(order: str, raw: bytes) -> npt.NDArray[np.float64]:
    """Build the qform affine, method 2 of the NIfTI-1 standard, RAS mm."""
    b, c, d, *offset = struct.unpack_from(f"{order}6f", raw, _QUATERNION)
    a = float(np.sqrt(max(0.0, 1.0 - b * b - c * c - d * d)))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - c * c - b * b],
        ]
    )
    handed, *sizes = struct.unpack_from(f"{order}4f", raw, _PIXDIM)
    affine = np.eye(4)
    affine[:3, :3] = turn * np.array(sizes)
    affine[:3, 2] *= -1.0 if handed < 0.0 else 1.0
    affine[:3, 3] = offset
    return affine
