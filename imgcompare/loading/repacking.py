"""Makes tar archives, packed files and archives inside archives readable like zip archives.

What can be of use is copied once, within limits, into a zip archive in a private temporary folder
that is deleted when the program ends; from there all is read as from any zip archive.
"""

from __future__ import annotations

import gzip
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

from imgcompare.errors import UnreadableFileError
from imgcompare.loading import archives
from imgcompare.loading.archives import MemberPath
from imgcompare.loading.header import may_be_dicom
from imgcompare.loading.unpacking import copy_bytes, harmless, lasting_folder

MAX_DEPTH: Final = 3
"""Archives inside archives are opened this deep: an export of studies, each of packed series."""

MAX_INNER: Final = 5_000
"""Archives and packed files inside archives that one scan looks at."""

MAX_RATIO: Final = 50
HARMLESS_BYTES: Final = 2**28
"""What has no list of members is refused as a bomb when it has unpacked to more than 256 MiB and 50
times its size: it has to be unpacked to be looked at."""

MAX_TAR_MEMBERS: Final = 50_000
"""A tar archive has no list of members, and has to be gone through."""

MAX_COPIED: Final = 32 * 2**30
"""Bytes that one scan copies into temporary files."""

_START: Final = 512
_LONGEST_NAME: Final = 2**20
_LONGEST_PATH: Final = 4096
_PIECE: Final = 2**20
_EXTENDED: Final = frozenset(
    (
        *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
        *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    )
)
"""Members that only hold names and attributes of the next one, which are read as a whole."""

_DAMAGE: Final = (*archives.DAMAGE, tarfile.TarError, lzma.LZMAError, ValueError)


class _Bytes(Protocol):
    def read(self, size: int, /) -> bytes: ...


_Entry = tuple[str, int | None, _Bytes]
"""Name, size if it is known, and bytes of a file in an archive."""


class Repacker:
    """Copies archives of one scan, within its limits; ``takes`` tells files besides DICOM."""

    def __init__(self, takes: Callable[[str], bool]) -> None:
        self._takes = takes
        self._left, self._inside = MAX_COPIED, 0

    @property
    def exhausted(self) -> bool:
        """Whether there have been too many archives inside archives."""
        return self._inside > MAX_INNER

    def count(self) -> None:
        """Count an archive inside an archive.

        Raises
        ------
        UnreadableFileError
            If it is one too many.
        """
        self._inside += 1
        if self.exhausted:
            raise UnreadableFileError(
                f"and those after it are not opened: {MAX_INNER:,} archives inside are the limit"
            )

    def zip_of(self, path: str, *, name: str, origin: str) -> str:
        """Give a zip archive that holds what is of use in an archive: itself, or a copy.

        Parameters
        ----------
        path : str
            Where its bytes are.
        name : str
            What it is called, which tells its kind.
        origin : str
            The file that a person gave.

        Raises
        ------
        UnreadableFileError
            If it is damaged or unpacks beyond the limits.
        """
        if name.lower().endswith(archives.SUFFIX):
            return path
        target = _place(name, origin)
        entries = _tar_entries if name.lower().endswith(archives.TAR_SUFFIXES) else _gzip_entry
        with _named_damage(), _replaced(target) as part, zipfile.ZipFile(part, "w") as copy:
            for entry, size, source in entries(path, name):
                self._keep(entry, size, source, copy)
        return target

    def extracted(self, member: MemberPath) -> str:
        """Give a file that holds an archive which lies in another one.

        Raises
        ------
        UnreadableFileError
            If it is damaged, or too much has been copied.
        """
        self._spend(member.info.file_size)
        target = _place(member, member.origin)
        with (
            _named_damage(),
            _replaced(target) as part,
            zipfile.ZipFile(member.archive) as outer,
            outer.open(member.info) as source,
            open(part, "wb") as file,
        ):
            copy_bytes(source, file, member.info.file_size)
        return target

    def _keep(self, name: str, size: int | None, source: _Bytes, copy: zipfile.ZipFile) -> None:
        """Copy one file if it can be of use."""
        start = source.read(_START)
        known = self._takes(name) or archives.is_archive(name)
        apart = name.lower().endswith(archives.DETACHED_SUFFIXES)
        if not (known or apart or may_be_dicom(start)):
            return
        self._spend(size or 0)
        name = name[-_LONGEST_PATH:].encode("utf-8", "replace").decode()
        while name in copy.NameToInfo:
            name = f"{name}_"  # archives may hold one name twice
        with copy.open(zipfile.ZipInfo(name), "w", force_zip64=True) as file:
            piece = start
            while piece:
                file.write(piece)
                if size is None:
                    self._spend(len(piece))
                piece = source.read(_PIECE)

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise UnreadableFileError(
                f"needs more than {MAX_COPIED >> 30} GiB of temporary files; unpack it and give "
                "the folder"
            )


