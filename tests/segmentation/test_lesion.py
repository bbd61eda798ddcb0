"""One lesion from one point: rim, core or cyst; any gain, slice thickness and set of series."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from imgcompare.errors import SeedError, SegmentationError
from imgcompare.model import AlignedTimepoint, Quantity, Role, Tissue, Volume
from imgcompare.segmentation.lesion import lesion_from_seed, seed_index
from imgcompare.segmentation.preparation import prepare
from tests.segmentation.analytic import CT_ROLES, MR_ROLES, Drawn, Plan, draw, overlap

CENTRE = (24.0, -8.0, 10.0)
RIM = (38.0, -8.0, 10.0)
"""LPS mm; the builder's lesion, 17 mm in radius with a core of 11 mm."""

SEEDS = (CENTRE, RIM, (30.0, -3.0, 14.0), (24.0, -22.0, 10.0))


@lru_cache(maxsize=4)
def prepared_once(aligned: AlignedTimepoint):
    return prepare(aligned)


def found(drawn: Drawn, seed_mm, **options):
    return lesion_from_seed(prepared_once(drawn.aligned), seed_mm, **options).array > 0


def truth(drawn: Drawn):
    return drawn.region.array > 0


@pytest.mark.parametrize("roles", [MR_ROLES, (Role.T1, Role.T1C), (Role.T1C,)])
def test_seed_anywhere_gives_the_whole_lesion(roles):
    drawn = draw(Plan(), roles)
    masks = [found(drawn, seed) for seed in SEEDS]
    for mask in masks:
        assert overlap(mask, truth(drawn)) > 0.95
        assert overlap(mask, masks[0]) > 0.99


@pytest.mark.parametrize("filling", [Tissue.CYSTIC, Tissue.HAEMORRHAGE])
def test_core_may_be_cyst_or_blood(filling):
    drawn = draw(Plan(second=filling))
    assert overlap(found(drawn, CENTRE), truth(drawn)) > 0.94
    assert overlap(found(drawn, RIM), truth(drawn)) > 0.94


def test_oedema_is_left_out():
    drawn = draw(Plan(oedema=12.0))
    mask = found(drawn, RIM)
    assert overlap(mask, truth(drawn)) > 0.94
    assert (mask & (drawn.fractions[Tissue.OEDEMA] > 0.9)).sum() < 0.01 * mask.sum()


def test_whole_volume_is_unbiased():
    drawn = draw(Plan())
    assert found(drawn, RIM).sum() == pytest.approx(float(drawn.whole.sum()), rel=0.05)


@pytest.mark.parametrize("spacing", [(5.0, 1.6, 1.6), (6.0, 1.2, 1.2)])
def test_thick_slices(spacing):
    drawn = draw(Plan(spacing=spacing), (Role.T1, Role.T1C))
    for seed in (CENTRE, RIM):
        mask = found(drawn, seed)
        assert overlap(mask, truth(drawn)) > 0.92
        assert mask.sum() == pytest.approx(float(drawn.whole.sum()), rel=0.12)


def test_gain_and_shading_do_not_matter():
    plain = draw(Plan(), (Role.T1, Role.T1C))
    scaled = draw(Plan(gains=(3.0, 0.4, 1.0, 1.0), bias=0.15), (Role.T1, Role.T1C))
    assert overlap(found(plain, RIM), found(scaled, RIM)) > 0.97


def with_tube(drawn: Drawn, radius_mm: float) -> AlignedTimepoint:
    """Lead an enhancing vessel from the rim through the brain to the front."""
    grid = drawn.aligned.geometry
    points = grid.index_to_world(np.stack(np.indices(grid.shape), axis=-1))
    away = np.hypot(points[..., 0] - 24.0, points[..., 2] - 10.0)
    tube = (away < radius_mm) & (points[..., 1] < -8.0) & (points[..., 1] > -50.0)
    tube &= drawn.whole < 0.5
    old = drawn.aligned.images[Role.T1C]
    array = np.array(old.array)
    array[tube] = array[drawn.fractions[Tissue.ENHANCING] > 0.99].mean()
    images = {**drawn.aligned.images, Role.T1C: Volume(array, old.geometry)}
    return replace(drawn.aligned, images=images)


def test_vessel_that_touches_the_lesion_is_cut_off():
    drawn = draw(Plan())
    prepared = prepare(with_tube(drawn, 1.9))
    for seed in (CENTRE, RIM):
        mask = lesion_from_seed(prepared, seed).array > 0
        assert overlap(mask, truth(drawn)) > 0.94


def test_radius_bounds_the_extent():
    drawn = draw(Plan())
    mask = found(drawn, RIM, radius_mm=10.0)
    grid = drawn.aligned.geometry
    far = np.linalg.norm(grid.index_to_world(np.argwhere(mask)) - RIM, axis=1)
    assert mask.any()
    assert far.max() <= 10.0 + max(grid.spacing_mm)


@pytest.mark.parametrize("radius", [0.0, -3.0, float("nan")])
def test_impossible_radius_is_refused(radius):
    with pytest.raises(SeedError, match="radius"):
        found(draw(Plan()), CENTRE, radius_mm=radius)


def test_normal_tissue_holds_no_lesion():
    with pytest.raises(SegmentationError, match="Nothing at the seed"):
        found(draw(Plan()), (-35.0, 10.0, 0.0))


def test_seed_outside_or_in_air_is_refused():
    prepared = prepared_once(draw(Plan()).aligned)
    with pytest.raises(SeedError, match="outside the volume"):
        seed_index(prepared, (500.0, 0.0, 0.0))
    with pytest.raises(SeedError, match="in air"):
        seed_index(prepared, (64.0, 70.0, 60.0))
    with pytest.raises(SeedError, match="finite"):
        seed_index(prepared, (float("nan"), 0.0, 0.0))
    assert seed_index(prepared, prepared.aligned.geometry.index_to_world((30, 36, 33)).tolist())


@pytest.mark.parametrize("roles", [CT_ROLES, (Role.CT_PORTAL,)])
def test_ct_lesion_from_seed(roles):
    drawn = draw(Plan(oedema=0.0), roles)
    assert drawn.aligned.reference.quantity is Quantity.HU
    assert overlap(found(drawn, RIM), truth(drawn)) > 0.92


def test_ct_seed_in_a_core_that_looks_like_the_organ():
    drawn = draw(Plan(filling=Tissue.OEDEMA, oedema=0.0), CT_ROLES)
    whole = drawn.whole + drawn.fractions[Tissue.OEDEMA] >= 0.5
    assert overlap(found(drawn, CENTRE), whole) > 0.92


def test_ct_seed_in_normal_tissue_grows_nothing():
    with pytest.raises(SegmentationError, match="Nothing at the seed"):
        found(draw(Plan(oedema=0.0), CT_ROLES), (-30.0, -8.0, 25.0))


def test_ct_seed_in_air_is_refused():
    with pytest.raises(SeedError, match="in air"):
        found(draw(Plan(), CT_ROLES), (64.0, 70.0, 60.0))
