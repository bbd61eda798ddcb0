"""Scans folders into courses without reading pixels, and loads the course of one subject."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from imgcompare.errors import ConfigurationError, InputError, NothingFoundError, UnreadableFileError
from imgcompare.loading import archives
from imgcompare.loading.converted import ConvertedFiles
from imgcompare.loading.courses import make_courses
from imgcompare.loading.dicom import make_subjects
from imgcompare.loading.dicomdir import absent_files, is_directory_name
from imgcompare.loading.files import find_files, shown
from imgcompare.loading.finding import Found, add_file, add_member, make_scrubber
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.objects import ListedObject, list_objects, objects_text
from imgcompare.loading.overrides import parse_roles
from imgcompare.loading.unpacking import Peeker, unpack_for_good
from imgcompare.model import Course, Role

PathLike = str | os.PathLike[str]

DICOM_SUFFIXES = frozenset((".dcm", ".dicom", ".ima", ".dic"))

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tgz", ".tar.gz", ".7z", ".rar")
"""What else is named as packed; of these only zip archives are looked into, one level deep."""

_TEXT_SAMPLE = 512


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


@dataclass(slots=True)
class _Walk:
    """What a walk over folders has found so far."""

    found: Found = field(default_factory=Found)
    converted: ConvertedFiles = field(default_factory=ConvertedFiles)
    ignored: list[tuple[str, Path]] = field(default_factory=list)
    files: dict[str, None] = field(default_factory=dict)
    copies: list[tuple[int, str, Path]] = field(default_factory=list)

    def folder(self, root: Path) -> None:
        """Look at every file below a folder, once where folders are given twice or nested."""
        for path in find_files(root):
            if path in self.files:
                continue
            self.files[path] = None
            if archives.is_archive(path):
                self._archive(path, root)
            elif not (self.converted.add(path, root) or add_file(path, root, self.found)):
                self.ignored.append((path, root))

    def _archive(self, path: str, root: Path) -> None:
        """Look at every member of an archive."""
        try:
            members = archives.members(path)
            images = len(self.found.instances)
            others = [m for m in members if self.converted.takes(m)]
            with Peeker(path) as peeker:
                for member in (m for m in members if not self.converted.takes(m)):
                    if not add_member(member, peeker, root, self.found):
                        self.ignored.append((member, root))
            if others and len(self.found.instances) > images:
                self.copies.append((len(others), path, root))
            elif others:
                top, files = unpack_for_good(path, others)
                for file in files:
                    self.converted.add(str(file), top)
        except UnreadableFileError as error:
            self.found.unreadable.append((path, root, str(error)))


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
        timepoint), zip archives of such folders, TOML files that name NIfTI/NRRD files (see
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
    walk = _Walk()
    for root in roots:
        root = root.absolute() if len(roots) > 1 else root
        disc = is_directory_name(str(root)) and root.is_file()
        walk.folder(root.parent if disc else root)
    found = walk.found
    scrub = make_scrubber(found, identified=identified)
    subjects = make_subjects(found.instances, scrub=scrub, regrid=even is Regridding.ALLOW)
    more, notes = walk.converted.make_subjects(without=found.image_folders, scrub=scrub)
    problems = [*_left_out(walk, scrub), *_absent(walk, scrub), *notes]
    if not subjects and not more:
        told = [*problems, *objects_text(list_objects(found.objects, (), scrub))]
        raise NothingFoundError(_nothing(roots, told, len(walk.ignored), scrub))
    named = make_courses([*subjects, *more], roles=wanted, identified=identified)
    courses = tuple(replace(course, hide=scrub) for course in named)
    return ScanResult(courses, tuple(problems), list_objects(found.objects, courses, scrub))


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


def _left_out(walk: _Walk, scrub: Scrubber) -> list[str]:
    """Name damaged files, and files that look as if they should be DICOM but are not."""
    damaged = [
        f"{'archive' if archives.is_archive(p) else 'file'} {scrub(shown(p, root))} {why}; left out"
        for p, root, why in walk.found.unreadable
    ]
    strange = [
        f"file {scrub(shown(path, root))} is no readable image; left out"
        for path, root in walk.ignored
        if _looks_like_dicom(path, walk.found)
    ]
    packed = [
        f"archive {scrub(shown(path, root))} is not opened; unpack it and give the folder"
        for path, root in walk.ignored
        if path.lower().endswith(ARCHIVE_SUFFIXES)
    ]
    copied = [
        f"{count} NIfTI or NRRD file(s) in {scrub(shown(path, root))} left out: the DICOM images "
        "are used"
        for count, path, root in walk.copies
    ]
    return damaged + strange + packed + copied


def _absent(walk: _Walk, scrub: Scrubber) -> list[str]:
    """Say which files a DICOMDIR names that are not there; what it says of others is not used."""
    problems = []
    for path in (p for p in walk.found.directories if p in walk.files):
        count, absent = absent_files(path, walk.files)
        if absent:
            named = scrub(", ".join(absent[:3])) + (", …" if len(absent) > 3 else "")
            problems.append(
                f"the DICOMDIR names {count} files, {len(absent)} of them not here ({named}); copy "
                "the disc again if they matter"
            )
    return problems


def _looks_like_dicom(path: str, found: Found) -> bool:
    """Whether a file is, by its name and place, a damaged image rather than something else."""
    suffix = os.path.splitext(path)[1].lower()
    alone = not isinstance(path, archives.MemberPath) and not suffix
    beside = alone and os.path.dirname(path) in found.folders
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
