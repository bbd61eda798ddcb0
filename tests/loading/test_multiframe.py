"""Enhanced multi-frame files are taken apart into planes like classic ones."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from imgcompare.errors import NothingFoundError
from imgcompare.loading import functional, load_course, scan
from imgcompare.model import Role
from tests.loading.enhanced_builder import GRID, item, write_enhanced


def test_frames_in_any_order_make_the_volume(tmp_path: Path) -> None:
    expected = write_enhanced(tmp_path / "file", order=[2, 0, 3, 1])
    series = load_course(tmp_path).timepoints[0].series[Role.T1]
    assert series.geometry == GRID
    np.testing.assert_array_equal(series.load().array, expected)
    assert series.acquisition.echo_time_ms == 3.0


def test_each_frame_has_its_own_rescale(tmp_path: Path) -> None:
    expected = write_enhanced(tmp_path / "file", order=[3, 1, 0, 2], slopes=[0.5, 2.0, 1.0, 0.1])
    volume = load_course(tmp_path).timepoints[0].series[Role.T1].load()
    np.testing.assert_allclose(volume.array, expected, rtol=1e-6)


def test_phases_in_one_file(tmp_path: Path) -> None:
    expected = write_enhanced(tmp_path / "file", order=[0, 1, 2, 3], phases=2)
    (timepoint,) = load_course(tmp_path).timepoints
    np.testing.assert_array_equal(timepoint.series[Role.T1].load().array, expected)
    np.testing.assert_array_equal(timepoint.series[Role.T1C].load().array, expected + 1000)


def test_compressed_frames(tmp_path: Path) -> None:
    expected = write_enhanced(tmp_path / "file", order=[3, 2, 1, 0])
    dataset = pydicom.dcmread(tmp_path / "file")
    dataset.compress(RLELossless)
    dataset.save_as(tmp_path / "file")
    series = load_course(tmp_path).timepoints[0].series[Role.T1]
    np.testing.assert_array_equal(series.load().array, expected)


def test_missing_frame_is_refused(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "file", order=[0, 1, 3])
    (timepoint,) = load_course(tmp_path).timepoints
    assert "4 slices expected" in timepoint.others[0].refusal


def test_wrong_number_of_frames_is_named(tmp_path: Path) -> None:
    write_enhanced(tmp_path / "file", order=[0, 1, 2, 3], frames=9)
    with pytest.raises(NothingFoundError, match="describes 4 frames but claims 9"):
        scan(tmp_path)


def test_groups_that_only_pydicom_can_take_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A private sequence written as UN of undefined length (PS3.5 6.2.2) among the groups."""
    asked = []
    ask = functional._with_pydicom
    monkeypatch.setattr(functional, "_with_pydicom", lambda path: asked.append(path) or ask(path))
    expected = write_enhanced(tmp_path / "file", order=[2, 0, 3, 1])
    dataset = pydicom.dcmread(tmp_path / "file")
    block = dataset.PerFrameFunctionalGroupsSequence[1].private_block(0x2005, "X", create=True)
    inner = item(ProtocolName="inside")
    inner.is_undefined_length_sequence_item = True
    block.add_new(0x0F, "SQ", [inner])
    dataset.PerFrameFunctionalGroupsSequence[1][0x2005100F].is_undefined_length = True
    dataset["PerFrameFunctionalGroupsSequence"].is_undefined_length = True
    dataset.save_as(tmp_path / "file")
    data = (tmp_path / "file").read_bytes()
    at = data.index(b"\x05\x20\x0f\x10SQ")
    inside = data.index(b"\x18\x00\x30\x10LO", at)
    implicit = data[inside : inside + 4] + (6).to_bytes(4, "little")  # CP-246: implicit within UN
    data = data[:at] + data[at : at + 12].replace(b"SQ", b"UN") + data[at + 12 : inside] + implicit
    rest = (tmp_path / "file").read_bytes()[inside + 8 :]
    (tmp_path / "file").write_bytes(data + rest)
    series = load_course(tmp_path).timepoints[0].series[Role.T1]
    np.testing.assert_array_equal(series.load().array, expected)
    assert asked


@pytest.mark.parametrize("undefined", [False, True])
def test_groups_of_undefined_length(tmp_path: Path, undefined: bool) -> None:
    expected = write_enhanced(tmp_path / "file", order=[2, 0, 3, 1])
    dataset = pydicom.dcmread(tmp_path / "file")
    for name in ("Shared", "PerFrame"):
        groups = dataset[f"{name}FunctionalGroupsSequence"]
        groups.is_undefined_length = undefined
        for group in groups.value:
            group.is_undefined_length_sequence_item = undefined
    dataset.save_as(tmp_path / "file")
    series = load_course(tmp_path).timepoints[0].series[Role.T1]
    np.testing.assert_array_equal(series.load().array, expected)
