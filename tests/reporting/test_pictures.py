import base64
import dataclasses
import re

import numpy as np
import pytest
from imagecodecs import png_decode

from imgcompare.model import Comparison, LesionSegmentation, Role, TimepointResult
from imgcompare.reporting.intensity import grey_scale
from imgcompare.reporting.pictures import LesionPictures, lesion_pictures


@pytest.fixture(scope="module")
def pictures(comparison: Comparison) -> LesionPictures:
    found = lesion_pictures(comparison, comparison.lesions[0], grey_scale(comparison))
    assert found is not None
    return found


def pixels(svg: str) -> np.ndarray:
    data = re.search(r"base64,([^\"]+)\"", svg)
    assert data is not None
    return np.asarray(png_decode(base64.b64decode(data.group(1))))


def test_every_timepoint_has_pictures_with_and_without_outlines(pictures: LesionPictures) -> None:
    assert [r.index for r in pictures.rows] == [0, 1]
    for row in pictures.rows:
        bare, drawn = row.large
        assert "#E69F00" not in bare
        assert "#E69F00" in drawn
        assert len(row.small) == 4
        for mark in (">R<", ">L<", ">A<", ">P<", "10 mm", pictures.level, "T1 + contrast"):
            assert mark in bare
            assert mark in drawn
        assert all("aria-label=" in s for s in (*row.large, *row.small))


def test_the_scale_bar_is_ten_millimetres(comparison: Comparison, pictures: LesionPictures) -> None:
    from imgcompare.reporting.views import lesion_plane

    plane = lesion_plane(comparison, 1)
    assert plane is not None
    bar = re.search(r"M10 290h([\d.]+)", pictures.rows[0].large[0])
    assert bar is not None
    assert float(bar.group(1)) / 300.0 * plane.side_mm == pytest.approx(10.0, abs=0.05)


def test_laterality_of_the_whole_slice(pictures: LesionPictures) -> None:
    """The lesion lies on the patient's left in front: right and upper half of the picture."""
    subtraction_free = pixels(pictures.rows[0].small[0]).astype(float)
    half = subtraction_free.shape[1] // 2
    inner = subtraction_free[60:-60, 60:-60]
    bright = np.argwhere(inner > 0.85 * inner.max()).mean(axis=0) + 60
    assert bright[1] > half
    assert bright[0] < half


def test_timepoints_are_windowed_alike(pictures: LesionPictures) -> None:
    """Grey far from the lesion is the same at both visits, though the gains are not."""
    first, second = (pixels(r.large[0]).astype(float) for r in pictures.rows)
    corner = (slice(-50, -10), slice(60, 120))
    assert abs(first[corner].mean() - second[corner].mean()) < 8
    assert 40 < first[corner].mean() < 200


def test_missing_series_and_lesions_are_said(comparison: Comparison) -> None:
    last = comparison.results[1]
    images = {Role.T1C: last.aligned.images[Role.T1C]}
    bare = dataclasses.replace(
        last, aligned=dataclasses.replace(last.aligned, images=images), lesions={}
    )
    case = dataclasses.replace(comparison, results=(comparison.results[0], bare))
    found = lesion_pictures(case, case.lesions[0], grey_scale(case))
    assert found is not None
    assert "not found" in found.rows[1].large[1]
    assert "not found" not in found.rows[0].large[1]
    assert sum("not available" in s for s in found.rows[1].small) == 3
    assert not any("not available" in s for s in found.rows[0].small)


def test_failed_alignment_is_written_on_the_picture(comparison: Comparison) -> None:
    last = comparison.results[1]
    quality = last.aligned.to_baseline.quality
    assert quality is not None
    transform = dataclasses.replace(
        last.aligned.to_baseline, quality=dataclasses.replace(quality, succeeded=False)
    )
    broken = dataclasses.replace(
        last, aligned=dataclasses.replace(last.aligned, to_baseline=transform)
    )
    case = dataclasses.replace(comparison, results=(comparison.results[0], broken))
    found = lesion_pictures(case, case.lesions[0], grey_scale(case))
    assert found is not None
    assert "not aligned" in found.rows[1].large[0]
    assert "not aligned" not in found.rows[0].large[0]


def test_neighbouring_lesions_are_dashed(comparison: Comparison) -> None:
    def with_neighbour(result: TimepointResult) -> TimepointResult:
        lesion: LesionSegmentation = result.lesions[1]
        return dataclasses.replace(result, lesions={1: lesion, 2: lesion})

    results = tuple(with_neighbour(r) for r in comparison.results)
    case = dataclasses.replace(comparison, results=results)
    found = lesion_pictures(case, case.lesions[0], grey_scale(case))
    assert found is not None
    assert 'stroke="#bbb"' in found.rows[0].large[1]


def test_a_lesion_nobody_outlined_has_no_pictures(comparison: Comparison) -> None:
    ghost = dataclasses.replace(comparison.lesions[0], id=7)
    assert lesion_pictures(comparison, ghost, grey_scale(comparison)) is None
