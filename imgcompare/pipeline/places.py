"""Where studies lie on this machine, kept in the user's own state folder.

Folder names may hold a patient's name, so results and sessions never name the folders they came
from; a person who opens them again on the same machine need not search for the study all the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import platformdirs

from imgcompare.model import Course

FILE = "studies.json"
MOST = 1000
"""Studies that are remembered; the oldest are forgotten first."""


def study_uids(course: Course) -> tuple[str, ...]:
    """Give what identifies a study: the UIDs of all its visits."""
    return tuple(uid for t in course.timepoints for uid in t.study_uids)


def remember_study(course: Course, paths: Sequence[Path]) -> None:
    """Write down where a study lies; without a writable state folder nothing is remembered."""
    key = _key(study_uids(course))
    if not key:
        return
    known = _places()
    known.pop(key, None)
    known[key] = [str(Path(p).absolute()) for p in paths]
    file = _file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(dict(list(known.items())[-MOST:])), "utf-8")
    except OSError:
        return


def find_study(uids: Sequence[str]) -> tuple[Path, ...]:
    """Find where a study lies; empty if that is not known or it has moved."""
    listed = _places().get(_key(uids), [])
    found = tuple(Path(str(p)) for p in listed) if isinstance(listed, list) else ()
    return found if all(p.exists() for p in found) else ()


def _key(uids: Sequence[str]) -> str:
    return " ".join(sorted(uids))


def _places() -> dict[str, list[str]]:
    try:
        found = json.loads(_file().read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _file() -> Path:
    return platformdirs.user_state_path("imgcompare") / FILE
