"""Keep a workspace in a folder and take it up again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imgcompare.errors import ConfigurationError, InputError
from imgcompare.model import LesionSegmentation
from imgcompare.options import CompareOptions, position_of
from imgcompare.pipeline.places import remember_study, study_uids
from imgcompare.pipeline.replaying import kept_outlines
from imgcompare.reporting.session import SESSION_FILE, SessionContent, write_session
from napari_imgcompare.acts import Key, Marked, State
from napari_imgcompare.workspace import Workspace


def content_of(workspace: Workspace) -> SessionContent:
    """Give everything a person did, to be kept."""
    segmented: dict[int, dict[int, LesionSegmentation]] = {}
    for (index, identity), marked in workspace.marked.items():
        if marked.segmentation is not None:
            segmented.setdefault(index, {})[identity] = marked.segmentation
    return SessionContent(
        course=workspace.require_course(),
        roles=workspace.roles,
        aligned=workspace.aligned,
        accepted=workspace.accepted,
        segmented=segmented,
        lesions=[workspace.lesions[i] for i in sorted(workspace.lesions)],
        diameters=workspace.state.diameters,
        events=workspace.state.events,
        criteria=workspace.criteria,
    )


def save(workspace: Workspace, folder: Path) -> Path:
    """Keep a workspace in a folder; give the session's file.

    Raises
    ------
    InputError
        If lesions are marked whose tissues have not been told apart, which would be lost.
    OutputError
        If the folder cannot be written to.
    """
    if any(m.segmentation is None for m in workspace.marked.values()):
        raise InputError("Tell the tissues of all lesions apart first (step 4), then save.")
    file = write_session(content_of(workspace), folder)
    remember_study(workspace.require_course(), workspace.paths)
    return file


def read(folder: Path) -> tuple[CompareOptions, tuple[str, ...]]:
    """Read a session's decisions, and the UIDs of the study it belongs to.

    Raises
    ------
    ConfigurationError
        If there is no session in the folder, or it is damaged.
    """
    from imgcompare.configuration import compare_options, read_configuration

    file = folder / SESSION_FILE
    if not file.is_file():
        raise ConfigurationError(f"{folder.name} holds no {SESSION_FILE}; choose a session folder.")
    study = read_configuration(file).get("study", {})
    uids = study.get("uids", []) if isinstance(study, Mapping) else []
    return compare_options(file), tuple(str(uid) for uid in uids)


def require_same_study(workspace: Workspace, uids: tuple[str, ...]) -> None:
    """Check that the open study is the one a session was made from.

    Raises
    ------
    InputError
        If it is another.
    """
    course = workspace.require_course()
    if uids and sorted(study_uids(course)) != sorted(uids):
        raise InputError("The session belongs to another study; choose the study it was made from.")


def take_up(workspace: Workspace, options: CompareOptions) -> None:
    """Take up the lesions of a session, the visits being registered already."""
    course = workspace.require_course()
    marked: dict[Key, Marked] = {}
    for index, aligned in workspace.require_aligned().items():
        for outline, segmentation in kept_outlines(aligned, course, options):
            if outline.identity is not None:
                marked[index, outline.identity] = Marked(
                    outline.region, outline.source, outline.proposed, segmentation
                )
    diameters = {
        (position_of(d.timepoint, course), d.lesion, d.quantity): d.ends_mm
        for d in options.diameters
    }
    lesions = {lesion.id: lesion for lesion in options.lesions}
    workspace.criteria = options.criteria
    workspace.change(State(marked, lesions, diameters, options.events))
