"""What DICOM objects share: whose they are, what made them, and the images they refer to."""

from __future__ import annotations

import datetime as dt
import importlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import UID, generate_uid

from imgcompare.errors import MissingDependencyError
from imgcompare.geometry import Geometry
from imgcompare.model import Series, SourceImage

SOFTWARE = "imgcompare"

IDENTIFYING = (
    *("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"),
    *("AccessionNumber", "StudyID", "ReferringPhysicianName", "StudyDescription"),
)
"""Copied from the source if asked for; empty or absent otherwise."""

STUDY_MOMENT = ("StudyDate", "StudyTime")

PSEUDONYM_METHOD = "imgcompare: pseudonym, no other identity; dates and UIDs kept"

PSEUDONYM_CODES = (
    Code("113100", "DCM", "Basic Application Confidentiality Profile"),
    Code("113106", "DCM", "Retain Longitudinal Temporal Information Full Dates Option"),
    Code("113110", "DCM", "Retain UIDs Option"),
)
"""What PS3.15 annex E calls it: the object must find its images and its place in time."""

UTF_8 = "ISO_IR 192"

SAME_PLACE = 0.05
"""A slice is an image if their first pixels are closer than this part of a voxel."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whom an object is about: attributes of patient and study, by keyword."""

    attributes: Mapping[str, str] = field(repr=False)
    identified: bool = False


def require_highdicom() -> None:
    """Check that DICOM objects can be made.

    Raises
    ------
    MissingDependencyError
        If highdicom is not installed; names the extra to install.
    """
    try:
        importlib.import_module("highdicom")
    except ImportError as error:
        raise MissingDependencyError(
            "DICOM SEG, SR and registration objects need highdicom; install it with: "
            "pip install 'imgcompare-dicom[dicom]'"
        ) from error


def unusable(series: Series) -> str:
    """Say why no DICOM object can refer to a series; empty if one can."""
    if not series.images or not series.study_uid or not series.uid:
        return "its source is no DICOM"
    if not all(i.sop_instance_uid and i.sop_class_uid for i in series.images):
        return "its images have no UIDs"
    if not series.geometry.frame_of_reference_uid:
        return "its headers name no frame of reference"
    return ""


def owner_of(
    series: Series, subject: str, *, identified: bool, date: dt.date | None = None
) -> Owner:
    """Find whom objects about a series name.

    Parameters
    ----------
    series : Series
        Of the study that the objects become part of.
    subject : str
        Pseudonym, or the patient's identifier if ``identified``.
    identified : bool
        Copy name, birth date and the like from the source.
    date : date, optional
        Of the study, where its files cannot be opened (archives).
    """
    source = _first_header(series)
    kept = {k: str(source.get(k) or "") for k in (*STUDY_MOMENT, *IDENTIFYING)}
    if not kept["StudyDate"] and date is not None:
        kept["StudyDate"] = f"{date:%Y%m%d}"
    if not identified or not source:
        kept |= dict.fromkeys(IDENTIFYING, "") | {"PatientName": subject, "PatientID": subject}
    return Owner(kept, identified)


def _first_header(series: Series) -> Dataset:
    """Read attributes of patient and study; nothing of what lies in an archive."""
    try:
        return pydicom.dcmread(
            series.files[0],
            stop_before_pixels=True,
            specific_tags=["SpecificCharacterSet", *STUDY_MOMENT, *IDENTIFYING],
        )
    except Exception:  # zip archives, and whatever is wrong with a header that was read before
        return Dataset()


def sign(dataset: Any, owner: Owner, *, description: str) -> None:
    """Write whom an object is about and what it is, in place of what a library filled in."""
    for keyword in (*STUDY_MOMENT, *IDENTIFYING):
        value = owner.attributes[keyword]
        optional = keyword in ("IssuerOfPatientID", "StudyDescription")
        if value or not optional:
            setattr(dataset, keyword, value)
        elif keyword in dataset:
            delattr(dataset, keyword)
    if not owner.identified:
        dataset.PatientIdentityRemoved = "YES"
        dataset.DeidentificationMethod = PSEUDONYM_METHOD
        dataset.DeidentificationMethodCodeSequence = [code_item(c) for c in PSEUDONYM_CODES]
    dataset.SpecificCharacterSet = UTF_8
    dataset.SeriesDescription = description


