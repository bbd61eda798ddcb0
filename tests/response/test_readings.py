import dataclasses
from decimal import Decimal

import pytest

from imgcompare.errors import InputError
from imgcompare.model import (
    Acquisition,
    ClinicalEventKind,
    EventKind,
    Lesion,
    LesionEvent,
    LesionState,
    Measurement,
    ReaderInput,
    Response,
    Role,
    Series,
    Timepoint,
)
from imgcompare.response.figures import TOO_SMALL_FLAG, slice_thickness_of
from imgcompare.response.readings import Reading
from tests.builders import make_geometry, make_volume
from tests.response.courses import course, course_of, diameters, event, figures, on, timepoints


def readings(values, **more):
    return course(values, count=3, **more)


def test_zero_is_gone_and_nothing_is_not_evaluated():
    found = readings({1: [20.0, 0.0, None]})
    assert found.size(1, 0).state is LesionState.MEASURED
    assert found.size(1, 0).value == 20
    assert found.size(1, 1).state is LesionState.ABSENT
    assert found.size(1, 2).state is LesionState.NE


def test_too_small_to_measure_counts_five_millimetres():
    lesions, rows = diameters({1: [20.0, 3.0]})
    small = dataclasses.replace(rows[1], flags=(TOO_SMALL_FLAG,))
    found = course_of((rows[0], small), lesions=lesions)
    assert found.size(1, 1).value == 5


def test_fragments_belong_to_their_parent_from_the_split_on():
    split = LesionEvent(EventKind.SPLIT, 1, (1, 2, 3), "three parts")
    found = readings({1: [30, 10, 9], 2: [None, 8, 7], 3: [None, 6, None]}, events=[split])
    assert found.fragments(1, 0) == ()
    assert found.size(1, 1).value == 24
    assert found.size(1, 2) == Reading(1, LesionState.NE, Decimal(16))  # a part is not evaluated
    assert not found.is_new(2)


def test_other_compartments_and_quantities_are_passed_over():
    others = [
        Measurement(1, 0, "enhancing", "longest_diameter", 5.0, "mm"),
        Measurement(1, 0, "whole", "short_axis", 6.0, "mm"),
        Measurement(1, 0, "whole", "volume", 7.0, "mL"),
    ]
    assert readings({1: [20.0]}, extra=others).size(1, 0).value == 20
    assert readings({1: [20.0]}, nodal=[1]).size(1, 0).value == 20


@pytest.mark.parametrize(("thickness", "expected"), [(None, 3.0), (2.0, 3.0), (5.0, 5.0)])
def test_slice_thickness_is_that_of_the_series_measured(thickness, expected):
    geometry = make_geometry(spacing_mm=(3.0, 0.9, 0.7))
    series = Series(
        "1.2.3", "CT", Role.CT, "", "", geometry, Acquisition(slice_thickness_mm=thickness), (),
        make_volume,
    )  # fmt: skip
    first = Timepoint(0, None, (), {Role.CT: series})
    row = Measurement(1, 0, "whole", "longest_diameter", 20.0, "mm", series_uid="1.2.3")
    assert slice_thickness_of([row], [first, *timepoints(1)]) == (expected, None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dates": (on(42), on(0))}, "not in order"),
        ({"baseline_index": 2}, "no timepoint 2 to be the baseline"),
        ({"names": ("one",)}, "names must hold one entry per timepoint"),
        ({"slice_thickness_mm": (1.0,)}, "slice_thickness_mm must hold one entry"),
        ({"lesions": (Lesion(1, "1"), Lesion(1, "2"))}, "same number"),
        ({"reader": ReaderInput(targets=[7])}, "Lesion 7 among the target lesions"),
        ({"reader": ReaderInput(new_lesions={1: [7]})}, "Lesion 7 among the new lesions"),
        ({"reader": ReaderInput(states={(7, 0): LesionState.NE})}, "Lesion 7 among the lesion"),
        ({"reader": ReaderInput(non_target={5: Response.CR})}, "timepoint 5 is not in the course"),
        ({"reader": ReaderInput(states={(1, 0): LesionState.ABSENT})}, "absent.*size of 20"),
        ({"clinical": (event("steroid_dose", 0, "much"),)}, "steroid_dose"),
    ],
)
def test_what_contradicts_itself_is_refused(change, message):
    with pytest.raises(InputError, match=message):
        dataclasses.replace(course({1: [20, 20]}), **change)


