"""Label maps as DICOM SEG, on the slices of the images they were drawn on (PS3.3 C.8.20)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import highdicom
import numpy as np
import numpy.typing as npt
from highdicom.color import CIELabColor
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from imgcompare.errors import OutputError
from imgcompare.geometry import AnyArray, Geometry
from imgcompare.model import Series, SourceImage
from imgcompare.reporting.dicom_codes import ABNORMAL_STRUCTURE, LESION
from imgcompare.reporting.dicom_source import (
    SOFTWARE,
    Owner,
    code_item,
    equipment,
    image_reference,
    new_uid,
    series_reference,
    sign,
    slice_images,
    template,
    thickness_mm,
    unusable,
    version,
    writable,
)

_FAMILY = Code("123101", "DCM", "Neighborhood Analysis")
_DERIVATION = Code("113076", "DCM", "Segmentation")
_PURPOSE = Code("121322", "DCM", "Source image for image processing operation")

_NOWHERE_MM = 1e6
"""Highdicom compares planes with one made-up image that is too far to be any of them; the images
they really come from, of any kind, are written here."""


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: what its voxels are and how they were told.

    Attributes
    ----------
    value : int
        Its label in the array.
    label : str
        Name, without patient identity.
    type : Code
        Property type.
    tracking_uid : str
        The same for the same thing over time; empty where nothing is tracked.
    algorithm : str
        ``AUTOMATIC``, ``SEMIAUTOMATIC`` or ``MANUAL``.
    site : Code, optional
        Anatomic region.
    colour : str
        ``#RRGGBB``, empty for none.
    """

    value: int
    label: str
    type: Code = LESION
    tracking_uid: str = ""
    algorithm: str = "SEMIAUTOMATIC"
    site: Code | None = None
    colour: str = ""


def segmentation(
    labels: AnyArray,
    geometry: Geometry,
    segments: Sequence[Segment],
    *,
    series: Series,
    owner: Owner,
    name: str,
    number: int,
) -> Any:
    """Make a binary SEG of the slices that hold labels.

    Parameters
    ----------
    labels : integer array, shape (slices, rows, columns)
        On the grid of ``series``; values are those of ``segments``, 0 is outside.
    geometry : Geometry
        That grid.
    segments : sequence of Segment
        In order of their numbers, which count from 1. Each must have a voxel.
    series : Series
        The DICOM source.
    owner : Owner
        Whom it is about.
    name : str
        ``lesions`` or ``tissues``.
    number : int
        Series number.

    Returns
    -------
    highdicom.seg.Segmentation

    Raises
    ------
    OutputError
        If the source has no images, UIDs or frame of reference to refer to, or nothing is labelled.
    """
    why = unusable(series)
    if why or not segments:
        raise OutputError(f"No DICOM SEG can be made: {why or 'nothing is labelled'}.")
    planes = np.flatnonzero(labels.any(axis=(1, 2)))
    lookup = np.zeros(int(labels.max()) + 1, dtype=np.uint16)
    for n, segment in enumerate(segments, start=1):
        lookup[segment.value] = n
    far = template(series, series.images[0], geometry)
    far.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    far.ImagePositionPatient = [_NOWHERE_MM] * 3
    made = highdicom.seg.Segmentation(
        source_images=[far],
        pixel_array=lookup[labels[planes]],
        segmentation_type="BINARY",
        segment_descriptions=[_description(n, s) for n, s in enumerate(segments, start=1)],
        series_instance_uid=new_uid(),
        series_number=number,
        sop_instance_uid=new_uid(),
        instance_number=1,
        content_label=name.upper()[:16],
        content_description=f"{name} found by {SOFTWARE}",
        pixel_measures=highdicom.PixelMeasuresSequence(
            pixel_spacing=writable(geometry.spacing_mm[1:]),
            slice_thickness=thickness_mm(series, geometry),
            spacing_between_slices=writable([geometry.slice_spacing_mm])[0],
        ),
        plane_orientation=highdicom.PlaneOrientationSequence(
            "PATIENT", writable((*geometry.directions[:, 2], *geometry.directions[:, 1]))
        ),
        plane_positions=[
            highdicom.PlanePositionSequence(
                "PATIENT", writable(geometry.index_to_world((int(k), 0, 0)))
            )
            for k in planes
        ],
        **equipment(),
    )
    _refer(made, series, geometry, planes)
    if series.acquisition.lossy:
        made.LossyImageCompression = "01"
    sign(made, owner, description=f"{SOFTWARE} {name}")
    return made


def frames_of(made: Any, geometry: Geometry) -> dict[tuple[int, int], int]:
    """Give the number of the frame (from 1) of each pair of segment number and slice index."""
    found = {}
    for number, group in enumerate(made.PerFrameFunctionalGroupsSequence, start=1):
        found[_segment_of(made, group), _slice_of(group, geometry)] = number
    return found


def _segment_of(made: Any, group: Dataset) -> int:
    shared = made.SharedFunctionalGroupsSequence[0]
    item = group if "SegmentIdentificationSequence" in group else shared
    return int(item.SegmentIdentificationSequence[0].ReferencedSegmentNumber)


def _slice_of(group: Dataset, geometry: Geometry) -> int:
    position = [float(x) for x in group.PlanePositionSequence[0].ImagePositionPatient]
    return round(float(geometry.world_to_index(position)[0]))


def _description(number: int, segment: Segment) -> highdicom.seg.SegmentDescription:
    manual = segment.algorithm == "MANUAL"
    identification = highdicom.AlgorithmIdentificationSequence(
        name=SOFTWARE, family=_FAMILY, version=version(), source=SOFTWARE
    )
    colour = CIELabColor.from_string(segment.colour) if segment.colour else None
    return highdicom.seg.SegmentDescription(
        segment_number=number,
        segment_label=segment.label,
        segmented_property_category=ABNORMAL_STRUCTURE,
        segmented_property_type=segment.type,
        algorithm_type=segment.algorithm,
        algorithm_identification=None if manual else identification,
        tracking_uid=segment.tracking_uid or None,
        tracking_id=segment.label if segment.tracking_uid else None,
        anatomic_regions=[segment.site] if segment.site else None,
        display_color=colour,
    )


def _refer(
    made: Any, series: Series, geometry: Geometry, planes: npt.NDArray[np.integer[Any]]
) -> None:
    """Name the image that each frame was drawn on, and all of them together."""
    known = slice_images(series, geometry)
    used = {int(k): known[int(k)] for k in planes if int(k) in known}
    items = {k: _derivation(image) for k, image in used.items()}
    for group in made.PerFrameFunctionalGroupsSequence:
        item = items.get(_slice_of(group, geometry))
        group.DerivationImageSequence = [item] if item is not None else []
    images = list(used.values()) if len(used) == len(planes) else list(series.images)
    reference = series_reference(series, images)
    made.ReferencedSeriesSequence = [reference]
    made.SourceImageSequence = list(reference.ReferencedInstanceSequence)


def _derivation(image: SourceImage) -> Dataset:
    source = image_reference(image)
    source.PurposeOfReferenceCodeSequence = [code_item(_PURPOSE)]
    source.SpatialLocationsPreserved = "YES"
    made = Dataset()
    made.DerivationCodeSequence = [code_item(_DERIVATION)]
    made.SourceImageSequence = [source]
    return made
