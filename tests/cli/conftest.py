"""A small study to spoil, and a way to run the command line as a person does."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from imgcompare.cli.main import main

SAMPLE = Path(__file__).resolve().parents[2] / "sample_scans" / "pseudoprogression_tiny"

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="session")
def sample() -> Path:
    """Folder of the committed case; read only."""
    return SAMPLE


@pytest.fixture(scope="session")
def truth() -> dict:  # type: ignore[type-arg]
    """What the committed case really holds."""
    return json.loads((SAMPLE / "truth.json").read_text())


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A copy of the committed case that a test may spoil."""
    folder = tmp_path / "study"
    shutil.copytree(SAMPLE, folder)
    return folder


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line: exit code, standard output, standard error."""

    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(a) for a in arguments])
        captured = capsys.readouterr()
        return int(stop.value.code or 0), captured.out, captured.err

    return call


def headers(folder: Path, *, date: str, description: str) -> list[Path]:
    """Files of one series of one visit, in order along the patient."""
    found = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix != ".json"):
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        if ds.StudyDate == date and description in ds.SeriesDescription:
            found.append((float(ds.ImagePositionPatient[2]), path))
    return [path for _, path in sorted(found)]
