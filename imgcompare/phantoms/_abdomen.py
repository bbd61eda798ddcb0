"""The upper abdomen as a function of position: which tissue is at a point in anatomy LPS mm.

The origin is in front of the spine at the level of the kidneys' upper poles. All numbers are
millimetres of an invented adult; none comes from a person.
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
_CARTILAGE = int(Part.CARTILAGE)
_BOWEL_GAS = int(Part.BOWEL_GAS)
_LIVER = int(Part.LIVER)
_SPLEEN = int(Part.SPLEEN)
_CORTEX = int(Part.CORTEX)
_MEDULLA = int(Part.MEDULLA)
_URINE = int(Part.URINE)
_AORTA = int(Part.AORTA)
_CAVA = int(Part.CAVA)
_PORTAL = int(Part.PORTAL)
_HEPATIC_VEIN = int(Part.HEPATIC_VEIN)
_PANCREAS = int(Part.PANCREAS)
_BOWEL_WALL = int(Part.BOWEL_WALL)
_BOWEL_FLUID = int(Part.BOWEL_FLUID)
_BILE = int(Part.BILE)
_LUNG = int(Part.LUNG)
_DISC = int(Part.DISC)
_COUCH = int(Part.COUCH)
_FASCIA = int(Part.FASCIA)
_CANAL = int(Part.CANAL)
_GLAND = int(Part.GLAND)

Texture = npt.NDArray[np.float32]


@nb.njit(cache=True, fastmath=True)
def _outline(texture: Texture, x: float, y: float, z: float) -> float:
    """Signed distance to the skin: an oval, flattened where the back lies on the couch."""
    waist = 1.0 - 0.00000035 * (z + 30.0) ** 2 * (1.0 if z > -30.0 else -1.0)
    a = 166.0 * waist
    b = 112.0 if y < 0.0 else 104.0
    k = math.sqrt(math.sqrt((x / a) ** 4 + (y / b) ** 4 + 1.1 * (x / a) ** 2 * (y / b) ** 2))
    if k < 1e-6:
        return -100.0
    d = (k - 1.0) * math.sqrt(x * x + y * y) / k
    d = max(d, y - 100.0)
    navel = 4.0 * math.exp(-((x / 9.0) ** 2) - ((z + 88.0) / 9.0) ** 2) if y < -80.0 else 0.0
    groove = 5.0 * math.exp(-((x / 16.0) ** 2)) if y > 60.0 else 0.0
    return d + navel + groove + 1.2 * noise_at(texture[0], 0.3 * x, 0.3 * y, 0.3 * z)


@nb.njit(cache=True, fastmath=True)
def inside_abdomen(texture: Texture, x: float, y: float, z: float) -> bool:
    """Tell whether a point lies inside the skin, cavities included."""
    return _outline(texture, x, y, z) < 0.0


@nb.njit(cache=True, fastmath=True)
def _spine(x: float, y: float, z: float, q: float) -> int:
    """Vertebrae, discs and canal; -1 elsewhere."""
    m = abs(x)
    if m > 46.0 or y < 38.0 or y > 112.0:
        return -1
    level = z + 6.0 - 33.0 * math.floor((z + 6.0) / 33.0)
    waist = 1.6 * math.sin(math.pi * (level - 7.0) / 26.0) if level > 7.0 else 0.0
    body = math.sqrt((x / 1.22) ** 2 + (y - 60.0) ** 2) - (17.5 - waist)
    if level < 7.0:
        body = math.sqrt((x / 1.22) ** 2 + (y - 60.0) ** 2) - 17.8
        if body < 0.0 and y < 76.0:
            return _DISC
    elif body < 0.0 and y < 76.5:
        if body > -1.6 or level < 8.6 or level > 31.6 or y > 75.2:
            return _BONE
        return _MARROW
    canal = math.sqrt((x / 1.3) ** 2 + (y - 85.0) ** 2)
    if canal < 8.5:
        return _CANAL if canal < 6.5 else _FAT
    if canal < 13.0 and (level > 12.0 or y > 88.0):
        return _BONE if canal < 10.0 or canal > 11.8 else _MARROW
    if m < 4.0 - 0.6 * q and 92.0 < y < 104.0 and level > 10.0:
        return _BONE if m > 2.0 else _MARROW
    if 8.0 < m < 42.0 and abs(y - 84.0 - 0.12 * m) < 4.0 and 18.0 < level < 25.0:
        return _BONE if abs(y - 84.0 - 0.12 * m) > 2.0 else _MARROW
    return -1


@nb.njit(cache=True, fastmath=True)
def _wall(x: float, y: float, z: float, deep: float, wall: float, q: float) -> int:
    """Muscles and ribs ``deep`` mm below the subcutaneous fat, in a wall ``wall`` mm thick."""
    if y > 20.0 or z > -70.0 + 0.5 * (y + 90.0):
        along = z + 0.42 * y + 0.06 * abs(x)
        place = along - 25.0 * math.floor(along / 25.0) - 12.5
        flat = (place / 6.5) ** 2 + ((deep - 0.55 * wall) / 3.4) ** 2
        if flat < 1.0 and z > -48.0 + 0.2 * y and abs(x) > 34.0:
            if y < -52.0:
                return _CARTILAGE
            return _BONE if flat > 0.45 else _MARROW
    sheet = deep / wall
    if y < -40.0 and abs(x) < 5.0:
        return _FASCIA
    if abs(x) > 40.0 and (abs(sheet - 0.36) < 0.05 or abs(sheet - 0.68) < 0.05):
        return _FAT if q > -0.6 else _FASCIA
    return _MUSCLE


@nb.njit(cache=True, fastmath=True)
def _kidney(texture: Texture, x: float, y: float, z: float) -> int:
    """Kidneys with cortex, pyramids and pelvis; -1 elsewhere."""
    left = x > 0.0
    cz = -16.0 if left else -32.0
    dz = z - cz
    m = abs(x) + 0.18 * dz - 64.0
    n = y - 50.0 + 0.12 * dz
    d = ellipsoid(m, n, dz, 0.0, 0.0, 0.0, 27.0, 26.0, 53.0)
    d += 0.8 * noise_at(texture[0], 0.8 * x, 0.8 * y, 0.8 * z)
    hilum = ellipsoid(m, n, dz, -17.0, -8.0, 0.0, 19.0, 11.0, 25.0)
    if d > 0.0:
        return -1
    if hilum < 0.0:
        pelvis = ellipsoid(m, n, dz, -14.0, -6.0, -4.0, 12.0, 5.0, 9.0)
        return _URINE if pelvis < 0.0 else _FAT
    if d > -6.5:
        return _CORTEX
    fan = noise_at(texture[1], 1.15 * x, 1.15 * y, 1.15 * z)
    return _MEDULLA if abs(fan) > 1.8 else _CORTEX


@nb.njit(cache=True, fastmath=True)
def _great_vessels(x: float, y: float, z: float) -> int:
    """Aorta, vena cava, and the large branches; -1 elsewhere."""
    bow = 0.00025 * z * z
    aorta = math.sqrt((x - 11.0 + bow) ** 2 + (y - 32.0) ** 2) - 10.0
    if aorta < 0.0:
        return _BONE if aorta > -1.4 and math.sin(0.3 * z) * math.sin(2.5 * x) > 0.9 else _AORTA
    cava = math.sqrt(((x + 22.0) / 1.25) ** 2 + (y - 30.0 + max(0.0, 0.1 * (z - 40.0))) ** 2) - 9.5
    if cava < 0.0:
        return _CAVA
    if abs(x) > 110.0 or z < -70.0 or z > 70.0:
        return -1
    artery = min(
        capsule(x, y, z, 10.0, 24.0, 30.0, 6.0, 6.0, 32.0, 3.4, 3.2),
        capsule(x, y, z, 6.0, 6.0, 32.0, -30.0, -4.0, 26.0, 2.8, 2.2),
        capsule(x, y, z, 6.0, 6.0, 32.0, 92.0, 30.0, 40.0, 2.8, 2.2),
        capsule(x, y, z, 9.0, 22.0, 14.0, 4.0, 4.0, -70.0, 4.0, 3.2),
        capsule(x, y, z, 16.0, 36.0, -8.0, 50.0, 46.0, -14.0, 2.8, 2.5),
        capsule(x, y, z, 4.0, 38.0, -12.0, -50.0, 48.0, -30.0, 2.8, 2.5),
    )
    if artery < 0.0:
        return _AORTA
    renal = min(
        capsule(x, y, z, -18.0, 26.0, -16.0, 48.0, 42.0, -18.0, 4.5, 4.0),
        capsule(x, y, z, -28.0, 32.0, -20.0, -50.0, 43.0, -33.0, 4.5, 4.0),
    )
    if renal < 0.0 and (x > 22.0 or x < -20.0 or y < 24.0):
        return _CAVA
    portal = min(
        capsule(x, y, z, -12.0, 4.0, -70.0, -10.0, 10.0, 4.0, 5.0, 6.0),
        capsule(x, y, z, -10.0, 10.0, 4.0, -40.0, -4.0, 30.0, 6.5, 6.0),
        capsule(x, y, z, -10.0, 10.0, 4.0, 96.0, 34.0, 38.0, 4.8, 3.8),
    )
    return _PORTAL if portal < 0.0 else -1


@nb.njit(cache=True, fastmath=True)
def _liver(texture: Texture, x: float, y: float, z: float) -> float:
    """Signed distance to the liver's surface."""
    d = ellipsoid(x, y, z, -76.0, -4.0, 26.0, 74.0, 92.0, 84.0)
    left = ellipsoid(x, y + 0.10 * x, z, 8.0, -56.0, 48.0, 74.0, 36.0, 32.0)
    d = blend(d, left, 18.0)
    hollow = ellipsoid(x, y, z, 26.0, 18.0, -30.0, 70.0, 78.0, 74.0)
    kidney = ellipsoid(x, y, z, -60.0, 56.0, -36.0, 34.0, 33.0, 58.0)
    d = max(d, -hollow, -kidney)
    return d + 1.6 * noise_at(texture[0], 0.45 * x, 0.45 * y + 20.0, 0.45 * z)


