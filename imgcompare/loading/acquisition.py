"""How a series was acquired, as its headers say."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Final

from imgcompare.loading.header import Header
from imgcompare.loading.tags import SERIES_TAGS, number, texts
from imgcompare.model import Acquisition

WordReader = Callable[[str], str]
"""Reads an attribute, by its name in `SERIES_TAGS`, as text."""

_ALWAYS_LOSSY: Final = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (50, 51))

_PERHAPS_LOSSY: Final = frozenset(f"1.2.840.10008.1.2.4.{n}" for n in (81, 91, 203))
"""Near-lossless JPEG-LS, JPEG 2000, HTJ2K: lossy unless the header says that they are not."""

_NO_AGENT: Final = frozenset(("", "NONE", "NO", "N", "0", "-", "--", "N/A", "NA", "NO CONTRAST"))
"""What scanners write into ContrastBolusAgent when nothing was given."""


def parse_acquisition(header: Header, words: WordReader) -> Acquisition:
    """Read what comparability needs; None for what is not recorded."""
    get = header.values.get
    unsaid = header.transfer_syntax in _PERHAPS_LOSSY and words("lossy") != "00"
    lossy = words("lossy") == "01" or header.transfer_syntax in _ALWAYS_LOSSY or unsaid

    agent = words("contrast_agent")
    algorithm = [w for w in map(words, ("reconstruction_algorithm", "iterative")) if w]

    def value(name: str) -> float | None:
        return number(get(SERIES_TAGS[name]))

    return Acquisition(
        slice_thickness_mm=value("slice_thickness"),
        contrast_agent=agent if agent.upper().strip(" .") not in _NO_AGENT else None,
        manufacturer=words("manufacturer") or None,
        model=words("model") or None,
        software=words("software") or None,
        field_strength_t=value("field_strength"),
        scanning_sequence=words("scanning_sequence") or None,
        sequence_variant=words("sequence_variant") or None,
        acquisition_type=words("acquisition_type") or None,
        repetition_time_ms=value("repetition_time"),
        echo_time_ms=value("echo_time"),
        inversion_time_ms=value("inversion_time"),
        flip_angle_deg=value("flip_angle"),
        kvp=value("kvp"),
        convolution_kernel=words("kernel") or None,
        lossy=lossy,
        image_type=texts(get(SERIES_TAGS["image_type"])),
        body_part=words("body_part") or None,
        gantry_tilt_deg=value("gantry_tilt"),
        reconstruction_diameter_mm=value("reconstruction_diameter"),
        reconstruction_algorithm=" ".join(algorithm) or None,
        tube_current_ma=value("tube_current"),
        device_serial=words("device_serial") or None,
        scan_options=words("scan_options") or None,
        sequence_name=words("sequence_name") or None,
        contrast_volume_ml=value("contrast_dose") or value("contrast_volume"),
        fat_suppression=words("fat_suppression") or None,
        ctdi_vol_mgy=_double(get(SERIES_TAGS["ctdi_vol"])),
    )


def _double(value: bytes | None) -> float | None:
    """Read a binary number of 8 bytes; None if it is none, or not finite."""
    found = struct.unpack("<d", value[:8])[0] if value and len(value) >= 8 else math.nan
    return float(found) if math.isfinite(found) else None
