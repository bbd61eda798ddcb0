"""Tissues of one lesion on MR of the head."""

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest

from imgcompare.errors import GeometryMismatchError, SegmentationError
from imgcompare.model import (
    TISSUE_CODES,
    LabelMap,
    LesionSegmentation,
    Quantity,
    Role,
    Tissue,
    Volume,
)
from imgcompare.segmentation.compartments import segment_compartments
from imgcompare.segmentation.preparation import prepare
from tests.segmentation.analytic import MR_ROLES, Drawn, Plan, draw, overlap, placed

CORES = (Tissue.NECROTIC, Tissue.CYSTIC, Tissue.HAEMORRHAGE)


@lru_cache(maxsize=16)
def run(plan: Plan, roles=MR_ROLES, source: str = "seed") -> tuple[Drawn, LesionSegmentation]:
    drawn = draw(plan, roles)
    return drawn, segment_compartments(prepare(drawn.aligned), drawn.region, source=source)


def volume_ml(found: LesionSegmentation, tissue: Tissue) -> float:
    return float(found.fraction(tissue).sum()) * found.geometry.voxel_volume_ml


@pytest.mark.parametrize("core", CORES)
def test_a_ring_with_a_core(core):
    drawn, found = run(Plan(filling=core))
    for tissue in (Tissue.ENHANCING, core):
        assert volume_ml(found, tissue) == pytest.approx(drawn.volume_ml(tissue), rel=0.03)
        mask = placed(found.mask(tissue), found.geometry, drawn.aligned.geometry)
        assert overlap(mask, drawn.fractions[tissue] > 0.5) > 0.95
    for absent in set(CORES) - {core}:
        assert volume_ml(found, absent) < 0.1
    assert volume_ml(found, Tissue.OEDEMA) == pytest.approx(
        drawn.volume_ml(Tissue.OEDEMA), rel=0.12
    )


def test_necrosis_and_cyst_side_by_side():
    drawn, found = run(Plan(second=Tissue.CYSTIC))
    for tissue in (Tissue.NECROTIC, Tissue.CYSTIC):
        assert volume_ml(found, tissue) == pytest.approx(drawn.volume_ml(tissue), rel=0.06)


def test_a_solid_enhancing_lesion_has_no_core():
    drawn, found = run(Plan(core=0.0))
    assert volume_ml(found, Tissue.ENHANCING) == pytest.approx(
        drawn.volume_ml(Tissue.ENHANCING), rel=0.03
    )
    assert set(np.unique(found.labels.array)) <= {
        0,
        TISSUE_CODES[Tissue.ENHANCING],
        TISSUE_CODES[Tissue.OEDEMA],
    }


def test_a_lesion_that_does_not_enhance_says_so():
    drawn, found = run(Plan(rim=Tissue.NON_ENHANCING, filling=Tissue.NON_ENHANCING))
    assert volume_ml(found, Tissue.ENHANCING) == 0.0
    assert volume_ml(found, Tissue.NON_ENHANCING) == pytest.approx(
        float(drawn.whole.sum()) * drawn.aligned.geometry.voxel_volume_ml, rel=0.06
    )
    assert any("enhances" in flag for flag in found.flags)


def test_a_simple_cyst_is_fluid_to_its_edge():
    _, found = run(Plan(rim=Tissue.CYSTIC, filling=Tissue.CYSTIC), source="mask")
    cystic = volume_ml(found, Tissue.CYSTIC)
    assert cystic > 0.97 * float(found.fraction().sum()) * found.geometry.voxel_volume_ml


@pytest.mark.parametrize("spacing", [(3.0, 1.5, 1.5), (5.0, 1.5, 1.5)])
def test_thick_slices(spacing):
    drawn, found = run(Plan(spacing=spacing, outline=15.0, core=10.5))
    for tissue in (Tissue.ENHANCING, Tissue.NECROTIC):
        assert volume_ml(found, tissue) == pytest.approx(drawn.volume_ml(tissue), rel=0.08)


def test_given_parts_of_voxels_are_kept_exactly():
    """Fractions of an outline, as contours give them, are neither rounded nor refined away."""
    drawn = draw(Plan(), MR_ROLES)
    grid = drawn.aligned.geometry
    part = np.asarray(drawn.whole, dtype=np.float32)
    start, stop = (f(np.nonzero(part), axis=1) for f in (np.min, np.max))
    box = tuple(slice(int(a), int(b) + 1) for a, b in zip(start, stop, strict=True))
    fill = Volume(part[box], grid.crop(start, stop + 1), Quantity.DIMENSIONLESS)
    region = LabelMap(part >= 0.5, grid)
    found = segment_compartments(prepare(drawn.aligned), region, source="mask", fill=fill)
    whole = placed(found.fraction(), found.geometry, grid)
    np.testing.assert_allclose(whole, part, atol=1e-5)
    assert ((part > 0) & (part < 1)).sum() > 100
    np.testing.assert_array_equal(placed(found.mask(), found.geometry, grid), part >= 0.5)


