import base64
import dataclasses
import re

import numpy as np
from imagecodecs import png_decode

from imgcompare.model import Comparison, Transform
from imgcompare.reporting.alignment import checkerboards, transform_rows
from imgcompare.reporting.intensity import grey_scale


def test_every_transform_is_rated(comparison: Comparison) -> None:
    rows = transform_rows(comparison)
    assert [r.what for r in rows] == [
        "2024-01-10: T1 onto T1 + contrast",
        "2024-01-10: FLAIR onto T1 + contrast",
        "2024-03-06: T1 onto T1 + contrast",
        "2024-03-06: FLAIR onto T1 + contrast",
        "2024-03-06 onto baseline 2024-01-10",
    ]
    assert rows[-1].similarity == "1.061 → 1.204"
    assert rows[-1].inverse_consistency == "0.12 mm"
    assert rows[-1].verdict == "aligned"
    assert rows[-1].movement.endswith("°")
    assert rows[0].movement == "0.0 mm, 0.0°"


def test_failures_are_called_failures(comparison: Comparison) -> None:
    first, last = comparison.results
    quality = last.aligned.to_baseline.quality
    assert quality is not None
    failed = dataclasses.replace(quality, succeeded=False, inverse_consistency_mm=None)
    cases = (
        (dataclasses.replace(last.aligned.to_baseline, quality=failed), "failed", False),
        (Transform(last.aligned.to_baseline.matrix), "not rated", True),
    )
    for transform, verdict, good in cases:
        aligned = dataclasses.replace(last.aligned, to_baseline=transform)
        results = (first, dataclasses.replace(last, aligned=aligned))
        row = transform_rows(dataclasses.replace(comparison, results=results))[-1]
        assert (row.verdict, row.succeeded) == (verdict, good)
        assert row.inverse_consistency == "–"


def test_checkerboard_is_smooth_only_when_aligned(comparison: Comparison) -> None:
    def roughness(case: Comparison) -> float:
        (board,) = checkerboards(case, 5.0, grey_scale(comparison))
        data = re.search(r"base64,([^\"]+)\"", board.svg)
        assert data is not None
        assert board.caption == "2024-01-10 and 2024-03-06"
        image = np.asarray(png_decode(base64.b64decode(data.group(1)))).astype(float)
        tile = image.shape[0] // 8
        seams = range(tile, image.shape[0] - tile, tile)
        return float(np.mean([np.abs(image[s] - image[s - 1]).mean() for s in seams]))

    first, last = comparison.results
    moved = dataclasses.replace(
        last, aligned=dataclasses.replace(last.aligned, to_baseline=Transform(np.eye(4)))
    )
    wrong = dataclasses.replace(comparison, results=(first, moved))
    assert roughness(comparison) < 0.7 * roughness(wrong)


def test_one_timepoint_has_no_checkerboard(comparison: Comparison) -> None:
    alone = dataclasses.replace(comparison, results=comparison.results[:1])
    assert checkerboards(alone, 0.0, grey_scale(alone)) == []
