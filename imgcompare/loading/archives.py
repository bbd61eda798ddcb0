"""Lists archives within limits, and names their members so that no name leads out of them.

A member is known by a path below its archive (``visit.zip/inner/IM1``), which never is a place to
write to.
"""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from typing import Final

from imgcompare.errors import UnreadableFileError
from imgcompare.loading.files import HIDDEN_PREFIXES, is_volume_file

SUFFIX: Final = ".zip"
TAR_SUFFIXES: Final = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
GZIP: Final = ".gz"

DETACHED_SUFFIXES: Final = (".raw", ".zraw")
"""Files in which NRRD and MetaImage headers keep their voxels."""

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

_LONGEST_END = 2**16 + 256  # a comment of 64 KiB and the records before it

DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    OSError,
)
"""What reading a damaged archive raises."""


class MemberPath(str):
    """Path of a member below its archive: a name for messages, and where its bytes are."""

    __slots__ = ("archive", "info", "origin")
    archive: str
    info: zipfile.ZipInfo
    origin: str

    def __new__(
        cls, archive: str, info: zipfile.ZipInfo, *, name: str = "", origin: str = ""
    ) -> MemberPath:
        """Join the archive's path and the member's name, without ways out of the archive.

        ``name`` is what the archive is called and ``origin`` the file that a person gave, where
        ``archive`` is a copy.
        """
        path = super().__new__(cls, "/".join((name or archive, *safe_parts(info.filename))))
        path.archive, path.info, path.origin = archive, info, origin or archive
        return path


def is_archive(path: str) -> bool:
    """Whether a file is, by its name, an archive or a packed file that can be opened."""
    name = path.lower()
    return name.endswith((SUFFIX, *TAR_SUFFIXES, GZIP)) and not is_volume_file(name)


def bare_name(path: str) -> str:
    """Give the name of an archive without folders and ending."""
    name = os.path.basename(path)
    endings = (SUFFIX, *sorted(TAR_SUFFIXES, key=len, reverse=True), GZIP)
    found = next((e for e in endings if name.lower().endswith(e)), "")
    return name[: len(name) - len(found)]


def safe_parts(name: str) -> tuple[str, ...]:
    """Split a member's name into folders and file, without drives, roots and parent folders."""
    parts = re.split(r"[/\\]+", name.split("\0")[0])
    return tuple(p for p in parts if p not in ("", ".", "..") and not re.fullmatch(r"\w:", p))


def members(archive: str, *, name: str = "", origin: str = "") -> tuple[MemberPath, ...]:
    """List the visible files of a zip archive; ``name`` and ``origin`` as for `MemberPath`.

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
    except DAMAGE as error:
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
    visible = [i for i in infos if not i.is_dir() and is_visible(i.filename)]
    return tuple(MemberPath(archive, info, name=name, origin=origin) for info in visible)


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


def is_visible(name: str) -> bool:
    """Whether a member has a name, and none that hides it."""
    parts = safe_parts(name)
    return bool(parts) and not any(p.startswith(HIDDEN_PREFIXES) for p in parts)
