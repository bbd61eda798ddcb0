import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.errors import ConfigurationError, GeometryMismatchError
from imgcompare.geometry import Geometry, set_sitk_geometry, to_sitk
from imgcompare.model import LabelMap, Quantity, Tissue, Transform, Volume
from imgcompare.registration import Interpolation, map_mask, resample, resample_labels
from tests.builders import ellipsoid, make_geometry, make_volume
from tests.registration.scenes import rigid

SOURCE = make_volume()
ONTO = make_geometry((14, 20, 19), spacing_mm=(2.0, 0.8, 1.1), oblique_deg=(5.0, -8.0, 3.0))
TRANSFORM = Transform(rigid((2.0, 3.0, -4.0), (1.0, -2.0, 3.0)))


def _with_sitk(interpolator):
    inverse = np.linalg.inv(TRANSFORM.matrix)
    back = sitk.AffineTransform(inverse[:3, :3].ravel().tolist(), inverse[:3, 3].tolist())
    like = sitk.Image(*(int(n) for n in ONTO.shape[::-1]), sitk.sitkFloat32)
    set_sitk_geometry(like, ONTO)
    image = to_sitk(SOURCE.array, SOURCE.geometry)
    return sitk.GetArrayFromImage(sitk.Resample(image, like, back, interpolator, -99.0))


@pytest.mark.parametrize(
    ("ours", "theirs", "tolerance"),
    [
        (Interpolation.LINEAR, sitk.sitkLinear, 2e-3),
        (Interpolation.NEAREST, sitk.sitkNearestNeighbor, 1e-6),
        (Interpolation.CUBIC, sitk.sitkBSpline, 2e-1),
    ],
)
def test_agrees_with_simpleitk(ours, theirs, tolerance):
    found = resample(SOURCE, ONTO, TRANSFORM, interpolation=ours, outside=-99.0).array
    expected = _with_sitk(theirs)
    both = (found != -99.0) & (expected != -99.0)
    assert both.mean() > 0.3
    assert ((found == -99.0) != (expected == -99.0)).mean() < 0.01
    assert np.abs(found - expected)[both].max() < tolerance


def test_same_grid_gives_the_same_values():
    for kind in Interpolation:
        same = resample(SOURCE, SOURCE.geometry, interpolation=kind)
        np.testing.assert_allclose(same.array, SOURCE.array, atol=2e-3)
    shifted = Transform(rigid((0, 0, 0), (0.7, 0.0, 0.0)))
    moved = resample(SOURCE, SOURCE.geometry, shifted)
    np.testing.assert_allclose(moved.array[:, :, 1:], SOURCE.array[:, :, :-1], atol=2e-3)


def _linear_ramp(geometry: Geometry) -> Volume:
    world = geometry.index_to_world(np.stack(np.indices(geometry.shape), axis=-1))
    return Volume((world @ [1.0, -2.0, 0.5] + 7.0).astype(np.float32), geometry)


def test_a_ramp_stays_a_ramp_on_a_sheared_grid():
    affine = make_geometry((20, 20, 20), spacing_mm=(3.0, 2.0, 2.0)).affine.copy()
    affine[:3, 0] += 0.8 * affine[:3, 1]
    ramp = _linear_ramp(Geometry((20, 20, 20), affine))
    inner = Geometry((5, 6, 7), affine).index_to_world((7, 7, 7))
    onto = make_geometry((5, 6, 7), spacing_mm=(1.0, 1.1, 1.2), origin_mm=tuple(inner))
    np.testing.assert_allclose(resample(ramp, onto).array, _linear_ramp(onto).array, atol=1e-3)


@settings(max_examples=15, deadline=None)
@given(st.tuples(*[st.floats(-10, 10)] * 3), st.tuples(*[st.floats(-5, 5)] * 3))
def test_composition(degrees, shift):
    first, second = Transform(rigid(degrees, shift)), Transform(rigid((3, 1, 2), (1, 2, 0)))
    points = np.random.default_rng(0).normal(0, 50, (10, 3))
    np.testing.assert_allclose(
        first.then(second).apply(points), second.apply(first.apply(points)), atol=1e-9
    )
    np.testing.assert_allclose(first.inverse().apply(first.apply(points)), points, atol=1e-9)


def test_outside_is_air_for_ct_and_zero_for_mr():
    away = Transform(rigid((0, 0, 0), (900.0, 0.0, 0.0)))
    ct = Volume(SOURCE.array, SOURCE.geometry, Quantity.HU)
    assert (resample(ct, ONTO, away).array == -1024.0).all()
    assert (resample(SOURCE, ONTO, away).array == 0.0).all()


def test_nearest_keeps_the_type_and_labels_their_meaning():
    labels = LabelMap(
        (SOURCE.array > 60).astype(np.uint8) * 3, SOURCE.geometry, {3: Tissue.ENHANCING}
    )
    moved = resample_labels(labels, ONTO, TRANSFORM)
    assert moved.array.dtype == np.uint8
    assert set(np.unique(moved.array)) == {0, 3}
    assert moved.tissues == {3: Tissue.ENHANCING}


def test_masks_keep_their_volume():
    geometry = make_geometry((30, 60, 60), spacing_mm=(1.5, 1.0, 1.0))
    centre = geometry.index_to_world((15, 30, 30))
    mask = ellipsoid(geometry, centre, (12.0, 15.0, 10.0))
    onto = make_geometry((40, 60, 60), spacing_mm=(1.2, 1.2, 1.1), oblique_deg=(20, 10, -15))
    turn = Transform(rigid((9, 5, -7), (4.0, 3.0, 2.0)))
    moved = map_mask(mask, geometry, onto, turn)
    assert moved.dtype == np.bool_
    volume = moved.sum() * onto.voxel_volume_ml
    assert volume == pytest.approx(mask.sum() * geometry.voxel_volume_ml, rel=0.03)
    landed = onto.index_to_world(np.argwhere(moved)).mean(axis=0)
    np.testing.assert_allclose(landed, turn.apply(centre), atol=0.2)


def test_wrong_masks_are_refused():
    mask = np.zeros((3, 3, 3), np.bool_)
    with pytest.raises(GeometryMismatchError, match="does not fit"):
        map_mask(mask, SOURCE.geometry, ONTO)
    with pytest.raises(ConfigurationError, match="boolean"):
        map_mask(np.zeros(SOURCE.array.shape, np.int8), SOURCE.geometry, ONTO)
