"""What is exported as SDTM tables gives the same categories when it is read again."""

import io
from pathlib import Path

import pytest

from imgcompare.model import Comparison, EventKind
from imgcompare.options import AssessOptions
from imgcompare.pipeline import assess
from imgcompare.reporting.sdtm import sdtm_files

HEADER = (
    "subject,timepoint,date,baseline,lesion,role,site,nodal,quantity,value,unit,state,"
    "split_from,merged_into"
)
DATES = ("2023-11-01", "2024-01-10", "2024-02-21", "2024-04-03", "2024-05-15", "2024-06-26")


def row(t, lesion, value="", *, role="target", site="liver", **more):
    given = {"quantity": "longest_diameter", "unit": "mm", "nodal": "", "state": "", **more}
    base = "yes" if t == 1 else ""
    cells = ("S1", t, DATES[t], base, lesion, role, site, given["nodal"], given["quantity"])
    links = (given.get("split_from", ""), given.get("merged_into", ""))
    return ",".join(map(str, (*cells, value, given["unit"], given["state"], *links)))


def node(t, value="", **more):
    return row(t, "T3", value, site="neck", nodal="yes", quantity="short_axis", **more)


def status(t, lesion, word, role="non_target", **more):
    return row(t, lesion, word, role=role, site="bone", quantity="status", unit="", **more)


COURSES = {
    "every state": [
        *(row(t, "T1", mm) for t, mm in enumerate((45, 50, 30, 4))),
        row(4, "T1", state="absent"),
        row(5, "T1", 6),
        *(row(t, "T2", mm, site="lung") for t, mm in enumerate((20, 20, 12))),
        row(3, "T2", state="too_small", site="lung"),
        row(4, "T2", state="not_evaluated", site="lung"),
        *(node(t, mm) for t, mm in enumerate((15, 22, 16, 12, 9, 9))),
        *(status(t, "NT1", word) for t, word in ((1, "NON-CR/NON-PD"), (2, "NON-CR/NON-PD"))),
        status(3, "NT1", "", state="not_evaluated"),
        status(4, "NT1", "CR"),
        *(status(t, "NT2", "CR", nodal="yes") for t in (2, 3, 4)),
        status(5, "NT1", "PD"),
    ],
    "new lesions": [
        *(row(t, "T1", mm) for t, mm in ((1, 50), (2, 30), (3, 29), (4, 30))),
        row(3, "N1", 12, role="new", site="lung"),
        row(4, "N1", 18, role="new", site="lung"),
        status(4, "N2", "NON-CR/NON-PD", role="new"),
    ],
    "split": [
        *(row(t, "T1", mm) for t, mm in ((1, 50), (2, 45))),
        row(3, "T1a", 30, split_from="T1"),
        row(3, "T1b", 31, split_from="T1"),
        row(4, "T1a", 20, split_from="T1"),
        row(4, "T1b", 10, split_from="T1"),
    ],
    "merger": [
        *(row(t, "T1", mm) for t, mm in ((1, 30), (2, 32), (3, 60), (4, 61))),
        *(row(t, "T2", mm) for t, mm in ((1, 20), (2, 22))),
        row(3, "T2", merged_into="T1"),
    ],
    "merged without a name": [
        *(row(t, "T1", mm) for t, mm in ((1, 30), (2, 32), (3, 60))),
        *(row(t, "T2", mm) for t, mm in ((1, 20), (2, 22))),
        row(3, "T2", state="merged"),
    ],
    "targets left to the rules": [
        *(row(t, "a", mm, role="") for t, mm in ((1, 9), (2, 30), (3, 9))),
        *(row(t, "b", mm, role="") for t, mm in ((1, 40), (2, 20), (3, 44))),
        *(row(t, "c", mm, role="", site="lung") for t, mm in ((1, 30), (2, 20), (3, 22))),
    ],
}


def read(rows, tmp_path: Path, **options) -> Comparison:
    path = tmp_path / "figures.csv"
    path.write_text("\n".join((HEADER, *rows)) + "\n")
    (found,) = assess(path, options=AssessOptions(criteria=CRITERIA, draws=0, **options))
    return found


CRITERIA = ("recist_1_1", "irecist")


def said(comparison: Comparison) -> list[tuple[str, int, str]]:
    return [(a.criterion, a.timepoint_index, a.category) for a in comparison.assessments]


@pytest.mark.parametrize("name", COURSES)
def test_sdtm_gives_the_same_categories_again(name, tmp_path):
    first = read(COURSES[name], tmp_path)
    assert {c for _, _, c in said(first)} > {"baseline"}
    for file, text in sdtm_files([first]).items():
        (tmp_path / file).write_text(text)
    (again,) = assess(options=AssessOptions(sdtm=tmp_path, criteria=CRITERIA, draws=0))
    assert said(again) == said(first)
    assert [r.best for r in again.course_responses] == [r.best for r in first.course_responses]
    exported = {k: list(io.StringIO(v)) for k, v in sdtm_files([again]).items()}
    assert exported == {k: list(io.StringIO(v)) for k, v in sdtm_files([first]).items()}


def test_parts_are_added_up_and_merged_lesions_count_once(tmp_path):
    def sums(name):
        found = read(COURSES[name], tmp_path).assessments
        return [a.value for a in found if a.criterion == "RECIST 1.1"]

    assert sums("split") == [50, 45, 61, 30]
    assert sums("merger") == [50, 54, 60, 61]


def test_links_are_events(tmp_path):
    (split,) = read(COURSES["split"], tmp_path).events
    assert (split.kind, split.timepoint_index, split.lesion_ids) == (EventKind.SPLIT, 2, (1, 2, 3))
    (merger,) = read(COURSES["merger"], tmp_path).events
    assert (merger.kind, merger.timepoint_index, merger.lesion_ids) == (EventKind.MERGED, 2, (1, 2))
