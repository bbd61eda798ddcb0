"""Files below a folder: what imgcompare wrote there itself is no scan."""

import json
from pathlib import Path

import pytest

from imgcompare.loading.files import find_files

OURS = {"versions": {"imgcompare": "0.1.0"}, "files": ["labels/a.nii.gz", "provenance.json"]}


def study(folder: Path, manifest: str) -> set[str]:
    (folder / "out" / "labels").mkdir(parents=True)
    for name in ("scan", "out/scan", "out/labels/a.nii.gz", "out/labels/b.nii.gz"):
        (folder / name).write_text("x")
    (folder / "out" / "provenance.json").write_text(manifest)
    return {Path(p).relative_to(folder).as_posix() for p in find_files(folder)}


def test_results_inside_a_study_are_passed_over(tmp_path: Path) -> None:
    found = study(tmp_path, json.dumps(OURS))
    assert found == {"scan", "out/scan", "out/labels/b.nii.gz"}


@pytest.mark.parametrize(
    "manifest", ["", "[]", '{"files": ["scan"]}', '{"versions": 3, "files": 1}']
)
def test_a_list_that_is_not_ours_hides_nothing(tmp_path: Path, manifest: str) -> None:
    assert len(study(tmp_path, manifest)) == 5
