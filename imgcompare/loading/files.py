"""Finds the files below a folder: hidden ones skipped, links that go round in circles end."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from imgcompare.errors import NothingFoundError

HIDDEN_PREFIXES: Final = (".", "__MACOSX", "Thumbs.db")

VOLUME_SUFFIXES: Final = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd")


RESULTS_MANIFEST: Final = "provenance.json"
"""Lists, under ``files``, what imgcompare wrote into a folder: results, not scans."""


_DIGITS = re.compile(r"(\d+)")


def is_volume_file(path: Path | str) -> bool:
    """Whether a file is, by its name, a NIfTI, NRRD or MetaImage volume."""
    return str(path).lower().endswith(VOLUME_SUFFIXES)


def find_files(root: Path) -> Iterator[str]:
    """Yield every visible regular file below a folder (or the file itself).

    Results that imgcompare wrote there are passed over: label maps are no scans of the patient.
    Paths are strings, since making thousands of Path objects takes as long as reading headers.

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
        yield str(root)
        return
    if not root.is_dir():
        raise NothingFoundError(f"There is no file or folder {root.name!r}; check the path.")
    seen: set[tuple[int, int]] = set()
    results: set[str] = set()
    pending = [str(root)]
    while pending:
        folder = pending.pop()
        try:
            status = os.stat(folder)
            with os.scandir(folder) as listing:
                entries = sorted(listing, key=lambda e: e.name)
        except OSError:
            continue  # a folder that may not be read holds nothing for us
        if status.st_ino and (status.st_dev, status.st_ino) in seen:
            continue  # a link back to a folder that has been visited
        seen.add((status.st_dev, status.st_ino))
        if any(e.name == RESULTS_MANIFEST for e in entries):
            results |= _results_of(folder)
        folders = []
        for entry in entries:
            if entry.name.startswith(HIDDEN_PREFIXES) or entry.path in results:
                continue
            try:
                if entry.is_file():
                    yield entry.path
                elif entry.is_dir():
                    folders.append(entry)
            except OSError:
                continue
        folders.sort(key=lambda e: natural_key(e.name), reverse=True)
        pending.extend(e.path for e in folders)


def _results_of(folder: str) -> set[str]:
    """Files that imgcompare says it wrote into a folder; none if the list is not its own."""
    try:
        content = json.loads(Path(folder, RESULTS_MANIFEST).read_text(encoding="utf-8"))
        if "imgcompare" not in content["versions"]:
            return set()
        return {os.path.join(folder, *str(name).split("/")) for name in content["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def natural_key(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which ``visit10`` comes after ``visit2``."""
    pieces = _DIGITS.split(name.lower())
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in pieces if p)


def shown(path: Path | str, root: Path) -> str:
    """Path as messages show it: relative to the folder that the user gave."""
    path = Path(path)
    try:
        relative = path.relative_to(root)
    except ValueError:
        return path.name
    return relative.as_posix() if relative.parts else path.name
