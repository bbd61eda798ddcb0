"""Reads Real World Value Mappings: what a stored value stands for, with its unit."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from imgcompare.loading.header import BIG_ENDIAN
from imgcompare.loading.nested import Item, read_items
from imgcompare.loading.tags import text

_SLOPE: Final = 0x00409225
_INTERCEPT: Final = 0x00409224
_UNITS: Final = 0x004008EA
_CODE: Final = 0x00080100
_LABEL: Final = 0x00409210


@dataclass(frozen=True, slots=True)
class RealWorld:
    """A linear mapping of stored values (PS3.3 C.7.6.16.2.11)."""

    slope: float
    intercept: float
    unit: str
    label: str = ""


@lru_cache(maxsize=1024)
def real_world(value: bytes | None, syntax: str) -> RealWorld | None:
    """Read the first linear mapping of a sequence; None if there is none."""
    if not value:
        return None
    return next((m for i in read_items(value, syntax) if (m := _linear(i, syntax))), None)


def _linear(item: Item, syntax: str) -> RealWorld | None:
    order = ">" if syntax == BIG_ENDIAN else "<"
    try:
        (slope,) = struct.unpack(f"{order}d", item[_SLOPE])
        (intercept,) = struct.unpack(f"{order}d", item[_INTERCEPT])
    except (KeyError, struct.error):
        return None  # a lookup table
    units = read_items(item.get(_UNITS, b""), syntax)
    unit = text(units[0].get(_CODE)) if units else ""
    return RealWorld(slope, intercept, unit, text(item.get(_LABEL)))
