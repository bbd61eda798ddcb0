"""Loops over voxels: what is where, mean signal per voxel, fractions, noise."""

from __future__ import annotations

import math
from typing import Any

import numba as nb
import numpy as np
import numpy.typing as npt

from imgcompare.model import TISSUE_CODES, Tissue
from imgcompare.phantoms._abdomen import abdomen_part, inside_abdomen, liver_gives_way
from imgcompare.phantoms._face import inside_head
from imgcompare.phantoms._fields import ellipsoid, noise_at
from imgcompare.phantoms._head import brain_gives_way, head_part
from imgcompare.phantoms._lesion import LESION_BASE, ZONE, compartment, on_table, pushed
from imgcompare.phantoms.tissues import Part

_OEDEMA = TISSUE_CODES[Tissue.OEDEMA]
_WHITE = int(Part.WHITE)
_AIR = int(Part.AIR)
_HEAD = 0

Array = npt.NDArray[Any]


@nb.njit(cache=True, fastmath=True)
def code_at(
    body: int,
    texture: Array,
    numbers: Array,
    tables: Array,
    x: float,
    y: float,
    z: float,
    lesions_only: bool,
) -> int:
    """Tell what is at an anatomy point: a Part, or 64 + 8 * lesion + tissue code.

    With ``lesions_only``, healthy parts outside every lesion and oedema zone may be wrong (0).
    """
    zone = -1
    for i in range(numbers.shape[0]):
        tissue = compartment(numbers[i], tables[i], x, y, z)
        if tissue == ZONE:
            if zone < 0:
                zone = i
        elif tissue > 0:
            return LESION_BASE + 8 * i + tissue
    if lesions_only and zone < 0:
        return 0
    if body != _HEAD:
        return abdomen_part(texture, x, y, z)
    if numbers.shape[0] > 0:
        keep = min(1.0, max(0.0, -0.07 * (ellipsoid(x, y, z, 0.0, 0.0, 5.0, 67.0, 83.0, 64.0))))
        if keep > 0.0:
            for i in range(numbers.shape[0]):
                x, y, z = pushed(numbers[i], x, y, z, keep)
    part = head_part(texture, x, y, z)
    if zone >= 0 and part == _WHITE:
        return LESION_BASE + 8 * zone + _OEDEMA
    return part


@nb.njit(cache=True, parallel=True, fastmath=True)
def codes_on_grid(
    body: int,
    texture: Array,
    numbers: Array,
    tables: Array,
    affine: Array,
    lesions_only: bool,
    out: Array,
) -> None:
    """Write the code at every voxel centre; ``affine`` maps indices to anatomy LPS mm."""
    for i in nb.prange(out.shape[0]):
        for j in range(out.shape[1]):
            for k in range(out.shape[2]):
                x = affine[0, 0] * i + affine[0, 1] * j + affine[0, 2] * k + affine[0, 3]
                y = affine[1, 0] * i + affine[1, 1] * j + affine[1, 2] * k + affine[1, 3]
                z = affine[2, 0] * i + affine[2, 1] * j + affine[2, 2] * k + affine[2, 3]
                out[i, j, k] = code_at(body, texture, numbers, tables, x, y, z, lesions_only)


@nb.njit(cache=True, parallel=True, fastmath=True)
def body_on_grid(body: int, texture: Array, affine: Array, out: Array) -> None:
    """Write whether each voxel centre lies inside the skin, cavities included."""
    for i in nb.prange(out.shape[0]):
        for j in range(out.shape[1]):
            for k in range(out.shape[2]):
                x = affine[0, 0] * i + affine[0, 1] * j + affine[0, 2] * k + affine[0, 3]
                y = affine[1, 0] * i + affine[1, 1] * j + affine[1, 2] * k + affine[1, 3]
                z = affine[2, 0] * i + affine[2, 1] * j + affine[2, 2] * k + affine[2, 3]
                if body == _HEAD:
                    out[i, j, k] = inside_head(texture, x, y, z)
                else:
                    out[i, j, k] = inside_abdomen(texture, x, y, z)


@nb.njit(cache=True, fastmath=True)
def _mixed(codes: Array, i: int, j: int, k: int) -> bool:
    """Tell whether any of the 26 neighbours has another code."""
    c = codes[i, j, k]
    for a in range(max(0, i - 1), min(codes.shape[0], i + 2)):
        for b in range(max(0, j - 1), min(codes.shape[1], j + 2)):
            for d in range(max(0, k - 1), min(codes.shape[2], k + 2)):
                if codes[a, b, d] != c:
                    return True
    return False


@nb.njit(cache=True, fastmath=True)
def _touching(codes: Array, i: int, j: int, k: int) -> bool:
    """Tell whether any of the 6 nearest neighbours has another code."""
    c = codes[i, j, k]
    return bool(
        (i > 0 and codes[i - 1, j, k] != c)
        or (j > 0 and codes[i, j - 1, k] != c)
        or (k > 0 and codes[i, j, k - 1] != c)
        or (i + 1 < codes.shape[0] and codes[i + 1, j, k] != c)
        or (j + 1 < codes.shape[1] and codes[i, j + 1, k] != c)
        or (k + 1 < codes.shape[2] and codes[i, j, k + 1] != c)
    )


