import numpy as np
import pytest
from napari_imgcompare.layers import image_layer
from napari_imgcompare.orientation import (
    Edges,
    edge_letters,
    look_from_front,
    orient,
    solid_letters,
)
from napari_imgcompare.viewers import looking

from tests.builders import make_volume


@pytest.mark.parametrize(
    ("vertical", "horizontal", "orientation", "edges"),
    [
        ("P", "L", ("down", "right"), Edges("R", "L", "A", "P")),
        ("S", "L", ("up", "right"), Edges("R", "L", "S", "I")),
        ("S", "P", ("up", "right"), Edges("A", "P", "S", "I")),
        ("P", "L", ("up", "left"), Edges("L", "R", "P", "A")),
        ("y", "x", ("down", "right"), Edges()),
    ],
)
def test_letters_at_the_edges(vertical, horizontal, orientation, edges):
    assert edge_letters(vertical, horizontal, orientation) == edges


@pytest.mark.parametrize(
    ("order", "edges"),
    [
        ((0, 1, 2), Edges("R", "L", "A", "P")),
        ((1, 0, 2), Edges("R", "L", "S", "I")),
        ((2, 0, 1), Edges("A", "P", "S", "I")),
    ],
)
def test_the_camera_shows_every_plane_as_radiologists_do(viewer_model, order, edges):
    from napari.layers import Layer

    viewer_model.add_layer(Layer.create(*image_layer(make_volume(), "T1C")))
    viewer_model.dims.order = order
    assert orient(viewer_model) == edges


def test_the_3d_view_is_no_mirror_image(viewer_model):
    from napari.layers import Layer

    viewer_model.add_layer(Layer.create(*image_layer(make_volume(), "T1C")))
    viewer_model.dims.ndisplay = 3
    orient(viewer_model)
    look_from_front(viewer_model)
    view, up = looking(viewer_model)
    right = np.cross(view[::-1], up[::-1])  # in the patient, L P S
    np.testing.assert_allclose(view, (0, 1, 0), atol=1e-6)  # from the front to the back
    np.testing.assert_allclose(up, (1, 0, 0), atol=1e-6)  # head up
    np.testing.assert_allclose(right, (1, 0, 0), atol=1e-6)  # facing us, the left is to our right


@pytest.mark.parametrize(
    ("view", "up", "edges"),
    [
        ((0, 1, 0), (1, 0, 0), Edges("R", "L", "S", "I")),
        ((1, 0, 0), (0, -1, 0), Edges("R", "L", "A", "P")),  # from the feet
        ((-1, 0, 0), (0, -1, 0), Edges("L", "R", "A", "P")),  # from the head
        ((0, 0, -1), (1, 0, 0), Edges("A", "P", "S", "I")),  # from the left
        ((0, 0.8, 0.6), (1, 0, 0), Edges("RP", "LA", "S", "I")),  # a quarter to the left
        ((0.2, 0.9798, 0), (0.9798, -0.2, 0), Edges("R", "L", "S", "I")),  # hardly turned
    ],
)
def test_letters_follow_a_turned_3d_view(view, up, edges):
    assert solid_letters(view, up) == edges
