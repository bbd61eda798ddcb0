"""States of lesions and of their parts, as people type them; splits and mergers."""

import itertools

import pytest

from imgcompare.errors import InputError
from imgcompare.loading.tables import read_measurements
from imgcompare.model import LesionRole, LesionState, Response
from imgcompare.response import CourseReadings
from imgcompare.response.readings import Reading

S = LesionState
HEADER = "timepoint,lesion,role,nodal,compartment,quantity,value,unit,state,split_from,merged_into"
BASE = (
    "0,1,target,no,whole,longest_diameter,50,mm,,,",
    "0,1,target,no,whole,volume,30,mL,,,",
    "0,1,target,no,enhancing,volume,20,mL,,,",
    "0,1,target,no,enhancing,longest_diameter,40,mm,,,",
    "0,1,target,no,whole,mean_intensity,60,HU,,,",
)
LATER = "1,1,target,no"


@pytest.fixture
def table(tmp_path):
    def read(*rows, base=BASE):
        path = tmp_path / "figures.csv"
        path.write_text("\n".join((HEADER, *base, *rows)) + "\n")
        (course,) = read_measurements(path)
        return course

    return read


def readings(course):
    return CourseReadings(
        lesions=course.lesions,
        measurements=course.measurements,
        dates=(None,) * len(course.course.timepoints),
        events=course.events,
        reader=course.reader,
    )


def at_1(course, quantity="longest_diameter", compartment="whole"):
    return readings(course).read(1, 1, quantity, compartment=compartment)


def test_a_part_that_is_absent_beside_a_measured_lesion_is_zero(table):
    """The natural way to type: no enhancing tissue left."""
    course = table(
        f"{LATER},whole,longest_diameter,45,mm,,,", f"{LATER},enhancing,volume,,,absent,,"
    )
    assert course.reader.states == {}
    assert at_1(course).value == 45
    assert at_1(course, "volume", "enhancing").state is S.ABSENT
    assert at_1(course, "longest_diameter", "enhancing").state is S.ABSENT  # all of that part
    assert at_1(course, "volume").state is S.NE  # nobody typed the volume


def test_a_part_may_be_absent_without_naming_a_quantity(table):
    course = table(f"{LATER},whole,longest_diameter,45,mm,,,", f"{LATER},enhancing,,,,absent,,")
    assert at_1(course, "volume", "enhancing").state is S.ABSENT


def test_a_lesion_that_is_absent_is_zero_in_all_its_sizes_and_has_no_density(table):
    course = table(f"{LATER},whole,,,,absent,,")
    found = {(m.compartment, m.quantity): m.value for m in course.measurements
             if m.timepoint_index == 1}  # fmt: skip
    assert set(found.values()) == {0.0}
    assert ("whole", "mean_intensity") not in found
    assert ("enhancing", "volume") in found


@pytest.mark.parametrize(
    ("rows", "quantity", "compartment", "expected"),
    [
        # one figure was not evaluated, another was: the lesion was seen
        (
            ("whole,volume,,,not_evaluated", "whole,longest_diameter,45,mm,"),
            "volume", "whole", Reading(1, S.NE),
        ),
        (
            ("whole,volume,,,not_evaluated", "whole,longest_diameter,45,mm,"),
            "longest_diameter", "whole", Reading(1, S.MEASURED, 45),
        ),
        (
            ("enhancing,volume,,,not_evaluated", "whole,longest_diameter,45,mm,"),
            "volume", "enhancing", Reading(1, S.NE),
        ),
        # too small: 5 mm by convention, a number that is given wins
        (("whole,longest_diameter,,,too_small",), "longest_diameter", "whole",
         Reading(1, S.TOO_SMALL, 5)),
        (("whole,longest_diameter,4,mm,too_small",), "longest_diameter", "whole",
         Reading(1, S.MEASURED, 4)),
        (
            ("enhancing,longest_diameter,,,too_small", "whole,longest_diameter,45,mm,"),
            "longest_diameter", "enhancing", Reading(1, S.TOO_SMALL, 5),
        ),
        (
            ("enhancing,longest_diameter,,,too_small", "whole,longest_diameter,45,mm,"),
            "longest_diameter", "whole", Reading(1, S.MEASURED, 45),
        ),
        # gone, said twice in different ways
        (("whole,longest_diameter,0,mm,", "whole,volume,,,absent"), "volume", "whole",
         Reading(1, S.ABSENT)),
        (("whole,longest_diameter,,,absent", "whole,volume,,,not_evaluated"), "volume", "whole",
         Reading(1, S.ABSENT)),
        (("whole,longest_diameter,,,absent", "enhancing,volume,,,absent"), "volume", "enhancing",
         Reading(1, S.ABSENT)),
    ],
)  # fmt: skip
def test_rows_about_the_same_visit_join(table, rows, quantity, compartment, expected):
    course = table(*(f"{LATER},{row},," for row in rows))
    assert at_1(course, quantity, compartment) == expected


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (("whole,longest_diameter,45,mm,", "whole,volume,,,absent"), "is absent here and measured"),
        (("whole,longest_diameter,,,absent", "whole,volume,,,too_small"), "and too_small in row"),
        (("whole,longest_diameter,,,absent", "enhancing,volume,3,mL,"), "the enhancing part is"),
        (("whole,longest_diameter,,,merged", "whole,volume,3,mL,"), "is merged here and measured"),
        (("enhancing,volume,,,merged",), "lesions merge, not their enhancing part"),
        (("whole,longest_diameter,0,mm,too_small",), "0 contradicts the state too_small"),
        (("whole,longest_diameter,5,mm,absent",), "5 contradicts the state absent"),
        (("whole,longest_diameter,5,mm,not_evaluated",), "5 contradicts the state not_evaluated"),
    ],
)
def test_rows_that_contradict_each_other_are_refused(table, rows, problem):
    with pytest.raises(InputError, match=r"row \d+, column (state|value): .*") as refusal:
        table(*(f"{LATER},{row},," for row in rows))
    assert problem in str(refusal.value)


