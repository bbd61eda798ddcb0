import csv
import dataclasses
import io
import json
import math
from pathlib import Path

import pytest

from imgcompare.model import Comparison, Measurement, Reason
from imgcompare.reporting import tables

DESIGN_COLUMNS = (
    "subject,timepoint,date,lesion,role,site,compartment,quantity,value,unit,"
    "ci_low,ci_high,method,series,flags"
)


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_measurement_columns_are_those_of_the_contract(written: Path) -> None:
    first = (written / "measurements.csv").read_text("utf-8").splitlines()[0]
    assert first == DESIGN_COLUMNS


def test_measurements_read_back_exactly(comparison: Comparison, written: Path) -> None:
    rows = read(written / "measurements.csv")
    assert len(rows) == len(comparison.measurements) > 0
    for row, m in zip(rows, comparison.measurements, strict=True):
        assert float(row["value"]) == m.value
        assert (row["ci_low"] == "") == math.isnan(m.ci_low)
        assert row["ci_low"] == "" or float(row["ci_low"]) == m.ci_low
        assert (int(row["lesion"]), int(row["timepoint"])) == (m.lesion_id, m.timepoint_index)
        assert (row["compartment"], row["quantity"], row["unit"]) == (
            m.compartment,
            m.quantity,
            m.unit,
        )
        assert row["role"] == "target"
        assert row["date"] == ("2024-01-10", "2024-03-06")[m.timepoint_index]


def test_changes_read_back_exactly(comparison: Comparison, written: Path) -> None:
    rows = read(written / "changes.csv")
    assert tuple(rows[0]) == tables.CHANGE_COLUMNS
    assert len(rows) == len(comparison.changes)
    for row, c in zip(rows, comparison.changes, strict=True):
        assert float(row["absolute"]) == c.absolute
        assert (row["percent"] == "") == math.isnan(c.percent)
        assert row["exceeds_error"] == c.exceeds_error.value
        assert row["days"] == "56"
        assert row["error_limit_percent"] == row["published_limit_percent"] == ""


def test_both_limits_of_a_change_are_in_its_row(comparison: Comparison) -> None:
    change = dataclasses.replace(comparison.changes[0], error_limit_percent=13.9,
                     published_limit_percent=22.2, published="±22 %, within")  # fmt: skip
    (values,) = tables.change_rows(dataclasses.replace(comparison, changes=(change,)))
    row = dict(zip(tables.CHANGE_COLUMNS, values, strict=True))
    limits = float(row["error_limit_percent"]), float(row["published_limit_percent"])
    assert (*limits, row["published"]) == (13.9, 22.2, "±22 %, within")


def test_assessments_as_table_and_json(comparison: Comparison, written: Path) -> None:
    rows = read(written / "assessments.csv")
    assert tuple(rows[0]) == tables.ASSESSMENT_COLUMNS
    assert [r["criterion"] for r in rows] == ["RECIST 1.1", "observation"]
    assert rows[0]["category"] == comparison.assessments[0].category
    assert "target.sum: sum of diameters" in rows[0]["reasons"]
    document = json.loads((written / "assessments.json").read_text("utf-8"))
    reason = document["assessments"][0]["reasons"][0]
    assert reason["value"] == comparison.assessments[0].reasons[0].value
    assert [o["text"] for o in document["observations"]] == [
        o.text for o in comparison.observations
    ]
    assert document["notice"] == "Research tool, not for clinical use"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (float("nan"), ""),
        (float("inf"), ""),
        (0.1, "0.1"),
        (1e-7, "1e-07"),
        (("a", "b"), "a;b"),
        (3, "3"),
    ],
)
def test_cells(value: object, text: str) -> None:
    assert tables.cell(value) == text


def test_text_with_commas_quotes_and_umlauts_survives(comparison: Comparison) -> None:
    m = Measurement(9, 0, "whole", "volume", 1.5, "mL", method='a, "b"\nµ', flags=("X", "Y"))
    changed = dataclasses.replace(comparison, measurements=(m,))
    text = tables.csv_text(tables.MEASUREMENT_COLUMNS, tables.measurement_rows(changed))
    row = next(iter(csv.DictReader(io.StringIO(text))))
    assert row["method"] == 'a, "b"\nµ'
    assert row["flags"] == "X;Y"
    assert row["role"] == ""  # lesion 9 is unknown


def test_reasons_name_rule_value_and_threshold() -> None:
    assert tables.reason_text(Reason("r1", "grew", 24.5, 20.0)) == (
        "r1: grew (value 24.5; threshold 20)"
    )
    assert tables.reason_text(Reason("r2", "no figures")) == "r2: no figures"
