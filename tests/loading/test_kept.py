"""What a session kept: files that are not there are named, and ITK stays silent."""

from pathlib import Path

import pytest

from imgcompare.errors import NothingFoundError, UnreadableFileError
from imgcompare.loading.kept import read_part, read_transform
from tests.builders import make_geometry

GRID = make_geometry((4, 5, 6), spacing_mm=(2.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0))


def test_a_missing_file_is_named_in_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NothingFoundError, match=r"no file 'a\.tfm'"):
        read_transform(tmp_path / "a.tfm")
    with pytest.raises(NothingFoundError, match=r"no file 'a\.nii\.gz'"):
        read_part(tmp_path / "a.nii.gz", of=GRID, what="T1C")
    assert capfd.readouterr().err == ""


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.tfm").write_text("no transform")
    with pytest.raises(UnreadableFileError, match="ITK transform"):
        read_transform(tmp_path / "a.tfm")
