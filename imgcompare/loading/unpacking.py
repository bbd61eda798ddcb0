"""Unpacks members of zip archives: their headers while scanning, all of them only when needed.

What must be a file lies in a private temporary folder, under names that no archive chooses.
"""

from __future__ import annotations

import atexit
import os
import re
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Final

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.archives import DAMAGE, MemberPath, bare_name, safe_parts
from imgcompare.loading.header import may_be_dicom

PREFIXES: Final = (16 * 1024, 256 * 1024, 512 * 2**20)
"""How much of a member is unpacked to read its header, before more is tried."""

MAX_PEEKED: Final = 2**30
"""What an archive may unpack to, beyond the first prefixes, before its members are listed."""

_LONGEST_NAME = 100
_UNUSUAL = re.compile(r"[^\w.\- ]")
_PIECE = 2**20


class Peeker:
    """Unpacks the starts of an archive's members into one small file, one after the other.

    The file has the member's full size, so that whatever reads a header from a file sees what it
    would see after unpacking. What lies behind the start means nothing: a hole, or an earlier
    member's bytes (emptying the file each time would take most of the time).
    """

    def __init__(self, archive: str) -> None:
        try:
            self._zip = zipfile.ZipFile(archive)
        except DAMAGE as error:
            raise UnreadableFileError(f"cannot be opened ({type(error).__name__})") from None
        self._left = MAX_PEEKED
        # a file for the user alone; a folder for each of many packed files takes far longer
        descriptor, self.path = tempfile.mkstemp(prefix="imgcompare-")
        self._file = os.fdopen(descriptor, "wb")

    def __enter__(self) -> Peeker:
        """Use as a context; the file is deleted at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the archive and delete the file."""
        self._zip.close()
        self._file.close()
        os.remove(self.path)

    def starts(self, member: MemberPath) -> Iterator[int]:
        """Fill the file with ever more of a member; yields the bytes that are there.

        Nothing is written of what cannot be DICOM, since that takes most of the time.

        Raises
        ------
        UnreadableFileError
            If the member is damaged, compressed in an unknown way, or has an endless header.
        """
        size = member.info.file_size
        done = 0
        try:
            with self._zip.open(member.info) as source:
                start = source.read(min(size, PREFIXES[0]))
                if not may_be_dicom(start):
                    return
                self._file.seek(0)
                self._file.write(start)
                done = len(start)
                for wanted in PREFIXES:
                    more = min(wanted, size) - done
                    self._left -= more
                    if self._left < 0:
                        break
                    copy_bytes(source, self._file, more)
                    done += more
                    self._file.truncate(size)  # writes what is buffered, too
                    self._file.flush()
                    yield done
                    if done == size:
                        return
        except DAMAGE as error:
            raise UnreadableFileError(f"cannot be unpacked ({type(error).__name__})") from None
        raise UnreadableFileError("has a header too long to look for its end in an archive")


def copy_bytes(source: IO[bytes], target: IO[bytes], length: int) -> None:
    """Copy so many bytes.

    Raises
    ------
    EOFError
        If there are fewer.
    """
    while length > 0:
        piece = source.read(min(length, _PIECE))
        if not piece:
            raise EOFError
        target.write(piece)
        length -= len(piece)


@contextmanager
def unpacked(paths: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """Unpack members for a while: maps their paths to files, which are deleted at the end.

    Paths that are no members are left out. File names are those of the members, made harmless.

    Raises
    ------
    UnreadableFileError
        Naming a member that is damaged, or an archive that is gone.
    """
    wanted = [p for p in dict.fromkeys(paths) if isinstance(p, MemberPath)]
    if not wanted:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="imgcompare-") as folder:
        places = {
            member: os.path.join(folder, f"{n:06d}", harmless(member))
            for n, member in enumerate(wanted)
        }
        _unpack(places)
        yield {str(member): place for member, place in places.items()}


def _unpack(places: Mapping[MemberPath, str]) -> None:
    """Write members to new files, opening each archive once."""
    for archive in dict.fromkeys(member.archive for member in places):
        whole = name = next(os.path.basename(m.origin) for m in places if m.archive == archive)
        try:
            with zipfile.ZipFile(archive) as file:
                for member, target in places.items():
                    if member.archive == archive:
                        name = member
                        _unpack_one(file, member, target)
        except DAMAGE as error:
            raise UnreadableFileError(
                f"{os.path.basename(name)} cannot be unpacked from {whole} "
                f"({type(error).__name__}); copy the archive again, or unpack it and give the "
                "folder."
            ) from None


def _unpack_one(archive: zipfile.ZipFile, member: MemberPath, target: str) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with archive.open(member.info) as source, open(target, "xb") as file:
        copy_bytes(source, file, member.info.file_size)


def harmless(path: str) -> str:
    """Give a name that any file system takes; changed names stay different by their checksum."""
    name = os.path.basename(path)
    plain = _UNUSUAL.sub("_", name)[-_LONGEST_NAME:]
    return plain if plain == name else f"{zlib.crc32(name.encode()):08x}_{plain}"


def unpack_for_good(
    archive: str, members: Iterable[MemberPath], *, origin: str = ""
) -> tuple[Path, tuple[Path, ...]]:
    """Unpack members that other libraries read by name; they are kept until the program ends.

    ``archive`` is what the archive is called; ``origin`` the file that a person gave, if it lies in
    another one. Archives that lie beside each other are unpacked beside each other, under their own
    names, so that an archive per visit is like a folder per visit.

    Returns
    -------
    tuple of (Path, tuple of Path)
        The folder that stands for the archive's own, and the members' files.

    Raises
    ------
    UnreadableFileError
        As `unpacked`.
    """
    top = lasting_folder(os.path.dirname(os.path.abspath(origin or archive)))
    inside = os.path.relpath(archive, origin).split(os.sep) if origin not in ("", archive) else []
    root = top.joinpath(*(harmless(bare_name(p)) for p in (origin or archive, *inside)))
    shutil.rmtree(root, ignore_errors=True)  # what an earlier scan of it left
    places = {
        member: str(root.joinpath(*map(harmless, safe_parts(member.info.filename))))
        for member in members
    }
    _unpack(places)
    return top, tuple(map(Path, places.values()))


@cache
def lasting_folder(_beside: str) -> Path:
    """Give the private folder for the archives of one folder; deleted at exit."""
    folder = tempfile.mkdtemp(prefix="imgcompare-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)
