"""A comparison of two oblique DICOM visits with two lesions, whose figures are known."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.loading import load_course
from imgcompare.model import (
    TISSUE_CODES,
    WHOLE,
    AlignedTimepoint,
    Assessment,
    Change,
    Comparison,
    Exceeds,
    LabelMap,
    Lesion,
    LesionRole,
    LesionSegmentation,
    Measurement,
    Reason,
    Role,
    Series,
    Timepoint,
    TimepointResult,
    Tissue,
    Transform,
)
from tests.builders import make_geometry, rotation
from tests.loading.dicom_builder import SeriesSpec, write_series

FRAMES = ("1.2.3.901", "1.2.3.902")
DATES = ("20240110", "20240306")
TRACKING = ("1.2.3.71", "1.2.3.72")
GONE_AT = 1
"""Lesion 2 has vanished at the follow-up."""


def grid_of(visit: int) -> Geometry:
    """Oblique and anisotropic, another one at each visit."""
    return make_geometry(
        (9 + visit, 22, 18),
        oblique_deg=(15.0, -10.0, 30.0 + 5 * visit),
        origin_mm=(-12.0 + visit, 7.0, 31.0),
        frame_uid=FRAMES[visit],
    )


def motion() -> npt.NDArray[np.float64]:
    """From the follow-up's space to the baseline's, rigid."""
    matrix = np.eye(4)
    matrix[:3, :3] = rotation((3.0, -7.0, 11.0))
    matrix[:3, 3] = (4.0, -9.0, 2.5)
    return matrix


def write_visits(folder: Path) -> Path:
    """Write both visits as DICOM that names a patient."""
    for visit in (0, 1):
        tags = {"ReferringPhysicianName": "Hausarzt^Hans", "PatientSex": "F", "StudyID": "S77"}
        spec = SeriesSpec(
            "T1 post Gd",
            grid_of(visit),
            date=DATES[visit],
            tags={**tags, "ContrastBolusAgent": "Gadobutrol", "StudyDescription": "MR Mustermann"},
        )
        write_series(folder / f"visit{visit}", spec, seed=visit)
    return folder


def make_case(folder: Path, *, identified: bool = False) -> Comparison:
    """Load what `write_visits` wrote, and find two lesions in it."""
    course = load_course([folder], identified=identified)
    timepoints = tuple(_one_series(t) for t in course.timepoints)
    course = replace(course, timepoints=timepoints)
    results = tuple(_result(t, n) for n, t in enumerate(timepoints))
    lesions = (
        Lesion(1, TRACKING[0], "left frontal lobe"),
        Lesion(2, TRACKING[1], "para-aortic", LesionRole.NON_TARGET, nodal=True),
    )
    figures = tuple(m for r in results for m in _figures(r))
    return Comparison(
        course=course,
        results=results,
        lesions=lesions,
        events=(),
        measurements=figures,
        changes=(_change("baseline", 0, -37.5), _change("previous", 0, -37.5)),
        assessments=(
            _assessment("RECIST 1.1", "PR", "recist-1.1/target-pr"),
            _assessment("iRECIST 2017", "iPR", "irecist/target-pr"),
            _assessment("RANO-HGG 2010", "PR", "rano-hgg-2010/target-pr"),
        ),
        observations=(),
        decisions=(),
        warnings=(),
        configuration={"identified": identified},
        timings_s={},
    )


def _one_series(timepoint: Timepoint) -> Timepoint:
    (series,) = (*timepoint.series.values(), *timepoint.others)
    return replace(timepoint, series={Role.T1C: replace(series, role=Role.T1C)}, others=())


def reference(result: TimepointResult) -> Series:
    """The series that was measured."""
    return result.aligned.timepoint.series[Role.T1C]


def _result(timepoint: Timepoint, visit: int) -> TimepointResult:
    series = timepoint.series[Role.T1C]
    same = Transform.identity(FRAMES[visit])
    to_baseline = Transform(motion(), FRAMES[1], FRAMES[0]) if visit else same
    aligned = AlignedTimepoint(
        timepoint, Role.T1C, {Role.T1C: series.load()}, {Role.T1C: same}, to_baseline
    )
    found = {1: _lesion(series.geometry, (2, 3, 4), visit)}
    if visit != GONE_AT:
        found[2] = _lesion(series.geometry, (4, 12, 8), visit)
    return TimepointResult(aligned, found)


def _lesion(grid: Geometry, start: tuple[int, int, int], visit: int) -> LesionSegmentation:
    """An asymmetric block with a necrotic core and a rim of oedema on one side."""
    shape = (4, 7, 6)
    codes = np.full(shape, TISSUE_CODES[Tissue.ENHANCING], dtype=np.uint8)
    codes[1:3, 2:5, 2:4] = TISSUE_CODES[Tissue.NECROTIC]
    codes[:, -1, :] = TISSUE_CODES[Tissue.OEDEMA]
    codes[0, :3, 0] = 0
    crop = grid.crop(start, tuple(s + n for s, n in zip(start, shape, strict=True)))
    fractions = {
        t: (codes == c).astype(np.float32) for t, c in TISSUE_CODES.items() if (codes == c).any()
    }
    tissues = {c: t for t, c in TISSUE_CODES.items()}
    source = "mask" if visit else "proposal"
    return LesionSegmentation(
        LabelMap(codes, crop, tissues), fractions, proposed=not visit, source=source
    )


def _figures(result: TimepointResult) -> list[Measurement]:
    uid, n = reference(result).uid, result.index
    figures = []
    for identity, found in result.lesions.items():
        unit_ml = found.geometry.voxel_volume_ml
        for part in (WHOLE, *(t.value for t in found.fractions)):
            value = float(found.fraction(part).sum()) * unit_ml
            figures.append(
                Measurement(identity, n, part, "volume", value, "mL", value * 0.9, value * 1.2,
                            (), "sum of voxel fractions", uid)
            )  # fmt: skip
        flat = found.geometry.index_to_world(((1, 0.4, 0), (1, 5, 4.7)))
        deep = found.geometry.index_to_world(((0, 0, 0), (3, 6, 5)))
        for quantity, ends in (("longest_diameter", flat), ("diameter_3d", deep)):
            length = float(np.linalg.norm(ends[1] - ends[0]))
            figures.append(
                Measurement(identity, n, WHOLE, quantity, length, "mm", length - 1, length + 1,
                            tuple(map(tuple, ends.tolist())), "outline", uid)
            )  # fmt: skip
    if n == GONE_AT:
        figures.append(Measurement(2, n, WHOLE, "volume", 0.0, "mL", 0.0, 0.1, (), "none", uid))
    return figures


def _change(reference_name: str, start: int, percent: float) -> Change:
    nan = float("nan")
    return Change(1, WHOLE, "volume", "mL", reference_name, start, 1, 56, 8.0, 5.0, -3.0, percent,
                  -0.47, -4.0, -2.0, nan, nan, Exceeds.YES, "twice the error")  # fmt: skip


def _assessment(criterion: str, category: str, rule: str) -> Assessment:
    reasons = (Reason(rule, "a reason"), Reason("overall", "all"))
    return Assessment(
        criterion, "1", 1, category, "baseline", reasons,
        quantity="sum of diameters", unit="mm", value=31.25, percent=-37.5,
    )  # fmt: skip


def drawn(result: TimepointResult, lesion: int, compartment: str = WHOLE) -> npt.NDArray[Any]:
    """Where a compartment is on the full grid."""
    found = result.lesions[lesion]
    full = np.zeros(result.aligned.geometry.shape, dtype=bool)
    start = found.geometry.offset_in(result.aligned.geometry)
    box = tuple(slice(s, s + n) for s, n in zip(start, found.geometry.shape, strict=True))
    full[box] = found.mask(compartment)
    return full
