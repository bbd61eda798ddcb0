"""Segmentations lie where the lesions lie, and name the images they were drawn on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from imgcompare.errors import GeometryMismatchError, OutputError
from imgcompare.geometry import Geometry
from imgcompare.loading import load_course, read_lesions, read_mask, scan
from imgcompare.model import Comparison, Series
from imgcompare.reporting.dicom_objects import DicomFiles
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.enhanced_builder import GRID, write_enhanced
from tests.reporting.dicom_case import TRACKING, drawn, grid_of, reference

highdicom = pytest.importorskip("highdicom")

from imgcompare.reporting.dicom_seg import Segment, segmentation  # noqa: E402
from imgcompare.reporting.dicom_source import file_bytes, owner_of, unusable  # noqa: E402

STEMS = ("timepoint-0_2024-01-10", "timepoint-1_2024-03-06")


@pytest.fixture(scope="module")
def written(objects: DicomFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seg")
    for name, content in objects.files.items():
        (folder / Path(name).name).write_bytes(content)
    return folder


def simple(series: Series, array: Any, grid: Geometry) -> Any:
    owner = owner_of(series, "subject-01", identified=False)
    segments = [Segment(int(v), f"part {v}") for v in np.unique(array[array != 0])]
    return segmentation(array, grid, segments, series=series, owner=owner, name="lesions", number=9)


def only_series(folder: Path) -> Series:
    timepoint = load_course([folder]).timepoints[0]
    return next(iter((*timepoint.series.values(), *timepoint.others)))


@pytest.mark.parametrize("visit", [0, 1])
def test_our_own_reader_gives_the_same_voxels(
    visit: int, written: Path, dicom_case: Comparison
) -> None:
    result = dicom_case.results[visit]
    grid = result.aligned.geometry
    path = written / f"{STEMS[visit]}_lesions.seg.dcm"
    found = read_lesions(path, onto=grid, label_scheme="instances")
    assert [f.name for f in found] == [f"{n} lesion {i}" for n, i in enumerate(result.lesions, 1)]
    for one, identity in zip(found, result.lesions, strict=True):
        np.testing.assert_array_equal(one.region.array, drawn(result, identity))
    labels = read_mask(written / f"{STEMS[visit]}_tissues.seg.dcm", onto=grid).array
    parts = [(i, t) for i, s in result.lesions.items() for t in s.fractions]
    for number, (identity, tissue) in enumerate(parts, start=1):
        np.testing.assert_array_equal(labels == number, drawn(result, identity, tissue))


def test_it_is_refused_on_the_images_of_another_visit(written: Path) -> None:
    with pytest.raises(GeometryMismatchError, match="frames of reference"):
        read_mask(written / f"{STEMS[0]}_lesions.seg.dcm", onto=grid_of(1))


@pytest.mark.parametrize("visit", [0, 1])
def test_frames_lie_on_the_files_they_name(
    visit: int, written: Path, dicom_case: Comparison
) -> None:
    result = dicom_case.results[visit]
    grid, series = result.aligned.geometry, reference(result)
    headers = {h.SOPInstanceUID: h for h in map(pydicom.dcmread, series.files)}
    made = pydicom.dcmread(written / f"{STEMS[visit]}_tissues.seg.dcm")
    first = next(iter(headers.values()))
    assert (made.Rows, made.Columns) == grid.shape[1:]
    assert made.FrameOfReferenceUID == first.FrameOfReferenceUID
    assert made.StudyInstanceUID == first.StudyInstanceUID
    shared = made.SharedFunctionalGroupsSequence[0]
    measures = shared.PixelMeasuresSequence[0]
    assert measures.PixelSpacing == pytest.approx(list(first.PixelSpacing))
    assert measures.SpacingBetweenSlices == pytest.approx(grid.slice_spacing_mm)
    plane = shared.PlaneOrientationSequence[0].ImageOrientationPatient
    assert plane == pytest.approx(list(first.ImageOrientationPatient), abs=1e-6)
    named = set()
    for group in made.PerFrameFunctionalGroupsSequence:
        (source,) = group.DerivationImageSequence[0].SourceImageSequence
        position = group.PlanePositionSequence[0].ImagePositionPatient
        header = headers[source.ReferencedSOPInstanceUID]
        assert position == pytest.approx(list(header.ImagePositionPatient), abs=1e-4)
        assert "ReferencedFrameNumber" not in source
        named.add(source.ReferencedSOPInstanceUID)
    (listed,) = made.ReferencedSeriesSequence
    assert listed.SeriesInstanceUID == series.uid
    assert {i.ReferencedSOPInstanceUID for i in listed.ReferencedInstanceSequence} == named


def test_empty_frames_are_left_out(written: Path) -> None:
    made = pydicom.dcmread(written / f"{STEMS[1]}_lesions.seg.dcm")
    assert made.NumberOfFrames == 4


def test_segments_say_what_they_are_and_how_they_were_found(written: Path) -> None:
    lesions = [pydicom.dcmread(written / f"{s}_lesions.seg.dcm") for s in STEMS]
    first, second = lesions[0].SegmentSequence
    assert [s.TrackingUID for s in (first, second)] == list(TRACKING)
    assert lesions[1].SegmentSequence[0].TrackingUID == TRACKING[0]
    assert first.AnatomicRegionSequence[0].CodeValue == "12738006"  # brain
    assert second.AnatomicRegionSequence[0].CodeValue == "59441001"  # lymph node
    assert first.SegmentAlgorithmType == "AUTOMATIC"
    assert first.SegmentAlgorithmName == "imgcompare"
    assert lesions[1].SegmentSequence[0].SegmentAlgorithmType == "MANUAL"
    assert "SegmentAlgorithmName" not in lesions[1].SegmentSequence[0]
    tissues = [pydicom.dcmread(written / f"{s}_tissues.seg.dcm").SegmentSequence for s in STEMS]
    types = [s.SegmentedPropertyTypeCodeSequence[0].CodeValue for s in tissues[0]]
    assert types == ["C113842", "6574001", "79654002"] * 2
    same = {s.SegmentLabel: s.TrackingUID for s in tissues[1]}
    assert same.items() <= {s.SegmentLabel: s.TrackingUID for s in tissues[0]}.items()
    assert len(set(same.values())) == 3


def test_another_library_reads_the_same(written: Path, dicom_case: Comparison) -> None:
    result = dicom_case.results[0]
    volume = highdicom.seg.segread(written / f"{STEMS[0]}_lesions.seg.dcm").get_volume(
        combine_segments=True
    )
    grid = result.aligned.geometry
    expected = drawn(result, 1) + 2 * drawn(result, 2)
    for k, j, i in np.argwhere(volume.array):
        there = grid.world_to_index(volume.affine[:3] @ [k, j, i, 1])
        assert np.abs(there - np.rint(there)).max() < 1e-3
        assert expected[tuple(np.rint(there).astype(int))] == volume.array[k, j, i]
    assert (volume.array > 0).sum() == (expected > 0).sum()


def test_frames_of_one_file_are_named_by_number(tmp_path: Path) -> None:
    order = [2, 0, 3, 1]
    write_enhanced(tmp_path / "scan.dcm", order=order)
    series = only_series(tmp_path)
    array = np.zeros(GRID.shape, np.uint8)
    array[1:3, 2:7, 3] = 1
    made = simple(series, array, series.geometry)
    numbers = {}
    for group in made.PerFrameFunctionalGroupsSequence:
        (source,) = group.DerivationImageSequence[0].SourceImageSequence
        position = group.PlanePositionSequence[0].ImagePositionPatient
        numbers[round(GRID.world_to_index(list(position))[0])] = source.ReferencedFrameNumber
    assert numbers == {k: order.index(k) + 1 for k in (1, 2)}
    (listed,) = made.ReferencedSeriesSequence
    assert len(listed.ReferencedInstanceSequence) == 1
    path = tmp_path / "seg.dcm"
    path.write_bytes(file_bytes(made))
    np.testing.assert_array_equal(read_mask(path, onto=series.geometry).array, array)


def test_interpolated_slices_name_the_series_only(tmp_path: Path) -> None:
    """Slices that lie between images come from all of them."""
    write_series(tmp_path, SeriesSpec(geometry=make_geometry((7, 9, 8))))
    series = only_series(tmp_path)
    affine = series.geometry.affine.copy()
    affine[:3, 3] += affine[:3, 0] / 2
    between = replace(
        series, geometry=Geometry((6, 9, 8), affine, series.geometry.frame_of_reference_uid)
    )
    array = np.zeros((6, 9, 8), np.uint8)
    array[2:4, 3:5, 1:6] = 1
    made = simple(between, array, between.geometry)
    groups = made.PerFrameFunctionalGroupsSequence
    assert not any(g.DerivationImageSequence for g in groups)
    assert len(made.ReferencedSeriesSequence[0].ReferencedInstanceSequence) == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [({"images": ()}, "no DICOM"), ({"study_uid": ""}, "no DICOM")],
)
def test_other_sources_are_refused(
    change: dict[str, Any], message: str, dicom_case: Comparison
) -> None:
    series = replace(reference(dicom_case.results[0]), **change)
    with pytest.raises(OutputError, match=message):
        simple(series, np.ones(series.geometry.shape, np.uint8), series.geometry)


def test_a_source_without_frame_of_reference_is_refused(dicom_case: Comparison) -> None:
    series = reference(dicom_case.results[0])
    nowhere = replace(series, geometry=Geometry(series.geometry.shape, series.geometry.affine))
    with pytest.raises(OutputError, match="frame of reference"):
        simple(nowhere, np.ones(series.geometry.shape, np.uint8), nowhere.geometry)


def test_nothing_labelled_is_refused(dicom_case: Comparison) -> None:
    series = reference(dicom_case.results[0])
    with pytest.raises(OutputError, match="nothing is labelled"):
        simple(series, np.zeros(series.geometry.shape, np.uint8), series.geometry)


def test_real_multi_frame_scans_come_back(shared_data: Path, tmp_path: Path) -> None:
    """Every readable series of a folder of enhanced MR, phases and all."""
    checked = 0
    for course in scan([shared_data / "dcm_variety" / "dcm_qa_enh"]).courses:
        for timepoint in course.timepoints:
            for series in (*timepoint.series.values(), *timepoint.others):
                if series.refusal or unusable(series):
                    continue
                grid = series.geometry
                array = np.zeros(grid.shape, np.uint8)
                array[grid.shape[0] // 3 :: 4, 5 : grid.shape[1] // 2, 9:14] = 1
                path = tmp_path / f"{checked}.dcm"
                path.write_bytes(file_bytes(simple(series, array, grid)))
                np.testing.assert_array_equal(read_mask(path, onto=grid).array, array)
                checked += 1
    assert checked > 3
