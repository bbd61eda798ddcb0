"""Masks must lie on their image's grid and their labels must have a meaning."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from imgcompare.errors import (
    GeometryMismatchError,
    InputError,
    LabelSchemeError,
    NothingFoundError,
    SeriesError,
    UnreadableFileError,
)
from imgcompare.geometry import Geometry, to_sitk
from imgcompare.loading import mask_region, read_lesions, read_mask
from imgcompare.model import LabelMap
from tests.builders import make_geometry

GRID = make_geometry(oblique_deg=(10.0, -7.0, 25.0))


def labels(*values: int, dtype: Any = np.uint8) -> np.ndarray[Any, Any]:
    array = np.zeros(GRID.shape, dtype)
    for n, value in enumerate(values):
        array[2 + n, 3:6, 4:9] = value
    return array


def saved(folder: Path, array: Any, geometry: Geometry = GRID, name: str = "m.nii.gz") -> Path:
    sitk.WriteImage(to_sitk(array, geometry), str(folder / name))
    return folder / name


@pytest.mark.parametrize("name", ["m.nii.gz", "m.nii", "m.nrrd", "m.mha"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.float32])
def test_labels_are_read_as_they_are(tmp_path: Path, name: str, dtype: Any) -> None:
    array = labels(1, 3, 2, dtype=dtype)
    mask = read_mask(saved(tmp_path, array, name=name), onto=GRID, what="T1C")
    np.testing.assert_array_equal(mask.array, array)
    assert mask.array.dtype.kind in "iu"
    assert mask.geometry == GRID


def test_other_grid_is_refused_naming_both(tmp_path: Path) -> None:
    moved = make_geometry(oblique_deg=(10.0, -7.0, 25.0), origin_mm=(-12.0, 7.5, 31.0))
    path = saved(tmp_path, labels(1), moved)
    with pytest.raises(GeometryMismatchError, match=r"m\.nii\.gz and T1C of 2024") as caught:
        read_mask(path, onto=GRID, what="T1C of 2024-01-10")
    assert str(GRID) in str(caught.value)
    assert "LPS (-12.0, 7.5, 31.0)" in str(caught.value)


def test_shipped_mismatch_is_refused(shared_data: Path) -> None:
    from imgcompare.loading import scan

    (course,) = scan(shared_data / "dqe").courses
    (timepoint,) = course.timepoints
    grid = next(s.geometry for r, s in timepoint.series.items() if r == "T1C")
    good = read_mask(shared_data / "dqe" / "seg-BraTS23_1.nii.gz", onto=grid, what="T1C")
    counts = [float((good.array == v).sum()) * grid.voxel_volume_ml for v in (1, 2, 3)]
    assert counts == pytest.approx([17.88, 88.03, 23.33], abs=0.01)
    with pytest.raises(GeometryMismatchError, match="different grids"):
        read_mask(shared_data / "dqe" / "seg-BraTS23_1_mapped.nii.gz", onto=grid, what="T1C")


def test_empty_mask_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="empty"):
        read_mask(saved(tmp_path, labels()), onto=GRID)


def test_fractions_and_negative_labels_are_refused(tmp_path: Path) -> None:
    half = labels(1, dtype=np.float32) * 0.5
    with pytest.raises(InputError, match=r"not whole numbers.*0\.5"):
        read_mask(saved(tmp_path, half), onto=GRID)
    with pytest.raises(InputError, match="negative"):
        read_mask(saved(tmp_path, -labels(1, dtype=np.int16)), onto=GRID)


def test_absent_damaged_and_four_dimensional_files(tmp_path: Path) -> None:
    with pytest.raises(NothingFoundError, match=r"no file 'x\.nii'"):
        read_mask(tmp_path / "x.nii", onto=GRID)
    (tmp_path / "bad.nii.gz").write_bytes(b"no image")
    with pytest.raises(UnreadableFileError, match=r"bad\.nii\.gz"):
        read_mask(tmp_path / "bad.nii.gz", onto=GRID)
    four = sitk.JoinSeries([to_sitk(labels(1), GRID)] * 2)
    sitk.WriteImage(four, str(tmp_path / "four.nii.gz"))
    with pytest.raises((SeriesError, GeometryMismatchError)):
        read_mask(tmp_path / "four.nii.gz", onto=GRID)


def region(values: tuple[int, ...], scheme: str | None) -> list[int]:
    """Label values that a scheme takes as lesion."""
    array = labels(*values)
    found = mask_region(LabelMap(array, GRID), scheme)
    assert found.array.dtype == bool
    return sorted({int(v) for v in array[found.array]})


@pytest.mark.parametrize(
    ("values", "scheme", "lesion"),
    [
        ((1,), None, [1]),
        ((7,), None, [7]),
        ((1, 2, 3), "binary", [1, 2, 3]),
        ((1, 2, 3), "brats2023", [1, 3]),
        ((1, 2, 3, 4), "brats2023", [1, 3]),
        ((1, 2, 4), "brats2021", [1, 4]),
        ((1, 2, 4), "brats2020", [1, 4]),
        ((1, 2, 3, 4, 5, 6), "imgcompare", [1, 2, 3, 4, 5]),
    ],
)
def test_schemes(values: tuple[int, ...], scheme: str | None, lesion: list[int]) -> None:
    assert region(values, scheme) == lesion


@pytest.mark.parametrize(
    ("values", "scheme", "message"),
    [
        ((1, 2, 4), None, "labels 1, 2, 4.*brats2023"),
        ((1, 2, 3), "brats2021", "labels 3.*does not define"),
        ((1, 9), "imgcompare", "labels 9"),
        ((1,), "brats1999", "no label scheme 'brats1999'.*binary"),
    ],
)
def test_labels_without_agreed_meaning_are_refused(
    values: tuple[int, ...], scheme: str | None, message: str
) -> None:
    with pytest.raises(LabelSchemeError, match=message):
        region(values, scheme)


def test_mask_of_oedema_only_is_refused() -> None:
    with pytest.raises(InputError, match="no tumour core"):
        region((2,), "brats2023")


def test_lesions_by_instance_and_by_component(tmp_path: Path) -> None:
    array = np.zeros(GRID.shape, np.uint8)
    array[1:3, 2:5, 2:5] = 1
    array[6:10, 8:14, 10:18] = 1
    array[6, 2, 2] = 5
    path = saved(tmp_path, array)
    instances = read_lesions(path, onto=GRID, label_scheme="instances")
    assert [int(m.region.array.sum()) for m in instances] == [18 + 192, 1]
    pieces = read_lesions(path, onto=GRID, label_scheme="components")
    assert [int(m.region.array.sum()) for m in pieces] == [192, 18, 1]
    (whole,) = read_lesions(path, onto=GRID, label_scheme="binary")
    assert int(whole.region.array.sum()) == 211
