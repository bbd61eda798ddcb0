from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcompare.measurement.contour import padded, surface_of
from imgcompare.measurement.uncertainty import (
    CALIBRATED_MR,
    HARD_SHIFT,
    SMALLEST_SEEN_VOXELS,
    SOFT_SHIFT,
    Estimate,
    OutlineError,
    boundary_shift,
    diameter_estimate,
    edge_noise_ratio,
    hard_bounds_ml,
    is_low_reliability,
    noise_sd,
    product_estimate,
    studied_error,
    studied_unit_mm3,
    surface_estimate,
    thickness_mm,
    volume_estimate,
)
from tests.builders import make_geometry
from tests.measurement.shapes import ellipsoid_fraction

BALL_ML = 4.0 / 3.0 * np.pi / 1000.0


def ball(radius_mm, spacing_mm=(1.0, 1.0, 1.0), shift=(0.0, 0.0, 0.0)):
    size = tuple(int(2 * radius_mm / s) + 7 for s in spacing_mm)
    geometry = make_geometry(size, spacing_mm=spacing_mm)
    return ellipsoid_fraction(geometry, geometry.centre_mm + shift, [radius_mm] * 3), geometry


@settings(max_examples=15, deadline=None)
@given(st.floats(4.0, 12.0), st.tuples(*[st.floats(-0.5, 0.5)] * 3), st.sampled_from([1.0, 3.0]))
def test_intervals_hold_the_true_volume_of_balls(radius, shift, slice_mm):
    fraction, geometry = ball(radius, (slice_mm, 1.0, 1.0), shift)
    truth = BALL_ML * radius**3
    for outline in (fraction, (fraction >= 0.5).astype(np.float32)):
        found = volume_estimate(outline, geometry)
        assert found.low <= truth <= found.high
        assert found.low < found.value < found.high


def test_half_a_voxel_moves_a_ball_by_the_known_part():
    # criteria.md §6: D = 20, δ = .5 → +15.8 % for a shift along the normal
    fraction, geometry = ball(10.0)
    value = volume_estimate(fraction, geometry).value
    low, high = hard_bounds_ml(surface_of(padded(fraction)), value, geometry)
    assert high / value - 1.0 == pytest.approx(0.158, abs=0.05)
    assert 1.0 - low / value == pytest.approx(0.143, abs=0.05)


def test_thick_slices_and_yes_or_no_outlines_widen_the_interval():
    fine, thin = ball(10.0)
    coarse, thick = ball(10.0, (5.0, 1.0, 1.0))
    assert boundary_shift(surface_of(padded(fine))) == SOFT_SHIFT
    assert boundary_shift(surface_of(padded(fine >= 0.5))) == HARD_SHIFT
    half = np.where(np.indices(fine.shape)[2] > 11, fine, fine >= 0.5)
    assert SOFT_SHIFT < boundary_shift(surface_of(padded(half))) < HARD_SHIFT
    soft = volume_estimate(fine, thin).sd
    assert volume_estimate((fine >= 0.5).astype(np.float32), thin).sd > soft
    assert volume_estimate(coarse, thick).sd > 2.0 * soft
    assert volume_estimate(fine, thin, edge_noise=0.4).sd > soft


def test_terms_of_the_error_add_up_as_documented():
    fraction, geometry = ball(10.0, (3.0, 1.0, 1.0))
    surface = surface_of(padded(fraction))
    count = float(fraction.sum(dtype=np.float64))

    def sd(error=None, noise=0.0):
        found = surface_estimate(count, surface, geometry, error=error, edge_noise=noise)
        return found.sd * 1000.0

    across, along, beside = surface.faces  # 1 mm² across slices, 3 mm² within them
    area = np.sqrt(across**2 + (3.0 * along) ** 2 + (3.0 * beside) ** 2)
    slanted = 0.04 * 3.0 * 1000.0 * (area / 1000.0) ** 0.75
    assert sd(OutlineError(0.04)) == pytest.approx(slanted)
    assert sd(OutlineError(0.04, rim_mm=1.5)) == pytest.approx(slanted)
    assert sd(OutlineError(0.04, rim_mm=0.75)) == pytest.approx(4.0 * slanted)
    noise = np.sqrt(surface.edges) * 3.0 * 0.1
    assert sd(OutlineError(0.04), 0.1) == pytest.approx(np.hypot(slanted, noise))
    shift = across**2 + along**2 + beside**2 + surface.edges
    assert sd() == pytest.approx(np.sqrt(shift) * 3.0 * SOFT_SHIFT)
    assert sd(noise=0.1) == pytest.approx(np.hypot(sd(), noise))


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 0.8, 0.8)])
def test_the_mean_thickness_of_a_ball_is_a_third_of_its_diameter(spacing):
    fraction, geometry = ball(9.0, spacing)
    surface = surface_of(padded(fraction))
    count = float(fraction.sum(dtype=np.float64))
    assert thickness_mm(count, surface, geometry) == pytest.approx(6.0, rel=0.03)
    empty = surface_of(padded(np.zeros_like(fraction)))
    assert thickness_mm(0.0, empty, geometry) == np.inf


def test_the_mean_thickness_of_a_shell_is_its_thickness():
    fraction, geometry = ball(9.0)
    shell = fraction - ellipsoid_fraction(geometry, geometry.centre_mm, [8.0] * 3)
    found = thickness_mm(float(shell.sum()), surface_of(padded(shell)), geometry)
    assert found == pytest.approx(1.0, rel=0.25)


