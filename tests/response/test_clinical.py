import pytest

from imgcompare.errors import InputError
from imgcompare.response.clinical import (
    ClinicalStatus,
    Steroids,
    markers_normal_at,
    require_known,
    status_at,
    steroids_at,
)
from tests.response.courses import event, on


@pytest.mark.parametrize(
    ("doses", "expected"),
    [
        ([(0, "4"), (30, "4")], Steroids.STABLE),
        ([(0, "4"), (30, "4.1")], Steroids.INCREASED),
        ([(0, "4"), (30, "2")], Steroids.STABLE),
        ([(0, "4"), (30, "0")], Steroids.NONE),
        ([(0, "4")], Steroids.STABLE),  # a dose holds until the next one
        ([(0, "none"), (30, "2")], Steroids.INCREASED),
        ([(0, "physiologic")], Steroids.NONE),
        ([(30, "increased")], Steroids.INCREASED),
        ([(30, "4")], None),  # nothing is known of the baseline
        ([(0, "4"), (60, "8")], Steroids.STABLE),  # after the scan
        ([], None),
    ],
)
def test_steroids_against_the_baseline(doses, expected):
    events = [event("steroid_dose", day, value) for day, value in doses]
    assert steroids_at(events, on(42), baseline=on(0)) is expected
    assert steroids_at(events[::-1], on(42), baseline=on(0)) is expected


def test_status_and_marker_hold_until_the_next_one():
    events = [event("clinical_status", 0, "stable"), event("clinical_status", 30, "Worse")]
    assert status_at(events, on(29)) is ClinicalStatus.STABLE
    assert status_at(events, on(30)) is ClinicalStatus.WORSE
    assert status_at(events, None) is None
    assert markers_normal_at([event("tumour_marker", 0, "elevated")], on(1)) is False
    assert markers_normal_at([event("tumour_marker", 0, "12.5")], on(1)) is None
    assert markers_normal_at([], on(1)) is None


@pytest.mark.parametrize(
    ("kind", "value"),
    [("steroid_dose", "much"), ("steroid_dose", "-1"), ("clinical_status", "ECOG 1")],
)
def test_values_that_mean_nothing_are_refused(kind, value):
    with pytest.raises(InputError, match=kind):
        require_known(event(kind, 0, value))


def test_other_events_need_no_value():
    require_known(event("radiotherapy_end", 0))
    require_known(event("tumour_marker", 0, "12.5"))
