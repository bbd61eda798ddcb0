"""What thick slices hide: fractions of voxels from thinner sub-slices that fit the signals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from imgcompare.segmentation.masks import FloatArray
from imgcompare.segmentation.partial_volume import (
    ROUND_POWER,
    Channels,
    blurred,
    precision_roots,
    pure_signals,
)

THICK_RATIO = 1.8
"""Slices at least this much thicker than pixels are split (as in normalisation)."""

MOST_PARTS = 8
"""Sub-slices per slice; about as thick as pixels are wide, if that is not too many."""

BOUNDARY_COST = 0.5
"""Cost of a square millimetre of boundary between tissues, in log probability."""

BREACH_COST = 0.7
"""The same where a core borders on what surrounds the lesion, with no rim between. Both were chosen
on phantoms of one anatomy (5 mm slices): higher costs wear thin crescents away, lower ones leave
specks of false necrosis at a lesion's ends."""

ROUNDS = 3
"""Pure signals are found again from the new fractions this often."""

SWEEPS = 15
DAMPING = 0.5

PRESENT = 0.05
"""A tissue may stay where it fills more of a voxel than this ..."""

NEIGHBOUR = 0.15
"""... and may come where it fills more than this of a neighbour: a core not through its rim."""

CROSS = ndimage.generate_binary_structure(3, 1)

IMPOSSIBLE = np.float32(1e6)
"""Stands in scores where a tissue cannot be."""

Index = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class _Place:
    """Flat indices of sub-voxels, and of their neighbours ahead and behind along each axis."""

    here: Index
    beside: tuple[tuple[Index, Index], ...]

    @classmethod
    def at(cls, index: tuple[Index, Index, Index], shape: tuple[int, ...]) -> _Place:
        """Look neighbours up; at the grid's edge a voxel is its own."""
        steps = (shape[1] * shape[2], shape[2], 1)
        here = sum(i * s for i, s in zip(index, steps, strict=True))
        beside = tuple(
            (np.where(i + 1 < n, here + s, here), np.where(i > 0, here - s, here))
            for i, n, s in zip(index, shape, steps, strict=True)
        )
        return cls(np.asarray(here), beside)


@dataclass(frozen=True, slots=True, eq=False)
class _Mixed:
    """Voxels that may hold several tissues, n of them, whitened by the precision of their signals.

    Attributes
    ----------
    at : tuple of 3 int arrays, shape (n,)
        Their indices.
    signal : float32 array, shape (n, c)
    pure : float32 array, shape (k, n, c)
        What each tissue alone would show.
    shut : float32 array, shape (k, n)
        Large where a tissue cannot be, else 0.
    """

    at: tuple[Index, Index, Index]
    signal: FloatArray
    pure: FloatArray
    shut: FloatArray


def is_thick(spacing_mm: tuple[float, float, float]) -> bool:
    """Tell whether slices are much thicker than pixels."""
    return spacing_mm[0] >= THICK_RATIO * min(spacing_mm[1:])


def resolve(
    channels: Channels,
    codes: npt.NDArray[np.uint8],
    fractions: FloatArray,
    *,
    outside: Sequence[int] = (0,),
    cores: Sequence[int] = (),
) -> FloatArray:
    """Solve fractions again with thick slices split into sub-slices of one tissue each.

    The signals of a thick voxel fit several mixtures alike: rim and oedema, or rim, brain and a
    little necrosis. Surfaces tell them apart, as tissues meet along few and smooth ones.
    Sub-slices, as thick as pixels are wide, each take the tissue that makes the mean of their voxel
    fit its signals and that agrees with neighbours on all six sides: a Potts model on the fine
    grid, solved by mean field.

    Parameters
    ----------
    channels : Channels
        Images on one grid with thick slices.
    codes : uint8 array, shape (k,)
        Tissues, as from ``unmix``.
    fractions : float32 array, shape (k, slices, rows, columns)
        Where to start.
    outside, cores : sequence of int
        Codes that are not lesion, and codes that a rim encloses as a rule.

    Returns
    -------
    float32 array of the same shape
        Sums to 1 in each voxel.

    References
    ----------
    Super-resolution mapping: Kasetkasem 2005, doi 10.1016/j.rse.2005.02.006; mean field: Zhang
    1992, doi 10.1109/78.157297.
    """
    beyond, core = np.isin(codes, outside), np.isin(codes, cores)
    costs = np.full((len(codes), len(codes)), BOUNDARY_COST, dtype=np.float32)
    costs[(core[:, None] & beyond) | (beyond[:, None] & core)] = BREACH_COST
    np.fill_diagonal(costs, 0)
    parts = int(min(round(channels.spacing_mm[0] / min(channels.spacing_mm[1:])), MOST_PARTS))
    for _ in range(ROUNDS if len(codes) > 1 else 0):
        mixed = _gather(channels, codes, fractions, ~beyond)
        slices = _split(fractions, parts)
        _settle(mixed, slices, costs, channels.spacing_mm)
        fractions = slices.mean(axis=2)
    return fractions


