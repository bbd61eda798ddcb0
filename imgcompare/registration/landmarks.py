"""A rigid map from points that a person recognised in both images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from imgcompare.errors import RegistrationError
from imgcompare.model import RegistrationQuality, Transform

LEAST_POINTS = 3
"""A rigid motion is determined by three points that are not on a line."""

LEAST_SPREAD_MM = 5.0
"""Points nearer to a common line than this leave the turn about it open."""


def rigid_from_landmarks(moving_mm: npt.ArrayLike, fixed_mm: npt.ArrayLike) -> Transform:
    """Give the rigid map that brings landmarks together best, in the least-squares sense.

    Parameters
    ----------
    moving_mm, fixed_mm : array, shape (n, 3)
        The same places in both images, in the same order, LPS mm; three or more.

    Returns
    -------
    Transform
        Moving to fixed; its quality's reason names the root-mean-square distance that is left
        (fiducial registration error).

    Raises
    ------
    RegistrationError
        If there are too few points, their numbers differ, or they lie on a line.

    References
    ----------
    Arun 1987, doi 10.1109/TPAMI.1987.4767965; Umeyama 1991, doi 10.1109/34.88573.
    """
    moving = np.asarray(moving_mm, dtype=np.float64).reshape(-1, 3)
    fixed = np.asarray(fixed_mm, dtype=np.float64).reshape(-1, 3)
    if len(moving) != len(fixed):
        raise RegistrationError(
            f"There are {len(moving)} landmarks in one image and {len(fixed)} in the other; mark "
            "the same places, in the same order, in both."
        )
    if len(moving) < LEAST_POINTS:
        raise RegistrationError(
            f"{len(moving)} pairs of landmarks are too few; mark {LEAST_POINTS} or more."
        )
    about_moving, about_fixed = moving - moving.mean(axis=0), fixed - fixed.mean(axis=0)
    for points in (about_moving, about_fixed):
        spread = np.linalg.svd(points, compute_uv=False)[1] / np.sqrt(len(points))
        if spread < LEAST_SPREAD_MM:
            raise RegistrationError("The landmarks lie on a line; mark one well beside it.")
    u, _, vt = np.linalg.svd(about_moving.T @ about_fixed)
    turn = np.diag([1.0, 1.0, np.sign(np.linalg.det(vt.T @ u.T))])
    matrix = np.eye(4)
    matrix[:3, :3] = vt.T @ turn @ u.T
    matrix[:3, 3] = fixed.mean(axis=0) - matrix[:3, :3] @ moving.mean(axis=0)
    left = moving @ matrix[:3, :3].T + matrix[:3, 3] - fixed
    error_mm = float(np.sqrt((left**2).sum(axis=1).mean()))
    nan = float("nan")
    reason = f"{len(moving)} landmarks, {error_mm:.1f} mm apart on average after alignment"
    quality = RegistrationQuality(nan, nan, None, nan, True, reason, engine="landmarks")
    return Transform(matrix, quality=quality)
