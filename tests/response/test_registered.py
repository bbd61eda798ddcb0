"""What every registered criterion must do, whatever its rules."""

import tomllib
from importlib import import_module
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.model import (
    Category,
    ClinicalEventKind,
    Lesion,
    Measurement,
    ReaderFinding,
    ReaderInput,
    Response,
)
from imgcompare.response import CourseReadings, Criterion
from imgcompare.response.base import ENTRY_POINT_GROUP, title
from imgcompare.response.settings import settings_of
from tests.response.courses import course_of, event

ROOT = Path(__file__).parents[2]
REGISTERED = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"][
    ENTRY_POINT_GROUP
]
CRITERIA = {n: EntryPoint(n, v, ENTRY_POINT_GROUP).load()() for n, v in REGISTERED.items()}

BOUNDARY_TABLES = {
    "recist_1_1": ("test_sums", "SUMS"),
    "irecist": ("test_irecist", "SUMS"),
    "mrecist": ("test_mrecist", "TABLE"),
    "easl": ("test_easl", "TABLE"),
    "qeasl": ("test_volumetric", "QEASL"),
    "vrecist": ("test_volumetric", "QEASL"),
    "volumetric_recist": ("test_volumetric", "EQUIVALENT"),
    "choi": ("test_choi", "TABLE"),
    "modified_choi": ("test_choi", "TABLE"),
    "who": ("test_who", "TABLE"),
    "rano_hgg_2010": ("test_rano", "TABLE"),
    "mrano": ("test_mrano", "VOLUMES"),
    "rano_2_0": ("test_rano2", "TABLE"),
    "rano_lgg": ("test_rano_lgg", "TABLE"),
    "rano_bm": ("test_rano_bm", "TABLE"),
    "irano": ("test_irano", "TABLE"),
}


def test_every_registered_criterion_has_its_boundary_table():
    assert set(BOUNDARY_TABLES) == set(REGISTERED)
    for module, table in BOUNDARY_TABLES.values():
        assert len(getattr(import_module(f"tests.response.{module}"), table)) >= 6


@pytest.mark.parametrize("name", CRITERIA)
def test_every_criterion_says_what_it_is(name):
    criterion = CRITERIA[name]
    assert isinstance(criterion, Criterion)
    assert criterion.name
    assert criterion.version
    assert criterion.requires
    assert any("doi:" in c for c in criterion.citations)
    assert {"confirm", "min_sd_days"} <= set(settings_of(criterion))


def test_titles_are_unique():
    assert len({title(c) for c in CRITERIA.values()}) == len(CRITERIA)


@pytest.mark.parametrize("name", CRITERIA)
def test_every_criterion_and_setting_is_documented(name):
    text = (ROOT / "docs" / "criteria.md").read_text()
    assert f"`{name}`" in text
    assert title(CRITERIA[name]) in text
    for setting in settings_of(CRITERIA[name]):
        assert f"`{setting}`" in text


COUNT = 4
BASE = {"longest_diameter": "mm", "perpendicular_diameter": "mm", "short_axis": "mm",
        "bidimensional_product": "mm2", "volume": "mL"}  # fmt: skip
CM = {"mm": ("cm", 0.1), "mm2": ("cm2", 0.01), "mL": ("mm3", 1000.0)}
PARTS = {"whole": 1.0, "enhancing": 0.8, "t2_flair": 1.5}


def rows_of(lesion, t, mm, hu):
    """All figures of one lesion of a given diameter; the shape stays the same."""
    for part, share in PARTS.items():
        d = round(mm * share, 2)
        values = (d, 0.8 * d, 0.8 * d, round(0.8 * d * d, 3), round(d**3 / 2000, 5))
        for (quantity, unit), value in zip(BASE.items(), values, strict=True):
            yield Measurement(lesion, t, part, quantity, value, unit)
    if mm:
        yield Measurement(lesion, t, "whole", "mean_intensity", float(hu), "HU")


