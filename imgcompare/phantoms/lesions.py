"""Lesions with volumes to order: from a description in mL to the numbers that draw the shape."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.phantoms._kernels import count_misplaced, outline_radii
from imgcompare.phantoms._lesion import LESION_BASE, MIN_RIM, NUMBERS, table_directions

Floats = npt.NDArray[np.float64]

WAVES = 9
"""Waves per surface: enough for lobes, few enough to stay smooth."""

TABLE_SIDE = 97
"""Entries per side of the tables that the kernels look shapes up in."""

_DIRECTIONS = 3000
_SHELLS = 24
_OUTLINE_CHECKS = 1500


@dataclass(frozen=True, slots=True)
class Stage:
    """What a lesion is like at one timepoint.

    Attributes
    ----------
    whole_ml, enhancing_ml : float
        Volumes to build, mL; the enhancing rim surrounds the rest, the core.
    cyst, bleed : float
        Part of the core that is cyst or haemorrhage, 0 to 1; the remainder is necrotic.
    oedema_mm : float
        Mean reach of oedema beyond the outline, mm; head only.
    """

    whole_ml: float
    enhancing_ml: float
    cyst: float = 0.0
    bleed: float = 0.0
    oedema_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class PhantomLesion:
    """One lesion of a case over time.

    Attributes
    ----------
    id : int
        Number of the lesion, from 1.
    site : str
        Where it is, in words.
    centre_mm : tuple of float
        Centre of its shape, anatomy LPS mm.
    stages : tuple of Stage or None
        One per timepoint; None where the lesion is absent.
    seed : int
        Decides its shape.
    """

    id: int
    site: str
    centre_mm: tuple[float, float, float]
    stages: tuple[Stage | None, ...]
    seed: int

    def status(self, timepoint: int) -> str:
        """Give ``present``, ``new`` (first seen after timepoint 0) or ``absent``."""
        if self.stages[timepoint] is None:
            return "absent"
        return "new" if timepoint and all(s is None for s in self.stages[:timepoint]) else "present"


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Numbers and tables of the lesions present at one timepoint (see _lesion)."""

    ids: tuple[int, ...]
    numbers: Floats
    tables: Floats

    def base(self, lesion_id: int) -> int:
        """Code of tissue 0 of a lesion."""
        return LESION_BASE + 8 * self.ids.index(lesion_id)


def shapes(lesions: Sequence[PhantomLesion], timepoint: int) -> Shapes:
    """Build the shapes of all lesions present at a timepoint."""
    present = [lesion for lesion in lesions if lesion.stages[timepoint] is not None]
    numbers = np.zeros((len(present), NUMBERS))
    tables = np.zeros((len(present), 3, TABLE_SIDE, TABLE_SIDE))
    for row, lesion in enumerate(present):
        stage = lesion.stages[timepoint]
        if stage is not None:
            numbers[row], tables[row] = _shape(lesion, stage, timepoint)
    return Shapes(tuple(lesion.id for lesion in present), numbers, tables)


def _shape(lesion: PhantomLesion, stage: Stage, timepoint: int) -> tuple[Floats, Floats]:
    """Solve radius, rim, cyst and bleed of one lesion for the volumes asked for."""
    random = np.random.default_rng([lesion.seed, 5])
    to_round = _stretch(random)
    waves = _waves(random, np.random.default_rng([lesion.seed, 7, timepoint]))
    numbers = np.zeros(NUMBERS)
    numbers[0:3] = lesion.centre_mm
    numbers[3:12] = to_round.ravel()
    directions = fibonacci_sphere(_DIRECTIONS)
    outline = 1.0 + _ripple(waves[0], directions)
    ball = 4.0 / 3.0 * np.pi / 1000.0
    radius = float(np.cbrt(stage.whole_ml / (ball * np.mean(outline**3))))
    rim = np.maximum(MIN_RIM, 1.0 + _ripple(waves[1], directions))
    core_ml = stage.whole_ml - stage.enhancing_ml

    def core(thickness: float) -> Floats:
        return np.maximum(0.0, radius * outline - thickness * rim)

    thickness = _solve(
        lambda t: core_ml - float(ball * np.mean(core(t) ** 3)), 0.0, 6.0 * radius / MIN_RIM
    )
    numbers[12], numbers[13] = radius, thickness
    points, weights, wave = _core_points(directions, core(thickness), outline)
    for first, part, place in ((16, stage.cyst, 0.30), (20, stage.bleed, -0.55)):
        numbers[first : first + 3] = place * radius * _unit(random)
        if part > 0.0:
            numbers[first + 3] = _ball_radius(
                numbers[first : first + 3], part, points, weights, wave
            )
    stretch = float(np.linalg.norm(np.linalg.inv(to_round), 2))
    numbers[14] = radius * outline.max() * 1.02 * stretch
    numbers[15] = stage.oedema_mm
    numbers[24] = 0.18 if stage.oedema_mm > 0.0 else 0.10
    numbers[25] = numbers[14] + 2.2 * stage.oedema_mm * stretch
    every = table_directions(TABLE_SIDE)
    return numbers, np.stack([_ripple(w, every) for w in waves])


