"""``imgcompare view``: a study, a result or a session in napari."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("view")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--study",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Where the scans of a result or session lie, if that is not known on this machine.",
)
def command(folder: Path, study: Path | None) -> None:
    """Open a folder of scans, a result of `compare`, or a saved session in napari."""
    open_in_napari(folder, study=study)


def open_in_napari(folder: Path, *, study: Path | None = None) -> None:
    """Open a viewer with the comparison in it, and wait until it is closed.

    Raises
    ------
    MissingDependencyError
        If napari or a Qt binding is not installed, naming what to install.
    NothingFoundError
        If there is no such folder.
    """
    from imgcompare.errors import NothingFoundError

    for path in (folder, study):
        if path is not None and not path.exists():
            raise NothingFoundError(f"There is no {path.name}; give a folder of scans or results.")
    require_viewer()
    from napari_imgcompare.launching import launch

    launch(folder, study=study)


def require_viewer() -> None:
    """Check that a window can be opened, before anything that takes long.

    Raises
    ------
    MissingDependencyError
        If napari or a Qt binding is not installed, naming what to install.
    """
    from imgcompare.errors import MissingDependencyError

    try:
        import napari_imgcompare.launching  # noqa: F401
    except ImportError as error:
        # qtpy's own error for a missing binding is an ImportError too.
        raise MissingDependencyError(
            "The viewer needs napari and a Qt binding; install them with: "
            'pip install "imgcompare-dicom[napari,qt]"'
        ) from error