@nb.njit(cache=True, parallel=True, fastmath=True)
def mean_signal(
    body: int,
    texture: Array,
    numbers: Array,
    tables: Array,
    affine: Array,
    extent: Array,
    samples: Array,
    codes: Array,
    signal: Array,
    spread: Array,
    everywhere: bool,
    out: Array,
) -> None:
    """Write the mean signal of every voxel.

    Voxels near a boundary (with ``everywhere`` all but open air) are sampled at ``samples`` points
    per axis over ``extent``, the part of the voxel's size that is excited; ``signal`` and
    ``spread`` give each code's signal and how much it varies within the tissue.
    """
    n0, n1, n2 = samples
    share = 1.0 / (n0 * n1 * n2)
    for i in nb.prange(out.shape[0]):
        for j in range(out.shape[1]):
            for k in range(out.shape[2]):
                code = codes[i, j, k]
                mixed = _touching(codes, i, j, k)
                if code == _AIR and not mixed:
                    out[i, j, k] = signal[_AIR]
                    continue
                x = affine[0, 0] * i + affine[0, 1] * j + affine[0, 2] * k + affine[0, 3]
                y = affine[1, 0] * i + affine[1, 1] * j + affine[1, 2] * k + affine[1, 3]
                z = affine[2, 0] * i + affine[2, 1] * j + affine[2, 2] * k + affine[2, 3]
                grain = noise_at(texture[0], 2.1 * x, 2.1 * y, 2.1 * z)
                grain = 0.8 * grain + 0.6 * noise_at(texture[0], 0.7 * x, 0.7 * y + 9.0, 0.7 * z)
                if not (mixed or everywhere):
                    out[i, j, k] = signal[code] + spread[code] * grain
                    continue
                total = 0.0
                for a in range(n0):
                    da = ((a + 0.5) / n0 - 0.5) * extent[0]
                    for b in range(n1):
                        db = ((b + 0.5) / n1 - 0.5) * extent[1]
                        for c in range(n2):
                            dc = ((c + 0.5) / n2 - 0.5) * extent[2]
                            code = code_at(
                                body,
                                texture,
                                numbers,
                                tables,
                                x + affine[0, 0] * da + affine[0, 1] * db + affine[0, 2] * dc,
                                y + affine[1, 0] * da + affine[1, 1] * db + affine[1, 2] * dc,
                                z + affine[2, 0] * da + affine[2, 1] * db + affine[2, 2] * dc,
                                False,
                            )
                            total += signal[code] + spread[code] * grain
                out[i, j, k] = total * share


@nb.njit(cache=True, parallel=True, fastmath=True)
def lesion_fractions(
    body: int,
    texture: Array,
    numbers: Array,
    tables: Array,
    affine: Array,
    extent: Array,
    samples: Array,
    codes: Array,
    lesion: int,
    out: Array,
) -> None:
    """Write the part of each voxel of a box that each tissue of one lesion fills.

    ``out`` is (tissues, a, b, c), the box that ``codes`` and ``affine`` describe.
    """
    n0, n1, n2 = samples
    share = 1.0 / (n0 * n1 * n2)
    base = LESION_BASE + 8 * lesion
    thick = affine[0, 0] ** 2 + affine[1, 0] ** 2 + affine[2, 0] ** 2 > 1.6**2
    for i in nb.prange(out.shape[1]):
        for j in range(out.shape[2]):
            for k in range(out.shape[3]):
                if not (thick or _mixed(codes, i, j, k)):
                    tissue = codes[i, j, k] - base
                    if 0 < tissue <= out.shape[0]:
                        out[tissue - 1, i, j, k] = 1.0
                    continue
                x = affine[0, 0] * i + affine[0, 1] * j + affine[0, 2] * k + affine[0, 3]
                y = affine[1, 0] * i + affine[1, 1] * j + affine[1, 2] * k + affine[1, 3]
                z = affine[2, 0] * i + affine[2, 1] * j + affine[2, 2] * k + affine[2, 3]
                for a in range(n0):
                    da = ((a + 0.5) / n0 - 0.5) * extent[0]
                    for b in range(n1):
                        db = ((b + 0.5) / n1 - 0.5) * extent[1]
                        for c in range(n2):
                            dc = ((c + 0.5) / n2 - 0.5) * extent[2]
                            code = code_at(
                                body,
                                texture,
                                numbers,
                                tables,
                                x + affine[0, 0] * da + affine[0, 1] * db + affine[0, 2] * dc,
                                y + affine[1, 0] * da + affine[1, 1] * db + affine[1, 2] * dc,
                                z + affine[2, 0] * da + affine[2, 1] * db + affine[2, 2] * dc,
                                True,
                            )
                            tissue = code - base
                            if 0 < tissue <= out.shape[0]:
                                out[tissue - 1, i, j, k] += share


