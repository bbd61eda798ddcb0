"""Seeds that cannot be what was meant are refused or doubted; cores find their lesion."""

import numpy as np
import pytest

from imgcompare.errors import SegmentationError
from imgcompare.model import AlignedTimepoint, Quantity, Role, Timepoint, Tissue, Transform, Volume
from imgcompare.segmentation.lesion import lesion_around, outline_seed
from imgcompare.segmentation.plausible import (
    distance_mm,
    doubts_about,
    is_speck,
    require_closed,
    require_plausible,
)
from imgcompare.segmentation.preparation import Prepared, prepare
from tests.builders import ellipsoid, make_geometry
from tests.segmentation.analytic import CT_ROLES, MR_ROLES, Plan, draw, overlap

GRID = make_geometry((30, 64, 64), spacing_mm=(2.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0))


def bare(gain: np.ndarray | None = None) -> Prepared:
    """Give a visit of which only the gain by contrast matters."""
    image = Volume(np.ones(GRID.shape, dtype=np.float32), GRID, Quantity.MR_SIGNAL)
    aligned = AlignedTimepoint(
        Timepoint(0, None, (), {}), Role.T1C, {Role.T1C: image}, {}, Transform.identity()
    )
    body = np.ones(GRID.shape, dtype=bool)
    gained = np.zeros(GRID.shape, dtype=np.float32) if gain is None else gain.astype(np.float32)
    images = {Role.T1C: image.array}
    return Prepared(aligned, body, None, images, {Role.T1C: 0.02}, gained, 0.02)


def ball(radius: float, x: float = 32.0) -> np.ndarray:
    return ellipsoid(GRID, (x, 32.0, 30.0), (radius, radius, radius))


def test_specks_are_few_voxels_or_little_and_not_round() -> None:
    few, thin = np.zeros(GRID.shape, dtype=bool), np.zeros(GRID.shape, dtype=bool)
    few[15, 30, 30:36] = True
    thin[15, 30, 5:40] = True
    assert is_speck(bare(), few)
    assert is_speck(bare(), thin)
    assert not is_speck(bare(), ball(2.8)), "a small metastasis is round"
    assert not is_speck(bare(), ball(8.0))
    assert is_speck(bare(), np.zeros(GRID.shape, dtype=bool))


def test_a_speck_is_refused_with_seed_size_and_what_to_do() -> None:
    speck = np.zeros(GRID.shape, dtype=bool)
    speck[15, 30, 30:33] = True
    said = r"seed \(30.0, 30.0, 30.0\) mm LPS only a speck of 3 voxels, 0.006 mL .*rim.*--mask"
    with pytest.raises(SegmentationError, match=said):
        require_plausible(bare(), speck, (15, 30, 30))
    with pytest.raises(SegmentationError, match=r"within 5 mm differs enough"):
        require_plausible(bare(), np.zeros_like(speck), (15, 30, 30), within_mm=5.0)
    require_plausible(bare(), ball(6.0), (15, 32, 32))


def test_an_outline_without_end_is_refused() -> None:
    leak = np.zeros(GRID.shape, dtype=bool)
    leak[5:25, 10:50, 2:60] = True
    with pytest.raises(SegmentationError, match=r"runs on for 20 mm and more .*radius.*--mask"):
        require_closed(bare(), leak, (15, 30, 30), reach_mm=20.0)
    require_closed(bare(), leak, (15, 30, 30), reach_mm=80.0)  # ends with the image, or before
    require_closed(bare(), ball(9.0), (15, 32, 32), reach_mm=12.0)


def test_doubts_name_seed_size_and_what_to_do() -> None:
    inside = ball(8.0)
    gain = np.where(inside, 0.9, 0.0)
    assert doubts_about(bare(gain), inside, (15, 32, 32), unenhanced=False) == ()
    (away,) = doubts_about(bare(gain), inside, (15, 32, 50), unenhanced=False)
    assert away.startswith("The seed (50.0, 32.0, 30.0) mm LPS lies 10 mm outside")
    sheet = np.zeros(GRID.shape, dtype=bool)
    sheet[5:25, 30:32, 5:60] = True
    (thin,) = doubts_about(bare(gain), sheet, (15, 31, 32), unenhanced=False)
    assert "looks like vessels, dura or normal tissue" in thin
    (small,) = doubts_about(bare(gain), ball(2.8), (15, 32, 32), unenhanced=False)
    assert "is very small" in small
    (oedema,) = doubts_about(bare(gain), ball(15.0), (15, 32, 44), unenhanced=True)
    assert "gains contrast (2.1 of the 14.3 mL outlined)" in oedema
    assert oedema.endswith("give 32.0,32.0,30.0 instead.")
    assert doubts_about(bare(), ball(15.0), (15, 32, 44), unenhanced=True) == ()


def test_distance_from_an_outline() -> None:
    assert distance_mm(ball(8.0), (15, 32, 32), bare()) == 0.0
    assert distance_mm(ball(8.0), (15, 32, 50), bare()) == pytest.approx(10.0)
    assert distance_mm(np.zeros(GRID.shape, dtype=bool), (1, 1, 1), bare()) == float("inf")


@pytest.mark.parametrize(
    ("roles", "filling", "spacing", "outline", "core"),
    [
        (MR_ROLES, Tissue.NECROTIC, (2.5, 2.0, 2.0), 14.0, 10.0),
        (MR_ROLES, Tissue.HAEMORRHAGE, (5.0, 2.0, 2.0), 12.0, 7.0),
        (CT_ROLES, Tissue.NECROTIC, (5.0, 2.0, 2.0), 12.0, 7.0),
        (CT_ROLES, Tissue.HAEMORRHAGE, (2.5, 2.0, 2.0), 14.0, 9.0),
    ],
)
def test_a_seed_in_the_core_finds_the_lesion_around_it(
    roles, filling: Tissue, spacing, outline: float, core: float
) -> None:
    drawn = draw(Plan(spacing=spacing, outline=outline, core=core, filling=filling), roles)
    prepared, grid = prepare(drawn.aligned), drawn.aligned.geometry
    true = drawn.whole >= 0.5
    places = np.argwhere(drawn.fractions[filling] > 0.95)
    a, b, c = (int(i) for i in places[np.random.default_rng(1).integers(len(places))])
    found = outline_seed(prepared, grid.index_to_world((a, b, c)))
    assert overlap(np.asarray(found.region.array, dtype=bool), true) > 0.82
    assert found.doubts == ()
    around = lesion_around(prepared, (a, b, c))
    assert around is not None
    assert overlap(around, true) > 0.82


def test_a_seed_in_the_brain_s_surface_is_not_taken_silently() -> None:
    drawn = draw(Plan(spacing=(2.5, 2.0, 2.0)))
    prepared, grid = prepare(drawn.aligned), drawn.aligned.geometry
    random = np.random.default_rng(3)
    assert prepared.brain is not None
    outside = np.argwhere(prepared.brain & (drawn.whole < 0.01))
    for n in random.permutation(len(outside))[:4]:
        try:
            found = outline_seed(prepared, grid.index_to_world(outside[n]))
        except SegmentationError:
            continue
        own = overlap(np.asarray(found.region.array, dtype=bool), drawn.whole >= 0.5)
        assert found.doubts or found.basis is not None or own > 0.85
