"""Building blocks of the analytic bodies: smooth noise, ellipsoids, capsules, in millimetres."""

from __future__ import annotations

import math
from functools import lru_cache

import numba as nb
import numpy as np
import numpy.typing as npt
from scipy import fft

TEXTURE_SIZE = 64
"""Samples per axis of the periodic noise textures; a power of two, so wrapping is a bit mask."""

TEXTURE_STEP_MM = 2.5
"""Distance between texture samples; the pattern repeats every 160 mm."""

FOLD_WAVELENGTH_MM = 23.0
"""Two neighbouring sulci of the cortex are about half of this apart."""

_MASK = TEXTURE_SIZE - 1
_INVERSE_STEP = 1.0 / TEXTURE_STEP_MM


@lru_cache(maxsize=4)
def textures(seed: int) -> npt.NDArray[np.float32]:
    """Make the two periodic noise textures that perturb all surfaces.

    Parameters
    ----------
    seed : int
        Same seed, same anatomy.

    Returns
    -------
    array, shape (2, 64, 64, 64), float32
        ``[0]`` is smooth noise of unit variance; ``[1]`` is the approximate signed distance in mm
        to the zero set of band-passed noise, a labyrinth like the folds of the cortex.
    """
    white = np.random.default_rng([seed, 17]).standard_normal((2,) + (TEXTURE_SIZE,) * 3)
    frequency = np.fft.fftfreq(TEXTURE_SIZE, TEXTURE_STEP_MM)
    radius = np.sqrt(sum(f**2 for f in np.meshgrid(*[frequency] * 3, indexing="ij")))
    smooth = np.exp(-((radius * 16.0) ** 2)) * (radius > 0)
    band = np.exp(-(((radius - 1.0 / FOLD_WAVELENGTH_MM) * 55.0) ** 2)) * (radius > 0)
    fields = []
    for noise, window in zip(white, (smooth, band), strict=True):
        field = np.real(fft.ifftn(fft.fftn(noise) * window))
        fields.append(field / field.std())
    slope = [
        (np.roll(fields[1], -1, axis) - np.roll(fields[1], 1, axis)) / (2.0 * TEXTURE_STEP_MM)
        for axis in range(3)
    ]
    steep = np.sqrt(sum(s**2 for s in slope) + 0.08**2)
    result = np.stack([fields[0], fields[1] / steep]).astype(np.float32)
    result.flags.writeable = False
    return result


@nb.njit(cache=True, fastmath=True, inline="never")
def noise_at(texture: npt.NDArray[np.float32], x: float, y: float, z: float) -> float:
    """Interpolate a periodic texture trilinearly at a point in mm."""
    x *= _INVERSE_STEP
    y *= _INVERSE_STEP
    z *= _INVERSE_STEP
    i = math.floor(x)
    j = math.floor(y)
    k = math.floor(z)
    u = x - i
    v = y - j
    w = z - k
    i0 = i & _MASK
    j0 = j & _MASK
    k0 = k & _MASK
    i1 = (i + 1) & _MASK
    j1 = (j + 1) & _MASK
    k1 = (k + 1) & _MASK
    a = texture[i0, j0, k0] * (1.0 - w) + texture[i0, j0, k1] * w
    b = texture[i0, j1, k0] * (1.0 - w) + texture[i0, j1, k1] * w
    c = texture[i1, j0, k0] * (1.0 - w) + texture[i1, j0, k1] * w
    d = texture[i1, j1, k0] * (1.0 - w) + texture[i1, j1, k1] * w
    return float((a * (1.0 - v) + b * v) * (1.0 - u) + (c * (1.0 - v) + d * v) * u)


@nb.njit(cache=True, fastmath=True)
def ellipsoid(
    x: float, y: float, z: float, cx: float, cy: float, cz: float, a: float, b: float, c: float
) -> float:
    """Approximate signed distance (mm, along the ray from the centre) to an ellipsoid."""
    x -= cx
    y -= cy
    z -= cz
    k = math.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2)
    if k < 1e-6:
        return -min(a, b, c)
    return (k - 1.0) * math.sqrt(x * x + y * y + z * z) / k


@nb.njit(cache=True, fastmath=True)
def inside(
    x: float, y: float, z: float, cx: float, cy: float, cz: float, a: float, b: float, c: float
) -> bool:
    """Tell whether a point lies inside an ellipsoid; cheaper than its distance."""
    return ((x - cx) / a) ** 2 + ((y - cy) / b) ** 2 + ((z - cz) / c) ** 2 < 1.0


@nb.njit(cache=True, fastmath=True)
def capsule(
    x: float,
    y: float,
    z: float,
    ax: float,
    ay: float,
    az: float,
    bx: float,
    by: float,
    bz: float,
    ra: float,
    rb: float,
) -> float:
    """Signed distance (mm) to a tube from point a (radius ra) to point b (radius rb)."""
    dx = bx - ax
    dy = by - ay
    dz = bz - az
    h = ((x - ax) * dx + (y - ay) * dy + (z - az) * dz) / (dx * dx + dy * dy + dz * dz)
    h = min(1.0, max(0.0, h))
    ex = x - ax - h * dx
    ey = y - ay - h * dy
    ez = z - az - h * dz
    return math.sqrt(ex * ex + ey * ey + ez * ez) - (ra + h * (rb - ra))


@nb.njit(cache=True, fastmath=True)
def blend(a: float, b: float, width: float) -> float:
    """Smooth minimum of two distances: joins two shapes with a fillet of ``width`` mm."""
    h = max(width - abs(a - b), 0.0) / width
    return min(a, b) - h * h * width * 0.25
