"""Oedema that two lesions claim is counted once."""

import numpy as np
import pytest

from imgcompare.geometry import Geometry
from imgcompare.model import TISSUE_CODES, LabelMap, LesionSegmentation, Tissue
from imgcompare.segmentation.sharing import share_oedema
from tests.builders import ellipsoid, make_geometry

GRID = make_geometry((24, 30, 60), spacing_mm=(2.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0))
RIM, OEDEMA = Tissue.ENHANCING, Tissue.OEDEMA


def ball(x: float, radius: float) -> np.ndarray:
    return ellipsoid(GRID, (x, 14.0, 22.0), (radius, radius, radius))


def lesion(x: float, *, around: np.ndarray, crop: tuple[int, int]) -> LesionSegmentation:
    """A ball with all oedema that is ``around`` it, on columns ``crop`` of the grid."""
    core, columns = ball(x, 5.0), slice(*crop)
    grid: Geometry = GRID.crop((0, 0, crop[0]), (24, 30, crop[1]))
    wet = around & ~core
    labels = np.where(core, TISSUE_CODES[RIM], np.where(wet, TISSUE_CODES[OEDEMA], 0))
    parts = {t: m[:, :, columns].astype(np.float32) for t, m in ((RIM, core), (OEDEMA, wet))}
    return LesionSegmentation(LabelMap(labels[:, :, columns].astype(np.uint8), grid), parts)


def oedema_of(found: LesionSegmentation) -> np.ndarray:
    out = np.zeros(GRID.shape, dtype=np.float32)
    out[found.geometry.place_in(GRID)] = found.fractions[OEDEMA]
    return out


@pytest.mark.parametrize("swapped", [False, True])
def test_common_oedema_goes_to_the_nearer_lesion(swapped: bool) -> None:
    wet = ball(22, 12.0) | ball(38, 12.0)
    pair = [lesion(22, around=wet, crop=(2, 56)), lesion(38, around=wet, crop=(5, 60))]
    shared = share_oedema(pair[::-1] if swapped else pair)
    left, right = shared[::-1] if swapped else shared
    both = oedema_of(left) + oedema_of(right)
    assert both.max() == 1.0
    assert both.sum() == (wet & ~ball(22, 5.0) & ~ball(38, 5.0)).sum(), "none is lost"
    assert oedema_of(left)[:, :, 31:].sum() == 0
    assert oedema_of(right)[:, :, :30].sum() == 0
    for found in (left, right):
        is_wet = found.labels.array == TISSUE_CODES[OEDEMA]
        assert (is_wet == (found.fractions[OEDEMA] > 0)).all()


def test_lesions_far_apart_keep_theirs() -> None:
    pair = [lesion(12, around=ball(12, 8.0), crop=(0, 24)),
            lesion(48, around=ball(48, 8.0), crop=(36, 60))]  # fmt: skip
    assert all(a is b for a, b in zip(share_oedema(pair), pair, strict=True))
    assert share_oedema([]) == ()


def test_what_only_one_lesion_claims_stays_its_own() -> None:
    wet = ball(22, 12.0)
    pair = [lesion(22, around=wet, crop=(2, 56)), lesion(34, around=ball(34, 1.0), crop=(20, 60))]
    left, _ = share_oedema(pair)
    assert oedema_of(left).sum() == (wet & ~ball(22, 5.0) & ~ball(34, 5.0)).sum()
