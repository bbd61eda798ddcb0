import datetime as dt

import pytest

from imgcompare.errors import InputError
from imgcompare.loading.tables import read_events
from imgcompare.model import ClinicalEventKind


@pytest.fixture
def table(tmp_path):
    def write(*rows, header="subject,date,event,value"):
        path = tmp_path / "events.csv"
        path.write_text("\n".join((header, *rows)) + "\n")
        return path

    return write


def test_events_are_in_order_of_date_by_subject(table):
    events = read_events(
        table(
            "A,2024-03-01,steroid_dose,4",
            "A,2024-01-20,radiotherapy end,",
            "A,2024-03-02,clinical_status,Stable",
            ",2024-02-01,surgery,resection",
        )
    )
    assert [e.kind for e in events["A"]] == [
        ClinicalEventKind.RADIOTHERAPY_END,
        ClinicalEventKind.STEROID_DOSE,
        ClinicalEventKind.CLINICAL_STATUS,
    ]
    assert [e.value for e in events["A"]] == ["", "4", "stable"]
    assert events[""][0].date == dt.date(2024, 2, 1)


def test_the_subject_column_may_be_left_out(table):
    assert read_events(table("2024-01-20,immunotherapy_start", header="date,event"))[""]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("A,2024-01-20,radiation,", "row 2, column event: 'radiation' is unknown"),
        ("A,,surgery,", "row 2, column date: is empty"),
        ("A,20 January,surgery,", "row 2, column date: '20 January' is no date"),
        ("A,2024-01-20,clinical_status,dead", "row 2, column value: 'dead' is unknown"),
        ("A,2024-01-20,clinical_status,", "row 2, column value: is empty"),
        ("A,2024-01-20,tumour_marker,purple", "row 2, column value: 'purple' is unknown"),
        ("A,2024-01-20,tumour_marker,", "row 2, column value: is empty"),
        ("A,2024-01-20,steroid_dose,-2", "row 2, column value: -2 is below 0"),
        ("A,2024-01-20,steroid_dose,lots", "row 2, column value: 'lots' is unknown"),
        ("A,2024-01-20,,", "row 2, column event: is empty"),
    ],
)
def test_impossible_events_name_row_and_column(table, row, problem):
    with pytest.raises(InputError, match=problem):
        read_events(table(row))
