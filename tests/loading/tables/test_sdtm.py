"""SDTM tables: what the domains become; overall responses are compared in tests/pipeline."""

import datetime as dt

import pytest

from imgcompare.errors import InputError
from imgcompare.loading.tables import read_sdtm
from imgcompare.model import LesionRole, LesionState, Response

TU = "USUBJID,TULNKID,TUTESTCD,TUORRES,TULOC,TUEVAL"
TR = "USUBJID,TRLNKID,TRTESTCD,TRORRES,TRORRESU,VISITNUM,TRDTC,TREVAL,TRSTAT"
TUMOURS = (
    "S1,T01,TUMIDENT,TARGET,LIVER,INVESTIGATOR",
    "S1,T02,TUMIDENT,TARGET,LYMPH NODE,INVESTIGATOR",
    "S1,NT01,TUMIDENT,NON-TARGET,LUNG,INVESTIGATOR",
    "S1,N01,TUMIDENT,NEW,BRAIN,INVESTIGATOR",
    "S1,T01,TUSPLIT,SPLIT,LIVER,INVESTIGATOR",
)
RESULTS = (
    "S1,T01,LDIAM,3.2,cm,1,2024-01-10,INVESTIGATOR,",
    "S1,T02,LPERP,18,mm,1,2024-01-10,INVESTIGATOR,",
    "S1,T02,LDIAM,30,mm,1,2024-01-10,INVESTIGATOR,",
    "S1,NT01,TUMSTATE,PRESENT,,1,2024-01-10,INVESTIGATOR,",
    "S1,,SUMDIAM,50,mm,1,2024-01-10,INVESTIGATOR,",
    "S1,T01,LDIAM,,,2,2024-03,INVESTIGATOR,NOT DONE",
    "S1,T02,TUMSTATE,ABSENT,,2,2024-03,INVESTIGATOR,",
    "S1,NT01,TUMSTATE,UNEQUIVOCAL PROGRESSION,,2,2024-03,INVESTIGATOR,",
    "S1,N01,LDIAM,12,mm,2,2024-03,INVESTIGATOR,",
)


@pytest.fixture
def folder(tmp_path):
    def write(tumours=TUMOURS, results=RESULTS):
        (tmp_path / "tu.csv").write_text("\n".join((TU, *tumours)) + "\n")
        (tmp_path / "tr.csv").write_text("\n".join((TR, *results)) + "\n")
        return tmp_path

    return write


def test_domains_become_a_course(folder):
    (course,) = read_sdtm(folder())
    names = {x.name: x for x in course.lesions}
    assert names["N01"].role is LesionRole.NEW
    assert names["T02"].nodal
    figures = {(m.lesion_id, m.timepoint_index, m.quantity): m.value for m in course.measurements}
    liver, node = names["T01"].id, names["T02"].id
    assert figures[liver, 0, "longest_diameter"] == 32.0
    assert figures[node, 0, "short_axis"] == 18.0
    assert figures[node, 1, "short_axis"] == 0.0
    assert course.reader.states[liver, 1] is LesionState.NE
    assert course.reader.non_target == {1: Response.PD}
    assert course.reader.new_lesions == {1: (names["N01"].id,)}
    assert [t.date for t in course.course.timepoints] == [dt.date(2024, 1, 10), None]


def test_each_evaluator_is_a_course(shared_data):
    courses = read_sdtm(shared_data / "recist_vectors")
    assert len(courses) == 8 * 3
    assert len({c.evaluator for c in courses}) == 3


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("S1,T09,LDIAM,3,mm,1,,INVESTIGATOR,", "row 2, column trlnkid: 'T09' is in no TU record"),
        ("S1,T01,LDIAM,3,furlong,1,,INVESTIGATOR,", "row 2, column trorresu: 'furlong'"),
        ("S1,T01,LDIAM,3,,1,,INVESTIGATOR,", "row 2, column trorresu: is empty"),
        ("S1,T01,LDIAM,-3,mm,1,,INVESTIGATOR,", "row 2, column trorres: -3 is below 0"),
        ("S1,T01,LDIAM,3,mm,,,INVESTIGATOR,", "row 2, column visitnum: is empty"),
        ("S1,T01,LDIAM,3,mm,1,2024-02-31,INVESTIGATOR,", "row 2, column trdtc: '2024-02-31'"),
        ("S1,NT01,TUMSTATE,HUGE,,1,,INVESTIGATOR,", "row 2, column trorres: 'HUGE' is unknown"),
    ],
)
def test_impossible_records_name_row_and_column(folder, row, problem):
    with pytest.raises(InputError, match=problem):
        read_sdtm(folder(results=(row,)))


def test_a_missing_domain_is_named(folder):
    path = folder()
    (path / "tu.csv").unlink()
    with pytest.raises(InputError, match=r"one table tu\.csv .*there is: none"):
        read_sdtm(path)
