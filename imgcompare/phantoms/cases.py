"""The named cases: which lesions, how they change, and how the patient lay each time."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from imgcompare.errors import ConfigurationError
from imgcompare.model import Role, read_only
from imgcompare.phantoms._fields import textures
from imgcompare.phantoms.lesions import PhantomLesion, Stage, misplaced
from imgcompare.phantoms.sequences import CT_ROLES, MR_ROLES

Matrix = npt.NDArray[np.float64]

BODIES = ("head", "abdomen")
FIRST_DATE = dt.date(2024, 1, 10)
WEEKS_APART = 8

_ATTEMPTS = 24

_LEFT_PARIETAL, _RIGHT_FRONTAL, _RIGHT_OCCIPITAL, _LEFT_FRONTAL = range(4)

_SITES: dict[str, tuple[tuple[str, tuple[float, float, float]], ...]] = {
    "head": (
        ("left parietal lobe", (34.0, 28.0, 36.0)),
        ("right frontal lobe", (-29.0, -33.0, 35.0)),
        ("right occipital lobe", (-38.0, 45.0, 24.0)),
        ("left frontal lobe", (28.0, -48.0, 26.0)),
    ),
    "abdomen": (
        ("liver, right lobe, posterior", (-88.0, 14.0, 38.0)),
        ("liver, right lobe, anterior", (-72.0, -44.0, 18.0)),
        ("liver, right lobe, inferior", (-98.0, 12.0, -22.0)),
        ("liver, left lobe", (-12.0, -62.0, 42.0)),
    ),
}

_Stages = tuple[Stage | None, Stage | None, Stage | None]

_CASES: dict[str, tuple[str, tuple[tuple[int, _Stages], ...]]] = {
    "pseudoprogression": (
        "The whole lesion grows by about 80 % while its enhancing part shrinks by about a quarter: "
        "the growth is necrosis. At a third timepoint it shrinks.",
        (
            (
                _LEFT_PARIETAL,
                (
                    Stage(14.6, 13.3, oedema_mm=7.0),
                    Stage(26.5, 9.8, cyst=0.12, oedema_mm=9.0),
                    Stage(18.0, 6.4, cyst=0.15, oedema_mm=6.0),
                ),
            ),
            (
                _RIGHT_OCCIPITAL,
                (
                    Stage(1.8, 1.55, oedema_mm=4.0),
                    Stage(2.4, 1.3, oedema_mm=5.0),
                    Stage(1.7, 0.8, oedema_mm=4.0),
                ),
            ),
        ),
    ),
    "progression": (
        "Both lesions grow, their enhancing parts with them; the larger one has bled.",
        (
            (
                _LEFT_PARIETAL,
                (
                    Stage(12.0, 8.4, bleed=0.30, oedema_mm=6.0),
                    Stage(19.5, 14.2, bleed=0.25, oedema_mm=8.0),
                    Stage(27.5, 20.0, bleed=0.20, oedema_mm=9.0),
                ),
            ),
            (
                _RIGHT_OCCIPITAL,
                (
                    Stage(1.3, 1.1, oedema_mm=3.0),
                    Stage(2.6, 2.2, oedema_mm=5.0),
                    Stage(4.2, 3.4, oedema_mm=6.0),
                ),
            ),
        ),
    ),
    "response": (
        "Both lesions shrink to about half and less, the enhancing parts more than the whole.",
        (
            (
                _LEFT_PARIETAL,
                (
                    Stage(22.0, 14.5, oedema_mm=9.0),
                    Stage(10.5, 5.6, oedema_mm=5.0),
                    Stage(5.2, 2.2, oedema_mm=3.0),
                ),
            ),
            (
                _RIGHT_FRONTAL,
                (
                    Stage(6.5, 4.8, oedema_mm=6.0),
                    Stage(3.0, 1.9, oedema_mm=4.0),
                    Stage(1.4, 0.8, oedema_mm=2.5),
                ),
            ),
        ),
    ),
    "stable": (
        "Nothing changes by more than 3 %: less than can be measured.",
        (
            (
                _LEFT_PARIETAL,
                (
                    Stage(16.0, 10.5, cyst=0.25, oedema_mm=7.0),
                    Stage(16.3, 10.4, cyst=0.25, oedema_mm=7.0),
                    Stage(15.8, 10.6, cyst=0.25, oedema_mm=7.0),
                ),
            ),
            (
                _RIGHT_FRONTAL,
                (
                    Stage(3.0, 2.4, oedema_mm=4.0),
                    Stage(2.95, 2.36, oedema_mm=4.0),
                    Stage(3.05, 2.43, oedema_mm=4.0),
                ),
            ),
        ),
    ),
    "mixed": (
        "One lesion shrinks, one grows, and one is new at the second timepoint.",
        (
            (
                _LEFT_PARIETAL,
                (
                    Stage(18.0, 12.0, oedema_mm=8.0),
                    Stage(8.5, 4.8, oedema_mm=5.0),
                    Stage(5.0, 2.5, oedema_mm=3.0),
                ),
            ),
            (
                _RIGHT_FRONTAL,
                (
                    Stage(4.0, 3.3, oedema_mm=4.0),
                    Stage(8.2, 6.3, oedema_mm=6.0),
                    Stage(12.0, 8.6, oedema_mm=7.0),
                ),
            ),
            (
                _LEFT_FRONTAL,
                (None, Stage(1.6, 1.35, oedema_mm=4.0), Stage(3.2, 2.5, oedema_mm=5.0)),
            ),
        ),
    ),
    "cystic_conversion": (
        "The solid part turns into fluid: the cyst grows, enhancement falls, the total grows.",
        (
            (
                _LEFT_PARIETAL,
                (
                    Stage(15.0, 11.2, cyst=0.45, oedema_mm=7.0),
                    Stage(18.5, 5.2, cyst=0.90, oedema_mm=6.0),
                    Stage(20.0, 3.9, cyst=0.96, oedema_mm=5.0),
                ),
            ),
        ),
    ),
    "disagreement": (
        "The outside grows by a quarter in diameter, then recedes, while the enhancing part falls "
        "by two thirds: progression by diameters, response by enhancing volume.",
        (
            (
                _LEFT_PARIETAL,
                (
                    Stage(12.5, 11.8, oedema_mm=7.0),
                    Stage(25.0, 7.6, cyst=0.10, oedema_mm=9.0),
                    Stage(9.5, 3.8, cyst=0.15, oedema_mm=6.0),
                ),
            ),
        ),
    ),
}

CASES: tuple[str, ...] = tuple(_CASES)
"""Names of all cases."""


@dataclass(frozen=True, slots=True, eq=False)
class PhantomCase:
    """One invented patient: anatomy, lesions over time, and motion.

    Attributes
    ----------
    name, body, description : str
        One of CASES, one of BODIES, and what happens in a sentence.
    seed : int
        Decides anatomy, shapes, motion and noise.
    dates : tuple of date
        One per timepoint, eight weeks apart.
    lesions : tuple of PhantomLesion
        Centres in anatomy LPS mm, one Stage per timepoint.
    to_anatomy : tuple of array, shape (4, 4)
        Per timepoint: maps scanner LPS mm, while the reference series runs, to anatomy LPS mm.
    within : tuple of mapping of Role to array, shape (4, 4)
        Per timepoint and series: maps scanner LPS mm during that series to scanner LPS mm during
        the reference series; the patient moves a little between series.
    """

    name: str
    body: str
    description: str
    seed: int
    dates: tuple[dt.date, ...]
    lesions: tuple[PhantomLesion, ...]
    to_anatomy: tuple[Matrix, ...]
    within: tuple[Mapping[Role, Matrix], ...]

    @property
    def roles(self) -> tuple[Role, ...]:
        """Series of each timepoint."""
        return MR_ROLES if self.body == "head" else CT_ROLES

    @property
    def reference(self) -> Role:
        """Series whose grid carries the truth."""
        return Role.T1C if self.body == "head" else Role.CT_PORTAL

    def matrix(self, timepoint: int, role: Role, *, motion: bool = True) -> Matrix:
        """Map scanner LPS mm of one series to anatomy LPS mm; identity without motion."""
        if not motion:
            return np.eye(4)
        return np.asarray(self.to_anatomy[timepoint] @ self.within[timepoint][role])


@lru_cache(maxsize=64)
def build_case(name: str, *, body: str = "head", timepoints: int = 2, seed: int = 0) -> PhantomCase:
    """Build a named case.

    Parameters
    ----------
    name : str
        One of CASES.
    body : str
        ``"head"`` (T1, T1C, T2, FLAIR) or ``"abdomen"`` (CT_PRE, CT_ARTERIAL, CT_PORTAL).
    timepoints : int
        2 or 3.
    seed : int
        Another seed gives other anatomy, lesion shapes, motion and noise; volumes stay.

    Raises
    ------
    ConfigurationError
        If the name, body or number of timepoints is unknown.
    """
    if name not in _CASES:
        raise ConfigurationError(f"There is no case {name!r}; choose from {', '.join(CASES)}.")
    if body not in BODIES:
        raise ConfigurationError(f"There is no body {body!r}; choose head or abdomen.")
    if timepoints not in (2, 3):
        raise ConfigurationError(f"A case has 2 or 3 timepoints, not {timepoints}.")
    description, entries = _CASES[name]
    lesions = tuple(
        _place(number, place, stages, name=name, body=body, seed=seed)
        for number, (place, stages) in enumerate(entries, start=1)
    )
    lesions = tuple(replace(lesion, stages=lesion.stages[:timepoints]) for lesion in lesions)
    random = np.random.default_rng([seed, CASES.index(name), BODIES.index(body)])
    roles = MR_ROLES if body == "head" else CT_ROLES
    reference = Role.T1C if body == "head" else Role.CT_PORTAL
    motions, within = [], []
    for timepoint in range(timepoints):
        # Nobody lies quite straight; the second time the head rests quite differently.
        mm, deg = ((3.0, 2.0), (10.0, 6.0), (12.0, 7.0))[timepoint]
        motions.append(read_only(_random_rigid(random, mm=mm, deg=deg)))
        small = {role: read_only(_random_rigid(random, mm=0.8, deg=0.55)) for role in roles}
        small[reference] = read_only(np.eye(4))
        within.append(MappingProxyType(small))
    dates = tuple(FIRST_DATE + dt.timedelta(weeks=WEEKS_APART * n) for n in range(timepoints))
    return PhantomCase(name, body, description, seed, dates, lesions, tuple(motions), tuple(within))


def _place(
    number: int, place: int, stages: _Stages, *, name: str, body: str, seed: int
) -> PhantomLesion:
    """Make a lesion of a shape that stays clear of bone, ventricles and the liver's surface.

    The shape must fit at all three timepoints, so that it does not depend on how many are asked
    for. Of several random shapes the first that fits, else the best, is taken.
    """
    site, centre_mm = _SITES[body][place]
    texture = textures(seed)
    first = seed * 1000 + CASES.index(name) * 150 + number * 30
    best: tuple[int, PhantomLesion] | None = None
    for attempt in range(_ATTEMPTS):
        lesion = PhantomLesion(number, site, centre_mm, stages, seed=first + attempt)
        wrong = misplaced(lesion, BODIES.index(body), texture)
        if best is None or wrong < best[0]:
            best = wrong, lesion
        if wrong == 0:
            break
    assert best is not None
    return best[1]


def rigid(axis: npt.ArrayLike, degrees: float, shift_mm: npt.ArrayLike) -> Matrix:
    """Give the matrix that turns about an axis through the origin, then shifts."""
    x, y, z = np.asarray(axis, dtype=np.float64) / np.linalg.norm(np.asarray(axis))
    angle = np.radians(degrees)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    matrix = np.eye(4)
    matrix[:3, :3] += np.sin(angle) * cross + (1.0 - np.cos(angle)) * cross @ cross
    matrix[:3, 3] = shift_mm
    return matrix


def _random_rigid(random: np.random.Generator, *, mm: float, deg: float) -> Matrix:
    """Turn and shift by up to half more and at least half of the amounts given."""
    size = random.uniform(0.6, 1.4, 2)
    shift = random.standard_normal(3)
    shift *= mm * size[0] / np.linalg.norm(shift)
    return rigid(random.standard_normal(3), deg * size[1], shift)
