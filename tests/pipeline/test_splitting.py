"""Lesions that touch, fall apart and grow together, through the whole comparison."""

import pytest

from imgcompare.model import SUM_OF_PARTS, Comparison, EventKind, LesionRole, Tissue
from imgcompare.reporting import headline
from tests.pipeline.drawn_course import compare_drawn, figure
from tests.segmentation.analytic import Plan, draw

TWO = ((24, -14, 10, 10, 5), (24, 4, 10, 10, 5))
APART = ((24, -15, 10, 8.7, 4), (24, 6, 10, 8.7, 4))
ONE_MASS = ((24, -7, 10, 11, 6), (24, 1, 10, 11, 6))
BIG = ((24, -8, 10, 15, 9),)
THREE = ((24, -8, 0.5, 5.8, 3), (24, 0.2, 14.75, 5.8, 3), (24, -16.2, 14.75, 5.8, 3))


def true_ml(balls, tissue: Tissue | None = None) -> float:
    found = draw(Plan(balls=balls))
    part = found.whole if tissue is None else found.fractions[tissue]
    return float(part.sum()) * found.aligned.geometry.voxel_volume_ml


def to_baseline(comparison: Comparison, lesion: int, quantity: str = "volume"):
    (change,) = (
        c
        for c in comparison.changes
        if (c.lesion_id, c.quantity, c.compartment, c.reference)
        == (lesion, quantity, "whole", "baseline")
    )
    return change


def test_two_touching_lesions_that_separate_are_both_followed(monkeypatch) -> None:
    found = compare_drawn(monkeypatch, TWO, APART, seeds=[b[:3] for b in TWO])
    assert found.events == ()
    assert [sorted(r.lesions) for r in found.results] == [[1, 2], [1, 2]]
    true = 100 * (true_ml(APART) / true_ml(TWO) - 1)
    for lesion in (1, 2):
        assert to_baseline(found, lesion).percent == pytest.approx(true, abs=4)
    assert headline(found).splitlines()[0] == "2 lesions, both shrinking"
    assert not any("Possible further lesion" in w for w in found.warnings)
    assert any(d.choice == "2 lesions in one outline" for d in found.decisions)


@pytest.mark.parametrize(("before", "after", "count"), [(TWO, APART, 2), (BIG, THREE, 3)])
def test_one_lesion_that_falls_apart_is_the_sum_of_its_parts(
    monkeypatch, before, after, count: int
) -> None:
    plan = Plan(spacing=(2.0, 2.0, 2.0))  # gaps between three parts take more than two voxels
    found = compare_drawn(monkeypatch, before, after, seeds=[before[0][:3]], plan=plan)
    assert {(e.kind, e.lesion_ids[0]) for e in found.events} == {(EventKind.SPLIT, 1)}
    assert sorted(found.results[1].lesions) == list(range(1, count + 1))
    change = to_baseline(found, 1)
    assert change.from_value == pytest.approx(true_ml(before), rel=0.05)
    assert change.to_value == pytest.approx(true_ml(after), rel=0.08)
    assert SUM_OF_PARTS in change.flags
    wet = true_ml(after, Tissue.OEDEMA)
    shares = [figure(found, n, 1, part="oedema") for n in range(1, count + 1)]
    assert sum(m.value for m in shares if m) == pytest.approx(wet, rel=0.25), "counted once"
    lengths = [figure(found, n, 1, "longest_diameter") for n in range(1, count + 1)]
    total = sum(m.value for m in lengths if m)
    assert to_baseline(found, 1, "longest_diameter").to_value == pytest.approx(total)
    recist = [a for a in found.assessments if a.criterion == "RECIST 1.1"]
    assert recist[1].value == pytest.approx(total, abs=0.01)
    assert all(lesion.role is LesionRole.TARGET for lesion in found.lesions), "no part is new"
    (line, *parts) = headline(found).splitlines()
    assert line.startswith("Lesion 1: divided on 2024-03-06, counted together with lesion 2")
    assert len(parts) == count - 1
    assert not any("Possible further lesion" in w for w in found.warnings)


def test_two_lesions_that_become_one_mass_are_compared_with_both(monkeypatch) -> None:
    found = compare_drawn(monkeypatch, APART, ONE_MASS, seeds=[b[:3] for b in APART])
    assert [(e.kind, e.lesion_ids) for e in found.events] == [(EventKind.MERGED, (1, 2))]
    change = to_baseline(found, 1)
    assert change.from_value == pytest.approx(true_ml(APART), rel=0.05)
    assert change.to_value == pytest.approx(true_ml(ONE_MASS), rel=0.05)
    codes = {o.code for o in found.observations}
    assert "EARLY_GROWTH_RT" not in codes, "+36 % of both, where one alone would be +173 %"
    assert headline(found).startswith("Lesion 1: merged on 2024-03-06, counted together with")
    assert "Lesion 2: merged into lesion 1 on 2024-03-06; counted with lesion 1" in headline(found)


def test_two_lesions_that_come_to_touch_stay_two(monkeypatch) -> None:
    found = compare_drawn(monkeypatch, APART, TWO, seeds=[b[:3] for b in APART])
    assert found.events == ()
    total = sum(to_baseline(found, n).to_value for n in (1, 2))
    assert total == pytest.approx(true_ml(TWO), rel=0.06)


def test_two_seeds_in_one_lesion_are_one_lesion(monkeypatch) -> None:
    smaller = ((24, -8, 10, 13, 8),)
    found = compare_drawn(monkeypatch, BIG, smaller, seeds=[(24, -20, 10), (24, 4, 10)])
    assert [lesion.id for lesion in found.lesions] == [1]
    assert to_baseline(found, 1).from_value == pytest.approx(true_ml(BIG), rel=0.05)
    assert any("cover the same lesion" in w for w in found.warnings)
    assert found.events == ()
