"""Evidence of lost slices that positions alone cannot give is said with its numbers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from imgcompare.loading.completeness import doubts, missing_parts
from imgcompare.loading.instances import Concatenation, Instance
from tests.builders import make_geometry
from tests.loading.dicom_builder import SeriesSpec, write_series
from tests.loading.instances import FACTS, PIXELS, plane
from tests.loading.scanned import only_series


def numbered(*numbers: int | None, **facts: Any) -> list[Instance]:
    made = replace(FACTS, **facts)
    return [plane(3.0 * n, facts=made, number=k) for n, k in enumerate(numbers)]


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ((1, 3, 5, 7, 9), "its images are numbered 1, 3, 5, … 9: only one of 2 may be here"),
        ((2, 4, 6, 8), "only one of 2 may be here"),
        ((4, 5, 6, 7, 8), "its 5 images are numbered up to 8 without 1, 2, 3;"),
        ((1, 2, 4, 5), "its 4 images are numbered up to 5 without 3;"),
        ((1, 2, 3, 4), ""),
        ((0, 1, 2, 3), ""),
        ((61, 62, 63, 64), ""),  # goes on from another series
        ((1001, 2001, 3001), ""),  # another kind of numbering
        ((1, 1, 1, 1), ""),
        ((None, None, None), ""),
        ((1, 2, 900), ""),
        ((1, 2, 2**52), ""),
        ((7,), ""),
    ],
)
def test_holes_in_the_numbers(numbers: tuple[int | None, ...], said: str) -> None:
    found = doubts(numbered(*numbers))
    assert len(found) == bool(said)
    assert said in "".join(found)


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"images_in_acquisition": 6}, "its header says 6 images in the acquisition, 4 are here;"),
        ({"images_in_acquisition": 4}, ""),
        ({"images_in_acquisition": 2}, ""),
        ({"slice_count": 5}, "its header says 5 slices, 4 are here;"),
        ({"slice_count": 4}, ""),
        ({"temporal_positions": 3}, ""),  # a series of each position states all
    ],
)
def test_counts_that_the_header_states(facts: dict[str, int], said: str) -> None:
    found = doubts(numbered(1, 2, 3, 4, **facts))
    assert len(found) == bool(said)
    assert said in "".join(found)


def test_lost_temporal_positions() -> None:
    facts = replace(FACTS, temporal_positions=3)
    planes = [
        plane(3.0 * n, facts=facts, number=1 + n + 4 * t, temporal_position=t + 1)
        for t in range(2)
        for n in range(4)
    ]
    assert doubts(planes) == (
        "its header says 3 temporal positions, 2 are here; images may be missing",
    )


def test_files_of_many_frames_have_no_holes() -> None:
    facts = replace(FACTS, pixels=replace(PIXELS, frames=9), images_in_acquisition=9)
    assert doubts([plane(3.0 * n, facts=facts, number=n + 2) for n in range(3)]) == ()


def test_parts_of_a_concatenation() -> None:
    def parts(*numbers: int, total: int | None) -> str:
        return missing_parts(
            [replace(plane(n), concatenation=Concatenation("1.2", n, total, 0, 1)) for n in numbers]
        )

    assert parts(1, 2, 3, total=3) == ""
    assert "part 3 of 3 of its concatenation is missing" in parts(1, 2, total=3)
    assert "part 1, 3 of 4" in parts(2, 4, total=None)
    assert missing_parts([plane(1.0)]) == ""


def test_slices_lost_at_an_end_or_between_are_said_when_loading(tmp_path: Path) -> None:
    grid = make_geometry((10, 12, 9))
    tags = {"ImagesInAcquisition": 10, "SpacingBetweenSlices": 3.0}
    paths = write_series(tmp_path, SeriesSpec(geometry=grid, tags=tags))
    for path in paths[1::2]:
        path.unlink()
    series = only_series(tmp_path)
    assert series.load().array.shape == (5, 12, 9)
    for said in (
        "10 images in the acquisition, 5 are here",
        "only one of 2 may be here",
        "slices of 3 mm lie 6 mm apart",
        "their positions 6 mm; the positions are used (only one of 2 slices may be here)",
    ):
        assert any(said in p for p in series.problems), said
