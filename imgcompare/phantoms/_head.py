"""Brain, and the head as a whole, as a function of position, in anatomy LPS mm.

The origin is in the middle of the brain, about at the thalami; see _face for what lies outside the
cranial cavity.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np
import numpy.typing as npt

from imgcompare.phantoms._face import cavity, outside_brain
from imgcompare.phantoms._fields import blend, capsule, ellipsoid, inside, noise_at
from imgcompare.phantoms.tissues import Part

_AIR = int(Part.AIR)
_DURA = int(Part.DURA)
_CSF = int(Part.CSF)
_GREY = int(Part.GREY)
_WHITE = int(Part.WHITE)
_DEEP_GREY = int(Part.DEEP_GREY)
_PLEXUS = int(Part.PLEXUS)
_SINUS = int(Part.SINUS)
_ARTERY = int(Part.ARTERY)
_CEREBELLAR_GREY = int(Part.CEREBELLAR_GREY)
_GLAND = int(Part.GLAND)

Texture = npt.NDArray[np.float32]


@nb.njit(cache=True, fastmath=True)
def _ventricles(x: float, y: float, z: float) -> float:
    """Signed distance to the ventricular system; the left side is a little wider."""
    m = abs(x)
    if m > 42.0 or y > 68.0 or y < -48.0 or z > 34.0 or z < -58.0:
        return 9.0
    grow = 0.7 if x > 0.0 else -0.5
    d = capsule(m, y, z, 9.0, -20.0, 17.0, 14.0, 20.0, 21.0, 4.4, 4.2)
    d = blend(d, capsule(m, y, z, 8.5, -20.0, 16.0, 13.0, -37.0, 9.0, 5.0, 2.6), 3.0)
    d = blend(d, capsule(m, y, z, 14.0, 20.0, 21.0, 23.0, 33.0, 8.0, 4.5, 6.2), 4.0)
    d = blend(d, capsule(m, y, z, 23.0, 33.0, 8.0, 20.0, 58.0, 5.0, 5.0, 2.0), 4.0)
    d = blend(d, capsule(m, y, z, 24.0, 32.0, 4.0, 31.0, 6.0, -17.0, 4.2, 2.2), 4.0)
    d -= grow
    third = max(m - 1.9, ellipsoid(0.0, y, z, 0.0, 4.0, 0.0, 9.0, 15.0, 12.0))
    fourth = max(ellipsoid(x, y, z, 0.0, 35.0, -38.0, 7.5, 6.5, 13.0), 30.0 - y)
    duct = capsule(x, y, z, 0.0, 17.0, -4.0, 0.0, 31.0, -28.0, 1.2, 1.2)
    return min(d, third, fourth, duct)


@nb.njit(cache=True, fastmath=True)
def _arteries(x: float, y: float, z: float) -> float:
    """Signed distance to the large arteries of the skull base, their first branches and veins."""
    m = abs(x)
    if z > 36.0 or m > 48.0 or y > 28.0 or y < -54.0 or z < -68.0:
        return 9.0
    d = 9.0
    if m < 6.0:
        d = capsule(m, y, z, 2.0, -34.0, -12.0, 1.6, -50.0, 8.0, 1.2, 1.1)
        d = min(d, capsule(m, y, z, 1.6, -50.0, 8.0, 1.6, -34.0, 33.0, 1.1, 0.9))
        d = min(d, capsule(x, y, z, 0.5, 3.0, -66.0, 0.0, 2.0, -22.0, 1.9, 1.8))
    if z > 10.0 or z < -30.0:
        return d
    d = min(d, capsule(m, y, z, 13.0, -22.0, -26.0, 14.0, -14.0, -18.0, 2.2, 1.9))
    d = min(d, capsule(m, y, z, 14.0, -14.0, -18.0, 30.0, -14.0, -13.0, 1.6, 1.4))
    d = min(d, capsule(m, y, z, 30.0, -14.0, -13.0, 40.0, -2.0, -6.0, 1.3, 1.1))
    d = min(d, capsule(m, y, z, 40.0, -2.0, -6.0, 45.0, 22.0, 6.0, 1.1, 0.8))
    d = min(d, capsule(m, y, z, 14.0, -14.0, -18.0, 2.0, -34.0, -12.0, 1.3, 1.2))
    return min(d, capsule(m, y, z, 0.0, 2.0, -21.0, 18.0, 24.0, -12.0, 1.3, 1.0))


@nb.njit(cache=True, fastmath=True)
def _venous(x: float, y: float, z: float, d: float) -> bool:
    """Tell whether a point lies in a dural sinus or a deep vein."""
    if d > -7.0:
        if z > 0.0 and abs(x) < 8.0:  # superior sagittal sinus, growing backwards
            radius = 2.0 + 0.016 * (y + 86.0)
            if math.sqrt((x - 0.6) ** 2 * 1.3 + (d + 1.6) ** 2) < radius:
                return True
        if y > 12.0 and -32.0 < z < -4.0:  # transverse sinuses, the left one narrow
            radius = 4.0 if x < 0.0 else 2.4
            if math.sqrt((z + 19.0 + 0.02 * abs(x)) ** 2 + (d + 2.2) ** 2) < radius:
                return True
        if abs(x) > 30.0 and y > 0.0 and -60.0 < z <= -18.0:  # sigmoid sinuses
            radius = 4.2 if x < 0.0 else 2.6
            if math.sqrt((y - 14.0 - 0.3 * (z + 20.0)) ** 2 + (d + 2.2) ** 2) < radius:
                return True
        if math.sqrt(x * x + (y - 79.0) ** 2 + (z + 14.0) ** 2) < 6.0:
            return True
    if abs(x) > 4.5:
        return False
    if capsule(x, y, z, 0.0, 36.0, 9.0, 0.0, 80.0, -13.0, 1.8, 2.3) < 0.0:
        return True
    return capsule(abs(x), y, z, 1.8, -8.0, 9.0, 1.6, 36.0, 9.0, 0.8, 1.2) < 0.0


@nb.njit(cache=True, fastmath=True)
def _deep_grey(x: float, y: float, z: float) -> bool:
    """Tell whether a point lies in the thalami, basal ganglia or hippocampi."""
    m = abs(x)
    if m > 36.0 or abs(y) > 45.0:
        return False
    return (
        inside(m, y, z, 10.5, 11.0, 5.0, 8.6, 15.0, 9.0)
        or inside(m, y + 0.3 * m, z, 14.5, -13.0, 10.0, 5.0, 13.0, 8.5)
        or inside(m - 0.1 * y, y, z, 26.0, -3.0, 2.0, 5.2, 17.0, 11.0)
        or inside(m - 0.1 * y, y, z, 18.8, 0.0, 0.0, 4.0, 9.0, 6.5)
        or inside(m, y, z, 27.0, 12.0, -22.0, 5.5, 16.0, 5.0)
    )


@nb.njit(cache=True, fastmath=True)
def _hindbrain(
    texture: Texture, x: float, y: float, z: float, depth: float, roof: float, stem: float
) -> int:
    """Cerebellum and what surrounds it, ``roof`` mm below the tentorium."""
    hull = ellipsoid(x, y, z, 0.0, 54.0, -36.0, 56.0, 40.0, 40.0)
    hull = max(hull, 0.4 - depth, 1.5 - roof)
    vallecula = math.sqrt(x * x + max(0.0, 74.0 - y) ** 2 * 0.3) - 2.0
    hull = max(hull, -vallecula) if z < -45.0 else hull
    if hull > 0.0 or stem < 2.0:
        return _CSF
    if inside(abs(x), y, z, 14.0, 45.0, -40.0, 6.0, 8.0, 5.0) and not inside(
        abs(x), y, z, 14.0, 45.0, -40.0, 4.4, 6.4, 3.4
    ):
        return _DEEP_GREY
    bend = 1.6 * noise_at(texture[0], 0.8 * x, 0.8 * y + 31.0, 0.8 * z)
    along = z + 0.006 * (y - 46.0) ** 2 * (1.0 if z < -38.0 else -1.0) + 0.12 * abs(x) + bend
    fine = 4.6 / math.pi * math.asin(abs(math.sin(math.pi * along / 4.6))) * 0.9
    wide = 13.8 / math.pi * math.asin(abs(math.sin(math.pi * along / 13.8 + 0.6))) * 0.9
    inner = max(0.0, -hull - 9.0)
    deep = max(0.0, -hull - 16.0)
    sheet = min(math.sqrt(fine * fine + inner * inner), math.sqrt(wide * wide + deep * deep))
    if sheet < 0.28 and hull > -14.0:
        return _CSF
    return _CEREBELLAR_GREY if min(sheet, -hull) < 1.55 else _WHITE


@nb.njit(cache=True, fastmath=True)
def _cerebrum(texture: Texture, x: float, y: float, z: float, t: float, falx: float) -> int:
    """Cortex and white matter, ``t`` mm below the hull, ``falx`` mm from the midline sheet."""
    m = abs(x)
    arch = math.sqrt((y / 47.0) ** 2 + ((z - 1.0) / 30.0) ** 2)
    beyond = (arch - 1.0) * 30.0 if z > -22.0 else (abs(y - 8.0) - 40.0) * 0.7
    cleft = falx - 0.9
    if beyond < 0.0:
        cleft = math.sqrt(max(cleft, 0.0) ** 2 + beyond * beyond)
    sheet = -9.0 + 0.30 * (y + 20.0) + 0.05 * (m - 40.0)
    sylvian = math.sqrt(
        max(abs(z - sheet) - 0.8, 0.0) ** 2
        + max(0.0, 35.0 - m) ** 2
        + max(0.0, y - 34.0) ** 2
        + max(0.0, -34.0 - y) ** 2
    )
    depth = min(t, min(cleft, sylvian))
    if depth < 0.0 or sylvian <= 0.0:
        return _CSF
    if depth > 25.0:
        return _WHITE
    # Sulci: curtains that hang from the hull along rays, bent a little with depth.
    qy = min(36.0, max(-36.0, y))
    qz = min(16.0, max(-8.0, z))
    rx = x
    ry = y - qy
    rz = z - qz
    r = math.sqrt(rx * rx + ry * ry + rz * rz) + 1e-6
    s = 40.0 / r
    bend_a = 3.4 * noise_at(texture[0], 1.1 * x, 1.1 * y, 1.1 * z + 77.0)
    bend_b = 3.4 * noise_at(texture[0], 1.1 * x + 41.0, 1.1 * y, 1.1 * z)
    sx = (s + 0.35) * rx + bend_a
    sy = qy + (s + 0.35) * ry + bend_b
    sz = qz + (s + 0.35) * rz - 0.6 * (bend_a + bend_b)
    curtain = abs(noise_at(texture[1], sx, sy, sz)) / (s + 0.35)
    wander = noise_at(texture[0], 0.55 * sx + 13.0, 0.55 * sy, 0.55 * sz)
    # Sulci of the medial wall and around the insula are shallower than those of the convexity.
    reach = 13.5 + 5.0 * wander if t < cleft + 2.0 and t < sylvian else 6.0 + 2.0 * wander
    past = max(0.0, depth - reach)
    away = math.sqrt(curtain * curtain + past * past)
    gap = 0.42 + (0.75 + 0.3 * wander) * math.exp(-0.22 * depth)
    if away < gap and past < 2.0:
        vein = noise_at(texture[1], 1.3 * sz + 50.0, 1.3 * sx, 1.3 * sy)
        return _SINUS if abs(vein) < 0.45 and depth < 7.0 and wander > 0.2 else _CSF
    thick = 2.55 + 0.35 * wander
    return _GREY if min(away - gap, depth) < thick else _WHITE


@nb.njit(cache=True, fastmath=True)
def head_part(texture: Texture, x: float, y: float, z: float) -> int:
    """Tell which Part of the head is at a point.

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
    if abs(x) > 92.0 or y < -128.0 or y > 108.0 or z > 90.0:
        return _AIR
    d = cavity(x, y, z)
    if d > 0.0:
        return outside_brain(texture, x, y, z, d)
    if _venous(x, y, z, d):
        return _SINUS
    if d > -1.1:
        return _DURA
    stem = 30.0
    if z < 14.0 and abs(x) < 34.0 and y < 60.0:
        stem = blend(
            capsule(x, y, z, 0.0, 12.0, -8.0, 0.0, 18.0, -30.0, 13.0, 14.5),
            capsule(x, y, z, 0.0, 20.0, -38.0, 0.0, 28.0, -66.0, 12.0, 6.5),
            6.0,
        )
    if z < -60.0:
        cord = capsule(x, y, z, 0.0, 28.0, -62.0, 0.0, 30.0, -260.0, 6.5, 5.5)
        if min(cord, stem) < 0.0:
            return _DEEP_GREY if inside(x, y, 0.0, 0.0, 29.0, 0.0, 2.6, 2.0, 1.0) else _WHITE
    artery = _arteries(x, y, z)
    if artery < 0.0:
        return _ARTERY
    depth = -d - 3.0
    cover = 0.9 * noise_at(texture[0], 0.5 * x, 0.5 * y + 60.0, 0.5 * z)
    depth -= cover
    chamber = _ventricles(x, y, z)
    if chamber < 0.0:
        m = abs(x)
        tuft = ellipsoid(m, y, z, 22.0, 31.0, 11.0, 3.6, 5.0, 4.6)
        strand = capsule(m, y, z, 13.0, 0.0, 16.5, 20.0, 27.0, 12.0, 1.2, 1.8)
        return _PLEXUS if min(tuft, strand) + 0.8 * cover < 0.0 else _CSF
    if stem < 0.0 and z < 2.0:
        return _WHITE if z < -12.0 or chamber > 3.0 else _DEEP_GREY
    tent = -1.0 - 0.30 * abs(x) - 0.10 * max(0.0, y - 30.0)
    roof = (tent - z) * 0.93
    if y > 20.0 - 0.1 * z:
        if abs(roof) < 0.6:
            return _DURA
        if roof > 0.0:
            if depth < 0.0:
                return _CSF
            return _hindbrain(texture, x, y, z, depth, roof, stem)
        depth = min(depth, -roof - 1.3)
    elif roof > 0.0 and z < -26.0 and stem < 8.0 and abs(x) < 24.0:
        return _CSF
    if depth < 0.0:
        return _CSF
    if stem < 2.5 and z < -4.0:
        return _CSF
    if inside(x, y, z, 0.0, -10.0, -20.0, 12.0, 11.0, 9.0):  # suprasellar cistern, pituitary
        return _GLAND if inside(x, y, z, 0.0, -15.0, -25.0, 5.5, 5.0, 3.5) else _CSF
    if artery < 1.6:
        return _CSF
    falx = abs(x - 1.1 * math.sin(0.03 * y + 0.4))
    arch = math.sqrt((y / 47.0) ** 2 + ((z - 1.0) / 30.0) ** 2)
    if falx < 0.55 and arch > 1.22 and z > -20.0:
        return _DURA
    if _deep_grey(x, y, z):
        return _DEEP_GREY
    return _cerebrum(texture, x, y, z, depth, falx)


@nb.njit(cache=True, fastmath=True)
def brain_gives_way(texture: Texture, x: float, y: float, z: float) -> bool:
    """Tell whether a lesion may be at a point: off bone, midline and ventricles."""
    if cavity(x, y, z) > -1.5 or abs(x) < 2.5 or _ventricles(x, y, z) < 1.0:
        return False
    part = head_part(texture, x, y, z)
    return part in (_GREY, _WHITE, _CSF, _SINUS)