class _Member(tarfile.TarInfo):
    """A member of a tar archive whose name does not take all memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Member:
        """Read a header, see `tarfile.TarInfo.frombuf`."""
        made = super().frombuf(buf, encoding, errors)
        if made.size < 0 or (made.type in _EXTENDED and made.size > _LONGEST_NAME):
            raise tarfile.ReadError("impossible header")
        return made


def _tar_entries(path: str, _: str) -> Iterator[_Entry]:
    """Go through the files of a tar archive: names, sizes and bytes."""
    limit, seen = _Limit(path), 0
    with tarfile.open(path, "r|*", tarinfo=_Member) as file:
        for count, member in enumerate(file, start=1):
            seen += member.size
            limit.require(seen)
            if count > MAX_TAR_MEMBERS:
                raise UnreadableFileError(f"has over {MAX_TAR_MEMBERS:,} members, the limit")
            source = file.extractfile(member) if member.isreg() and not member.issparse() else None
            if source is not None and archives.is_visible(member.name):
                yield member.name, member.size, source


def _gzip_entry(path: str, name: str) -> Iterator[_Entry]:
    """Give the one file that a packed file holds."""
    with gzip.open(path) as file:
        yield os.path.basename(name)[: -len(archives.GZIP)], None, _Counted(file, _Limit(path))


class _Limit:
    """How much an archive may unpack to."""

    def __init__(self, path: str) -> None:
        packed = max(1, os.path.getsize(path))
        self._most = min(archives.MAX_BYTES, max(HARMLESS_BYTES, MAX_RATIO * packed))

    def require(self, count: int) -> None:
        if count > self._most:
            raise UnreadableFileError(f"unpacks to more than {self._most:,} bytes, its limit")


class _Counted:
    """A file that is read no further than a limit."""

    def __init__(self, file: _Bytes, limit: _Limit) -> None:
        self._file, self._limit, self._count = file, limit, 0

    def read(self, size: int) -> bytes:
        piece = self._file.read(size)
        self._count += len(piece)
        self._limit.require(self._count)
        return piece


def _place(name: str, origin: str) -> str:
    """Path of a copy, the same at each scan."""
    folder = lasting_folder(os.path.dirname(os.path.abspath(origin)))
    plain = harmless(name.removesuffix(archives.SUFFIX))
    return str(folder / f"{zlib.crc32(name.encode()):08x}_{plain}.packed")


@contextmanager
def _named_damage() -> Iterator[None]:
    """Turn what reading damaged archives raises into one error."""
    try:
        yield
    except UnreadableFileError:
        raise
    except _DAMAGE as error:
        raise UnreadableFileError(f"cannot be unpacked ({type(error).__name__})") from None


@contextmanager
def _replaced(target: str) -> Iterator[str]:
    """Write a file that replaces an older one only when it is complete."""
    part = f"{target}.part"
    try:
        yield part
        os.replace(part, target)
    finally:
        if os.path.exists(part):
            os.remove(part)
