from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.model import LesionState, Response
from imgcompare.response.recist_rules import (
    Size,
    TargetReading,
    baseline_size,
    is_progression,
    overall_response,
    sum_of_diameters,
    target_response,
)

R = Response
TENTHS = st.integers(0, 3000).map(lambda n: Decimal(n) / 10)

# criteria.md §1, "Vectors": baseline, nadir and current sum of diameters
SUMS = [
    ("100", "100", "70", R.PR),
    ("100", "100", "70.1", R.SD),
    ("100", "60", "72", R.PD),
    ("100", "60", "71.9", R.SD),
    ("40", "20", "24", R.PR),  # 20 % but 4 mm
    ("40", "20", "24.9", R.PR),
    ("40", "20", "25", R.PD),
    ("22", "22", "26.9", R.SD),
    ("22", "22", "27", R.PD),
    ("100", "100", "120", R.PD),
    ("100", "100", "119.9", R.SD),
    ("50", "25", "29", R.PR),
    ("50", "25", "33", R.PD),
    ("30", "9", "13.9", R.PR),
    ("30", "9", "14", R.PD),
]


@pytest.mark.parametrize(("baseline", "nadir", "current", "expected"), SUMS)
def test_sums_at_the_boundaries(baseline, nadir, current, expected):
    response, reason = target_response(Decimal(baseline), Decimal(nadir), Decimal(current))
    assert response is expected
    assert reason.rule_id == f"recist-1.1/target-{expected.lower()}"
    assert reason.value == float(current)


@pytest.mark.parametrize(
    ("node_mm", "expected"),
    [("9", R.CR), ("9.9", R.CR), ("10.0", R.PR)],  # criteria.md §1: node 15→9 & liver 30→0
)
def test_a_normal_node_allows_complete_response(node_mm, expected):
    now = sum_of_diameters(
        [
            TargetReading(1, True, LesionState.MEASURED, Decimal(node_mm)),
            TargetReading(2, False, LesionState.ABSENT),
        ]
    )
    assert now.mm == Decimal(node_mm)
    base = Decimal(45)
    assert target_response(base, base, now.mm, all_gone=now.all_gone)[0] is expected


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [(("40", "40", None), R.PD), (("10", "10", None), R.NE)],  # criteria.md §1: baseline 20+20+10
)
def test_a_missing_target_is_not_evaluable_unless_the_rest_progressed(sizes, expected):
    now = sum_of_diameters(
        [
            TargetReading(
                n, False, LesionState.MEASURED if mm else LesionState.NE, Decimal(mm or 0)
            )
            for n, mm in enumerate(sizes)
        ]
    )
    base = Decimal(50)
    response, _ = target_response(base, base, now.mm, complete=now.complete, all_gone=now.all_gone)
    assert response is expected


@pytest.mark.parametrize(
    ("mm", "nodal", "slice_mm", "expected"),
    [
        ("14", False, "7.5", Size.NON_MEASURABLE),  # criteria.md §1: s = 7.5
        ("15", False, "7.5", Size.MEASURABLE),
        ("10", False, "5", Size.MEASURABLE),
        ("9.9", False, "5", Size.NON_MEASURABLE),
        ("10", False, None, Size.MEASURABLE),
        ("14.9", True, "5", Size.NON_MEASURABLE),  # criteria.md §1: nodes
        ("15.0", True, "5", Size.MEASURABLE),
        ("9.9", True, "5", Size.NORMAL_NODE),
        ("15.0", True, "8", Size.NON_MEASURABLE),
    ],
)
def test_what_is_measurable(mm, nodal, slice_mm, expected):
    thickness = Decimal(slice_mm) if slice_mm else None
    assert baseline_size(Decimal(mm), nodal=nodal, slice_mm=thickness) is expected


def test_split_merged_and_small_lesions_add_up_as_they_should():
    now = sum_of_diameters(
        [
            TargetReading(1, False, LesionState.MEASURED, Decimal(12), (Decimal(7),)),
            TargetReading(2, False, LesionState.MERGED, Decimal(30)),
            TargetReading(3, False, LesionState.TOO_SMALL),
            TargetReading(4, False, LesionState.ABSENT, Decimal(9)),
        ]
    )
    assert now.mm == 24
    assert now.complete
    assert not now.all_gone


# criteria.md §1, table of overall responses
OVERALL = [
    (R.CR, R.CR, False, R.CR),
    (R.CR, None, False, R.CR),
    (R.CR, R.NON_CR_NON_PD, False, R.PR),
    (R.CR, R.NE, False, R.PR),
    (R.PR, R.NON_CR_NON_PD, False, R.PR),
    (R.PR, R.NE, False, R.PR),
    (R.SD, R.CR, False, R.SD),
    (R.SD, R.NE, False, R.SD),
    (R.NE, R.CR, False, R.NE),
    (R.PD, R.CR, False, R.PD),
    (R.SD, R.PD, False, R.PD),
    (R.CR, R.CR, True, R.PD),
    (None, R.CR, False, R.CR),
    (None, R.NON_CR_NON_PD, False, R.NON_CR_NON_PD),
    (None, R.NE, False, R.NE),
    (None, R.PD, False, R.PD),
    (None, R.CR, True, R.PD),
    (None, None, False, R.NED),
    (None, None, True, R.PD),
]


@pytest.mark.parametrize(("target", "non_target", "new", "expected"), OVERALL)
def test_overall_response(target, non_target, new, expected):
    assert overall_response(target, non_target, new=new) is expected


RANK = {R.CR: 0, R.PR: 1, R.SD: 2, R.PD: 3}


@settings(deadline=None)
@given(st.lists(TENTHS, min_size=1, max_size=6), TENTHS, TENTHS)
def test_a_larger_sum_never_improves_the_category(earlier, current, growth):
    baseline, nadir = earlier[0], min(earlier)
    first, _ = target_response(baseline, nadir, current, all_gone=current == 0)
    grown = current + growth
    second, _ = target_response(baseline, nadir, grown, all_gone=grown == 0)
    assert RANK[second] >= RANK[first]


@settings(deadline=None)
@given(TENTHS, TENTHS)
def test_progression_agrees_with_whole_tenths(nadir, current):
    n, c = int(nadir * 10), int(current * 10)
    assert is_progression(nadir, current) == (5 * (c - n) >= n and c - n >= 50)


def test_a_naive_float_would_get_the_boundary_wrong():
    assert 30.6 / 25.5 - 1 < 0.2  # though it is exactly 20 %
    assert is_progression(Decimal("25.5"), Decimal("30.6"))
    assert not is_progression(Decimal("25.5"), Decimal("30.5"))
