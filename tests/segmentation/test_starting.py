"""The bright part around a seed: rings of uneven thickness, with and without subtraction."""

import numpy as np

from imgcompare.segmentation.evidence import Evidence
from imgcompare.segmentation.starting import look_around

SPACING = (1.2, 1.2, 1.2)
SIDE = 48
KEPT = 0.9
"""Part of the thin side that noise leaves."""

MIDDLE = (SIDE // 2,) * 3


def ring(thin_mm: float, thick_mm: float, *, subtracted: bool = True) -> Evidence:
    """A ball of 15 mm radius whose rim is thin, and full of holes, but for one side."""
    z, y, x = np.meshgrid(*[(np.arange(SIDE) - SIDE // 2) * s for s in SPACING], indexing="ij")
    radius = np.sqrt(x**2 + y**2 + z**2)
    rim = np.where(x > 9.0, thick_mm, thin_mm)
    rise = ((radius < 15.0) & (radius > 15.0 - rim)).astype(np.float32)
    rise *= (x > 9.0) | (np.random.default_rng(3).random(rise.shape) < KEPT)
    everywhere = np.ones(rise.shape, dtype=bool)
    box = (slice(0, SIDE),) * 3
    cap = 1.0 if subtracted else 0.6
    return Evidence(box, SPACING, everywhere, rise, 0.2, ~everywhere, False, cap)


def test_the_thin_side_of_a_rim_belongs_to_the_ring():
    evidence = ring(1.4, 5.0)
    start = look_around(evidence, MIDDLE)
    assert start.enclosed > 0.9
    assert start.shell.sum() > 0.95 * (evidence.rise > 0).sum()


def test_without_subtraction_a_thin_line_may_be_a_vessel():
    evidence = ring(1.4, 5.0, subtracted=False)
    assert look_around(evidence, MIDDLE).shell.sum() < 0.75 * (evidence.rise > 0).sum()


def test_nothing_bright_gives_no_start():
    evidence = ring(0.0, 0.0)
    assert not look_around(evidence, MIDDLE).shell.any()
