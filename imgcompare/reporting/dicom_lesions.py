"""A lesion's figures as measurement groups of a structured report (TID 1411, 1501, 300)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from highdicom import sr
from pydicom.sr.coding import Code

from imgcompare.geometry import Geometry
from imgcompare.model import (
    WHOLE,
    Change,
    Comparison,
    Lesion,
    Measurement,
    Series,
    SourceImage,
    TimepointResult,
    Tissue,
)
from imgcompare.reporting import dicom_codes as codes
from imgcompare.reporting.dicom_source import SOFTWARE, version
from imgcompare.reporting.dicom_tracking import tracking_name, tracking_uid

UPPER = Code("371886008", "SCT", "+, range of upper measurement uncertainty")
LOWER = Code("371885007", "SCT", "-, range of lower measurement uncertainty")

WITH_CHANGES = ("volume", "longest_diameter", "short_axis")
"""Quantities whose changes are written beside them."""

SAME_SLICE = 0.05
"""End points this part of a slice apart or less from its plane are drawn on its image."""


@dataclass(frozen=True, slots=True)
class SegmentPlace:
    """Where the segment of a compartment is: the object and its number in it."""

    sop_class_uid: str
    sop_instance_uid: str
    number: int


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """What the groups of one timepoint share."""

    comparison: Comparison
    result: TimepointResult
    series: Series
    segments: Mapping[tuple[int, str], SegmentPlace]
    images: Mapping[int, SourceImage]
    when: sr.TimePointContext

    @property
    def grid(self) -> Geometry:
        """The native grid of the series that was measured."""
        return self.result.aligned.geometry


def lesion_groups(visit: Visit, lesion: Lesion) -> Iterator[Any]:
    """Give the groups of each compartment: volumes and intensities, then lengths."""
    own = [
        m
        for m in visit.comparison.measurements
        if (m.lesion_id, m.timepoint_index) == (lesion.id, visit.result.index)
        and np.isfinite(m.value)
        and (m.quantity != "short_axis" or lesion.nodal)
    ]
    for compartment in (WHOLE, *(t.value for t in Tissue)):
        figures = [m for m in own if m.compartment == compartment]
        lengths = [m for m in figures if m.unit in ("mm", "mm2")]
        bulk = [m for m in figures if m.unit not in ("mm", "mm2")]
        if bulk:
            yield _group(visit, lesion, compartment, bulk, visit.segments)
        if lengths:
            yield _group(visit, lesion, compartment, lengths, {})


def _group(
    visit: Visit,
    lesion: Lesion,
    compartment: str,
    figures: list[Measurement],
    segments: Mapping[tuple[int, str], SegmentPlace],
) -> Any:
    """Write figures of one compartment: a volumetric group where there is a segment."""
    site, place = codes.site_of(lesion), segments.get((lesion.id, compartment))
    common: dict[str, Any] = {
        "tracking_identifier": sr.TrackingIdentifier(
            tracking_uid(lesion, compartment), tracking_name(lesion, compartment)
        ),
        "time_point_context": visit.when,
        "finding_type": codes.FINDINGS[compartment],
        "finding_category": codes.ABNORMAL_STRUCTURE,
        "finding_sites": [sr.FindingSite(site)] if site else None,
        "algorithm_id": _algorithm(visit, lesion),
        "measurements": [x for m in figures for x in _figures(visit, lesion, m)],
        "qualitative_evaluations": [
            *([_role(lesion)] if compartment == WHOLE else []),
            *(e for m in figures for e in _exceeds(visit, lesion, m)),
        ],
    }
    if place is None:
        return sr.MeasurementsAndQualitativeEvaluations(**common)
    return sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=sr.ReferencedSegment(
            place.sop_class_uid,
            place.sop_instance_uid,
            place.number,
            source_series=sr.SourceSeriesForSegmentation(visit.series.uid),
        ),
        **common,
    )


def _role(lesion: Lesion) -> sr.QualitativeEvaluation:
    return sr.QualitativeEvaluation(codes.ROLE_QUESTION, codes.ROLES[lesion.role])


def _algorithm(visit: Visit, lesion: Lesion) -> sr.AlgorithmIdentification:
    found = visit.result.lesions.get(lesion.id)
    outline = [f"outline: {found.source}"] if found is not None and found.source else None
    return sr.AlgorithmIdentification(SOFTWARE, version(), outline, manufacturer=SOFTWARE)


def _figures(visit: Visit, lesion: Lesion, figure: Measurement) -> Iterator[sr.Measurement]:
    """Give a figure with its interval, method and end points; then its changes in percent."""
    name, derivation = codes.name_of(figure)
    unit = codes.unit_of(figure.unit)
    yield sr.Measurement(
        name,
        float(figure.value),
        unit,
        derivation=derivation,
        method=_method(figure),
        properties=_uncertainty(figure, unit),
        referenced_coordinates=_ends(visit, figure),
    )
    for change in _changes(visit, lesion, figure):
        if np.isfinite(change.percent):
            concept = codes.change_code(
                figure.quantity, change.reference, what="PCT", words="Percent change"
            )
            yield sr.Measurement(concept, float(change.percent), codes.PERCENT)


def _exceeds(
    visit: Visit, lesion: Lesion, figure: Measurement
) -> Iterator[sr.QualitativeEvaluation]:
    """Say of each change whether it exceeds measurement error."""
    for change in _changes(visit, lesion, figure):
        concept = codes.change_code(
            figure.quantity, change.reference, what="ERR", words="Beyond error: change"
        )
        yield sr.QualitativeEvaluation(concept, codes.EXCEEDS[change.exceeds_error])


def _changes(visit: Visit, lesion: Lesion, figure: Measurement) -> list[Change]:
    """List the changes up to a figure, each pair of timepoints once: baseline, nadir, previous."""
    if figure.quantity not in WITH_CHANGES:
        return []
    own = {
        c.reference: c
        for c in visit.comparison.changes
        if (c.lesion_id, c.to_index) == (lesion.id, visit.result.index)
        and (c.compartment, c.quantity) == (figure.compartment, figure.quantity)
    }
    in_order = [own[r] for r in codes.REFERENCES if r in own]
    return list({c.from_index: c for c in reversed(in_order)}.values())[::-1]


def _method(figure: Measurement) -> Code | None:
    if figure.quantity != "volume" or not figure.value:
        return None
    return codes.VOXEL_FRACTIONS if "fraction" in figure.method else codes.WHOLE_VOXELS


def _uncertainty(figure: Measurement, unit: Code) -> sr.MeasurementProperties | None:
    """Write how far the 95 % interval reaches above and below, in the unit of the figure."""
    if not np.isfinite((figure.ci_low, figure.ci_high)).all():
        return None
    made = sr.MeasurementProperties()
    for name, reach in (
        (UPPER, figure.ci_high - figure.value),
        (LOWER, figure.value - figure.ci_low),
    ):
        made.append(
            sr.NumContentItem(
                name, float(reach), unit, relationship_type=sr.RelationshipTypeValues.HAS_PROPERTIES
            )
        )
    return made


def _ends(visit: Visit, figure: Measurement) -> list[Any] | None:
    """Give the end points on the image they lie on, else in the frame of reference."""
    if len(figure.endpoints_lps_mm) != 2:
        return None
    image = _image_under(visit, figure)
    if image is None:
        return [
            sr.CoordinatesForMeasurement3D(
                "POLYLINE",
                np.array(figure.endpoints_lps_mm),
                visit.grid.frame_of_reference_uid,
            )
        ]
    index = visit.grid.world_to_index(figure.endpoints_lps_mm)
    return [
        sr.CoordinatesForMeasurement(
            "POLYLINE",
            index[:, [2, 1]] + 0.5,  # DICOM counts from the corner of the first pixel
            sr.SourceImageForRegion(
                image.sop_class_uid,
                image.sop_instance_uid,
                [image.frame] if image.frame is not None else None,
            ),
        )
    ]


def _image_under(visit: Visit, figure: Measurement) -> SourceImage | None:
    levels = visit.grid.world_to_index(figure.endpoints_lps_mm)[:, 0]
    k = round(float(levels.mean()))
    return visit.images.get(k) if np.abs(levels - k).max() < SAME_SLICE else None


def drawn_on(visit: Visit) -> dict[int, SourceImage]:
    """Find the images that end points refer to, by slice."""
    found = {}
    for figure in visit.comparison.measurements:
        if figure.timepoint_index == visit.result.index and len(figure.endpoints_lps_mm) == 2:
            image = _image_under(visit, figure)
            if image is not None:
                level = visit.grid.world_to_index(figure.endpoints_lps_mm)[:, 0].mean()
                found[round(float(level))] = image
    return found
