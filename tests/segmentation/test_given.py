"""Outlines drawn elsewhere: tissues as drawn."""

import numpy as np
import pytest

from imgcompare.model import TISSUE_CODES, LabelMap, Tissue
from imgcompare.segmentation.given import compartments_as_drawn
from tests.builders import ellipsoid, make_geometry

GRID = make_geometry((14, 40, 50), spacing_mm=(3.0, 1.0, 1.0), origin_mm=(0, 0, 0))


def ball(x: float, y: float, z: float, radius: float) -> np.ndarray:
    return ellipsoid(GRID, (x, y, z), (radius, radius, radius))


def test_tissues_are_taken_as_drawn() -> None:
    core, rim, swelling = ball(25, 20, 20, 6), ball(25, 20, 20, 9), ball(25, 20, 20, 13)
    labels = np.where(core, 1, np.where(rim, 3, np.where(swelling, 2, 0))).astype(np.uint8)
    labels[0, 0, 0] = 2  # oedema elsewhere is not this lesion's
    labels[13, 39, 49] = 4  # a cavity is nobody's
    meaning = {1: Tissue.NECROTIC, 2: Tissue.OEDEMA, 3: Tissue.ENHANCING, 4: None}
    given = compartments_as_drawn(LabelMap(labels, GRID), LabelMap(rim, GRID), meaning=meaning)
    assert given.mask("enhancing").sum() == (rim & ~core).sum()
    assert given.mask("necrotic").sum() == core.sum()
    assert given.mask("oedema").sum() == (swelling & ~rim).sum()
    assert given.mask().sum() == rim.sum()
    assert given.fraction("enhancing").sum() == pytest.approx((rim & ~core).sum())
    assert set(np.unique(given.labels.array)) <= {0, *TISSUE_CODES.values()}
    assert given.geometry.offset_in(GRID)[0] >= 0


def test_a_scheme_without_a_tissue_makes_no_claim_about_it() -> None:
    rim = ball(25, 20, 20, 9)
    given = compartments_as_drawn(
        LabelMap(rim.astype(np.uint8), GRID), LabelMap(rim, GRID), meaning={1: Tissue.ENHANCING}
    )
    assert Tissue.NECROTIC not in given.fractions