def test_spacings_finer_than_those_studied_promise_nothing_more():
    surface = surface_of(padded(ball(10.0)[0]))

    def unit(*spacing, scale=1.0):
        larger = replace(surface, faces=tuple(f * scale for f in surface.faces))
        return studied_unit_mm3(larger, make_geometry(spacing_mm=spacing), rim_mm=9.0)

    assert unit(0.5, 0.5, 0.5, scale=4.0) == pytest.approx(unit(1.0, 1.0, 1.0))
    assert unit(2.0, 2.0, 2.0, scale=0.25) == pytest.approx(2.0 * unit(1.0, 1.0, 1.0))
    assert unit(1.0, 1.0, 1.0, scale=4.0) == pytest.approx(4.0**0.75 * unit(1.0, 1.0, 1.0))


def test_calibrated_intervals_are_those_of_sub_voxel_outlines():
    assert set(CALIBRATED_MR) == {"whole", "enhancing", "necrotic"}
    fraction, geometry = ball(10.0)
    usual = volume_estimate(fraction, geometry).sd
    for slant in CALIBRATED_MR.values():
        assert 0.0 < volume_estimate(fraction, geometry, error=OutlineError(slant)).sd < usual


@pytest.mark.parametrize(
    ("part", "whole_ml", "rim_mm", "expected"),
    [
        ("whole", 0.4, 1.0, True),
        ("whole", 0.39, 1.0, False),
        ("whole", 0.4, 0.99, False),
        ("necrotic", 9.0, np.inf, True),
        ("cystic", 9.0, 3.0, False),
    ],
)
def test_only_what_was_studied_counts_as_calibrated(part, whole_ml, rim_mm, expected):
    fraction, geometry = ball(10.0)
    soft, hard, empty = (
        surface_of(padded(f.astype(np.float32))) for f in (fraction, fraction >= 0.5, 0 * fraction)
    )

    def error(surface, grid=geometry):
        return studied_error(part, surface, grid, whole_ml=whole_ml, rim_mm=rim_mm)

    found = OutlineError(CALIBRATED_MR[part], rim_mm) if expected else None
    assert error(soft) == error(empty) == found
    assert error(hard) is None
    coarse = make_geometry(spacing_mm=(1.0, 1.0, 1.5))
    assert (error(soft, coarse) is None) == (rim_mm < 1.5 or not expected)


@settings(max_examples=20, deadline=None)
@given(
    st.floats(1.2, 25.0),
    st.sampled_from([0.5, 1.0, 3.0, 6.0]),
    st.floats(0.0, 1.0),
    st.floats(0.1, 9.0),
)
def test_calibrated_intervals_of_any_ball_are_sane(radius, slice_mm, noise, rim_mm):
    fraction, geometry = ball(radius, (slice_mm, 1.0, 1.0))
    for slant in CALIBRATED_MR.values():
        error = OutlineError(slant, rim_mm)
        found = volume_estimate(fraction, geometry, error=error, edge_noise=noise)
        low, high = hard_bounds_ml(surface_of(padded(fraction)), found.value, geometry)
        assert 0.0 <= low <= found.low < found.value < found.high <= high


@pytest.mark.parametrize(
    ("spacing", "limit_ml"),
    [
        ((5.0, 1.0, 1.0), np.pi / 6.0),  # a ball of 10 mm between two slices of 5 mm
        ((1.0, 1.0, 1.0), np.pi / 6.0 * 0.008),  # 4.2 voxels
    ],
)
def test_zero_is_uncertain_by_what_would_not_be_seen(spacing, limit_ml):
    geometry = make_geometry(spacing_mm=spacing)
    found = volume_estimate(np.zeros(geometry.shape, np.float32), geometry)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high == pytest.approx(limit_ml)
    assert found.high > SMALLEST_SEEN_VOXELS * geometry.voxel_volume_ml


def test_diameter_intervals_grow_with_voxels_and_slices():
    thin = make_geometry(spacing_mm=(1.0, 1.0, 1.0))
    thick = make_geometry(spacing_mm=(6.0, 1.0, 1.0))
    narrow = diameter_estimate(20.0, thin, shift=SOFT_SHIFT)
    assert narrow.low < 20.0 < narrow.high
    assert diameter_estimate(20.0, thick, shift=SOFT_SHIFT).sd > narrow.sd
    across = diameter_estimate(20.0, thick, shift=SOFT_SHIFT, through_plane=True)
    assert across.sd > diameter_estimate(20.0, thick, shift=SOFT_SHIFT).sd
    assert diameter_estimate(1.0, thick, shift=HARD_SHIFT).low == 0.0


def test_product_interval_is_that_of_its_ends():
    product = product_estimate(Estimate(20.0, 1.0, 18.0, 22.0), Estimate(10.0, 1.0, 8.0, 12.0))
    assert (product.value, product.low, product.high) == (200.0, 144.0, 264.0)


@pytest.mark.parametrize(
    ("slices", "diameter", "spacing", "expected"),
    [(3, 15.0, 5.0, False), (2, 15.0, 5.0, True), (3, 14.9, 5.0, True)],
)
def test_low_reliability_at_its_boundaries(slices, diameter, spacing, expected):
    assert is_low_reliability(slices, diameter, spacing) is expected


def test_noise_is_found_in_spite_of_edges():
    fraction, _ = ball(8.0)
    image = 100.0 * fraction + np.random.default_rng(1).normal(0.0, 4.0, fraction.shape)
    assert noise_sd(image) == pytest.approx(4.0, rel=0.15)
    assert edge_noise_ratio(image, fraction) == pytest.approx(0.04, rel=0.25)
    assert edge_noise_ratio(np.zeros_like(image), fraction) == 0.5
    assert edge_noise_ratio(image, np.zeros_like(fraction)) == 0.0
    assert noise_sd(image[:, :2]) == 0.0
