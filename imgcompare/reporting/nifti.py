"""Write label maps as NIfTI-1, oblique and sheared grids included."""

from __future__ import annotations

import gzip
import struct

import numpy as np

from imgcompare.errors import OutputError
from imgcompare.geometry import AnyArray, Geometry, to_nifti_affine

HEADER_BYTES = 352
"""348 bytes of header and 4 that say no extension follows (NIfTI-1.1, nifti1.h)."""

_DATATYPES = {"uint8": (2, 8), "int16": (4, 16), "int32": (8, 32), "float32": (16, 32)}
_SPATIAL_UNIT_MM = 2
_SCANNER_ANATOMY = 1
_QUATERNION_TOLERANCE = 1e-4
_NO_SCALAR_PART = 3 * float(np.finfo(np.float32).eps)
"""Readers take the quaternion's part a for 0 where its square, 1 - b² - c² - d², is less."""

_MAX_SIZE = 32767
_FASTEST = 1
"""gzip level: label maps are nearly empty, higher levels only cost time."""


def nifti_bytes(array: AnyArray, geometry: Geometry, *, description: str = "") -> bytes:
    """Encode an array [slice, row, column] and its grid as a gzipped NIfTI-1 file.

    The sform holds the exact affine. The qform repeats it for software that reads only the
    qform, but cannot express shear, nor in 32 bits a rotation close to a half turn: on such grids
    it is left unset.

    Parameters
    ----------
    array : array, shape ``geometry.shape``
        uint8, int16, int32 or float32.
    geometry : Geometry
        Its grid.
    description : str
        At most 79 ASCII characters, stored in the header.

    Returns
    -------
    bytes
        The same bytes for the same input.

    Raises
    ------
    OutputError
        If NIfTI-1 cannot hold this type or size.

    References
    ----------
    Cox et al., "A (sort of) new image data format standard: NIfTI-1", NeuroImage 22, 2004.
    """
    if array.dtype.name not in _DATATYPES or max(array.shape) > _MAX_SIZE:
        raise OutputError(f"NIfTI-1 cannot hold {array.dtype} voxels of shape {array.shape}.")
    header = _header(array, geometry, description)
    # NIfTI stores i (column) fastest, which is the C order of [slice, row, column].
    little_endian = array.astype(array.dtype.newbyteorder("<"), copy=False)
    voxels = np.ascontiguousarray(little_endian)
    return gzip.compress(header + voxels.tobytes(), compresslevel=_FASTEST, mtime=0)


def _header(array: AnyArray, geometry: Geometry, description: str) -> bytes:
    affine = to_nifti_affine(geometry)
    slices, rows, columns = array.shape
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    code, bits = _DATATYPES[array.dtype.name]
    quaternion = _quaternion(affine[:3, :3] / spacing)
    qform_code, qfac, bcd = (0, 1.0, (0.0, 0.0, 0.0))
    if quaternion is not None:
        qform_code, (qfac, *bcd) = _SCANNER_ANATOMY, quaternion  # type: ignore[assignment]
    header = bytearray(HEADER_BYTES)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, columns, rows, slices, 1, 1, 1, 1)
    struct.pack_into("<2h", header, 70, code, bits)
    struct.pack_into("<8f", header, 76, qfac, *spacing, 0.0, 0.0, 0.0, 0.0)
    struct.pack_into("<3f", header, 108, float(HEADER_BYTES), 1.0, 0.0)
    struct.pack_into("<B", header, 123, _SPATIAL_UNIT_MM)
    header[148:227] = description.encode("ascii", "replace")[:79].ljust(79, b"\0")
    struct.pack_into("<2h", header, 252, qform_code, _SCANNER_ANATOMY)
    struct.pack_into("<6f", header, 256, *bcd, *affine[:3, 3])
    struct.pack_into("<12f", header, 280, *affine[:3].ravel())
    header[344:348] = b"n+1\0"
    return bytes(header)


def _quaternion(directions: AnyArray) -> tuple[float, float, float, float] | None:
    """Give qfac and the quaternion parts b, c, d; None where they cannot hold the axes."""
    if np.abs(directions.T @ directions - np.eye(3)).max() > _QUATERNION_TOLERANCE:
        return None
    qfac = 1.0 if np.linalg.det(directions) > 0 else -1.0
    r = directions * np.array([1.0, 1.0, qfac])
    # The quaternion is the eigenvector of the largest eigenvalue of this matrix (Bar-Itzhack
    # 2000), which also gives the nearest rotation to cosines rounded in a header.
    upper = np.array(
        [
            [r[0, 0] - r[1, 1] - r[2, 2], 0.0, 0.0, 0.0],
            [r[0, 1] + r[1, 0], r[1, 1] - r[0, 0] - r[2, 2], 0.0, 0.0],
            [r[0, 2] + r[2, 0], r[1, 2] + r[2, 1], r[2, 2] - r[0, 0] - r[1, 1], 0.0],
            [r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], np.trace(r)],
        ]
    )
    b, c, d, a = np.linalg.eigh(upper, UPLO="L")[1][:, -1]
    parts = np.array([b, c, d], np.float32) * (-1 if a < 0 else 1)
    if np.abs(_rotation(parts) - r).max() > _QUATERNION_TOLERANCE:
        return None
    return qfac, float(parts[0]), float(parts[1]), float(parts[2])


def _rotation(parts: AnyArray) -> AnyArray:
    """Give the rotation that a reader makes of the quaternion parts b, c, d (nifti1.h)."""
    b, c, d = (float(x) for x in parts)
    square = 1.0 - (b * b + c * c + d * d)
    a = 0.0 if square < _NO_SCALAR_PART else square**0.5
    return np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
