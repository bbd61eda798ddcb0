"""What a dropped scan looks like in a window without the workbench: read off the pixels."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari_imgcompare.orientation import Edges, look_from_front
from napari_imgcompare.viewers import look_to, scale_bar_of

from imgcompare.geometry import Geometry
from imgcompare.reporting.nifti import nifti_bytes

LEFT, BACK, TOP = 25.0, 30.0, 35.0
"""Where the one bright spot is, LPS mm."""


@pytest.fixture
def sagittal(tmp_path: Path) -> Path:
    """A sagittal series whose bright spot lies left, back and top."""
    affine = np.array([[2.0, 0, 0, -40], [0, 0, 2, -50], [0, -2, 0, 60], [0, 0, 0, 1]])
    grid = Geometry((40, 60, 50), affine)
    array = np.full(grid.shape, 50, dtype=np.float32)
    middle = np.rint(grid.world_to_index((LEFT, BACK, TOP))).astype(int)
    array[tuple(slice(m - 4, m + 5) for m in middle)] = 1000
    file = tmp_path / "t1.nii.gz"
    file.write_bytes(nifti_bytes(array, grid))
    return file


@pytest.fixture
def dropped(window_viewer: Any, sagittal: Path) -> Any:
    """A window on which it was dropped."""
    from napari_imgcompare import reader
    from napari_imgcompare.widgets.markers import markers_on

    scale_bar_of(window_viewer).visible = False
    for data in reader.read(str(sagittal)):
        window_viewer.add_layer(layer_of(data))
    window_viewer.layers[0].interpolation2d = "nearest"
    return window_viewer, markers_on(window_viewer)


def layer_of(data: Any) -> Any:
    from napari.layers import Layer

    return Layer.create(*data)


def side_of_the_spot(viewer: Any) -> tuple[str, str]:
    """Where on the screen the brightest pixels are."""
    scale_bar_of(viewer).visible = False
    picture = viewer.screenshot(flash=False)[..., 0].astype(int)
    rows, columns = np.nonzero(picture > 230)
    assert len(rows) > 50
    high, wide = picture.shape
    vertical = "bottom" if rows.mean() > high / 2 else "top"
    return vertical, "right" if columns.mean() > wide / 2 else "left"


@pytest.mark.parametrize(
    ("order", "place", "side", "edges"),
    [
        ((0, 1, 2), TOP, ("bottom", "right"), Edges("R", "L", "A", "P")),
        ((1, 0, 2), BACK, ("top", "right"), Edges("R", "L", "S", "I")),
        ((2, 0, 1), LEFT, ("top", "right"), Edges("A", "P", "S", "I")),
    ],
)
def test_each_plane_is_shown_as_radiologists_do(
    dropped: Any, order: tuple[int, ...], place: float, side: tuple[str, str], edges: Edges
) -> None:
    viewer, markers = dropped
    assert scale_bar_of(viewer).visible
    viewer.dims.order = order
    viewer.dims.set_point(order[0], place)
    assert markers.edges == edges
    assert side_of_the_spot(viewer) == side


def test_the_3d_view_is_no_mirror_image(dropped: Any) -> None:
    viewer, markers = dropped
    viewer.dims.ndisplay = 3
    assert side_of_the_spot(viewer) == ("bottom", "right")  # from the feet: left is right
    assert markers.edges == Edges("R", "L", "A", "P")
    look_from_front(viewer)
    assert side_of_the_spot(viewer) == ("top", "right")
    assert markers.edges == Edges("R", "L", "S", "I")
    look_to(viewer, (0, -1, 0), (1, 0, 0))  # from behind
    assert side_of_the_spot(viewer) == ("top", "left")
    assert markers.edges == Edges("L", "R", "S", "I")


def test_a_layer_of_others_takes_no_letters_away(dropped: Any) -> None:
    viewer, markers = dropped
    viewer.add_points(np.zeros((1, 3)), axis_labels=("S", "P", "L"), units=("mm",) * 3)
    assert markers.edges.left == "R"
    viewer.layers.clear()
    assert markers.edges == Edges()


def test_a_window_is_framed_once(dropped: Any, sagittal: Path) -> None:
    from napari_imgcompare import reader
    from napari_imgcompare.widgets.markers import markers_on

    viewer, markers = dropped
    reader.read(str(sagittal))
    assert markers_on(viewer) is markers


def test_without_a_window_nothing_is_framed(viewer_model: Any) -> None:
    from napari_imgcompare.widgets.markers import markers_on

    assert markers_on(viewer_model) is None
