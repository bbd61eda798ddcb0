"""Planes as scanning finds them, made without files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from imgcompare.loading.instances import Instance, Patient, PixelFormat, SeriesFacts
from imgcompare.model import Acquisition

PIXELS = PixelFormat(
    rows=4,
    columns=5,
    samples=1,
    bits_allocated=16,
    bits_stored=16,
    high_bit=15,
    signed=True,
    frames=1,
    photometric="MONOCHROME2",
    padding=None,
    transfer_syntax="1.2.840.10008.1.2.1",
)

FACTS = SeriesFacts(
    patient=Patient("1"),
    study_uid="1.2",
    study_date=None,
    study_seconds=None,
    series_uid="1.2.3",
    number=4,
    modality="MR",
    sop_class="1.2.840.10008.5.1.4.1.1.4",
    image_type=("ORIGINAL", "PRIMARY"),
    description="AX T1",
    protocol="",
    sequence_name="",
    scan_options="",
    units="",
    rescale_type="",
    contrast_start_s=None,
    frame_uid="1.2.9",
    orientation=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    pixel_spacing_mm=(0.9, 0.7),
    slice_spacing_mm=None,
    pixels=PIXELS,
    acquisition=Acquisition(slice_thickness_mm=3.0),
)


def plane(height_mm: float, *, facts: SeriesFacts = FACTS, **values: Any) -> Instance:
    """An axial plane at a height; its UID and file are named by height and number."""
    name = f"{height_mm}-{values.get('number')}"
    made = Instance(
        path=f"folder/{name}",
        facts=facts,
        sop_uid=name,
        number=None,
        position=(-12.0, 7.0, height_mm),
        slope=1.0,
        intercept=0.0,
        acquired_s=None,
        content_s=None,
        acquired_date=None,
        acquisition_number=None,
        temporal_position=None,
        trigger_ms=None,
        b_value=None,
        pixel_offset=0,
    )
    return replace(made, **values)
