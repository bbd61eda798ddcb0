"""Numbers are written as decimal strings that the standard allows."""

from hypothesis import example, given
from hypothesis import strategies as st

from imgcompare.reporting.dicom_source import decimals

LONGEST = 16  # PS3.5 6.2, value representation DS


@given(value=st.floats(-1e6, 1e6))
@example(value=9.999999999999998)
@example(value=-99.99999999999999)
@example(value=-9.999999999999999e-5)
def test_any_number_fits_a_decimal_string_and_keeps_its_value(value: float) -> None:
    (written,) = decimals([value])
    assert len(str(written)) <= LONGEST
    assert abs(float(str(written)) - value) <= 1e-9 * max(1.0, abs(value))
