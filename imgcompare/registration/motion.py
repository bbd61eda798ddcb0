"""Rigid and affine motions by a few numbers in mm, and how a cost changes with them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.registration.settings import TransformKind

Float64 = npt.NDArray[np.float64]

IDENTITY = np.eye(3)

GENERATORS = np.array(
    [
        [[0.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]],
        [[0.0, 0.0, 1.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 0.0]],
        [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]],
    ]
)
"""Cross matrices of the unit vectors: derivatives of a rotation at the identity."""

SMALL_ANGLE = 1e-8
"""Rotations below this (radians) use the limit of the derivative at zero."""


def _cross_matrix(v: npt.ArrayLike) -> Float64:
    x, y, z = np.asarray(v, dtype=np.float64).tolist()
    return np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def rotation_matrix(vector: npt.ArrayLike) -> Float64:
    """Rotation by ``|vector|`` radians about ``vector`` (Rodrigues' formula)."""
    k = _cross_matrix(vector)
    angle = math.sqrt(0.5 * float(np.vdot(k, k)))
    if angle < SMALL_ANGLE:
        return IDENTITY + k
    half = math.sin(0.5 * angle) / angle
    return np.asarray(IDENTITY + (math.sin(angle) / angle) * k + (2.0 * half * half) * (k @ k))


def rotation_derivatives(vector: npt.ArrayLike) -> Float64:
    """Give the derivatives (3, 3, 3) of the rotation matrix by each entry of its vector.

    References
    ----------
    Gallego G, Yezzi A. A compact formula for the derivative of a 3-D rotation in exponential
    coordinates. J Math Imaging Vis 2015;51:378-384.
    """
    v = np.asarray(vector, dtype=np.float64)
    square = float(v @ v)
    if square < SMALL_ANGLE**2:
        return GENERATORS
    cross, rotation = _cross_matrix(v), rotation_matrix(v)
    turned = cross @ (IDENTITY - rotation)
    # GENERATORS is linear: it turns the columns of `turned` into their cross matrices.
    crossed = np.tensordot(turned, GENERATORS, axes=(0, 0))
    return np.asarray((v[:, None, None] * cross + crossed) @ rotation / square)


def rotation_degrees(matrix: npt.ArrayLike) -> float:
    """Angle of the rotation nearest to the linear part of a matrix."""
    u, _, vt = np.linalg.svd(np.asarray(matrix, dtype=np.float64)[:3, :3])
    cosine = (np.trace(u @ vt) - 1.0) / 2.0
    return float(np.degrees(np.arccos(np.clip(cosine, -1.0, 1.0))))


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Motions that follow a ``base`` map, each parameter moving a typical point by its mm.

    Parameters are three rotation components and three shifts (rigid), or nine entries of a
    linear map and three shifts (affine), all zero at ``base``.

    Attributes
    ----------
    kind : TransformKind
    base : array, shape (4, 4)
        Map from fixed to moving world.
    centre_mm : array, shape (3,)
        Fixed point the motions turn about.
    radius_mm : float
        Typical distance from it.
    """

    kind: TransformKind
    base: Float64
    centre_mm: Float64
    radius_mm: float

    @property
    def count(self) -> int:
        """Number of parameters."""
        return 6 if self.kind is TransformKind.RIGID else 12

    @property
    def _pivot(self) -> Float64:
        return np.asarray(self.base[:3, :3] @ self.centre_mm + self.base[:3, 3])

    def matrix(self, parameters: Float64) -> Float64:
        """Map (4, 4) from fixed to moving world."""
        linear = self._linear(parameters)
        step = np.eye(4)
        step[:3, :3] = linear
        step[:3, 3] = self._pivot - linear @ self._pivot + parameters[-3:]
        return np.asarray(step @ self.base)

    def _linear(self, parameters: Float64) -> Float64:
        scaled = parameters[:-3] / self.radius_mm
        if self.kind is TransformKind.RIGID:
            return rotation_matrix(scaled)
        return np.asarray(np.eye(3) + scaled.reshape(3, 3))

    def pull_back(self, parameters: Float64, by_matrix: Float64) -> Float64:
        """Turn a cost's derivative by the map's (3, 4) entries into one by the parameters."""
        by_step = by_matrix @ self.base.T
        by_linear = by_step[:, :3] - np.outer(by_step[:, 3], self._pivot)
        if self.kind is TransformKind.RIGID:
            turns = rotation_derivatives(parameters[:3] / self.radius_mm)
            first = (turns * by_linear).sum(axis=(1, 2))
        else:
            first = by_linear.ravel()
        return np.concatenate([first / self.radius_mm, by_step[:, 3]])