@nb.njit(cache=True, fastmath=True)
def _inside_liver(texture: Texture, x: float, y: float, z: float) -> int:
    """Liver with hepatic veins and portal branches."""
    hepatic = min(
        capsule(x, y, z, -24.0, 24.0, 84.0, -104.0, 22.0, 48.0, 5.0, 2.2),
        capsule(x, y, z, -24.0, 22.0, 84.0, -56.0, -52.0, 46.0, 4.6, 2.0),
        capsule(x, y, z, -24.0, 20.0, 84.0, 18.0, -62.0, 56.0, 4.2, 1.8),
    )
    if hepatic < 0.0:
        return _HEPATIC_VEIN
    portal = min(
        capsule(x, y, z, -40.0, -4.0, 30.0, -78.0, 0.0, 28.0, 5.4, 4.2),
        capsule(x, y, z, -78.0, 0.0, 28.0, -116.0, 26.0, 14.0, 3.6, 1.8),
        capsule(x, y, z, -78.0, 0.0, 28.0, -96.0, -40.0, 44.0, 3.6, 1.8),
        capsule(x, y, z, -40.0, -4.0, 30.0, -22.0, -48.0, 44.0, 4.4, 3.4),
        capsule(x, y, z, -22.0, -48.0, 44.0, 30.0, -64.0, 46.0, 3.0, 1.6),
    )
    if portal < 0.0:
        return _PORTAL
    # Small vessels run where two sheets of noise meet.
    sheet = abs(noise_at(texture[1], 0.9 * x + 20.0, 0.9 * y, 0.9 * z))
    if sheet < 1.3:
        other = noise_at(texture[1], 0.8 * y + 70.0, 0.8 * z, 0.8 * x)
        if other * other + sheet * sheet < 0.8:
            return _PORTAL if noise_at(texture[0], 0.2 * x, 0.2 * y, 0.2 * z) > 0 else _HEPATIC_VEIN
    return _LIVER


