"""The DICOM attributes that loading looks at, and how their values are read."""

from __future__ import annotations

import datetime as dt
import math
import re
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

SPECIFIC_CHARACTER_SET: Final = 0x00080005

SERIES_TAGS: Final[Mapping[str, int]] = {
    "character_set": SPECIFIC_CHARACTER_SET,
    "image_type": 0x00080008,
    "sop_class": 0x00080016,
    "study_date": 0x00080020,
    "series_date": 0x00080021,
    "study_time": 0x00080030,
    "series_time": 0x00080031,
    "accession": 0x00080050,
    "modality": 0x00080060,
    "manufacturer": 0x00080070,
    "timezone": 0x00080201,
    "series_description": 0x0008103E,
    "model": 0x00081090,
    "patient_name": 0x00100010,
    "patient_id": 0x00100020,
    "birth_date": 0x00100030,
    "other_ids": 0x00101000,
    "other_names": 0x00101001,
    "birth_name": 0x00101005,
    "weight": 0x00101030,
    "ge_scan_time": 0x0009100D,
    "contrast_agent": 0x00180010,
    "body_part": 0x00180015,
    "scanning_sequence": 0x00180020,
    "sequence_variant": 0x00180021,
    "scan_options": 0x00180022,
    "acquisition_type": 0x00180023,
    "sequence_name": 0x00180024,
    "slice_thickness": 0x00180050,
    "kvp": 0x00180060,
    "repetition_time": 0x00180080,
    "echo_time": 0x00180081,
    "inversion_time": 0x00180082,
    "field_strength": 0x00180087,
    "slice_spacing": 0x00180088,
    "device_serial": 0x00181000,
    "software": 0x00181020,
    "protocol": 0x00181030,
    "contrast_volume": 0x00181041,
    "contrast_start": 0x00181042,
    "contrast_dose": 0x00181044,
    "reconstruction_diameter": 0x00181100,
    "tube_current": 0x00181151,
    "gantry_tilt": 0x00181120,
    "kernel": 0x00181210,
    "flip_angle": 0x00181314,
    "fat_suppression": 0x00189025,
    "reconstruction_algorithm": 0x00189315,
    "ctdi_vol": 0x00189345,
    "iterative": 0x00189769,
    "study_uid": 0x0020000D,
    "series_uid": 0x0020000E,
    "series_number": 0x00200011,
    "temporal_positions": 0x00200105,
    "images_in_acquisition": 0x00201002,
    "orientation": 0x00200037,
    "frame_uid": 0x00200052,
    "samples": 0x00280002,
    "photometric": 0x00280004,
    "frames": 0x00280008,
    "rows": 0x00280010,
    "columns": 0x00280011,
    "pixel_spacing": 0x00280030,
    "corrected": 0x00280051,
    "bits_allocated": 0x00280100,
    "bits_stored": 0x00280101,
    "high_bit": 0x00280102,
    "signed": 0x00280103,
    "padding": 0x00280120,
    "padding_limit": 0x00280121,
    "rescale_type": 0x00281054,
    "lossy": 0x00282110,
    "radiopharmaceutical": 0x00540016,
    "slice_count": 0x00540081,
    "units": 0x00541001,
    "suv_type": 0x00541006,
    "decay_correction": 0x00541102,
    "philips_mr_creator": 0x20050010,
    "philips_pet_creator": 0x70530010,
    "philips_suv": 0x70531000,
    "philips_activity": 0x70531009,
}
"""Attributes that are usually the same in all files of a series."""

INSTANCE_TAGS: Final[Mapping[str, int]] = {
    "sop_uid": 0x00080018,
    "acquisition_date": 0x00080022,
    "content_date": 0x00080023,
    "acquisition_datetime": 0x0008002A,
    "acquisition_time": 0x00080032,
    "content_time": 0x00080033,
    "trigger_time": 0x00181060,
    "b_value": 0x00189087,
    "b_siemens": 0x0019100C,
    "b_philips": 0x20011003,
    "b_ge": 0x00431039,
    "acquisition_number": 0x00200012,
    "instance_number": 0x00200013,
    "position": 0x00200032,
    "temporal_position": 0x00200100,
    "intercept": 0x00281052,
    "slope": 0x00281053,
    "modality_lut": 0x00283000,
    "real_world": 0x00409096,
    "frame_reference": 0x00541300,
    "frame_duration": 0x00181242,
    "philips_slope": 0x2005100E,
}
"""Attributes that change from slice to slice."""

