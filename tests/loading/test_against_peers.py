"""Every real series and every hard case is read right, by those who know; the rest says why not.

The whole table, each case with each peer, is made by ``benchmarks/loading_table.py``.
"""

from pathlib import Path

import numpy as np
import pytest

from imgcompare.geometry import Geometry
from imgcompare.model import Volume
from tests.builders import make_geometry
from tests.loading.hard_cases import HARD_CASES, HardCase
from tests.loading.judging import judge_hard, judge_real, outcome_of
from tests.loading.odd_files import ODD_FILES
from tests.loading.odd_frames import ODD_FRAMES
from tests.loading.peers import PEERS, SAME, PeerError, absence, in_place, verdict
from tests.loading.real_cases import ALL, REAL_CASES, RealCase


@pytest.mark.parametrize("case", REAL_CASES, ids=lambda c: c.folder)
def test_real_series_are_read_right(shared_data: Path, case: RealCase) -> None:
    if case.right and all(map(absence, case.right)):
        pytest.skip("; ".join(map(absence, case.right)))
    outcome = outcome_of(case.path(shared_data))
    assert judge_real(case, outcome, shared_data, peers=1) == SAME


@pytest.mark.parametrize("case", [*HARD_CASES, *ODD_FILES, *ODD_FRAMES], ids=lambda c: c.name)
def test_hard_cases_are_read_right(tmp_path: Path, case: HardCase) -> None:
    if case.judge and absence(case.judge):
        pytest.skip(absence(case.judge))
    truth = case.build(tmp_path)
    assert judge_hard(case, truth, outcome_of(tmp_path), tmp_path) == SAME


CODED = [c for c in HARD_CASES if "bit for bit" in c.expected]


@pytest.mark.parametrize("case", CODED, ids=lambda c: c.name)
def test_each_decoder_agrees_with_that_of_gdcm(tmp_path: Path, case: HardCase) -> None:
    if absence("SimpleITK"):
        pytest.skip(absence("SimpleITK"))
    case.build(tmp_path)
    assert verdict(outcome_of(tmp_path).series, PEERS["SimpleITK"](tmp_path)) == SAME


def test_every_peer_that_is_not_right_has_its_reason() -> None:
    for case in REAL_CASES:
        assert set(case.right) | set(case.why) == set(ALL), case.folder


@pytest.mark.parametrize(
    "wrong", ["flipped", "swapped", "moved", "other values", "one more", "another shape"]
)
def test_a_wrong_volume_is_noticed(tmp_path: Path, wrong: str) -> None:
    (truth,) = HARD_CASES[1].build(tmp_path)
    assert isinstance(truth, Volume)
    array, grid = truth.array, truth.geometry
    fake = {
        "flipped": [Volume(array[:, ::-1], grid)],
        "swapped": [Volume(array.reshape(array.shape[0], array.shape[2], -1), _swapped(truth))],
        "moved": [Volume(array, grid.crop((0, 0, 1), tuple(np.add(grid.shape, (0, 0, 1)))))],
        "other values": [Volume(array + 1, grid)],
        "one more": [truth, Volume(array, grid)],
        "another shape": [Volume(array[:-1], grid.crop((0, 0, 0), (5, 12, 9)))],
    }[wrong]
    series = outcome_of(tmp_path).series
    assert verdict(series, [truth]) == SAME
    assert not verdict(series, fake).startswith(SAME)


def _swapped(volume: Volume) -> Geometry:
    return make_geometry((volume.array.shape[0], volume.array.shape[2], volume.array.shape[1]))


def test_a_plane_out_of_place_is_noticed(tmp_path: Path) -> None:
    HARD_CASES[0].build(tmp_path / "one")
    HARD_CASES[2].build(tmp_path / "other")
    series = outcome_of(tmp_path / "one").series
    assert in_place(series, tmp_path / "one") == SAME
    assert in_place(series, tmp_path / "other") != SAME


def test_a_peer_that_fails_says_how(tmp_path: Path) -> None:
    if absence("highdicom"):
        pytest.skip(absence("highdicom"))
    HARD_CASES[9].build(tmp_path)
    with pytest.raises(PeerError, match="not a regularly-spaced volume"):
        PEERS["highdicom"](tmp_path)
