"""Masks are found inside archives by their path; what cannot be found says what there is."""

import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from imgcompare.errors import ImgCompareError, UnreadableFileError
from imgcompare.geometry import to_sitk
from imgcompare.loading import read_lesions
from imgcompare.loading.masks import check_mask
from tests.builders import make_geometry
from tests.loading.mask_builder import SegSpec, write_seg

GRID = make_geometry((9, 13, 11))
DRAWN = np.zeros(GRID.shape, np.uint8)
DRAWN[2:5, 3:8, 4:9] = 1


def mask(folder: Path, name: str) -> Path:
    """Write a mask of some kind; a MetaImage header has its voxels beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    if name.endswith(".dcm"):
        return write_seg(folder / name, SegSpec(GRID, {1: DRAWN, 2: DRAWN * 0 + 1}, {1: "GTV"}))
    sitk.WriteImage(to_sitk(DRAWN, GRID), str(folder / name))
    return folder / name


def zipped(folder: Path, archive: Path) -> Path:
    """Zip a folder's files."""
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            file.write(path, path.relative_to(folder))
    return archive


def region(path: Any) -> np.ndarray[Any, Any]:
    """Read the one lesion of a mask."""
    check_mask(path)
    (lesion,) = read_lesions(path, onto=GRID)
    return np.asarray(lesion.region.array)


@pytest.mark.parametrize("name", ["seg.dcm", "lesion.nii.gz", "lesion.mhd"])
@pytest.mark.parametrize("kind", ["zip", "tgz", "inner"])
def test_masks_in_archives(tmp_path: Path, name: str, kind: str) -> None:
    mask(tmp_path / "in" / "masks", name)
    mask(tmp_path / "in", "other.nrrd")
    archive = tmp_path / f"visit.{'zip' if kind == 'inner' else kind}"
    inside = f"masks/{name}"
    if kind == "tgz":
        with tarfile.open(archive, "w:gz") as file:
            file.add(tmp_path / "in" / "masks", "masks")
    elif kind == "zip":
        zipped(tmp_path / "in", archive)
    else:
        (tmp_path / "stage").mkdir()
        zipped(tmp_path / "in", tmp_path / "stage" / "series.zip")
        zipped(tmp_path / "stage", archive)
        inside = f"series.zip/{inside}"
    choice = "#gtv" if name == "seg.dcm" else ""
    np.testing.assert_array_equal(region(f"{archive}/{inside}{choice}"), DRAWN != 0)


def test_an_archive_of_one_file_is_that_file(tmp_path: Path) -> None:
    mask(tmp_path / "in", "lesion.nrrd")
    archive = zipped(tmp_path / "in", tmp_path / "mask.zip")
    np.testing.assert_array_equal(region(archive), DRAWN != 0)


def test_what_is_not_there_is_refused_with_what_is(tmp_path: Path) -> None:
    mask(tmp_path / "in", "Mustermann_lesion.nrrd")
    mask(tmp_path / "in", "b.nrrd")
    archive = zipped(tmp_path / "in", tmp_path / "masks.zip")
    for path in (archive, f"{archive}/c.nrrd"):
        with pytest.raises(UnreadableFileError, match=r"Name one of these: masks\.zip/"):
            read_lesions(path, onto=GRID)
        with pytest.raises(UnreadableFileError, match=r"holds \[x\]_lesion\.nrrd, b\.nrrd"):
            read_lesions(path, onto=GRID, hide=lambda text: text.replace("Mustermann", "[x]"))
    (tmp_path / "masks.zip").write_bytes(b"PK\3\4" + bytes(50))
    with pytest.raises(ImgCompareError, match="cannot be opened"):
        read_lesions(f"{archive}/b.nrrd", onto=GRID)