@nb.njit(cache=True, fastmath=True)
def _gut(texture: Texture, x: float, y: float, z: float, q: float) -> int:
    """Stomach, colon and small bowel; -1 elsewhere."""
    stomach = blend(
        capsule(x, y, z, 68.0, 4.0, 72.0, 60.0, -40.0, 30.0, 30.0, 24.0),
        capsule(x, y, z, 60.0, -40.0, 30.0, 6.0, -52.0, -2.0, 22.0, 12.0),
        14.0,
    )
    stomach += 1.6 * q
    if stomach < 0.0:
        if stomach > -4.2:
            return _BOWEL_WALL
        return _BOWEL_GAS if y < -32.0 + 0.6 * q else _BOWEL_FLUID
    along = math.sin(0.24 * (x + z)) + math.sin(0.17 * (z - y))
    colon = min(
        capsule(x, y, z, -104.0, 22.0, -120.0, -100.0, -4.0, -62.0, 23.0, 21.0),
        capsule(x, y, z, -96.0, -34.0, -66.0, 4.0, -70.0, -62.0, 18.0, 17.0),
        capsule(x, y, z, 4.0, -70.0, -62.0, 100.0, -34.0, -18.0, 17.0, 18.0),
        capsule(x, y, z, 106.0, 10.0, 6.0, 112.0, 30.0, -120.0, 17.0, 15.0),
    )
    colon += 2.2 * along
    if colon < 0.0:
        if colon > -2.4:
            return _BOWEL_WALL
        stool = noise_at(texture[0], 1.9 * x, 1.9 * y, 1.9 * z)
        height = y + (10.0 if x < 0.0 else -14.0) + (42.0 if abs(x) < 96.0 else 0.0)
        return _BOWEL_GAS if height < 4.0 * q or stool > 1.1 else _BOWEL_FLUID
    region = ellipsoid(x, y, z, 12.0, -34.0, -92.0, 88.0, 44.0, 64.0)
    if region < 0.0:
        loop = noise_at(texture[1], 0.62 * x, 0.62 * y, 0.62 * z + 33.0)
        if loop > 1.5:
            if loop < 4.4:
                return _BOWEL_WALL
            return _BOWEL_GAS if q > 1.25 else _BOWEL_FLUID
    return -1


