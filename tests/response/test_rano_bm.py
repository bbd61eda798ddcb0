import pytest

from imgcompare.model import (
    Lesion,
    LesionRole,
    ReaderFinding,
    ReaderInput,
    Response,
)
from imgcompare.response.rano_bm import RanoBm
from tests.response.courses import categories, course_of, event, figures


def brain(*rows, across=8, **more):
    """Lesions by their longest diameters, of unknown site."""
    values = dict(enumerate(rows, start=1))
    widths = {i: [across] + [None] * (len(r) - 1) for i, r in values.items()}
    long = figures(values, "longest_diameter")
    return course_of((*long, *figures(widths, "perpendicular_diameter")), **more)


# criteria.md §4, "Vectors": base, nadir, current sums; and by how much the lesion that grew most
TABLE = [
    (([20, 15, 18], [20, 15, 18]), ["SD", "SD"]),  # 40, 30, 36, max +3
    (([20, 15, 20], [20, 15, 16]), ["SD", "PD"]),  # 40, 30, 36, max +5
    (([20, 15, 20], [20, 15, 15.9]), ["SD", "SD"]),  # 35.9
    (([20, 14], [20, 14]), ["PR"]),  # 40, 40, 28
    (([20, 14.1], [20, 14]), ["SD"]),
    (([20, 0], [20, 0]), ["CR"]),
]


@pytest.mark.parametrize(("rows", "expected"), TABLE)
def test_sums_and_the_lesion_that_grew_most(rows, expected):
    assert categories(RanoBm(), brain(*rows)) == expected


def test_why_there_is_no_progression_is_said():
    last = RanoBm().assess(brain([20, 15, 18], [20, 15, 18]))[-1]
    one = next(r for r in last.reasons if r.rule_id == "rano-bm/one-lesion")
    assert (one.value, one.threshold) == (3.0, 5.0)


@pytest.mark.parametrize(
    ("long", "across", "slice_mm", "small", "is_target"),
    [
        (10, 5, 1, False, True),
        (9.9, 5, 1, False, False),
        (10, 4.9, 1, False, False),
        (5, 5, 1.5, True, True),
        (5, 5, 1.6, True, False),
        (5, 5, 1.5, False, False),
    ],
)
def test_what_is_measurable(long, across, slice_mm, small, is_target):
    """criteria.md §4: LD ≥10 and perpendicular ≥5; 5 mm only if slices ≤1.5 mm."""
    readings = brain([long, 20], across=across, slice_mm=slice_mm)
    found = categories(RanoBm(small_targets=small), readings)
    assert found == ["PD" if is_target else "SD"]


def test_lesions_outside_the_brain_are_left_out():
    sites = ["left frontal", "liver", ""]
    lesions = [Lesion(n, f"1.{n}", s, LesionRole.TARGET) for n, s in enumerate(sites, start=1)]
    rows = figures({1: [20, 20], 2: [50, 90], 3: [30, 30]}, "longest_diameter")
    first, last = RanoBm().assess(course_of(rows, lesions=lesions))
    assert (first.value, last.category) == (50, "SD")
    reader = ReaderInput(targets=[1, 2], new_lesions={1: [2]})
    assert categories(RanoBm(), course_of(rows, lesions=lesions, reader=reader)) == ["SD"]


def test_without_a_lesion_in_the_brain_it_is_not_evaluable():
    lesions = [Lesion(1, "1", "liver")]
    rows = figures({1: [20, 20]}, "longest_diameter")
    last = RanoBm().assess(course_of(rows, lesions=lesions))[-1]
    assert (last.category, last.missing) == ("NE", ("a lesion in the brain",))


def test_new_lesions_alone_are_not_progression_under_immunotherapy():
    reader = ReaderInput(targets=[1], new_lesions={1: [2]})
    assert categories(RanoBm(), brain([20, 20], [None, 8], reader=reader)) == ["PD"]
    given = (event("immunotherapy_start", 1),)
    last = RanoBm().assess(brain([20, 20], [None, 8], reader=reader, clinical=given))[-1]
    assert last.category == "SD"
    assert "NEW_LESION_UNDER_IMMUNOTHERAPY" in last.flags


def test_steroids_clinical_status_and_the_reader_count():
    rise = (event("steroid_dose", 0, "2"), event("steroid_dose", 30, "4"))
    assert categories(RanoBm(), brain([20, 20], clinical=rise)) == ["NE"]
    worse = (event("clinical_status", 30, "worse"),)
    assert categories(RanoBm(), brain([20, 20], clinical=worse)) == ["PD"]
    other = ReaderInput(non_target={1: Response.PD})
    assert categories(RanoBm(), brain([20, 20], reader=other)) == ["PD"]
    flair = ReaderInput(findings={1: [ReaderFinding.T2_FLAIR_INCREASE]})
    assert categories(RanoBm(), brain([20, 20], reader=flair)) == ["PD"]


def test_a_volume_that_shrinks_by_65_percent_is_noted():
    for later, noted in ((3.5, True), (3.6, False)):
        rows = (*figures({1: [20, 18]}, "longest_diameter"), *figures({1: [10, later]}, "volume"))
        last = RanoBm().assess(course_of(rows))[-1]
        assert last.category == "SD"
        assert any(r.rule_id == "rano-bm/volume" for r in last.reasons) == noted
