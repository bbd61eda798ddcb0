import csv
import tomllib
from collections import defaultdict
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.errors import ConfigurationError, InputError
from imgcompare.model import (
    Category,
    EventKind,
    Lesion,
    LesionEvent,
    LesionRole,
    Measurement,
    ReaderInput,
    Response,
)
from imgcompare.response import CourseReadings, Criterion, Recist11, base, load_criteria
from imgcompare.response.base import BASELINE_CATEGORY, ENTRY_POINT_GROUP
from tests.response.courses import course, course_of, diameters, event, figures, timepoints


def assess(values, **options):
    count = max(len(row) for row in values.values())
    return Recist11().assess(course(values, count=count, **options))


def categories(values, **options):
    first, *rest = assess(values, **options)
    assert first.category == BASELINE_CATEGORY
    return [a.category for a in rest]


def test_it_is_a_criterion_that_says_what_it_needs():
    criterion = Recist11()
    assert isinstance(criterion, Criterion)
    assert criterion.requires[0] == "whole longest_diameter"
    assert all("doi:" in c for c in criterion.citations)


def test_every_registered_criterion_loads_and_has_its_own_tests():
    root = Path(__file__).parents[2]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    registered = project["entry-points"][ENTRY_POINT_GROUP]
    assert registered["recist_1_1"]
    for name, value in registered.items():
        criterion = EntryPoint(name, value, ENTRY_POINT_GROUP).load()()
        assert isinstance(criterion, Criterion)
        assert criterion.requires
        module = value.split(":")[0].rsplit(".", 1)[-1]
        assert (Path(__file__).parent / f"test_{module}.py").is_file()


def test_unknown_criteria_are_refused_and_known_ones_created(monkeypatch):
    point = EntryPoint("recist_1_1", "imgcompare.response.recist:Recist11", ENTRY_POINT_GROUP)
    monkeypatch.setattr(base, "entry_points", lambda group: [point])
    assert isinstance(load_criteria()["recist_1_1"], Recist11)
    for spelling in ("recist_1_1", "RECIST 1.1", "recist-1.1"):
        assert list(load_criteria([spelling])) == ["recist_1_1"]
    with pytest.raises(ConfigurationError, match="no criterion nonsense; there are: recist_1_1"):
        load_criteria(["nonsense"])
    monkeypatch.setattr(base, "entry_points", lambda group: [])
    with pytest.raises(ConfigurationError, match="not installed"):
        load_criteria(["recist_1_1"])


def test_settings_are_read_from_text(monkeypatch):
    point = EntryPoint("recist_1_1", "imgcompare.response.recist:Recist11", ENTRY_POINT_GROUP)
    monkeypatch.setattr(base, "entry_points", lambda group: [point])
    given = {"recist_1_1": {"confirm": "yes", "min_sd_days": "56"}}
    assert load_criteria(settings=given)["recist_1_1"] == Recist11(confirm=True, min_sd_days=56)
    with pytest.raises(ConfigurationError, match="no setting 'speed'; it has: confirm"):
        load_criteria(settings={"recist_1_1": {"speed": "1"}})
    with pytest.raises(ConfigurationError, match="whole number from 0 up, not '-1'"):
        load_criteria(settings={"recist_1_1": {"min_sd_days": "-1"}})
    with pytest.raises(ConfigurationError, match="yes or no, not 'perhaps'"):
        load_criteria(settings={"recist_1_1": {"confirm": "perhaps"}})


def test_progression_counts_from_the_nadir_and_response_from_baseline():
    # criteria.md §1: 100, 60 → 72 is PD though 28 % below baseline
    assert categories({1: [50, 30, 36], 2: [50, 30, 36]}) == ["PR", "PD"]
    assert categories({1: [50, 30, 35.9], 2: [50, 30, 36]}) == ["PR", "SD"]


def test_the_nadir_is_never_the_timepoint_itself_nor_one_with_a_missing_target():
    last = assess({1: [50, None, 40], 2: [50, 20, 44]})[-1]
    assert last.category == "SD"  # against 100, for the partial sum of 20 is no nadir
    assert assess({1: [50, 40, 60]})[-1].reference.startswith("nadir 2024-02-21")
    assert assess({1: [50, 40, 30]})[-1].reference.startswith("baseline 2024-01-10")


def test_a_reason_holds_rule_value_and_threshold():
    reasons = {r.rule_id: r for r in assess({1: [50, 60]})[-1].reasons}
    progression = reasons["recist-1.1/target-pd"]
    assert (progression.value, progression.threshold) == (60.0, 60.0)
    assert "+20.0 %" in progression.text
    assert "recist-1.1/overall" in reasons


