"""What a person decides about a comparison, and where it applies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgcompare.errors import ConfigurationError
from imgcompare.model import Course, Role


@dataclass(frozen=True, slots=True)
class Seed:
    """A point inside a lesion: timepoint (date or position), LPS mm, and how far it may reach."""

    timepoint: str
    point_mm: tuple[float, float, float]
    radius_mm: float | None = None

    def __post_init__(self) -> None:
        """Refuse what is no point or no radius."""
        if len(self.point_mm) != 3 or not all(map(math.isfinite, self.point_mm)):
            raise ConfigurationError(
                f"A seed needs three finite coordinates in mm, not {self.point_mm}."
            )
        if self.radius_mm is not None and not 0 < self.radius_mm < math.inf:
            raise ConfigurationError(f"A seed's radius must be above 0 mm, not {self.radius_mm}.")


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What a person decided; everything left out is decided automatically and reported.

    Attributes
    ----------
    masks : tuple of (timepoint, file)
        Outlines drawn elsewhere; timepoint is an ISO date or a position (0, 1, ...).
    seeds : tuple of Seed
        Points inside lesions. Without masks and seeds, lesions are proposed.
    roles : mapping of series to Role
        Overruled roles, see `imgcompare.scan`.
    criteria : tuple of str
        Names of response criteria; empty for all that are installed.
    label_scheme : str, optional
        What the label values of the masks mean, see `imgcompare.read_mask`.
    identified : bool
        Whether results may hold the patient ID.
    """

    masks: tuple[tuple[str, Path], ...] = ()
    seeds: tuple[Seed, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)
    criteria: tuple[str, ...] = ()
    label_scheme: str | None = None
    identified: bool = False


@dataclass(frozen=True, slots=True)
class Given:
    """Masks and seeds by position of their timepoint."""

    masks: Mapping[int, tuple[Path, ...]]
    seeds: Mapping[int, tuple[Seed, ...]]

    def __bool__(self) -> bool:
        """Whether anything was given."""
        return bool(self.masks or self.seeds)


def resolve(course: Course, options: CompareOptions) -> Given:
    """Find the timepoint of each mask and seed.

    Raises
    ------
    ConfigurationError
        If a timepoint is not in the course, or one has both a mask and a seed.
    """
    masks: dict[int, tuple[Path, ...]] = {}
    for key, path in options.masks:
        position = position_of(key, course)
        masks[position] = (*masks.get(position, ()), path)
    seeds: dict[int, tuple[Seed, ...]] = {}
    for seed in options.seeds:
        position = position_of(seed.timepoint, course)
        seeds[position] = (*seeds.get(position, ()), seed)
    for position in sorted(masks.keys() & seeds.keys()):
        raise ConfigurationError(
            f"Timepoint {course.timepoints[position].name} has both a mask and a seed; give one."
        )
    return Given(masks, seeds)


def position_of(key: str, course: Course) -> int:
    """Find a timepoint by its date (2024-01-10), its name, or its position (0, 1, ...).

    Raises
    ------
    ConfigurationError
        Naming the timepoints there are.
    """
    wanted = key.strip()
    matches = [t.index for t in course.timepoints if wanted in _names(t.date, t.label)]
    if not matches and wanted.isdecimal() and int(wanted) < len(course.timepoints):
        matches = [int(wanted)]
    if len(matches) == 1:
        return matches[0]
    known = ", ".join(f"{t.index} ({t.name})" for t in course.timepoints)
    problem = "fits several timepoints" if matches else "is not among the timepoints"
    raise ConfigurationError(f"Timepoint {wanted!r} {problem}: {known}.")


def _names(date: object, label: str) -> Sequence[str]:
    return [str(n) for n in (date, label) if n]
