import math

import pytest

from imgcompare.measurement.growth import (
    DAYS_PER_MONTH,
    doubling_time,
    log_change,
    specific_growth_rate,
    tumour_growth_rate,
)

TWO_MONTHS = 2 * DAYS_PER_MONTH


# criteria.md §5, "Vectors", and the rates used in §7
@pytest.mark.parametrize(
    ("earlier", "later", "expected"),
    [(50, 60, 31.45), (48, 50, 6.31), (50, 65, 48.22), (50, 70, 65.65)],
)
def test_tumour_growth_rate(earlier, later, expected):
    assert tumour_growth_rate(earlier, later, TWO_MONTHS) == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(
    ("earlier", "later", "days", "doubling", "rate"),
    [(1.0, 1.25, 90, 279.6, 0.248), (1.0, 2.0, 100, 100.0, 0.693), (2.0, 1.0, 100, -100.0, -0.693)],
)
def test_doubling_time_and_specific_growth_rate(earlier, later, days, doubling, rate):
    assert doubling_time(earlier, later, days) == pytest.approx(doubling, abs=0.05)
    assert specific_growth_rate(earlier, later, days) == pytest.approx(rate, abs=0.0005)


@pytest.mark.parametrize("rate", [doubling_time, specific_growth_rate, tumour_growth_rate])
@pytest.mark.parametrize(
    ("earlier", "later", "days"),
    [(0.0, 1.0, 90), (1.0, 0.0, 90), (1.0, 2.0, 13), (1.0, 2.0, None), (1.0, 2.0, -90)],
)
def test_no_rate_from_zero_or_over_too_short_a_time(rate, earlier, later, days):
    assert math.isnan(rate(earlier, later, days))


def test_no_change_never_doubles():
    assert math.isnan(doubling_time(3.0, 3.0, 90))
    assert specific_growth_rate(3.0, 3.0, 90) == 0.0
    assert log_change(1.0, math.e) == pytest.approx(1.0)
