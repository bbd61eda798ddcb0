import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from imgcompare.errors import OutputError
from imgcompare.geometry import Geometry, from_nifti_affine, from_sitk, to_nifti_affine
from imgcompare.reporting.nifti import nifti_bytes
from tests.builders import make_geometry


def labels(shape: tuple[int, int, int]) -> np.ndarray:
    return (np.arange(np.prod(shape)).reshape(shape) % 7).astype(np.uint8)


def sheared() -> Geometry:
    affine = make_geometry(oblique_deg=(10, -5, 20)).affine.copy()
    affine[:3, 0] += 0.4 * affine[:3, 1]  # gantry tilt
    return Geometry((11, 17, 23), affine)


@pytest.mark.parametrize("grid", [make_geometry(oblique_deg=(12, -7, 25)), sheared()])
def test_nibabel_reads_voxels_and_exact_grid(grid: Geometry, tmp_path: Path) -> None:
    path = tmp_path / "a.nii.gz"
    path.write_bytes(nifti_bytes(labels(grid.shape), grid, description="tissues"))
    image = nibabel.load(path)
    assert np.array_equal(np.asanyarray(image.dataobj).T, labels(grid.shape))
    assert np.allclose(image.affine, to_nifti_affine(grid), atol=1e-4)
    back = from_nifti_affine(image.affine, image.shape)
    assert np.allclose(back.affine, grid.affine, atol=1e-4)
    assert image.header["descrip"].tobytes().startswith(b"tissues\0")
    assert image.header.get_xyzt_units()[0] == "mm"


def test_sitk_reads_an_oblique_grid(tmp_path: Path) -> None:
    grid = make_geometry(oblique_deg=(12, -7, 25))
    path = tmp_path / "a.nii.gz"
    path.write_bytes(nifti_bytes(labels(grid.shape).astype(np.int16), grid))
    image = sitk.ReadImage(str(path))
    assert np.array_equal(sitk.GetArrayFromImage(image), labels(grid.shape))
    assert from_sitk(image, grid.frame_of_reference_uid) == grid


@settings(max_examples=30, deadline=None)
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    flips=st.tuples(*[st.booleans()] * 3),
    spacing=st.tuples(*[st.floats(0.3, 6)] * 3),
)
def test_qform_agrees_with_sform(
    angles: tuple[float, float, float],
    flips: tuple[bool, bool, bool],
    spacing: tuple[float, float, float],
) -> None:
    grid = make_geometry((2, 3, 4), oblique_deg=angles, spacing_mm=spacing)
    affine = grid.affine.copy()
    affine[:3, :3] *= [-1 if f else 1 for f in flips]
    data = gzip.decompress(nifti_bytes(labels((2, 3, 4)), Geometry((2, 3, 4), affine)))
    header = nibabel.Nifti1Header(data[:348])
    turn = np.degrees(Rotation.from_matrix(_proper(header.get_sform())).magnitude())
    assert header["qform_code"] == 1 or turn > 179
    if header["qform_code"]:
        assert np.allclose(header.get_qform(), header.get_sform(), atol=1e-3)


def _proper(affine: np.ndarray) -> np.ndarray:
    """Directions of an affine, the last axis turned round where they are left-handed."""
    directions = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    return directions * [1, 1, np.sign(np.linalg.det(directions))]


@pytest.mark.parametrize(("degrees", "code"), [(0.0, 1), (0.0625, 0), (1.0, 1)])
def test_rotations_close_to_a_half_turn_have_no_qform(degrees: float, code: int) -> None:
    affine = make_geometry((2, 3, 4), oblique_deg=(degrees, 0, 0)).affine.copy()
    affine[:3, 2] *= -1  # with the axes of NIfTI, a half turn and what was asked for
    data = gzip.decompress(nifti_bytes(labels((2, 3, 4)), Geometry((2, 3, 4), affine)))
    header = nibabel.Nifti1Header(data[:348])
    assert header["qform_code"] == code
    assert header["sform_code"] == 1


def test_sheared_grids_have_no_qform() -> None:
    data = gzip.decompress(nifti_bytes(labels(sheared().shape), sheared()))
    header = nibabel.Nifti1Header(data[:348])
    assert header["qform_code"] == 0
    assert header["sform_code"] == 1


def test_same_input_gives_same_bytes() -> None:
    grid = make_geometry()
    assert nifti_bytes(labels(grid.shape), grid) == nifti_bytes(labels(grid.shape), grid)


def test_types_nifti_lacks_are_refused() -> None:
    grid = make_geometry((1, 2, 2))
    with pytest.raises(OutputError, match="complex64"):
        nifti_bytes(np.zeros((1, 2, 2), np.complex64), grid)
