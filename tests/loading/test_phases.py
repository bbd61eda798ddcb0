"""Repeated positions become phases by what tells them apart, never mixed, and the rule is said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.loading.phases import Phase, split_phases
from imgcompare.loading.stacking import stack_series
from imgcompare.model import Role
from tests.loading.instances import plane
from tests.loading.scanned import all_series, reasons, write_at

HEIGHTS = (0.0, 3.0, 6.0, 9.0, 12.0)


def heights_and_numbers(phase: Phase) -> list[tuple[float, int | None]]:
    return sorted((p.position[2], p.number) for p in phase.planes)


def write_phases(folder: Path, tags: list[dict[str, Any]], **spec: Any) -> None:
    """Write phases into one series; values tell height and phase."""
    for n, of_phase in enumerate(tags):
        values = np.empty((5, 4, 5), np.int16)
        values[:] = (np.array(HEIGHTS) * 10 + 1000 * n)[:, None, None]
        write_at(
            folder / f"{n}",
            HEIGHTS,
            series_uid="1.2.3",
            study_uid="1.2",
            tags={k: of_phase for k in range(5)},
            array=values,
            start_number=spec.get("start", 1 + 100 * n),
        )


@pytest.mark.parametrize(
    ("tags", "rule"),
    [
        ([{"TemporalPositionIdentifier": n} for n in (1, 2, 3)], "phase by temporal position"),
        ([{"TriggerTime": t} for t in (0, 300, 600)], "phase by trigger time"),
        ([{"InversionTime": t} for t in (50, 400, 2000)], "phase by inversion time"),
        ([{"FlipAngle": a} for a in (2, 5, 15)], "phase by flip angle"),
        ([{"AcquisitionNumber": n} for n in (1, 2, 3)], "phase by acquisition number"),
        ([{"AcquisitionTime": f"1015{n}0"} for n in (1, 2, 3)], "phase by acquisition time"),
        ([{"ContentTime": f"1015{n}0"} for n in (1, 2, 3)], "phase by content time"),
        ([{}, {}, {}], "phase by instance order"),
    ],
)
def test_three_phases_in_one_series(tmp_path: Path, tags: list[dict[str, Any]], rule: str) -> None:
    write_phases(tmp_path, tags)
    series = all_series(tmp_path)
    assert rule in reasons(tmp_path)
    assert len(series) == 3
    for n, one in enumerate(series):
        expected = np.array(HEIGHTS) * 10 + 1000 * n
        np.testing.assert_array_equal(one.load().array[:, 0, 0], expected)


def test_an_attribute_that_tells_some_phases_apart_is_refined_by_another(tmp_path: Path) -> None:
    # two stations of contrast under one acquisition number, as in ucsf_dce_06
    tags = [
        {"AcquisitionNumber": 1},
        {"AcquisitionNumber": 2, "TriggerTime": 100},
        {"AcquisitionNumber": 2, "TriggerTime": 200},
    ]
    write_phases(tmp_path, tags)
    assert "phase by acquisition number, then trigger time" in reasons(tmp_path)
    values = [s.load().array[0, 0, 0] for s in all_series(tmp_path)]
    assert values == [0, 1000, 2000]


def test_times_that_differ_from_slice_to_slice(tmp_path: Path) -> None:
    """Slices of a 2-D dynamic series each have their own time; phases follow each other."""
    for n in range(3):
        write_at(
            tmp_path / f"{n}",
            HEIGHTS,
            series_uid="1.2.3",
            study_uid="1.2",
            start_number=1,
            tags={k: {"AcquisitionTime": f"10{10 + n}{k:02d}"} for k in range(5)},
            array=np.full((5, 4, 5), n, np.int16),
        )
    assert "phase by acquisition time" in reasons(tmp_path)
    assert [np.unique(s.load().array).tolist() for s in all_series(tmp_path)] == [[0], [1], [2]]


def test_phases_go_on_over_midnight(tmp_path: Path) -> None:
    tags = [
        {"AcquisitionDate": "20240110", "AcquisitionTime": "235950"},
        {"AcquisitionDate": "20240111", "AcquisitionTime": "000110"},
    ]
    write_phases(tmp_path, tags, start=1)
    assert [s.load().array[0, 0, 0] for s in all_series(tmp_path)] == [0, 1000]


def test_phases_that_run_at_each_position_in_turn(tmp_path: Path) -> None:
    """A cine study: all trigger times of one slice, then of the next, each heart beat different."""
    for n in range(3):
        write_at(
            tmp_path / f"{n}",
            HEIGHTS,
            series_uid="1.2.3",
            study_uid="1.2",
            tags={
                k: {"TriggerTime": 100 * n + 7 * k, "InstanceNumber": 3 * k + n} for k in range(5)
            },
            array=np.full((5, 4, 5), n, np.int16),
        )
    (rule,) = {r for r in reasons(tmp_path) if r.startswith("phase")}
    assert rule.startswith("phase by trigger time")
    assert [np.unique(s.load().array).tolist() for s in all_series(tmp_path)] == [[0], [1], [2]]


def test_ambiguous_orders_are_refused(tmp_path: Path) -> None:
    """The first phase lacks its first slice, the second its last: nothing says where it ends."""
    for n, (heights, start) in enumerate((((0, 3, 6, 9), 1), ((3, 6, 9, 12), 5))):
        write_at(
            tmp_path / f"{n}", heights, series_uid="1.2.3", study_uid="1.2", start_number=start
        )
    (series,) = all_series(tmp_path)
    assert "nothing tells apart" in series.refusal


def test_temporal_positions_split_where_no_position_repeats(tmp_path: Path) -> None:
    """Halves of two phases fit into one even stack, which would mix before and after contrast."""
    tags = {k: {"TemporalPositionIdentifier": 1 + k % 2} for k in range(6)}
    write_at(tmp_path, np.arange(6) * 3.0, tags=tags)
    assert [s.geometry.slice_spacing_mm for s in all_series(tmp_path)] == pytest.approx([6, 6])


def test_a_number_for_each_slice_is_no_phase(tmp_path: Path) -> None:
    tags = {k: {"TemporalPositionIdentifier": k + 1, "AcquisitionNumber": k} for k in range(6)}
    write_at(tmp_path, np.arange(6) * 3.0, tags=tags)
    (series,) = all_series(tmp_path)
    assert series.geometry.shape[0] == 6


def test_more_than_eight_phases_are_a_dynamic_study(tmp_path: Path) -> None:
    write_phases(tmp_path, [{"TemporalPositionIdentifier": n} for n in range(9)])
    series = all_series(tmp_path)
    assert len(series) == 9
    assert {s.role for s in series} == {Role.OTHER}


@settings(deadline=None)  # the first example loads libraries
@given(
    phases=st.integers(1, 4),
    slices=st.integers(2, 6),
    by_phase=st.booleans(),
    seed=st.integers(0, 99),
)
def test_complete_phases_are_found_in_any_order_of_files(
    phases: int, slices: int, by_phase: bool, seed: int
) -> None:
    """Numbered phase after phase, or slice after slice."""
    planes = [
        plane(3.0 * k, number=1 + (n * slices + k if by_phase else k * phases + n))
        for n in range(phases)
        for k in range(slices)
    ]
    expected = [
        sorted((p.position[2], p.number) for p in planes[n * slices : (n + 1) * slices])
        for n in range(phases)
    ]
    np.random.default_rng(seed).shuffle(planes)  # type: ignore[arg-type]
    found = split_phases(planes)
    assert [heights_and_numbers(phase) for phase in found] == expected


NUMBERED: dict[str, Callable[[int, int, int, int], dict[str, Any]]] = {
    "phase after phase": lambda n, k, phases, slices: {"number": 1 + n * slices + k},
    "slice after slice": lambda n, k, phases, slices: {"number": 1 + k * phases + n},
    "a time for each phase": lambda n, k, phases, slices: {"acquired_s": 100.0 * n},
    "a time for each plane": lambda n, k, phases, slices: {
        "acquired_s": 100.0 * n + (5 * k) % slices
    },
    "heart beats": lambda n, k, phases, slices: {"trigger_ms": 50.0 * n + (7 * k) % 20},
    "nothing": lambda n, k, phases, slices: {},
}


@settings(deadline=None)  # the first example loads libraries
@given(
    phases=st.integers(1, 4),
    slices=st.integers(6, 9),
    how=st.sampled_from(sorted(NUMBERED)),
    lost=st.integers(0, 3),
    seed=st.integers(0, 9999),
)
def test_lost_planes_never_mix_phases(
    phases: int, slices: int, how: str, lost: int, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    planes = []
    for n in range(phases):
        for k in range(slices):
            told = NUMBERED[how](n, k, phases, slices)
            told.setdefault("number", int(chance.integers(10**6)) if how != "nothing" else None)
            planes.append(plane(3.0 * k, **told, path=f"{n}", sop_uid=f"{n}.{k}"))
    chance.shuffle(planes)  # type: ignore[arg-type]
    for stack in stack_series(planes[lost:]):
        assert stack.refusal or len({p.path for p in stack.instances}) == 1


def test_a_plane_put_into_the_other_phase_would_be_seen() -> None:
    one = [plane(3.0 * k, number=1 + k) for k in range(3)]
    other = [plane(3.0 * k, number=11 + k) for k in range(3)]
    found = split_phases([*one, *other])
    assert heights_and_numbers(found[0]) != heights_and_numbers(found[1])


@pytest.mark.parametrize("start_mm", [24.0, 25.5, 27.0])
@pytest.mark.parametrize("by", ["acquisition_number", "acquired_s"])
def test_stations_that_overlap_are_blocks_of_their_own(start_mm: float, by: str) -> None:
    """As a table moves on; the blocks share a position, lie between each other's, or just meet."""
    planes = [
        plane(3.0 * n + k * start_mm, number=1 + n + 10 * k, **{by: float(k + 1)})
        for k in range(3)
        for n in range(10)
    ]
    stacks = stack_series(planes)
    assert [len(s.instances) for s in stacks] == [10, 10, 10]
    assert {s.phases for s in stacks} == {1}
    assert all(not s.refusal and s.split_rule.startswith("station (") for s in stacks)
    assert [s.geometry.origin_mm[2] for s in stacks] == [0.0, start_mm, 2 * start_mm]


def test_blocks_that_do_not_overlap_or_lack_a_slice_are_no_stations() -> None:
    whole = [plane(3.0 * n, number=n, acquisition_number=n // 10) for n in range(30)]
    (stack,) = stack_series(whole)
    assert not stack.split_rule
    (stack,) = stack_series([p for p in whole if p.number != 10])
    assert "missing at 30.00" in stack.refusal
    over = [plane(24.0 * (n // 10) + 3.0 * (n % 10), acquisition_number=n // 10) for n in range(30)]
    assert all(s.refusal for s in stack_series(over[:4] + over[5:]))