def test_the_same_figure_given_twice_is_refused():
    with pytest.raises(InputError, match="two values of whole longest_diameter"):
        course({1: [20]}, extra=diameters({1: [21]})[1])


def test_typed_states_stand_in_for_figures():
    S = LesionState
    states = {(1, 1): S.ABSENT, (2, 1): S.TOO_SMALL, (3, 1): S.TOO_SMALL, (4, 1): S.NE,
              (5, 1): S.MERGED, (6, 1): S.MEASURED}  # fmt: skip
    values = {1: [20, None], 2: [20, None], 3: [20, 3.5], 4: [20, 12], 5: [20, None], 6: [20, None]}
    found = course(values, count=2, reader=ReaderInput(states=states))
    sizes = {i: (found.size(i, 1).state, found.size(i, 1).value) for i in values}
    assert sizes == {
        1: (S.ABSENT, 0),
        2: (S.TOO_SMALL, 5),
        3: (S.MEASURED, Decimal("3.5")),  # a number that was typed wins
        4: (S.NE, 0),  # not evaluated is not zero, whatever was typed beside it
        5: (S.MERGED, 0),
        6: (S.NE, 0),  # seen, but not measured
    }
    assert found.present_at(1) == (2, 3, 6)


def test_a_product_is_made_of_two_diameters_where_it_is_not_given():
    rows = (*figures({1: [20]}, "longest_diameter"), *figures({1: [10]}, "perpendicular_diameter"))
    assert course_of(rows).number(1, 0, "bidimensional_product") == 200
    given = figures({1: [150]}, "bidimensional_product")
    assert course_of((*rows, *given)).number(1, 0, "bidimensional_product") == 150
    assert course_of(rows[:1]).number(1, 0, "bidimensional_product") is None


def test_days_run_on_real_dates():
    found = course({1: [20, 20, 20]}, days=(0, 30, 75), clinical=(event("therapy_start", 10),))
    assert found.days(0, 2) == 75
    assert found.days_on_study(2) == 65
    assert found.days_since(ClinicalEventKind.THERAPY_START, 0) is None
    undated = dataclasses.replace(found, dates=(None,) * 3, clinical=())
    assert (undated.days(0, 2), undated.days_on_study(2), undated.name(2)) == (
        None, None, "timepoint 2",
    )  # fmt: skip


def test_lesions_are_left_out_with_all_that_is_known_of_them():
    reader = ReaderInput(
        targets=[1, 2], new_lesions={1: [2, 3]}, states={(2, 1): LesionState.ABSENT}
    )
    split = LesionEvent(EventKind.SPLIT, 1, (2, 3), "two parts")
    found = course({1: [20, 20], 2: [20, None], 3: [None, 9]}, reader=reader, events=(split,))
    left = found.without([2])
    assert sorted(left.by_id) == [1, 3]
    assert (left.reader.targets, left.reader.new_lesions) == ((1,), {1: (3,)})
    assert (left.reader.states, left.events) == ({}, ())
    assert found.without([]) is found


def test_lesions_are_called_by_the_names_of_their_table():
    lesions = (Lesion(1, "1.2.1", name="T01"), Lesion(2, "1.2.2"))
    found = course_of(figures({1: [20], 2: [10]}, "longest_diameter"), lesions=lesions)
    assert found.called(1) == "T01"
    assert found.called(2, 1) == "2, T01"
