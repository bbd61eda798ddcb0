"""NIfTI and NRRD folders and TOML tables become courses too."""

import datetime as dt
import gzip
import struct
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgcompare.errors import (
    ConfigurationError,
    NothingFoundError,
    SeriesError,
    UnreadableFileError,
)
from imgcompare.geometry import to_nifti_affine, to_sitk
from imgcompare.loading import load_course, scan
from imgcompare.loading.converted import date_in, role_of_name
from imgcompare.model import Quantity, Role
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.scanned import only_series

GRID = make_geometry((5, 7, 9), oblique_deg=(5.0, 10.0, -20.0))


def save(path: Path, dtype: Any = np.int16, value: int = 0) -> np.ndarray[Any, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    array = (np.arange(np.prod(GRID.shape)).reshape(GRID.shape) + value).astype(dtype)
    sitk.WriteImage(to_sitk(array, GRID), str(path))
    return array


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("t1n.nii.gz", Role.T1),
        ("t1c.nii.gz", Role.T1C),
        ("BraTS-GLI-00005-100-t2w.nii.gz", Role.T2),
        ("BraTS-GLI-00005-100-t2f.nii.gz", Role.FLAIR),
        ("sub-01_ses-02_T1w.nii.gz", Role.T1),
        ("sub-01_ce-gadolinium_T1w.nii.gz", Role.T1C),
        ("patient_T1_Gd.nrrd", Role.T1C),
        ("T1ce.nii", Role.T1C),
        ("FLAIR.nii.gz", Role.FLAIR),
        ("ADC.nii.gz", Role.ADC),
        ("CT.nii.gz", Role.CT),
        ("ct_portal_venous.nii.gz", Role.CT_PORTAL),
        ("arterial.nii.gz", Role.CT_ARTERIAL),
        ("ct_native.nii.gz", Role.CT_PRE),
        ("PET_suv.nii.gz", Role.PET),
        ("image.nii.gz", Role.OTHER),
    ],
)
def test_roles_from_file_names(name: str, role: Role) -> None:
    assert role_of_name(Path("visit") / name).role is role


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-01-10", dt.date(2024, 1, 10)),
        ("visit_20240110_mr", dt.date(2024, 1, 10)),
        ("2024_01_10", dt.date(2024, 1, 10)),
        ("10.01.2024", dt.date(2024, 1, 10)),
        ("20241399", None),
        ("visit2", None),
        ("12345678901", None),
    ],
)
def test_dates_in_names(text: str, expected: dt.date | None) -> None:
    assert date_in(text) == expected


def test_a_folder_is_a_visit_in_order_of_date(tmp_path: Path) -> None:
    array = save(tmp_path / "b_20240110" / "t1c.nii.gz")
    save(tmp_path / "b_20240110" / "t1n.nii.gz")
    save(tmp_path / "a_20240601" / "t1c.nrrd")
    course = load_course(tmp_path)
    assert [t.name for t in course.timepoints] == ["2024-01-10", "2024-06-01"]
    first = course.timepoints[0].series
    assert set(first) == {Role.T1, Role.T1C}
    volume = first[Role.T1C].load()
    np.testing.assert_array_equal(volume.array, array)
    assert volume.geometry == GRID
    assert volume.quantity is Quantity.MR_SIGNAL


def test_visits_without_dates_are_in_natural_order(tmp_path: Path) -> None:
    for name in ("visit10", "visit2", "visit1"):
        save(tmp_path / name / "t1.nii.gz")
    course = load_course(tmp_path)
    assert [t.name for t in course.timepoints] == ["visit1", "visit2", "visit10"]
    assert any("ordered by name" in p for p in course.problems)


def test_baseline_comes_before_followup(tmp_path: Path) -> None:
    for name in ("followup", "baseline"):
        save(tmp_path / name / "t1.nii.gz")
    assert [t.name for t in load_course(tmp_path).timepoints] == ["baseline", "followup"]


def test_flat_folder_groups_by_the_rest_of_the_name(tmp_path: Path) -> None:
    for visit in ("study1", "study2"):
        for kind in ("T1W", "T2W", "FLAIR"):
            save(tmp_path / f"{visit}_{kind}.nii.gz")
    save(tmp_path / "gt.nii.gz")
    course = load_course(tmp_path)
    assert [t.name for t in course.timepoints] == ["study1", "study2"]
    assert all(set(t.series) == {Role.T1, Role.T2, Role.FLAIR} for t in course.timepoints)
    assert any("gt.nii.gz looks like a mask" in p for p in course.problems)


