"""Criteria side by side, plots, comparability and SDTM export, from one typed course."""

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from imgcompare.model import (
    ComparabilityFinding,
    Comparison,
    Concern,
    CourseResponse,
    Direction,
    Exceeds,
    Severity,
    finish,
)
from imgcompare.options import AssessOptions
from imgcompare.pipeline import assess
from imgcompare.reporting.assessment import assessment_html
from imgcompare.reporting.categories import MEANINGS, direction, meaning
from imgcompare.reporting.comparability import comparability_rows, comparability_summary
from imgcompare.reporting.course_plots import (
    cohort_spider,
    cohort_swimmer,
    cohort_waterfall,
    spider_plot,
    swimmer_plot,
    waterfall_plot,
)
from imgcompare.reporting.course_view import PATTERN_NAMES, course_view
from imgcompare.reporting.criteria_table import (
    course_sentence,
    criteria_details,
    criteria_rows,
    disagreements,
    readable,
)
from imgcompare.reporting.html import report_html
from imgcompare.reporting.sdtm import sdtm_files
from imgcompare.reporting.tables import assessments_document
from imgcompare.response.side_by_side import side_by_side

ROWS = """subject,timepoint,date,lesion,role,site,nodal,compartment,quantity,value,unit
P1,0,2024-01-10,1,target,liver,no,whole,longest_diameter,50,mm
P1,0,2024-01-10,1,target,liver,no,enhancing,volume,30,mL
P1,0,2024-01-10,2,target,neck,yes,whole,short_axis,20,mm
P1,0,2024-01-10,2,target,neck,yes,enhancing,volume,3,mL
P1,1,2024-03-06,1,target,liver,no,whole,longest_diameter,64,mm
P1,1,2024-03-06,1,target,liver,no,enhancing,volume,9,mL
P1,1,2024-03-06,2,target,neck,yes,whole,short_axis,21,mm
P1,1,2024-03-06,2,target,neck,yes,enhancing,volume,1,mL
P1,2,2024-05-01,1,target,liver,no,whole,longest_diameter,66,mm
P1,2,2024-05-01,1,target,liver,no,enhancing,volume,8,mL
P1,2,2024-05-01,2,target,neck,yes,whole,short_axis,20,mm
P1,2,2024-05-01,2,target,neck,yes,enhancing,volume,0.9,mL
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Progression by diameters, response by enhancing volume."""
    path = tmp_path_factory.mktemp("typed") / "figures.csv"
    path.write_text(ROWS)
    names = ("recist_1_1", "qeasl", "easl")
    (found,) = assess(path, options=AssessOptions(criteria=names, draws=20))
    return found


def svg(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text.replace("&nbsp;", " "))


def test_every_category_has_words_and_a_direction() -> None:
    assert meaning("iUPD") == "progression, not confirmed yet (immune)"
    assert meaning("nonsense") == ""
    pointing = {c for c in MEANINGS if direction(c.value) is not Direction.NONE}
    assert {c.value for c in set(MEANINGS) - pointing} == {"baseline", "NE"}


def test_criteria_stand_side_by_side_and_those_that_differ_are_marked(course: Comparison) -> None:
    rows = {r.criterion: r for r in criteria_rows(course)}
    assert [c.category for c in rows["RECIST 1.1"].cells] == ["baseline", "PD", "PD"]
    assert [c.category for c in rows["qEASL 2014"].cells] == ["baseline", "PR", "PR"]
    assert not rows["RECIST 1.1"].cells[1].differs  # one against one: RECIST stands first
    assert rows["qEASL 2014"].cells[1].differs
    assert not rows["EASL 2001"].has_figure
    assert "bidimensional product of lesion 1" in rows["EASL 2001"].why_not
    assert rows["RECIST 1.1"].progression == "2024-03-06"


def test_criteria_for_another_organ_stand_aside(course: Comparison) -> None:
    moved = tuple(
        replace(a, flags=("OUTSIDE_ITS_ORGAN",)) if a.criterion == "qEASL 2014" else a
        for a in course.assessments
    )
    case = replace(course, assessments=moved, side_by_side=side_by_side(moved))
    (aside,) = [r for r in criteria_rows(case) if r.criterion == "qEASL 2014"]
    assert not aside.has_figure
    assert "another organ" in aside.why_not
    assert "PR" in aside.why_not
    assert disagreements(case) == []


def test_each_cell_leads_to_rule_number_and_threshold(course: Comparison) -> None:
    anchors = {d.anchor: d for d in criteria_details(course)}
    for row in criteria_rows(course):
        for cell in row.cells:
            assert cell.anchor in anchors
    decided = anchors["p1-recist-1-1-1"].decided
    assert "85.0 mm" in decided
    assert "at least +20 % and +5.0 mm" in decided


def test_disagreement_is_explained_once_for_timepoints_that_say_the_same(
    course: Comparison,
) -> None:
    (found,) = disagreements(course)
    assert found.when == "2024-03-06 to 2024-05-01, figures of 2024-05-01"
    sides = dict(found.sides)
    assert set(sides) == {"progression", "response"}
    ((names, category, why),) = sides["response"]
    assert (names, category) == ("qEASL 2014", "PR")
    assert "-73.3 % against the baseline" in why
    alone = side_by_side(course.assessments[:3])
    assert disagreements(replace(course, side_by_side=alone)) == []


