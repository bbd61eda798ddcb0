import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from imgcompare import geometry as geometries
from imgcompare.errors import ConfigurationError, OutputError
from imgcompare.model import Role, finish
from imgcompare.phantoms import ScanSettings, build_case, demo_case, simulate, write_case, writing
from imgcompare.phantoms.tiny import TINY_NAME, write_tiny_case

SAMPLE = Path(__file__).resolve().parents[2] / "sample_scans" / TINY_NAME

MR = {
    Role.T1: ScanSettings(spacing_mm=(6.0, 4.0, 4.0), matrix=(10, 56, 48)),
    Role.T1C: ScanSettings(spacing_mm=(6.0, 4.0, 4.0), matrix=(26, 56, 48)),
    Role.T2: ScanSettings(spacing_mm=(6.0, 4.0, 4.0), matrix=(10, 56, 48), oblique_deg=(20, 5, 0)),
    Role.FLAIR: ScanSettings(spacing_mm=(8.0, 4.0, 4.0), matrix=(20, 56, 64), plane="sagittal"),
}
CT = ScanSettings(spacing_mm=(10.0, 5.0, 5.0), matrix=(8, 64, 80), supersampling=(2, 2, 2))

# Type 1 and 2 attributes of the MR and CT Image IODs (DICOM PS3.3 A.4, A.3) that have a value here.
COMMON = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "StudyID",
    "AccessionNumber",
    "ReferringPhysicianName",
    "Modality",
    "SeriesInstanceUID",
    "SeriesNumber",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "Manufacturer",
    "InstanceNumber",
    "ImageType",
    "PixelSpacing",
    "ImageOrientationPatient",
    "ImagePositionPatient",
    "SliceThickness",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "PixelData",
    "SOPClassUID",
    "SOPInstanceUID",
    "AcquisitionNumber",
    "PatientPosition",
    "BodyPartExamined",
)
OF_MR = (
    "ScanningSequence",
    "SequenceVariant",
    "ScanOptions",
    "MRAcquisitionType",
    "RepetitionTime",
    "EchoTime",
    "EchoTrainLength",
    "FlipAngle",
    "MagneticFieldStrength",
    "SpacingBetweenSlices",
    "ImagedNucleus",
)
OF_CT = (
    "RescaleIntercept",
    "RescaleSlope",
    "KVP",
    "ConvolutionKernel",
)


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    folder = tmp_path_factory.mktemp("head") / "case"
    assert finish(write_case(build_case("mixed"), folder, settings=MR)) == folder
    return folder


@pytest.fixture(scope="module")
def abdomen(tmp_path_factory):
    folder = tmp_path_factory.mktemp("abdomen") / "case"
    return finish(write_case(build_case("mixed", body="abdomen"), folder, settings=CT))


def files_of(folder: Path, **wanted: str) -> list[Path]:
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "truth.json"):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        if all(str(getattr(header, k)) == v for k, v in wanted.items()):
            found.append(path)
    return found


def truth_of(folder: Path) -> dict:
    return json.loads((folder / "truth.json").read_text())


def read(paths: list[Path]) -> tuple[np.ndarray, geometries.Geometry]:
    """Read a series with nothing but pydicom, sorted along the normal."""
    slices = [pydicom.dcmread(p) for p in paths]
    normal = np.cross(*np.reshape(slices[0].ImageOrientationPatient, (2, 3)).astype(float))
    slices.sort(key=lambda s: float(normal @ np.array(s.ImagePositionPatient, dtype=float)))
    array = np.stack([s.pixel_array.astype(int) for s in slices])
    if "RescaleIntercept" in slices[0]:
        array = array * int(slices[0].RescaleSlope) + int(slices[0].RescaleIntercept)
    grid = geometries.from_slices(
        [s.ImagePositionPatient for s in slices],
        slices[0].ImageOrientationPatient,
        slices[0].PixelSpacing,
        array.shape[1:],
        slices[0].FrameOfReferenceUID,
    )
    return array, grid


@pytest.mark.parametrize("role", list(MR))
def test_head_round_trip_equals_memory(head, role):
    truth = truth_of(head)
    expected = simulate(build_case("mixed"), 1, settings=MR, roles=(role,)).images[role]
    uid = truth["timepoints"][1]["series"][str(role)]["series_uid"]
    paths = files_of(head, SeriesInstanceUID=uid)
    array, grid = read(paths)
    np.testing.assert_array_equal(array, expected.array)
    np.testing.assert_allclose(grid.affine, expected.geometry.affine, atol=1e-5)
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames
    by_itk = {name for folder in {p.parent for p in paths} for name in names(str(folder), uid)}
    assert by_itk == {str(p) for p in paths}


