from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.model import Category as R
from imgcompare.model import EventKind, LesionEvent, LesionState, ReaderInput
from imgcompare.response.recist import DIAMETERS, LIMITS, baseline_size
from imgcompare.response.sum_criterion import overall_response
from imgcompare.response.sums import Standing, Total, judge_sum, standings, total_at
from imgcompare.response.targets import Size
from tests.response.courses import course

TENTHS = st.integers(0, 3000).map(lambda n: Decimal(n) / 10)


def judge(baseline, nadir, current, *, missing=(), gone=False):
    now = Total(Decimal(current), missing, gone)
    standing = Standing(Decimal(baseline), Decimal(nadir), 0, now)
    return judge_sum(standing, LIMITS, measure=DIAMETERS, rule="recist-1.1/target")


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
    found = judge(baseline, nadir, current)
    assert found.category is expected
    assert found.reason.rule_id == f"recist-1.1/target-{expected.lower()}"
    assert found.reason.value == float(current)


@pytest.mark.parametrize(
    ("node_mm", "expected"),
    [("9", R.CR), ("9.9", R.CR), ("10.0", R.PR)],  # criteria.md §1: node 15→9 & liver 30→0
)
def test_a_normal_node_allows_complete_response(node_mm, expected):
    readings = course({1: [15, float(node_mm)], 2: [30, 0]}, nodal=[1])
    now = total_at(readings, (1, 2), at=1, measure=DIAMETERS)
    assert now.value == Decimal(node_mm)
    assert judge(45, 45, now.value, gone=now.gone).category is expected


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [(("40", "40", None), R.PD), (("10", "10", None), R.NE)],  # criteria.md §1: baseline 20+20+10
)
def test_a_missing_target_is_not_evaluable_unless_the_rest_progressed(sizes, expected):
    later = [float(mm) if mm else None for mm in sizes]
    readings = course({n: [b, mm] for n, (b, mm) in enumerate(zip((20, 20, 10), later))})  # noqa: B905
    totals = [total_at(readings, (0, 1, 2), at=t, measure=DIAMETERS) for t in (0, 1)]
    assert totals[1].missing == (2,)
    standing = standings(readings, totals)[1]
    found = judge_sum(standing, LIMITS, measure=DIAMETERS, rule="recist-1.1/target")
    assert found.category is expected


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
    split = LesionEvent(EventKind.SPLIT, 1, (1, 5), "two parts")
    merged = LesionEvent(EventKind.MERGED, 1, (1, 2), "one mass")
    states = {(3, 1): LesionState.TOO_SMALL, (4, 1): LesionState.ABSENT}
    readings = course(
        {1: [20, 12], 2: [20, None], 3: [20, None], 4: [20, None], 5: [None, 7]},
        events=(split, merged),
        reader=ReaderInput(states=states),
    )
    now = total_at(readings, (1, 2, 3, 4), at=1, measure=DIAMETERS)
    assert (now.value, now.complete, now.gone) == (24, True, False)


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
    first = judge(baseline, nadir, current, gone=current == 0).category
    grown = current + growth
    assert RANK[judge(baseline, nadir, grown, gone=grown == 0).category] >= RANK[first]


@settings(deadline=None)
@given(TENTHS, TENTHS)
def test_progression_agrees_with_whole_tenths(nadir, current):
    n, c = int(nadir * 10), int(current * 10)
    assert LIMITS.is_progression(nadir, current) == (5 * (c - n) >= n and c - n >= 50)


def test_a_naive_float_would_get_the_boundary_wrong():
    assert 30.6 / 25.5 - 1 < 0.2  # though it is exactly 20 %
    assert LIMITS.is_progression(Decimal("25.5"), Decimal("30.6"))
    assert not LIMITS.is_progression(Decimal("25.5"), Decimal("30.5"))
