"""Typed tables: what they become, and that each impossible input names its row and column."""

import datetime as dt
import itertools
import random

import pytest

from imgcompare.errors import InputError
from imgcompare.loading.tables import read_measurements
from imgcompare.model import LesionRole, LesionState, ReaderFinding, Response

HEADER = "timepoint,date,lesion,role,site,nodal,compartment,quantity,value,unit,state"
ROWS = (
    "0,2024-01-10,1,target,liver,no,whole,longest_diameter,50,mm,measured",
    "0,2024-01-10,2,target,node,yes,whole,short_axis,2.2,cm,",
    "1,2024-03-06,1,target,liver,no,whole,longest_diameter,,,absent",
    "1,2024-03-06,2,target,node,yes,whole,short_axis,,,not_evaluated",
    "1,2024-03-06,3,non_target,lung,no,,status,NON-CR/NON-PD,,",
    "2,2024-05-01,1,target,liver,no,whole,longest_diameter,4,mm,too_small",
    "2,2024-05-01,2,target,node,yes,whole,short_axis,12,mm,",
    "2,2024-05-01,3,non_target,lung,no,,status,PD,,",
    "2,2024-05-01,4,new,brain,no,whole,longest_diameter,11,mm,",
    "2,2024-05-01,,,,,,finding,outside_radiation_field,,",
)


@pytest.fixture
def table(tmp_path):
    def write(rows, header=HEADER):
        path = tmp_path / "figures.csv"
        path.write_text("\n".join((header, *rows)) + "\n")
        return path

    return write


def read_one(path):
    (course,) = read_measurements(path)
    return course


@pytest.fixture
def course(table):
    return read_one(table(ROWS))


def test_lesions_and_timepoints(course):
    assert [t.date for t in course.course.timepoints] == [
        dt.date(2024, 1, 10), dt.date(2024, 3, 6), dt.date(2024, 5, 1),
    ]  # fmt: skip
    assert {x.id: x.role for x in course.lesions} == {
        1: LesionRole.TARGET, 2: LesionRole.TARGET, 3: LesionRole.NON_TARGET, 4: LesionRole.NEW,
    }  # fmt: skip
    assert [x.id for x in course.lesions if x.nodal] == [2]
    assert course.course.baseline_index == 0


def test_figures_states_and_reader_input(course):
    figures = {(m.lesion_id, m.timepoint_index): m for m in course.measurements}
    assert figures[2, 0].value == 22.0
    assert figures[2, 0].unit == "mm"
    assert figures[1, 1].value == 0.0  # absent is zero, not evaluated is nothing
    assert (2, 1) not in figures
    assert (figures[1, 2].value, figures[1, 2].flags) == (4.0, ())  # a number that is given wins
    assert course.reader.targets == (1, 2)
    assert course.reader.non_target == {1: Response.NON_CR_NON_PD, 2: Response.PD}
    assert course.reader.new_lesions == {2: (4,)}
    assert course.reader.states == {
        (1, 1): LesionState.ABSENT, (2, 1): LesionState.NE, (1, 2): LesionState.TOO_SMALL,
    }  # fmt: skip
    assert course.reader.findings == {2: (ReaderFinding.OUTSIDE_RADIATION_FIELD,)}


def test_the_order_of_rows_changes_nothing(table, course):
    rows = list(ROWS)
    random.Random(3).shuffle(rows)
    again = read_one(table(rows))
    assert repr(again.measurements) == repr(course.measurements)  # NaN is not NaN
    assert again.lesions == course.lesions
    assert again.reader == course.reader


@pytest.mark.parametrize(
    ("quantity", "small", "large"),
    [
        ("longest_diameter", "24.0,mm", "2.4,cm"),
        ("bidimensional_product", "240,mm2", "2.4,cm²"),
        ("volume", "2.4,mL", "2400,mm3"),
    ],
)
def test_units_change_nothing(table, quantity, small, large):
    rows = [f"0,,1,target,,,whole,{quantity},{v}," for v in (small, large)]
    a, b = (read_one(table([row])).measurements[0] for row in rows)
    assert a.value == pytest.approx(b.value)
    assert a.unit == b.unit


