"""An SOP instance counts once; what shares its UID without being it is never lost silently."""

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

from imgcompare.errors import SeriesError
from imgcompare.loading import scan
from tests.loading.dicom_builder import NAME, SeriesSpec, write_series
from tests.loading.scanned import all_series, only_series


def copy_file(path: Path, target: Path, **changes: Any) -> pydicom.Dataset:
    """Write a file again with changed attributes and the same UID."""
    dataset = pydicom.dcmread(path)
    for keyword, value in changes.items():
        setattr(dataset, keyword, value)
    target.parent.mkdir(exist_ok=True)
    dataset.save_as(target)
    return dataset


def test_copies_in_another_folder_count_once(tmp_path: Path) -> None:
    spec = SeriesSpec()
    for path in write_series(tmp_path / "a", spec)[:3]:
        copy_file(path, tmp_path / "b" / path.name)
    series = only_series(tmp_path)
    assert "3 duplicate files counted once" in series.problems
    np.testing.assert_array_equal(series.load().array, spec.values())


def test_a_copy_compressed_without_loss_is_the_same_image(tmp_path: Path) -> None:
    spec = SeriesSpec()
    path = write_series(tmp_path / "a", spec)[4]
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless, generate_instance_uid=False)
    (tmp_path / "b").mkdir()
    dataset.save_as(tmp_path / "b" / "x")
    assert ExplicitVRLittleEndian != RLELossless
    series = only_series(tmp_path)
    assert "1 duplicate files counted once" in series.problems
    np.testing.assert_array_equal(series.load().array, spec.values())


def test_different_pixels_under_one_uid_are_an_error_that_names_both_files(tmp_path: Path) -> None:
    path = write_series(tmp_path / "a", SeriesSpec())[4]
    pixels = pydicom.dcmread(path).pixel_array.copy()
    pixels[0, 0] += 1
    copy_file(path, tmp_path / "b" / "edited", PixelData=pixels.tobytes())
    series = only_series(tmp_path)  # headers agree, and scanning reads no pixels
    with pytest.raises(SeriesError, match=rf"Files {path.name} and edited carry one SOP Instance"):
        series.load()


def test_other_rescaling_under_one_uid_is_named(tmp_path: Path) -> None:
    spec = SeriesSpec(slope=1.0, intercept=0.0)
    path = write_series(tmp_path / "a", spec)[4]
    copy_file(path, tmp_path / "b" / "other", RescaleSlope="2")
    series = only_series(tmp_path)
    (text,) = series.problems
    assert text == (
        "1 files repeat the SOP Instance UID of another with other content (other, against "
        f"{path.name}); the latter are used"
    )
    np.testing.assert_array_equal(series.load().array, spec.values())


def test_slices_that_share_one_uid_are_all_kept(tmp_path: Path) -> None:
    spec = SeriesSpec(tags={"SOPInstanceUID": "1.2.3.4"})
    write_series(tmp_path, spec)
    series = only_series(tmp_path)
    assert series.geometry.shape == spec.geometry.shape
    assert "11 files with different images share SOP Instance UIDs" in series.problems[0]
    np.testing.assert_array_equal(series.load().array, spec.values())


def test_phases_that_share_uids_are_all_kept(tmp_path: Path) -> None:
    uids = {k: {"SOPInstanceUID": generate_uid()} for k in range(11)}
    for n in range(2):
        spec = SeriesSpec(
            series_uid="1.2.3", study_uid="1.2", per_slice=uids, tags={"ContentTime": f"10{n}500"}
        )
        spec.array = (spec.values() + n).astype(np.int16)
        write_series(tmp_path / f"{n}", spec, seed=n)
    first, second = all_series(tmp_path)
    assert (second.load().array - first.load().array == 1).all()


def test_whole_copy_replaces_a_truncated_one(tmp_path: Path) -> None:
    spec = SeriesSpec()
    path = write_series(tmp_path / "z", spec)[5]
    copy_file(path, tmp_path / "a" / "whole")
    path.write_bytes(path.read_bytes()[:-50])
    np.testing.assert_array_equal(only_series(tmp_path).load().array, spec.values())


def test_names_of_patients_in_file_names_are_hidden(tmp_path: Path) -> None:
    family = NAME.split("^")[0]
    path = write_series(tmp_path / "a", SeriesSpec(slope=1.0))[4]
    copy_file(path, tmp_path / "b" / f"{family}_7.dcm", RescaleSlope="2")
    (text,) = only_series(tmp_path).problems
    assert family not in text
    assert "[hidden]_7.dcm" in text


def test_a_folder_given_twice_changes_nothing(tmp_path: Path) -> None:
    write_series(tmp_path, SeriesSpec("T1"))
    once, twice = scan(tmp_path), scan([tmp_path, tmp_path])
    (one,) = once.courses[0].timepoints[0].series.values()
    (two,) = twice.courses[0].timepoints[0].series.values()
    assert one.geometry == two.geometry
    assert one.problems == two.problems
