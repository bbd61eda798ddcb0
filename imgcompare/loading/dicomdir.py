"""Reads a DICOMDIR as a hint: which files there were when the disc was written.

It never says what a file is. Discs are copied in part, renamed and merged, and the files' own
headers hold everything a DICOMDIR repeats.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Final

DIRECTORY_NAME: Final = "DICOMDIR"

MAX_BYTES: Final = 64 * 2**20
"""More than the records of a hundred thousand images; what is larger is no DICOMDIR."""

_REFERENCE = re.compile(rb"\x04\x00\x00\x15CS(..)", re.DOTALL)  # (0004,1500), explicit, PS3.10 8.6
_VERSION = re.compile(r";\d+$")  # as ISO 9660 ends file names


def is_directory_name(path: str) -> bool:
    """Whether a file is, by its name, a DICOMDIR."""
    return os.path.basename(path).upper() == DIRECTORY_NAME


def references(path: str) -> tuple[str, ...]:
    """Files that a DICOMDIR names, relative to it, with slashes; empty if it cannot be read."""
    try:
        if os.path.getsize(path) > MAX_BYTES:
            return ()
        data = Path(path).read_bytes()
    except OSError:
        return ()
    found = []
    for match in _REFERENCE.finditer(data):
        length = int.from_bytes(match.group(1), "little")
        value = data[match.end() : match.end() + length].decode("ascii", "replace").strip("\0 ")
        if value:
            found.append("/".join(part.strip() for part in value.split("\\")))
    return tuple(dict.fromkeys(found))


def absent_files(path: str, present: Iterable[str]) -> tuple[int, tuple[str, ...]]:
    """Count the files that a DICOMDIR names, and list those that are not there.

    Parameters
    ----------
    path : str
        The DICOMDIR.
    present : iterable of str
        Paths of all files found.

    Returns
    -------
    tuple of (int, tuple of str)
        Names are compared without case and ISO 9660 version numbers.
    """
    folder = os.path.join(os.path.dirname(path), "")
    here = {_plain(p[len(folder) :]) for p in present if p.startswith(folder)}
    named = references(path)
    return len(named), tuple(name for name in named if _plain(name) not in here)


def _plain(name: str) -> str:
    return _VERSION.sub("", name.replace("\\", "/").lower())