def test_subjects_and_evaluators_are_courses_of_their_own(table):
    rows = [
        f"{s},{e},0,1,longest_diameter,20,mm"
        for s, e in itertools.product(("B", "A"), ("r2", "r1"))
    ]
    courses = read_measurements(
        table(rows, "subject,evaluator,timepoint,lesion,quantity,value,unit")
    )
    assert [(c.course.subject, c.evaluator) for c in courses] == [
        ("A", "r1"), ("A", "r2"), ("B", "r1"), ("B", "r2"),
    ]  # fmt: skip


def test_names_of_lesions_are_kept_and_numbered_in_order(table):
    rows = [f"0,,{name},target,,,whole,longest_diameter,20,mm," for name in ("T10", "T2")]
    assert [(x.id, x.name) for x in read_one(table(rows)).lesions] == [(1, "T2"), (2, "T10")]


def test_more_targets_than_the_criteria_allow_are_candidates(table):
    rows = [f"0,,{n},target,liver,,whole,longest_diameter,20,mm," for n in (1, 2, 3)]
    course = read_one(table(rows))
    assert course.reader.targets is None
    assert "3 lesions are typed as targets" in course.warnings[0]


def test_spreadsheets_with_semicolons_and_decimal_commas(table):
    path = table(["0;1;longest_diameter;12,5;mm"], "timepoint;lesion;quantity;value;unit")
    assert read_one(path).measurements[0].value == 12.5


def test_a_baseline_may_follow_an_earlier_scan(table):
    header = "timepoint,baseline,lesion,quantity,value,unit"
    rows = ["0,,1,longest_diameter,20,mm", "1,yes,1,longest_diameter,24,mm"]
    assert read_one(table(rows, header)).course.baseline_index == 1


