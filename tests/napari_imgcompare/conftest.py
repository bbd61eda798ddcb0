"""The plugin's tests need napari; windows need a screen. CI requires both."""

import copy
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

REQUIRED = "IMGCOMPARE_REQUIRE_GUI"
SAMPLE = Path(__file__).resolve().parents[2] / "sample_scans" / "pseudoprogression_tiny"


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave the plugin's tests out where napari is not installed, unless they are required."""
    if os.environ.get(REQUIRED) or collection_path.name == "conftest.py":
        return None
    try:
        import napari  # noqa: F401
    except ImportError:
        return True
    return None


@pytest.fixture
def viewer_model() -> Any:
    """A viewer without a window."""
    from napari.components import ViewerModel

    return ViewerModel()


@pytest.fixture
def qt() -> None:
    """Qt's own libraries, which a bare machine lacks; skipped without them, unless required."""
    try:
        from qtpy import QtWidgets  # noqa: F401
    except ImportError as error:
        if os.environ.get(REQUIRED):
            raise
        pytest.skip(f"no Qt here: {error}")


@pytest.fixture
def window_viewer(qt: None) -> Iterator[Any]:
    """A real viewer in a window; skipped without a screen, unless required."""
    has_screen = os.environ.get("DISPLAY") or os.environ.get("QT_QPA_PLATFORM") or os.name == "nt"
    if not has_screen and not os.environ.get(REQUIRED):
        pytest.skip("no screen (run under xvfb-run)")
    import napari

    viewer = napari.Viewer(show=True)
    yield viewer
    viewer.close()


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pseudoprogression phantom at 2 mm, as raw DICOM."""
    from imgcompare.model import finish
    from imgcompare.phantoms import ScanSettings, build_case, write_case

    folder = tmp_path_factory.mktemp("study")
    settings = ScanSettings(spacing_mm=(2.0, 2.0, 2.0))
    finish(write_case(build_case("pseudoprogression"), folder, settings=settings))
    return folder


@pytest.fixture(scope="session")
def truth(study: Path) -> Any:
    """What the phantom really holds, per visit."""
    import json

    return json.loads((study / "truth.json").read_text())["timepoints"]


@pytest.fixture(scope="session")
def told(study: Path, truth: Any) -> Any:
    """A workspace whose first lesion was found from a point and told apart; do not change it."""
    from napari_imgcompare.workspace import Workspace

    workspace = Workspace()
    workspace.open_study([study]).run()
    workspace.align().run()
    workspace.mark_seed(0, truth[0]["lesions"][0]["centre_lps_mm"]).run()
    workspace.tell_tissues().run()
    workspace.measure()
    return workspace


@pytest.fixture
def workspace(told: Any) -> Any:
    """A workspace of one's own that starts from what was told."""
    own = copy.copy(told)
    own.changed = type(told).changed.__get__(own)  # its own listeners
    own._past, own._future = [], []
    own.aligned, own.accepted = dict(told.aligned), set(told.accepted)
    return own


@pytest.fixture
def stage(viewer_model: Any, workspace: Any) -> Any:
    """The workspace on a viewer without a window."""
    from napari_imgcompare.stage import Stage

    made = Stage(viewer_model, workspace)
    made.show_images().run()
    return made
