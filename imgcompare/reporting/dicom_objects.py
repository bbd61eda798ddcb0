"""The DICOM objects of a comparison: segmentations, structured reports and registrations."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.config import disable_value_validation

from imgcompare.errors import MissingDependencyError
from imgcompare.model import (
    TISSUE_CODES,
    WHOLE,
    Comparison,
    Decision,
    Lesion,
    LesionSegmentation,
    Series,
    TimepointResult,
    Tissue,
    Transform,
)
from imgcompare.reporting.dicom_source import (
    Owner,
    file_bytes,
    owner_of,
    require_highdicom,
    unusable,
)
from imgcompare.reporting.labels import PART_BITS, part_map
from imgcompare.reporting.svg import TISSUE_COLOURS
from imgcompare.reporting.transforms import file_stem

if TYPE_CHECKING:
    from imgcompare.reporting.dicom_lesions import SegmentPlace
    from imgcompare.reporting.dicom_seg import Segment

_LOG = logging.getLogger(__name__)

LESIONS_NUMBER, TISSUES_NUMBER, REPORT_NUMBER, ALIGNMENT_NUMBER = 9001, 9002, 9003, 9004
"""Series numbers; scanners stay far below."""

SEG_ENDING, SR_ENDING, REG_ENDING = ".seg.dcm", ".sr.dcm", ".reg.dcm"


@dataclass(frozen=True, slots=True, eq=False)
class DicomFiles:
    """Content of each file by its name below the result folder, and what was decided."""

    files: dict[str, bytes]
    decisions: tuple[Decision, ...] = ()


def dicom_files(comparison: Comparison) -> DicomFiles:
    """Make all DICOM objects that the sources allow.

    Parameters
    ----------
    comparison : Comparison
        Of images; a comparison of typed figures gives nothing.

    Returns
    -------
    DicomFiles
        Nothing, and the reason once, where highdicom is missing or the sources are no DICOM.
    """
    sources = {r.index: _reference_series(r) for r in comparison.results}
    reasons = {i: unusable(s) for i, s in sources.items()}
    usable = [r for r in comparison.results if not reasons[r.index]]
    told = _told(comparison, reasons)
    if not usable:
        return DicomFiles({}, told)
    try:
        require_highdicom()
    except MissingDependencyError as error:
        _LOG.warning("%s", error)
        return DicomFiles({}, (*told, _decision(comparison, str(error))))
    identified = bool(comparison.configuration.get("identified"))
    subject = comparison.course.subject
    files: dict[str, bytes] = {}
    for result in usable:
        series = sources[result.index]
        day = result.aligned.timepoint.date
        with disable_value_validation():  # what sources wrote into UIDs and dates is kept
            owner = owner_of(series, subject, identified=identified, date=day)
            for name, made in _of_visit(comparison, result, series, owner):
                files[name] = file_bytes(made)
    return DicomFiles(files, told)


def _told(comparison: Comparison, reasons: dict[int, str]) -> tuple[Decision, ...]:
    """Say once for which timepoints no objects are made, and why."""
    by_reason: dict[str, list[str]] = {}
    for index, why in reasons.items():
        if why:
            by_reason.setdefault(why, []).append(file_stem(comparison, index))
    return tuple(
        _decision(comparison, f"{', '.join(stems)}: {why}") for why, stems in by_reason.items()
    )


def _decision(comparison: Comparison, reason: str) -> Decision:
    return Decision("reporting", comparison.course.subject, "no DICOM objects are written", reason)


def _reference_series(result: TimepointResult) -> Series:
    return result.aligned.timepoint.series[result.aligned.reference_role]


def _of_visit(
    comparison: Comparison, result: TimepointResult, series: Series, owner: Owner
) -> Iterator[tuple[str, Any]]:
    """Give name and object of everything about one timepoint."""
    from imgcompare.reporting.dicom_sr import structured_report

    stem = file_stem(comparison, result.index)
    made, places = _segmentations(comparison, result, series, owner)
    for name, one in made.items():
        yield f"labels/{stem}_{name}{SEG_ENDING}", one
    report = structured_report(
        comparison,
        result,
        series=series,
        segments=places,
        evidence=list(made.values()),
        owner=owner,
        number=REPORT_NUMBER,
    )
    if report is not None:
        yield f"sr/{stem}{SR_ENDING}", report
    yield from _registrations(comparison, result, owner)


def _segmentations(
    comparison: Comparison, result: TimepointResult, series: Series, owner: Owner
) -> tuple[dict[str, Any], dict[tuple[int, str], SegmentPlace]]:
    """Make a SEG of lesions and one of tissues, and say where each compartment's segment is."""
    from imgcompare.reporting.dicom_lesions import SegmentPlace
    from imgcompare.reporting.dicom_seg import segmentation

    parts = part_map(result)
    mask = (1 << PART_BITS) - 1
    inside = (parts != 0) & (parts & mask != TISSUE_CODES[Tissue.OEDEMA])
    lesions = {lesion.id: lesion for lesion in comparison.lesions}
    tissues = {code: tissue for tissue, code in TISSUE_CODES.items()}
    found: dict[str, Any] = {}
    places: dict[tuple[int, str], SegmentPlace] = {}
    for name, number, array in (
        ("lesions", LESIONS_NUMBER, np.where(inside, parts | mask, 0)),
        ("tissues", TISSUES_NUMBER, parts),
    ):
        keys = [
            (value, value >> PART_BITS, tissues[value & mask].value if name == "tissues" else WHOLE)
            for value in _values(array)
        ]
        if not keys:
            continue
        segments = [_segment(v, lesions[i], c, result.lesions[i]) for v, i, c in keys]
        found[name] = segmentation(
            array,
            result.aligned.geometry,
            segments,
            series=series,
            owner=owner,
            name=name,
            number=number,
        )
        uids = str(found[name].SOPClassUID), str(found[name].SOPInstanceUID)
        for n, (_, lesion_id, compartment) in enumerate(keys, start=1):
            places[lesion_id, compartment] = SegmentPlace(*uids, n)
    return found, places