@pytest.mark.parametrize(
    ("value", "state", "expected"),
    [
        ("CR", "", Response.CR), ("", "absent", Response.CR), ("", "not_evaluated", Response.NE),
        ("", "too_small", Response.NON_CR_NON_PD), ("PD", "measured", Response.PD),
        ("NE", "not_evaluated", Response.NE),
    ],
)  # fmt: skip
def test_a_status_may_be_said_by_a_state(table, value, state, expected):
    course = table(f"1,2,non_target,no,,status,{value},,{state},,", f"{LATER},whole,,,,absent,,")
    assert course.reader.non_target == {1: expected}
    assert course.reader.statuses == {(2, 1): expected}


def test_a_status_that_contradicts_its_state_is_refused(table):
    with pytest.raises(InputError, match=r"row 7, column value: PD contradicts the state absent"):
        table("1,2,non_target,no,,status,PD,,absent,,")


def test_the_status_of_a_new_lesion_is_not_that_of_the_non_targets(table):
    rows = (f"{t},1,target,no,whole,longest_diameter,20,mm,,," for t in (1, 2))
    course = table(*rows, "2,9,new,no,,status,NON-CR/NON-PD,,,,")
    assert course.reader.non_target == {}
    assert course.reader.new_lesions == {2: (9,)}


def test_a_target_that_is_absent_at_baseline_is_refused(table):
    rows = ("0,1,target,no,whole,longest_diameter,,,absent,,",)
    with pytest.raises(InputError, match=r"row 2, column role: .*but is absent at baseline"):
        table(base=rows)


VALUES = {"status": "PD", "": "3"}


@pytest.mark.parametrize("role", ["", *LesionRole])
@pytest.mark.parametrize("quantity", ["", "longest_diameter", "mean_intensity", "status"])
def test_every_combination_is_read_or_refused_by_row_and_column(table, role, quantity):
    """Never anything but a course or one clear refusal."""
    unit = {"mean_intensity": "HU", "longest_diameter": "mm"}.get(quantity, "")
    for state, compartment, value in itertools.product(
        ("", *S), ("whole", "enhancing"), ("", "0", VALUES.get(quantity, "7"))
    ):
        row = f"1,2,{role},,{compartment},{quantity},{value},{unit},{state},,"
        problem = ""
        try:
            readings(table(row, f"{LATER},whole,longest_diameter,45,mm,,,"))
        except InputError as refusal:
            problem = str(refusal)
        assert not problem or ("figures.csv, row " in problem and ", column " in problem)


LINKS = [
    ("1,2,target,no,whole,longest_diameter,9,mm,,2,", "split_from: lesion 2 cannot be linked to"),
    ("1,2,target,no,whole,longest_diameter,9,mm,,7,", "split_from: there is no lesion '7'"),
    ("0,1,target,no,whole,short_axis,9,mm,,1,", "split_from: lesion 1 cannot be linked to itself"),
    ("0,2,target,no,whole,longest_diameter,9,mm,,1,", "split_from: lesions can split or merge"),
    ("1,2,new,no,whole,longest_diameter,9,mm,,1,", "split_from: lesion 2 is typed as new"),
    ("1,2,,no,whole,longest_diameter,9,mm,measured,,1", "state: measured contradicts merged_into"),
    ("1,2,,no,whole,longest_diameter,9,mm,,,1", "value: 9 contradicts the state merged"),
]


@pytest.mark.parametrize(("row", "problem"), LINKS)
def test_impossible_links_are_refused(table, row, problem):
    with pytest.raises(InputError, match=r"row 7, column ") as refusal:
        table(row)
    assert problem in str(refusal.value)


def test_a_part_of_a_part_and_two_parents_are_refused(table):
    part = "1,{},,no,whole,longest_diameter,9,mm,,{},"
    with pytest.raises(InputError, match="lesion 2 is linked itself; link 3 to the lesion"):
        table(part.format(2, 1), part.format(3, 2))
    base = (*BASE, "0,4,,no,whole,longest_diameter,9,mm,,,")
    with pytest.raises(InputError, match="linked to 1 in row 8 and to 4 here"):
        table(part.format(2, 1), part.format(2, 4).replace("longest_diameter", "short_axis"),
              base=base)  # fmt: skip