BASE = "0,2024-01-10,1,target,liver,no,whole,longest_diameter,50,mm,"
REFUSALS = [
    ("1,2024-03-06,1,target,liver,no,whole,longest_diameter,-3,mm,", 3, "value", "-3 is below 0"),
    ("1,2024-03-06,1,target,liver,no,whole,longest_diameter,nan,mm,", 3, "value", "not a finite"),
    ("1,2024-03-06,1,target,liver,no,whole,longest_diameter,big,mm,", 3, "value", "not a number"),
    ("1,2024-03-06,1,target,liver,no,whole,longest_diameter,,mm,", 3, "value", "is empty"),
    ("1,2023-03-06,1,target,liver,no,whole,longest_diameter,5,mm,", 3, "date", "is not after"),
    ("1,2024-13-06,1,target,liver,no,whole,longest_diameter,5,mm,", 3, "date", "no date"),
    ("0,2024-02-10,2,target,lung,no,whole,longest_diameter,5,mm,", 3, "date", "two dates"),
    ("1,2024-03-06,1,target,liver,no,whole,longest_diameter,5,,", 3, "unit", "is empty"),
    ("1,2024-03-06,1,target,liver,no,whole,longest_diameter,5,inch,", 3, "unit", "no unit of"),
    ("1,2024-03-06,1,target,liver,no,whole,volume,5,mm,", 3, "unit", "no unit of volume"),
    ("1,2024-03-06,1,tarmac,liver,no,whole,longest_diameter,5,mm,", 3, "role", "'tarmac'"),
    ("1,2024-03-06,1,target,lung,no,whole,longest_diameter,5,mm,", 3, "site", "in another row"),
    ("1,2024-03-06,1,target,liver,maybe,whole,longest_diameter,5,mm,", 3, "nodal", "yes nor no"),
    ("1,2024-03-06,1,target,liver,no,half,longest_diameter,5,mm,", 3, "compartment", "'half'"),
    ("1,2024-03-06,1,target,liver,no,whole,length,5,mm,", 3, "quantity", "'length'"),
    ("1,2024-03-06,1,target,liver,no,whole,longest_diameter,5,mm,gone", 3, "state", "'gone'"),
    (
        "1,2024-03-06,1,target,liver,no,whole,longest_diameter,5,mm,absent",
        3,
        "value",
        "contradicts",
    ),
    ("1,,1,target,liver,no,whole,longest_diameter,5,mm,not_evaluated", 3, "value", "contradicts"),
    (
        "0,2024-01-10,1,target,liver,no,whole,longest_diameter,51,mm,",
        3,
        "quantity",
        "row 2 already",
    ),
    ("1,2024-03-06,1,target,liver,no,,status,PD,,", 3, "quantity", "is for non-targets"),
    ("1,2024-03-06,2,non_target,liver,no,,status,SD,,", 3, "value", "'SD' is unknown"),
    ("1,2024-03-06,2,target,liver,no,whole,longest_diameter,5,mm,", 3, "role", "at baseline"),
    ("0,2024-01-10,2,new,liver,no,whole,longest_diameter,5,mm,", 3, "role", "at the baseline"),
    ("1,2024-03-06,2,new,liver,no,whole,longest_diameter,0,mm,", 3, "role", "no timepoint"),
    (",,1,target,liver,no,whole,longest_diameter,5,mm,", 3, "date", "so is the timepoint"),
    ("week 6,,1,target,liver,no,whole,longest_diameter,5,mm,", 3, "date", "put in order"),
    ("nan,,1,target,liver,no,whole,longest_diameter,5,mm,", 3, "date", "put in order"),
    ("1,2024-03-06,1,target,liver,no,whole,longest_diameter,5000,mm,", 3, "value", "a person can"),
    ("1,2024-03-06,1,target,liver,no,whole,volume,1e300,mL,", 3, "value", "more than a person"),
    ("1,2024-03-06,1,target,liver,no,whole,volume,1e999,mL,", 3, "value", "not a finite"),
    ("1,2024-03-06,1,target,liver,no,whole,volume,1_000,mL,", 3, "value", "not a number"),
    ("1,2024-03-06,1,target,liver,no,whole,mean_intensity,-2000,HU,", 3, "value", "less than air"),
    ("0,2024-01-10,1,target,liver,no,whole,perpendicular_diameter,60,mm,", 3, "value", "longest"),
    (
        "0,2024-01-10,1,target,liver,no,enhancing,longest_diameter,60,mm,",
        3,
        "value",
        "whole lesion",
    ),
    ("1,2024-03-06,1,target,liver,yes,whole,longest_diameter,5,mm,", 3, "nodal", "'yes' here and"),
    ("1,2024-03-06,1,new,liver,no,whole,longest_diameter,5,mm,", 3, "role", "'new' here and"),
]


@pytest.mark.parametrize(("row", "number", "column", "problem"), REFUSALS)
def test_impossible_input_names_row_and_column(table, row, number, column, problem):
    with pytest.raises(InputError) as refusal:
        read_measurements(table([BASE, row]))
    text = str(refusal.value)
    assert f"figures.csv, row {number}, column {column}: " in text
    assert problem in text


def test_a_product_must_be_that_of_its_diameters(table):
    rows = [
        f"0,,1,target,,,whole,{q},"
        for q in ("longest_diameter,50,mm", "perpendicular_diameter,40,mm",
                  "bidimensional_product,5,mm2")
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"row 4, column value: .* not the product of 50 and 40"):
        read_measurements(table(rows))


def test_oedema_and_t2_flair_may_be_larger_than_the_lesion(table):
    rows = [
        f"0,,1,target,,,{part},volume,{value},mL,"
        for part, value in (("whole", 10), ("oedema", 60), ("t2_flair", 70), ("enhancing", 10.2))
    ]
    assert len(read_one(table(rows)).measurements) == 4


def test_intervals_must_hold_their_figure(table):
    header = "timepoint,lesion,quantity,value,unit,ci_low,ci_high"
    for low, high, column in (("6", "", "ci_low"), ("", "4", "ci_high"), ("-1", "9", "ci_low")):
        with pytest.raises(InputError, match=f"row 2, column {column}"):
            read_measurements(table([f"0,1,volume,5,mL,{low},{high}"], header))


