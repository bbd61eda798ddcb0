"""One image plane with its header facts: what stacking, role naming and reading work on."""

from __future__ import annotations

import datetime as dt
import math
import os
import struct
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from imgcompare.loading.acquisition import WordReader, parse_acquisition
from imgcompare.loading.header import Header
from imgcompare.loading.pet import PetFacts, parse_pet
from imgcompare.loading.real_world import RealWorld, real_world
from imgcompare.loading.tags import (
    INSTANCE_TAGS,
    SERIES_TAGS,
    SPECIFIC_CHARACTER_SET,
    date,
    integer,
    number,
    numbers,
    seconds,
    text,
    texts,
    unsigned,
)
from imgcompare.model import Acquisition

_SERIES = tuple(SERIES_TAGS.values())
_TAG = {**SERIES_TAGS, **INSTANCE_TAGS}

_GE_DIRECTIONS: Final = 1e9


@dataclass(frozen=True, slots=True)
class Patient:
    """What identifies a patient. Never shown: kept out of every repr."""

    id: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    birth_date: str = field(default="", repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    other_names: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How pixels are stored (DICOM PS3.3 C.7.6.3)."""

    rows: int
    columns: int
    samples: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool
    frames: int
    photometric: str
    padding: int | None
    transfer_syntax: str
    floating: bool = False
    padding_limit: int | None = None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one uncompressed frame."""
        return self.rows * self.columns * self.samples * self.bits_allocated // 8


@dataclass(frozen=True, slots=True)
class Tile:
    """Where a slice lies in a picture of many slices (Siemens mosaic), pixels."""

    row: int
    column: int
    whole: PixelFormat


@dataclass(frozen=True, slots=True, eq=False)
class SeriesFacts:
    """Header facts shared by the planes of a series."""

    patient: Patient
    study_uid: str
    study_date: dt.date | None
    study_seconds: float | None
    series_uid: str
    number: int | None
    modality: str
    sop_class: str
    image_type: tuple[str, ...]
    description: str
    protocol: str
    sequence_name: str
    scan_options: str
    units: str
    rescale_type: str
    contrast_start_s: float | None
    frame_uid: str
    orientation: tuple[float, ...]
    pixel_spacing_mm: tuple[float, ...]
    slice_spacing_mm: float | None
    pixels: PixelFormat
    acquisition: Acquisition
    gantry_tilt_deg: float | None = None
    pet: PetFacts | None = None
    temporal_positions: int | None = None
    images_in_acquisition: int | None = None
    slice_count: int | None = None


class Concatenation(NamedTuple):
    """Which part of a divided multi-frame object a file is (PS3.3 C.7.6.16.1.3)."""

    uid: str
    number: int
    total: int | None
    first_frame: int
    frames: int


@dataclass(frozen=True, slots=True, eq=False)
class Instance:
    """One plane: a file of a classic series, or one frame of a multi-frame file.

    ``slope`` and ``intercept`` are NaN where the header holds something that is no number;
    ``lookup`` tells that a table maps stored values instead. ``stack`` and ``dimension`` tell
    frames of one file apart as its own dimensions do (PS3.3 C.7.6.17).
    """

    path: str
    facts: SeriesFacts
    sop_uid: str
    number: int | None
    position: tuple[float, ...]
    slope: float
    intercept: float
    acquired_s: float | None
    content_s: float | None
    acquired_date: dt.date | None
    acquisition_number: int | None
    temporal_position: int | None
    trigger_ms: float | None
    b_value: float | None
    pixel_offset: int | None
    truncated: bool = False
    frame: int = 0
    encapsulated: bool = False
    real_world: RealWorld | None = None
    philips_slope: float | None = None
    frame_reference_ms: float | None = None
    frame_duration_ms: float | None = None
    tile: Tile | None = None
    content_date: dt.date | None = None
    lookup: bool = False
    stack: str = ""
    dimension: int | None = None
    concatenation: Concatenation | None = None

    @property
    def file_name(self) -> str:
        """Name of the file without its folders."""
        return os.path.basename(self.path)


class FactsCache:
    """Parses shared facts once per distinct header, which is what makes scanning fast."""

    def __init__(self) -> None:
        self._known: dict[tuple[bytes | str | bool | None, ...], SeriesFacts] = {}

    def facts(self, header: Header) -> SeriesFacts:
        """Give the facts of a header, the same object for equal headers."""
        key = (header.transfer_syntax, header.floating, *map(header.values.get, _SERIES))
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = _parse_facts(header)
        return known


def make_instance(path: str, header: Header, cache: FactsCache) -> Instance:
    """Read one classic file's facts from its header."""
    facts = cache.facts(header)
    get = header.values.get
    expected = facts.pixels.frame_bytes * facts.pixels.frames
    stored_at = header.pixel_offset
    plain = stored_at is not None and header.pixel_length >= 0
    absent = stored_at is None and header.pixel_length == 0
    truncated = absent or (
        plain and (header.pixel_length < expected or (stored_at or 0) + expected > header.file_size)
    )
    stated = get(_TAG["acquisition_datetime"])
    moment = text(stated) if stated else ""
    mapping = get(_TAG["real_world"])
    slope = line_part(get(_TAG["slope"]))
    table = get(_TAG["modality_lut"])
    return Instance(
        path=path,
        facts=facts,
        sop_uid=text(get(_TAG["sop_uid"])),
        number=integer(get(_TAG["instance_number"])),
        position=numbers(get(_TAG["position"])),
        slope=1.0 if slope is None else slope,
        intercept=line_part(get(_TAG["intercept"])) or 0.0,
        acquired_s=seconds(get(_TAG["acquisition_time"]) or _clock(moment)),
        content_s=seconds(get(_TAG["content_time"])),
        acquired_date=date(get(_TAG["acquisition_date"]) or moment[:8]),
        acquisition_number=integer(get(_TAG["acquisition_number"])),
        temporal_position=integer(get(_TAG["temporal_position"])),
        trigger_ms=number(get(_TAG["trigger_time"])),
        b_value=_b_value(header, facts),
        pixel_offset=stored_at,
        truncated=truncated,
        encapsulated=stored_at is not None and not plain,
        real_world=real_world(mapping, facts.pixels.transfer_syntax) if mapping else None,
        philips_slope=_philips_slope(header, facts),
        frame_reference_ms=number(get(_TAG["frame_reference"])),
        frame_duration_ms=number(get(_TAG["frame_duration"])),
        content_date=date(get(_TAG["content_date"])),
        lookup=bool(table),
    )


def line_part(value: bytes | None) -> float | None:
    """Read a rescale slope or intercept; NaN if there is something else than a number.

    Some programs write it in binary, as VR FD. Eight letters read as such lie below 1e-30.
    """
    found = number(value)
    if found is not None or not value or not value.strip(b"\0 "):
        return found
    binary = _unpacked("<d", value)
    return binary if binary and 1e-9 < abs(binary) < 1e9 else math.nan


def _clock(moment: str) -> str:
    """Time of day of a DICOM DT, without its zone."""
    return moment[8:].split("+")[0].split("-")[0] if moment else ""


def _philips_slope(header: Header, facts: SeriesFacts) -> float | None:
    """Private scale slope of Philips MR; None where it is absent or says nothing."""
    stored = header.values.get(_TAG["philips_slope"])
    if stored is None or "PHILIPS" not in (facts.acquisition.manufacturer or "").upper():
        return None
    creator = header.values.get(_TAG["philips_mr_creator"])
    if creator and b"PHILIPS" not in creator.upper():
        return None  # another program's element at the same place
    slope = _unpacked("<f", stored)
    return slope if slope and math.isfinite(slope) else None


def _b_value(header: Header, facts: SeriesFacts) -> float | None:
    """Diffusion weighting, s/mm²: the standard attribute, else the private one of MR's maker.

    GE writes it into echo-planar images, where others keep other things at its place, and adds 10⁹
    to mark b-values of several directions.
    """
    get = header.values.get
    maker = (facts.acquisition.manufacturer or "").upper()
    if standard := get(_TAG["b_value"]):
        return _unpacked("<d", standard)
    if facts.modality != "MR":
        return None
    if "SIEMENS" in maker:
        return number(get(_TAG["b_siemens"]))
    if "PHILIPS" in maker:
        return _unpacked("<f", get(_TAG["b_philips"]))
    if maker.startswith("GE") and "EP" in (facts.acquisition.scanning_sequence or ""):
        value = number(get(_TAG["b_ge"]))
        return None if value is None else value % _GE_DIRECTIONS
    return None


def _unpacked(form: str, value: bytes | None) -> float | None:
    if value is None or len(value) != struct.calcsize(form):
        return None
    return float(struct.unpack(form, value)[0])


def _parse_facts(header: Header) -> SeriesFacts:
    """Parse what the files of a series share."""
    get = header.values.get
    charset = get(SPECIFIC_CHARACTER_SET, b"")

    def words(name: str) -> str:
        return text(get(_TAG[name]), charset)

    return SeriesFacts(
        patient=_parse_patient(words),
        study_uid=words("study_uid"),
        study_date=date(get(_TAG["study_date"])) or date(get(_TAG["series_date"])),
        study_seconds=seconds(get(_TAG["study_time"])),
        series_uid=words("series_uid"),
        number=integer(get(_TAG["series_number"])),
        modality=words("modality").upper(),
        sop_class=words("sop_class"),
        image_type=tuple(t.upper() for t in texts(get(_TAG["image_type"]))),
        description=words("series_description"),
        protocol=words("protocol"),
        sequence_name=words("sequence_name"),
        scan_options=words("scan_options"),
        units=words("units").upper(),
        rescale_type=words("rescale_type").upper(),
        contrast_start_s=seconds(get(_TAG["contrast_start"])),
        frame_uid=words("frame_uid"),
        orientation=numbers(get(_TAG["orientation"])),
        pixel_spacing_mm=numbers(get(_TAG["pixel_spacing"])),
        slice_spacing_mm=number(get(_TAG["slice_spacing"])),
        pixels=_parse_pixels(header),
        acquisition=parse_acquisition(header, words),
        gantry_tilt_deg=number(get(_TAG["gantry_tilt"])),
        pet=parse_pet(header) if words("modality").upper() == "PT" else None,
        temporal_positions=integer(get(_TAG["temporal_positions"])),
        images_in_acquisition=integer(get(_TAG["images_in_acquisition"])),
        slice_count=unsigned(get(_TAG["slice_count"])) or None,
    )


def _parse_patient(words: WordReader) -> Patient:
    identity = words("patient_id"), words("patient_name"), words("birth_date")
    more = (words("accession"), *words("other_ids").split("\\"))
    names = (*words("other_names").split("\\"), words("birth_name"))
    return Patient(
        *identity,
        secrets=tuple(s for s in more if s),
        other_names=tuple(s for s in names if s),
    )


def _parse_pixels(header: Header) -> PixelFormat:
    get = header.values.get
    signed = bool(unsigned(get(_TAG["signed"])))
    allocated = unsigned(get(_TAG["bits_allocated"]), 16)
    stored = unsigned(get(_TAG["bits_stored"]), allocated)
    return PixelFormat(
        rows=unsigned(get(_TAG["rows"])),
        columns=unsigned(get(_TAG["columns"])),
        samples=unsigned(get(_TAG["samples"]), 1),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=unsigned(get(_TAG["high_bit"]), stored - 1),
        signed=signed,
        frames=max(1, integer(get(_TAG["frames"])) or 1),
        photometric=text(get(_TAG["photometric"])).upper(),
        padding=_word(get(_TAG["padding"]), signed),
        padding_limit=_word(get(_TAG["padding_limit"]), signed),
        transfer_syntax=header.transfer_syntax,
        floating=header.floating,
    )


def _word(value: bytes | None, signed: bool) -> int | None:
    return int.from_bytes(value[:2], "little", signed=signed) if value else None