def test_measured_floats_lose_binary_noise_and_nothing_else():
    noise = 1e-9
    assert categories({1: [50.0, 60.0 - noise]}) == ["PD"]
    assert categories({1: [50.0, 59.94]}) == ["SD"]


def test_nodes_are_measured_by_their_short_axis():
    assert categories({1: [15, 9], 2: [30, 0]}, nodal=[1]) == ["CR"]
    assert categories({1: [15, 10.0], 2: [30, 0]}, nodal=[1]) == ["PR"]


def test_targets_are_the_largest_of_each_organ_first():
    # criteria.md §1: liver 60/50/40, lung 30/25, node 22, adrenal 18 → 60, 50, 30, 22, 18
    sites = ["liver"] * 3 + ["left lung", "right lung", "neck", "adrenal"]
    sizes = [60, 50, 40, 30, 25, 22, 18]
    lesions = [
        Lesion(n, f"1.{n}", site, LesionRole.TARGET, site == "neck") for n, site in enumerate(sites)
    ]
    rows = [
        Measurement(n, 0, "whole", "short_axis" if n == 5 else "longest_diameter", mm, "mm")
        for n, mm in enumerate(sizes)
    ]
    only = Recist11().assess(course_of(rows, lesions=lesions))[0]
    targets = {r.value for r in only.reasons if r.text.endswith(": target")}
    assert targets == {60.0, 50.0, 30.0, 22.0, 18.0}
    assert "TARGETS_PROPOSED" in only.flags
    assert "SITE_UNKNOWN" not in only.flags


def test_lesions_without_a_site_count_as_one_organ():
    lesions = [Lesion(n, f"1.{n}") for n in range(4)]
    rows = [Measurement(n, 0, "whole", "longest_diameter", 20.0 + n, "mm") for n in range(4)]
    only = Recist11().assess(course_of(rows, lesions=lesions))[0]
    assert sum(r.text.endswith(": target") for r in only.reasons) == 2
    assert "SITE_UNKNOWN" in only.flags


def test_a_reader_overrules_the_choice_of_targets():
    reader = ReaderInput(targets=[2])
    assert categories({1: [50, 50], 2: [20, 10]}, reader=reader) == ["PR"]
    with pytest.raises(InputError, match="Lesion 7 among the target lesions"):
        assess({1: [50, 50]}, reader=ReaderInput(targets=[7]))


def test_a_target_without_a_baseline_makes_the_course_not_evaluable_and_says_why():
    last = assess({1: [None, 50], 2: [30, 30]}, reader=ReaderInput(targets=[1, 2]))[-1]
    assert last.category == "NE"
    assert last.missing == ("whole longest diameter of lesion 1 at 2024-01-10",)


def test_thick_slices_make_a_small_lesion_non_measurable():
    assert categories({1: [14, 20]}, slice_mm=7.5) == ["Non-CR/Non-PD"]
    assert categories({1: [15, 20]}, slice_mm=7.5) == ["PD"]
    assert "SLICE_THICKNESS_UNKNOWN" in assess({1: [15, 20]}, slice_mm=None)[1].flags


def test_on_a_radiograph_20_mm_are_measurable():
    """criteria.md §1: chest X-ray ≥ 20 mm."""
    for mm, expected in ((20, "PD"), (19.9, "Non-CR/Non-PD")):
        rows = [
            Measurement(1, t, "whole", "longest_diameter", v, "mm", method="chest X-ray")
            for t, v in enumerate((mm, 30))
        ]
        assert Recist11().assess(course_of(rows))[-1].category == expected


def test_whether_nodes_must_span_two_thick_slices_is_a_setting():
    """criteria.md §1: 2·s for thick slices (verify for nodes)."""
    readings = course({1: [15, 9]}, nodal=[1], slice_mm=8)
    assert [a.category for a in Recist11().assess(readings)[1:]] == ["CR"]
    assert Recist11().assess(readings)[-1].rule_id == "recist-1.1/overall"  # as a non-target
    free = Recist11(thick_slice_nodes=False)
    assert free.assess(readings)[-1].rule_id == "recist-1.1/target-cr"


def test_a_baseline_long_before_treatment_is_said():
    """criteria.md §1: baseline scan ≤4 weeks before treatment."""
    for day, flagged in ((28, False), (29, True)):
        first = assess({1: [50, 50]}, clinical=(event("therapy_start", day),))[0]
        assert ("BASELINE_OLDER_THAN_4_WEEKS" in first.flags) == flagged


