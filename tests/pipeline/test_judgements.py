"""What a reader decides about lesions of images, from a table to the criteria."""

import datetime as dt

import pytest

from imgcompare.errors import InputError
from imgcompare.loading.tables import read_judgements
from imgcompare.model import Course, Lesion, LesionRole, ReaderFinding, Response, Timepoint
from imgcompare.pipeline.judgements import with_judgements

HEADER = "lesion,role,site,nodal,timepoint,quantity,value"
DATES = (dt.date(2024, 1, 10), dt.date(2024, 3, 6), dt.date(2024, 5, 1))
COURSE = Course("P1", tuple(Timepoint(n, d, (), {}) for n, d in enumerate(DATES)), 0)
LESIONS = (Lesion(1, "1"), Lesion(2, "2"), Lesion(3, "3", role=LesionRole.NEW))
SEEN = {1: 0, 2: 0, 3: 1}


@pytest.fixture
def judged(tmp_path):
    def read(*rows, header=HEADER):
        path = tmp_path / "reader.csv"
        path.write_text("\n".join((header, *rows)) + "\n")
        return with_judgements(LESIONS, read_judgements(path), COURSE, first_seen=SEEN)

    return read


def test_without_a_table_nothing_is_decided():
    lesions, reader = with_judgements(LESIONS, (), COURSE, first_seen=SEEN)
    assert lesions == LESIONS
    assert (reader.targets, dict(reader.new_lesions)) == (None, {})


def test_targets_new_lesions_statuses_and_findings(judged):
    lesions, reader = judged(
        "1,target,liver,,,,",
        "2,,neck,yes,,,",
        "3,new,lung,,,,",
        "2,,,,2024-03-06,status,NON-CR/NON-PD",
        "2,,,,2,status,PD",
        ",,,,2024-05-01,finding,cr_overcalled",
    )
    assert [(x.role.value, x.site, x.nodal) for x in lesions] == [
        ("target", "liver", False), ("non_target", "neck", True), ("new", "lung", False),
    ]  # fmt: skip
    assert reader.targets == (1,)
    assert reader.new_lesions == {1: (3,)}
    assert reader.non_target == {1: Response.NON_CR_NON_PD, 2: Response.PD}
    assert reader.findings == {2: (ReaderFinding.CR_OVERCALLED,)}


def test_a_new_lesion_may_be_dated_by_the_reader(judged):
    assert judged("3,new,,,2024-05-01,,")[1].new_lesions == {2: (3,)}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("7,target,,,,,", "row 2, column lesion: there is no lesion 7; there are: 1, 2, 3"),
        ("one,target,,,,,", "row 2, column lesion: 'one' is not the number"),
        (",target,,,,,", "row 2, column lesion: is empty"),
        ("1,king,,,,,", "row 2, column role: 'king' is unknown"),
        ("1,new,,,,,", "row 2, column role: lesion 1 is there at the baseline"),
        ("1,,,maybe,,,", "row 2, column nodal: 'maybe' is neither"),
        ("1,,,,2025-01-01,status,PD", "row 2, column timepoint: Timepoint '2025-01-01' is not"),
        ("1,,,,,status,PD", "row 2, column timepoint: is empty"),
        ("1,,,,1,status,SD", "row 2, column value: 'SD' is unknown"),
        ("1,,,,1,status,", "row 2, column value: is empty"),
        ("1,,,,1,,PD", "row 2, column quantity: is empty"),
        ("1,,,,1,volume,5", "row 2, column quantity: 'volume' is unknown"),
    ],
)
def test_impossible_rows_name_row_and_column(judged, row, problem):
    with pytest.raises(InputError) as refusal:
        judged(row)
    assert problem in str(refusal.value)