def _gather(
    channels: Channels,
    codes: npt.NDArray[np.uint8],
    fractions: FloatArray,
    lesion: npt.NDArray[np.bool_],
) -> _Mixed:
    """Collect the voxels in which at least two tissues may be, one of them of the lesion."""
    means, covariances = pure_signals(channels, codes, fractions**ROUND_POWER)
    near = np.stack([ndimage.maximum_filter(f, footprint=CROSS) for f in fractions])
    allowed = (near > NEIGHBOUR) | (fractions > PRESENT)
    mixed = allowed[lesion].any(axis=0) & (allowed.sum(axis=0) > 1)
    z, y, x = np.nonzero(mixed)
    pure = means[:, :, mixed]
    roots = precision_roots(channels, pure, covariances, blurred(fractions)[:, mixed])
    return _Mixed(
        (z, y, x),
        np.einsum("ncd,dn->nc", roots, channels.values[:, mixed], optimize=True),
        np.einsum("ncd,kdn->knc", roots, pure, optimize=True),
        np.where(allowed[:, mixed], np.float32(0), IMPOSSIBLE),
    )


def _split(fractions: FloatArray, parts: int) -> FloatArray:
    """Spread fractions over sub-slices, linearly along the slice axis: [k, slice, part, ...]."""
    count, size, *plane = fractions.shape
    position = (np.arange(size * parts) + 0.5) / parts - 0.5
    low = np.clip(np.floor(position).astype(int), 0, size - 1)
    high = np.minimum(low + 1, size - 1)
    weight = np.clip(position - low, 0, 1).astype(np.float32)[None, :, None, None]
    fine = fractions[:, low] * (1 - weight) + fractions[:, high] * weight
    return np.ascontiguousarray(fine, dtype=np.float32).reshape(count, size, parts, *plane)


def _settle(
    mixed: _Mixed, slices: FloatArray, costs: FloatArray, spacing_mm: tuple[float, float, float]
) -> None:
    """Update the sub-slices in turn, each with the others held, in place."""
    count, size, parts, *plane = slices.shape
    belief = slices.reshape(count, -1)
    share = np.float32(1 / parts)
    z, y, x = mixed.at
    fine = (size * parts, *plane)
    faces = _faces((spacing_mm[0] / parts, *spacing_mm[1:]))
    places = [_Place.at((z * parts + n, y, x), fine) for n in range(parts)]
    shown = [share * _mean_signal(belief[:, p.here], mixed.pure) for p in places]
    total = np.sum(shown, axis=0)
    own = share**2 / 2 * np.einsum("knc,knc->kn", mixed.pure, mixed.pure) + mixed.shut
    for sweep in range(SWEEPS):
        for n in range(parts)[:: 1 if sweep % 2 == 0 else -1]:
            place = places[n]
            rest = mixed.signal - total + shown[n]
            score = share * np.einsum("nc,knc->kn", rest, mixed.pure) - own
            around = np.zeros_like(score)
            for area, (ahead, behind) in zip(faces, place.beside, strict=True):
                around += area * (belief[:, ahead] + belief[:, behind])
            score -= costs @ around
            likely = np.exp(score - score.max(axis=0))
            updated = (1 - DAMPING) * belief[:, place.here] + DAMPING * likely / likely.sum(axis=0)
            belief[:, place.here] = updated
            now = share * _mean_signal(updated, mixed.pure)
            total += now - shown[n]
            shown[n] = now


def _mean_signal(belief: FloatArray, pure: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("kn,knc->nc", belief, pure))


def _faces(spacing_mm: tuple[float, float, float]) -> list[np.float32]:
    """Areas of a sub-voxel's faces across slices, rows and columns, mm²."""
    a, b, c = spacing_mm
    return [np.float32(area) for area in (b * c, a * c, a * b)]
