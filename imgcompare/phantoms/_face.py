"""Skull, face and neck as a function of position, in anatomy LPS mm.

The origin is in the middle of the brain, about at the thalami. All numbers are millimetres of an
invented adult; none comes from a person.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

from imgcompare.phantoms._fields import blend, capsule, ellipsoid, inside, noise_at
from imgcompare.phantoms.tissues import Part

_AIR = int(Part.AIR)
_SKIN = int(Part.SKIN)
_FAT = int(Part.FAT)
_MUSCLE = int(Part.MUSCLE)
_BONE = int(Part.BONE)
_MARROW = int(Part.MARROW)
_CSF = int(Part.CSF)
_WHITE = int(Part.WHITE)
_SINUS = int(Part.SINUS)
_ARTERY = int(Part.ARTERY)
_VITREOUS = int(Part.VITREOUS)
_LENS = int(Part.LENS)
_MUCOSA = int(Part.MUCOSA)
_FLUID = int(Part.FLUID)
_CARTILAGE = int(Part.CARTILAGE)
_GLAND = int(Part.GLAND)

Texture = npt.NDArray[np.float32]


@nb.njit(cache=True, fastmath=True)
def _egg(x: float, y: float, z: float) -> float:
    """Distance to the inner table around the cerebrum: an egg, narrow end forward."""
    a = 69.0 + 0.085 * min(y, 35.0)
    c = 67.0 if z > 5.0 else 54.0
    return ellipsoid(x, y, z, 0.0, 0.0, 5.0, a, 85.0, c)


@nb.njit(cache=True, fastmath=True)
def cavity(x: float, y: float, z: float) -> float:
    """Signed distance to the cranial cavity and spinal canal, negative inside."""
    d = _egg(x, y, z)
    if z > 15.0:
        return d
    floor = (-21.0 - 0.62 * (y + 75.0) - z) * 0.85
    d = -blend(-d, -floor, 8.0)
    # The fossae: temporal lobes lie lower than the sella between them.
    d = max(d, -ellipsoid(x, y, z, 0.0, -26.0, -46.0, 19.0, 30.0, 24.0))
    hind = ellipsoid(x, y, z, 0.0, 41.0, -40.0, 53.0, 39.0, 37.0)
    d = blend(d, hind, 6.0)
    if z < -14.0:
        m = abs(x)
        d = max(d, -capsule(m, y, z, 22.0, 3.0, -42.0, 64.0, 27.0, -36.0, 5.0, 14.0))
    canal = capsule(x, y, z, 0.0, 27.0, -60.0, 0.0, 30.0, -250.0, 15.0, 10.0)
    return blend(d, canal, 8.0)


@nb.njit(cache=True, fastmath=True)
def _outline(x: float, y: float, z: float, vault: float) -> float:
    """Signed distance to the skin, given the distance ``vault`` to the outer table."""
    d = vault - (6.0 if y < 40.0 else 7.0)
    if z > 0.0:
        return d
    m = abs(x)
    d = blend(d, ellipsoid(x, y, z, 0.0, -44.0, -66.0, 64.0, 54.0, 66.0), 16.0)
    d = blend(d, ellipsoid(x, y, z, 0.0, -62.0, -110.0, 42.0, 42.0, 28.0), 18.0)
    d = blend(d, ellipsoid(x, y, z, 0.0, -99.0, -58.0, 13.0, 17.0, 17.0), 9.0)
    d = blend(d, capsule(x, y, z, 0.0, -98.0, -30.0, 0.0, -108.0, -56.0, 5.0, 7.0), 8.0)
    neck = math.sqrt(x * x + ((y - 14.0) * 0.95) ** 2) - 59.0 - 0.004 * min(0.0, z + 110.0) ** 2
    d = blend(d, max(neck, z + 45.0), 22.0)
    ear = ellipsoid(m - 0.25 * (y - 8.0), y, z, 78.0, 16.0, -30.0, 3.5, 17.0, 29.0)
    return blend(d, ear, 8.0)


@nb.njit(cache=True, fastmath=True)
def _airway(x: float, y: float, z: float, q: float) -> int:
    """Air, mucosa and turbinates of nose, sinuses and throat; -1 elsewhere."""
    m = abs(x)
    maxilla = ellipsoid(m, y, z, 32.0, -64.0, -64.0, 14.0, 17.0, 17.0)
    if maxilla < 0.0:
        if maxilla > -1.6 - 0.6 * q:
            return _MUCOSA
        # Fluid layers at the back of the right antrum of a patient lying on the back.
        return _FLUID if x < 0.0 and y > -61.0 + 0.7 * q else _AIR
    if maxilla < 1.2:
        return _BONE
    sphenoid = ellipsoid(x, y, z, 2.0, -27.0, -46.0, 12.0, 13.0, 10.0)
    if sphenoid < 0.0:
        return _MUCOSA if sphenoid > -1.2 or abs(x - 4.0) < 0.8 else _AIR
    if m < 15.0 and -94.0 < y < -38.0 and -78.0 < z < -33.0:
        if z > -46.0:  # ethmoid cells
            wall = math.sin(y * 0.7 + q) * math.sin(x * 0.55 + 1.0) * math.sin(z * 0.5)
            return _AIR if wall > 0.12 else (_MUCOSA if wall > -0.25 else _BONE)
        septum = abs(x - 1.5 * math.sin((y + z) * 0.08) - 1.0)
        if septum < 1.2:
            return _CARTILAGE
        if septum < 2.3:
            return _MUCOSA
        curl = math.sin((z + 70.0) * 0.42 + 0.35 * m + 0.5 * q)
        return _MUCOSA if curl * (1.25 if x < 0.0 else 1.0) > -0.15 else _AIR
    throat = min(
        capsule(x, y, z, 0.0, -32.0, -62.0, 0.0, -12.0, -78.0, 10.0, 9.0),
        capsule(x, y, z, 0.0, -12.0, -78.0, 0.0, -24.0, -250.0, 8.0, 8.5),
    )
    if throat < 0.0:
        return _AIR
    if throat < 2.2:
        return _MUCOSA
    if z < -120.0 and throat < 4.5:
        return _CARTILAGE
    return -1


@nb.njit(cache=True, fastmath=True)
def _orbit(x: float, y: float, z: float) -> int:
    """Eye, optic nerve, muscles and fat of the orbit; -1 elsewhere."""
    m = abs(x)
    globe = ellipsoid(m, y, z, 31.5, -78.0, -33.0, 12.0, 12.2, 12.0)
    if globe < 0.0:
        if inside(m, y, z, 31.5, -86.5, -33.0, 4.6, 2.1, 4.6):
            return _LENS
        return _VITREOUS if globe < -1.2 else _MUSCLE
    cone = capsule(m, y, z, 30.0, -72.0, -33.0, 16.0, -38.0, -28.0, 18.0, 5.0)
    if cone > 1.5 or y < -92.0:
        return -1
    if cone > 0.0:
        return _BONE if y > -84.0 else -1
    nerve = capsule(m, y, z, 31.0, -66.0, -33.0, 14.0, -34.0, -26.0, 2.0, 1.9)
    if nerve < 1.0:
        return _WHITE if nerve < 0.0 else _CSF
    rim = abs(cone + 4.0) - 1.7
    around = math.atan2(z + 32.0, m - 27.0)
    if rim < 0.0 and math.cos(4.0 * around) > 0.35 and y > -76.0:
        return _MUSCLE
    return _FAT


@nb.njit(cache=True, fastmath=True)
def _neck(x: float, y: float, z: float, q: float) -> int:
    """Spine, vessels, tongue, jaw and muscles below the skull; -1 elsewhere."""
    m = abs(x)
    artery = capsule(m, y, z, 27.0, -4.0, -250.0, 21.0, -8.0, -62.0, 3.6, 2.8)
    if artery < 0.0:
        return _ARTERY
    vein = capsule(m, y, z, 34.0, 4.0, -250.0, 27.0, 8.0, -60.0, 5.5, 4.5)
    if vein < (1.0 if x < 0.0 else -1.5):
        return _SINUS
    if z < -78.0:
        level = z - 17.0 * math.floor(z / 17.0)
        body = math.sqrt((x / 1.25) ** 2 + (y - 8.0) ** 2) - 10.0
        if body < 0.0:
            if level < 4.0:
                return _CARTILAGE
            return _BONE if body > -1.3 or level < 5.0 or level > 16.0 else _MARROW
        arch = math.sqrt((x / 1.3) ** 2 + (y - 30.0) ** 2)
        if 14.0 < arch < 18.0 and (level > 5.0 or m > 14.0) and y > 18.0:
            return _BONE
        spine = capsule(x, y, z, 0.0, 46.0, z, 0.0, 58.0, z - 4.0, 3.0, 4.0)
        if spine < 0.0 and level > 4.0 and level < 12.0:
            return _BONE if spine > -1.0 else _MARROW
    if inside(x, y, z, 0.0, -60.0, -96.0, 25.0, 36.0, 19.0):
        return _MUSCLE
    if -82.0 < z < -78.5 and m < 26.0 and -92.0 < y < -40.0:
        return _BONE
    jaw = math.sqrt(x * x + ((y + 42.0) * 0.78) ** 2)
    if -128.0 < z < -86.0 and y < -18.0 and abs(jaw - 43.0) < 4.0:
        if z > -96.0 and y < -52.0:
            return _BONE  # teeth
        return _BONE if abs(jaw - 43.0) > 2.0 else _MARROW
    if inside(m, y, z, 52.0, -10.0, -84.0, 11.0, 17.0, 26.0):
        return _GLAND
    return -1


@nb.njit(cache=True, fastmath=True)
def _soft_tissue(x: float, y: float, z: float, depth: float, vault: float, q: float) -> int:
    """Fat and muscle between skin and bone, ``depth`` mm below the skin."""
    m = abs(x)
    temporal = z < 32.0 and z > -60.0 and -52.0 < y < 22.0 and m > 42.0
    if temporal:
        return _MUSCLE if vault < 7.5 - 0.12 * abs(y + 15.0) + q else _FAT
    if z > -20.0:
        return _MUSCLE if vault < 1.2 else _FAT
    if depth < 4.5 + 1.2 * q:
        return _FAT
    # Muscle bellies run up and down and are parted by thin sheets of fat.
    angle = math.atan2(x, y - 12.0)
    ring = math.sqrt(x * x + (y - 12.0) ** 2)
    belly = math.sin(5.0 * angle + 0.02 * z + 0.5 * q) * math.sin(0.21 * ring + 0.9 * q)
    if y < -25.0:
        return _FAT if q > 0.25 or belly > 0.8 else _MUSCLE
    return _FAT if abs(belly) < 0.07 or q > 1.7 else _MUSCLE


@nb.njit(cache=True, fastmath=True)
def _skull_mm(texture: Texture, x: float, y: float, z: float) -> float:
    """Thickness of the skull near a point."""
    skull = 6.2 + 1.1 * noise_at(texture[0], 0.35 * x + 40.0, 0.35 * y, 0.35 * z)
    if z < -10.0 and y < 20.0:
        skull = max(3.0, skull + 0.08 * (z + 10.0))
    return 1.0 if z < -72.0 else skull


@nb.njit(cache=True, fastmath=True)
def inside_head(texture: Texture, x: float, y: float, z: float) -> bool:
    """Tell whether a point lies inside the skin, cavities included."""
    if abs(x) > 92.0 or y < -128.0 or y > 108.0 or z > 90.0:
        return False
    d = cavity(x, y, z)
    return d < 0.0 or _outline(x, y, z, d - _skull_mm(texture, x, y, z)) < 0.0


@nb.njit(cache=True, fastmath=True)
def outside_brain(texture: Texture, x: float, y: float, z: float, d: float) -> int:
    """Tissue at a point ``d`` mm outside the cranial cavity."""
    if d > 22.0 and z > 0.0:
        return _AIR
    skull = _skull_mm(texture, x, y, z)
    skin = _outline(x, y, z, d - skull)
    if skin > 0.0:
        return _AIR
    if skin > -1.7:
        return _SKIN
    q = noise_at(texture[0], 0.9 * x, 0.9 * y, 0.9 * z)
    if z < -15.0:
        part = _orbit(x, y, z) if y < -30.0 else -1
        if part < 0:
            part = _airway(x, y, z, q)
        if part >= 0:
            return part
    m = abs(x)
    if d < skull:
        if m > 40.0 and -60.0 < z < -32.0 and 16.0 < y < 46.0:
            return _AIR if q > 0.1 else _BONE  # mastoid
        inner = d > 1.7 and d < skull - 1.6 and skull > 4.0
        return _MARROW if inner and q > -1.1 else _BONE
    if z < -38.0:
        if 44.0 < m < 68.0 and 14.0 < y < 44.0 and z > -68.0 and d < 14.0:
            return _AIR if q > 0.35 else _BONE
        part = _neck(x, y, z, q)
        if part >= 0:
            return part
        if y > -40.0 and y < 18.0 and z > -64.0 and m < 24.0:
            return _MARROW if q > 0.0 else _BONE  # clivus
    return _soft_tissue(x, y, z, -skin, d - skull, q)
