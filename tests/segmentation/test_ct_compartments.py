"""Tissues of one lesion on CT."""

from collections.abc import Mapping

import numpy as np
import pytest

from imgcompare.model import (
    TISSUE_CODES,
    AlignedTimepoint,
    LabelMap,
    LesionSegmentation,
    Quantity,
    Role,
    Timepoint,
    Tissue,
    Transform,
    Volume,
)
from imgcompare.segmentation.compartments import segment_compartments
from imgcompare.segmentation.preparation import prepare
from tests.segmentation.analytic import CT_ROLES, Drawn, Plan, draw


def run(plan: Plan, roles=CT_ROLES) -> tuple[Drawn, LesionSegmentation]:
    drawn = draw(plan, roles)
    return drawn, segment_compartments(prepare(drawn.aligned), drawn.region, source="mask")


def volume_ml(found: LesionSegmentation, tissue: Tissue) -> float:
    return float(found.fraction(tissue).sum()) * found.geometry.voxel_volume_ml


@pytest.mark.parametrize("core", [Tissue.NECROTIC, Tissue.CYSTIC, Tissue.HAEMORRHAGE])
def test_a_ring_with_a_core(core):
    drawn, found = run(Plan(filling=core))
    for tissue in (Tissue.ENHANCING, core):
        assert volume_ml(found, tissue) == pytest.approx(drawn.volume_ml(tissue), rel=0.08)
    assert core is Tissue.CYSTIC or volume_ml(found, Tissue.CYSTIC) == 0.0
    assert not found.attenuation_classes_only


def test_a_thin_rim_in_noise_is_not_thickened():
    drawn, found = run(Plan(core=14.5, spacing=(4.0, 1.5, 1.5), noise_hu=11.0))
    for tissue in (Tissue.ENHANCING, Tissue.NECROTIC):
        assert volume_ml(found, tissue) == pytest.approx(drawn.volume_ml(tissue), rel=0.08)


def test_a_cyst_beside_necrosis_is_measured():
    drawn, found = run(Plan(core=14.0, second=Tissue.CYSTIC))
    assert volume_ml(found, Tissue.CYSTIC) == pytest.approx(
        drawn.volume_ml(Tissue.CYSTIC), rel=0.12
    )


def slab(rise_hu: float, before_hu: float = 40.0, noise_hu: float = 4.0) -> LesionSegmentation:
    """A homogeneous lesion in soft tissue that gains ``rise_hu``."""
    grid = draw(Plan(spacing=(4.0, 4.0, 4.0))).aligned.geometry
    random = np.random.default_rng(2)
    z, y, x = np.meshgrid(*[np.linspace(-1, 1, n) for n in grid.shape], indexing="ij")
    body = x**2 + y**2 < 0.9
    lesion = x**2 + y**2 + z**2 < 0.16
    levels: Mapping[Role, float] = {Role.CT_PRE: 0.0, Role.CT_PORTAL: rise_hu}
    images = {}
    for role, rise in levels.items():
        clean = np.where(body, 55.0, -1000.0)
        clean[lesion] = before_hu + rise
        noisy = clean + noise_hu * random.standard_normal(grid.shape)
        images[role] = Volume(noisy.astype(np.float32), grid, Quantity.HU)
    aligned = AlignedTimepoint(
        Timepoint(0, None, (), {}), Role.CT_PORTAL, images, {}, Transform.identity()
    )
    region = LabelMap(lesion.astype(np.uint8), grid)
    return segment_compartments(prepare(aligned), region, source="mask")


@pytest.mark.parametrize(
    ("rise_hu", "enhances", "equivocal"),
    [(3.0, False, False), (8.0, False, False), (17.5, True, True), (25.0, True, False)],
)
def test_boundaries_of_enhancement(rise_hu, enhances, equivocal):
    found = slab(rise_hu)
    share = found.fraction(Tissue.ENHANCING).sum() / found.fraction().sum()
    assert share > 0.95 if enhances else share < 0.02
    assert any("equivocal" in flag for flag in found.flags) is equivocal


@pytest.mark.parametrize(
    ("before_hu", "tissue"),
    [
        (5.0, Tissue.CYSTIC),
        (24.0, Tissue.NECROTIC),
        (42.0, Tissue.NON_ENHANCING),
        (68.0, Tissue.HAEMORRHAGE),
    ],
)
def test_attenuation_of_what_does_not_enhance(before_hu, tissue):
    found = slab(0.0, before_hu)
    share = (found.labels.array == TISSUE_CODES[tissue]).sum() / found.mask().sum()
    assert share > 0.95


def test_a_single_phase_never_enhances():
    _, found = run(Plan(), (Role.CT_PORTAL,))
    assert found.attenuation_classes_only
    assert volume_ml(found, Tissue.ENHANCING) == 0.0
    assert volume_ml(found, Tissue.NON_ENHANCING) > 10.0
    assert any("attenuation classes only" in flag for flag in found.flags)
