"""The same lesion at a follow-up: grown, shrunk, shifted, or gone."""

from functools import lru_cache

import numpy as np
import pytest

from imgcompare.model import AlignedTimepoint
from imgcompare.segmentation import following
from imgcompare.segmentation.following import follow_lesion
from imgcompare.segmentation.preparation import prepare
from tests.builders import ellipsoid
from tests.segmentation.analytic import Drawn, Plan, draw, overlap

CENTRE = np.array((24.0, -8.0, 10.0))
"""LPS mm; the builder's lesion, 17 mm in radius."""


@lru_cache(maxsize=2)
def prepared_once(aligned: AlignedTimepoint):  # type: ignore[no-untyped-def]
    return prepare(aligned)


def expected(drawn: Drawn, radius: float, shift: tuple[float, float, float] = (0, 0, 0)):  # type: ignore[no-untyped-def]
    return ellipsoid(drawn.aligned.geometry, CENTRE + shift, (radius,) * 3)


@pytest.mark.parametrize(
    ("radius", "shift"),
    [(17.0, (0, 0, 0)), (11.0, (0, 0, 0)), (22.0, (0, 0, 0)), (17.0, (2.5, -2.0, 1.5))],
)
def test_a_lesion_is_found_again_though_it_changed_or_lies_a_little_off(radius, shift):
    drawn = draw(Plan())
    region = follow_lesion(prepared_once(drawn.aligned), expected(drawn, radius, shift))
    assert overlap(region.array > 0, drawn.region.array > 0) > 0.93


def test_a_vanished_lesion_is_not_replaced_by_normal_tissue():
    drawn = draw(Plan())
    elsewhere = expected(drawn, 9.0, (-50.0, 8.0, 0.0))
    region = follow_lesion(prepared_once(drawn.aligned), elsewhere)
    assert not region.array.any()


def test_a_lesion_outside_the_image_is_not_found():
    drawn = draw(Plan())
    nothing = np.zeros(drawn.aligned.geometry.shape, dtype=bool)
    assert not follow_lesion(prepared_once(drawn.aligned), nothing).array.any()


def test_one_find_that_leaks_into_a_neighbour_is_outvoted(monkeypatch):
    drawn = draw(Plan())
    before, shrunk = expected(drawn, 17.0), expected(drawn, 12.0)
    finds = iter([shrunk, expected(drawn, 20.0), shrunk])
    monkeypatch.setattr(following, "segment_at", lambda *_, **__: next(finds))
    monkeypatch.setattr(following, "_stands_out", lambda *_: True)
    region = follow_lesion(prepared_once(drawn.aligned), before)
    assert overlap(region.array > 0, shrunk) == 1.0


def test_a_given_point_is_used_instead():
    drawn = draw(Plan())
    elsewhere = expected(drawn, 9.0, (-50.0, 8.0, 0.0))
    region = follow_lesion(prepared_once(drawn.aligned), elsewhere, seed_mm=CENTRE.tolist())
    assert overlap(region.array > 0, drawn.region.array > 0) > 0.93
