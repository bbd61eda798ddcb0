"""Lesion shapes as functions of position: which compartment of which lesion is at a point.

A lesion is star-shaped about its centre: an ellipsoid whose radius varies smoothly with direction.
Inside lies a core, less deep by a rim of uneven thickness; in the core a cyst and a bleed, each a
wavy ball around a point of its own. Outside lies a zone that oedema may fill.

Numbers of one lesion, a row of ``numbers``: 0-2 centre; 3-11 map from mm offset to the round shape;
12 radius; 13 mean rim; 14 bound of the lesion; 15 reach of oedema; 16-18 cyst centre; 19 cyst
radius; 20-22 bleed centre; 23 bleed radius; 24 push on the surroundings; 25 bound of the oedema.
``tables`` holds, per lesion, how outline, rim and oedema vary with direction, relative to their
means, as octahedral tables.
"""

from __future__ import annotations

import math

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
def on_table(table: Floats, x: float, y: float, z: float) -> float:
    """Look up a function of direction in an octahedral table, bilinearly.

    The unit sphere is projected on an octahedron and unfolded to a square (Cigolle 2014, "A survey
    of efficient representations for independent unit vectors"); ``x, y, z`` need not be a unit
    vector.
    """
    scale = 1.0 / (abs(x) + abs(y) + abs(z))
    u = x * scale
    v = y * scale
    if z < 0.0:
        fold = (1.0 - abs(v)) * (1.0 if u >= 0.0 else -1.0)
        v = (1.0 - abs(u)) * (1.0 if v >= 0.0 else -1.0)
        u = fold
    side = table.shape[0] - 1
    u = (u + 1.0) * 0.5 * side
    v = (v + 1.0) * 0.5 * side
    i = min(side - 1, max(0, int(u)))
    j = min(side - 1, max(0, int(v)))
    u -= i
    v -= j
    near = table[i, j] * (1.0 - v) + table[i, j + 1] * v
    far = table[i + 1, j] * (1.0 - v) + table[i + 1, j + 1] * v
    return float(near * (1.0 - u) + far * u)


def table_directions(side: int) -> Floats:
    """Give the direction of every entry of an octahedral table, shape (side, side, 3)."""
    u, v = np.meshgrid(*[np.linspace(-1.0, 1.0, side)] * 2, indexing="ij")
    z = 1.0 - np.abs(u) - np.abs(v)
    x = np.where(z < 0.0, (1.0 - np.abs(v)) * np.where(u >= 0.0, 1.0, -1.0), u)
    y = np.where(z < 0.0, (1.0 - np.abs(u)) * np.where(v >= 0.0, 1.0, -1.0), v)
    direction = np.stack([x, y, z], axis=-1)
    return np.asarray(direction / np.linalg.norm(direction, axis=-1, keepdims=True))


@nb.njit(cache=True, fastmath=True)
def _ball(numbers: Floats, first: int, u: float, v: float, w: float, wave: float) -> bool:
    x = u - numbers[first]
    y = v - numbers[first + 1]
    z = w - numbers[first + 2]
    radius = numbers[first + 3] * (1.0 + 0.5 * wave)
    return bool(radius > 0.0 and x * x + y * y + z * z < radius * radius)


@nb.njit(cache=True, fastmath=True)
def compartment(numbers: Floats, tables: Floats, x: float, y: float, z: float) -> int:
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
    wave = on_table(tables[0], u, v, w)
    outline = numbers[12] * (1.0 + wave)
    if r < outline:
        rim = numbers[13] * max(MIN_RIM, 1.0 + on_table(tables[1], u, v, w))
        if r > outline - rim:
            return _ENHANCING
        if _ball(numbers, 20, u, v, w, wave):
            return _HAEMORRHAGE
        if _ball(numbers, 16, u, v, w, wave):
            return _CYSTIC
        return _NECROTIC
    if numbers[15] > 0.0 and r < outline + numbers[15] * (1.0 + on_table(tables[2], u, v, w)):
        return ZONE
    return 0


@nb.njit(cache=True, fastmath=True)
def pushed(
    numbers: Floats, x: float, y: float, z: float, keep: float
) -> tuple[float, float, float]:
    """Map a point outside a lesion to the healthy anatomy that gave way to it.

    ``keep`` is 0 where nothing can move (bone) and 1 well inside.
    """
    dx = x - numbers[0]
    dy = y - numbers[1]
    dz = z - numbers[2]
    reach = numbers[12] + 3.0 * PUSH_DECAY_MM
    square = dx * dx + dy * dy + dz * dz
    if square > reach * reach:
        return x, y, z
    r = math.sqrt(square) + 1e-9
    outside = max(r - numbers[12], 0.0) / PUSH_DECAY_MM
    # exp(-3), so that the push ends without a step.
    shift = keep * numbers[24] * numbers[12] * (math.exp(-outside) - 0.0498)
    f = 1.0 - min(shift / r, 0.9)
    return numbers[0] + f * dx, numbers[1] + f * dy, numbers[2] + f * dz
