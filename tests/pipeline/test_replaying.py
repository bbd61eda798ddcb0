"""A session gives the same numbers again."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from imgcompare.configuration import compare_options
from imgcompare.errors import ConfigurationError, GeometryMismatchError, InputError
from imgcompare.model import (
    TISSUE_CODES,
    Comparison,
    EventKind,
    LabelMap,
    LesionEvent,
    LesionRole,
    Tissue,
)
from imgcompare.options import GivenDiameter
from imgcompare.pipeline import compare
from imgcompare.reporting.session import SESSION_FILE, SessionContent, write_session
from imgcompare.segmentation import edit_compartments
from tests.pipeline.conftest import SAMPLE


def content(comparison: Comparison, **changes: object) -> SessionContent:
    aligned = {r.index: r.aligned for r in comparison.results}
    kept = SessionContent(
        course=comparison.course,
        aligned=aligned,
        accepted=set(aligned),
        segmented={r.index: r.lesions for r in comparison.results},
        lesions=comparison.lesions,
    )
    return dataclasses.replace(kept, **changes)


@pytest.fixture(scope="module")
def replayed(followed: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    folder = tmp_path_factory.mktemp("session")
    named = [
        dataclasses.replace(lesion, name="left", site="brain", role=LesionRole.NON_TARGET)
        if lesion.id == 1
        else lesion
        for lesion in followed.lesions
    ]
    file = write_session(content(followed, lesions=named), folder)
    return compare([SAMPLE], options=compare_options(file))


def test_the_numbers_are_the_same(followed: Comparison, replayed: Comparison) -> None:
    def figures(comparison: Comparison) -> dict[tuple[object, ...], float]:
        return {
            (m.lesion_id, m.timepoint_index, m.compartment, m.quantity): m.value
            for m in comparison.measurements
        }

    before, after = figures(followed), figures(replayed)
    assert before.keys() == after.keys()
    for key, value in before.items():
        assert after[key] == pytest.approx(value, rel=1e-12, nan_ok=True), key


def test_what_a_person_said_of_a_lesion_stands(replayed: Comparison) -> None:
    lesion = replayed.lesions[0]
    assert (lesion.name, lesion.site, lesion.role) == ("left", "brain", LesionRole.NON_TARGET)
    assert lesion.tracking_uid


def test_the_alignment_is_the_accepted_one(followed: Comparison, replayed: Comparison) -> None:
    np.testing.assert_allclose(
        replayed.results[1].aligned.to_baseline.matrix,
        followed.results[1].aligned.to_baseline.matrix,
        atol=1e-9,
    )
    assert any(d.choice == "alignment as given" for d in replayed.decisions)


def test_an_edit_changes_a_volume_by_what_was_edited(followed: Comparison) -> None:
    result = followed.results[0]
    segmentation, grid = result.lesions[1], result.aligned.geometry
    start = segmentation.geometry.offset_in(grid)
    full = np.zeros(grid.shape, dtype=np.uint8)
    place = tuple(
        slice(s, s + n) for s, n in zip(start, segmentation.labels.array.shape, strict=True)
    )
    full[place] = segmentation.labels.array
    sure = np.zeros(grid.shape, dtype=np.float32)
    sure[place] = segmentation.fractions[Tissue.ENHANCING]
    redrawn = np.argwhere(sure == 1.0)[:5]
    full[tuple(redrawn.T)] = TISSUE_CODES[Tissue.NECROTIC]
    edited = edit_compartments(segmentation, LabelMap(full, grid))
    before = segmentation.fraction(Tissue.ENHANCING).sum()
    assert edited.fraction(Tissue.ENHANCING).sum() == pytest.approx(before - 5, abs=1e-3)
    assert "EDITED" in edited.flags
    assert edited.source == f"{segmentation.source}, edited"
    assert edit_compartments(edited, LabelMap(full, grid)) is edited


def test_a_readers_diameter_and_declared_events_stand(followed: Comparison, tmp_path: Path) -> None:
    ends = ((0.0, 0.0, 0.0), (0.0, 30.0, 40.0))
    event = LesionEvent(EventKind.SPLIT, 1, (1, 2), 'said "so"')
    kept = content(followed, diameters={(1, 1, "longest_diameter"): ends}, events=[event])
    options = compare_options(write_session(kept, tmp_path))
    assert options.diameters == (GivenDiameter("1", 1, "longest_diameter", ends),)
    assert options.events == (event,)
    found = compare([SAMPLE], options=options)
    figure = {
        m.quantity: m
        for m in found.measurements
        if (m.lesion_id, m.timepoint_index, m.compartment) == (1, 1, "whole")
    }
    assert figure["longest_diameter"].value == 50.0
    assert "READER" in figure["longest_diameter"].flags
    perpendicular = figure["perpendicular_diameter"].value
    assert figure["bidimensional_product"].value == pytest.approx(50.0 * perpendicular)
    assert event in found.events


def test_saving_again_replaces_the_first_session(followed: Comparison, tmp_path: Path) -> None:
    write_session(content(followed), tmp_path)
    write_session(content(followed, segmented={}), tmp_path)
    assert not list(tmp_path.glob("outlines/*"))
    assert compare_options(tmp_path / SESSION_FILE).outlines == ()


def test_a_session_names_no_patient(followed: Comparison, tmp_path: Path) -> None:
    write_session(content(followed), tmp_path)
    written = b"".join(p.read_bytes() for p in tmp_path.rglob("*") if p.suffix in (".toml", ".tfm"))
    assert b"PHANTOM" not in written
    assert str(SAMPLE).encode() not in written


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("format = 99", "format 99"),
        ("[[outline]]\nlesion = 1", "timepoint is missing"),
        ('[[outline]]\ntimepoint = "0"\nlesion = "x"', "lesion is 'x'"),
        ('[[lesion]]\nid = 1\nrole = "odd"', "role is 'odd'"),
        ('[[event]]\nkind = "split"\ntimepoint = "0"\nlesions = ["a"]', "lesions' numbers"),
        ('[[diameter]]\ntimepoint="0"\nlesion=1\nquantity="x"\nends_lps_mm=[1]', "two points"),
        ("outline = 3", r"\[\[outline\]\]"),
    ],
)
def test_a_damaged_session_names_file_and_key(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "session.toml"
    file.write_text(line + "\n")
    with pytest.raises(ConfigurationError, match=words) as caught:
        compare_options(file)
    assert "session.toml" in str(caught.value)


def test_outlines_of_another_study_are_refused(followed: Comparison, tmp_path: Path) -> None:
    file = write_session(content(followed), tmp_path)
    moved = file.read_text().replace('timepoint = "0"', 'timepoint = "9"').replace(
        'timepoint = "1"\nlesion', 'timepoint = "0"\nlesion'
    ).replace('timepoint = "9"', 'timepoint = "1"')  # fmt: skip
    file.write_text(moved)
    with pytest.raises((GeometryMismatchError, InputError), match="no part of the grid"):
        compare([SAMPLE], options=compare_options(file))
