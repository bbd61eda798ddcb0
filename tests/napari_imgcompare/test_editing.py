"""Labels of any layer find their way to the native voxels of a visit, however it was scanned."""

from typing import Any

import numpy as np
import pytest
from napari_imgcompare import layers
from napari_imgcompare.editing import labels_of
from napari_imgcompare.spaces import to_world

from imgcompare.geometry import Geometry
from imgcompare.model import (
    AlignedTimepoint,
    LabelMap,
    Quantity,
    Role,
    Timepoint,
    Transform,
    Volume,
)

SAGITTAL = np.array([[2.0, 0, 0, -40], [0, 0, 1.5, -50], [0, -1.2, 0, 60], [0, 0, 0, 1]])


@pytest.fixture
def visit() -> AlignedTimepoint:
    """A sagittal series, moved by the registration."""
    grid = Geometry((20, 34, 28), SAGITTAL, "1.2.3")
    volume = Volume(np.zeros(grid.shape), grid, Quantity.MR_SIGNAL)
    moved = np.eye(4)
    moved[:3, 3] = (4.0, -3.0, 6.0)
    timepoint = Timepoint(1, None, (), {})
    still = {Role.T1C: Transform.identity("1.2.3")}
    return AlignedTimepoint(timepoint, Role.T1C, {Role.T1C: volume}, still, Transform(moved))


@pytest.fixture
def drawn(visit: AlignedTimepoint) -> LabelMap:
    array = np.zeros(visit.geometry.shape, dtype=np.uint8)
    array[4:9, 10:20, 3:12] = 2
    return LabelMap(array, visit.geometry)


def layer_of(data: layers.LayerData) -> Any:
    from napari.layers import Layer

    return Layer.create(*data)


def test_a_layer_opened_in_its_own_space(visit: AlignedTimepoint, drawn: LabelMap) -> None:
    layer = layer_of(layers.labels_layer(drawn, "mask"))
    assert layer.data.shape != drawn.array.shape  # axes are S, P, L
    np.testing.assert_array_equal(labels_of(layer, visit).array, drawn.array)


def test_a_layer_of_others_lies_on_the_scene(visit: AlignedTimepoint, drawn: LabelMap) -> None:
    from napari.layers import Labels

    shown = layers.labels_layer(drawn, "mask")
    shift = to_world(visit.to_baseline.matrix[:3, 3])
    place = np.asarray(shown[1]["translate"]) + shift
    layer = Labels(shown[0], scale=shown[1]["scale"], translate=place)
    np.testing.assert_array_equal(labels_of(layer, visit).array, drawn.array)


@pytest.mark.filterwarnings("ignore:Non-orthogonal slicing")
def test_a_layer_turned_by_its_affine(visit: AlignedTimepoint, drawn: LabelMap) -> None:
    from napari.layers import Labels

    world = np.eye(4)
    world[:3, :3] = visit.geometry.affine[:3, :3][::-1]
    world[:3, 3] = to_world(visit.to_baseline.apply(visit.geometry.origin_mm))
    layer = Labels(np.array(drawn.array), affine=world)
    np.testing.assert_array_equal(labels_of(layer, visit).array, drawn.array)
