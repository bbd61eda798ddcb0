"""Real scans load to the voxels and places that other readers give."""

from pathlib import Path

import nibabel
import numpy as np
import numpy.typing as npt
import pytest

from imgcompare.errors import SeriesError
from imgcompare.geometry import Geometry, from_nifti_affine
from imgcompare.loading import load_course, scan
from imgcompare.model import Role, Series, Volume


def every_series(folder: Path) -> list[Series]:
    return [
        s
        for course in scan(folder).courses
        for t in course.timepoints
        for s in (*t.series.values(), *t.others)
    ]


def largest_shift_mm(one: Geometry, other: Geometry) -> float:
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in one.shape])).reshape(3, -1).T
    return float(np.abs(one.index_to_world(corners) - other.index_to_world(corners)).max())


def assert_same_as_nifti(ours: Volume, file: Path) -> None:
    """Compare values and places of all voxels; the file may have turned or flipped axes."""
    image = nibabel.load(file)
    theirs = from_nifti_affine(image.affine, image.shape[:3])
    grid = ours.geometry
    base = theirs.world_to_index(grid.origin_mm)
    steps = theirs.world_to_index(grid.index_to_world(np.eye(3))) - base
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-3)
    index = np.rint(base + np.moveaxis(np.indices(grid.shape), 0, -1) @ np.rint(steps))
    assert np.abs(theirs.index_to_world(index[-1, -1, -1]) - last_voxel_mm(grid)).max() < 0.02
    assert np.abs(theirs.index_to_world(index[0, 0, 0]) - grid.origin_mm).max() < 2e-3
    array = np.asarray(image.dataobj).T
    picked = array[tuple(np.moveaxis(index.astype(int), -1, 0))]
    np.testing.assert_allclose(ours.array, picked, rtol=1e-5, atol=1e-4)


def last_voxel_mm(grid: Geometry) -> npt.NDArray[np.float64]:
    return grid.index_to_world(np.array(grid.shape) - 1)


def test_baseline_is_the_earlier_date_although_folders_mislead(shared_data: Path) -> None:
    course = load_course(shared_data / "cmb_crc_mr")
    assert [t.name for t in course.timepoints] == ["1959-12-09", "1960-04-13"]
    for timepoint, folder in zip(course.timepoints, ("SCAN_002", "SCAN_001"), strict=True):
        assert set(timepoint.series) == {Role.T2, Role.ADC}
        assert all(folder in str(s.files[0]) for s in timepoint.series.values())
    spacing = [t.series[Role.T2].geometry.spacing_mm[1] for t in course.timepoints]
    assert spacing == pytest.approx([0.78125, 0.683594], abs=1e-4)


GENERIC = "dcm_variety/dicom2nifti/generic"


@pytest.mark.parametrize(
    "copy",
    ["compressed", "compressed_j2k", "compressed_jpeg", "compressed_jpegls", "compressed_rle"],
)
def test_compressed_copies_are_decoded(shared_data: Path, copy: str) -> None:
    folder = shared_data / GENERIC / copy
    (series,) = every_series(folder / "001")
    assert_same_as_nifti(series.load(), folder / "001_ground_truth.nii.gz")
    (plain,) = every_series(shared_data / GENERIC / "compressed_rle" / "001")
    np.testing.assert_array_equal(series.load().array, plain.load().array)


FAILING = "dcm_variety/dicom2nifti/failing"


def test_missing_slices_of_real_scans_are_named(shared_data: Path) -> None:
    for case, place in (("sliceincrement/001", "33.11"), ("sliceincrement/002", "-133.00")):
        (series,) = every_series(shared_data / FAILING / case)
        assert f"missing at {place} mm" in series.refusal
        with pytest.raises(SeriesError, match="slices expected"):
            series.load()


def test_mixed_orientations_are_two_stacks(shared_data: Path) -> None:
    stacks = every_series(shared_data / FAILING / "sliceorientation" / "001")
    assert {s.geometry.plane for s in stacks} == {"sagittal", "axial"}


def test_images_at_one_position_are_no_volume(shared_data: Path) -> None:
    stacks = every_series(shared_data / FAILING / "notavolume" / "001")
    assert len(stacks) == 4
    assert all(s.role is Role.OTHER for s in stacks)


def test_tilt_without_and_with_its_tag_is_kept_sheared(shared_data: Path) -> None:
    (series,) = every_series(shared_data / FAILING / "gantrytilting" / "001")
    assert not series.geometry.is_orthogonal
    first, second = every_series(shared_data / "dcm_variety" / "ge_ct_tilt")
    spacings = sorted(s.geometry.slice_spacing_mm for s in (first, second))
    assert spacings == pytest.approx([4.0, 7.0], abs=0.01)
    assert all("sheared by 18.5°" in s.problems[0] for s in (first, second))


@pytest.mark.parametrize(
    ("folder", "shape", "stacks"),
    [
        ("dcm_variety/dcm_qa_enh/In/Siemens", (6, 64, 64), 4),
        ("dcm_variety/dcm_qa_enh/In/Philips", (32, 64, 64), 2),
        ("dcm_variety/dcm_qa_agfa/Siemens", (25, 64, 64), 4),
        ("dcm_variety/dcm_qa_agfa/Agfa", (25, 64, 64), 4),
        ("dcmqi/data/segmentations/24x38x3/multiframe", (3, 38, 24), 1),
    ],
)
def test_enhanced_multi_frame(
    shared_data: Path, folder: str, shape: tuple[int, int, int], stacks: int
) -> None:
    found = every_series(shared_data / folder)
    assert [s.geometry.shape for s in found] == [shape] * stacks
    for series in found:
        assert series.load().array.shape == shape


def test_multi_frame_equals_its_classic_copy(shared_data: Path) -> None:
    folder = shared_data / "dcmqi/data/segmentations/24x38x3"
    (classic,) = every_series(folder / "image")
    (frames,) = every_series(folder / "multiframe")
    np.testing.assert_array_equal(frames.load().array, classic.load().array)
    assert largest_shift_mm(frames.geometry, classic.geometry) < 1e-6


def test_twelve_bits_signed_and_unsigned(shared_data: Path) -> None:
    folder = shared_data / "dcm_variety" / "dcm_qa_12bit" / "In"
    ranges = {}
    for file in folder.glob("*.dcm"):
        (series,) = every_series(file)
        array = series.load().array
        ranges[file.stem] = (int(array.min()), int(array.max()))
    assert ranges["12bitUnsigned_0x0F0F"][1] == 4095
    assert ranges["12bitUnsigned_0x0F0F"][0] >= 0
    assert ranges["12bitSigned_0x0F0F"][0] >= -2048
    assert ranges["12bitSigned_0x0F0F"][1] <= 2047


def test_converted_ms_case_has_two_visits(shared_data: Path) -> None:
    course = load_course(shared_data / "open_ms" / "raw_patient01")
    assert [t.name for t in course.timepoints] == ["study1", "study2"]
    assert all(set(t.series) == {Role.T1, Role.T2, Role.FLAIR} for t in course.timepoints)


def test_folder_of_before_and_after_pairs_has_three_subjects(shared_data: Path) -> None:
    courses = scan(shared_data / "brain_tumor_progression").courses
    assert [[t.name for t in c.timepoints] for c in courses] == [["pre scan", "post scan"]] * 3