def outline_points(built: Shapes, row: int, count: int) -> Floats:
    """Give points of a lesion's outline, anatomy LPS mm, shape (count, 3)."""
    numbers = built.numbers[row]
    directions = fibonacci_sphere(count)
    wave = np.empty(count)
    outline_radii(built.tables[row, 0], directions, wave)
    from_round = np.linalg.inv(numbers[3:12].reshape(3, 3))
    points = (directions * (numbers[12] * (1.0 + wave))[:, None]) @ from_round.T
    return np.asarray(points + numbers[:3])


def misplaced(lesion: PhantomLesion, body: int, texture: npt.NDArray[np.float32]) -> int:
    """Count points of the outline, over all timepoints, that lie where no lesion may be."""
    total = 0
    for timepoint, stage in enumerate(lesion.stages):
        if stage is not None:
            points = outline_points(shapes((lesion,), timepoint), 0, _OUTLINE_CHECKS)
            total += int(count_misplaced(body, texture, points))
    return total


def fibonacci_sphere(count: int) -> Floats:
    """Give evenly spread directions, shape (count, 3)."""
    index = np.arange(count) + 0.5
    z = 1.0 - 2.0 * index / count
    angle = np.pi * (1.0 + np.sqrt(5.0)) * index
    across = np.sqrt(1.0 - z * z)
    return np.stack([across * np.cos(angle), across * np.sin(angle), z], axis=1)


def _unit(random: np.random.Generator) -> Floats:
    vector = random.standard_normal(3)
    return np.asarray(vector / np.linalg.norm(vector))


def _stretch(random: np.random.Generator) -> Floats:
    """Map from a tilted ellipsoid of axes up to 1 : 1.2 to a ball of equal volume."""
    axes = np.exp(random.uniform(-0.09, 0.09, 3))
    axes /= np.cbrt(axes.prod())
    rotation, _ = np.linalg.qr(random.standard_normal((3, 3)))
    return np.asarray(np.diag(1.0 / axes) @ rotation.T)


def _waves(random: np.random.Generator, now: np.random.Generator) -> Floats:
    """Waves of outline, rim and oedema; a third of the outline's changes with time."""
    waves = np.zeros((3, WAVES, 5))
    for surface, (low, high, size) in enumerate(
        ((1.8, 5.5, 0.115), (1.2, 4.0, 0.62), (2.0, 7.0, 0.5))
    ):
        lengths = random.uniform(low, high, WAVES)
        for w in range(WAVES):
            waves[surface, w, :3] = lengths[w] * _unit(random)
            waves[surface, w, 3] = random.uniform(0.0, 2.0 * np.pi)
            waves[surface, w, 4] = size * np.sqrt(2.0 / WAVES) * (low / lengths[w]) ** 0.5
    waves[0, :3, 3] += now.uniform(-0.5, 0.5, 3)
    waves[1, :, 3] += now.uniform(-0.8, 0.8, WAVES)
    return waves


def _ripple(waves: Floats, directions: Floats) -> Floats:
    phase = directions @ waves[:, :3].T + waves[:, 3]
    return np.asarray(np.cos(phase) @ waves[:, 4])


def _core_points(
    directions: Floats, core: Floats, outline: Floats
) -> tuple[Floats, Floats, Floats]:
    """Points that fill the core, the volume each stands for (relative), and the outline's wave."""
    shell = np.cbrt((np.arange(_SHELLS) + 0.5) / _SHELLS)
    points = directions[:, None, :] * (core[:, None] * shell[None, :])[..., None]
    weights = np.repeat(core**3, _SHELLS)
    wave = np.repeat(outline - 1.0, _SHELLS)
    total = weights.sum()
    return points.reshape(-1, 3), weights / (total if total > 0 else 1.0), wave


def _ball_radius(
    centre: Floats, part: float, points: Floats, weights: Floats, wave: Floats
) -> float:
    """Radius of the wavy ball that holds ``part`` of the core."""
    needed = np.linalg.norm(points - centre, axis=1) / (1.0 + 0.5 * wave)
    order = np.argsort(needed)
    filled = np.cumsum(weights[order])
    if part >= 0.999:
        return float(needed.max() * 1.1)
    return float(np.interp(part, filled, needed[order]))


def _solve(function, low: float, high: float) -> float:  # type: ignore[no-untyped-def]
    """Find where a rising function of one number crosses zero, by bisection."""
    for _ in range(60):
        middle = 0.5 * (low + high)
        if function(middle) > 0.0:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)