def test_a_given_mask_is_respected():
    drawn, found = run(Plan(), source="mask")
    region = drawn.region.array > 0
    whole = placed(found.fraction(), found.geometry, drawn.aligned.geometry)
    np.testing.assert_allclose(whole[region], 1.0, atol=1e-4)
    assert not whole[~region].any()
    mask = placed(found.mask(), found.geometry, drawn.aligned.geometry)
    np.testing.assert_array_equal(mask, region)


def test_a_seeded_outline_without_contrast_is_kept_and_flagged():
    drawn = draw()
    inside = np.zeros(drawn.aligned.geometry.shape, dtype=np.uint8)
    inside[tuple(np.argwhere(drawn.fractions[Tissue.NECROTIC] > 0.99)[500])] = 1
    region = LabelMap(inside, drawn.aligned.geometry)
    found = segment_compartments(prepare(drawn.aligned), region, source="seed")
    assert found.fraction().sum() == pytest.approx(1.0, abs=1e-3)
    assert found.mask().sum() == 1
    assert any("outline kept" in flag for flag in found.flags)


def test_fractions_never_exceed_a_voxel():
    _, found = run(Plan(second=Tissue.CYSTIC))
    total = np.sum(list(found.fractions.values()), axis=0)
    assert total.max() <= 1.0 + 1e-4
    assert min(f.min() for f in found.fractions.values()) >= 0.0


def test_the_same_input_gives_the_same_result():
    _, first = run(Plan())
    _, second = run.__wrapped__(Plan())
    np.testing.assert_array_equal(first.labels.array, second.labels.array)
    for tissue, part in first.fractions.items():
        np.testing.assert_array_equal(part, second.fractions[tissue])


def test_gains_and_shading_change_no_volume():
    plan = Plan(second=Tissue.CYSTIC)
    _, first = run(plan)
    _, second = run(replace(plan, gains=(5.0, 0.3, 11.0, 2.0), bias=0.25))
    for tissue in first.fractions:
        assert volume_ml(second, tissue) == pytest.approx(volume_ml(first, tissue), rel=0.05)


def test_a_larger_core_leaves_less_that_enhances():
    small, large = (run(Plan(core=core))[1] for core in (9.0, 13.0))
    assert volume_ml(large, Tissue.ENHANCING) < volume_ml(small, Tissue.ENHANCING)
    assert volume_ml(large, Tissue.NECROTIC) > volume_ml(small, Tissue.NECROTIC)


def test_t1c_alone_still_finds_what_enhances():
    drawn, found = run(Plan(), (Role.T1C,))
    assert volume_ml(found, Tissue.ENHANCING) == pytest.approx(
        drawn.volume_ml(Tissue.ENHANCING), rel=0.05
    )
    assert volume_ml(found, Tissue.NON_ENHANCING) > 0
    assert "enhancement from T1C alone; subtraction not possible" in found.flags
    assert any("necrosis and cyst" in flag for flag in found.flags)
    assert any("oedema not measured" in flag for flag in found.flags)


def test_blood_needs_the_image_before_contrast():
    _, with_t1 = run(Plan(filling=Tissue.HAEMORRHAGE))
    _, without = run(Plan(filling=Tissue.HAEMORRHAGE), (Role.T1C, Role.T2, Role.FLAIR))
    assert volume_ml(with_t1, Tissue.HAEMORRHAGE) > 4.0
    assert volume_ml(without, Tissue.HAEMORRHAGE) == 0.0
    assert any("haemorrhage" in flag for flag in without.flags)


def test_without_t1c_nothing_is_called_enhancing():
    _, found = run(Plan(), (Role.T1, Role.T2, Role.FLAIR))
    assert volume_ml(found, Tissue.ENHANCING) == 0.0
    assert volume_ml(found, Tissue.NON_ENHANCING) > 10.0
    assert any("T1C" in flag for flag in found.flags)


def test_without_t2_a_cyst_is_still_told_by_flair():
    drawn, found = run(Plan(filling=Tissue.CYSTIC), (Role.T1, Role.T1C, Role.FLAIR))
    assert volume_ml(found, Tissue.CYSTIC) == pytest.approx(
        drawn.volume_ml(Tissue.CYSTIC), rel=0.05
    )


def test_oedema_is_contiguous_and_outside():
    drawn, found = run(Plan())
    oedema = placed(found.mask(Tissue.OEDEMA), found.geometry, drawn.aligned.geometry)
    assert not (oedema & (drawn.whole > 0.9)).any()
    assert overlap(oedema, drawn.fractions[Tissue.OEDEMA] > 0.5) > 0.88
    _, none = run(Plan(oedema=0.0))
    assert volume_ml(none, Tissue.OEDEMA) < 1.0


def test_another_grid_and_an_empty_lesion_are_refused():
    drawn = draw()
    prepared = prepare(drawn.aligned)
    other = draw(Plan(spacing=(3.0, 2.0, 2.0)))
    with pytest.raises(GeometryMismatchError):
        segment_compartments(prepared, other.region, source="mask")
    empty = LabelMap(np.zeros(drawn.aligned.geometry.shape, np.uint8), drawn.aligned.geometry)
    with pytest.raises(SegmentationError, match="empty"):
        segment_compartments(prepared, empty, source="mask")