SEQUENCE_TAGS: Final = frozenset(
    (
        SERIES_TAGS["radiopharmaceutical"],
        INSTANCE_TAGS["modality_lut"],
        INSTANCE_TAGS["real_world"],
    )
)
"""Attributes that are sequences, kept as the bytes of their items."""

WANTED_TAGS: Final = tuple(sorted({*SERIES_TAGS.values(), *INSTANCE_TAGS.values()}))

BINARY_TAGS: Final[Mapping[int, str]] = {
    **{
        SERIES_TAGS[name]: "<H"
        for name in ("samples", "rows", "columns", "bits_allocated", "bits_stored")
    },
    SERIES_TAGS["high_bit"]: "<H",
    SERIES_TAGS["signed"]: "<H",
    SERIES_TAGS["slice_count"]: "<H",
    SERIES_TAGS["padding"]: "<h",
    SERIES_TAGS["padding_limit"]: "<h",
    SERIES_TAGS["ctdi_vol"]: "<d",
    INSTANCE_TAGS["philips_slope"]: "<f",
    INSTANCE_TAGS["b_value"]: "<d",
    INSTANCE_TAGS["b_philips"]: "<f",
}
"""Attributes not stored as text, with their struct format."""

_LONGEST_TEXT: Final = 1024
"""Characters of a text that are kept: PS3.5 table 6.2-1 allows that many in a short text."""

_NO_DIGIT = re.compile(r"\D")
_MINUTES = 60
_HOURS = 3600


@lru_cache(maxsize=4096)
def text(value: bytes | None, character_set: bytes = b"") -> str:
    """Decode a text value; an unknown character set never fails."""
    if not value:
        return ""
    if value.isascii() and b"\x1b" not in value:  # an escape starts another character set
        return printable(value.decode("ascii").strip("\0 "))
    return printable(_decode(value, character_set).strip("\0 "))


def printable(words: str) -> str:
    """Give a text on one line, without what could control a terminal, and of a sane length."""
    if not words.isprintable():
        words = "".join(c if c.isprintable() else " " for c in words)
    return words[:_LONGEST_TEXT]


def _decode(value: bytes, character_set: bytes) -> str:
    from pydicom.charset import convert_encodings, decode_bytes

    names = [part.strip() for part in character_set.decode("ascii", "replace").split("\\")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return str(decode_bytes(value, convert_encodings(names), {13, 10, 9, 12}))
        except Exception:  # damaged text must not stop a scan
            return value.decode("latin-1")


def texts(value: bytes | None) -> tuple[str, ...]:
    """Split a multi-valued text, e.g. ImageType."""
    return tuple(part.strip() for part in text(value).split("\\")) if value else ()


@lru_cache(maxsize=4096)
def numbers(value: bytes | None) -> tuple[float, ...]:
    """Read decimal strings; an unreadable one gives an empty tuple."""
    if not value:
        return ()
    try:
        found = tuple(float(part) for part in value.decode("latin-1").strip("\0 ").split("\\"))
    except ValueError:
        return ()
    return found if all(map(math.isfinite, found)) else ()


@lru_cache(maxsize=4096)
def number(value: bytes | None) -> float | None:
    """Read the first decimal string, None if there is none."""
    found = numbers(value)
    return found[0] if found else None


@lru_cache(maxsize=4096)
def integer(value: bytes | None) -> int | None:
    """Read an integer string, None if there is none."""
    found = number(value)
    return int(found) if found is not None and abs(found) < 2**53 else None


def unsigned(value: bytes | None, default: int = 0) -> int:
    """Read a binary 16-bit number, little-endian."""
    return int.from_bytes(value[:2], "little") if value else default


@lru_cache(maxsize=1024)
def date(value: bytes | str | None) -> dt.date | None:
    """Read a DICOM DA, also the dotted form of ACR-NEMA; None if absent or impossible."""
    digits = _NO_DIGIT.sub("", value if isinstance(value, str) else text(value))[:8]
    if len(digits) != 8:
        return None
    try:
        return dt.date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def seconds(value: bytes | str | None) -> float | None:
    """Read a DICOM TM as seconds since midnight; None if absent or impossible."""
    raw = (value if isinstance(value, str) else text(value)).replace(":", "")
    whole, _, fraction = raw.partition(".")
    if not whole.isdigit() or len(whole) not in (2, 4, 6):
        return None
    hours, minutes, secs = (int(whole[n : n + 2] or 0) for n in (0, 2, 4))
    part = float(f"0.{fraction}") if fraction.isdigit() else 0.0
    return hours * _HOURS + minutes * _MINUTES + secs + part
