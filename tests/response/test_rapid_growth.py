import math

import pytest

from imgcompare.response.rapid_growth import DAYS_PER_MONTH, Growth, definitions_met, growth_rate

TWO_MONTHS = 2 * DAYS_PER_MONTH


def growth(before, base, after, *, progression=True, **more):
    return Growth(before, base, after, TWO_MONTHS, TWO_MONTHS, progression, **more)


def test_the_vectors_of_criteria_section_7():
    # pre 48→50 in 2 months (TGR 6.31), post 50→65 in 2 months (48.22): Champiat yes, Ferrara no
    first = growth(48, 50, 65)
    assert first.rate_before == pytest.approx(6.31, abs=0.005)
    assert first.rate_after == pytest.approx(48.22, abs=0.005)
    assert first.rate_after / first.rate_before == pytest.approx(7.6, abs=0.05)
    assert "Champiat 2017" in definitions_met(first)
    assert "Ferrara 2018" not in definitions_met(first)
    second = growth(48, 50, 70)
    assert second.rate_after == pytest.approx(65.65, abs=0.005)
    assert second.rate_after - second.rate_before == pytest.approx(59.3, abs=0.05)
    assert "Ferrara 2018" in definitions_met(second)
    assert "Kas 2020" not in definitions_met(second)


def test_the_vector_of_criteria_section_5():
    assert growth_rate(50, 60, TWO_MONTHS) == pytest.approx(31.45, abs=0.005)


def test_without_growth_before_there_is_no_ratio():
    flat = definitions_met(growth(50, 50, 70))
    assert "Champiat 2017" not in flat
    assert "Saâda-Bouzid 2017" not in flat
    assert "Ferrara 2018" in flat


def test_definitions_that_need_progression_need_it():
    met = definitions_met(growth(48, 50, 70, progression=False))
    assert not {"Champiat 2017", "Ferrara 2018", "Kato 2017"} & set(met)
    assert "Saâda-Bouzid 2017" in met


def test_definitions_that_count_new_organs_and_worsening():
    assert "Matos 2020" in definitions_met(growth(50, 50, 71))
    assert "Matos 2020" not in definitions_met(growth(50, 50, 65, new_organs=1))
    assert "Matos 2020" in definitions_met(growth(50, 50, 65, new_organs=2))
    three = Growth(50, 50, 80, 60, 60, True, new_organs=1)
    assert "Lo Russo 2019" in definitions_met(three)  # soon, +50 %, another organ
    assert "Lo Russo 2019" not in definitions_met(Growth(50, 50, 80, 60, 60, True))
    assert "Kato 2017" in definitions_met(Growth(48, 50, 80, 60, 60, True))


def test_stable_disease_meets_none():
    assert definitions_met(growth(49, 50, 51, progression=False)) == ()


def test_a_rate_needs_an_interval():
    assert math.isnan(growth_rate(50, 60, 13))
    assert math.isnan(growth_rate(0, 60, 60))
