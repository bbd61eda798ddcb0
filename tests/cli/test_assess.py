"""``imgcompare assess`` and ``imgcompare repeatability`` as a person runs them."""

import csv
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_bad_input import refused

HEADER = "subject,timepoint,date,lesion,role,site,quantity,value,unit"
FILES = [
    *("assessments.csv", "assessments.json", "changes.csv", "measurements.csv"),
    *("provenance.json", "report.html", "responses.csv", "sdtm"),
]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rows = [
        f"{s},{t},2024-0{1 + 2 * t}-10,{i},target,organ {i},longest_diameter,{mm},mm"
        for s, lesions in (("P1", ((50, 35, 40), (30, 20, 22))), ("P2", ((40, 52, 60),)))
        for i, row in enumerate(lesions, start=1)
        for t, mm in enumerate(row)
    ]
    path = tmp_path / "figures.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    return path


def test_a_table_becomes_a_report(run: Run, table: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    code, text, _ = run("assess", table, "-o", out, "--criteria", "recist_1_1")
    assert code == 0
    assert "RECIST 1.1" in text
    assert "PR" in text
    assert sorted(p.name for p in out.iterdir()) == FILES
    assert sorted(p.name for p in (out / "sdtm").iterdir()) == ["rs.csv", "tr.csv", "tu.csv"]
    with (out / "responses.csv").open(newline="") as file:
        best = {r["subject"]: r["best"] for r in csv.DictReader(file)}
    assert best == {"P1": "PR", "P2": "PD"}
    page = (out / "report.html").read_text("utf-8")
    assert "not for clinical use" in page
    assert "http" not in page.replace("http://www.w3.org", "")
    assert str(tmp_path) not in page + (out / "provenance.json").read_text("utf-8")


def test_settings_reach_a_criterion(run: Run, table: Path, tmp_path: Path) -> None:
    setting = ("--set", "recist_1_1.confirm=yes")
    code, _, _ = run("assess", table, "-o", tmp_path / "o", "--criteria", "recist_1_1", *setting)
    assert code == 0
    documents = json.loads((tmp_path / "o" / "assessments.json").read_text("utf-8"))
    assert documents[0]["responses"][0]["best"] == "SD"  # PR, then SD: not confirmed


def test_what_assess_exports_it_reads_again(run: Run, table: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    options = ("--criteria", "recist_1_1")
    assert run("assess", table, "-o", first, *options)[0] == 0
    assert run("assess", "--sdtm", first / "sdtm", "-o", second, *options)[0] == 0
    assert run("assess", first / "measurements.csv", "-o", tmp_path / "c", *options)[0] == 0

    def categories(folder: Path) -> list[tuple[str, str]]:
        with (folder / "assessments.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        return [(r["subject"], r["category"]) for r in rows if r["criterion"] == "RECIST 1.1"]

    assert categories(first) == categories(second) == categories(tmp_path / "c")


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("P1,3,2024-09-10,1,target,organ 1,longest_diameter,-3,mm", "row 11, column value"),
        ("P1,3,2023-09-10,1,target,organ 1,longest_diameter,3,mm", "row 11, column date"),
        ("P1,0,2024-02-10,1,target,organ 1,longest_diameter,3,mm", "row 11, column date"),
        ("P1,3,2024-09-10,1,target,organ 1,longest_diameter,3,", "row 11, column unit"),
        ("P1,3,2024-09-10,1,king,organ 1,longest_diameter,3,mm", "row 11, column role"),
    ],
)
def test_impossible_input_is_one_line(
    run: Run, table: Path, tmp_path: Path, row: str, problem: str
) -> None:
    table.write_text(table.read_text() + row + "\n")
    refused(run("assess", table, "-o", tmp_path / "out"), "figures.csv", problem)
    assert not (tmp_path / "out").exists()


def test_unknown_names_and_missing_files_are_one_line(
    run: Run, table: Path, tmp_path: Path
) -> None:
    out = ("-o", tmp_path / "out")
    refused(run("assess", table, *out, "--criteria", "recits"), "no criterion recits")
    refused(run("assess", table, *out, "--set", "confirm=yes"), "CRITERION.SETTING=VALUE")
    refused(run("assess", *out), "Give a table of measurements")
    refused(run("assess", tmp_path / "no.csv", *out), "no table no.csv")
    refused(run("assess", "--sdtm", tmp_path, *out), "tu.csv")
    refused(run("assess", table, *out, "--events", tmp_path / "no.csv"), "no table no.csv")
    refused(run("assess", table, *out, "--repeatability", table), "repeatability settings")


def test_own_repeatability(run: Run, table: Path, tmp_path: Path) -> None:
    retest, local = tmp_path / "retest.csv", tmp_path / "local.json"
    pairs = ((10, 11), (20, 19), (30, 33), (40, 38))
    retest.write_text(
        "quantity,first,second,unit\n" + "".join(f"longest_diameter,{a},{b},mm\n" for a, b in pairs)
    )
    code, text, err = run("repeatability", retest, "-o", local)
    assert code == 0
    for figure in ("1.37 mm", "3.8 ", "5.41%", "15.0 ", "-13.9 / +16.2 %"):  # criteria.md §6
        assert figure in text
    assert "4 pairs are few" in err
    out = tmp_path / "out"
    given = ("--criteria", "recist_1_1", "--repeatability", local)
    assert run("assess", table, "-o", out, *given)[0] == 0
    assert "own test-retest data (retest.csv, 4 pairs" in (out / "changes.csv").read_text("utf-8")
    retest.write_text("quantity,first,second,unit\nlongest_diameter,10,,mm\n")
    refused(run("repeatability", retest), "row 2, column second")