@nb.njit(cache=True, fastmath=True)
def _viscera(texture: Texture, x: float, y: float, z: float, depth: float, q: float) -> int:
    """Organs in the cavity, ``depth`` mm inside its wall."""
    right = 97.0 - 0.0085 * ((x + 70.0) ** 2 + y * y)
    left = 84.0 - 0.0085 * ((x - 74.0) ** 2 + y * y)
    saddle = 22.0 + 44.0 * math.exp(-((x / 62.0) ** 2))
    over = z + blend(-right, blend(-left, -saddle, 16.0), 16.0)
    crus = abs(x) < 34.0 and y > 6.0
    if over > 0.0 and not crus:
        heart = ellipsoid(x, y, z, 22.0, -42.0, 118.0, 56.0, 40.0, 34.0)
        if heart < 0.0:
            return _CAVA if heart < -9.0 else (_MUSCLE if heart < -3.0 else _FAT)
        if over > 2.2 and depth > 1.5:
            vessel = abs(noise_at(texture[1], 1.1 * x, 1.1 * y, 1.1 * z))
            if vessel < 0.7 and abs(noise_at(texture[1], y, z + 40.0, x)) < 0.8:
                return _CAVA
            return _LUNG
        return _MUSCLE
    vessel = _great_vessels(x, y, z)
    if vessel >= 0:
        return vessel
    if x < 96.0 and z > -84.0:
        liver = max(_liver(texture, x, y, z), 2.0 - depth)
        bile = ellipsoid(x, y, z, -46.0, -46.0, -30.0, 14.0, 17.0, 27.0)
        if bile < 0.0:
            return _BILE if bile < -1.2 else _BOWEL_WALL
        if liver < 0.0 and bile > 1.5:
            return _inside_liver(texture, x, y, z)
    spleen = ellipsoid(x - 0.12 * z, y - 0.15 * z, z, 98.0, 34.0, 44.0, 26.0, 46.0, 46.0)
    spleen = max(spleen, -ellipsoid(x, y, z, 62.0, 6.0, 46.0, 36.0, 40.0, 50.0), 2.0 - depth)
    if spleen + 1.2 * q < 0.0:
        return _SPLEEN
    if abs(x) > 30.0 and y > 10.0:
        kidney = _kidney(texture, x, y, z)
        if kidney >= 0:
            return kidney
        gland = abs(capsule(abs(x), y, z, 34.0, 40.0, 30.0, 48.0, 50.0, 46.0, 9.0, 7.0))
        if gland < 1.8 and y < 46.0:
            return _GLAND
    pancreas = blend(
        capsule(x, y, z, -34.0, -2.0, -12.0, -2.0, -14.0, 6.0, 14.0, 10.0),
        capsule(x, y, z, -2.0, -14.0, 6.0, 84.0, 22.0, 34.0, 10.0, 8.0),
        6.0,
    )
    if pancreas + 2.6 * noise_at(texture[0], 1.8 * x, 1.8 * y, 1.8 * z) < 0.0:
        return _PANCREAS
    part = _gut(texture, x, y, z, q)
    if part >= 0:
        return part
    psoas = ellipsoid(abs(x), y, 0.0, 36.0 + 0.05 * (-z), 62.0, 0.0, 14.0, 17.0, 1e6)
    if z < 20.0 and psoas < min(0.0, -0.1 * (z + 40.0) - 1.0) + 4.0:
        return _MUSCLE
    ring = math.sqrt((x - 10.0) ** 2 + (y - 35.0) ** 2)
    if 13.0 < ring < 17.5 + q and z > -30.0 and y > 18.0:
        return _MUSCLE
    twig = abs(noise_at(texture[1], 1.5 * x, 1.5 * y, 1.5 * z))
    if twig < 0.5 and q > -0.3:
        other = noise_at(texture[1], 1.4 * z, 1.4 * x + 30.0, 1.4 * y)
        if abs(other) < 0.5:
            return _PORTAL
    return _FAT


