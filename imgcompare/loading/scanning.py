"""Scans folders into courses without reading pixels, and loads the course of one subject."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from imgcompare.errors import InputError, NothingFoundError
from imgcompare.loading import dicom
from imgcompare.loading.converted import ConvertedFiles
from imgcompare.loading.courses import make_courses
from imgcompare.loading.files import find_files, shown
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.overrides import parse_roles
from imgcompare.model import Course, Role

PathLike = str | os.PathLike[str]

DICOM_SUFFIXES = frozenset((".dcm", ".dicom", ".ima", ".dic"))

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".7z", ".rar")

_TEXT_SAMPLE = 512


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
    found, converted = dicom.Found(), ConvertedFiles()
    ignored: list[tuple[str, Path]] = []
    for root in roots:
        for path in find_files(root):
            if not (converted.add(path, root) or dicom.add_file(path, root, found)):
                ignored.append((path, root))
    scrub = dicom.make_scrubber(found, identified=identified)
    subjects = dicom.make_subjects(found, scrub=scrub)
    more, notes = converted.make_subjects(without=found.image_folders, scrub=scrub)
    problems = [*_left_out(ignored, found, scrub), *dicom.other_objects(found), *notes]
    if not subjects and not more:
        raise NothingFoundError(_nothing(roots, problems, len(ignored), scrub))
    courses = make_courses([*subjects, *more], roles=wanted, identified=identified)
    return ScanResult(courses, tuple(problems))


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


def _left_out(ignored: list[tuple[str, Path]], found: dicom.Found, scrub: Scrubber) -> list[str]:
    """Name damaged files, and files that look as if they should be DICOM but are not."""
    damaged = [f"file {scrub(shown(p, root))} {why}; left out" for p, root, why in found.unreadable]
    strange = [
        f"file {scrub(shown(path, root))} is no readable image; left out"
        for path, root in ignored
        if _looks_like_dicom(path, found)
    ]
    packed = [
        f"archive {scrub(shown(path, root))} is not opened; unpack it and give the folder"
        for path, root in ignored
        if path.lower().endswith(ARCHIVE_SUFFIXES)
    ]
    return damaged + strange + packed


def _looks_like_dicom(path: str, found: dicom.Found) -> bool:
    """Whether a file is, by its name and place, a damaged image rather than something else."""
    suffix = os.path.splitext(path)[1].lower()
    beside = not suffix and os.path.dirname(path) in found.folders
    return suffix in DICOM_SUFFIXES or (beside and not _is_text(path))


def _is_text(path: str) -> bool:
    """Whether a file is a note that people left beside the images."""
    try:
        with open(path, "rb") as file:
            start = file.read(_TEXT_SAMPLE)
        return bool(start) and b"\0" not in start and bool(start.decode("utf-8", "ignore"))
    except OSError:
        return False


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
