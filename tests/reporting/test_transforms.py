from pathlib import Path

import numpy as np
import SimpleITK as sitk

from imgcompare.geometry import to_sitk
from imgcompare.model import Comparison, Transform
from imgcompare.reporting.transforms import tfm_text, transform_files
from tests.builders import make_geometry, rotation


def test_sitk_reads_it_and_maps_fixed_to_moving(tmp_path: Path) -> None:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation((5, -8, 12))
    matrix[:3, 3] = (4, -7, 11)
    transform = Transform(matrix)
    path = tmp_path / "a.tfm"
    path.write_text(tfm_text(transform, moving="m", fixed="f"))
    read = sitk.ReadTransform(str(path))
    moving_point = np.array([10.0, -20.0, 30.0])
    fixed_point = transform.apply(moving_point)
    assert np.allclose(read.TransformPoint(fixed_point.tolist()), moving_point, atol=1e-9)
    assert not np.allclose(read.TransformPoint(moving_point.tolist()), fixed_point, atol=1.0)


def test_a_resampler_brings_the_moving_image_onto_the_fixed_one(tmp_path: Path) -> None:
    """A bright voxel of the moving image lands where the model's transform puts it."""
    grid = make_geometry((12, 16, 18), spacing_mm=(2.0, 2.0, 2.0), origin_mm=(0, 0, 0))
    array = np.zeros(grid.shape, np.float32)
    array[5, 6, 7] = 100.0
    shift = np.eye(4)
    shift[:3, 3] = (4.0, -2.0, 6.0)
    path = tmp_path / "a.tfm"
    path.write_text(tfm_text(Transform(shift), moving="m", fixed="f"))
    image = to_sitk(array, grid)
    out = sitk.GetArrayFromImage(sitk.Resample(image, image, sitk.ReadTransform(str(path))))
    found = np.unravel_index(out.argmax(), out.shape)
    wanted = grid.world_to_index(grid.index_to_world((5, 6, 7)) + shift[:3, 3])
    assert np.allclose(found, wanted)


def test_every_transform_has_a_file(comparison: Comparison, written: Path) -> None:
    names = sorted(transform_files(comparison))
    assert names == [
        "timepoint-0_2024-01-10_FLAIR_onto_T1C.tfm",
        "timepoint-0_2024-01-10_T1_onto_T1C.tfm",
        "timepoint-1_2024-03-06_FLAIR_onto_T1C.tfm",
        "timepoint-1_2024-03-06_T1_onto_T1C.tfm",
        "timepoint-1_2024-03-06_onto_timepoint-0_2024-01-10.tfm",
    ]
    assert sorted(p.name for p in (written / "transforms").iterdir()) == names
