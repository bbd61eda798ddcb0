"""Registration objects map points as the transforms do, in the direction that DICOM says."""

import io
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcompare.model import Comparison, RegistrationQuality, Transform
from imgcompare.reporting.dicom_objects import DicomFiles
from tests.builders import rotation
from tests.reporting.dicom_case import FRAMES, motion, reference

pytest.importorskip("highdicom")

from imgcompare.reporting.dicom_reg import matrix_type, registration
from imgcompare.reporting.dicom_source import owner_of

NAME = "transforms/timepoint-1_2024-03-06_onto_timepoint-0_2024-01-10.reg.dcm"

angles = st.floats(-180, 180)


def items(made: Any) -> dict[str, Any]:
    return {
        i.FrameOfReferenceUID: i.MatrixRegistrationSequence[0] for i in made.RegistrationSequence
    }


def matrix(item: Any) -> Any:
    values = item.MatrixSequence[0].FrameOfReferenceTransformationMatrix
    return np.reshape([float(v) for v in values], (4, 4))


def test_points_of_the_follow_up_come_to_the_baseline(
    objects: DicomFiles, dicom_case: Comparison
) -> None:
    made = pydicom.dcmread(io.BytesIO(objects.files[NAME]))
    assert made.SOPClassUID == "1.2.840.10008.5.1.4.1.1.66.1"
    assert made.Modality == "REG"
    assert made.FrameOfReferenceUID == FRAMES[0]
    assert made.StudyInstanceUID == reference(dicom_case.results[1]).study_uid
    point = np.array([31.0, -7.0, 12.0])
    mapped = matrix(items(made)[FRAMES[1]]) @ [*point, 1]
    expected = dicom_case.results[1].aligned.to_baseline.apply(point)
    np.testing.assert_allclose(mapped[:3], expected, atol=1e-8)
    assert not np.allclose(mapped[:3], Transform(motion()).inverse().apply(point), atol=1.0)
    np.testing.assert_array_equal(matrix(items(made)[FRAMES[0]]), np.eye(4))


def test_how_it_was_found_is_coded(dicom_case: Comparison) -> None:
    fixed, moving = (reference(r) for r in dicom_case.results)
    nan = float("nan")
    for engine, code in (("numba", "125024"), ("given", "125025")):
        quality = RegistrationQuality(nan, nan, None, nan, True, "", engine=engine)
        transform = Transform(motion(), FRAMES[1], FRAMES[0], quality)
        made = registration(
            transform, moving=moving, fixed=fixed, owner=owner_of(moving, "x", identified=False),
            number=1,
        )  # fmt: skip
        found = items(made)
        how = {f: i.RegistrationTypeCodeSequence[0].CodeValue for f, i in found.items()}
        assert how == {FRAMES[0]: "125021", FRAMES[1]: code}


@given(st.tuples(angles, angles, angles), st.floats(-500, 500))
def test_rigid_matrices_are_called_rigid(turn: tuple[float, float, float], shift: float) -> None:
    affine = np.eye(4)
    affine[:3, :3] = rotation(turn)
    affine[:3, 3] = shift
    assert matrix_type(affine) == "RIGID"
    affine[:3, :3] = affine[:3, :3] @ np.diag([1.1, 0.9, 1.02])
    assert matrix_type(affine) == "RIGID_SCALE"
    affine[:3, :3] = affine[:3, :3] @ np.array([[1, 0.2, 0], [0, 1, 0], [0, 0, 1]])
    assert matrix_type(affine) == "AFFINE"


def test_a_mirror_image_is_not_rigid() -> None:
    assert matrix_type(np.diag([-1.0, 1.0, 1.0, 1.0])) != "RIGID"
