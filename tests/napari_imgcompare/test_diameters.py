"""Diameters are seen where they were measured, with their figures beside the lesion."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from napari_imgcompare import editing, keeping, layers, navigating
from napari_imgcompare.diameters import LONGEST, PERPENDICULAR, diameters_layer, laid
from napari_imgcompare.orientation import orient
from napari_imgcompare.overlays import Kind
from napari_imgcompare.stage import Stage

from imgcompare.model import Transform

TILTED_DEG = 12.0


def drawn(stage: Stage, visit: int) -> Any:
    (layer,) = keeping.find(stage.viewer, Kind.DIAMETERS, visit)
    return layer


def figure(stage: Stage, visit: int, quantity: str) -> Any:
    (found,) = (
        m
        for m in stage.workspace.result.measurements
        if (m.timepoint_index, m.compartment, m.quantity) == (visit, "whole", quantity)
    )
    return found


@pytest.fixture
def tilted(stage: Stage) -> Stage:
    """The follow-up's head is turned in the scene, so its planes of measurement are tilted."""
    one = stage.workspace.aligned[1]
    c, s = np.cos(np.radians(TILTED_DEG)), np.sin(np.radians(TILTED_DEG))
    turn = np.array([[c, 0, s, 0], [0, 1, 0, 0], [-s, 0, c, 0], [0, 0, 0, 1]])
    centre = one.geometry.centre_mm
    turn[:3, 3] = centre - turn[:3, :3] @ centre
    moved = Transform(turn @ one.to_baseline.matrix)
    stage.workspace.aligned[1] = replace(one, to_baseline=moved)
    stage.soon(stage._overlay())
    return stage


@pytest.mark.parametrize("visit", [0, 1])
def test_lines_and_figures_are_seen_in_the_plane_they_were_measured_in(tilted: Stage, visit: int):
    for _ in range(visit + 1):
        said = navigating.show_diameter(tilted, 1)
    layer = drawn(tilted, visit)
    layer.refresh()
    assert layer._data_view._displayed.tolist() == [True, True, True]  # two lines and figures
    values = [figure(tilted, visit, q).value for q in (LONGEST, PERPENDICULAR)]
    assert list(layer.features["label"]) == ["", "", f"1: {values[0]:.1f} × {values[1]:.1f} mm"]
    assert ("projected" in said) == (visit == 1)


def test_a_tilt_is_what_a_head_was_turned_by(tilted: Stage):
    straight, turned = (laid(tilted.workspace.aligned[v], tilted.workspace.result)[1]
                        for v in (0, 1))  # fmt: skip
    assert straight.tilt_deg < 1
    assert 3 < turned.tilt_deg < TILTED_DEG + 3  # the line need not lie along the turn


@pytest.mark.parametrize("visit", [0, 1])
def test_figures_are_above_the_lesion_on_the_screen(tilted: Stage, visit: int):
    for _ in range(visit + 1):
        navigating.show_diameter(tilted, 1)
    order = tilted.viewer.dims.order
    letters = orient(tilted.viewer)
    label = layers.places_of(drawn(tilted, visit), drawn(tilted, visit).data[2])
    (tissues,) = keeping.find(tilted.viewer, Kind.TISSUES, visit)
    whole = np.argwhere((np.asarray(tissues.data) > 0) & (np.asarray(tissues.data) < 6))
    places = layers.places_of(tissues, whole)
    up, left = order[-2], order[-1]
    if letters.top == "S":
        assert label[:, up].min() > places[:, up].max()
    else:
        assert label[:, up].max() < places[:, up].min()
    assert label[:, left].min() == pytest.approx(places[:, left].min(), abs=3)


@pytest.mark.parametrize("visit", [0, 1])
def test_a_dragged_diameter_is_measured_anew(tilted: Stage, visit: int):
    layer = drawn(tilted, visit)
    assert not editing.take_diameters(tilted, layer)  # to lay it flat is not to drag it
    before = figure(tilted, visit, LONGEST)
    line = np.asarray(layer.data[0]).copy()
    step = (line[1] - line[0]) * 0.5
    line[1] += step
    layer.data = [line if n == 0 else x for n, x in enumerate(layer.data)]
    assert editing.take_diameters(tilted, layer)
    tilted.workspace.measure()
    after = figure(tilted, visit, LONGEST)
    assert after.value == pytest.approx(1.5 * before.value, rel=1e-6 if visit == 0 else 0.03)
    assert figure(tilted, visit, PERPENDICULAR).value < 0.9 * after.value


def test_a_deleted_line_moves_no_other(stage: Stage):
    layer = drawn(stage, 0)
    layer.data = [layer.data[1]]
    assert not editing.take_diameters(stage, layer)


def test_nothing_measured_draws_nothing(stage: Stage):
    lines, keywords, _ = diameters_layer(stage.scene, stage.workspace.aligned[0], None)
    assert lines == []
    assert not keywords["visible"]
