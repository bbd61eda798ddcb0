"""Alignments as DICOM Spatial Registration (PS3.3 A.39.1, C.20.2).

A matrix maps points of the item's frame of reference to the object's own, LPS mm: the direction of
:class:`imgcompare.model.Transform`, moving to fixed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from highdicom.base import SOPClass
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

from imgcompare.geometry import AnyArray
from imgcompare.model import Series, Transform
from imgcompare.reporting.dicom_source import (
    SOFTWARE,
    Owner,
    code_item,
    decimals,
    equipment,
    new_uid,
    sign,
)

SPATIAL_REGISTRATION = "1.2.840.10008.5.1.4.1.1.66.1"

IDENTITY = Code("125021", "DCM", "Frame of Reference Identity")
BY_CONTENT = Code("125024", "DCM", "Image Content-based Alignment")
BY_EYE = Code("125025", "DCM", "Visual Alignment")

GIVEN = "given"
"""Engine of a registration that a person accepted."""

RIGID_TOLERANCE = 1e-6
"""Largest deviation of a rotation matrix's columns from unit vectors at right angles."""


def registration(
    transform: Transform, *, moving: Series, fixed: Series, owner: Owner, number: int
) -> Any:
    """Make a Spatial Registration object of two series.

    Parameters
    ----------
    transform : Transform
        Maps moving to fixed world points.
    moving, fixed : Series
        Both DICOM, in different frames of reference. The object becomes part of the study of
        ``moving``.
    owner : Owner
        Whom it is about.
    number : int
        Series number.
    """
    here, there = (s.geometry.frame_of_reference_uid for s in (fixed, moving))
    made = SOPClass(
        study_instance_uid=moving.study_uid,
        series_instance_uid=new_uid(),
        series_number=number,
        sop_instance_uid=new_uid(),
        sop_class_uid=SPATIAL_REGISTRATION,
        instance_number=1,
        modality="REG",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        **equipment(),
    )
    made.ContentLabel, made.ContentDescription = "ALIGNMENT", f"alignment found by {SOFTWARE}"
    made.ContentCreatorName, made.Laterality = None, None
    made.FrameOfReferenceUID, made.PositionReferenceIndicator = here, None
    given = transform.quality is not None and transform.quality.engine == GIVEN
    made.RegistrationSequence = [
        _item(here, np.eye(4), IDENTITY),
        _item(there, transform.matrix, BY_EYE if given else BY_CONTENT),
    ]
    sign(made, owner, description=f"{SOFTWARE} alignment")
    return made


def matrix_type(matrix: AnyArray) -> str:
    """Tell rigid matrices from those that scale, and those from any other affine one."""
    axes = matrix[:3, :3]
    gram = axes.T @ axes
    scale = float(np.trace(gram)) / 3.0
    if np.abs(gram - np.eye(3)).max() < RIGID_TOLERANCE and np.linalg.det(axes) > 0:
        return "RIGID"
    if np.abs(gram - np.diag(np.diag(gram))).max() < RIGID_TOLERANCE * scale:
        return "RIGID_SCALE"
    return "AFFINE"


def _item(frame_uid: str, matrix: AnyArray, how: Code) -> Dataset:
    matrix_item = Dataset()
    matrix_item.FrameOfReferenceTransformationMatrixType = matrix_type(matrix)
    matrix_item.FrameOfReferenceTransformationMatrix = decimals(matrix.ravel().tolist())
    step = Dataset()
    step.MatrixSequence = [matrix_item]
    step.RegistrationTypeCodeSequence = [code_item(how)]
    made = Dataset()
    made.FrameOfReferenceUID = frame_uid
    made.MatrixRegistrationSequence = [step]
    return made
