import datetime as dt

import pytest

from imgcompare.reporting.wording import (
    days_between,
    direction_letter,
    interval,
    joined,
    number,
    percent,
    position,
    significant,
    span,
)

NAN = float("nan")


@pytest.mark.parametrize(
    ("value", "text"),
    [(126.4, "126"), (14.63, "14.6"), (1.04, "1.0"), (0.834, "0.83"), (0.0421, "0.042"), (0, "0")],
)
def test_sizes_keep_the_decimals_a_reader_needs(value: float, text: str) -> None:
    assert significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (82.4, "+82 %"),
        (-26.3, "−26 %"),
        (4.24, "+4.2 %"),
        (9.97, "+10 %"),
        (-0.01, "0.0 %"),
        (0.0, "0.0 %"),
        (1342.0, "×14.4"),
        (NAN, "–"),
        (float("inf"), "–"),
    ],
)
def test_percent(value: float, text: str) -> None:
    assert percent(value) == text


def test_numbers_name_their_unit_and_dash_when_missing() -> None:
    assert number(860.4, "mm2") == "860 mm²"
    assert number(-12.3, "HU") == "−12.3 HU"
    assert number(1.5, "MR signal") == "1.5"
    assert number(None, "mL") == number(NAN, "mL") == "–"


def test_intervals() -> None:
    assert interval(13.9, 15.3) == "13.9–15.3"
    assert interval(NAN, 15.3) == ""


@pytest.mark.parametrize(
    ("days", "text"),
    [
        (None, "unknown interval"),
        (0, "same day"),
        (1, "1 day"),
        (13, "13 days"),
        (56, "56 days (8 weeks)"),
        (60, "60 days (8.6 weeks)"),
        (730, "730 days (2.0 years)"),
    ],
)
def test_span(days: int | None, text: str) -> None:
    assert span(days) == text


def test_positions_and_sides() -> None:
    assert position(34.21) == "S 34.2 mm"
    assert position(-12.0) == "I 12.0 mm"
    assert [direction_letter(v) for v in ((1, 0, 0), (0, 0.9, 0.1), (0, 0, -1))] == ["L", "P", "I"]


def test_joined_and_days() -> None:
    assert joined(["a", "b", "c"]) == "a, b and c"
    assert joined(["a"]) == "a"
    assert joined([]) == ""
    assert days_between(dt.date(1969, 12, 31), dt.date(1970, 1, 2)) == 2
    assert days_between(None, dt.date(2024, 1, 1)) is None
