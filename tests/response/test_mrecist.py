import pytest

from imgcompare.model import Lesion, LesionRole, ReaderFinding, ReaderInput, Role
from imgcompare.response import Recist11
from imgcompare.response.mrecist import MRecist
from tests.response.courses import categories, course, course_of, figures


def liver(whole, viable, **more):
    """One liver lesion with its whole and its viable longest diameter."""
    return course({1: whole}, extra=figures({1: viable}, "longest_diameter", "enhancing"), **more)


# criteria.md §3, "Vectors" and mRECIST: viable sum at baseline and later
TABLE = [
    ([50, 20], ["PR"]),
    ([50, 0], ["CR"]),
    ([50, 35], ["PR"]),
    ([50, 35.1], ["SD"]),
    ([50, 20, 24], ["PR", "PD"]),  # 24/nadir 20, only 4 mm
    ([50, 20, 23.9], ["PR", "PR"]),
    ([20, 24], ["PD"]),
    ([20, 23.9], ["SD"]),
]


@pytest.mark.parametrize(("viable", "expected"), TABLE)
def test_viable_diameters_at_the_boundaries(viable, expected):
    assert categories(MRecist(), liver([50] * len(viable), viable)) == expected


def test_necrosis_divides_recist_and_mrecist():
    """criteria.md §3, vector: total 50→48, viable 50→20: RECIST SD, mRECIST PR."""
    readings = liver([50, 48], [50, 20])
    assert categories(Recist11(), readings) == ["SD"]
    assert categories(MRecist(), readings) == ["PR"]


def test_an_absolute_floor_is_a_setting():
    readings = liver([50, 50, 50], [50, 20, 24])
    assert categories(MRecist(progression_least_mm=5), readings) == ["PR", "PR"]


def test_viable_tissue_of_less_than_10_mm_is_no_target():
    assert categories(MRecist(), liver([50, 50], [9.9, 20])) == ["Non-CR/Non-PD"]
    assert categories(MRecist(), liver([50, 50], [10, 20])) == ["PD"]


def test_lesions_without_enhancement_are_measured_whole():
    """criteria.md §3: lesions without APHE → RECIST size."""
    assert categories(MRecist(), liver([50, 30], [0, 0])) == ["PR"]


def test_lesions_outside_the_liver_are_measured_whole():
    lesions = [Lesion(1, "1", "left lung"), Lesion(2, "2", "liver")]
    rows = (
        *figures({1: [30, 15], 2: [40, 40]}, "longest_diameter"),
        *figures({1: [30, 30], 2: [30, 30]}, "longest_diameter", "enhancing"),
    )
    first, last = MRecist().assess(course_of(rows, lesions=lesions))
    assert (first.value, last.value) == (60, 45)


@pytest.mark.parametrize(
    ("site", "mm", "is_target"),
    [("porta hepatis", 20, True), ("porta hepatis", 19.9, False), ("neck", 15, True),
     ("neck", 14.9, False)],
)  # fmt: skip
def test_nodes_at_the_porta_hepatis_need_20_mm(site, mm, is_target):
    """criteria.md §3: porta hepatis node malignant if SA ≥20, others ≥15."""
    lesions = [Lesion(1, "1", site, LesionRole.TARGET, True)]
    rows = figures({1: [mm, 9]}, "short_axis")
    found = MRecist().assess(course_of(rows, lesions=lesions))[-1]
    assert found.category == ("CR" if is_target else "NED")


@pytest.mark.parametrize(
    ("roles", "category"),
    [
        ({Role.CT_PRE, Role.CT_ARTERIAL}, "PR"),
        ({Role.CT_PRE, Role.CT_PORTAL}, "NE"),
        ({Role.T1, Role.T1C}, "PR"),
    ],
)
def test_without_an_arterial_phase_it_is_not_evaluable(roles, category):
    readings = liver([50, 50], [50, 20], roles=(frozenset(roles),) * 2)
    last = MRecist().assess(readings)[-1]
    assert last.category == category
    assert bool(last.missing) == (category == "NE")
    assert ("ARTERIAL_PHASE_ASSUMED" in last.flags) == (Role.T1C in roles)


def test_a_sum_without_an_arterial_phase_is_no_nadir():
    roles = (Role.CT_ARTERIAL, Role.CT_PORTAL, Role.CT_ARTERIAL)
    readings = liver([50, 50, 50], [50, 10, 40], roles=tuple(frozenset({r}) for r in roles))
    assert categories(MRecist(), readings) == ["NE", "SD"]


def test_lesions_outside_the_liver_alone_are_said():
    lesions = [Lesion(1, "1", "left lung")]
    rows = figures({1: [30, 15]}, "longest_diameter")
    assert "OUTSIDE_ITS_ORGAN" in MRecist().assess(course_of(rows, lesions=lesions))[-1].flags


def test_no_viable_diameters_are_a_missing_input():
    last = MRecist().assess(course({1: [50, 50]}))[-1]
    assert last.category == "NE"
    assert last.missing == ("enhancing longest diameter of lesion 1 at 2024-01-10",)


def test_fluid_counts_only_with_positive_cytology():
    reader = ReaderInput(findings={1: [ReaderFinding.POSITIVE_CYTOLOGY]})
    assert categories(MRecist(), liver([50, 50], [50, 20], reader=reader)) == ["PD"]


@pytest.mark.parametrize(
    ("nodule", "washout", "expected"),
    [
        ([None, 10, 10], True, ["PD", "PD"]),
        ([None, 9.9, 9.9], True, ["SD", "SD"]),
        ([None, 9.9, 10], True, ["SD", "PD"]),
        ([None, 15, 15], False, ["SD", "SD"]),
        ([None, 15, 25], False, ["SD", "PD"]),  # grew by 10 mm
        ([None, 15, 24.9], False, ["SD", "SD"]),
    ],
)
def test_a_new_nodule_needs_10_mm_and_washout_or_growth(nodule, washout, expected):
    """criteria.md §3: ≥10 mm with APHE + washout, or ≥10 mm growth later; else equivocal."""
    reader = ReaderInput(
        targets=[1],
        new_lesions={1: [2]},
        findings={} if washout else {1: [ReaderFinding.NO_WASHOUT]},
    )
    viable = figures({1: [50, 50, 50]}, "longest_diameter", "enhancing")
    readings = course({1: [50, 50, 50], 2: nodule}, extra=viable, reader=reader)
    found = MRecist().assess(readings)
    assert [a.category for a in found[1:]] == expected
    assert ("NEW_LESION_EQUIVOCAL" in found[1].flags) == (expected[0] == "SD")
