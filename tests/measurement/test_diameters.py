import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from imgcompare.geometry import Geometry
from imgcompare.measurement.contour import anti_aliased, is_soft, padded, part_outlines
from imgcompare.measurement.diameters import (
    _solid_crossing,
    diameter_3d,
    outline_field,
    planar_diameters,
    short_axis,
    viable_diameters,
)
from tests.builders import make_geometry, rotation
from tests.measurement.shapes import ellipsoid_fraction

HALF_A_VOXEL = 0.55  # a tip that ends in mid-voxel loses a quarter of one at either end
COARSE = settings(max_examples=12, deadline=None)
ANGLES = st.tuples(*[st.floats(-45.0, 45.0)] * 3)


def cube_grid(size: int = 30, spacing_mm: float = 1.0, **options) -> Geometry:
    return make_geometry((size, size, size), spacing_mm=(spacing_mm,) * 3, **options)


def grid_axes(geometry: Geometry) -> np.ndarray:
    """Column, row and slice directions, in which ellipsoids of the tests are laid out."""
    return geometry.directions[:, ::-1]


@COARSE
@given(ANGLES, st.floats(-90.0, 90.0), st.tuples(*[st.floats(-0.5, 0.5)] * 3))
def test_an_ellipsoid_has_its_diameters_at_any_angle_and_position(oblique, turn, shift):
    geometry = cube_grid(oblique_deg=oblique)
    axes = grid_axes(geometry) @ rotation((0.0, 0.0, turn))
    centre = geometry.index_to_world((np.array(geometry.shape) - 1) / 2 + np.array(shift))
    fraction = ellipsoid_fraction(geometry, centre, (11.0, 7.0, 9.0), axes=axes, subdivisions=3)
    field = outline_field(fraction)
    found = planar_diameters(field, geometry)
    assert found.longest.length_mm == pytest.approx(22.0, abs=HALF_A_VOXEL)
    assert found.perpendicular.length_mm == pytest.approx(14.0, abs=HALF_A_VOXEL)
    assert short_axis(field, geometry).length_mm == pytest.approx(14.0, abs=HALF_A_VOXEL)
    assert diameter_3d(field, geometry).length_mm == pytest.approx(22.0, abs=HALF_A_VOXEL)
    assert viable_diameters(field, geometry).longest.length_mm == pytest.approx(
        22.0, abs=HALF_A_VOXEL
    )


@pytest.mark.parametrize(("radius", "limit"), [(3.0, 0.25), (6.0, 0.2), (12.0, 0.25)])
def test_a_sphere_of_partial_volumes_is_measured_to_a_quarter_voxel(radius, limit):
    geometry = cube_grid(int(2 * radius) + 6)
    errors = []
    for shift in np.random.default_rng(0).uniform(-0.5, 0.5, (5, 3)):
        fraction = ellipsoid_fraction(geometry, geometry.centre_mm + shift, [radius] * 3)
        found = planar_diameters(outline_field(fraction), geometry)
        errors.append(found.longest.length_mm - 2 * radius)
    assert abs(np.mean(errors)) < limit
    assert np.max(np.abs(errors)) < limit + 0.1


@COARSE
@given(st.floats(0.3, 4.0))
def test_diameters_scale_with_the_voxels(factor):
    small, large = cube_grid(20), cube_grid(20, factor)
    fraction = ellipsoid_fraction(small, small.centre_mm, (8.0, 5.0, 6.0), subdivisions=2)
    field = outline_field(fraction)
    a, b = planar_diameters(field, small), planar_diameters(field, large)
    assert b.longest.length_mm == pytest.approx(factor * a.longest.length_mm)
    assert b.perpendicular.length_mm == pytest.approx(factor * a.perpendicular.length_mm)


def test_anti_aliasing_takes_most_of_the_bias_of_a_hard_mask_away():
    geometry = cube_grid(40)
    hard, smooth = [], []
    for turn in np.linspace(0.0, 80.0, 7):
        axes = grid_axes(geometry) @ rotation((0.0, 0.0, turn))
        mask = ellipsoid_fraction(geometry, geometry.centre_mm, (15.0, 10.0, 8.0), axes=axes) >= 0.5
        assert not is_soft(mask.astype(np.float32))
        hard.append(planar_diameters(padded(mask), geometry).longest.length_mm - 30.0)
        smooth.append(planar_diameters(outline_field(mask), geometry).longest.length_mm - 30.0)
    assert np.mean(hard) > 0.2
    assert abs(np.mean(smooth)) < 0.15


