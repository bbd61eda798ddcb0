import datetime as dt
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.errors import InputError
from imgcompare.measurement import absent_lesion, measure_changes
from imgcompare.measurement.change import ARBITRARY_UNITS
from imgcompare.measurement.growth import MIN_DAYS
from imgcompare.model import (
    ComparabilityFinding,
    Concern,
    Exceeds,
    Lesion,
    Measurement,
    Repeatability,
    Severity,
)

DATES = [dt.date(2024, 1, 10), dt.date(2024, 4, 9), dt.date(2024, 7, 8), dt.date(2024, 10, 6)]


def rows(values, *, quantity="volume", unit="mL", compartment="whole", spread=0.02, lesion=1):
    return [
        Measurement(lesion, t, compartment, quantity, v, unit, v * (1 - spread), v * (1 + spread))
        for t, v in enumerate(values)
        if v is not None
    ]


def mr_rows(count):
    return rows([500.0] * count, quantity="mean_intensity", unit="MR signal")


def pick(changes, reference, to, quantity="volume"):
    found = [
        c for c in changes if (c.reference, c.to_index, c.quantity) == (reference, to, quantity)
    ]
    assert len(found) == 1
    return found[0]


def test_baseline_nadir_and_previous_are_three_different_things():
    changes = measure_changes([*rows([20.0, 8.0, 10.0, 16.0]), *mr_rows(4)], DATES)
    assert (pick(changes, "baseline", 3).from_index, pick(changes, "baseline", 3).percent) == (
        0,
        -20,
    )
    assert (pick(changes, "nadir", 3).from_index, pick(changes, "nadir", 3).percent) == (1, 100)
    assert (pick(changes, "previous", 3).from_index, pick(changes, "previous", 3).percent) == (
        2,
        60,
    )
    assert pick(changes, "nadir", 1).from_index == 0  # never itself


def test_rates_of_criteria_section_5():
    change = pick(measure_changes(rows([1.00, 1.25]), DATES), "baseline", 1)
    assert change.days == 90
    assert change.doubling_time_days == pytest.approx(279.6, abs=0.05)
    assert change.growth_rate_percent_per_day == pytest.approx(0.248, abs=0.0005)
    assert change.log_change == pytest.approx(math.log(1.25))


@pytest.mark.parametrize("days", [MIN_DAYS - 1, None])
def test_no_rates_for_a_short_or_unknown_interval(days):
    later = DATES[0] + dt.timedelta(days=days) if days else None
    change = pick(measure_changes(rows([1.0, 2.0]), [DATES[0], later]), "baseline", 1)
    assert math.isnan(change.growth_rate_percent_per_day)
    assert math.isnan(change.doubling_time_days)
    assert change.percent == 100.0
    assert change.days == days


def test_diameters_have_no_doubling_time():
    changes = measure_changes(rows([20.0, 30.0], quantity="longest_diameter", unit="mm"), DATES)
    change = pick(changes, "baseline", 1, "longest_diameter")
    assert math.isnan(change.doubling_time_days)
    assert change.exceeds_error is Exceeds.YES


@pytest.mark.parametrize(
    ("values", "expected"),
    [((10.0, 10.5), Exceeds.NO), ((10.0, 12.35), Exceeds.BORDERLINE), ((10.0, 14.0), Exceeds.YES)],
)
def test_brain_volumes_against_their_repeatability(values, expected):
    changes = measure_changes([*rows(values, compartment="enhancing"), *mr_rows(2)], DATES)
    change = pick(changes, "baseline", 1)
    assert change.exceeds_error is expected
    assert "wCV 8 %" in change.reason
    assert change.ci_low < change.absolute < change.ci_high


def calibrated(values, **options):
    return [replace(m, calibrated=True) for m in rows(values, compartment="enhancing", **options)]


@pytest.mark.parametrize(
    ("values", "expected", "place"),
    [
        ((10.0, 11.0), Exceeds.NO, "within which it lies"),
        ((10.0, 11.45), Exceeds.BORDERLINE, "within which it lies"),
        ((10.0, 12.0), Exceeds.YES, "within which it lies"),
        ((10.0, 8.0), Exceeds.YES, "at whose limit it lies"),
        ((10.0, 12.35), Exceeds.YES, "at whose limit it lies"),
        ((10.0, 14.0), Exceeds.YES, "which it exceeds too"),
    ],
)
def test_calibrated_volumes_are_judged_by_the_image_and_set_against_the_published(
    values, expected, place
):
    change = pick(measure_changes([*calibrated(values), *mr_rows(2)], DATES), "baseline", 1)
    assert change.exceeds_error is expected
    assert "wCV 5 %" in change.reason
    assert change.error_limit_percent == pytest.approx(13.9, abs=0.1)
    assert change.published_limit_percent == pytest.approx(22.2, abs=0.1)
    assert change.published == (
        f"published repeatability of semi-automatic tools is ±22 %, {place}"
    )


