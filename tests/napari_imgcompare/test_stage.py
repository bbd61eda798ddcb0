"""What a viewer shows of a workspace, without a window."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari_imgcompare import (
    acts,
    correcting,
    editing,
    layers,
    linked,
    maps,
    navigating,
    sessions,
)
from napari_imgcompare.linked import Mode
from napari_imgcompare.overlays import Kind
from napari_imgcompare.spaces import to_world
from napari_imgcompare.stage import Stage
from napari_imgcompare.tables import (
    alignment_rows,
    finding,
    lesion_rows,
    next_step,
    observation_texts,
    results_table,
    visit_rows,
)
from napari_imgcompare.viewers import camera_of, grid_of
from napari_imgcompare.workspace import Workspace

from imgcompare.configuration import compare_options
from imgcompare.errors import InputError
from imgcompare.model import TISSUE_CODES, EventKind, RegistrationQuality, Tissue
from imgcompare.pipeline import compare, places


def ours(stage: Stage, kind: str, visit: int) -> Any:
    (found,) = (
        x
        for x in stage.viewer.layers
        if layers.remembered(x).get("kind") == kind and layers.remembered(x)["visit"] == visit
    )
    return found


def take_edits(stage: Stage) -> bool:
    """Take what was painted; tell whether that changed anything."""
    before = stage.workspace.state
    editing.take_edits(stage).run()
    return stage.workspace.state is not before


def volume(workspace: Workspace, visit: int, compartment: str) -> float:
    result = workspace.result
    assert result is not None
    (value,) = (
        m.value
        for m in result.measurements
        if (m.timepoint_index, m.compartment, m.quantity) == (visit, compartment, "volume")
    )
    return value


@pytest.mark.parametrize("compartment", ["whole", "enhancing"])
@pytest.mark.parametrize("visit", [0, 1])
def test_volumes_are_the_phantoms(told: Workspace, truth: Any, visit: int, compartment: str):
    true = truth[visit]["lesions"][0]["volumes_ml"][compartment]
    assert volume(told, visit, compartment) == pytest.approx(true, rel=0.05)


def test_visits_stand_beside_each_other_in_equal_groups(stage: Stage):
    assert stage.scene is not None
    grid = grid_of(stage.viewer)
    assert grid.enabled
    assert grid.shape == (1, 2)
    assert len(stage.viewer.layers) == 2 * grid.stride
    groups = [layers.remembered(x)["visit"] for x in stage.viewer.layers]
    assert groups == [0] * grid.stride + [1] * grid.stride


def test_sliders_step_by_one_slice(stage: Stage):
    steps = [r.step for r in stage.viewer.dims.range]
    assert steps == pytest.approx(stage.scene.grid.spacing_mm)


def test_every_layer_has_units_and_axes(stage: Stage):
    assert all(str(u) == "millimeter" for x in stage.viewer.layers for u in x.units)
    assert all(x.axis_labels == ("S", "P", "L") for x in stage.viewer.layers)


def test_the_same_anatomy_is_at_the_same_place(stage: Stage):
    first, last = (
        np.asarray(linked.image_of(stage.viewer, v, None).data, dtype=float) for v in (0, 1)
    )
    both = (first > 0.2 * first.max()) & (last > 0)
    assert np.corrcoef(first[both], last[both])[0, 1] > 0.8
    shifted = np.roll(last, 4, axis=1)
    assert (
        np.corrcoef(first[both], shifted[both])[0, 1] < np.corrcoef(first[both], last[both])[0, 1]
    )


def test_a_point_of_the_scene_is_found_in_a_visits_own_space(stage: Stage, truth: Any):
    for visit in (0, 1):
        one = stage.workspace.aligned[visit]
        own = np.array(truth[visit]["lesions"][0]["centre_lps_mm"])
        world = to_world(one.to_baseline.apply(own))
        np.testing.assert_allclose(navigating.point_at(stage, world, visit), own, atol=1e-6)


def test_going_to_a_lesion_turns_the_slices_to_it(stage: Stage):
    navigating.go_to(stage, 1)
    tissues = ours(stage, Kind.TISSUES, 0)
    assert tissues.data[stage.viewer.dims.current_step[0]].any()
    assert navigating.step(stage, 1) == 1  # the only lesion is also the next one


def test_a_painted_correction_changes_what_was_painted(stage: Stage):
    before = volume(stage.workspace, 0, "enhancing")
    layer = ours(stage, Kind.TISSUES, 0)
    enhancing, necrotic = TISSUE_CODES[Tissue.ENHANCING], TISSUE_CODES[Tissue.NECROTIC]
    inside = np.argwhere(layer.data == enhancing)
    middle = inside[len(inside) // 2]
    box = tuple(slice(m - 1, m + 2) for m in middle)
    painted = int((layer.data[box] == enhancing).sum())
    layer.data[box][layer.data[box] == enhancing] = necrotic
    assert take_edits(stage)
    assert stage.workspace.result is None
    stage.workspace.measure()
    lost = before - volume(stage.workspace, 0, "enhancing")
    assert lost == pytest.approx(painted * 0.008, rel=0.35)
    assert not take_edits(stage)  # nothing new
    stage.workspace.undo()
    stage.workspace.measure()
    assert volume(stage.workspace, 0, "enhancing") == before


def test_an_edit_at_the_follow_up_leaves_all_other_voxels_alone(stage: Stage):
    own = stage.workspace.marked[1, 1].segmentation
    layer = ours(stage, Kind.TISSUES, 1)
    middle = np.argwhere(layer.data == 2).mean(axis=0).astype(int)
    layer.data[tuple(middle)] = 5
    assert take_edits(stage)
    edited = stage.workspace.marked[1, 1].segmentation
    assert own is not None
    assert edited is not None
    before, after = ((s.labels.array > 0).sum() for s in (own, edited))
    assert abs(int(before) - int(after)) <= 1
    assert 1 <= int((edited.labels.array == 5).sum()) <= 4


def test_modes_change_how_visits_are_looked_at(stage: Stage):
    stage.look(Mode.BLEND)
    assert not grid_of(stage.viewer).enabled
    colours = {linked.image_of(stage.viewer, v, None).colormap.name for v in (0, 1)}
    assert colours == {"green", "magenta"}
    stage.look(Mode.CHECKERBOARD)
    assert stage.viewer.layers["checkerboard"].visible
    stage.look(Mode.SIDE_BY_SIDE)
    assert not stage.viewer.layers["checkerboard"].visible
    assert stage.flick() == 1
    assert linked.image_of(stage.viewer, 0, None).opacity == 0
    stage.look(Mode.SIDE_BY_SIDE)
    assert linked.image_of(stage.viewer, 0, None).opacity == 1


def test_sides_can_be_swapped(stage: Stage):
    stage.swap()
    assert layers.remembered(stage.viewer.layers[0])["visit"] == 1
    stage.swap()
    assert layers.remembered(stage.viewer.layers[0])["visit"] == 0


def test_the_growth_map_shows_growth_outside_and_loss_inside(stage: Stage):
    maps.show_change(stage, "whole").run()
    grown = ours(stage, Kind.CHANGE, 1)
    assert (grown.data == 1).sum() > 5 * (grown.data == 2).sum()
    maps.show_change(stage, "enhancing").run()
    lost = next(x for x in stage.viewer.layers if x.name.startswith("enhancing: "))
    assert (lost.data == 2).sum() > 100


def test_surfaces_enclose_the_tissues(stage: Stage, truth: Any):
    maps.show_surfaces(stage).run()
    assert stage.viewer.dims.ndisplay == 3
    assert tuple(map(str, camera_of(stage.viewer).orientation)) == ("away", "down", "right")
    surface = next(x for x in stage.viewer.layers if x.name.startswith("enhancing surface "))
    centre = to_world(truth[0]["lesions"][0]["centre_lps_mm"])
    middle = layers.places_of(surface, surface.data[0]).mean(axis=0)
    np.testing.assert_allclose(middle, centre, atol=4)


def test_enhancement_is_bright_in_the_living_part(stage: Stage):
    maps.show_enhancement(stage).run()
    heat, tissues = ours(stage, Kind.ENHANCEMENT, 0), ours(stage, Kind.TISSUES, 0)
    inside = np.asarray(heat.data)[tissues.data == 1]
    outside = np.asarray(heat.data)[tissues.data == 2]
    assert np.median(inside) > np.median(outside) + 0.2


def test_any_labels_layer_becomes_lesions(stage: Stage):
    from napari.layers import Labels

    grid = stage.scene.grid
    drawn = np.zeros(grid.shape, dtype=np.uint8)
    drawn[40:46, 50:56, 60:66], drawn[60:64, 50:54, 30:34] = 1, 2
    layer = Labels(drawn, scale=grid.spacing_mm, translate=to_world(grid.origin_mm))
    editing.mark_layer(stage, layer, 0)
    new = [i for i in stage.workspace.lesions if i > 1]
    sizes = [stage.workspace.marked[0, i].region.array.sum() for i in new]
    assert sizes == pytest.approx([216, 64], rel=0.25)


def test_landmarks_and_dragging_place_a_follow_up(stage: Stage, truth: Any):
    one = stage.workspace.aligned[1]
    correcting.add_landmarks(stage, 1)
    points = np.array([[0, 0, 0], [30, 5, 0], [0, -40, 10], [-20, 10, 40.0]])
    base = next(x for x in stage.viewer.layers if x.name.startswith("landmarks") and
                layers.remembered(x)["visit"] == 0)  # fmt: skip
    moved = next(x for x in stage.viewer.layers if x.name.startswith("landmarks") and
                 layers.remembered(x)["visit"] == 1)  # fmt: skip
    place = stage.scene.grid.world_to_index
    base.data, moved.data = place(points + np.array([3, 0, 0])), place(points)
    placed = correcting.take_landmarks(stage, 1)
    np.testing.assert_allclose(placed.matrix[:3, 3], one.to_baseline.matrix[:3, 3] + [3, 0, 0])
    assert 1 in stage.workspace.accepted
    layer = correcting.start_drag(stage, 1)
    with pytest.raises(InputError, match="not moved"):
        correcting.take_drag(stage, 1, layer)
    layer.affine = np.array([[1, 0, 0, 0], [0, 1, 0, 4.0], [0, 0, 1, 0], [0, 0, 0, 1]])
    dragged = correcting.take_drag(stage, 1, layer)
    np.testing.assert_allclose(dragged.matrix[:3, 3] - placed.matrix[:3, 3], [0, 4, 0], atol=1e-9)


def test_a_stretched_image_is_no_motion():
    with pytest.raises(InputError, match="stretched"):
        correcting.patient_motion(np.diag([1.0, 1.3, 1.0, 1.0]))


def test_acts_can_be_undone(stage: Stage):
    workspace = stage.workspace
    state = workspace.state
    workspace.change(acts.describe(state, 1, name="left parietal", site="brain"))
    assert workspace.lesions[1].name == "left parietal"
    workspace.change(acts.vanish(workspace.state, 1, 1))
    assert workspace.state.events[0].kind is EventKind.VANISHED
    workspace.undo()
    workspace.undo()
    assert workspace.state is state
    workspace.redo()
    assert workspace.lesions[1].name == "left parietal"


def test_a_session_is_taken_up_and_replayed_to_the_same_numbers(
    stage: Stage, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(places, "_file", lambda: tmp_path / "state" / "studies.json")
    layer = ours(stage, Kind.TISSUES, 0)
    layer.data[tuple(np.argwhere(layer.data == 1)[200])] = 2
    assert take_edits(stage)
    workspace = stage.workspace
    workspace.change(acts.describe(workspace.state, 1, name="left"))
    workspace.measure()
    file = sessions.save(workspace, tmp_path / "kept")
    options, uids = sessions.read(tmp_path / "kept")
    assert places.find_study(uids) == (study,)
    again = Workspace()
    again.open_study([study]).run()
    sessions.require_same_study(again, uids)
    again.aligned = dict(workspace.aligned)  # registering again is tested elsewhere
    sessions.take_up(again, options)
    again.measure()
    assert [(m.quantity, m.compartment, m.value) for m in again.result.measurements] == [
        (m.quantity, m.compartment, m.value) for m in workspace.result.measurements
    ]
    assert again.lesions[1].name == "left"
    replayed = compare([study], options=compare_options(file))
    for m, n in zip(workspace.result.measurements, replayed.measurements, strict=True):
        assert n.value == pytest.approx(m.value, rel=1e-9, nan_ok=True)


def test_unfinished_lesions_are_not_lost_silently(stage: Stage, tmp_path: Path):
    workspace = stage.workspace
    told = workspace.marked[0, 1]
    workspace.change(acts.add(workspace.state, {0: acts.Marked(told.region, "mask")}, baseline=0))
    with pytest.raises(InputError, match="step 4"):
        sessions.save(workspace, tmp_path / "kept")
    with pytest.raises(InputError, match="step 4"):
        workspace.measure()


def test_the_tables_tell_the_story(told: Workspace):
    assert [len(series) for _, series in visit_rows(told)] == [5, 5]
    assert alignment_rows(told)[0].cells[1] == "good"
    assert lesion_rows(told)[0].cells[0] == "1"
    text = finding(told.result)
    assert "whole volume +8" in text
    assert "enhancing −2" in text
    columns, rows = results_table(told.result)
    assert {r.cells[1] for r in rows} >= {"whole lesion", "enhancing"}
    assert all(r.lesion == 1 and len(r.cells) == len(columns) for r in rows)
    (enhancing,) = (dict(zip(columns, r.cells, strict=True)) for r in rows
                    if r.cells[1] == "enhancing")  # fmt: skip
    assert [enhancing[name].split()[1] for name in columns[2:4]] == ["mL", "mL"]
    assert enhancing["change"].startswith("−")
    assert enhancing["beyond error"] == "yes"
    assert "published repeatability of semi-automatic tools is ±22 %" in rows[1].tip


def test_each_state_says_what_comes_next(workspace: Workspace):
    assert next_step(Workspace()).startswith("Open a folder")
    assert next_step(workspace) == ""
    workspace.result = None
    assert "Measure (step 5)" in next_step(workspace)
    marked = {k: replace(m, segmentation=None) for k, m in workspace.marked.items()}
    workspace.change(replace(workspace.state, marked=marked))
    assert "(step 4)" in next_step(workspace)
    workspace.change(acts.State())
    assert "(step 3)" in next_step(workspace)
    quality = RegistrationQuality(1.0, 1.0, None, 0.1, False, "too little overlap")
    one = workspace.aligned[1]
    failed = replace(one.to_baseline, quality=quality)
    workspace.aligned[1] = replace(one, to_baseline=failed)
    assert "may not fit" in next_step(workspace)
    workspace.aligned = {}
    assert "Register (step 2)" in next_step(workspace)
    alone = replace(workspace.course, timepoints=workspace.course.timepoints[:1])
    workspace.courses = (alone,)
    assert "Only one visit" in next_step(workspace)


def test_where_there_is_nothing_to_add_that_is_said(told: Workspace):
    assert told.result is not None
    nothing = {"observations": (), "assessments": (), "side_by_side": (), "warnings": ()}
    silent = replace(told.result, **nothing)
    assert observation_texts(silent) == ["Nothing to add to the finding and the criteria."]
    warned = replace(silent, warnings=("Look twice.",))
    assert observation_texts(warned) == ["Look twice."]
    assert observation_texts(None) == []


def test_who_placed_a_visit_is_said(workspace: Workspace):
    def said() -> str:
        return alignment_rows(workspace)[0].cells[-1]

    assert said() == "imgcompare"
    workspace.accept_alignment(1)
    assert said() == "a person"
    one = workspace.aligned[1]
    quality = replace(one.to_baseline.quality, engine="given")
    kept = replace(one.to_baseline, quality=quality)
    workspace.aligned[1] = replace(one, to_baseline=kept)
    assert said() == "as saved"


@pytest.mark.parametrize("early", ["align", "show", "measure"])
def test_a_step_too_early_says_what_comes_first(viewer_model: Any, early: str):
    workspace = Workspace()
    stage = Stage(viewer_model, workspace)
    steps = {"align": workspace.align, "show": stage.show_images, "measure": workspace.measure}
    with pytest.raises(InputError, match="step"):
        steps[early]()
