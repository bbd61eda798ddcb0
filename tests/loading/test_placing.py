"""Segments drawn on another series of the same frame of reference keep their place and volume."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from imgcompare.errors import GeometryMismatchError
from imgcompare.geometry import Geometry, to_sitk
from imgcompare.loading import read_lesions, read_mask
from imgcompare.loading.placing import place, stack_frames, usual_step_mm
from tests.builders import make_geometry
from tests.loading.mask_builder import SegSpec, write_seg

TURN = (15.0, -10.0, 30.0)
IMAGE = make_geometry((9, 20, 18), oblique_deg=TURN)
NAMES = {1: "GTV"}


def grid_of(spacing_mm: tuple[float, float, float], **more: Any) -> Geometry:
    """A grid of other voxels around the middle of the image."""
    extent = np.array(IMAGE.shape) * IMAGE.spacing_mm
    k, j, i = (int(n) for n in np.floor(0.8 * extent / spacing_mm))
    made = make_geometry((k, j, i), spacing_mm=spacing_mm, **{"oblique_deg": TURN, **more})
    affine = made.affine.copy()
    affine[:3, 3] += IMAGE.centre_mm - made.centre_mm
    return Geometry(made.shape, affine, made.frame_of_reference_uid)


def drawn_on(grid: Geometry) -> np.ndarray[Any, Any]:
    """An asymmetric body away from the edges."""
    array = np.zeros(grid.shape, bool)
    k, j, i = (np.indices(grid.shape).reshape(3, -1).T / grid.shape).T.reshape(3, *grid.shape)
    array[(k > 0.3) & (k < 0.7) & (j > 0.2) & (j < 0.75) & (i > 0.25) & (i < 0.5 + j / 4)] = True
    return array


@pytest.mark.parametrize(
    "spacing_mm", [(3.0, 0.45, 0.35), (1.0, 0.9, 0.7), (5.0, 1.2, 0.5), (2.0, 2.0, 2.0)]
)
def test_volume_and_centre_stay_where_axes_are_parallel(
    tmp_path: Path, spacing_mm: tuple[float, float, float]
) -> None:
    grid = grid_of(spacing_mm)
    drawn = drawn_on(grid)
    path = write_seg(tmp_path / "seg.dcm", SegSpec(grid, {1: drawn}, NAMES))
    (lesion,) = read_lesions(path, onto=IMAGE)
    assert lesion.fill is not None
    fill = np.asarray(lesion.fill.array, float)
    volume = fill.sum() * IMAGE.voxel_volume_ml
    assert volume == pytest.approx(drawn.sum() * grid.voxel_volume_ml, rel=1e-5)
    where = np.stack(np.nonzero(fill), axis=1)
    found = np.average(lesion.fill.geometry.index_to_world(where), axis=0, weights=fill[fill > 0])
    truth = grid.index_to_world(np.argwhere(drawn)).mean(axis=0)
    np.testing.assert_allclose(found, truth, atol=0.15)  # parts of voxels count at centres
    assert "drawn on another grid of the same frame of reference" in lesion.notes[0]


def test_oblique_grids_are_sampled() -> None:
    grid = grid_of((1.0, 0.8, 0.8), oblique_deg=(0.0, 5.0, 75.0))
    drawn = drawn_on(grid).astype(np.float32)
    filled = place(drawn, grid, IMAGE, name="seg", what="image")
    volume = float(filled.fractions.sum()) * IMAGE.voxel_volume_ml
    assert volume == pytest.approx(drawn.sum() * grid.voxel_volume_ml, rel=0.01)
    full = np.zeros(IMAGE.shape, np.float32)
    full[filled.box] = filled.fractions
    itk = sitk.Resample(
        to_sitk(drawn, grid), to_sitk(full, IMAGE), sitk.Transform(), sitk.sitkLinear
    )
    same = (sitk.GetArrayFromImage(itk) >= 0.5) == (full >= 0.5)
    assert same.mean() > 0.99


def test_sparse_frames_and_single_ones_keep_their_thickness() -> None:
    frames = [np.ones((4, 5), bool)] * 3
    places = [(0.0, 0.0, z) for z in (0.0, 4.0, 10.0)]
    axial = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    assert usual_step_mm(places, axial) == 4.0
    assert usual_step_mm(places, axial, 2.0) == 2.0
    assert usual_step_mm(places[:1], axial) is None
    stack = stack_frames(places, axial, (1.0, 1.0), frames, step_mm=2.0)
    assert stack is not None
    assert stack[0].any(axis=(1, 2)).tolist() == [True, False, True, False, False, True]
    assert stack_frames(places, axial, (1.0, 1.0), frames, step_mm=4.0) is None
    assert stack_frames(places, axial, (1.0, 1.0), frames, step_mm=None) is None


def test_two_parts_that_share_a_voxel_by_halves_do_not_overlap(tmp_path: Path) -> None:
    affine = IMAGE.affine.copy()
    affine[:3, 2] /= 2
    affine[:3, 3] -= affine[:3, 2] / 2
    grid = Geometry((9, 20, 36), affine, IMAGE.frame_of_reference_uid)
    one, other = np.zeros((2, *grid.shape), bool)
    one[4, 5:9, 4:9], other[4, 5:9, 9:14] = True, True
    path = write_seg(tmp_path / "seg.dcm", SegSpec(grid, {1: one, 2: other}, {}))
    labels = read_mask(path, onto=IMAGE).array
    assert np.unique(labels[4, 5:9, 2:7]).tolist() == [1, 2]


@pytest.mark.parametrize("what", ["frame", "no frame", "outside"])
def test_what_cannot_be_placed_is_refused(tmp_path: Path, what: str) -> None:
    grid = grid_of((2.0, 2.0, 2.0))
    uid = {"frame": "1.2.3", "no frame": ""}.get(what, grid.frame_of_reference_uid)
    affine = grid.affine.copy()
    affine[:3, 3] += 9.0 if what == "outside" else 0.0
    grid = Geometry(grid.shape, affine, uid)
    path = write_seg(tmp_path / "seg.dcm", SegSpec(grid, {1: drawn_on(grid)}, NAMES))
    with pytest.raises(GeometryMismatchError) as caught:
        read_lesions(path, onto=IMAGE, what="T1C of 2024-01-10")
    for part in ("seg.dcm", "T1C of 2024-01-10"):
        assert part in str(caught.value)
