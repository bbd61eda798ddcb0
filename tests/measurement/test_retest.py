import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.errors import InputError
from imgcompare.measurement import summarise_retest

VECTORS = ((10.0, 11.0), (20.0, 19.0), (30.0, 33.0), (40.0, 38.0))


def test_the_vectors_of_criteria_section_6():
    found = summarise_retest(VECTORS)
    assert found.wsd == pytest.approx(1.369, abs=5e-4)
    assert found.rc == pytest.approx(3.80, abs=5e-3)
    assert 100 * found.wcv == pytest.approx(5.41, abs=5e-3)
    assert found.rc_percent == pytest.approx(15.0, abs=0.05)
    assert found.log_high_percent == pytest.approx(16.2, abs=0.05)
    assert found.log_low_percent == pytest.approx(-13.9, abs=0.05)
    assert found.bias == pytest.approx(0.25)


@pytest.mark.parametrize(("count", "factor"), [(32, 1.26), (10, 1.59)])
def test_the_upper_bound_of_the_coefficient(count, factor):
    # criteria.md §6: ×√(n/χ²₀.₀₅,n)
    found = summarise_retest([(10.0, 11.0)] * count)
    assert found.rc_upper / found.rc == pytest.approx(factor, abs=5e-3)


@settings(deadline=None)
@given(st.floats(0.001, 1000.0))
def test_relative_coefficients_do_not_depend_on_the_unit(factor):
    plain = summarise_retest(VECTORS)
    scaled = summarise_retest([(a * factor, b * factor) for a, b in VECTORS])
    assert scaled.wcv == pytest.approx(plain.wcv)
    assert scaled.rc == pytest.approx(plain.rc * factor)


@pytest.mark.parametrize(
    ("pairs", "problem"),
    [
        ([(1.0, 2.0)], "two or more"),
        ([(1.0, 2.0), (0.0, 1.0)], "above 0"),
        ([(1.0, 1.0), (2.0, 2.0)], "All test-retest pairs are equal"),
    ],
)
def test_pairs_that_say_nothing_are_refused(pairs, problem):
    with pytest.raises(InputError, match=problem):
        summarise_retest(pairs)
