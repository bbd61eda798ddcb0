"""Put a set of finished files into a folder all at once, or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from imgcompare.errors import OutputError

MANIFEST = "provenance.json"
"""File that lists, under ``files``, what a run wrote; it is moved into place last."""

SUBFOLDERS = ("labels", "transforms", "outlines", "seg", "sr", "reg", "sdtm")
"""Folders imgcompare makes inside a folder of results or of a session."""


@contextlib.contextmanager
def staged(folder: Path, *, manifest: str = MANIFEST) -> Iterator[Path]:
    """Give an empty hidden folder whose content moves to ``folder`` if all goes well.

    Whatever ends the block early (an error, a full disk, Ctrl-C, a closed generator) removes the
    hidden folder and leaves ``folder`` as it was. Files of an earlier run are replaced, those
    this run no longer writes are removed; files that imgcompare did not write stay.

    Parameters
    ----------
    folder : Path
        Where the results go; made if missing.
    manifest : str
        The JSON file that lists, under ``files``, what is written; the block must write it.

    Raises
    ------
    OutputError
        If the folder cannot be written to, holds a foreign file of the same name as a result, or
        the disk is full.
    """
    made = _make_folder(folder)
    staging = folder.parent / f".{folder.name}.{secrets.token_hex(4)}.partial"
    try:
        staging = _make_staging(folder, staging)
        yield staging
        _move_in(staging, folder, manifest)
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(_one_line(folder, error)) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        for path in reversed(made):  # only if still empty
            with contextlib.suppress(OSError):
                path.rmdir()


def require_writable(folder: Path) -> None:
    """Check that results can go into a folder, before hours of work are lost.

    Raises
    ------
    OutputError
        If it is a file, or it or its nearest existing parent is not writable.
    """
    existing = folder
    while not existing.exists() and existing.parent != existing:
        existing = existing.parent
    if not existing.is_dir():
        raise OutputError(f"{existing} is a file; give a folder for the results.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise OutputError(f"{existing} is not writable; give another folder for the results.")


def _make_folder(folder: Path) -> list[Path]:
    """Make a folder and its parents; give those that were missing, outermost first."""
    require_writable(folder)
    missing = [p for p in (folder, *folder.parents) if not p.exists()][::-1]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(_one_line(folder, error)) from error
    return missing


def _make_staging(folder: Path, beside: Path) -> Path:
    """Make the hidden folder beside the target or, if that is not allowed, inside it."""
    try:
        beside.mkdir()
    except PermissionError:
        beside = folder / beside.name
        beside.mkdir()
    return beside


def _move_in(staging: Path, folder: Path, manifest: str) -> None:
    """Move every staged file into place, undoing all moves if one fails."""
    new = sorted(
        (str(PurePosixPath(p.relative_to(staging))) for p in staging.rglob("*") if p.is_file()),
        key=lambda name: (name == manifest, name),
    )
    old = _written_before(folder, manifest)
    _refuse_foreign(folder, set(new) - set(old))
    retired = staging / ".old"
    moves: list[tuple[Path, Path]] = []
    try:
        for name in old:
            _rename(folder / name, retired / name, moves)
        for name in new:
            _rename(staging / name, folder / name, moves)
    except BaseException:
        for source, target in reversed(moves):
            os.replace(target, source)
        raise
    finally:
        for name in SUBFOLDERS:  # only if empty
            with contextlib.suppress(OSError):
                (folder / name).rmdir()


def _rename(source: Path, target: Path, moves: list[tuple[Path, Path]]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    moves.append((source, target))
    try:
        os.replace(source, target)
    except BaseException:
        if source.exists():  # nothing moved, nothing to undo
            moves.pop()
        raise


def _written_before(folder: Path, manifest: str) -> list[str]:
    """Files an earlier run says it wrote, and which are still there; the manifest first."""
    try:
        listed = json.loads((folder / manifest).read_text("utf-8"))["files"]
        if not isinstance(listed, list):
            return []
    except (OSError, ValueError, KeyError, TypeError):
        return []
    names = [str(n) for n in {*listed, manifest} if _is_ours(str(n))]
    there = [n for n in names if (folder / n).is_file()]
    return sorted(there, key=lambda name: (name != manifest, name))


def _is_ours(name: str) -> bool:
    """Trust a manifest only for plain names in our own folders."""
    parts = PurePosixPath(name).parts
    plain = all(p not in ("..", "/") and "\\" not in p and ":" not in p for p in parts)
    return plain and (len(parts) == 1 or (len(parts) == 2 and parts[0] in SUBFOLDERS))


def _refuse_foreign(folder: Path, names: Iterable[str]) -> None:
    foreign = sorted(n for n in names if (folder / n).exists())
    if foreign:
        raise OutputError(
            f"{folder} already holds {foreign[0]}, which was not written by imgcompare; "
            "move it or give another folder for the results."
        )


def _one_line(folder: Path, error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"Results cannot be written to {folder}: {reason}. Nothing was changed there."
