import dataclasses
from decimal import Decimal

import pytest

from imgcompare.model import (
    Acquisition,
    EventKind,
    LesionEvent,
    LesionState,
    Measurement,
    Role,
    Series,
    Timepoint,
)
from imgcompare.response.figures import TOO_SMALL_FLAG
from imgcompare.response.readings import Reading, slice_thickness_of
from tests.builders import make_geometry, make_volume
from tests.response.courses import course, course_of, diameters, timepoints


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