def test_1_and_01_are_two_names(table):
    rows = [f"0,,{name},target,,,whole,longest_diameter,20,mm," for name in ("1", "01")]
    assert [x.name for x in read_one(table(rows)).lesions] == ["01", "1"]


def test_a_subject_left_out_in_some_rows_is_refused(table):
    header = "subject,timepoint,lesion,quantity,value,unit"
    rows = ["A,0,1,volume,5,mL", ",1,1,volume,6,mL"]
    with pytest.raises(InputError, match=r"row 3, column subject: is empty, and other rows name"):
        read_measurements(table(rows, header))


CELLS = {
    "timepoint": ["0", "1", "2", "x", ""],
    "date": ["2024-01-10", "2024-05-01", "", "soon"],
    "lesion": ["1", "2", "A", "01", ""],
    "role": ["target", "new", "non_target", ""],
    "nodal": ["yes", "no", ""],
    "compartment": ["whole", "enhancing", ""],
    "quantity": ["longest_diameter", "volume", "short_axis", "status", "finding", ""],
    "value": ["5", "50", "0", "", "PD", "no_washout", "-3"],
    "unit": ["mm", "mL", "", "cm"],
    "state": ["", *LesionState],
    "split_from": ["", "", "1", "2"],
    "merged_into": ["", "", "1", "2"],
}
SOUND = [
    {"timepoint": str(t), "date": date, "lesion": str(i), "role": "target", "value": str(30 + i),
     "quantity": "longest_diameter", "unit": "mm"}
    for t, date in enumerate(("2024-01-10", "2024-03-06", "2024-05-01"))
    for i in (1, 2)
]  # fmt: skip


def test_any_table_is_read_or_refused_by_row_and_column(table):
    """Some cells of a sound table are replaced, some rows added: never a traceback."""
    draw = random.Random(7)
    for _ in range(150):
        rows = [dict(r) for r in SOUND]
        for _ in range(draw.randint(1, 3)):
            if draw.random() < 0.4:
                rows.append({c: draw.choice(v) for c, v in CELLS.items() if draw.random() < 0.6})
            else:
                column = draw.choice(list(CELLS))
                draw.choice(rows)[column] = draw.choice(CELLS[column])
        path = table([",".join(r.get(c, "") for c in CELLS) for r in rows], ",".join(CELLS))
        problem = ""
        try:
            read_measurements(path)
        except InputError as refusal:
            problem = str(refusal)
        assert not problem or ("row " in problem and "column " in problem), problem


@pytest.mark.parametrize(
    ("rows", "header", "problem"),
    [
        (["0,1,20"], "timepoint,lesion,value", "column quantity is missing"),
        (["1,volume,20"], "lesion,quantity,value", "needs a column timepoint or date"),
        (["0,1,volume,2,x"], "timepoint,lesion,quantity,value,nodel", "column 'nodel' is unknown"),
        (["0,1,volume,2,x"], "timepoint,lesion,quantity,value,value", "value is there twice"),
        (["0,1,volume,2,mL,9"], "timepoint,lesion,quantity,value,unit", "6 cells for 5 columns"),
        ([], "timepoint,lesion,quantity,value", "no rows"),
    ],
)
def test_impossible_tables_are_refused(table, rows, header, problem):
    with pytest.raises(InputError, match=problem):
        read_measurements(table(rows, header))


def test_two_baselines_are_refused(table):
    header = "timepoint,baseline,lesion,quantity,value,unit"
    rows = ["0,yes,1,longest_diameter,20,mm", "1,yes,1,longest_diameter,24,mm"]
    with pytest.raises(InputError, match=r"row 3, column baseline: 0 is the baseline already"):
        read_measurements(table(rows, header))


def test_files_that_are_no_tables_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"no table nowhere\.csv"):
        read_measurements(tmp_path / "nowhere.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00a,b")
    with pytest.raises(InputError, match="not UTF-8"):
        read_measurements(tmp_path / "binary.csv")