def test_the_course_in_one_sentence(course: Comparison) -> None:
    assert course_sentence(course) == (
        "Over the whole course: progression by RECIST 1.1 on 2024-03-06; a response and no "
        "progression by qEASL 2014."
    )


def test_numbers_are_rounded_for_reading() -> None:
    assert readable("sum 38.95731 mm2 of 1150.27372") == "Sum 39.0 mm² of 1150"


def test_what_differs_says_why_beside_its_rule(course: Comparison) -> None:
    (found,) = disagreements(course)
    (cause,) = found.causes
    assert "RECIST 1.1 says PD, qEASL 2014 PR: they measure different things" in cause
    own = next(d for d in criteria_details(course) if d.differs)
    assert own.figures == "qeasl/target-pr: 9 mL, limit 10.5 mL"
    assert own.cause.startswith("RECIST 1.1 says PD, qEASL 2014 PR")
    page = assessment_html([course])
    assert page.count("they measure different things") >= 3  # once explained, twice beside a cell
    document = assessments_document(course)["disagreements"]
    assert [d["timepoint"] for d in document] == [1, 2]
    assert document[0]["causes"][0]["ground"] == "FIGURE"
    assert document[0]["differing"] == ["qEASL 2014"]
    recist = [a for a in assessments_document(course)["assessments"] if a["version"] == "1.1"][1]
    parts = ("targets", "target_response", "non_target_response", "new_lesion")
    assert [recist[k] for k in parts] == [[1, 2], "PD", "", False]


def test_within_error_is_said_beside_the_category(course: Comparison) -> None:
    doubtful = [replace(a, exceeds_error=Exceeds.NO) for a in course.assessments]
    page = assessment_html([replace(course, assessments=tuple(doubtful))])
    assert "<small>within error</small>" in page


def test_a_response_that_was_not_confirmed_is_said_to_be_so(course: Comparison) -> None:
    stable = [
        replace(r, best="SD", best_confirmed=False) if r.criterion == "qEASL 2014" else r
        for r in course.course_responses
    ]
    said = course_sentence(replace(course, course_responses=tuple(stable)))
    assert said.endswith("; a response that no later scan has confirmed by qEASL 2014.")


def test_criteria_that_add_up_the_same_stand_together(tmp_path: Path) -> None:
    path = tmp_path / "figures.csv"
    path.write_text(ROWS)
    names = ("recist_1_1", "irecist", "vrecist", "qeasl")
    (found,) = assess(path, options=AssessOptions(criteria=names, draws=0))
    rows = criteria_rows(found)
    assert [r.criterion for r in rows] == [
        "RECIST 1.1", "iRECIST 2017", "qEASL 2014", "vRECIST 2014",
    ]  # fmt: skip
    assert [r.figure for r in rows][1:3] == ["sum of diameters", "sum of enhancing volumes"]
    assert "<small>sum of diameters</small>" in assessment_html([found])


def test_reports_write_a_true_minus(course: Comparison) -> None:
    """U+2212 before figures in pages and pictures; tables keep the hyphen that programs read."""
    page = assessment_html([course])
    assert "−73.3 %" in page.replace("\N{NO-BREAK SPACE}", " ")
    words = re.sub(r"<(style|svg).*?</\1>|<[^>]*>", " ", page, flags=re.S)
    assert not re.findall(r"(?<![\w.,-])-\d", words)
    fewer = [m for m in course.measurements if m.lesion_id != 2]
    smaller = [replace(m, value=m.value / 2) if m.timepoint_index else m for m in fewer]
    drawn = waterfall_plot(replace(course, measurements=tuple(smaller)))
    assert ">−36<" in drawn
    assert not re.findall(r">[^<]*(?<![\w.])-\d", drawn)


def test_plots_are_well_formed_and_say_what_they_show(course: Comparison) -> None:
    spider = spider_plot(course)
    assert svg(spider).attrib["role"] == "img"
    assert "Lesion 1 +32 %" in spider
    assert "Lesion 1 −73 %" in spider_plot(course, "enhancing volume")
    assert spider_plot(course, "whole volume") == ""
    bars = svg(waterfall_plot(course))
    assert "Lesion 1 +28 %" in bars.attrib["aria-label"]
    lanes = svg(swimmer_plot(course)).attrib["aria-label"]
    assert "RECIST 1.1: baseline, PD, PD; qEASL 2014: baseline, PR, PR" in lanes


def test_plots_of_a_cohort(course: Comparison) -> None:
    other = replace(course, evaluator="second reader")
    for plot in (cohort_spider, cohort_waterfall, cohort_swimmer):
        said = svg(plot([course, other])).attrib["aria-label"]
        assert "P1 R2" in said
        assert plot([replace(course, assessments=())]) == ""


