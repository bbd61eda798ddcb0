"""npe2 reader: a folder of scans, a file of a series, NIfTI or NRRD, or a result of `compare`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_imgcompare.layers import LayerData

if TYPE_CHECKING:
    from napari_imgcompare.opening import Chooser

PathLike = str | os.PathLike[str]
PREAMBLE = 128

NOTHING: list[Any] = [(None,)]
"""What npe2 takes for: read, but no layers, as when a person closes the chooser."""


def get_reader(path: PathLike | Sequence[PathLike]) -> Callable[[Any], list[LayerData]] | None:
    """Tell cheaply whether this plugin reads a path, and with what. Never raises."""
    try:
        paths = _paths(path)
        readable = bool(paths) and all(_looks_readable(p) for p in paths)
    except (OSError, TypeError, ValueError):
        return None
    return read if readable else None


def read(path: PathLike | Sequence[PathLike]) -> list[LayerData]:
    """Open what a path holds, asking which series where there are many.

    Raises
    ------
    ImgCompareError
        One sentence that says what to do; napari shows it.
    """
    from napari_imgcompare import opening, results
    from napari_imgcompare.framing import frame_current_viewer

    frame_current_viewer()
    paths = _paths(path)
    if len(paths) == 1 and results.is_result(paths[0]):
        return results.open_result(paths[0])
    images = [p for p in paths if p.name.lower().endswith(opening.IMAGE_ENDINGS)]
    if len(images) == len(paths):
        return [opening.open_image(p) for p in images]
    listed = opening.offers(paths)
    chosen = listed if len(listed) <= opening.FEW else _chooser()(listed)
    return opening.open_offers(chosen) or NOTHING


def _chooser() -> Chooser:
    """Ask in a dialog where there are windows, else take what a comparison would use."""
    from napari_imgcompare import opening

    try:
        from qtpy.QtWidgets import QApplication
    except ImportError:
        return opening.preferred
    if QApplication.instance() is None:
        return opening.preferred
    from napari_imgcompare.widgets.chooser import choose

    return choose


def _paths(path: PathLike | Sequence[PathLike]) -> list[Path]:
    many = [path] if isinstance(path, str | os.PathLike) else list(path)
    return [Path(p) for p in many]


def _looks_readable(path: Path) -> bool:
    if path.is_dir():
        return True
    if path.name.lower().endswith((".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".zip")):
        return path.is_file()
    with open(path, "rb") as stream:
        head = stream.read(PREAMBLE + 4)
    return head[PREAMBLE:] == b"DICM" or path.suffix.lower() in (".dcm", ".ima")