def test_bids_sessions(tmp_path: Path) -> None:
    for session in ("ses-02", "ses-01"):
        folder = tmp_path / "sub-07" / session / "anat"
        save(folder / f"sub-07_{session}_T1w.nii.gz")
        save(folder / f"sub-07_{session}_FLAIR.nii.gz")
    course = load_course(tmp_path)
    assert [t.name for t in course.timepoints] == ["ses-01", "ses-02"]


def test_ct_has_hounsfield_units(tmp_path: Path) -> None:
    save(tmp_path / "v1" / "ct_portal.nii.gz", value=-1000)
    (timepoint,) = load_course(tmp_path).timepoints
    volume = timepoint.series[Role.CT_PORTAL].load()
    assert volume.quantity is Quantity.HU
    assert volume.array.min() == -1000


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.uint16, np.int16), (np.uint8, np.int16), (np.float64, np.float32), (np.int32, np.int32)],
)
def test_types_are_signed_and_safe(tmp_path: Path, dtype: Any, expected: Any) -> None:
    array = save(tmp_path / "v" / "t1.nii.gz", dtype)
    volume = load_course(tmp_path).timepoints[0].series[Role.T1].load()
    assert volume.array.dtype == expected
    np.testing.assert_array_equal(volume.array, array)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(angles=st.tuples(*[st.floats(-180, 180)] * 3), spacing=st.floats(0.4, 7.0))
def test_grid_agrees_with_nibabel(
    tmp_path_factory: pytest.TempPathFactory, angles: tuple[float, float, float], spacing: float
) -> None:
    folder = tmp_path_factory.mktemp("nifti")
    grid = make_geometry((4, 5, 6), oblique_deg=angles, spacing_mm=(spacing, 0.9, 0.7))
    array = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    image = nibabel.Nifti1Image(array.T, to_nifti_affine(grid))
    image.set_qform(to_nifti_affine(grid), code=1)
    nibabel.save(image, folder / "t1.nii.gz")
    series = load_course(folder).timepoints[0].series[Role.T1]
    assert np.abs(series.geometry.affine - grid.affine).max() < 1e-3
    assert not series.problems
    np.testing.assert_array_equal(series.load().array, array)


def test_conflicting_forms_are_said(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.diag([1.0, 1.0, 2.0, 1.0]))
    moved = np.diag([1.0, 1.0, 2.0, 1.0])
    moved[:3, 3] = 30.0
    image.set_qform(moved, code=1)
    image.set_sform(np.diag([1.0, 1.0, 2.0, 1.0]), code=1)
    nibabel.save(image, tmp_path / "t1.nii")
    problems = load_course(tmp_path).problems
    assert any("qform and sform differ by up to 30.0 mm" in p for p in problems)


def test_four_dimensions_are_refused(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6, 3), np.int16), np.eye(4))
    nibabel.save(image, tmp_path / "t1.nii.gz")
    (timepoint,) = load_course(tmp_path).timepoints
    (series,) = timepoint.others
    assert "4 dimensions (4×5×6×3)" in series.refusal
    with pytest.raises(SeriesError, match="4 dimensions"):
        series.load()


def test_dicom_beside_converted_copies_wins(tmp_path: Path) -> None:
    write_series(tmp_path / "visit1", SeriesSpec("T1"))
    save(tmp_path / "visit1" / "t1.nii.gz")
    save(tmp_path / "nifti" / "t1.nii.gz")
    result = scan(tmp_path)
    (course,) = result.courses
    assert course.timepoints[0].series[Role.T1].number == 4
    assert any("DICOM images are used" in p for p in result.problems)


TABLE = """
subject = "case"
[[timepoint]]
date = 2024-01-10
label = "before"
[timepoint.files]
T1 = "x/one.nii.gz"
T1C = "x/two.nrrd"
[[timepoint]]
date = "2024-03-10"
[timepoint.files]
T1C = "three.nii.gz"
"""


