"""Reads whole data sets with pydicom, within bounds: no bomb and no endless header gets to it.

pydicom takes microseconds per element and inflates whatever it is given; a few damaged megabytes
could keep it busy for minutes. Elements are therefore counted first, by a compiled loop.
"""

from __future__ import annotations

import os
import warnings
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.header import BIG_ENDIAN, DEFLATED, IMPLICIT, find_data_set
from imgcompare.loading.walking import Window

if TYPE_CHECKING:
    import pydicom

MAX_ELEMENTS: Final = 1_000_000
"""Elements of one file, those in sequences included: ten times those of the largest structure
sets and segmentations in use."""

MAX_INFLATED: Final = 512 * 1024 * 1024
"""Bytes that a deflated data set may unpack to."""


def read_dataset(path: Path | str, *, stop_before_pixels: bool = False) -> pydicom.Dataset:
    """Read a DICOM file with pydicom.

    Parameters
    ----------
    path : Path or str
        Any file.
    stop_before_pixels : bool
        Leave the pixels out.

    Raises
    ------
    UnreadableFileError
        If the file cannot be opened or parsed, holds more than MAX_ELEMENTS, or unpacks to more
        than MAX_INFLATED bytes. The message starts with a verb, and names no file.
    """
    import pydicom

    try:
        _require_bounds(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return pydicom.dcmread(path, stop_before_pixels=stop_before_pixels, force=True)
    except UnreadableFileError:
        raise
    except OSError as error:
        raise UnreadableFileError(f"cannot be read ({error.strerror})") from None
    except Exception as error:  # pydicom raises many kinds on damaged files
        raise UnreadableFileError(f"has a damaged header ({type(error).__name__})") from None


def _require_bounds(path: Path | str) -> None:
    """Refuse a file whose header is too long to be parsed in a reasonable time."""
    from imgcompare.loading._kernels import count_elements

    with open(path, "rb", buffering=0) as file:
        start, syntax = find_data_set(Window(file.fileno()))
    data: npt.NDArray[np.uint8]
    if syntax == DEFLATED:
        data, start = _inflated(path, start), 0
    elif os.path.getsize(path):
        data = np.memmap(path, np.uint8, mode="r")
    else:
        return
    explicit, swapped = syntax not in IMPLICIT, syntax == BIG_ENDIAN
    if count_elements(data, max(0, start), explicit, swapped, MAX_ELEMENTS) > MAX_ELEMENTS:
        raise UnreadableFileError(f"has a damaged header (more than {MAX_ELEMENTS:,} elements)")


def _inflated(path: Path | str, start: int) -> npt.NDArray[np.uint8]:
    """Unpack a deflated data set."""
    packed = Path(path).read_bytes()[start:]
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        data = unpacker.decompress(packed, MAX_INFLATED)
    except zlib.error:
        raise UnreadableFileError("is damaged: its deflated data set does not unpack") from None
    if not unpacker.eof and unpacker.unconsumed_tail:
        raise UnreadableFileError(f"unpacks to more than {MAX_INFLATED >> 20} MiB")
    return np.frombuffer(data, np.uint8)
