"""Finds the files below a folder: hidden ones skipped, links that go round in circles end."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from imgcompare.errors import NothingFoundError


def find_files(root: Path) -> Iterator[Path]:
    """Yield every visible regular file below a folder (or the file itself), in natural order.

    Parameters
    ----------
    root : Path
        A folder or a file.

    Raises
    ------
    NothingFoundError
        If the path does not exist.
    """
    if root.is_file():
        yield root
        return
    if not root.is_dir():
        raise NothingFoundError(f"There is no file or folder {root.name!r}; check the path.")
    seen: set[tuple[int, int]] = set()
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda e: natural_key(e.name))
        except OSError:
            continue  # a folder that may not be read holds nothing for us
        if (status.st_dev, status.st_ino) in seen and status.st_ino:
            continue
        seen.add((status.st_dev, status.st_ino))
        folders = []
        for entry in entries:
            if entry.name.startswith((".", "__MACOSX")):
                continue
            try:
                if entry.is_dir():
                    folders.append(Path(entry.path))
                elif entry.is_file():
                    yield Path(entry.path)
            except OSError:
                continue
        pending.extend(reversed(folders))


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which ``visit10`` comes after ``visit2``."""
    pieces = re.split(r"(\d+)", name.lower())
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in pieces if p)


def shown(path: Path, root: Path) -> str:
    """Path as messages show it: relative to the folder that the user gave."""
    try:
        relative = path.relative_to(root)
    except ValueError:
        return path.name
    return relative.as_posix() if relative.parts else path.name