def test_published_repeatability_decides_unless_both_volumes_are_calibrated():
    mixed = [*calibrated([10.0]), *rows([None, 12.0], compartment="enhancing"), *mr_rows(2)]
    change = pick(measure_changes(mixed, DATES), "baseline", 1)
    assert change.exceeds_error is Exceeds.NO
    assert change.error_limit_percent == change.published_limit_percent
    assert change.published == ""
    wide = [*calibrated([10.0, 12.0], spread=0.2), *mr_rows(2)]  # nor is the interval ignored
    change = pick(measure_changes(wide, DATES), "baseline", 1)
    assert change.exceeds_error is Exceeds.NO
    assert change.error_limit_percent == pytest.approx(28.3, abs=0.1)
    local = [Repeatability(0.2, "ours", "volume")]
    own = pick(measure_changes([*calibrated([10.0, 12.0]), *mr_rows(2)], DATES, local=local),
               "baseline", 1)  # fmt: skip
    assert own.exceeds_error is Exceeds.NO
    assert own.error_limit_percent == pytest.approx(55.4, abs=0.1)
    assert "±22 %, within which it lies" in own.published


def test_a_core_has_a_house_default_and_a_vanished_part_no_limits():
    cores = [replace(m, compartment="necrotic") for m in calibrated([10.0, 12.0, 0.0])]
    changes = measure_changes([*cores, *mr_rows(3)], DATES)
    assert pick(changes, "baseline", 1).published == (
        "the house default for parts of lesions is ±42 %, within which it lies"
    )
    gone = pick(changes, "baseline", 2)
    assert math.isnan(gone.error_limit_percent)
    assert gone.published == ""


def test_a_wide_interval_of_the_image_itself_counts_more_than_the_literature():
    certain = [*rows([10.0, 14.0], spread=0.02), *mr_rows(2)]
    blurred = [*rows([10.0, 14.0], spread=0.4), *mr_rows(2)]
    assert pick(measure_changes(certain, DATES), "baseline", 1).exceeds_error is Exceeds.YES
    change = pick(measure_changes(blurred, DATES), "baseline", 1)
    assert change.exceeds_error is Exceeds.NO
    assert "image resolution" in change.reason


def test_the_error_of_ct_volumes_depends_on_the_diameter():
    hu = rows([40.0, 40.0], quantity="mean_intensity", unit="HU")
    for size, expected in ((20.0, Exceeds.NO), (60.0, Exceeds.YES)):
        size_rows = rows([size, size], quantity="longest_diameter", unit="mm")
        changes = measure_changes([*rows([10.0, 13.0]), *size_rows, *hu], DATES)
        assert pick(changes, "baseline", 1).exceeds_error is expected


def test_without_modality_or_published_figures_the_answer_is_unknown():
    assert pick(measure_changes(rows([1.0, 2.0]), DATES), "baseline", 1).exceeds_error is (
        Exceeds.UNKNOWN
    )
    change = pick(measure_changes(mr_rows(2), DATES), "baseline", 1, "mean_intensity")
    assert change.exceeds_error is Exceeds.UNKNOWN
    assert ARBITRARY_UNITS in change.flags
    assert math.isnan(change.log_change)


def test_the_spread_of_intensities_is_not_compared():
    assert not measure_changes(rows([5.0, 6.0], quantity="sd_intensity", unit="HU"), DATES)


def test_a_lesion_that_vanishes_has_changed_and_one_of_zero_has_no_percentage():
    before = [*rows([5.0]), *mr_rows(1)]
    gone = absent_lesion(Lesion(1, "1.1"), 1, detection_limit_ml=0.003)
    change = pick(measure_changes([*before, *gone], DATES), "baseline", 1)
    assert (change.percent, change.exceeds_error) == (-100.0, Exceeds.YES)
    assert math.isnan(change.log_change)
    back = [*gone, *rows([None, None, 2.0]), *mr_rows(1)]
    change = pick(measure_changes(back, DATES), "previous", 2)
    assert math.isnan(change.percent)
    assert change.exceeds_error is Exceeds.YES


def test_missing_figures_are_passed_over():
    changes = measure_changes([*rows([4.0, float("nan"), 6.0]), *mr_rows(3)], DATES)
    assert pick(changes, "previous", 2).from_index == 0
    assert not [c for c in changes if c.quantity == "volume" and c.to_index == 1]


