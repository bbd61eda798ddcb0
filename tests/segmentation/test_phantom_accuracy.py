"""A fast part of benchmarks/accuracy.py: volumes of phantom lesions from a seed, at 1 and 5 mm."""

from functools import lru_cache

import numpy as np
import pytest

from imgcompare.model import WHOLE, AlignedTimepoint, Role, Timepoint, Tissue, Transform
from imgcompare.phantoms import ScanSettings, build_case, simulate
from imgcompare.segmentation import lesion_from_seed, prepare, segment_compartments
from tests.segmentation.analytic import overlap, placed

# Nobody moves: registration is tested elsewhere. The thin slab holds all three lesions.
SETTINGS = {
    "1 mm": ScanSettings(spacing_mm=(1.0, 1.0, 1.0), matrix=(76, 236, 184), motion=False),
    "5 mm": ScanSettings(spacing_mm=(5.0, 1.5, 1.5), motion=False),
}
LIMITS = {
    "1 mm": {WHOLE: 0.05, Tissue.ENHANCING: 0.05, Tissue.NECROTIC: 0.10},
    "5 mm": {WHOLE: 0.10, Tissue.ENHANCING: 0.10, Tissue.NECROTIC: 0.15},
}
LEAST_DICE = 0.90


@lru_cache(maxsize=2)
def results(setting: str):
    """Per lesion: true volumes, what was found, and the true fraction of enhancing tissue."""
    scan = simulate(build_case("mixed"), 1, settings=SETTINGS[setting])
    visit = Timepoint(1, None, (), {})
    aligned = AlignedTimepoint(visit, Role.T1C, dict(scan.images), {}, Transform.identity())
    prepared = prepare(aligned)
    out = []
    for lesion, centre in scan.lesion_centres_mm.items():
        region = lesion_from_seed(prepared, centre)
        found = segment_compartments(prepared, region, source="seed")
        full = placed(found.mask(Tissue.ENHANCING), found.geometry, aligned.geometry)
        dice = overlap(full, scan.fractions[lesion][Tissue.ENHANCING] > 0.5)
        out.append((scan.volumes_ml[lesion], found, dice))
    return out


@pytest.mark.slow
@pytest.mark.parametrize("setting", SETTINGS)
def test_volumes_from_a_seed_are_within_the_limits(setting):
    assert len(results(setting)) == 3
    for true, found, dice in results(setting):
        for part, limit in LIMITS[setting].items():
            volume = float(found.fraction(part).sum()) * found.geometry.voxel_volume_ml
            assert volume == pytest.approx(true[part], rel=limit)
        assert setting != "1 mm" or dice >= LEAST_DICE


@pytest.mark.slow
def test_whole_voxels_would_break_the_limits():
    errors = [
        found.mask(part).sum() * found.geometry.voxel_volume_ml / true[part] - 1
        for true, found, _ in results("5 mm")
        for part in LIMITS["5 mm"]
    ]
    assert np.abs(errors).max() > max(LIMITS["5 mm"].values())
