import pytest

from imgcompare.model import LesionState, ReaderFinding, ReaderInput, Response
from imgcompare.response.irecist import IRecist
from tests.response.courses import categories, course, event

PD, STABLE = Response.PD, Response.NON_CR_NON_PD
F = ReaderFinding

# criteria.md §2, "Vectors": target sums at baseline and each later scan, with days
SUMS = [
    ([100, 125], (0, 42), ["iUPD"]),
    ([100, 125, 130], (0, 42, 84), ["iUPD", "iCPD"]),
    ([100, 125, 129.9], (0, 42, 84), ["iUPD", "iUPD"]),
    ([100, 125, 128, 130.5], (0, 42, 84, 126), ["iUPD", "iUPD", "iCPD"]),  # 3 and 2.5 mm
    ([100, 125, 70, 84], (0, 42, 84, 126), ["iUPD", "iPR", "iUPD"]),
    ([100, 125, 130], (0, 42, 62), ["iUPD", "iUPD"]),  # day 20: repeat
    ([100, 125, 130, 130], (0, 42, 62, 84), ["iUPD", "iUPD", "iCPD"]),
    ([100, 125, 130], (0, 42, 69), ["iUPD", "iUPD"]),  # 27 days
    ([100, 125, 130], (0, 42, 70), ["iUPD", "iCPD"]),  # 28 days
    ([100, 125, 130], (0, 42, 105), ["iUPD", "iCPD"]),  # day 63: late
    ([100, 125, 118], (0, 42, 84), ["iUPD", "iSD"]),
    ([100, 125, 0], (0, 42, 84), ["iUPD", "iCR"]),
    ([100, 125, None, 130], (0, 42, 84, 126), ["iUPD", "NE", "iCPD"]),
    ([100, 125, 130, 20], (0, 42, 84, 126), ["iUPD", "iCPD", "iCPD"]),
    ([100, 119.9, 70], (0, 42, 84), ["iSD", "iPR"]),
]


@pytest.mark.parametrize(("sums", "days", "expected"), SUMS)
def test_target_sums_over_time(sums, days, expected):
    halves = [None if s is None else s / 2 for s in sums]
    readings = course({1: halves, 2: halves}, days=days)
    assert categories(IRecist(), readings) == expected


def test_a_scan_too_early_or_late_is_said():
    for day, flag in ((62, "TOO_EARLY_TO_CONFIRM"), (105, "LATE")):
        assert flag in IRecist().assess(course({1: [100, 125, 130]}, days=(0, 42, day)))[-1].flags
    on_time = IRecist().assess(course({1: [100, 125, 130]}, days=(0, 42, 98)))[-1]
    assert not {"LATE", "TOO_EARLY_TO_CONFIRM"} & set(on_time.flags)


def test_a_variance_of_two_days_is_a_setting():
    readings = course({1: [100, 125, 130]}, days=(0, 42, 68))
    assert categories(IRecist(variance_days=2), readings)[-1] == "iCPD"
    assert categories(IRecist(), readings)[-1] == "iUPD"


def test_unknown_dates_do_not_hinder_but_are_said():
    readings = course({1: [100, 125, 130]})
    undated = type(readings)(readings.lesions, readings.measurements, (None,) * 3)
    last = IRecist().assess(undated)[-1]
    assert last.category == "iCPD"
    assert "CONFIRMATION_INTERVAL_UNKNOWN" in last.flags


def new(values, *, at, days=42, others=None, **settings):
    """A stable target and new lesions by id, confirmed at the timepoint given."""
    count = max(len(v) for v in values.values())
    rows = {1: (others or [100] * count), **values}
    reader = ReaderInput(targets=[1], new_lesions=at)
    return categories(IRecist(**settings), course(rows, reader=reader, days=days))


def test_new_lesions_have_a_sum_of_their_own():
    """criteria.md §2, vector: NLT 12→16.9 iUPD, →17 iCPD."""
    assert new({2: [None, 12, 16.9]}, at={1: [2]}) == ["iUPD", "iUPD"]
    assert new({2: [None, 12, 17]}, at={1: [2]}) == ["iUPD", "iCPD"]


def test_progression_in_another_part_confirms():
    """criteria.md §2, vector: iUPD by targets, then the first new lesion: iCPD."""
    found = new({2: [None, None, 6]}, at={2: [2]}, others=[100, 125, 125])
    assert found == ["iUPD", "iCPD"]
    found = new({2: [None, 12, 12]}, at={1: [2]}, others=[100, 100, 120])
    assert found == ["iUPD", "iCPD"]


def test_an_additional_new_lesion_confirms():
    assert new({2: [None, 6, 6], 3: [None, None, 4]}, at={1: [2], 2: [3]}) == ["iUPD", "iCPD"]


def test_unchanged_new_lesions_hold_the_iupd_unless_set_otherwise():
    values, at = {2: [None, 12, 12, 12]}, {1: [2]}
    assert new(values, at=at) == ["iUPD", "iUPD", "iUPD"]
    assert new(values, at=at, new_lesion_hold=False) == ["iUPD", "iSD", "iSD"]
    gone = {2: [None, 12, 0]}
    assert new(gone, at=at) == ["iUPD", "iSD"]


