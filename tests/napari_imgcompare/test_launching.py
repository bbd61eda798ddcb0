"""`imgcompare view`: opens a window on whatever a folder holds, or says what is missing."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.napari_imgcompare.conftest import SAMPLE

WITHOUT = """
import sys

class Nobody:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Nobody())
from imgcompare.cli.main import main
sys.argv = ["imgcompare", *{arguments!r}]
main()
"""
BINDINGS = {"PyQt5", "PyQt6", "PySide2", "PySide6"}


@pytest.mark.parametrize(
    ("missing", "command"),
    [
        ({"napari"}, ("view", str(SAMPLE))),
        (BINDINGS, ("view", str(SAMPLE))),
        ({"napari_imgcompare"}, ("view", str(SAMPLE))),
        ({"napari"}, ("demo", "--view", "-o")),
    ],
)
def test_what_is_missing_is_named_in_one_line(
    tmp_path: Path, missing: set[str], command: tuple[str, ...]
) -> None:
    results = tmp_path / "results"
    arguments = [*command, str(results)] if command[0] == "demo" else list(command)
    code = WITHOUT.format(missing=missing, arguments=arguments)
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], check=False, capture_output=True, text=True
    )
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    assert 'pip install "imgcompare-dicom[napari' in " ".join(found.stderr.split())
    assert not results.exists()  # said before the work, not after it


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    from imgcompare.cli.view import open_in_napari
    from imgcompare.errors import NothingFoundError

    with pytest.raises(NothingFoundError, match="no nowhere"):
        open_in_napari(tmp_path / "nowhere")


@pytest.fixture
def opened(qt: None, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[Path]]]:
    """What the widgets are asked to open."""
    from napari_imgcompare.widgets.export import ExportStep
    from napari_imgcompare.widgets.study import StudyStep

    asked: list[tuple[str, list[Path]]] = []
    monkeypatch.setattr(StudyStep, "open", lambda _, paths: asked.append(("study", paths)))
    monkeypatch.setattr(
        ExportStep, "open", lambda _, folder, study=None: asked.append(("session", [folder]))
    )
    return asked


@pytest.mark.parametrize("kind", ["study", "session"])
def test_scans_and_sessions_are_told_apart(
    window_viewer: Any, opened: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    import napari
    from napari_imgcompare.launching import open_window

    monkeypatch.setattr(napari, "Viewer", lambda: window_viewer)
    if kind == "session":
        (tmp_path / "session.toml").write_text("format = 1\n")
    widget = open_window(tmp_path)
    assert opened == [(kind, [tmp_path])]
    assert widget.viewer is window_viewer
