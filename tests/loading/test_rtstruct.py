"""Structures of an RTSTRUCT are found by name, placed by their frame of reference, and true."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from imgcompare.errors import (
    GeometryMismatchError,
    InputError,
    LabelSchemeError,
    UnreadableFileError,
)
from imgcompare.geometry import Geometry
from imgcompare.loading import load_course, read_lesions, read_mask
from imgcompare.loading.contours import fill
from tests.loading.dicom_builder import NAME
from tests.loading.mask_builder import write_rtstruct
from tests.loading.test_contours import AXES, GRID, discs, prisms_mm3
from tests.measurement.test_readers import READERS_MM3, contours_by_reader, read_stack

UID = GRID.frame_of_reference_uid
LEVELS = (-3.0, -1.0, 1.0, 3.0)


def ball(levels: Any = LEVELS) -> list[np.ndarray[Any, Any]]:
    return discs(GRID, AXES["slices"], levels)


def test_fractions_add_up_to_the_volume_and_half_filled_voxels_are_the_region(
    tmp_path: Path,
) -> None:
    path = write_rtstruct(tmp_path / "rs.dcm", {"GTV": ball()}, frame_uid=UID)
    (lesion,) = read_lesions(path, onto=GRID, what="T1C")
    assert lesion.fill is not None
    volume = float(lesion.fill.array.sum(dtype=float)) * GRID.voxel_volume_mm3
    assert volume == pytest.approx(prisms_mm3(LEVELS, 2.0), rel=1e-3)
    assert lesion.region.array.sum() * GRID.voxel_volume_mm3 == pytest.approx(volume, rel=0.01)
    assert lesion.name == "1 GTV"
    start = lesion.fill.geometry.offset_in(GRID)
    inside = tuple(slice(a, a + n) for a, n in zip(start, lesion.fill.array.shape, strict=True))
    np.testing.assert_array_equal(lesion.region.array[inside], lesion.fill.array >= 0.5)


@pytest.mark.parametrize("form", ["CLOSED_PLANAR", "CLOSEDPLANAR_XOR"])
def test_inner_contours_are_holes(tmp_path: Path, form: str) -> None:
    inner = [c.mean(axis=0) + 0.5 * (c - c.mean(axis=0)) for c in ball()]
    path = write_rtstruct(tmp_path / "rs", {"Ring": [*ball(), *inner]}, frame_uid=UID, form=form)
    (lesion,) = read_lesions(path, onto=GRID)
    assert lesion.fill is not None
    volume = float(lesion.fill.array.sum(dtype=float)) * GRID.voxel_volume_mm3
    assert volume == pytest.approx(0.75 * prisms_mm3(LEVELS, 2.0), rel=1e-3)


def several(folder: Path) -> Path:
    left = [c + 6.0 * AXES["columns"] for c in ball((-1.0, 1.0))]
    names = {"GTV": ball(), "GTV node": left, "Body": ball((1.0,)), "isocentre, old": []}
    return write_rtstruct(folder / "rs.dcm", names, frame_uid=UID)


@pytest.mark.parametrize(
    ("choice", "names"),
    [
        ("#GTV", ["1 GTV"]),
        ("#gtv", ["1 GTV"]),
        ("#2", ["2 GTV node"]),
        ("#node", ["2 GTV node"]),
        ("#3,1", ["3 Body", "1 GTV"]),
    ],
)
def test_structures_are_chosen_by_number_or_name(
    tmp_path: Path, choice: str, names: list[str]
) -> None:
    lesions = read_lesions(f"{several(tmp_path)}{choice}", onto=GRID)
    assert [lesion.name for lesion in lesions] == names


def test_several_structures_are_asked_about_and_empty_ones_are_none(tmp_path: Path) -> None:
    path = several(tmp_path)
    with pytest.raises(LabelSchemeError) as caught:
        read_lesions(path, onto=GRID)
    assert "3 structures: 1 GTV, 2 GTV node, 3 Body" in str(caught.value)
    assert "rs.dcm#1" in str(caught.value)
    assert len(read_lesions(path, onto=GRID, label_scheme="instances")) == 3
    assert len(read_lesions(path, onto=GRID, label_scheme="binary")) == 1


@pytest.mark.parametrize(
    ("choice", "problem"), [("#7", "not among"), ("#", "holds 3"), ("#B,T", "fits several")]
)
def test_choices_that_fit_nothing_or_several_are_refused(
    tmp_path: Path, choice: str, problem: str
) -> None:
    with pytest.raises(LabelSchemeError, match=problem):
        read_lesions(f"{several(tmp_path)}{choice}", onto=GRID)


def test_overlapping_structures_are_no_label_map(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="overlap"):
        read_mask(several(tmp_path), onto=GRID)
    labels = read_mask(f"{several(tmp_path)}#2", onto=GRID)
    assert set(np.unique(labels.array)) == {0, 2}


def test_a_hash_in_the_file_name_is_part_of_it(tmp_path: Path) -> None:
    path = write_rtstruct(tmp_path / "visit#2.dcm", {"GTV": ball()}, frame_uid=UID)
    assert len(read_lesions(path, onto=GRID)) == 1
    assert len(read_lesions(f"{path}#GTV", onto=GRID)) == 1


def test_another_frame_of_reference_is_refused_naming_both(tmp_path: Path) -> None:
    path = write_rtstruct(tmp_path / "rs.dcm", {"GTV": ball()}, frame_uid="1.2.3")
    with pytest.raises(GeometryMismatchError) as caught:
        read_lesions(path, onto=GRID, what="T1C of 2024-01-10")
    for part in ("rs.dcm", "T1C of 2024-01-10", "1.2.3", UID):
        assert part in str(caught.value)


def test_without_a_frame_of_reference_the_place_is_checked_and_said(tmp_path: Path) -> None:
    bare = Geometry(GRID.shape, GRID.affine)
    path = write_rtstruct(tmp_path / "rs.dcm", {"GTV": ball()}, frame_uid=UID)
    (lesion,) = read_lesions(path, onto=bare)
    assert "coordinates alone" in lesion.notes[0]
    away = [c + 200.0 for c in ball()]
    path = write_rtstruct(tmp_path / "rs.dcm", {"GTV": away}, frame_uid=UID)
    with pytest.raises(InputError, match="beyond the image"):
        read_lesions(path, onto=bare)


def test_points_lines_and_damage(tmp_path: Path) -> None:
    path = tmp_path / "rs.dcm"
    write_rtstruct(path, {"Iso": ball()}, frame_uid=UID, form="OPEN_PLANAR")
    with pytest.raises(InputError, match="no closed contour"):
        read_lesions(path, onto=GRID)
    write_rtstruct(path, {"GTV": [ball()[0][:2]]}, frame_uid=UID)
    with pytest.raises(InputError, match="no contour of 3 points"):
        read_lesions(path, onto=GRID)
    ds = pydicom.dcmread(write_rtstruct(path, {"GTV": ball()}, frame_uid=UID))
    ds.ROIContourSequence[0].ContourSequence[0].ContourData = ["1.0", "2.0"]
    ds.save_as(path)
    with pytest.raises(UnreadableFileError, match="coordinates are damaged"):
        read_lesions(path, onto=GRID)
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(InputError, match=r"rs\.dcm"):
        read_lesions(path, onto=GRID)


def test_a_structure_smaller_than_half_a_voxel_is_refused_with_its_volume(tmp_path: Path) -> None:
    tiny = [GRID.centre_mm + 0.02 * (ball((0.0,))[0] - GRID.centre_mm)]
    path = write_rtstruct(tmp_path / "rs.dcm", {"Dot": tiny}, frame_uid=UID, decimals=5)
    with pytest.raises(InputError, match=r"no voxel by half \(1 Dot has .* mL\)"):
        read_lesions(path, onto=GRID, what="T1C")


def test_names_hold_no_patient(tmp_path: Path) -> None:
    surname = NAME.split("^")[0]
    names = {f"GTV {surname}": ball(), "Node": ball((1.0,))}
    path = write_rtstruct(tmp_path / "rs.dcm", names, frame_uid=UID)
    with pytest.raises(LabelSchemeError) as caught:
        read_lesions(path, onto=GRID)
    assert surname not in str(caught.value)
    assert "1 GTV [hidden]" in str(caught.value)


@pytest.mark.parametrize("modality", ["CT", "PET", "MR_T1"])
def test_sarcoma_of_ibsi(shared_data: Path, modality: str) -> None:
    folder = shared_data / "ibsi" / "sts_008" / "dicom" / modality
    (timepoint,) = load_course(folder / "image").timepoints
    (series,) = [*timepoint.series.values(), *timepoint.others]
    (lesion,) = read_lesions(folder / "mask" / "RS.dcm", onto=series.geometry)
    assert lesion.fill is not None
    volume = float(lesion.fill.array.sum(dtype=float)) * series.geometry.voxel_volume_ml
    assert volume == pytest.approx(27.6, rel=0.02)
    assert lesion.notes == ()


def test_four_readers_of_lidc(shared_data: Path) -> None:
    """Contours that radiologists traced, given as XML, enclose the published volumes."""
    folder = shared_data / "lidc_0001"
    _, grid = read_stack(folder / "dicom_small")
    level = {round(float(grid.index_to_world((k, 0, 0))[2]), 2): k for k in range(grid.shape[0])}
    volumes = []
    for by_position in contours_by_reader(next(folder.rglob("*.xml"))):
        polygons = [
            grid.index_to_world([(level[round(z, 2)], *point) for point in points])
            for z, rois in by_position.items()
            for _, points in rois
        ]
        filled = fill(polygons, grid, name="nodule")
        volumes.append(float(filled.fractions.sum(dtype=float)) * grid.voxel_volume_mm3)
    assert volumes == pytest.approx(READERS_MM3, rel=0.01)


def test_open_lines_among_contours_are_said_and_items_of_one_region_joined(tmp_path: Path) -> None:
    path = write_rtstruct(tmp_path / "rs.dcm", {"GTV": ball()}, frame_uid=UID)
    (whole,) = read_lesions(path, onto=GRID)
    ds = pydicom.dcmread(path)
    contours = list(ds.ROIContourSequence[0].ContourSequence)
    halves = [pydicom.Dataset() for _ in range(2)]
    for half, some in zip(halves, (contours[:2], contours[2:]), strict=True):
        half.ReferencedROINumber, half.ContourSequence = 1, some
    line = copy.deepcopy(contours[0])
    line.ContourGeometricType = "OPEN_PLANAR"
    halves[1].ContourSequence.append(line)
    ds.ROIContourSequence = halves
    ds.save_as(path)
    (found,) = read_lesions(path, onto=GRID)
    np.testing.assert_array_equal(found.region.array, whole.region.array)
    assert any("1 point(s) or open line(s) left out" in n for n in found.notes)
