from decimal import Decimal

import pytest

from imgcompare.errors import InputError
from imgcompare.response.exact import (
    exact_value,
    has_grown,
    has_shrunk,
    number_text,
    percent_text,
    too_small_value,
)

D = Decimal


@pytest.mark.parametrize(
    ("value", "unit", "quantity", "expected"),
    [
        (2.4, "cm", "longest_diameter", "24"),
        (24.0, "mm", "longest_diameter", "24"),
        (4.95, "mm", "longest_diameter", "4.95"),
        (0.1 + 0.2, "mm", "longest_diameter", "0.3"),
        (1.5, "cm2", "bidimensional_product", "150"),
        (1500.0, "mm3", "volume", "1.5"),
        (1.5, "cm3", "volume", "1.5"),
        (-30.0, "HU", "mean_intensity", "-30"),
    ],
)
def test_figures_are_read_exactly(value, unit, quantity, expected):
    assert exact_value(value, unit, what="figure", quantity=quantity) == D(expected)


@pytest.mark.parametrize(
    ("value", "unit", "message"),
    [(-1.0, "mm", "from 0 up"), (float("inf"), "mm", "number"), (1.0, "mL", "in 'mL'")],
)
def test_what_cannot_be_is_refused(value, unit, message):
    with pytest.raises(InputError, match=message):
        exact_value(value, unit, what="figure")


def test_limits_are_inclusive_and_exact():
    assert has_grown(D("25.5"), D("30.6"), D(20))
    assert not has_grown(D("25.5"), D("30.599999"), D(20))
    assert has_shrunk(D(100), D(70), D(30))
    assert not has_shrunk(D(100), D("70.000001"), D(30))
    assert has_grown(D(0), D("0.1"), D(20))
    assert not has_grown(D(0), D(0), D(20))
    assert not has_shrunk(D(0), D(0), D(30))


def test_too_small_counts_five_millimetres_its_square_and_its_ball():
    assert too_small_value("longest_diameter") == 5
    assert too_small_value("bidimensional_product") == 25
    assert too_small_value("volume") == D("0.065450")  # π/6 · 125 mm3


@pytest.mark.parametrize(
    ("value", "text"),
    [("24", "24.0"), ("4.95", "4.95"), ("18.7168", "18.72"), ("0.0655", "0.0655"), ("0.1", "0.1")],
)
def test_figures_in_words(value, text):
    assert number_text(D(value)) == text


def test_changes_in_words():
    assert percent_text(D(40), D(50)) == "+25.0 %"
    assert percent_text(D(0), D(5)) == "not a percentage"
    assert percent_text(D(0), D(0)) == "unchanged"
