"""Typed tables through the whole path: criteria, error of categories, events and refusals."""

import csv
import math
from pathlib import Path

import pytest

from imgcompare.errors import ConfigurationError, InputError
from imgcompare.model import ClinicalEventKind, Exceeds
from imgcompare.options import AssessOptions
from imgcompare.phantoms import build_case
from imgcompare.pipeline import assess
from imgcompare.pipeline.repeating import local_repeatability

RECIST = ("recist_1_1",)
HEADER = "subject,timepoint,date,lesion,role,site,quantity,value,unit"


@pytest.fixture
def table(tmp_path):
    def write(values, *, unit="mm", name="figures.csv", subject="P1", order=1):
        dates = ("2024-01-10", "2024-03-06", "2024-05-01", "2024-06-26")
        rows = [
            f"{subject},{t},{dates[t]},{i},target,organ {i},longest_diameter,{mm},{unit}"
            for i, row in values.items()
            for t, mm in enumerate(row)
        ][::order]
        path = tmp_path / name
        path.write_text("\n".join((HEADER, *rows)) + "\n")
        return path

    return write


def categories(path, **options):
    (comparison,) = assess(path, options=AssessOptions(criteria=RECIST, **options))
    return [a.category for a in comparison.assessments]


def test_all_overall_responses_of_the_cdisc_tables(shared_data):
    """criteria.md §9 (CDISC): all 66 overall responses, per evaluator, from TU and TR."""
    folder = shared_data / "recist_vectors"
    found = {
        (c.course.subject, c.evaluator, c.course.timepoints[a.timepoint_index].label): a.category
        for c in assess(options=AssessOptions(criteria=RECIST, sdtm=folder, draws=0))
        for a in c.assessments
    }
    with (folder / "rs_onco_recist.csv").open(newline="") as file:
        expected = {
            (
                r["USUBJID"],
                " ".join(p for p in (r["RSEVAL"], r["RSEVALID"]) if p),
                f"{float(r['VISITNUM']):g}",
            ): r["RSSTRESC"]
            for r in csv.DictReader(file)
        }
    assert len(expected) == 66
    assert {k: found.get(k, "").upper() for k in expected} == expected


def test_thresholds_are_exact_as_typed(table):
    # criteria.md §1: 100, 60 → 72 is PD; 71.9 is not
    assert categories(table({1: [100, 60, 72]})) == ["baseline", "PR", "PD"]
    assert categories(table({1: [100, 60, 71.9]})) == ["baseline", "PR", "SD"]
    assert categories(table({1: [10, 6, 7.2]}, unit="cm")) == ["baseline", "PR", "PD"]
    assert categories(table({1: [10, 6, 7.19]}, unit="cm")) == ["baseline", "PR", "SD"]


def test_neither_units_nor_the_order_of_rows_change_anything(table):
    plain, *others = (
        assess(path, options=AssessOptions(criteria=RECIST))[0].assessments
        for path in (
            table({1: [40, 30, 44], 2: [20, 21, 22]}),
            table({1: [4.0, 3.0, 4.4], 2: [2.0, 2.1, 2.2]}, unit="cm"),
            table({1: [40, 30, 44], 2: [20, 21, 22]}, order=-1),
        )
    )
    for other in others:
        assert [a.category for a in other] == [a.category for a in plain]
        assert [a.exceeds_error for a in other] == [a.exceeds_error for a in plain]
    assert [a.probabilities for a in others[1]] == [a.probabilities for a in plain]


def test_progression_by_rule_within_measurement_error_is_a_visible_answer(table):
    # one lesion, 25 → 30.2 mm: +20.8 % and +5.2 mm, where diameters repeat within ±22 %
    (comparison,) = assess(table({1: [25, 30.2]}), options=AssessOptions(criteria=RECIST))
    last = comparison.assessments[-1]
    assert last.category == "PD"
    assert last.exceeds_error in (Exceeds.NO, Exceeds.BORDERLINE)
    shares = dict(last.probabilities)
    assert 0.4 < shares["PD"] < 0.7
    assert 0.3 < shares["SD"] < 0.6
    assert sum(shares.values()) == pytest.approx(1.0, abs=0.02)


def test_a_clear_change_is_sure(table):
    (comparison,) = assess(table({1: [50, 90]}), options=AssessOptions(criteria=RECIST))
    last = comparison.assessments[-1]
    assert last.exceeds_error is Exceeds.YES
    assert dict(last.probabilities)["PD"] > 0.95


def test_events_reach_their_subject(table, tmp_path):
    events = tmp_path / "events.csv"
    events.write_text("subject,date,event,value\nP1,2024-01-20,immunotherapy_start,\n")
    (comparison,) = assess(
        table({1: [40, 50, 40]}), options=AssessOptions(criteria=RECIST, events=events)
    )
    assert [e.kind for e in comparison.clinical_events] == [ClinicalEventKind.IMMUNOTHERAPY_START]
    (seen,) = comparison.observations
    assert seen.code == "GROWTH_THEN_DECLINE"
    assert seen.flags == ()