def _values(array: Any) -> list[int]:
    """List the values other than 0 in order, without sorting all voxels."""
    return np.flatnonzero(np.bincount(array[array != 0])).tolist()


def _segment(
    value: int, lesion: Lesion, compartment: str, segmentation: LesionSegmentation
) -> Segment:
    from imgcompare.reporting.dicom_codes import FINDINGS, site_of
    from imgcompare.reporting.dicom_seg import Segment
    from imgcompare.reporting.dicom_tracking import tracking_name, tracking_uid

    return Segment(
        value,
        tracking_name(lesion, compartment),
        FINDINGS[compartment],
        tracking_uid(lesion, compartment),
        _algorithm(segmentation, compartment),
        site_of(lesion),
        "" if compartment == WHOLE else TISSUE_COLOURS[Tissue(compartment)],
    )


def _algorithm(segmentation: LesionSegmentation, compartment: str) -> str:
    """Tell who outlined: a proposal is automatic, a given mask manual, all else in between."""
    if segmentation.proposed:
        return "AUTOMATIC"
    given = segmentation.source in ("mask", "mask, edited") and compartment == WHOLE
    return "MANUAL" if given else "SEMIAUTOMATIC"


def _registrations(
    comparison: Comparison, result: TimepointResult, owner: Owner
) -> Iterator[tuple[str, Any]]:
    """Register each series to its visit's reference, and that to the baseline's.

    Series that share a frame of reference are aligned by definition in DICOM, which has no way to
    say that the patient moved in between; that correction is in the .tfm file only.
    """
    from imgcompare.reporting.dicom_reg import registration

    aligned, stem = result.aligned, file_stem(comparison, result.index)
    reference = _reference_series(result)
    pairs: list[tuple[str, Transform, Series, Series]] = [
        (f"{stem}_{role.value}_onto_{aligned.reference_role.value}",
         transform, aligned.timepoint.series[role], reference)
        for role, transform in aligned.to_reference.items()
        if role is not aligned.reference_role
    ]  # fmt: skip
    base = comparison.course.baseline_index
    for other in comparison.results:
        if other.index == base != result.index:
            onto = f"{stem}_onto_{file_stem(comparison, base)}"
            pairs.append((onto, aligned.to_baseline, reference, _reference_series(other)))
    for n, (name, transform, moving, fixed) in enumerate(pairs):
        failed = transform.quality is not None and not transform.quality.succeeded
        frames = {s.geometry.frame_of_reference_uid for s in (moving, fixed)}
        if failed or unusable(moving) or unusable(fixed) or len(frames) == 1:
            continue
        made = registration(
            transform, moving=moving, fixed=fixed, owner=owner, number=ALIGNMENT_NUMBER + n
        )
        yield f"transforms/{name}{REG_ENDING}", made
