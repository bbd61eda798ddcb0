"""Scans folders into courses without reading pixels, and loads the course of one subject."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path

from imgcompare.errors import ConfigurationError, InputError, NothingFoundError
from imgcompare.loading.courses import make_courses
from imgcompare.loading.dicom import make_subjects
from imgcompare.loading.finding import make_scrubber
from imgcompare.loading.folders import Walk, left_out
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.objects import ListedObject, list_objects, objects_text
from imgcompare.loading.overrides import parse_roles
from imgcompare.model import Course, Role

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True, eq=False)
class ScanResult:
    """What folders hold: a course per subject, and everything that is wrong or left out.

    ``objects`` lists DICOM objects that are no images: reports, captures, outlines.
    """

    courses: tuple[Course, ...]
    problems: tuple[str, ...] = ()
    objects: tuple[ListedObject, ...] = ()


class Regridding(StrEnum):
    """Whether uneven slices may be interpolated to even ones."""

    ALLOW = "allow"
    REFUSE = "refuse"


def scan(
    paths: PathLike | Iterable[PathLike],
    *,
    roles: Mapping[str, str | Role] | None = None,
    identified: bool = False,
    regrid: str | Regridding = Regridding.ALLOW,
) -> ScanResult:
    """Find subjects, timepoints and series below folders. Reads headers only.

    Parameters
    ----------
    paths : path or iterable of paths
        Folders of DICOM files (any names, DICOMDIR or not) or of NIfTI/NRRD files (one folder per
        timepoint), zip and tar archives of such folders, TOML files that name NIfTI/NRRD files (see
        `imgcompare.loading.converted`), or single files.
    roles : mapping of str to Role, optional
        Overrides: Series Instance UID, series number (``4`` or ``4/2``) or part of a description
        to a role.
    identified : bool
        Name courses by patient identifier and do not hide names in texts.
    regrid : {"allow", "refuse"}
        Whether uneven slices that touch may be interpolated to even ones, which is then said in
        the series' problems and the course's decisions; else such series are refused.

    Returns
    -------
    ScanResult
        Courses in order of earliest date, named ``subject-01``... unless ``identified``.

    Raises
    ------
    NothingFoundError
        If a path does not exist or there is no image at all.
    ConfigurationError
        If a role is unknown or fits no series, or several.
    """
    wanted, even = parse_roles(roles), _parse_regrid(regrid)
    roots = [Path(paths)] if isinstance(paths, (str, os.PathLike)) else [Path(p) for p in paths]
    if not roots:
        raise NothingFoundError("No folder was given; name at least one.")
    walk = Walk()
    for root in roots:
        walk.folder(root.absolute() if len(roots) > 1 else root)
    found = walk.found
    scrub = make_scrubber(found, identified=identified)
    subjects = make_subjects(found.instances, scrub=scrub, regrid=even is Regridding.ALLOW)
    more, notes = walk.converted.make_subjects(without=found.image_folders, scrub=scrub)
    problems = [*left_out(walk, scrub), *notes]
    if not subjects and not more:
        told = [*problems, *objects_text(list_objects(found.objects, (), scrub))]
        raise NothingFoundError(_nothing(roots, told, len(walk.ignored), scrub))
    try:
        named = make_courses([*subjects, *more], roles=wanted, identified=identified)
    except ConfigurationError as error:  # it repeats what was typed
        raise ConfigurationError(scrub(str(error))) from None
    courses = tuple(replace(course, hide=scrub) for course in named)
    facts = {id(i.facts): i.facts for i in found.instances}.values()
    listed = list_objects(found.objects, courses, scrub, images=facts)
    return ScanResult(courses, tuple(problems), listed)


def _parse_regrid(regrid: str | Regridding) -> Regridding:
    try:
        return Regridding(str(regrid).strip().lower())
    except ValueError:
        raise ConfigurationError(f"regrid is 'allow' or 'refuse', not {regrid!r}.") from None


def load_course(
    paths: PathLike | Iterable[PathLike],
    *,
    roles: Mapping[str, str | Role] | None = None,
    identified: bool = False,
    regrid: str | Regridding = Regridding.ALLOW,
) -> Course:
    """Find the course of the one subject below folders. Voxels are read by ``Series.load()``.

    Parameters
    ----------
    paths, roles, identified, regrid
        As for `scan`.

    Returns
    -------
    Course
        With the problems of the whole scan.

    Raises
    ------
    InputError
        If there are several subjects.
    NothingFoundError, ConfigurationError
        As for `scan`.
    """
    result = scan(paths, roles=roles, identified=identified, regrid=regrid)
    if len(result.courses) > 1:
        listed = ", ".join(_summary(course) for course in result.courses)
        raise InputError(
            f"There are {len(result.courses)} subjects here: {listed}. Give the folder or folders "
            "of one subject; if they are one person, give both the same Patient ID."
        )
    course = result.courses[0]
    return replace(course, problems=(*course.problems, *result.problems))


def _summary(course: Course) -> str:
    return f"{course.subject} ({', '.join(t.name for t in course.timepoints)})"


def _nothing(roots: list[Path], problems: list[str], ignored: int, scrub: Scrubber) -> str:
    """Say why there is nothing to compare."""
    where = ", ".join(scrub(repr(root.name or str(root))) for root in roots)
    if problems:
        return f"No usable image in {where}: {'; '.join(problems[:5])}."
    if ignored:
        return (
            f"No image in {where}: none of {ignored} files is DICOM, NIfTI or NRRD. "
            "Give the folder that holds the scans."
        )
    return f"The folder {where} is empty. Give the folder that holds the scans."
