"""Open a viewer with the workbench in it, for `imgcompare view` and `imgcompare demo --view`."""

from __future__ import annotations

from pathlib import Path

import napari

from imgcompare.reporting.session import SESSION_FILE
from napari_imgcompare.widgets.compare import CompareTimepoints

AREA = "right"

ROOMY_PX = 1400
"""Two visits beside the steps want a window of this width."""


def open_window(folder: Path, *, study: Path | None = None) -> CompareTimepoints:
    """Open a window on a study, or on a session or result of one.

    Parameters
    ----------
    folder : Path
        Scans, or what `imgcompare compare` or a saved session wrote.
    study : Path, optional
        Where the scans of a session or result lie, if that is not known on this machine.
    """
    viewer = napari.Viewer()
    widget = CompareTimepoints(viewer)
    viewer.window.add_dock_widget(widget, name="Compare timepoints", area=AREA)
    window = viewer.window._qt_window
    if window.width() < ROOMY_PX:
        window.showMaximized()
    if (folder / SESSION_FILE).is_file():
        widget.export.open(folder, [study] if study is not None else None)
    else:
        widget.study.open([folder])
    return widget


def launch(folder: Path, *, study: Path | None = None) -> None:
    """Open a window and wait until it is closed."""
    open_window(folder, study=study)
    napari.run()
