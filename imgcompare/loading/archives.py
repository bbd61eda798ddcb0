"""Looks into zip archives: headers while scanning, whole members only when they are needed.

A member is known by a path below its archive (``visit.zip/inner/IM1``), which never is a place to
write to. What must be a file for a moment lies in a private temporary folder.
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
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO, Final

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.files import HIDDEN_PREFIXES

SUFFIX: Final = ".zip"

MAX_MEMBERS: Final = 100_000
"""An archive with more members is refused; the largest studies hold some ten thousand images."""

MAX_DIRECTORY_BYTES: Final = 320 * MAX_MEMBERS
"""Room for as many long names in an archive's list of members."""

MAX_BYTES: Final = 64 * 2**30
"""An archive that unpacks to more is refused."""

MAX_RATIO: Final = 200
HARMLESS_BYTES: Final = 2**30
"""An archive that unpacks to more than 1 GiB and 200 times its size is refused as a bomb: scans
compress to a half or a quarter, label maps may do so by hundreds but are small."""

PREFIXES: Final = (64 * 1024, 2**20, 2**62)
"""How much of a member is unpacked to read its header, before more is tried."""

_LONGEST_END = 2**16 + 256  # a comment of 64 KiB and the records before it
_LONGEST_NAME = 100
_UNUSUAL = re.compile(r"[^\w.\- ]")
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)


class MemberPath(str):
    """Path of a member below its archive: a name for messages, and where its bytes are."""

    __slots__ = ("archive", "info")
    archive: str
    info: zipfile.ZipInfo

    def __new__(cls, archive: str, info: zipfile.ZipInfo) -> MemberPath:
        """Join the archive's path and the member's name, without ways out of the archive."""
        path = super().__new__(cls, "/".join((archive, *safe_parts(info.filename))))
        path.archive, path.info = archive, info
        return path


def is_archive(path: str) -> bool:
    """Whether a file is, by its name, a zip archive."""
    return path.lower().endswith(SUFFIX)


def safe_parts(name: str) -> tuple[str, ...]:
    """Split a member's name into folders and file, without drives, roots and parent folders."""
    parts = re.split(r"[/\\]+", name.split("\0")[0])
    return tuple(p for p in parts if p not in ("", ".", "..") and not re.fullmatch(r"\w:", p))


def members(archive: str) -> tuple[MemberPath, ...]:
    """List the visible files of an archive.

    Raises
    ------
    UnreadableFileError
        If it is damaged or encrypted, or would unpack to more than the limits above.
    """
    try:
        if _directory_bytes(archive) > MAX_DIRECTORY_BYTES:
            raise UnreadableFileError(f"claims more than {MAX_MEMBERS:,} members, the limit")
        with zipfile.ZipFile(archive) as file:
            infos = file.infolist()
    except _DAMAGE as error:
        if isinstance(error, UnreadableFileError):
            raise
        raise UnreadableFileError(f"cannot be opened ({type(error).__name__})") from None
    total = sum(i.file_size for i in infos)
    if len(infos) > MAX_MEMBERS:
        raise UnreadableFileError(f"claims {len(infos):,} members; the limit is {MAX_MEMBERS:,}")
    packed = max(1, os.path.getsize(archive))
    if total > MAX_BYTES or (total > HARMLESS_BYTES and total > MAX_RATIO * packed):
        raise UnreadableFileError(
            f"claims to unpack from {packed:,} to {total:,} bytes; the limits are "
            f"{MAX_BYTES // 2**30} GiB, and {MAX_RATIO} times above 1 GiB"
        )
    if any(i.flag_bits & 1 for i in infos):
        raise UnreadableFileError("is encrypted; unpack it and give the folder")
    visible = [i for i in infos if not i.is_dir() and _visible(i.filename)]
    return tuple(MemberPath(archive, info) for info in visible)


