"""Reads the items of a DICOM sequence from the bytes of its value."""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import Final

from imgcompare.loading.header import BIG_ENDIAN, IMPLICIT
from imgcompare.loading.walking import LONG_VRS

Item = dict[int, bytes]
"""Values by tag, as stored; a nested sequence is the bytes of its items."""

_UNDEFINED: Final = 0xFFFFFFFF
_ITEM: Final = 0xFFFEE000
_FIRST_ITEM: Final = b"\xfe\xff\x00\xe0"
_ITEM_END: Final = 0xFFFEE00D
_SEQUENCE_END: Final = 0xFFFEE0DD
MAX_DEPTH: Final = 16
"""Deeper nesting is damage, not medicine."""


MAX_ELEMENTS: Final = 2_000_000
"""Elements of one sequence; ten thousand frames of a hundred elements each have half of it."""


@lru_cache(maxsize=1024)
def read_items(value: bytes, syntax: str) -> tuple[Item, ...]:
    """Read the items of a short sequence, see `parse_items`; equal ones are read once."""
    return parse_items(value, syntax)


def parse_items(value: bytes, syntax: str) -> tuple[Item, ...]:
    """Read the items of a sequence.

    Parameters
    ----------
    value : bytes
        The sequence's value: items, with or without delimiters.
    syntax : str
        Transfer syntax of the file.

    Returns
    -------
    tuple of Item
        What could be read; a damaged sequence gives the items before the damage.
    """
    items: list[Item] = []
    cursor = _Cursor(value, syntax)
    try:
        while cursor.at < len(value):
            tag, length = cursor.item_header()
            if tag != _ITEM:
                break
            items.append(cursor.elements(cursor.at + length if length != _UNDEFINED else None, 0))
    except (struct.error, ValueError):
        pass
    return tuple(items)


def _looks_implicit(value: bytes) -> bool:
    """Whether the first element has no VR: so are sequences within UN (PS3.5 6.2.2, note 2)."""
    vr = value[12:14]
    begins = value[:4] == _FIRST_ITEM and value[8:10] != _FIRST_ITEM[:2] and len(vr) == 2
    return begins and not (vr.isalpha() and vr.isupper())


class _Cursor:
    """A place in the bytes of a sequence."""

    def __init__(self, value: bytes, syntax: str) -> None:
        order = ">" if syntax == BIG_ENDIAN else "<"
        self.value, self.at, self.count = value, 0, 0
        self._explicit = syntax not in IMPLICIT and not _looks_implicit(value)
        self._big = syntax == BIG_ENDIAN
        self._tag = struct.Struct(f"{order}HH").unpack_from
        self._short = struct.Struct(f"{order}H").unpack_from
        self._long = struct.Struct(f"{order}I").unpack_from

    def item_header(self) -> tuple[int, int]:
        """Read tag and length of an item or delimiter, and step behind them."""
        group, number = self._tag(self.value, self.at)
        (length,) = self._long(self.value, self.at + 4)
        self.at += 8
        return group << 16 | number, length

    def elements(self, stop: int | None, depth: int) -> Item:
        """Read elements up to a position, or to the end of an item of undefined length."""
        if depth > MAX_DEPTH:
            raise ValueError("nested too deeply")
        found: Item = {}
        while self.at < (len(self.value) if stop is None else stop):
            tag, length = self._element()
            if tag == _ITEM_END:
                break
            start = self.at
            if length == _UNDEFINED:
                end = self._skip_sequence(depth)
            else:
                end = self.at = start + length
            found[tag] = self.value[start:end]
        return found

    def _element(self) -> tuple[int, int]:
        self.count += 1
        if self.count > MAX_ELEMENTS:
            raise ValueError("too many elements")
        group, number = self._tag(self.value, self.at)
        if not self._explicit or group == 0xFFFE:
            return self.item_header()
        if self.value[self.at + 4 : self.at + 6] in LONG_VRS:
            (length,) = self._long(self.value, self.at + 8)
            self.at += 12
        else:
            (length,) = self._short(self.value, self.at + 6)
            self.at += 8
        return group << 16 | number, length

    def _skip_sequence(self, depth: int) -> int:
        """Step behind a sequence of undefined length; give where its items end."""
        while True:
            end = self.at
            tag, length = self.item_header()
            if tag == _SEQUENCE_END:
                return end
            if tag != _ITEM:
                raise ValueError("no item where one is due")
            if length == _UNDEFINED:
                self.elements(None, depth + 1)
            else:
                self.at += length