def test_a_later_baseline_and_a_scan_before_it():
    changes = measure_changes(rows([9.0, 20.0, 10.0]), DATES, baseline_index=1)
    assert pick(changes, "baseline", 2).from_index == 1
    assert pick(changes, "nadir", 2).from_index == 1
    assert pick(changes, "previous", 1).from_index == 0
    assert not [c for c in changes if c.to_index == 1 and c.reference != "previous"]


def test_flags_of_both_figures_are_carried():
    first, second = rows([1.0, 2.0])
    flagged = Measurement(1, 0, "whole", "volume", 1.0, "mL", flags=("LOW_RELIABILITY",))
    assert pick(measure_changes([flagged, second], DATES), "baseline", 1).flags == (
        "LOW_RELIABILITY",
    )
    assert pick(measure_changes([first, second], DATES), "baseline", 1).flags == ()


@pytest.mark.parametrize("cut", [0, 1])
def test_what_the_edge_of_the_image_cuts_off_has_no_known_change(cut):
    figures = rows([10.0, 20.0])
    figures[cut] = replace(figures[cut], flags=("AT_IMAGE_EDGE",))
    change = pick(measure_changes([*figures, *mr_rows(2)], DATES), "baseline", 1)
    assert (change.exceeds_error, change.percent) == (Exceeds.UNKNOWN, 100.0)
    assert "edge" in change.reason


def test_impossible_input_is_refused():
    with pytest.raises(InputError, match="two values"):
        measure_changes([*rows([1.0]), *rows([2.0])], DATES)
    with pytest.raises(InputError, match="timepoint 3"):
        measure_changes(rows([1.0, 1.0, 1.0, 1.0]), DATES[:3])


@settings(deadline=None)
@given(st.permutations(range(6)))
def test_order_of_rows_changes_nothing_but_the_order_of_lesions(order):
    table = [*rows([3.0, 2.0, 4.0]), *rows([30.0, 31.0, 29.0], lesion=2)]
    shuffled = measure_changes([table[n] for n in order], DATES)
    assert {repr(c) for c in shuffled} == {repr(c) for c in measure_changes(table, DATES)}


def finding(severity, concern=Concern.VOLUME, pair=(0, 1)):
    return ComparabilityFinding(
        "kernel", severity, (concern,), *pair, "CT", "soft", "sharp", "kernels differ"
    )


def judged(findings, values=(10.0, 13.5)):
    figures = [*rows(values), *mr_rows(2)]
    return pick(measure_changes(figures, DATES, comparability=findings), "baseline", 1)


def test_a_blocking_difference_withholds_the_change_it_concerns():
    blocked = judged([finding(Severity.BLOCK)])
    assert math.isnan(blocked.percent)
    assert (blocked.from_value, blocked.to_value) == (10.0, 13.5)
    assert blocked.exceeds_error is Exceeds.UNKNOWN
    assert "kernels differ" in blocked.reason
    assert "WITHHELD" in blocked.flags
    assert judged([finding(Severity.BLOCK, Concern.DIAMETER)]).percent == pytest.approx(35.0)
    assert judged([finding(Severity.BLOCK, pair=(1, 2))]).percent == pytest.approx(35.0)


def test_a_major_difference_widens_the_error_and_says_so():
    plain, wide = judged([]), judged([finding(Severity.MAJOR)])
    assert plain.exceeds_error is Exceeds.YES
    assert wide.exceeds_error is Exceeds.NO
    assert "widened" in wide.reason
    assert "ERROR_WIDENED" in wide.flags
    assert judged([finding(Severity.MINOR)]) == plain
    figures = [*calibrated([10.0, 12.5]), *mr_rows(2)]
    apart = measure_changes(figures, DATES, comparability=[finding(Severity.MAJOR)])
    widened = pick(apart, "baseline", 1)
    assert pick(measure_changes(figures, DATES), "baseline", 1).exceeds_error is Exceeds.YES
    assert widened.exceeds_error is Exceeds.NO
    assert widened.error_limit_percent == pytest.approx(13.86 * 1.875, abs=0.1)
    assert widened.published_limit_percent == pytest.approx(22.17 * 1.875, abs=0.1)


def test_local_repeatability_replaces_the_published_one():
    local = [Repeatability(0.2, "ours", "volume")]
    figures = [*rows([10.0, 13.5]), *mr_rows(2)]
    change = pick(measure_changes(figures, DATES, local=local), "baseline", 1)
    assert change.exceeds_error is Exceeds.NO
    assert "ours" in change.reason
