"""Timepoints are found by date, name or position."""

import datetime as dt
from pathlib import Path

import pytest

from imgcompare.errors import ConfigurationError
from imgcompare.model import Course, Timepoint
from imgcompare.options import CompareOptions, Seed, position_of, resolve

COURSE = Course(
    "subject-01",
    (
        Timepoint(0, dt.date(1959, 12, 9), ("1.2",), {}),
        Timepoint(1, dt.date(1960, 4, 13), ("1.3",), {}),
        Timepoint(2, None, ("1.4",), {}, label="visit3"),
    ),
)


@pytest.mark.parametrize(("key", "index"), [("1959-12-09", 0), ("1", 1), ("visit3", 2), (" 2 ", 2)])
def test_a_timepoint_by_date_position_or_name(key: str, index: int) -> None:
    assert position_of(key, COURSE) == index


@pytest.mark.parametrize("key", ["3", "-1", "1959-12-10", "baseline", ""])
def test_an_unknown_timepoint_names_the_known_ones(key: str) -> None:
    with pytest.raises(
        ConfigurationError, match=r"0 \(1959-12-09\), 1 \(1960-04-13\), 2 \(visit3\)"
    ):
        position_of(key, COURSE)


def test_a_number_that_names_another_visit_is_a_position_in_sessions_and_refused_from_a_person():
    visits = (
        Timepoint(0, None, (), {}, label="1"),
        Timepoint(1, None, (), {}, label="2"),
    )
    course = Course("subject-01", visits)
    assert [position_of(key, course) for key in ("0", "1", "2")] == [0, 1, 1]
    for key, index in (("0", 0), ("2", 1)):
        assert resolve(course, CompareOptions(masks=((key, Path("a")),))).masks.keys() == {index}
    for options in (
        CompareOptions(masks=(("1", Path("a")),)),
        CompareOptions(seeds=(Seed("1", (1, 2, 3)),)),
    ):
        with pytest.raises(ConfigurationError, match=r"position and another by its name: 0 \(1\)"):
            resolve(course, options)


def test_masks_and_seeds_find_their_timepoints() -> None:
    options = CompareOptions(
        masks=(("0", Path("a.nii")), ("1959-12-09", Path("b.nii"))), seeds=(Seed("1", (1, 2, 3)),)
    )
    given = resolve(COURSE, options)
    assert given.masks == {0: (Path("a.nii"), Path("b.nii"))}
    assert [s.point_mm for s in given.seeds[1]] == [(1, 2, 3)]
    assert given
    assert not resolve(COURSE, CompareOptions())


def test_a_mask_and_a_seed_at_one_timepoint_contradict_each_other() -> None:
    options = CompareOptions(masks=(("1", Path("a.nii")),), seeds=(Seed("1", (1, 2, 3)),))
    with pytest.raises(ConfigurationError, match="1960-04-13 has both"):
        resolve(COURSE, options)