def test_toml_names_files_dates_and_roles(tmp_path: Path) -> None:
    for name in ("x/one.nii.gz", "x/two.nrrd", "three.nii.gz", "unused_t2.nii.gz"):
        save(tmp_path / name)
    (tmp_path / "case.toml").write_text(TABLE)
    for where in (tmp_path / "case.toml", tmp_path):
        course = load_course(where)
        assert [t.name for t in course.timepoints] == ["2024-01-10", "2024-03-10"]
        assert set(course.timepoints[0].series) == {Role.T1, Role.T1C}
        assert course.timepoints[1].series[Role.T1C].load().array.shape == GRID.shape


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("subject = 'x'", "needs .*timepoint"),
        ("not toml", "no valid TOML"),
        ("[[timepoint]]\ndate = 2024-01-10", "needs .*files"),
        ("[[timepoint]]\ndate = 'soon'\n[timepoint.files]\nT1='a.nii'", "date must be"),
        ("[[timepoint]]\n[timepoint.files]\nT9='a.nii'", "no role 'T9'"),
        ("[[timepoint]]\ncolour=1\n[timepoint.files]\nT1='a.nii'", "not colour"),
    ],
)
def test_mistakes_in_the_table_are_named(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "case.toml").write_text(table)
    with pytest.raises(ConfigurationError, match=message):
        load_course(tmp_path / "case.toml")


def test_file_missing_from_the_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text("[[timepoint]]\n[timepoint.files]\nT1='a.nii'")
    with pytest.raises(NothingFoundError, match=r"no file 'a\.nii'"):
        load_course(tmp_path / "case.toml")


def patched(path: Path, at: int, form: str, *values: float) -> None:
    """Change numbers in the header of a packed NIfTI file."""
    data = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into(form, data, at, *values)
    path.write_bytes(gzip.compress(bytes(data)))


@pytest.mark.parametrize("slope", [0.0, float("nan")])
def test_an_intercept_without_a_slope_scales_nothing(tmp_path: Path, slope: float) -> None:
    """As nibabel and the standard have it; ITK adds the intercept."""
    array = save(tmp_path / "v" / "t1.nii.gz")
    patched(tmp_path / "v" / "t1.nii.gz", 112, "<2f", slope, 5.0)
    np.testing.assert_array_equal(only_series(tmp_path).load().array, array)


@pytest.mark.parametrize(("code", "factor"), [(1, 1000.0), (2, 1.0), (3, 0.001), (0, 1.0)])
def test_units_of_space(tmp_path: Path, code: int, factor: float) -> None:
    save(tmp_path / "v" / "t1.nii.gz")
    patched(tmp_path / "v" / "t1.nii.gz", 123, "<B", code)
    series = only_series(tmp_path)
    np.testing.assert_allclose(series.geometry.affine[:3], GRID.affine[:3] * factor, rtol=1e-5)
    assert any("converted to mm" in p for p in series.problems) == (factor != 1.0)


@pytest.mark.parametrize("tail", [b"", b"garbage", bytes(600)])
def test_what_follows_the_voxels_does_not_matter_what_lacks_does(
    tmp_path: Path, tail: bytes
) -> None:
    array = save(tmp_path / "v" / "t1.nii.gz")
    path = tmp_path / "v" / "t1.nii.gz"
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    np.testing.assert_array_equal(only_series(tmp_path).load().array, array)
    half = gzip.decompress(whole)
    path.write_bytes(gzip.compress(half[:500]) + gzip.compress(half[500:]) + tail)
    np.testing.assert_array_equal(only_series(tmp_path).load().array, array)
    for cut in (gzip.compress(half[:-9]), whole[: len(whole) - 20]):
        path.write_bytes(cut)
        with pytest.raises(UnreadableFileError, match="damaged"):
            only_series(tmp_path).load()


@pytest.mark.parametrize(
    ("space", "said"),
    [
        ("space: left-posterior-superior\n", ""),
        ("space: RAS\n", ""),
        ("space: scanner-xyz\n", "does not say how its axes lie in the patient"),
        ("", "holds no position in space"),
    ],
)
def test_nrrd_says_how_its_axes_lie(tmp_path: Path, space: str, said: str) -> None:
    (tmp_path / "v").mkdir()
    array = np.arange(60, dtype="<i2").reshape(3, 4, 5)
    axes = "space directions: (1,0,0) (0,1,0) (0,0,2)\nspace origin: (1,2,3)\n" if space else ""
    head = f"NRRD0004\ntype: short\ndimension: 3\nsizes: 5 4 3\n{space}{axes}"
    head += "endian: little\nencoding: raw\n\n"
    (tmp_path / "v" / "t1.nrrd").write_bytes(head.encode() + array.tobytes())
    series = only_series(tmp_path)
    np.testing.assert_array_equal(series.load().array, array)
    assert said in "; ".join(series.problems)
    assert bool(series.problems) == bool(said)
    if "RAS" in space:
        np.testing.assert_allclose(series.geometry.origin_mm, (-1.0, -2.0, 3.0))
