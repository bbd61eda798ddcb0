"""The only module that converts conventions, against SimpleITK and algebra."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcompare.errors import GeometryMismatchError, InputError
from imgcompare.geometry import (
    Geometry,
    from_nifti_affine,
    from_sitk,
    from_slices,
    require_same_grid,
    to_nifti_affine,
    to_sitk,
)
from tests.builders import make_geometry, make_volume, rotation

angles = st.tuples(*[st.floats(-80, 80)] * 3)
spacings = st.tuples(*[st.floats(0.2, 9.0)] * 3)
origins = st.tuples(*[st.floats(-300, 300)] * 3)


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    shape = draw(st.tuples(*[st.integers(1, 9)] * 3))
    return make_geometry(
        shape,
        spacing_mm=draw(spacings),
        origin_mm=draw(origins),
        oblique_deg=draw(angles),
    )


def sheared(geometry: Geometry, degrees: float = 18.5) -> Geometry:
    affine = geometry.affine.copy()
    along_column = affine[:3, 1] / geometry.spacing_mm[1]
    affine[:3, 0] += along_column * geometry.spacing_mm[0] * np.tan(np.radians(degrees))
    return Geometry(geometry.shape, affine, geometry.frame_of_reference_uid)


@given(geometries(), st.tuples(*[st.floats(-20, 20)] * 3))
def test_world_and_index_are_inverse(geometry: Geometry, index: tuple[float, float, float]) -> None:
    there = geometry.index_to_world(index)
    np.testing.assert_allclose(geometry.world_to_index(there), index, atol=1e-6)


@given(geometries())
def test_voxel_volume_is_the_product_of_spacings_when_orthogonal(geometry: Geometry) -> None:
    assert geometry.is_orthogonal
    assert geometry.voxel_volume_mm3 == pytest.approx(np.prod(geometry.spacing_mm))
    assert geometry.slice_spacing_mm == pytest.approx(geometry.spacing_mm[0])


@given(geometries())
def test_nifti_round_trip(geometry: Geometry) -> None:
    back = from_nifti_affine(
        to_nifti_affine(geometry), geometry.shape[::-1], geometry.frame_of_reference_uid
    )
    assert back == geometry


@given(geometries())
def test_sitk_round_trip_and_physical_points(geometry: Geometry) -> None:
    array = np.zeros(geometry.shape, dtype=np.int16)
    image = to_sitk(array, geometry)
    assert from_sitk(image, geometry.frame_of_reference_uid) == geometry
    last = [n - 1 for n in geometry.shape]
    np.testing.assert_allclose(
        image.TransformIndexToPhysicalPoint(last[::-1]), geometry.index_to_world(last), atol=1e-3
    )


def test_known_axial_slices_point_where_dicom_says() -> None:
    geometry = from_slices(
        [[-100.0, -90.0, 5.0 * n] for n in range(4)], [1, 0, 0, 0, 1, 0], [0.5, 0.7], [10, 20]
    )
    assert geometry.shape == (4, 10, 20)
    assert geometry.axis_codes == "SPL"
    assert geometry.plane == "axial"
    assert geometry.spacing_mm == pytest.approx((5.0, 0.5, 0.7))
    np.testing.assert_allclose(geometry.index_to_world((3, 9, 19)), (-86.7, -85.5, 15.0))


@pytest.mark.parametrize(
    ("orientation", "plane"),
    [
        ([1, 0, 0, 0, 1, 0], "axial"),
        ([1, 0, 0, 0, 0, -1], "coronal"),
        ([0, 1, 0, 0, 0, -1], "sagittal"),
    ],
)
def test_plane_names(orientation: list[float], plane: str) -> None:
    assert from_slices([[0.0, 0, 0]], orientation, [1, 1], [4, 5]).plane == plane


def test_a_tilted_gantry_is_sheared_and_its_volume_smaller_than_the_spacings_say() -> None:
    upright = make_geometry()
    tilted = sheared(upright)
    assert not tilted.is_orthogonal
    assert tilted.voxel_volume_mm3 == pytest.approx(upright.voxel_volume_mm3)
    assert np.prod(tilted.spacing_mm) > tilted.voxel_volume_mm3 * 1.01
    with pytest.raises(GeometryMismatchError, match="sheared"):
        to_sitk(np.zeros(tilted.shape), tilted)


@given(geometries(), st.data())
def test_a_crop_knows_where_it_came_from(geometry: Geometry, data: st.DataObject) -> None:
    start = [data.draw(st.integers(0, n - 1)) for n in geometry.shape]
    stop = [data.draw(st.integers(s + 1, n)) for s, n in zip(start, geometry.shape, strict=True)]
    crop = geometry.crop(start, stop)
    assert crop.offset_in(geometry) == tuple(start)
    np.testing.assert_allclose(crop.index_to_world((0, 0, 0)), geometry.index_to_world(start))


def test_offset_in_refuses_a_shifted_grid() -> None:
    geometry = make_geometry()
    with pytest.raises(GeometryMismatchError, match="no part of"):
        make_geometry(origin_mm=(-12.3, 7.0, 31.0)).offset_in(geometry)


@given(geometries(), spacings)
def test_resampled_covers_the_same_box(geometry: Geometry, spacing: tuple[float, ...]) -> None:
    new = geometry.resampled(spacing)
    low = geometry.index_to_world((-0.5, -0.5, -0.5))
    np.testing.assert_allclose(new.index_to_world((-0.5, -0.5, -0.5)), low, atol=1e-6)
    extent = np.array(new.shape) * np.array(spacing)
    old = np.array(geometry.shape) * np.array(geometry.spacing_mm)
    assert (extent >= old - 1e-4).all()
    assert (extent < old + np.array(spacing) + 1e-4).all()


def test_contains_reaches_half_a_voxel_beyond_the_centres() -> None:
    geometry = make_geometry((3, 4, 5), oblique_deg=(10, 20, 30))
    inside = geometry.index_to_world([[-0.4, 0, 0], [2.4, 3.4, 4.4], [1, 1, 1]])
    outside = geometry.index_to_world([[-0.6, 0, 0], [2.6, 3, 4], [1, 1, 7]])
    assert geometry.contains(inside).all()
    assert not geometry.contains(outside).any()


def test_equality_needs_shape_position_and_frame() -> None:
    geometry = make_geometry()
    assert geometry == make_geometry()
    assert geometry != make_geometry((11, 17, 24))
    assert geometry != make_geometry(origin_mm=(-12.0, 7.0, 31.01))
    assert geometry != make_geometry(frame_uid="1.2.3")
    assert geometry == make_geometry(frame_uid=""), "NIfTI has no frame of reference"
    assert geometry != "a grid"


def test_a_mismatch_names_both_grids_and_the_remedy() -> None:
    first, second = make_geometry(), make_geometry((5, 6, 7))
    with pytest.raises(GeometryMismatchError) as caught:
        require_same_grid(first, second, what="mask and series", remedy="Resample the mask.")
    for part in (str(first), str(second), "Resample the mask."):
        assert part in str(caught.value)
    require_same_grid(first, make_geometry(), what="x", remedy="y")


@pytest.mark.parametrize(
    "affine",
    [np.full((4, 4), np.nan), np.zeros((4, 4)), np.eye(3), np.diag([1.0, 1, 1, 2])],
)
def test_impossible_grids_are_refused(affine: np.ndarray) -> None:
    with pytest.raises(InputError):
        Geometry((1, 2, 3), affine)


@pytest.mark.parametrize("shape", [(0, 1, 1), (1, 2), (1, 2, -3), (1, 2, 2.5)])
def test_impossible_shapes_are_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(InputError):
        Geometry(shape, np.eye(4))


def test_the_affine_is_copied_and_frozen() -> None:
    affine = np.eye(4)
    geometry = Geometry((1, 2, 3), affine)
    affine[0, 3] = 99.0
    assert geometry.affine[0, 3] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        geometry.affine[0, 0] = 2.0


def test_sitk_keeps_array_values_in_place() -> None:
    volume = make_volume(make_geometry(oblique_deg=(5, -12, 20)))
    image = to_sitk(volume.array, volume.geometry)
    assert image.GetPixel(22, 16, 10) == pytest.approx(float(volume.array[10, 16, 22]))
    assert rotation((0, 0, 90)) @ [1, 0, 0] == pytest.approx([0, 1, 0])
