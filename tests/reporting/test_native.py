import dataclasses
import re

import numpy as np
import pytest

from imgcompare.geometry import Geometry
from imgcompare.model import Comparison
from imgcompare.reporting.intensity import grey_scale
from imgcompare.reporting.native import diameter_pictures, screen_of
from tests.builders import make_geometry


def oriented(slices: tuple, rows: tuple, columns: tuple) -> Geometry:
    """A grid of 5 x 6 x 8 voxels whose axes grow along these LPS directions."""
    affine = np.eye(4)
    affine[:3, :3] = np.array([slices, rows, columns], float).T * [4.0, 1.0, 2.0]
    return Geometry((5, 6, 8), affine)


@pytest.mark.parametrize(
    "grid",
    [
        oriented((0, 0, 1), (0, 1, 0), (1, 0, 0)),  # the usual axial
        oriented((0, 0, -1), (0, -1, 0), (-1, 0, 0)),  # all flipped
        oriented((0, 0, 1), (1, 0, 0), (0, 1, 0)),  # transposed
        oriented((1, 0, 0), (0, 0, -1), (0, 1, 0)),  # the usual sagittal
        oriented((-1, 0, 0), (0, 1, 0), (0, 0, 1)),  # sagittal, transposed and flipped
        oriented((0, 1, 0), (0, 0, -1), (1, 0, 0)),  # the usual coronal
        oriented((0, -1, 0), (0, 0, 1), (-1, 0, 0)),
        make_geometry((5, 6, 8), oblique_deg=(20, 10, -15)),
    ],
)
def test_slices_are_turned_as_on_a_radiology_station(grid: Geometry) -> None:
    """A pixel's place on screen must follow its place in the patient."""
    screen = screen_of(grid)
    k = 2
    index = np.stack(np.indices(grid.shape[1:]), axis=-1).reshape(-1, 2)
    world = grid.index_to_world(np.column_stack([np.full(len(index), k), index]))
    place = screen.position(index.astype(float))
    right, down = {
        "axial": (world[:, 0], world[:, 1]),
        "coronal": (world[:, 0], -world[:, 2]),
        "sagittal": (world[:, 1], -world[:, 2]),
    }[grid.plane]
    assert np.corrcoef(place[:, 0], down)[0, 1] > 0.85
    assert np.corrcoef(place[:, 1], right)[0, 1] > 0.85
    picture = np.arange(48, dtype=np.float32).reshape(6, 8)
    turned = screen.image(picture)
    assert turned.shape == screen.shape
    for at, to in zip(index, place.astype(int), strict=True):
        assert turned[tuple(to)] == picture[tuple(at)]


def test_spacing_follows_the_turn() -> None:
    assert screen_of(oriented((0, 0, 1), (0, 1, 0), (1, 0, 0))).spacing_mm == (1.0, 2.0)
    assert screen_of(oriented((0, 0, 1), (1, 0, 0), (0, 1, 0))).spacing_mm == (2.0, 1.0)


def line_ends(svg: str) -> np.ndarray:
    """Ends of the first calliper drawn in a picture."""
    numbers = re.search(r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', svg)
    assert numbers is not None
    return np.array(numbers.groups(), float).reshape(2, 2)


def test_callipers_have_the_length_and_place_of_the_measurement(comparison: Comparison) -> None:
    pictures = diameter_pictures(comparison, comparison.lesions[0], grey_scale(comparison))
    assert pictures[0].index == 0
    assert pictures[-1].index == 1
    first = pictures[0]
    m = next(
        m
        for m in comparison.measurements
        if m.quantity == "longest_diameter" and m.timepoint_index == 0
    )
    assert first.lines[0][1:] == ("longest", f"{m.value:.1f} mm")
    bar = re.search(r"M10 290h([\d.]+)", first.svg)
    assert bar is not None
    per_mm = float(bar.group(1)) / 10.0
    ends = line_ends(first.svg)
    assert np.linalg.norm(ends[1] - ends[0]) / per_mm == pytest.approx(m.value, rel=0.01)
    a, b = (np.array(p) for p in m.endpoints_lps_mm)
    assert np.allclose((ends[1] - ends[0]) / per_mm, (b - a)[:2], atol=0.3)


def test_callipers_sit_on_the_rim(comparison: Comparison) -> None:
    """The end points of the longest diameter lie where the lesion is brighter than around."""
    import base64

    from imagecodecs import png_decode

    picture = diameter_pictures(comparison, comparison.lesions[0], grey_scale(comparison))[0]
    data = re.search(r"base64,([^\"]+)\" x=\"([\d.-]+)\" y=\"([\d.-]+)\" width=\"([\d.]+)\" "
                     r"height=\"([\d.]+)\"", picture.svg)  # fmt: skip
    assert data is not None
    image = np.asarray(png_decode(base64.b64decode(data.group(1))))
    x0, y0, width, height = (float(v) for v in data.groups()[1:])
    ends = line_ends(picture.svg)
    middle = ends.mean(axis=0)
    pull = (middle - ends) / np.linalg.norm(middle - ends, axis=1, keepdims=True)

    def grey(at: np.ndarray) -> float:
        column = int((at[0] - x0) / width * image.shape[1])
        row = int((at[1] - y0) / height * image.shape[0])
        return float(image[row, column])

    for end, inward in zip(ends, pull, strict=True):
        assert grey(end + 18 * inward) > 1.6 * grey(end - 18 * inward)


def test_nodes_show_their_short_axis(comparison: Comparison) -> None:
    node = dataclasses.replace(comparison.lesions[0], nodal=True)
    figures = tuple(
        dataclasses.replace(m, quantity="short_axis")
        if m.quantity == "perpendicular_diameter"
        else m
        for m in comparison.measurements
    )
    case = dataclasses.replace(comparison, measurements=figures, lesions=(node,))
    picture = diameter_pictures(case, node, grey_scale(case))[0]
    assert [name for _, name, _ in picture.lines][:2] == ["longest", "short axis"]


def test_without_end_points_there_is_no_picture(comparison: Comparison) -> None:
    bare = tuple(dataclasses.replace(m, endpoints_lps_mm=()) for m in comparison.measurements)
    case = dataclasses.replace(comparison, measurements=bare)
    assert diameter_pictures(case, case.lesions[0], grey_scale(case)) == []
