"""Transforms between frames of reference, and visits brought onto one grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from imgcompare.errors import GeometryMismatchError, InputError
from imgcompare.geometry import Geometry
from imgcompare.model.course import Timepoint
from imgcompare.model.images import Role, Volume, read_only


@dataclass(frozen=True, slots=True)
class RegistrationQuality:
    """How well two images were aligned.

    ``similarity_before`` and ``similarity_after`` are normalised mutual information (Studholme
    1999), ``inverse_consistency_mm`` is the mean distance a point of the head or body moves when
    mapped forward and back by two independent registrations (None if not computed), and
    ``overlap`` the fraction of the smaller foreground covered by the other.
    """

    similarity_before: float
    similarity_after: float
    inverse_consistency_mm: float | None
    overlap: float
    succeeded: bool
    reason: str
    seconds: float = 0.0
    engine: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Transform:
    """Affine map of world points, LPS mm to LPS mm, from one series' space to another's.

    Applied to a point of ``moving`` anatomy it gives the same anatomy in ``fixed`` space.
    """

    matrix: npt.NDArray[np.float64]
    moving_frame_uid: str = ""
    fixed_frame_uid: str = ""
    quality: RegistrationQuality | None = None

    def __post_init__(self) -> None:
        """Validate, copy and freeze."""
        matrix = np.array(self.matrix, dtype=np.float64)
        if matrix.shape != (4, 4) or not np.isfinite(matrix).all():
            raise InputError("A transform needs a finite 4x4 matrix.")
        object.__setattr__(self, "matrix", read_only(matrix))

    @classmethod
    def identity(cls, frame_uid: str = "") -> Transform:
        """Give the transform that leaves every point where it is."""
        return cls(np.eye(4), frame_uid, frame_uid)

    def apply(self, points_mm: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Map LPS points ``[..., 3]`` in mm from moving to fixed space."""
        points = np.asarray(points_mm, dtype=np.float64)
        return np.asarray(points @ self.matrix[:3, :3].T + self.matrix[:3, 3])

    def inverse(self) -> Transform:
        """Give the transform from fixed to moving space, with the same quality."""
        return Transform(
            np.asarray(np.linalg.inv(self.matrix), dtype=np.float64),
            self.fixed_frame_uid,
            self.moving_frame_uid,
            self.quality,
        )

    def then(self, following: Transform) -> Transform:
        """Give the transform that applies this one, then ``following``; quality is dropped."""
        return Transform(
            following.matrix @ self.matrix, self.moving_frame_uid, following.fixed_frame_uid
        )


@dataclass(frozen=True, slots=True, eq=False)
class AlignedTimepoint:
    """One timepoint's images on the native grid of its reference series.

    ``images[reference_role]`` is the untouched native volume; the other roles are registered and
    resampled onto its grid. ``to_reference`` maps each role's own space to the reference, and
    ``to_baseline`` maps the reference's space to the baseline reference's space.
    """

    timepoint: Timepoint
    reference_role: Role
    images: Mapping[Role, Volume]
    to_reference: Mapping[Role, Transform]
    to_baseline: Transform

    def __post_init__(self) -> None:
        """Check that all images share the reference's grid, and freeze."""
        grid = self.images[self.reference_role].geometry
        for role, image in self.images.items():
            if image.geometry.shape != grid.shape:
                raise GeometryMismatchError(f"{role} is not on the grid of {self.reference_role}.")
        object.__setattr__(self, "images", MappingProxyType(dict(self.images)))
        object.__setattr__(self, "to_reference", MappingProxyType(dict(self.to_reference)))

    @property
    def reference(self) -> Volume:
        """The native volume everything is measured on."""
        return self.images[self.reference_role]

    @property
    def geometry(self) -> Geometry:
        """The grid everything is measured on."""
        return self.reference.geometry