def equipment() -> dict[str, Any]:
    """Say what made an object, as arguments of highdicom's classes."""
    return {
        "manufacturer": SOFTWARE,
        "manufacturer_model_name": SOFTWARE,
        "software_versions": version(),
        "device_serial_number": "1",
    }


def version() -> str:
    """Version of this software."""
    # By name: an import statement would make this stage depend on the whole public API.
    return str(importlib.import_module(SOFTWARE).__version__)


def new_uid() -> UID:
    """Make a UID that no other object has."""
    return generate_uid(prefix=None)


def template(series: Series, image: SourceImage, geometry: Geometry) -> Dataset:
    """Describe one source image as far as objects refer to it; it names no patient."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID = image.sop_class_uid, image.sop_instance_uid
    made.StudyInstanceUID, made.SeriesInstanceUID = series.study_uid, series.uid
    made.FrameOfReferenceUID = geometry.frame_of_reference_uid
    made.Modality = series.modality
    for keyword in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex"):
        setattr(made, keyword, None)
    for keyword in ("AccessionNumber", "StudyID", "StudyDate", "StudyTime"):
        setattr(made, keyword, None)
    _, made.Rows, made.Columns = geometry.shape
    directions, (_, row_mm, column_mm) = geometry.directions, geometry.spacing_mm
    made.ImageOrientationPatient = decimals([*directions[:, 2], *directions[:, 1]])
    made.ImagePositionPatient = decimals(image.position_mm or (0.0, 0.0, 0.0))
    made.PixelSpacing = decimals((row_mm, column_mm))
    made.SliceThickness = decimals((thickness_mm(series, geometry),))[0]
    made.SpecificCharacterSet = UTF_8
    return made


def thickness_mm(series: Series, geometry: Geometry) -> float:
    """Give the slice thickness as recorded, else the distance between slices."""
    return series.acquisition.slice_thickness_mm or geometry.slice_spacing_mm


def slice_images(series: Series, geometry: Geometry) -> dict[int, SourceImage]:
    """Find the source image of each slice of a grid; slices that were interpolated have none."""
    found = {}
    for image in series.images:
        if image.position_mm is not None:
            k, row, column = geometry.world_to_index(image.position_mm)
            if max(abs(k - round(k)), abs(row), abs(column)) < SAME_PLACE:
                found[round(k)] = image
    return found


def image_reference(image: SourceImage) -> Dataset:
    """Give the item that refers to an image (PS3.3 10.3)."""
    made = Dataset()
    made.ReferencedSOPClassUID = image.sop_class_uid
    made.ReferencedSOPInstanceUID = image.sop_instance_uid
    if image.frame is not None:
        made.ReferencedFrameNumber = image.frame
    return made


def series_reference(series: Series, images: Sequence[SourceImage]) -> Dataset:
    """Give the item that lists images of a series, each file once (PS3.3 C.12.2)."""
    made = Dataset()
    made.SeriesInstanceUID = series.uid
    once = {i.sop_instance_uid: i for i in images}
    made.ReferencedInstanceSequence = [
        image_reference(SourceImage(i.sop_class_uid, i.sop_instance_uid)) for i in once.values()
    ]
    return made


def code_item(code: Code) -> Dataset:
    """Give the item of a code sequence (PS3.3 8.8)."""
    made = Dataset()
    made.CodeValue, made.CodingSchemeDesignator = code.value, code.scheme_designator
    made.CodeMeaning = code.meaning
    return made


def decimals(values: Sequence[float]) -> list[Any]:
    """Write numbers as decimal strings of at most 16 characters."""
    return [pydicom.valuerep.DSfloat(v, auto_format=True) for v in writable(values)]


def writable(values: Iterable[float]) -> list[float]:
    """Round numbers to the fourteen digits that a decimal string always holds.

    pydicom makes 17 characters, one too many, of 9.999999999999998.
    """
    return [float(f"{v:.14g}") for v in values]


def file_bytes(dataset: Any) -> bytes:
    """Give the content of the file of an object."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
