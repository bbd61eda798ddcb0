"""Lesion shapes as functions of position: which compartment of which lesion is at a point.

A lesion is star-shaped about its centre: an ellipsoid whose radius varies smoothly with direction.
Inside lies a core, less deep by a rim of uneven thickness; in the core a cyst and a bleed, each a
wavy ball around a point of its own. Outside lies a zone that oedema may fill.

Numbers of one lesion, a row of ``numbers``: 0-2 centre; 3-11 map from mm offset to the round shape;
12 radius; 13 mean rim; 14 bound of the lesion; 15 reach of oedema; 16-18 cyst centre; 19 cyst
radius; 20-22 bleed centre; 23 bleed radius; 24 push on the surroundings; 25 bound of the oedema.
``waves`` holds, per lesion and for outline, rim and oedema, waves (x, y, z, phase, amplitude).
"""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from imgcompare.model import TISSUE_CODES, Tissue

NUMBERS = 26
ZONE = 7
"""Not a tissue yet: oedema if the healthy tissue here is white matter."""

LESION_BASE = 64
"""Code of compartment t of lesion i at a point is 64 + 8 i + t; smaller codes are Parts."""

_ENHANCING = TISSUE_CODES[Tissue.ENHANCING]
_NECROTIC = TISSUE_CODES[Tissue.NECROTIC]
_CYSTIC = TISSUE_CODES[Tissue.CYSTIC]
_HAEMORRHAGE = TISSUE_CODES[Tissue.HAEMORRHAGE]

MIN_RIM = 0.25
"""Least rim thickness relative to its mean."""

PUSH_DECAY_MM = 11.0
"""Distance over which tissue gives way to a growing lesion."""

Floats = npt.NDArray[np.float64]


@nb.njit(cache=True, fastmath=True)
def ripple(waves: Floats, x: float, y: float, z: float) -> float:
    """Sum of waves at a direction (unit vector)."""
    total = 0.0
    for w in range(waves.shape[0]):
        phase = waves[w, 0] * x + waves[w, 1] * y + waves[w, 2] * z + waves[w, 3]
        total += waves[w, 4] * math.cos(phase)
    return total


@nb.njit(cache=True, fastmath=True)
def _ball(numbers: Floats, first: int, u: float, v: float, w: float, wave: float) -> bool:
    x = u - numbers[first]
    y = v - numbers[first + 1]
    z = w - numbers[first + 2]
    radius = numbers[first + 3] * (1.0 + 0.5 * wave)
    return radius > 0.0 and x * x + y * y + z * z < radius * radius


@nb.njit(cache=True, fastmath=True)
def compartment(numbers: Floats, waves: Floats, x: float, y: float, z: float) -> int:
    """Tell the compartment of one lesion at an anatomy point: TISSUE_CODES, ZONE or 0."""
    x -= numbers[0]
    y -= numbers[1]
    z -= numbers[2]
    if x * x + y * y + z * z > numbers[25] * numbers[25]:
        return 0
    u = numbers[3] * x + numbers[4] * y + numbers[5] * z
    v = numbers[6] * x + numbers[7] * y + numbers[8] * z
    w = numbers[9] * x + numbers[10] * y + numbers[11] * z
    r = math.sqrt(u * u + v * v + w * w) + 1e-9
    a = u / r
    b = v / r
    c = w / r
    wave = ripple(waves[0], a, b, c)
    outline = numbers[12] * (1.0 + wave)
    if r < outline:
        rim = numbers[13] * max(MIN_RIM, 1.0 + ripple(waves[1], a, b, c))
        if r > outline - rim:
            return _ENHANCING
        if _ball(numbers, 20, u, v, w, wave):
            return _HAEMORRHAGE
        if _ball(numbers, 16, u, v, w, wave):
            return _CYSTIC
        return _NECROTIC
    if numbers[15] > 0.0 and r < outline + numbers[15] * (1.0 + ripple(waves[2], a, b, c)):
        return ZONE
    return 0


@nb.njit(cache=True, fastmath=True)
def pushed(
    numbers: Floats, waves: Floats, x: float, y: float, z: float, keep: float
) -> tuple[float, float, float]:
    """Map a point outside a lesion to the healthy anatomy that gave way to it.

    ``keep`` is 0 where nothing can move (bone) and 1 well inside.
    """
    dx = x - numbers[0]
    dy = y - numbers[1]
    dz = z - numbers[2]
    r = math.sqrt(dx * dx + dy * dy + dz * dz) + 1e-9
    outside = r - numbers[12]
    if outside > 5.0 * PUSH_DECAY_MM:
        return x, y, z
    shift = keep * numbers[24] * numbers[12] * math.exp(-max(outside, 0.0) / PUSH_DECAY_MM)
    f = 1.0 - min(shift / r, 0.9)
    return numbers[0] + f * dx, numbers[1] + f * dy, numbers[2] + f * dz


def empty() -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Give the numbers and waves of no lesion at all."""
    return np.zeros((0, NUMBERS)), np.zeros((0, 3, 1, 5))