@nb.njit(cache=True, parallel=True, fastmath=True)
def mr_acquire(
    image: Array, affine: Array, bias: Array, gain: float, sigma: float, seed: int, out: Array
) -> None:
    """Apply coil shading, receiver gain and Rician noise, and round as a scanner does.

    ``bias`` holds nine coefficients of x, y, z, xx, yy, zz, xy, yz, zx in scanner position / 100
    mm; the field is the exponential of their sum.
    """
    for i in nb.prange(image.shape[0]):
        np.random.seed(seed + i)  # noqa: NPY002  (numba has no Generator per thread)
        for j in range(image.shape[1]):
            for k in range(image.shape[2]):
                x = 0.01 * (affine[0, 0] * i + affine[0, 1] * j + affine[0, 2] * k + affine[0, 3])
                y = 0.01 * (affine[1, 0] * i + affine[1, 1] * j + affine[1, 2] * k + affine[1, 3])
                z = 0.01 * (affine[2, 0] * i + affine[2, 1] * j + affine[2, 2] * k + affine[2, 3])
                field = bias[0] * x + bias[1] * y + bias[2] * z
                field += bias[3] * x * x + bias[4] * y * y + bias[5] * z * z
                field += bias[6] * x * y + bias[7] * y * z + bias[8] * z * x
                value = image[i, j, k]
                if value > 0.0:
                    value *= math.exp(max(-1.5, min(1.0, field)))
                if sigma > 0.0:
                    real = value + sigma * np.random.normal()  # noqa: NPY002
                    imaginary = sigma * np.random.normal()  # noqa: NPY002
                    value = math.sqrt(real * real + imaginary * imaginary)
                out[i, j, k] = int(min(32767.0, value * gain) + 0.5)


@nb.njit(cache=True, parallel=True, fastmath=True)
def ct_acquire(image: Array, sigma: float, seed: int, out: Array) -> None:
    """Add noise that is correlated between in-plane neighbours, and round to whole HU.

    The weights 1 2 1 / 4 along rows and columns are mixed with white noise; the sum keeps the
    standard deviation ``sigma``.
    """
    rows, columns = image.shape[1], image.shape[2]
    # SD of white noise after 1 2 1 / 4 in two directions is 6 / 16.
    smooth = sigma * math.sqrt(0.75) / (6.0 / 16.0)
    white = sigma * math.sqrt(0.25)
    for i in nb.prange(image.shape[0]):
        np.random.seed(seed + i)  # noqa: NPY002  (numba has no Generator per thread)
        field = np.empty((rows + 2, columns + 2), dtype=np.float32)
        for j in range(rows + 2):
            for k in range(columns + 2):
                field[j, k] = np.random.normal()  # noqa: NPY002
        for j in range(rows):
            for k in range(columns):
                value = image[i, j, k]
                if sigma > 0.0:
                    total = 0.0
                    for a in range(3):
                        for b in range(3):
                            weight = (2.0 - abs(a - 1)) * (2.0 - abs(b - 1))
                            total += field[j + a, k + b] * weight
                    value += smooth * total / 16.0 + white * np.random.normal()  # noqa: NPY002
                out[i, j, k] = math.floor(max(-1024.0, min(3071.0, value)) + 0.5)


@nb.njit(cache=True, parallel=True, fastmath=True)
def count_codes(
    body: int,
    texture: Array,
    numbers: Array,
    tables: Array,
    corner: Array,
    step: float,
    size: int,
    counts: Array,
) -> None:
    """Count the sample points of each code in a cube; ``counts`` is (size, 256), one row a slab."""
    for i in nb.prange(size):
        for j in range(size):
            for k in range(size):
                code = code_at(
                    body,
                    texture,
                    numbers,
                    tables,
                    corner[0] + step * (i + 0.5),
                    corner[1] + step * (j + 0.5),
                    corner[2] + step * (k + 0.5),
                    True,
                )
                counts[i, code] += 1


@nb.njit(cache=True, parallel=True, fastmath=True)
def tissue_cube(numbers: Array, tables: Array, corner: Array, step: float, out: Array) -> None:
    """Write the compartment of one lesion at every point of a cube of sample points."""
    for i in nb.prange(out.shape[0]):
        for j in range(out.shape[1]):
            for k in range(out.shape[2]):
                tissue = compartment(
                    numbers,
                    tables,
                    corner[0] + step * (i + 0.5),
                    corner[1] + step * (j + 0.5),
                    corner[2] + step * (k + 0.5),
                )
                out[i, j, k] = 0 if tissue == ZONE else tissue


@nb.njit(cache=True)
def outline_radii(table: Array, directions: Array, out: Array) -> None:
    """Look up one shape table at many directions, shape (n, 3)."""
    for n in range(directions.shape[0]):
        out[n] = on_table(table, directions[n, 0], directions[n, 1], directions[n, 2])


@nb.njit(cache=True)
def count_misplaced(body: int, texture: Array, points: Array) -> int:
    """Count points, shape (n, 3), where no lesion may be."""
    misplaced = 0
    for n in range(points.shape[0]):
        x, y, z = points[n, 0], points[n, 1], points[n, 2]
        if body == _HEAD:
            misplaced += not brain_gives_way(texture, x, y, z)
        else:
            misplaced += not liver_gives_way(texture, x, y, z)
    return misplaced
