"""Accuracy on real scans with shipped affines; at 2 mm to be quick."""

import numpy as np
import pytest
import SimpleITK as sitk

from imgcompare.geometry import from_sitk
from imgcompare.model import Volume
from imgcompare.registration import RegistrationSettings, TransformKind, register, resample

QUICK = RegistrationSettings(finest_mm=2.0)
FOLDER = "open_ms/raw_patient01"


def _image(path):
    image = sitk.ReadImage(str(path))
    return Volume(sitk.GetArrayFromImage(image), from_sitk(image))


def _affine(path):
    lines = path.read_text().splitlines()
    values = np.array([float(v) for v in lines[3].split(":")[1].split()])
    centre = np.array([float(v) for v in lines[4].split(":")[1].split()])
    out = np.eye(4)
    out[:3, :3] = values[:9].reshape(3, 3)
    out[:3, 3] = values[9:] + centre - out[:3, :3] @ centre
    return out


def _apply(matrix, points):
    return points @ matrix[:3, :3].T + matrix[:3, 3]


@pytest.fixture(scope="module")
def brain_points(shared_data):
    mask = _image(shared_data / "open_ms/coregistered_patient01/brainmask.nii.gz")
    return mask.geometry.index_to_world(np.argwhere(mask.array > 0)[::500])


@pytest.mark.parametrize("kind", list(TransformKind))
def test_flair_between_visits(shared_data, brain_points, kind):
    one, two = (_image(shared_data / FOLDER / f"study{n}_FLAIR.nii.gz") for n in (1, 2))
    to_one, to_two = (
        _affine(shared_data / FOLDER / f"study{n}_FLAIR_to_common_space.txt") for n in (1, 2)
    )
    found = register(two, one, kind=kind, settings=QUICK)
    assert found.quality.succeeded, found.quality.reason
    moving, fixed = _apply(to_two, brain_points), _apply(to_one, brain_points)
    assert np.linalg.norm(moving - fixed, axis=1).mean() > 9.0
    assert np.linalg.norm(found.apply(moving) - fixed, axis=1).mean() < 0.5


@pytest.mark.parametrize("name", ["T1W", "T2W"])
def test_other_contrasts_within_a_visit(shared_data, brain_points, name):
    folder = shared_data / FOLDER
    flair, other = (_image(folder / f"study2_{n}.nii.gz") for n in ("FLAIR", name))
    fixed = _apply(_affine(folder / "study2_FLAIR_to_common_space.txt"), brain_points)
    moving = _apply(_affine(folder / f"study2_{name}_intrastudy_to_FLAIR.txt"), fixed)
    found = register(other, flair, settings=QUICK)
    assert found.quality.succeeded, found.quality.reason
    assert np.linalg.norm(found.apply(moving) - fixed, axis=1).mean() < 0.6


def _series(folder):
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    return Volume(sitk.GetArrayFromImage(image), from_sitk(image))


def test_abdomen_between_visits(shared_data):
    baseline = _series(shared_data / "cmb_crc_mr/SCAN_002/t2_image")
    later = _series(shared_data / "cmb_crc_mr/SCAN_001/t2_image")
    found = register(later, baseline, settings=RegistrationSettings(finest_mm=4.0))
    assert found.quality.succeeded, found.quality.reason

    def correlation(transform):
        values = resample(later, baseline.geometry, transform).array
        both = (values > 0) & (baseline.array > 0)
        return np.corrcoef(values[both], baseline.array[both])[0, 1]

    assert correlation(None) < 0.6
    assert correlation(found) > 0.8