def test_events_of_nobody_are_refused(table, tmp_path):
    events = tmp_path / "events.csv"
    events.write_text("subject,date,event,value\nP2,2024-01-20,surgery,\n")
    with pytest.raises(InputError, match=r"column subject: 'P2' is not among .*\(P1\)"):
        categories(table({1: [40, 50]}), events=events)


def test_local_repeatability_decides_what_exceeds_error(table, tmp_path):
    retest = tmp_path / "retest.csv"
    rows = [f"longest_diameter,{a},{a * 1.01},mm" for a in range(20, 60)]
    retest.write_text("\n".join(("quantity,first,second,unit", *rows)) + "\n")
    (own,) = local_repeatability(retest)
    assert own.warnings == ()
    local = tmp_path / "local.json"
    from imgcompare.reporting import write_repeatability

    write_repeatability([own.setting], local)
    path = table({1: [40, 42]})
    plain, better = (
        assess(path, options=AssessOptions(criteria=RECIST, repeatability=r))[0].changes
        for r in (None, local)
    )
    assert {c.exceeds_error for c in plain} == {Exceeds.NO}
    assert {c.exceeds_error for c in better} == {Exceeds.YES}
    assert "retest.csv, 40 pairs" in better[0].reason


def test_few_pairs_are_a_warning_and_equal_ones_refused(tmp_path):
    path = tmp_path / "retest.csv"
    path.write_text("quantity,first,second,unit\nvolume,10,11,mL\nvolume,20,19,mL\n")
    assert "2 pairs are few" in local_repeatability(path)[0].warnings[0]
    path.write_text("quantity,first,second,unit\nvolume,10,10,mL\nvolume,20,20,mL\n")
    with pytest.raises(InputError, match=r"retest\.csv, whole volume: All test-retest pairs"):
        local_repeatability(path)


def test_nothing_to_assess_and_unknown_names_are_refused(table):
    with pytest.raises(ConfigurationError, match="Give a table"):
        assess()
    path = table({1: [40, 50]})
    with pytest.raises(ConfigurationError, match="There is no criterion recist; there are"):
        assess(path, options=AssessOptions(criteria=("recist",)))
    with pytest.raises(ConfigurationError, match="has no setting 'confrim'"):
        assess(path, options=AssessOptions(settings={"recist_1_1": {"confrim": "yes"}}))


def test_every_criterion_answers_on_a_course_of_twelve_scans_with_gaps(tmp_path):
    path = Path(tmp_path / "long.csv")
    rows = [
        f"{t},2024-{1 + t:02d}-10,{i},{q},{40 + 3 * abs(6 - t) + i},{u}"
        for t in range(12)
        for i in (1, 2)
        for q, u in (("longest_diameter", "mm"), ("volume", "mL"))
        if (t, i) != (4, 2)
    ]
    path.write_text("\n".join(("timepoint,date,lesion,quantity,value,unit", *rows)) + "\n")
    (comparison,) = assess(path, options=AssessOptions(draws=4))
    counts = {}
    for a in comparison.assessments:
        counts.setdefault(a.criterion, []).append(a.category)
    assert len(counts) >= 14
    assert {len(found) for found in counts.values()} == {12}
    assert counts["RECIST 1.1"][4] == "NE"


def test_the_phantom_on_which_criteria_disagree(tmp_path):
    """Its true volumes, typed: progression by diameters, response by enhancing volume."""
    case = build_case("disagreement", timepoints=3)
    rows = []
    for t, stage in zip(case.dates, case.lesions[0].stages, strict=True):
        diameter = (6 * 1000 * stage.whole_ml / math.pi) ** (1 / 3)
        rows.append(f"{t},1,whole,longest_diameter,{diameter:.1f},mm")
        rows.append(f"{t},1,enhancing,volume,{stage.enhancing_ml},mL")
    path = tmp_path / "phantom.csv"
    path.write_text("\n".join(("date,lesion,compartment,quantity,value,unit", *rows)) + "\n")
    (found,) = assess(path, options=AssessOptions(criteria=("recist_1_1", "qeasl"), draws=0))
    by_name = {}
    for a in found.assessments:
        by_name.setdefault(a.criterion, []).append(a.category)
    assert by_name["RECIST 1.1"] == ["baseline", "PD", "SD"]
    assert by_name["qEASL 2014"] == ["baseline", "SD", "PR"]
    codes = {o.code for o in found.observations}
    assert codes == {"GROWTH_THEN_DECLINE", "SOLID_DECLINE_TOTAL_STABLE"}
