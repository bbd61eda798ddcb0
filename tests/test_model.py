"""The frozen types are valid once constructed and cannot be changed afterwards."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcompare.errors import GeometryMismatchError, ImgCompareError, InputError
from imgcompare.model import (
    LESION_TISSUES,
    TISSUE_CODES,
    LabelMap,
    LesionSegmentation,
    Progress,
    Steps,
    Tissue,
    Transform,
    Volume,
    finish,
)
from tests.builders import make_geometry, make_volume, rotation


def rigid(angles: tuple[float, float, float], shift: tuple[float, float, float]) -> Transform:
    matrix = np.eye(4)
    matrix[:3, :3] = rotation(angles)
    matrix[:3, 3] = shift
    return Transform(matrix, "1.2", "1.3")


def test_arrays_are_read_only_and_the_source_stays_writable() -> None:
    geometry = make_geometry((2, 3, 4))
    source = np.zeros((2, 3, 4), dtype=np.int16)
    volume = Volume(source, geometry)
    with pytest.raises(ValueError, match="read-only"):
        volume.array[0, 0, 0] = 1
    source[0, 0, 0] = 5
    with pytest.raises(dataclasses.FrozenInstanceError):
        volume.geometry = geometry  # type: ignore[misc]


def test_a_volume_needs_an_array_that_fits() -> None:
    with pytest.raises(GeometryMismatchError, match="does not fit"):
        Volume(np.zeros((2, 3, 5)), make_geometry((2, 3, 4)))


def test_labels_must_be_whole_numbers() -> None:
    geometry = make_geometry((2, 3, 4))
    LabelMap(np.zeros((2, 3, 4), dtype=bool), geometry)
    with pytest.raises(InputError, match="whole numbers"):
        LabelMap(np.zeros((2, 3, 4)), geometry)


def test_every_tissue_has_a_code_and_oedema_is_no_part_of_the_whole() -> None:
    assert sorted(TISSUE_CODES.values()) == list(range(1, len(Tissue) + 1))
    assert set(LESION_TISSUES) == set(Tissue) - {Tissue.OEDEMA}


def test_whole_joins_all_but_oedema() -> None:
    geometry = make_geometry((1, 1, 3))
    codes = [[[TISSUE_CODES[Tissue.ENHANCING], TISSUE_CODES[Tissue.CYSTIC], 6]]]
    labels = LabelMap(np.array(codes, dtype=np.uint8), geometry)
    fractions = {
        Tissue.ENHANCING: np.array([[[0.75, 0.0, 0.0]]], dtype=np.float32),
        Tissue.CYSTIC: np.array([[[0.25, 0.5, 0.0]]], dtype=np.float32),
        Tissue.OEDEMA: np.array([[[0.0, 0.5, 1.0]]], dtype=np.float32),
    }
    segmentation = LesionSegmentation(labels, fractions)
    np.testing.assert_array_equal(segmentation.mask(), [[[True, True, False]]])
    np.testing.assert_allclose(segmentation.fraction(), [[[1.0, 0.5, 0.0]]])
    np.testing.assert_allclose(segmentation.fraction("oedema"), [[[0.0, 0.5, 1.0]]])
    np.testing.assert_allclose(segmentation.fraction(Tissue.NECROTIC), 0.0)
    with pytest.raises(ValueError, match="tumour"):
        segmentation.mask("tumour")


@given(
    st.tuples(*[st.floats(-180, 180)] * 3),
    st.tuples(*[st.floats(-90, 90)] * 3),
    st.tuples(*[st.floats(-200, 200)] * 3),
)
def test_transform_inverse_and_composition(angles, shift, point) -> None:  # type: ignore[no-untyped-def]
    first, second = rigid(angles, shift), rigid((10, 20, 30), (1, 2, 3))
    np.testing.assert_allclose(first.inverse().apply(first.apply(point)), point, atol=1e-6)
    np.testing.assert_allclose(
        first.then(second).apply(point), second.apply(first.apply(point)), atol=1e-6
    )
    assert first.inverse().moving_frame_uid == "1.3"


def test_a_transform_must_be_finite() -> None:
    with pytest.raises(InputError, match="finite"):
        Transform(np.full((4, 4), np.nan))


def test_finish_returns_what_long_work_returns() -> None:
    def work() -> Steps[int]:
        yield Progress(1, 2, "one")
        yield Progress(2, 2, "two")
        return 42

    assert finish(work()) == 42


def test_volume_builder_is_asymmetric() -> None:
    array = make_volume().array
    for axis in range(3):
        assert not np.allclose(array, np.flip(array, axis), atol=5)


def test_errors_are_one_tree_and_fit_builtins() -> None:
    from imgcompare import errors

    classes = [c for c in vars(errors).values() if isinstance(c, type)]
    assert len(classes) > 10
    for cls in classes:
        assert issubclass(cls, ImgCompareError)
        assert f"{cls.__name__}" in (errors.__doc__ or ""), "the tree in the docstring is complete"
    with pytest.raises(OSError, match="disk"):
        raise errors.OutputError("disk")