SIZES = st.one_of(st.none(), st.just(0.0), st.integers(40, 700).map(lambda n: n / 10))
GRIDS = st.lists(st.lists(SIZES, min_size=COUNT, max_size=COUNT), min_size=1, max_size=4)
LATER = st.integers(1, COUNT - 1)
READERS = st.builds(
    lambda non_target, findings, new: ReaderInput(
        non_target=non_target, findings=findings, new_lesions=new
    ),
    st.dictionaries(LATER, st.sampled_from([Response.CR, Response.NON_CR_NON_PD, Response.PD])),
    st.dictionaries(LATER, st.sets(st.sampled_from(list(ReaderFinding)), max_size=2), max_size=2),
    st.one_of(st.just({}), LATER.map(lambda t: {t: [1]})),
)
VALUES = {
    ClinicalEventKind.STEROID_DOSE: ["0", "4", "8"],
    ClinicalEventKind.CLINICAL_STATUS: ["stable", "worse"],
    ClinicalEventKind.TUMOUR_MARKER: ["normal", "elevated"],
}
EVENTS = st.lists(
    st.sampled_from(list(ClinicalEventKind)).flatmap(
        lambda kind: st.builds(
            lambda day, value: event(kind, day, value),
            st.integers(-60, 200),
            st.sampled_from(VALUES.get(kind, [""])),
        )
    ),
    max_size=3,
)
DAYS = st.lists(st.integers(7, 120), min_size=COUNT - 1, max_size=COUNT - 1).map(
    lambda gaps: tuple(sum(gaps[:n]) for n in range(COUNT))
)
NODAL = st.sets(st.integers(1, 4), max_size=2)
LEFT_OUT = st.sets(st.sampled_from([*PARTS, *BASE, "mean_intensity"]), max_size=4)
"""Compartments and quantities that nobody has measured."""
COURSES = st.tuples(GRIDS, READERS, EVENTS, DAYS, NODAL, LEFT_OUT)


def readings_of(grid, reader, events, days, nodal, left_out, *, transform=lambda rows: rows):
    rows = [
        row
        for lesion, sizes in enumerate(grid, start=1)
        for t, mm in enumerate(sizes)
        if mm is not None
        for row in rows_of(lesion, t, mm, 60 + 3 * lesion - 2 * t)
        if not {row.compartment, row.quantity} & left_out
    ]
    lesions = [
        Lesion(i, f"1.2.{i}", f"organ {i}", nodal=i in nodal) for i in range(1, len(grid) + 1)
    ]
    return course_of(
        transform(rows),
        lesions=lesions,
        reader=reader,
        clinical=tuple(events),
        days=days,
        count=COUNT,
    )


@settings(deadline=None, max_examples=35)
@given(COURSES, st.randoms())
def test_every_input_gives_one_category_per_timepoint_whatever_unit_and_order(given_, random):
    readings = readings_of(*given_)

    def shuffled(rows):
        random.shuffle(rows)
        return rows

    def in_cm(rows):
        return [
            Measurement(r.lesion_id, r.timepoint_index, r.compartment, r.quantity,
                        round(r.value * CM[r.unit][1], 7), CM[r.unit][0])
            if r.unit in CM else r
            for r in rows
        ]  # fmt: skip

    other_order = readings_of(*given_, transform=shuffled)
    other_unit = readings_of(*given_, transform=in_cm)
    for criterion in CRITERIA.values():
        found = criterion.assess(readings)
        assert [a.timepoint_index for a in found] == list(range(COUNT))
        kinds = [a.category for a in found]
        assert set(kinds) <= set(Category)
        assert kinds.count("baseline") == 1
        for a in found:
            assert a.criterion == title(criterion)
            assert a.reasons
            assert a.rule_id in {r.rule_id for r in a.reasons}
            assert a.missing == () or a.category in ("NE", "baseline")
            assert a.missing or a.category != "NE" or "BEFORE_BASELINE" in a.flags
        assert criterion.assess(other_order) == found
        assert [a.category for a in criterion.assess(other_unit)] == kinds
        summary = criterion.summarise(readings, found)
        assert summary.best in set(Category)
        assert summary.progression_index in (None, *range(1, COUNT))


RANK = {"CR": 0, "PR": 1, "MR": 2, "SD": 3, "Non-CR/Non-PD": 3, "prePD": 4, "PD": 5,
        "iCR": 0, "iPR": 1, "iSD": 3, "iNon-CR/Non-PD": 3, "iUPD": 4, "iCPD": 5}  # fmt: skip


