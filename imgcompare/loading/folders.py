"""Walks over folders and archives, looks at every file once, and says what was left out and why."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgcompare.errors import UnreadableFileError
from imgcompare.loading import archives
from imgcompare.loading.converted import ConvertedFiles
from imgcompare.loading.dicomdir import absent_files, is_directory_name
from imgcompare.loading.files import find_files, shown
from imgcompare.loading.finding import Found, add_file, add_member
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.listing import first_few
from imgcompare.loading.repacking import MAX_DEPTH, Repacker
from imgcompare.loading.unpacking import Peeker, unpack_for_good

DICOM_SUFFIXES = frozenset((".dcm", ".dicom", ".ima", ".dic"))

UNOPENED_SUFFIXES = (".7z", ".rar", ".zst", ".bz2", ".xz", ".z", ".iso", ".dmg")
"""What else is named as packed."""

_TEXT_SAMPLE = 512


@dataclass(slots=True)
class Walk:
    """What a walk over folders has found so far."""

    found: Found = field(default_factory=Found)
    converted: ConvertedFiles = field(default_factory=ConvertedFiles)
    ignored: list[tuple[str, Path]] = field(default_factory=list)
    files: dict[str, None] = field(default_factory=dict)
    copies: list[tuple[int, str, Path]] = field(default_factory=list)
    packs: Repacker = field(default_factory=lambda: Repacker(ConvertedFiles.takes))

    def folder(self, root: Path) -> None:
        """Look at every file below a folder (of a DICOMDIR), once where folders repeat or nest."""
        if is_directory_name(str(root)) and root.is_file():
            root = root.parent
        for path in find_files(root):
            if path in self.files:
                continue
            self.files[path] = None
            if archives.is_archive(path):
                self._archive(path, root, name=path, origin=path)
            elif not (self.converted.add(path, root) or add_file(path, root, self.found)):
                self.ignored.append((path, root))

    def _archive(self, path: str, root: Path, *, name: str, origin: str, depth: int = 1) -> None:
        """Look at every member of an archive; ``path`` is where its bytes are."""
        try:
            path = self.packs.zip_of(path, name=name, origin=origin)
            members = archives.members(path, name=name, origin=origin)
            if not members:
                self.ignored.append((name, root))
            images = len(self.found.instances)
            inner = [m for m in members if archives.is_archive(m)]
            known = {*inner, *(m for m in members if self.converted.takes(m))}
            others = [m for m in members if m not in known]
            self._members(path, others, root)
            self._converted(members, name, root, only=len(self.found.instances) == images)
            for member in inner:
                self._inner(member, root, depth)
        except UnreadableFileError as error:
            self.found.unreadable.append((name, root, str(error)))

    def _members(self, path: str, members: Sequence[archives.MemberPath], root: Path) -> None:
        """Look at files in a zip archive."""
        if not members:
            return
        with Peeker(path) as peeker:
            for member in members:
                if not add_member(member, peeker, root, self.found):
                    self.ignored.append((member, root))

    def _inner(self, member: archives.MemberPath, root: Path, depth: int) -> None:
        """Look at an archive that lies in another one."""
        if self.packs.exhausted:
            return  # which has been said
        try:
            self.packs.count()
            if depth > MAX_DEPTH:
                raise UnreadableFileError(
                    f"is not opened: it lies in {depth} archives; unpack it and give the folder"
                )
            path = self.packs.extracted(member)
        except UnreadableFileError as error:
            self.found.unreadable.append((member, root, str(error)))
            return
        self._archive(path, root, name=str(member), origin=member.origin, depth=depth + 1)

    def _converted(
        self, members: Sequence[archives.MemberPath], name: str, root: Path, *, only: bool
    ) -> None:
        """Unpack NIfTI and NRRD files, unless there are DICOM images beside them."""
        taken = [m for m in members if self.converted.takes(m)]
        if taken and not only:
            self.copies.append((len(taken), name, root))
        elif taken:
            endings = (*archives.DETACHED_SUFFIXES, archives.GZIP)
            voxels = [m for m in members if m.lower().endswith(endings) and m not in taken]
            wanted = [*taken, *voxels]
            top, files = unpack_for_good(name, wanted, origin=wanted[0].origin)
            for file in files:
                self.converted.add(str(file), top)


def left_out(walk: Walk, scrub: Scrubber) -> list[str]:
    """Name damaged files, archives not opened, files that should be DICOM, and files missed."""
    damaged = [
        scrub(
            f"{'archive' if archives.is_archive(p) else 'file'} {shown(p, root)} "
            f"{why.rstrip('.')}; left out"
        )
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
        if path.lower().endswith(UNOPENED_SUFFIXES)
    ]
    pairs = [
        f"file {scrub(shown(path, root))} is part of a NIfTI or Analyze pair, which is not read; "
        "convert it to .nii.gz"
        for path, root in walk.ignored
        if path.lower().endswith((".hdr", ".hdr.gz"))
    ]
    copied = [
        f"{count} NIfTI or NRRD file(s) in {scrub(shown(path, root))} left out: the DICOM images "
        "are used"
        for count, path, root in walk.copies
    ]
    return [*damaged, *strange, *packed, *pairs, *copied, *_absent(walk, scrub)]


def _absent(walk: Walk, scrub: Scrubber) -> list[str]:
    """Say which files a DICOMDIR names that are not there; what it says of others is not used."""
    problems = []
    for path in (p for p in walk.found.directories if p in walk.files):
        count, absent = absent_files(path, walk.files)
        if absent:
            named = scrub(first_few(absent, 3))
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
