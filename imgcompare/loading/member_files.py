"""Finds one file inside an archive by its path, so that a mask may lie in an export."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from imgcompare.errors import UnreadableFileError
from imgcompare.loading import archives
from imgcompare.loading.archives import MemberPath
from imgcompare.loading.repacking import MAX_DEPTH, Repacker
from imgcompare.loading.unpacking import unpack_for_good

_LISTED: Final = 8


def member_file(path: str, takes: Callable[[str], bool]) -> str:
    """Give a file that holds one member of an archive.

    Parameters
    ----------
    path : str
        ``visit.zip/folder/seg.dcm``, also through archives in archives; or an archive that holds
        one file only.
    takes : callable
        Tells files besides DICOM, as for `Repacker`.

    Returns
    -------
    str
        A file in a private temporary folder, deleted when the program ends; ``path`` itself where
        no archive is part of it.

    Raises
    ------
    UnreadableFileError
        If an archive is damaged or too large, or there is no such member; names some of those that
        there are.
    """
    parts = path.split(os.sep)
    ends = (os.sep.join(parts[: n + 1]) for n in range(len(parts)))
    archive = next((e for e in ends if archives.is_archive(e) and os.path.isfile(e)), "")
    if not archive:
        return path
    repacker, name, at = Repacker(takes), archive, archive
    for _ in range(MAX_DEPTH + 1):
        at = repacker.zip_of(at, name=name, origin=archive)
        members = archives.members(at, name=name, origin=archive)
        chosen = next((m for m in members if _same(m, path)), None)
        if chosen is None and path == name and len(members) == 1:
            chosen = members[0]
        if chosen is not None and not archives.is_archive(chosen):
            return _alone(chosen, members)
        inner = chosen or next((m for m in members if path.startswith(f"{m}/")), None)
        if inner is None or not archives.is_archive(inner):
            raise UnreadableFileError(_no_member(name, members))
        at, path = repacker.extracted(inner), path if chosen is None else str(inner)
        name = str(inner)
    raise UnreadableFileError(f"{os.path.basename(name)} lies in too many archives; unpack it.")


def _same(one: str, other: str) -> bool:
    """Whether two paths are the same but for the separators of this system."""
    return one.replace(os.sep, "/") == other.replace(os.sep, "/")


def _alone(chosen: MemberPath, members: tuple[MemberPath, ...]) -> str:
    """Unpack a member, with the files beside it where its header lies apart from its voxels."""
    folder = os.path.dirname(chosen)
    apart = chosen.lower().endswith((".nhdr", ".mhd"))
    wanted = [
        chosen,
        *(m for m in members if apart and m != chosen and os.path.dirname(m) == folder),
    ]
    name = chosen[: len(chosen) - len("/".join(archives.safe_parts(chosen.info.filename))) - 1]
    return str(unpack_for_good(name, wanted, origin=chosen.origin)[1][0])


def _no_member(name: str, members: tuple[MemberPath, ...]) -> str:
    """Say what an archive holds."""
    shown = [m[len(name) + 1 :] for m in members[:_LISTED]]
    more = f" and {len(members) - _LISTED} more" if len(members) > _LISTED else ""
    whole = os.path.basename(name)
    return (
        f"Archive {whole} holds {', '.join(shown) or 'nothing'}{more}. Name one of these: "
        f"{whole}/{shown[0] if shown else 'FILE'}."
    )
