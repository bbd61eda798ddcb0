"""Seeds on real scans with known answers; skipped where they are not present."""

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage

from imgcompare.geometry import from_sitk
from imgcompare.model import AlignedTimepoint, Role, Timepoint, Transform, Volume
from imgcompare.segmentation import morphology as shape
from imgcompare.segmentation.lesion import lesion_from_seed
from imgcompare.segmentation.preparation import prepare
from tests.segmentation.analytic import overlap

DQE = {Role.T1: "t1n", Role.T1C: "t1c", Role.T2: "t2w", Role.FLAIR: "t2f"}
READ_SPACING = (5.0, 1.0, 1.0)
"""The readers' slices lie about 5 mm apart, whatever the header says."""


def read(path):
    image = sitk.ReadImage(str(path))
    return sitk.GetArrayFromImage(image), from_sitk(image)


def ready(images):
    volumes = {r: Volume(a, g) for r, (a, g) in images.items()}
    timepoint = Timepoint(0, None, (), {})
    return prepare(AlignedTimepoint(timepoint, Role.T1C, volumes, {}, Transform.identity()))


def interior(mask):
    depth = shape.depth_mm(mask, READ_SPACING)
    return np.unravel_index(int(depth.argmax()), mask.shape)


def test_dqe_core_from_any_seed(shared_data):
    prepared = ready({r: read(shared_data / f"dqe/{n}.nii.gz") for r, n in DQE.items()})
    given, grid = read(shared_data / "dqe/seg-BraTS23_1.nii.gz")
    core = np.isin(given, (1, 3))
    voxels = np.argwhere(core)
    random = np.random.default_rng(7)
    seeds = [voxels.mean(axis=0), np.argwhere(given == 3).mean(axis=0)]
    seeds += [voxels[n] for n in random.integers(len(voxels), size=3)]
    for seed in seeds:
        found = lesion_from_seed(prepared, grid.index_to_world(seed)).array > 0
        assert overlap(found, core) >= 0.85


def test_post_contrast_only_from_one_seed_per_lesion(shared_data):
    scores, sizes, drawn = [], [], []
    for subject in ("01", "05", "10"):
        for when in ("Pre", "Post"):
            folder = shared_data / "brain_tumor_progression" / subject
            prepared = ready({Role.T1C: read(folder / f"{when}_Scan_T1.nii.gz")})
            mask, grid = read(folder / f"{when}_Mask.nii.gz")
            mask = mask > 0
            labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
            found = np.zeros_like(mask)
            for part in (labels == n for n in range(1, count + 1)):
                if part.sum() >= 30:
                    seed = grid.index_to_world(interior(part))
                    found |= lesion_from_seed(prepared, seed).array > 0
            scores.append(overlap(found, mask))
            sizes.append(int(found.sum()))
            drawn.append(int(mask.sum()))
    assert np.mean(scores) >= 0.70
    change, truth = np.diff(np.reshape(sizes, (3, 2))), np.diff(np.reshape(drawn, (3, 2)))
    assert np.sign(change) == pytest.approx(np.sign(truth))