@nb.njit(cache=True, fastmath=True)
def abdomen_part(texture: Texture, x: float, y: float, z: float) -> int:
    """Tell which Part of the abdomen, or the couch, is at a point.

    Parameters
    ----------
    texture : array, shape (2, n, n, n)
        See ``textures``.
    x, y, z : float
        Anatomy LPS mm.

    Returns
    -------
    int
        Value of Part.
    """
    d = _outline(texture, x, y, z)
    if d > 0.0:
        sag = 121.0 - 0.0007 * x * x
        if abs(x) < 190.0 and abs(y - sag) < 1.6:
            return _COUCH
        return _AIR
    if d > -2.0:
        return _SKIN
    q = noise_at(texture[0], 0.8 * x, 0.8 * y, 0.8 * z)
    spine = _spine(x, y, z, q)
    if spine >= 0:
        return spine
    slow = noise_at(texture[0], 0.25 * x + 11.0, 0.25 * y, 0.25 * z)
    fat = 15.0 + 3.0 * slow + 5.0 * (x / 166.0) ** 2
    if y > 40.0 and abs(x) < 70.0:
        fat -= 5.0
    deep = -d - fat
    if deep < 0.0:
        strand = abs(noise_at(texture[1], 1.2 * x, 1.2 * y, 0.5 * z))
        return _FASCIA if strand < 0.22 and q > 0.3 else _FAT
    wall = 13.0 + 2.0 * slow
    if y > 30.0:
        wall += 22.0 * math.exp(-((abs(x) - 34.0) ** 2) / 900.0)
    if deep < wall:
        if abs(x) < 66.0 and y > 62.0 and deep > 2.0:
            seam = noise_at(texture[1], 0.9 * x, 0.9 * y, 0.2 * z)
            return _FAT if abs(seam) < 0.5 and q > -0.2 else _MUSCLE
        return _wall(x, y, z, deep, wall, q)
    if inside(x, y, 0.0, 0.0, 88.0, 0.0, 30.0, 26.0, 1.0):
        return _MUSCLE
    return _viscera(texture, x, y, z, deep - wall, q)


@nb.njit(cache=True, fastmath=True)
def liver_gives_way(texture: Texture, x: float, y: float, z: float) -> bool:
    """Tell whether a lesion may be at a point: liver or the vessels in it."""
    part = abdomen_part(texture, x, y, z)
    return part in (_LIVER, _PORTAL, _HEPATIC_VEIN)
