"""The publisher's maps of a breast scan are reproduced from its three packed phases.

PE1 is the percent enhancement of the first phase after contrast, cut to whole percent, where the
signal before contrast is at least 35 (background is masked). SER is the ratio of the first to the
second enhancement in thousandths, at most 3, where PE1 is at least 70 % in the voxel and in four of
its 26 neighbours (the files' private attributes name both limits).
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy import ndimage

from imgcompare.loading import load_course
from imgcompare.model import Series

BACKGROUND = 35
LEAST_PERCENT = 70
LEAST_CONNECTED = 5  # the voxel and four neighbours
MOST_RATIO = 3000


@pytest.fixture(scope="module")
def series(shared_data: Path) -> list[Series]:
    course = load_course(shared_data / "ucsf_dce_06")
    assert any(d.reason == "phase by content time" for d in course.decisions)
    (visit,) = course.timepoints
    return sorted((*visit.series.values(), *visit.others), key=lambda s: s.description)


@pytest.fixture(scope="module")
def phases(series: list[Series]) -> list[npt.NDArray[np.float64]]:
    found = [s.load() for s in series if s.number == 2]
    assert [v.array.shape for v in found] == [(60, 256, 256)] * 3
    return [v.array.astype(np.float64) for v in found]


def published(series: list[Series], name: str) -> npt.NDArray[np.float64]:
    (found,) = [s.load().array for s in series if s.description.endswith(name)]
    return found.astype(np.float64)


def percent(
    before: npt.NDArray[np.float64], after: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    inside = before >= BACKGROUND
    rise = np.zeros_like(before)
    rise[inside] = np.floor(np.maximum(0.0, 100.0 * (after - before)[inside] / before[inside]))
    return rise


def test_percent_enhancement_is_equal_in_every_voxel(
    series: list[Series], phases: list[npt.NDArray[np.float64]]
) -> None:
    np.testing.assert_array_equal(percent(phases[0], phases[1]), published(series, "PE1"))


def test_phases_in_another_order_are_not_equal(
    series: list[Series], phases: list[npt.NDArray[np.float64]]
) -> None:
    assert (percent(phases[0], phases[2]) != published(series, "PE1")).sum() > 10_000


def test_enhancement_ratio_is_equal_to_a_thousandth(
    series: list[Series], phases: list[npt.NDArray[np.float64]]
) -> None:
    before, early, late = phases
    enhancing = percent(before, early) >= LEAST_PERCENT
    around = ndimage.convolve(enhancing.astype(int), np.ones((3, 3, 3), int), mode="constant")
    expected_mask = enhancing & (around >= LEAST_CONNECTED)
    ratio = np.rint(1000.0 * published(series, "SER"))
    shown = ratio > 0
    # of 41,596 voxels four lie otherwise: at the edge of the volume, and where late < before
    assert (expected_mask != shown).sum() <= 4
    expected = 1000.0 * (early - before)[shown] / (late - before)[shown]
    assert np.abs(np.minimum(expected, MOST_RATIO) - ratio[shown]).max() <= 0.51