@pytest.mark.parametrize(("marker", "expected"), [("normal", "CR"), ("elevated", "PR")])
def test_a_followed_marker_must_be_normal_for_complete_response(marker, expected):
    """criteria.md §1, non-targets: markers normal if followed."""
    given = (event("tumour_marker", 40, marker),)
    assert categories({1: [50, 0]}, clinical=given) == [expected]


def test_a_new_lesion_is_proposed_and_never_decided():
    course = {1: [50, 30], 2: [None, 12]}
    last = assess(course)[-1]
    assert last.category == "PR"
    assert "NEW_LESION_PROPOSED" in last.flags
    proposal = next(r for r in last.reasons if r.rule_id.endswith("new-lesion-proposed"))
    assert "If confirmed: PD" in proposal.text
    confirmed = assess(course, reader=ReaderInput(new_lesions={1: [2]}))[-1]
    assert confirmed.category == "PD"
    assert "NEW_LESION_PROPOSED" not in confirmed.flags


def test_a_small_new_node_is_not_proposed():
    assert "NEW_LESION_PROPOSED" not in assess({1: [50, 30], 2: [None, 9]}, nodal=[2])[-1].flags


def test_non_target_progression_is_the_readers():
    small = {1: [50, 50], 2: [9, 30]}
    volumes = figures({2: [1.0, 2.0]}, "volume")
    last = assess(small, extra=volumes)[-1]
    assert last.category == "SD"
    assert "NON_TARGET_GROWTH_REVIEW" in last.flags
    assert assess(small, reader=ReaderInput(non_target={1: Response.PD}))[-1].category == "PD"


def test_complete_response_of_targets_with_a_remaining_non_target_is_partial():
    assert categories({1: [50, 0], 2: [9, 9]}) == ["PR"]
    assert categories({1: [50, 0], 2: [9, 0]}) == ["CR"]


def test_split_lesions_add_up_and_are_not_new():
    split = LesionEvent(EventKind.SPLIT, 1, (1, 2), "one became two")
    last = assess({1: [50, 20], 2: [None, 18]}, events=[split])[-1]
    assert last.category == "SD"
    assert "NEW_LESION_PROPOSED" not in last.flags


def test_merged_lesions_count_once():
    merged = LesionEvent(EventKind.MERGED, 1, (1, 2), "two became one")
    assert categories({1: [30, 45], 2: [20, None]}, events=[merged]) == ["SD"]
    assert categories({1: [30, 45], 2: [20, None]}) == ["NE"]


def test_a_vanished_lesion_is_gone_and_an_unmeasured_one_is_not():
    gone = LesionEvent(EventKind.VANISHED, 1, (1,), "nothing there")
    assert categories({1: [30, None]}, events=[gone]) == ["CR"]
    assert categories({1: [30, None]}) == ["NE"]


def test_what_reappears_after_complete_response_is_for_review():
    last = assess({1: [30, 0, 3]})[-1]
    assert last.category == "PR"
    assert "REVIEW_REAPPEARED_AFTER_CR" in last.flags
    node = assess({1: [15, 8, 12]}, nodal=[1])[-1]
    assert "REVIEW_NODE_AFTER_CR" in node.flags


def test_no_disease_at_baseline_stays_so_until_something_new():
    assert categories({1: [0, 0]}) == ["NED"]
    late = {1: [0, 12]}
    assert assess(late, reader=ReaderInput(new_lesions={1: [1]}))[-1].category == "PD"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (Measurement(1, 0, "whole", "longest_diameter", -3.0, "mm"), "from 0 up"),
        (Measurement(1, 0, "whole", "longest_diameter", 3.0, "inch"), "one of: mm, cm"),
        (Measurement(1, 0, "whole", "longest_diameter", 3.0, ""), "without a unit"),
        (Measurement(1, 0, "whole", "longest_diameter", float("inf"), "mm"), "must be a number"),
        (Measurement(9, 0, "whole", "longest_diameter", 3.0, "mm"), "not in the course"),
        (Measurement(1, 5, "whole", "longest_diameter", 3.0, "mm"), "not in the course"),
    ],
)
def test_impossible_input_is_refused(row, message):
    with pytest.raises(InputError, match=message):
        CourseReadings((Lesion(1, "1.1"),), (row,), (None, None))


SIZES = st.one_of(st.none(), st.integers(0, 1200).map(lambda n: n / 10))
COURSES = st.dictionaries(
    st.integers(1, 6), st.lists(SIZES, min_size=3, max_size=3), min_size=1, max_size=4
)


