"""What a person decides about a comparison, and where it applies."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgcompare.errors import ConfigurationError
from imgcompare.model import Course, Lesion, LesionEvent, Role, Tissue


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
class KeptOutline:
    """A lesion at one timepoint as a session keeps it, compartments and fractions included.

    Attributes
    ----------
    timepoint : str
        Date or position.
    lesion : int
        Its identity.
    labels : Path
        Tissue codes on a part of the timepoint's native reference grid, NIfTI.
    fractions : mapping of Tissue to Path
        Part of each voxel of the same grid that the tissue fills.
    source : str
        Where the outline came from.
    proposed, classes_only : bool
        As in `imgcompare.model.LesionSegmentation`.
    """

    timepoint: str
    lesion: int
    labels: Path
    fractions: Mapping[Tissue, Path] = field(default_factory=dict)
    source: str = "mask"
    proposed: bool = False
    classes_only: bool = False


@dataclass(frozen=True, slots=True)
class GivenDiameter:
    """A diameter that a reader drew on a whole lesion.

    ``ends_mm`` are two points in native patient LPS mm; ``quantity`` is ``longest_diameter``,
    ``perpendicular_diameter`` or ``short_axis``.
    """

    timepoint: str
    lesion: int
    quantity: str
    ends_mm: tuple[tuple[float, float, float], tuple[float, float, float]]


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
    transforms : tuple of (timepoint, file)
        ITK files that resample a timepoint's reference onto the baseline's, accepted by a person.
    outlines : tuple of KeptOutline
        Lesions of a saved session; with them nothing is outlined or segmented anew.
    lesions : tuple of Lesion
        What a person said of lesions: site, role, nodal.
    diameters : tuple of GivenDiameter
        Diameters that a reader drew instead of the automatic ones.
    events : tuple of LesionEvent
        Splits, mergers and others that a person declared.
    criteria : tuple of str
        Names of response criteria; empty for all that are installed.
    label_scheme : str, optional
        What the label values of the masks mean, see `imgcompare.read_mask`.
    identified : bool
        Whether results may hold the patient ID.
    site : str
        Where the lesions lie that have no site of their own; told from the headers if empty.
    regrid : {"allow", "refuse"}
        Whether uneven slices may be interpolated to even ones, see `imgcompare.scan`.
    reader : Path, optional
        Table of what a reader decided: roles, sites, statuses of non-targets, findings.
    settings, clinical, repeatability
        Settings of criteria, table of clinical events, and test-retest values; see
        `AssessOptions`.
    """

    masks: tuple[tuple[str, Path], ...] = ()
    seeds: tuple[Seed, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)
    transforms: tuple[tuple[str, Path], ...] = ()
    outlines: tuple[KeptOutline, ...] = ()
    lesions: tuple[Lesion, ...] = ()
    diameters: tuple[GivenDiameter, ...] = ()
    events: tuple[LesionEvent, ...] = ()
    criteria: tuple[str, ...] = ()
    label_scheme: str | None = None
    identified: bool = False
    site: str = ""
    regrid: str = "allow"
    reader: Path | None = None
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    clinical: Path | None = None
    repeatability: Path | None = None


@dataclass(frozen=True, slots=True)
class AssessOptions:
    """What a person decided about a typed table.

    Attributes
    ----------
    criteria : tuple of str
        Names of response criteria; empty for all that are installed.
    settings : mapping of criterion to mapping of setting to text
        E.g. ``{"recist_1_1": {"confirm": "yes"}}``.
    events : Path, optional
        Table of what happened to the patients: subject, date, event, value.
    repeatability : Path, optional
        The user's own test-retest values, from ``imgcompare repeatability``.
    sdtm : Path, optional
        Folder with CDISC SDTM tables TU and TR.
    draws : int
        How often each course is drawn anew within its error, to see how sure categories are.
    """

    criteria: tuple[str, ...] = ()
    settings: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    events: Path | None = None
    repeatability: Path | None = None
    sdtm: Path | None = None
    draws: int = 100


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
        position = _given_position(key, course)
        masks[position] = (*masks.get(position, ()), path)
    seeds: dict[int, tuple[Seed, ...]] = {}
    for seed in options.seeds:
        position = _given_position(seed.timepoint, course)
        seeds[position] = (*seeds.get(position, ()), seed)
    for position in sorted(masks.keys() & seeds.keys()):
        raise ConfigurationError(
            f"Timepoint {course.timepoints[position].name} has both a mask and a seed; give one."
        )
    return Given(masks, seeds)


def position_of(key: str, course: Course) -> int:
    """Find a timepoint by its date (2024-01-10), its position (0, 1, ...), or its name.

    A position comes before a name, so that a session means the same whatever folders are called.

    Raises
    ------
    ConfigurationError
        Naming the timepoints there are.
    """
    wanted = key.strip()
    matches = _named(wanted, course)
    if wanted.isdecimal() and int(wanted) < len(course.timepoints):
        matches = [int(wanted)]
    if len(matches) == 1:
        return matches[0]
    problem = "fits several timepoints" if matches else "is not among the timepoints"
    raise ConfigurationError(f"Timepoint {wanted!r} {problem}: {_known(course)}.")


def _given_position(key: str, course: Course) -> int:
    """Find the timepoint that a person means; a position that also names another is refused."""
    position = position_of(key, course)
    others = [i for i in _named(key.strip(), course) if i != position]
    if others:
        raise ConfigurationError(
            f"Timepoint {key.strip()!r} is one by its position and another by its name: "
            f"{_known(course)}. Say it by a position or a name that is not both."
        )
    return position


def _known(course: Course) -> str:
    return ", ".join(f"{t.index} ({t.name})" for t in course.timepoints)


def _named(wanted: str, course: Course) -> list[int]:
    return [t.index for t in course.timepoints if wanted in _names(t.date, t.label)]


def _names(date: object, label: str) -> Sequence[str]:
    return [str(n) for n in (date, label) if n]
