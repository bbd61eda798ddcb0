import dataclasses

import numpy as np
import pytest

from imgcompare.model import Comparison, Quantity, Role, Tissue, Volume
from imgcompare.reporting.intensity import (
    LUNG_HU,
    PARENCHYMA_HU,
    SOFT_TISSUE_HU,
    ct_window,
    grey_scale,
    lesion_window,
    mr_window,
    window_bytes,
)
from imgcompare.reporting.views import baseline_to_own, plane_around, sample


def test_scanner_gain_does_not_change_the_grey(comparison: Comparison) -> None:
    """Gains of 400 and 730 were built in; away from the lesion both visits must look alike."""
    scale = grey_scale(comparison)
    plane = plane_around((-30.0, 10.0, 20.0), 30.0, 30)
    for role in (Role.T1C, Role.FLAIR):
        first, second = (
            np.nanmedian(sample(v.array, v.geometry, plane, to_own=baseline_to_own(r)))
            * scale.gain(r, role)
            for r in comparison.results
            if (v := r.aligned.images[role])
        )
        assert second == pytest.approx(first, rel=0.03)
        assert 0.5 < first < 2.0
    raw = scale.gain(comparison.results[0], Role.T1C) / scale.gain(comparison.results[1], Role.T1C)
    assert raw == pytest.approx(730 / 400, rel=0.03)


def test_t1_is_matched_to_t1c_in_tissue_that_does_not_enhance(comparison: Comparison) -> None:
    scale = grey_scale(comparison)
    for result in comparison.results:
        gains = [scale.gain(result, role) for role in (Role.T1, Role.T1C)]
        assert gains[0] == pytest.approx(gains[1], rel=0.03)


def test_hounsfield_units_stay_as_they_are(comparison: Comparison) -> None:
    results = tuple(
        dataclasses.replace(
            r,
            aligned=dataclasses.replace(
                r.aligned,
                images={
                    k: Volume(v.array, v.geometry, Quantity.HU) for k, v in r.aligned.images.items()
                },
            ),
        )
        for r in comparison.results
    )
    assert grey_scale(dataclasses.replace(comparison, results=results)).gains == {}


def test_empty_images_have_a_gain_of_one(comparison: Comparison) -> None:
    result = comparison.results[0]
    grid = result.aligned.geometry
    empty = Volume(np.zeros(grid.shape, np.float32), grid)
    aligned = dataclasses.replace(result.aligned, images={Role.T1C: empty})
    alone = dataclasses.replace(result, aligned=aligned)
    scale = grey_scale(dataclasses.replace(comparison, results=(alone,)))
    assert scale.gain(alone, Role.T1C) == 1.0


def test_the_lesion_fills_its_window_at_all_visits(comparison: Comparison) -> None:
    """Enhancing tissue is twice as bright as white matter: bright, but not saturated."""
    scale, lesion = grey_scale(comparison), comparison.lesions[0]
    low, high = lesion_window(comparison, lesion, Role.T1C, scale)
    assert low == 0.0
    for result in comparison.results:
        rim = result.lesions[1].mask(Tissue.ENHANCING)
        start = result.lesions[1].geometry.offset_in(result.aligned.geometry)
        place = tuple(slice(s, s + n) for s, n in zip(start, rim.shape, strict=True))
        bright = np.percentile(result.aligned.images[Role.T1C].array[place][rim], 90)
        assert 0.6 < bright * scale.gain(result, Role.T1C) / high < 1.0
    absent = dataclasses.replace(lesion, id=9)
    assert lesion_window(comparison, absent, Role.T1C, scale) == (0.0, 1.6)


def test_windows() -> None:
    image = np.array([[-1.0, 0.0, 0.5, 1.0, 9.0, np.nan]], np.float32)
    assert window_bytes(image, (0.0, 1.0)).tolist() == [[0, 0, 128, 255, 255, 0]]
    low, high = mr_window([np.full((9, 9), 2.0, np.float32)])
    assert low == 0.0
    assert 2.0 < high < 2.5
    assert ct_window([np.full((9, 9), -20.0, np.float32)]) == SOFT_TISSUE_HU
    assert ct_window([np.full((9, 9), 90.0, np.float32)]) == PARENCHYMA_HU
    assert ct_window([np.full((9, 9), -850.0, np.float32)]) == LUNG_HU
    assert mr_window([np.full((9, 9), np.nan, np.float32)])[1] > 0