@settings(deadline=None, max_examples=45)
@given(COURSES, st.integers(0, 3), st.integers(1, 400))
def test_growing_one_lesion_never_improves_a_category(given_, which, growth):
    grid, *others = given_
    sizes = grid[which % len(grid)]
    before = {n: c.assess(readings_of(grid, *others))[-1] for n, c in CRITERIA.items()}
    grown = [list(row) for row in grid]
    grown[which % len(grid)][-1] = round((sizes[-1] or 0.0) + growth / 10, 1)
    if sizes[-1] is None:
        return  # a lesion that was not evaluated has no size to grow from
    after = {n: c.assess(readings_of(grown, *others))[-1] for n, c in CRITERIA.items()}
    for name, then in before.items():
        now = after[name].category
        if then.category in RANK and now in RANK:
            assert RANK[now] >= RANK[then.category], name


LONG, AREA, VOLUME = "longest_diameter", "bidimensional_product", "volume"
HARD = [
    ("recist_1_1", LONG, "whole", (20.0, 24.0), (20.0, 24.9), "SD", "SD"),  # 20 %, but only 4 mm
    ("recist_1_1", LONG, "whole", (25.5, 30.6), (25.5, 30.5999), "PD", "SD"),
    ("recist_1_1", LONG, "whole", (30.1, 21.07), (30.1, 21.0701), "PR", "SD"),
    ("irecist", LONG, "whole", (25.5, 30.6), (25.5, 30.5999), "iUPD", "iSD"),
    ("choi", LONG, "whole", (25.5, 28.05), (25.5, 28.0499), "PD", "SD"),
    ("modified_choi", LONG, "whole", (25.5, 28.05), (25.5, 28.0499), "PD", "SD"),
    ("mrecist", LONG, "enhancing", (20.0, 24.0), (20.0, 23.9999), "PD", "SD"),
    ("easl", AREA, "enhancing", (400.4, 500.5), (400.4, 500.4999), "PD", "SD"),
    ("who", AREA, "whole", (400.4, 500.5), (400.4, 500.4999), "PD", "SD"),
    ("qeasl", VOLUME, "enhancing", (1.1, 0.385), (1.1, 0.3851), "PR", "SD"),
    ("vrecist", VOLUME, "whole", (1.1, 1.903), (1.1, 1.9029), "PD", "SD"),
    ("volumetric_recist", VOLUME, "whole", (1.1, 1.9008), (1.1, 1.9007), "PD", "SD"),
    ("rano_hgg_2010", AREA, "enhancing", (400.4, 500.5), (400.4, 500.4999), "PD", "SD"),
    ("mrano", VOLUME, "enhancing", (1.1, 1.54), (1.1, 1.5399), "prePD", "SD"),
    ("mrano", AREA, "enhancing", (400.4, 500.5), (400.4, 500.4999), "prePD", "SD"),
    ("rano_2_0", AREA, "enhancing", (400.4, 500.5), (400.4, 500.4999), "PD", "SD"),
    ("rano_2_0", VOLUME, "enhancing", (1.1, 1.54), (1.1, 1.5399), "PD", "SD"),
    ("rano_lgg", AREA, "t2_flair", (400.4, 300.3), (400.4, 300.3001), "MR", "SD"),
    ("rano_bm", LONG, "whole", (25.5, 30.6), (25.5, 30.5999), "PD", "SD"),
    ("irano", AREA, "enhancing", (400.4, 500.5), (400.4, 500.4999), "PD", "SD"),
]
"""Numbers at the limit that binary fractions get wrong (25.5 and 30.6 differ by 19.99… %)."""


def test_every_criterion_is_tried_at_its_limit():
    assert {name for name, *_ in HARD} == set(CRITERIA)


@pytest.mark.parametrize(
    ("name", "quantity", "compartment", "at", "beside", "met", "not_met"), HARD
)
def test_thresholds_are_exact_on_numbers_that_floats_get_wrong(
    name, quantity, compartment, at, beside, met, not_met
):
    for values, expected in ((at, met), (beside, not_met)):
        rows = [
            Measurement(1, t, compartment, quantity, v, BASE[quantity])
            for t, v in enumerate(values)
        ]
        rows += [Measurement(1, t, "whole", "mean_intensity", 60.0, "HU") for t in (0, 1)]
        assert CRITERIA[name].assess(course_of(rows))[-1].category == expected


@pytest.mark.parametrize("name", CRITERIA)
def test_a_course_without_any_figure_is_an_answer(name):
    empty = CourseReadings((), (), (None, None))
    found = CRITERIA[name].assess(empty)
    assert [a.timepoint_index for a in found] == [0, 1]
    assert found[-1].category in ("NED", "SD")
    CRITERIA[name].summarise(empty, found)