def test_a_single_voxel_still_has_a_size():
    geometry = cube_grid(7)
    one = np.zeros(geometry.shape, np.float32)
    one[3, 3, 3] = 1.0
    assert np.array_equal(anti_aliased(one), one)
    assert planar_diameters(outline_field(one), geometry).longest.length_mm == pytest.approx(1.0)
    assert diameter_3d(outline_field(one), geometry).length_mm == pytest.approx(1.0)


def test_nothing_has_no_diameter():
    geometry = cube_grid(6)
    field = outline_field(np.full(geometry.shape, 0.3, np.float32))
    for find in (planar_diameters, short_axis, diameter_3d, viable_diameters):
        assert find(field, geometry) is None


def test_a_diameter_never_joins_two_parts():
    geometry = cube_grid(40)
    middle, step = geometry.centre_mm, np.array([9.0, 0.0, 0.0])
    left = ellipsoid_fraction(geometry, middle - step, (5.0, 5.0, 5.0), subdivisions=2)
    right = ellipsoid_fraction(geometry, middle + step, (6.0, 6.0, 6.0), subdivisions=2)
    field = outline_field(left + right)
    assert len(list(part_outlines(field, geometry))) > 20
    assert planar_diameters(field, geometry).longest.length_mm == pytest.approx(12.0, abs=0.3)
    assert diameter_3d(field, geometry).length_mm == pytest.approx(29.0, abs=0.5)  # this one may


def test_a_crescent_is_measured_tip_to_tip_but_its_viable_part_is_not():
    geometry = cube_grid(40)
    outer = ellipsoid_fraction(geometry, geometry.centre_mm, (15.0, 15.0, 6.0))
    beside = geometry.centre_mm + np.array([4.0, 0.0, 0.0])
    bite = ellipsoid_fraction(geometry, beside, (12.0, 12.0, 40.0))
    field = outline_field(np.clip(outer - bite, 0.0, 1.0))
    longest = planar_diameters(field, geometry).longest
    assert longest.length_mm > 26.0
    viable = viable_diameters(field, geometry).longest
    assert viable.length_mm < longest.length_mm - 2.0


def test_a_rim_is_measured_across_solid_tissue():
    geometry = cube_grid(40)
    outer = ellipsoid_fraction(geometry, geometry.centre_mm, (15.0, 15.0, 15.0))
    inner = ellipsoid_fraction(geometry, geometry.centre_mm, (12.0, 12.0, 14.0))
    viable = viable_diameters(outline_field(outer - inner), geometry)
    tangent = 2.0 * np.sqrt(15.0**2 - 12.0**2)
    assert viable.longest.length_mm < 1.25 * tangent  # a tenth of it may be a gap
    assert viable.longest.length_mm > 0.9 * tangent


def test_sheared_slices_are_measured_in_their_own_plane():
    geometry = cube_grid(30)
    affine = geometry.affine.copy()
    affine[:3, 0] += 0.4 * affine[:3, 1]  # gantry tilt
    tilted = Geometry(geometry.shape, affine)
    fraction = ellipsoid_fraction(tilted, tilted.centre_mm, (10.0, 6.0, 9.0))
    found = planar_diameters(outline_field(fraction), tilted)
    assert found.longest.length_mm == pytest.approx(20.0, abs=0.3)
    assert found.perpendicular.length_mm == pytest.approx(12.0, abs=0.3)


def test_corners_that_rounding_tells_apart_do_not_stop_a_measurement():
    """The two copies of a corner may differ in the last bit, so that a line crosses one of them."""
    rng = np.random.default_rng(0)
    grid = make_geometry((5, 40, 40), spacing_mm=(3.0, 0.7, 0.83), oblique_deg=(7.0, 3.0, 11.0))
    for _ in range(40):
        noise = ndimage.gaussian_filter(rng.normal(size=grid.shape), (0.5, 3, 3))
        fraction = np.clip(noise / noise.std() + 0.5, 0, 1).astype(np.float32)
        for part in part_outlines(padded(fraction), grid):
            first, second = part.mm[rng.integers(len(part.mm), size=2), 0]
            length = float(np.linalg.norm(second - first))
            if length > 1:
                _, low, high = _solid_crossing(part, first, (second - first) / length, length)
                assert high >= low
