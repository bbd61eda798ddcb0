"""Scans folders into courses without reading pixels, and loads the course of one subject."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from imgcompare.errors import InputError, NothingFoundError
from imgcompare.loading import dicom
from imgcompare.loading.converted import ConvertedFiles
from imgcompare.loading.courses import Subject, make_courses
from imgcompare.loading.files import find_files, shown
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.overrides import parse_roles
from imgcompare.model import Course, Decision, Role, Series, Timepoint

PathLike = str | os.PathLike[str]

DICOM_SUFFIXES = frozenset((".dcm", ".dicom", ".ima", ".dic"))


@dataclass(frozen=True, slots=True, eq=False)
class ScanResult:
    """What folders hold: a course per subject, and everything that is wrong or left out."""

    courses: tuple[Course, ...]
    problems: tuple[str, ...] = ()


def scan(
    paths: PathLike | Iterable[PathLike],
    *,
    roles: Mapping[str, str | Role] | None = None,
    identified: bool = False,
) -> ScanResult:
    """Find subjects, timepoints and series below folders. Reads headers only.

    Parameters
    ----------
    paths : path or iterable of paths
        Folders of DICOM files (any names, DICOMDIR or not) or of NIfTI/NRRD files (one folder per
        timepoint), TOML files that name NIfTI/NRRD files (see `imgcompare.loading.converted`),
        or single files.
    roles : mapping of str to Role, optional
        Overrides: Series Instance UID, series number (``4`` or ``4/2``) or part of a description
        to a role.
    identified : bool
        Name courses by patient identifier and do not hide names in texts.

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
    wanted = parse_roles(roles)
    roots = [Path(paths)] if isinstance(paths, (str, os.PathLike)) else [Path(p) for p in paths]
    if not roots:
        raise NothingFoundError("No folder was given; name at least one.")
    found, converted, ignored = dicom.Found(), ConvertedFiles(), []
    for root in roots:
        for path in find_files(root):
            if converted.add(path, root) or dicom.add_file(path, root, found):
                continue
            ignored.append((path, root))
    known = dicom.make_subjects(found)
    scrub = dicom.scrubber((p for _, p in known), identified=identified)
    subjects: list[Subject] = [subject for subject, _ in known]
    more, problems = converted.make_subjects(without=found.folders)
    subjects += more
    unreadable = found.unreadable + _suspicious(ignored, found)
    problems = [*unreadable, *dicom.other_objects(found), *problems]
    if not subjects:
        raise NothingFoundError(scrub(_nothing(roots, problems, len(ignored))))
    courses = make_courses(subjects, roles=wanted, identified=identified)
    return ScanResult(
        tuple(_scrubbed(course, scrub) for course in courses), tuple(map(scrub, problems))
    )


def load_course(
    paths: PathLike | Iterable[PathLike],
    *,
    roles: Mapping[str, str | Role] | None = None,
    identified: bool = False,
) -> Course:
    """Find the course of the one subject below folders. Voxels are read by ``Series.load()``.

    Parameters
    ----------
    paths, roles, identified
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
    result = scan(paths, roles=roles, identified=identified)
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


def _suspicious(ignored: list[tuple[Path, Path]], found: dicom.Found) -> list[str]:
    """Name files that look as if they should be DICOM but are not."""
    return [
        f"file {shown(path, root)} is no readable image; left out"
        for path, root in ignored
        if path.suffix.lower() in DICOM_SUFFIXES
        or (path.parent in found.folders and not path.suffix)
    ]


def _nothing(roots: list[Path], problems: list[str], ignored: int) -> str:
    """Say why there is nothing to compare."""
    where = ", ".join(repr(root.name or str(root)) for root in roots)
    if problems:
        return f"No usable image in {where}: {'; '.join(problems[:5])}."
    if ignored:
        return (
            f"No image in {where}: none of {ignored} files is DICOM, NIfTI or NRRD. "
            "Give the folder that holds the scans."
        )
    return f"The folder {where} is empty. Give the folder that holds the scans."


def _scrubbed(course: Course, scrub: Scrubber) -> Course:
    """Give a course whose texts hide what identifies the patient."""
    return replace(
        course,
        timepoints=tuple(_scrub_timepoint(t, scrub) for t in course.timepoints),
        problems=tuple(map(scrub, course.problems)),
        decisions=tuple(
            Decision(d.stage, d.subject, scrub(d.choice), scrub(d.reason)) for d in course.decisions
        ),
    )


def _scrub_timepoint(timepoint: Timepoint, scrub: Scrubber) -> Timepoint:
    return replace(
        timepoint,
        series={role: _scrub_series(s, scrub) for role, s in timepoint.series.items()},
        others=tuple(_scrub_series(s, scrub) for s in timepoint.others),
        label=scrub(timepoint.label),
    )


def _scrub_series(series: Series, scrub: Scrubber) -> Series:
    return replace(
        series,
        description=scrub(series.description),
        role_reason=scrub(series.role_reason),
        problems=tuple(map(scrub, series.problems)),
        refusal=scrub(series.refusal),
    )
