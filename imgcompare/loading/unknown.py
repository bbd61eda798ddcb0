"""Steps over sequences of VR UN and undefined length, whose items are always implicit."""

from __future__ import annotations

import struct
from typing import Final, Protocol

from imgcompare.errors import UnreadableFileError

UNKNOWN_HEADER: Final = 12
"""Bytes of the header of an element of VR UN."""

_HEADER: Final = struct.Struct("<HHI")
_UNDEFINED: Final = 0xFFFFFFFF
_ENDS: Final = frozenset((0xFFFEE00D, 0xFFFEE0DD))  # of item, of sequence


class Readable(Protocol):
    """What gives bytes at a position, fewer at the end."""

    def read(self, position: int, length: int) -> bytes: ...  # noqa: D102


def step_over(window: Readable, start: int, most: int) -> tuple[int, int, int]:
    """Find the end of a sequence within UN (PS3.5 6.2.2, note 2), items implicit little-endian.

    Parameters
    ----------
    window : Readable
        The file.
    start : int
        Where the first item starts.
    most : int
        Steps after which it is given up.

    Returns
    -------
    tuple of int
        Where the sequence ends, the size of its items, and the steps taken.

    Raises
    ------
    UnreadableFileError
        If the file ends before it.
    """
    at, level, steps = start, 1, 0
    while level and steps < most:
        head = window.read(at, _HEADER.size)
        if len(head) < _HEADER.size:
            raise UnreadableFileError("is cut off within its header")
        group, number, length = _HEADER.unpack(head)
        at, steps = at + _HEADER.size, steps + 1
        if group << 16 | number in _ENDS:
            level -= 1
        elif length == _UNDEFINED:
            level += 1
        else:
            at += length
    return at, at - _HEADER.size - start, steps