@pytest.mark.parametrize(("sizes", "expected"), [((12, 16.9), "iSD"), ((12, 17), "iUPD")])
def test_after_a_reset_known_new_lesions_need_progression_of_their_own(sizes, expected):
    """criteria.md §2: old new lesions trigger iUPD by +20 % and 5 mm over their nadir."""
    found = new({2: [None, 12, *sizes]}, at={1: [2]}, new_lesion_hold=False)
    assert found == ["iUPD", "iSD", expected]


def test_persisting_new_lesions_preclude_complete_response():
    found = new({2: [None, 12, 12]}, at={1: [2]}, others=[100, 50, 0], new_lesion_hold=False)
    assert found == ["iUPD", "iPR"]


def with_reader(non_target, findings=None, days=42):
    count = 1 + max(non_target)
    reader = ReaderInput(targets=[1], non_target=non_target, findings=findings or {})
    return categories(IRecist(), course({1: [100] * count}, reader=reader, days=days))


def test_non_targets_confirm_by_any_further_increase():
    """criteria.md §2 (b): it need not be unequivocal again."""
    assert with_reader({1: PD, 2: PD}) == ["iUPD", "iUPD"]
    assert with_reader({1: PD, 2: PD}, {2: [F.NON_TARGET_INCREASE]}) == ["iUPD", "iCPD"]
    assert with_reader({1: PD, 2: STABLE}) == ["iUPD", "iSD"]
    assert with_reader({1: STABLE, 2: STABLE}, {2: [F.NON_TARGET_INCREASE]}) == ["iSD", "iSD"]


def test_a_reader_is_asked_whether_non_targets_increased_further():
    reader = ReaderInput(targets=[1], non_target={1: PD, 2: PD})
    last = IRecist().assess(course({1: [100] * 3}, reader=reader))[-1]
    assert "REVIEW_FURTHER_INCREASE" in last.flags
    by_targets = IRecist().assess(course({1: [100, 125, 126]}))[-1]
    assert "REVIEW_FURTHER_INCREASE" not in by_targets.flags


def test_new_non_targets_confirm_by_any_increase():
    """criteria.md §2 (d)."""
    reader = ReaderInput(
        targets=[1], new_lesions={1: [2]}, findings={2: [F.NEW_NON_TARGET_INCREASE]}
    )
    assert categories(IRecist(), course({1: [50] * 3, 2: [None, 6, 7]}, reader=reader)) == [
        "iUPD",
        "iCPD",
    ]


def test_an_early_scan_for_symptoms_counts_if_it_shows_another_new_lesion():
    values = {1: [50] * 3, 2: [None, 6, 6], 3: [None, None, 5]}
    for findings, expected in (({2: [F.SYMPTOMATIC_SCAN]}, "iCPD"), ({}, "iUPD")):
        reader = ReaderInput(targets=[1], new_lesions={1: [2], 2: [3]}, findings=findings)
        readings = course(values, reader=reader, days=(0, 42, 60))
        assert categories(IRecist(), readings)[-1] == expected


def test_new_lesions_without_a_size_are_new_all_the_same():
    states = {(2, 1): LesionState.TOO_SMALL, (2, 2): LesionState.TOO_SMALL}
    reader = ReaderInput(targets=[1], new_lesions={1: [2]}, states=states)
    readings = course({1: [50] * 3, 2: []}, reader=reader)
    assert categories(IRecist(), readings) == ["iUPD", "iUPD"]


def summary(sums, **settings):
    criterion, readings = IRecist(**settings), course({1: sums})
    return criterion.summarise(readings, criterion.assess(readings))


def test_progression_is_dated_by_the_first_iupd_of_the_confirmed_block():
    found = summary([100, 125, 70, 90, 90, 96])
    assert (found.best, found.best_index) == ("iPR", 2)
    assert (found.progression_index, found.progression_confirmed) == (3, True)


@pytest.mark.parametrize(
    ("sums", "expected"),
    [
        ([100, 125], ("iUPD", 1, 1, False)),
        ([100, 125, 130], ("iCPD", 1, 1, True)),
        ([100, 100, 125], ("iSD", 1, 2, False)),
        ([100, 125, 100], ("iSD", 2, None, None)),
        ([100, 125, 60], ("iPR", 2, None, None)),
        ([100, None], ("NE", None, None, None)),
    ],
)
def test_best_response_passes_over_what_was_not_confirmed(sums, expected):
    s = summary(sums)
    assert (s.best, s.best_index, s.progression_index, s.progression_confirmed) == expected


def test_each_iupd_says_whether_it_was_confirmed():
    found = IRecist().assess(course({1: [100, 125, 70, 90, 96]}))
    assert [a.confirmed for a in found] == [None, False, None, True, True]


def test_clinical_status_is_reported_and_not_used():
    readings = course({1: [100, 125]}, clinical=(event("clinical_status", 40, "worse"),))
    last = IRecist().assess(readings)[-1]
    assert last.category == "iUPD"
    assert any("worse" in r.text for r in last.reasons)


def test_small_steps_of_targets_may_be_left_apart():
    """criteria.md §2: adding up is published for new targets; for targets it is a setting."""
    readings = course({1: [100, 125, 128, 130.5]}, days=(0, 42, 84, 126))
    assert categories(IRecist(), readings) == ["iUPD", "iUPD", "iCPD"]
    apart = IRecist(target_steps_add_up=False)
    assert categories(apart, readings) == ["iUPD", "iUPD", "iUPD"]
    leap = course({1: [100, 125, 128, 133]}, days=(0, 42, 84, 126))
    assert categories(apart, leap) == ["iUPD", "iUPD", "iCPD"]
