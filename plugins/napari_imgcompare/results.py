"""What a dropped result of `compare`, or a session, shows: all visits at the same anatomy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from imgcompare.errors import InputError
from imgcompare.model import AlignedTimepoint, Transform
from imgcompare.options import CompareOptions
from imgcompare.pipeline.aligning import reference_role
from imgcompare.pipeline.places import find_study, study_uids
from imgcompare.pipeline.replaying import given_transforms, take_transform
from imgcompare.reporting.session import SESSION_FILE
from napari_imgcompare import diameters, linked, overlays, sessions
from napari_imgcompare.framing import say, show_side_by_side
from napari_imgcompare.layers import LayerData
from napari_imgcompare.opening import TISSUE_MAP_ENDING, open_image
from napari_imgcompare.workspace import Workspace

LESION_MAP_ENDING = "_lesions.nii.gz"


def is_result(path: Path) -> bool:
    """Tell whether a folder was written by ``imgcompare compare``, or holds a session."""
    return path.is_dir() and (path / SESSION_FILE).is_file()


def open_result(folder: Path) -> list[LayerData]:
    """Give images, lesions, tissues and diameters of all visits, in the baseline's space.

    Where the scans cannot be found, label maps alone, each in its own visit's space.
    """
    options, uids = sessions.read(folder)
    paths = find_study(uids)
    if not paths:
        say(
            "The scans of this result are not where they were: only label maps are shown. "
            "'imgcompare view RESULT --study FOLDER' shows them with their scans."
        )
        return open_maps(folder)
    workspace = Workspace()
    workspace.roles = dict(options.roles)
    finish_opening(workspace, paths, uids)
    place(workspace, options)
    sessions.take_up(workspace, options)
    if workspace.marked:
        workspace.measure()
    return list(_layers(workspace))


def finish_opening(workspace: Workspace, paths: tuple[Path, ...], uids: tuple[str, ...]) -> None:
    """Read a study's headers and turn to the subject whose visits a session is about.

    Raises
    ------
    InputError
        If there is none.
    """
    workspace.open_study(paths).run()
    for n, course in enumerate(workspace.courses):
        if sorted(study_uids(course)) == sorted(uids):
            workspace.choose_subject(n)
    sessions.require_same_study(workspace, uids)


def place(workspace: Workspace, options: CompareOptions) -> None:
    """Read the reference series of all visits and place them as the session says."""
    course = workspace.require_course()
    found: dict[int, AlignedTimepoint] = {}
    for timepoint in course.timepoints:
        role = reference_role(timepoint)
        volume = timepoint.series[role].load()
        still = Transform.identity(volume.geometry.frame_of_reference_uid)
        found[timepoint.index] = AlignedTimepoint(
            timepoint, role, {role: volume}, {role: still}, still
        )
    baseline = found[course.baseline_index]
    for index, path in given_transforms(course, options).items():
        found[index] = take_transform(found[index], baseline, path, workspace.journal)
    workspace.aligned = found


def open_maps(folder: Path) -> list[LayerData]:
    """Give the label maps that a comparison wrote, tissues of the first visit in sight.

    Raises
    ------
    InputError
        If there are none.
    """
    endings = (LESION_MAP_ENDING, TISSUE_MAP_ENDING)
    files = [f for ending in endings for f in sorted((folder / "labels").glob(f"*{ending}"))]
    if not files:
        raise InputError(f"{folder.name} holds no label maps; compare the study again.")
    found = [open_image(path) for path in files]
    shown = next((f for f in files if f.name.endswith(TISSUE_MAP_ENDING)), files[0])
    for path, (_, keywords, _) in zip(files, found, strict=True):
        keywords["visible"] = path is shown
    return found


def _layers(workspace: Workspace) -> Iterator[LayerData]:
    scene = linked.scene_of(workspace.aligned, workspace.require_course().baseline_index)
    groups = []
    for index in scene.visits:
        one, marked = workspace.aligned[index], workspace.state.at(index)
        told = {i: m.segmentation for i, m in marked.items() if m.segmentation is not None}
        lesions = overlays.lesions_layer(scene, one, marked)
        lesions[1]["visible"] = False  # tissues say more
        groups.append(
            [
                *linked.visit_layers(scene, one),
                lesions,
                overlays.tissues_layer(scene, one, told),
                diameters.diameters_layer(scene, one, workspace.result),
            ]
        )
    show_side_by_side([workspace.aligned[i].timepoint.name for i in scene.visits], len(groups[0]))
    for group in groups:
        yield from group
