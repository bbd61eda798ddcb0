"""Common scale, noise, shading and enhancement."""

import numpy as np
import pytest

from imgcompare.model import AlignedTimepoint, Quantity, Role, Tissue, Volume
from imgcompare.segmentation.normalisation import noise_sd
from imgcompare.segmentation.preparation import prepare
from tests.segmentation.analytic import CT_ROLES, MR_ROLES, Plan, draw


def changed(aligned: AlignedTimepoint, images: dict[Role, Volume]) -> AlignedTimepoint:
    return AlignedTimepoint(
        aligned.timepoint, aligned.reference_role, images, {}, aligned.to_baseline
    )


@pytest.fixture(scope="module")
def shaded():
    drawn = draw(Plan(bias=0.3, gains=(1.0, 3.0, 0.2, 9.0)))
    return drawn, prepare(drawn.aligned)


def test_white_matter_is_one_whatever_gain_and_shading(shaded):
    drawn, prepared = shaded
    for role in MR_ROLES:
        values = prepared.images[role][drawn.white]
        assert np.median(values) == pytest.approx(1.0, abs=0.03), role
        # Shading of ±25 % before, little more than the noise of 2 % after.
        assert values.std() < 0.06, role


def test_noise_is_read_inside_the_brain(shaded):
    _, prepared = shaded
    for role in MR_ROLES:
        assert prepared.noise[role] == pytest.approx(0.02, rel=0.25), role
    assert prepared.enhancement_noise == pytest.approx(0.02 * 2**0.5, rel=0.25)


def test_noise_of_a_linearly_resampled_image_is_its_sd():
    drawn = draw()
    random = np.random.default_rng(1)
    white = random.standard_normal((40, 41, 42)).astype(np.float32)
    mixed = (white[:, :, 1:] + white[:, :, :-1]) / 2
    everywhere = np.ones(mixed.shape, dtype=bool)
    # The neighbour-to-neighbour estimate would read 0.58 along the resampled axis.
    assert noise_sd(mixed, everywhere, drawn.aligned.geometry) == pytest.approx(0.707, rel=0.05)


def test_only_the_rim_gains_signal(shaded):
    drawn, prepared = shaded
    assert prepared.enhancement is not None
    rim = drawn.fractions[Tissue.ENHANCING] > 0.99
    core = drawn.fractions[Tissue.NECROTIC] > 0.99
    assert np.median(prepared.enhancement[rim]) == pytest.approx(1.05, abs=0.06)
    assert np.median(prepared.enhancement[core]) == pytest.approx(0.0, abs=0.06)
    assert np.median(prepared.enhancement[drawn.white]) == pytest.approx(0.0, abs=0.02)


def test_sequences_of_different_contrast_are_matched():
    drawn = draw()
    images = dict(drawn.aligned.images)
    flat = 500.0 + 0.6 * (images[Role.T1].array - 500.0)
    flat[images[Role.T1].array < 100] = 0
    images[Role.T1] = Volume(flat.astype(np.float32), drawn.aligned.geometry)
    prepared = prepare(changed(drawn.aligned, images))
    assert prepared.enhancement is not None
    core = drawn.fractions[Tissue.NECROTIC] > 0.99
    assert np.median(prepared.enhancement[core]) == pytest.approx(0.0, abs=0.06)


def test_gain_changes_nothing():
    drawn = draw()
    first = prepare(drawn.aligned)
    images = {
        r: Volume(v.array * np.float32(7.5), drawn.aligned.geometry)
        for r, v in drawn.aligned.images.items()
    }
    second = prepare(changed(drawn.aligned, images))
    for role in MR_ROLES:
        np.testing.assert_allclose(first.images[role], second.images[role], atol=2e-3)


@pytest.mark.parametrize("roles", [(Role.T1C,), (Role.T1, Role.T2), (Role.T1C, Role.FLAIR)])
def test_without_both_t1_there_is_no_enhancement(roles):
    prepared = prepare(draw(roles=roles).aligned)
    assert prepared.enhancement is None
    assert prepared.enhancement_noise == 0.0
    assert any(d.subject == "enhancement" and d.choice == "none" for d in prepared.decisions)


def test_voxels_outside_a_moved_image_may_be_missing():
    drawn = draw()
    images = dict(drawn.aligned.images)
    array = images[Role.T2].array.copy()
    array[:3] = np.nan
    images[Role.T2] = Volume(array, drawn.aligned.geometry)
    assert np.isfinite(prepare(changed(drawn.aligned, images)).images[Role.T2]).all()


def test_ct_stays_in_hu_and_subtracts_phases():
    drawn = draw(Plan(), CT_ROLES)
    prepared = prepare(drawn.aligned)
    assert prepared.brain is None
    assert prepared.is_ct
    assert prepared.enhancement is not None
    rim = drawn.fractions[Tissue.ENHANCING] > 0.99
    assert np.median(prepared.enhancement[rim]) == pytest.approx(45.0, abs=1.0)
    assert prepared.noise[Role.CT_PORTAL] == pytest.approx(6.0, rel=0.25)
    assert prepared.body[rim].all()


def test_a_single_ct_phase_has_no_enhancement():
    prepared = prepare(draw(Plan(), (Role.CT_PORTAL,)).aligned)
    assert prepared.enhancement is None
    assert prepared.aligned.reference.quantity is Quantity.HU


def test_arrays_are_read_only(shaded):
    _, prepared = shaded
    with pytest.raises(ValueError, match="read-only"):
        prepared.images[Role.T1][0, 0, 0] = 1.0
