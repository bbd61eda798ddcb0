"""What napari is told about the plugin, and that all of it is there."""

import importlib
from pathlib import Path

import pytest
from napari_imgcompare import samples

MANIFEST = Path(samples.__file__).parent / "napari.yaml"


def manifest():  # type: ignore[no-untyped-def]
    from npe2 import PluginManifest

    return PluginManifest.from_file(MANIFEST)


def test_the_manifest_is_valid():
    assert manifest().name == "imgcompare-dicom"


def test_everything_the_manifest_names_is_there(qt):
    manifest().validate_imports()


def test_every_phantom_case_is_a_sample():
    from imgcompare.phantoms import CASES

    assert {s.key for s in manifest().contributions.sample_data} == set(CASES)
    for case in CASES:
        assert callable(getattr(samples, case))


def test_a_sample_opens_the_post_contrast_series_of_both_visits(monkeypatch):
    from tests.napari_imgcompare.conftest import SAMPLE

    monkeypatch.setattr(samples, "sample_folder", lambda case: SAMPLE)
    names = [keywords["name"] for _, keywords, _ in samples.pseudoprogression()]
    assert names == ["T1C 2024-01-10", "T1C 2024-03-06"]


@pytest.mark.parametrize(
    "module", ["acts", "workspace", "tables", "spaces", "tasks", "sessions", "opening"]
)
def test_logic_needs_no_qt(module):
    import subprocess
    import sys

    importlib.import_module(f"napari_imgcompare.{module}")
    code = f"import sys, napari_imgcompare.{module}; sys.exit('qtpy' in sys.modules)"
    found = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=False)
    assert found.returncode == 0