def _directory_bytes(archive: str) -> int:
    """Size of the list of members, from the end of the archive, before it is read as a whole.

    The record of large archives (zip64) comes before, with the size at another place (APPNOTE
    4.3.14 to 4.3.16).
    """
    with open(archive, "rb") as file:
        file.seek(max(0, os.path.getsize(archive) - _LONGEST_END))
        end = file.read()
    large, plain = end.rfind(b"PK\6\6"), end.rfind(b"PK\5\6")
    if large >= 0:
        return int.from_bytes(end[large + 40 : large + 48], "little")
    return int.from_bytes(end[plain + 12 : plain + 16], "little") if plain >= 0 else 0


def _visible(name: str) -> bool:
    parts = safe_parts(name)
    return bool(parts) and not any(p.startswith(HIDDEN_PREFIXES) for p in parts)


class Peeker:
    """Unpacks the starts of an archive's members into one small file, one after the other.

    The file has the member's full size (the rest is a hole that takes no space), so that whatever
    reads a header from a file sees what it would see after unpacking.
    """

    def __init__(self, archive: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="imgcompare-")
        self._zip = zipfile.ZipFile(archive)
        self.path = os.path.join(self._folder.name, "member")

    def __enter__(self) -> Peeker:
        """Use as a context; the file is deleted at its end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the archive and delete the file."""
        self._zip.close()
        self._folder.cleanup()

    def starts(self, member: MemberPath) -> Iterator[int]:
        """Fill the file with ever more of a member; yields the bytes that are there.

        Raises
        ------
        UnreadableFileError
            If the member is damaged or compressed in an unknown way.
        """
        size = member.info.file_size
        done = 0
        try:
            with self._zip.open(member.info) as source, open(self.path, "wb") as target:
                for wanted in PREFIXES:
                    _copy(source, target, min(wanted, size) - done)
                    done = min(wanted, size)
                    target.truncate(size)
                    target.flush()
                    yield done
                    if done == size:
                        return
        except _DAMAGE as error:
            if isinstance(error, UnreadableFileError):
                raise
            raise UnreadableFileError(f"cannot be unpacked ({type(error).__name__})") from None


def _copy(source: IO[bytes], target: IO[bytes], length: int) -> None:
    while length > 0:
        piece = source.read(min(length, 2**20))
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
        yield {
            path: _unpack(path, os.path.join(folder, f"{n:06d}", _harmless(path)))
            for n, path in enumerate(wanted)
        }


def _unpack(member: MemberPath, target: str) -> str:
    """Write one member to a file."""
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        with (
            zipfile.ZipFile(member.archive) as archive,
            archive.open(member.info) as source,
            open(target, "xb") as file,
        ):
            _copy(source, file, member.info.file_size)
    except _DAMAGE as error:
        archive_name = os.path.basename(member.archive)
        raise UnreadableFileError(
            f"{os.path.basename(member)} cannot be unpacked from {archive_name} "
            f"({type(error).__name__}); copy the archive again, or unpack it and give the folder."
        ) from None
    return target


def _harmless(path: str) -> str:
    """Give a name that any file system takes; changed names stay different by their checksum."""
    name = os.path.basename(path)
    plain = _UNUSUAL.sub("_", name)[-_LONGEST_NAME:]
    return plain if plain == name else f"{zlib.crc32(name.encode()):08x}_{plain}"


def unpack_for_good(wanted: Iterable[MemberPath]) -> Iterator[tuple[MemberPath, Path, Path]]:
    """Unpack members that other libraries read by name; kept until the program ends.

    Yields
    ------
    tuple of (MemberPath, Path, Path)
        The member, its file, and the folder that stands for the archive.
    """
    for member in wanted:
        status = os.stat(member.archive)
        root = _lasting_folder(member.archive, status.st_mtime_ns, status.st_size)
        target = root.joinpath(*map(_harmless, safe_parts(member.info.filename)))
        if not target.exists():
            try:
                _unpack(member, str(target))
            except UnreadableFileError:
                with suppress(OSError):
                    target.unlink()
                raise
        yield member, target, root


@lru_cache(maxsize=256)
def _lasting_folder(archive: str, _changed_ns: int, _size: int) -> Path:
    """Private folder for an archive's converted files, named like it; deleted at exit."""
    folder = tempfile.mkdtemp(prefix="imgcompare-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    root = Path(folder, _harmless(archive)[: -len(SUFFIX)])
    root.mkdir()
    return root