def test_itk_reads_the_same_voxels_in_the_same_place(head, tmp_path):
    uid = truth_of(head)["timepoints"][0]["series"]["T2"]["series_uid"]
    for number, path in enumerate(files_of(head, SeriesInstanceUID=uid)):
        (tmp_path / str(number)).write_bytes(path.read_bytes())
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(tmp_path), uid))
    image = reader.Execute()
    expected = simulate(build_case("mixed"), 0, settings=MR, roles=(Role.T2,)).images[Role.T2]
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), expected.array)
    grid = geometries.from_sitk(image)
    np.testing.assert_allclose(grid.affine, expected.geometry.affine, atol=1e-4)


def test_ct_round_trip_is_in_hu(abdomen):
    case = build_case("mixed", body="abdomen")
    expected = simulate(case, 0, settings=CT, roles=(Role.CT_ARTERIAL,)).images[Role.CT_ARTERIAL]
    uid = truth_of(abdomen)["timepoints"][0]["series"]["CT_ARTERIAL"]["series_uid"]
    array, grid = read(files_of(abdomen, SeriesInstanceUID=uid))
    np.testing.assert_array_equal(array, expected.array)
    np.testing.assert_allclose(grid.affine, expected.geometry.affine, atol=1e-5)
    assert array.min() >= -1024
    assert 250 < np.median(array[array > 200]) < 700


def test_every_file_has_what_a_scanner_writes(head, abdomen):
    for folder, extra in ((head, OF_MR), (abdomen, OF_CT)):
        seen = set()
        for path in files_of(folder):
            header = pydicom.dcmread(path)
            missing = [name for name in COMMON + extra if name not in header]
            assert not missing
            assert header.file_meta.MediaStorageSOPInstanceUID == header.SOPInstanceUID
            assert header.file_meta.MediaStorageSOPClassUID == header.SOPClassUID
            assert "PHANTOM" in str(header.PatientName)
            assert header.Rows * header.Columns * 2 == len(header.PixelData)
            seen.add(header.SOPInstanceUID)
        assert len(seen) == len(files_of(folder))


def test_an_attribute_left_out_would_be_noticed(head):
    header = pydicom.dcmread(files_of(head)[0])
    del header.PixelSpacing
    assert [name for name in COMMON + OF_MR if name not in header] == ["PixelSpacing"]


def test_one_frame_of_reference_per_study_and_contrast_only_where_given(head):
    frames, contrast, times = {}, {}, {}
    for path in files_of(head):
        header = pydicom.dcmread(path, stop_before_pixels=True)
        frames.setdefault(header.StudyInstanceUID, set()).add(header.FrameOfReferenceUID)
        contrast.setdefault(header.SeriesDescription, set()).add("ContrastBolusAgent" in header)
        times.setdefault(header.StudyInstanceUID, {})[header.AcquisitionTime] = header.SeriesNumber
    assert len(frames) == 2
    assert all(len(uids) == 1 for uids in frames.values())
    assert len(set.union(*frames.values())) == 2
    assert {name: have for name, have in contrast.items() if True in have} == {
        "t1_se_post_tra": {True}
    }
    for numbers in times.values():
        assert [numbers[t] for t in sorted(numbers)] == [1, 2, 3, 4, 5]


def test_the_localizer_has_three_planes(head):
    planes = set()
    for path in files_of(head, SeriesDescription="localizer"):
        orientation = pydicom.dcmread(path, stop_before_pixels=True).ImageOrientationPatient
        planes.add(tuple(np.rint(np.array(orientation, dtype=float)).astype(int)))
    assert len(planes) == 3


def test_file_names_tell_nothing(head):
    for path in files_of(head):
        assert re.fullmatch(r"[0-9a-f]{16}", path.name)
        assert all(re.fullmatch(r"[0-9a-f]+", part) for part in path.relative_to(head).parts)
    uid = truth_of(head)["timepoints"][0]["series"]["T1C"]["series_uid"]
    order = [
        int(pydicom.dcmread(p, stop_before_pixels=True).InstanceNumber)
        for p in files_of(head, SeriesInstanceUID=uid)
    ]
    assert order != sorted(order)


