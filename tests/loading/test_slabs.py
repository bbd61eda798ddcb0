"""Where thickness or spacing changes for good the series is split; missing slices stay missing."""

from pathlib import Path

import numpy as np
import pytest

from tests.loading.scanned import all_series, only_series, reasons, write_at


def thick(*counts: tuple[int, str]) -> dict[int, dict[str, str]]:
    values = [t for count, t in counts for _ in range(count)]
    return {k: {"SliceThickness": t} for k, t in enumerate(values)}


def test_thin_base_and_thick_vertex_are_two_slabs(tmp_path: Path) -> None:
    base, vertex = np.arange(6) * 4.0, 21.1 + np.arange(5) * 7.0
    write_at(tmp_path, [*base, *vertex], tags=thick((6, "4"), (5, "7")), modality="CT")
    first, second = all_series(tmp_path)
    assert first.geometry.slice_spacing_mm == pytest.approx(4.0)
    assert second.geometry.slice_spacing_mm == pytest.approx(7.0)
    assert "by slice thickness" in reasons(tmp_path)
    np.testing.assert_array_equal(second.load().array[:, 0, 0], np.rint(10 * vertex))


def test_even_slices_of_two_thicknesses_stay_together(tmp_path: Path) -> None:
    write_at(tmp_path, np.arange(8) * 4.0, tags=thick((4, "4"), (4, "3")))
    assert only_series(tmp_path).geometry.shape[0] == 8


def test_thin_and_thick_slices_of_one_scan_are_two_volumes(tmp_path: Path) -> None:
    """Two reconstructions packed into one series; every fifth thin slice lies at a thick one."""
    thin, slabs = np.arange(21) * 1.0, np.arange(5) * 5.0
    write_at(tmp_path, [*thin, *slabs], tags=thick((21, "1"), (5, "5")), modality="CT")
    found = sorted(s.geometry.slice_spacing_mm for s in all_series(tmp_path))
    assert found == pytest.approx([1.0, 5.0])
    assert "by slice thickness" in reasons(tmp_path)


def test_spacing_that_changes_for_good_splits(tmp_path: Path) -> None:
    write_at(tmp_path, [0, 4, 8, 12, 16, 23, 30, 37, 44], tags=thick((9, "4")))
    spacings = [s.geometry.slice_spacing_mm for s in all_series(tmp_path)]
    assert spacings == pytest.approx([4.0, 7.0])
    assert "by slice spacing" in reasons(tmp_path)


def test_three_and_six_millimetres_are_two_slabs_not_missing_slices(tmp_path: Path) -> None:
    heights = [*np.arange(6) * 3.0, *(15.0 + np.arange(1, 7) * 6.0)]
    write_at(tmp_path, heights)
    spacings = [s.geometry.slice_spacing_mm for s in all_series(tmp_path)]
    assert spacings == pytest.approx([3.0, 6.0])


@pytest.mark.parametrize("gone", [(6,), (5, 6), (3, 9), (1, 3, 5), (2, 4, 6, 8)])
def test_missing_slices_are_not_taken_for_slabs(tmp_path: Path, gone: tuple[int, ...]) -> None:
    write_at(tmp_path, [3.0 * k for k in range(14) if k not in gone])
    refusal = only_series(tmp_path).refusal
    assert f"missing at {', '.join(f'{3 * k:.2f}' for k in gone)} mm" in refusal
    assert "14 slices expected every 3 mm from 0.00 to 39.00 mm" in refusal
    assert f"{14 - len(gone)} found" in refusal


def test_an_odd_gap_between_two_slabs_splits_them(tmp_path: Path) -> None:
    write_at(tmp_path, [0, 3, 6, 9, 14, 17, 20, 23])
    first, second = all_series(tmp_path)
    assert first.geometry.shape[0] == second.geometry.shape[0] == 4
    assert "by gap" in reasons(tmp_path)


def test_irregular_slices_are_refused_with_their_gaps(tmp_path: Path) -> None:
    write_at(tmp_path, [0, 3, 7, 9, 15, 16, 22, 27], tags=thick((8, "3")))
    refusal = only_series(tmp_path).refusal
    assert "unevenly spaced" in refusal
    assert "6 mm (2×)" in refusal