@settings(deadline=None)
@given(COURSES, st.sets(st.integers(1, 6)), st.randoms())
def test_every_input_gives_one_category_whatever_the_order_of_rows(values, nodal, random):
    lesions, rows = diameters(values, tuple(nodal))
    shuffled = list(rows)
    random.shuffle(shuffled)
    first, second = (
        Recist11().assess(course_of(r, lesions=lesions, count=3)) for r in (rows, shuffled)
    )
    assert len(first) == 3
    assert [a.category for a in first] == [a.category for a in second]
    for assessment in first[1:]:
        assert assessment.category in set(Category)
        assert assessment.reasons


RANK = {"CR": 0, "PR": 1, "SD": 2, "PD": 3}


@settings(deadline=None)
@given(
    st.lists(st.integers(100, 900), min_size=2, max_size=4),
    st.lists(st.integers(0, 900), min_size=8, max_size=8),
    st.integers(0, 3),
    st.integers(1, 300),
)
def test_growing_one_lesion_never_improves_the_category(base, later, which, growth):
    values = {n: [b / 10, later[n] / 10, later[n + 4] / 10] for n, b in enumerate(base)}
    before = categories(values)[-1]
    grown = {n: list(row) for n, row in values.items()}
    grown[which % len(base)][2] += growth / 10
    assert RANK[categories(grown)[-1]] >= RANK[before]


def _sdtm(folder, name):
    with (folder / "recist_vectors" / f"{name}_onco_recist.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_overall_responses_of_the_cdisc_tables_are_reproduced(shared_data):
    """criteria.md §9 (CDISC): all 66 overall responses, per evaluator, from TU and TR."""
    sites = {(r["USUBJID"], r["TULNKID"]): r["TULOC"] for r in _sdtm(shared_data, "tu")}
    found = defaultdict(dict)
    for r in _sdtm(shared_data, "tr"):
        key = (r["USUBJID"], r["TREVAL"], r["TREVALID"])
        found[key][r["TRLNKID"], r["TRTESTCD"], int(float(r["VISITNUM"])) - 1] = r["TRSTRESC"]
    derived = {}
    for key, rows in found.items():
        derived |= {(*key, t): c for t, c in _derive(rows, sites, key[0]).items()}
    expected = {
        (r["USUBJID"], r["RSEVAL"], r["RSEVALID"], int(float(r["VISITNUM"])) - 1): r["RSSTRESC"]
        for r in _sdtm(shared_data, "rs")
    }
    assert len(expected) == 66
    assert {k: derived.get(k, "").upper() for k in expected} == expected


def _derive(rows, sites, subject):
    """Assess one subject by one reader; every visit up to the last is a timepoint."""
    ids = {name: n for n, name in enumerate(sorted({link for link, _, _ in rows}))}
    nodes = {n for name, n in ids.items() if sites[subject, name] == "LYMPH NODE"}
    lesions = [
        Lesion(n, f"1.{n}", sites[subject, name].lower(), LesionRole.TARGET, n in nodes)
        for name, n in ids.items()
    ]
    count = 1 + max(t for _, _, t in rows)
    measurements, states = [], defaultdict(list)
    for (name, test, t), value in rows.items():
        wanted = "LPERP" if ids[name] in nodes else "LDIAM"
        quantity = "short_axis" if ids[name] in nodes else "longest_diameter"
        if test == "TUMSTATE":
            states[t].append(value)
        elif test == wanted and value:
            measurements.append(Measurement(ids[name], t, "whole", quantity, float(value), "mm"))
    status = {
        t: Response.CR if set(s) == {"ABSENT"} else Response.NON_CR_NON_PD
        for t, s in states.items()
    }
    targets = [n for name, n in ids.items() if name.startswith("T")]
    reader = ReaderInput(targets=targets, non_target=status)
    assessments = Recist11().assess(
        CourseReadings.of(lesions, measurements, timepoints(count), reader=reader)
    )
    return {a.timepoint_index: a.category for a in assessments}


def test_numpy_numbers_are_fine():
    lesions = [Lesion(1, "1.1", "liver")]
    rows = [
        Measurement(1, t, "whole", "longest_diameter", np.float64(mm), "mm")
        for t, mm in enumerate((20.0, 14.0))
    ]
    last = Recist11().assess(course_of(rows, lesions=lesions))[-1]
    assert last.category == "PR"


def test_a_new_node_counts_from_ten_millimetres():
    """criteria.md §1: a new node needs a short axis of 10 mm."""
    reader = ReaderInput(targets=[1], new_lesions={1: [2]})
    rows = course({1: [50, 50, 50], 2: [None, 9, 10]}, nodal=[2], reader=reader)
    found = Recist11().assess(rows)
    assert [a.category for a in found[1:]] == ["SD", "PD"]
    assert Recist11().summarise(rows, found).progression_index == 2