def test_left_is_left_in_the_files(head):
    truth = truth_of(head)["timepoints"][1]
    array, grid = read(files_of(head, SeriesInstanceUID=truth["series"]["T1C"]["series_uid"]))
    to_anatomy = np.array(truth["series"]["T1C"]["to_anatomy"])
    lesion = truth["lesions"][2]
    assert (lesion["site"], lesion["status"]) == ("left frontal lobe", "new")
    centre = (to_anatomy @ np.array([*lesion["centre_lps_mm"], 1.0]))[:3]
    assert centre[0] > 20.0
    mirrored = np.linalg.inv(to_anatomy) @ np.array([-centre[0], centre[1], centre[2], 1.0])
    k, j, i = np.rint(grid.world_to_index(lesion["centre_lps_mm"])).astype(int)
    a, b, c = np.rint(grid.world_to_index(mirrored[:3])).astype(int)
    assert array[k, j, i] > 1.4 * array[a, b, c]


def test_truth_lists_every_lesion_at_every_timepoint(head):
    truth = truth_of(head)
    assert truth["format"] == writing.VERSION
    assert [t["date"] for t in truth["timepoints"]] == ["2024-01-10", "2024-03-06"]
    first, second = (t["lesions"] for t in truth["timepoints"])
    assert [x["status"] for x in first] == ["present", "present", "absent"]
    assert [x["status"] for x in second] == ["present", "present", "new"]
    assert first[2]["centre_lps_mm"] is None
    assert first[2]["volumes_ml"] == {}
    parts = dict(second[1]["volumes_ml"])
    whole, _ = parts.pop("whole"), parts.pop("oedema")
    assert sum(parts.values()) == pytest.approx(whole, abs=1e-3)
    assert 20.0 < second[1]["longest_diameter_mm"] < 35.0


def test_writing_twice_gives_the_same_files_and_other_settings_other_uids(tmp_path, abdomen):
    case = build_case("mixed", body="abdomen")
    again = finish(write_case(case, tmp_path / "a", settings=CT))
    for path in (p for p in abdomen.rglob("*") if p.is_file()):
        assert path.read_bytes() == (again / path.relative_to(abdomen)).read_bytes()
    other = replace(CT, spacing_mm=(20.0, 8.0, 8.0), matrix=(4, 40, 50))
    finish(write_case(case, tmp_path / "b", settings=other))
    assert (
        truth_of(tmp_path / "b")["timepoints"][0]["study_uid"]
        != truth_of(abdomen)["timepoints"][0]["study_uid"]
    )


def test_an_unwritable_folder_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OutputError, match="cannot be written"):
        finish(write_case(build_case("stable"), tmp_path / "file" / "case", settings=MR))


def test_demo_is_written_once_whole_or_not_at_all(tmp_path, monkeypatch):
    protocol = dict.fromkeys(
        MR, ScanSettings(spacing_mm=(30.0, 8.0, 8.0), matrix=(4, 30, 24), supersampling=(2, 2, 2))
    )
    monkeypatch.setattr(writing, "full_protocol", lambda body: protocol)
    steps = demo_case("stable", cache=tmp_path)
    assert "LOCALIZER of 2024-01-10" in next(steps).message
    next(steps)
    steps.close()
    assert list(tmp_path.iterdir()) == []
    seen = list(demo_case("stable", cache=tmp_path))
    assert [p.step for p in seen] == list(range(10))
    assert {p.total for p in seen} == {10}
    (folder,) = tmp_path.iterdir()
    before = (folder / "truth.json").stat().st_mtime_ns
    assert list(demo_case("stable", cache=tmp_path)) == []
    assert finish(demo_case("stable", cache=tmp_path)) == folder
    assert (folder / "truth.json").stat().st_mtime_ns == before
    with pytest.raises(ConfigurationError, match="no case"):
        finish(demo_case("unknown", cache=tmp_path))


def test_the_committed_sample_is_what_the_code_writes_today(tmp_path):
    rewritten = finish(write_tiny_case(tmp_path / "tiny"))
    fresh, kept = truth_of(rewritten), truth_of(SAMPLE)
    assert fresh["format"] == kept["format"]
    names = sorted(str(p.relative_to(SAMPLE)) for p in SAMPLE.rglob("*") if p.is_file())
    assert names == sorted(
        str(p.relative_to(rewritten)) for p in rewritten.rglob("*") if p.is_file()
    )
    for old, new in zip(kept["timepoints"], fresh["timepoints"], strict=True):
        for a, b in zip(old["lesions"], new["lesions"], strict=True):
            assert a["volumes_ml"] == pytest.approx(b["volumes_ml"], rel=1e-3)
    size = sum(p.stat().st_size for p in SAMPLE.rglob("*") if p.is_file())
    assert size < 2.5e6