def test_undated_courses_are_drawn_and_said_not_to_be_to_scale(course: Comparison) -> None:
    visits = tuple(replace(t, date=None) for t in course.course.timepoints)
    undated = replace(course, course=replace(course.course, timepoints=visits))
    assert "visits, not to scale" in spider_plot(undated)


def test_the_page_holds_every_part_and_no_diagnosis(course: Comparison) -> None:
    page = assessment_html([course])
    anchors = set(re.findall(r'href="#([^"]+)"', page))
    assert anchors <= set(re.findall(r'id="([^"]+)"', page))
    for part in ("Where the criteria disagree", "Figures as typed", "in all directions"):
        assert part in page
    assert "hyperprogress" not in page
    assert assessment_html([course, replace(course, evaluator="r2")]).count("Figures as typed") == 2


def test_every_pattern_has_a_title_that_names_no_cause() -> None:
    for title in PATTERN_NAMES.values():
        assert not re.search("progression|response to|pseudo", title.replace("response", ""))


def finding(severity: Severity, to: int = 1, **changes: object) -> ComparabilityFinding:
    plain = ComparabilityFinding(
        "kernel", severity, (Concern.VOLUME,), 0, to, "CT", "B30f", "B70f", "Kernel differs."
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_comparability_is_told_worst_first_and_joined_over_visits(comparison: Comparison) -> None:
    found = (
        finding(Severity.MINOR, text="Software differs."),
        finding(Severity.MAJOR),
        finding(Severity.MAJOR, 0 + 1),
        finding(Severity.INFO, text="A note."),
    )
    case = replace(comparison, comparability=found)
    rows = comparability_rows(case)
    assert [r.level for r in rows] == ["major", "minor"]
    assert rows[0].consequence == "measurement error is widened for volumes"
    assert "errors of the changes concerned are widened" in comparability_summary(case)
    blocked = replace(case, comparability=(finding(Severity.BLOCK),))
    assert comparability_rows(blocked)[0].consequence == "no change is given for volumes"
    method = finding(Severity.BLOCK, concerns=(Concern.SUBTRACTION,))
    assert comparability_rows(replace(case, comparability=(method,)))[0].consequence == (
        "concerns subtraction only"
    )
    assert comparability_summary(replace(comparison, results=())) == ""


def test_comparability_stands_at_the_top_of_the_report(comparison: Comparison) -> None:
    case = replace(comparison, comparability=(finding(Severity.BLOCK),), lesions=())
    page = finish(report_html(case))
    assert page.index("Kernel differs.") < page.index("How to read the figures")
    assert "not comparable" in page


def tables(files: dict[str, str]) -> dict[str, list[dict[str, str]]]:
    return {name: list(csv.DictReader(io.StringIO(text))) for name, text in files.items()}


def test_sdtm_tables_join(course: Comparison) -> None:
    found = tables(sdtm_files([course]))
    links = {r["TULNKID"] for r in found["tu.csv"]}
    assert links == {"T01", "T02"}
    assert {r["TRLNKID"] for r in found["tr.csv"]} == links
    groups = {r["TRLNKGRP"] for r in found["tr.csv"]}
    overall = [r for r in found["rs.csv"] if r["RSTESTCD"] == "OVRLRESP"]
    assert {r["RSLNKGRP"] for r in overall} <= groups
    assert {r["TULOC"] for r in found["tu.csv"]} == {"LIVER", "NECK LYMPH NODE"}
    assert {(r["TRTESTCD"], r["TRORRESU"]) for r in found["tr.csv"]} == {
        ("LDIAM", "mm"), ("LPERP", "mm"),
    }  # fmt: skip
    recist = [r["RSSTRESC"] for r in overall if r["RSCAT"] == "RECIST 1.1"]
    assert recist == ["PD", "PD"]
    parts = {
        r["RSTESTCD"]: r["RSSTRESC"]
        for r in found["rs.csv"]
        if (r["RSCAT"], r["VISITNUM"]) == ("RECIST 1.1", "2")
    }
    assert parts == {"TRGRESP": "PD", "NEWLIND": "N", "OVRLRESP": "PD"}
    assert [r["TRSEQ"] for r in found["tr.csv"]] == [str(n) for n in range(1, 7)]


def test_a_target_that_was_not_measured_is_said_to_be_so(course: Comparison) -> None:
    kept = tuple(m for m in course.measurements if (m.lesion_id, m.timepoint_index) != (2, 1))
    found = tables(sdtm_files([replace(course, measurements=kept)]))["tr.csv"]
    (lost,) = [r for r in found if r["TRSTAT"]]
    assert (lost["TRLNKID"], lost["TRSTAT"], lost["VISITNUM"]) == ("T02", "NOT DONE", "2")


def test_best_responses_of_all_criteria_are_in_the_view(course: Comparison) -> None:
    summary = CourseResponse("RECIST 1.1", "1.1", "PR", 1, True, 2, False)
    view = course_view(replace(course, course_responses=(summary,)))
    assert view.rows[0].best == "PR (confirmed)"
    assert view.rows[0].progression == "2024-05-01 (not confirmed)"
