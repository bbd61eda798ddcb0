"""What went into a comparison: software, configuration, input series, decisions, timings."""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import Enum
from pathlib import Path, PurePath
from typing import Any

from imgcompare.model import (
    TISSUE_CODES,
    Comparison,
    Series,
    Timepoint,
    TimepointResult,
    Transform,
)
from imgcompare.reporting.tables import finite

LIBRARIES = (
    *("numpy", "scipy", "pydicom", "SimpleITK", "scikit-image", "connected-components-3d"),
    *("numba", "imagecodecs", "Jinja2"),
)

HASH_METHOD = "sha256 over the sorted sha256 digests of the series' files"
"""Sorting makes the hash independent of file names and order."""

TRANSFORM_CONVENTION = (
    "4x4 matrices map LPS mm of the first-named space to LPS mm of the second; the .tfm files "
    "hold the inverse, as ITK resamplers want it"
)

_CHUNK_BYTES = 1 << 20

_FOLDERS = re.compile(r"(?<![\w.])(?:/|[A-Za-z]:\\)(?:[^/\\\n:;,()'\"]+[/\\])+")
"""The folders of an absolute path inside a text; spaces are allowed, as folder names have them."""


def series_digest(files: Iterable[Path]) -> str | None:
    """Hash the bytes of a series' files, or None if one can no longer be read."""
    digests = []
    for path in files:
        digest = hashlib.sha256()
        try:
            with open(path, "rb", buffering=0) as stream:
                while chunk := stream.read(_CHUNK_BYTES):
                    digest.update(chunk)
        except OSError:
            return None
        digests.append(digest.digest())
    if not digests:
        return None
    return hashlib.sha256(b"".join(sorted(digests))).hexdigest()


def input_series(comparison: Comparison) -> list[Series]:
    """Every series used, in the order of the timepoints."""
    return [s for t in comparison.course.timepoints for s in t.series.values()]


def provenance_document(
    comparison: Comparison, digests: Mapping[str, str | None], files: Sequence[str]
) -> dict[str, Any]:
    """Give the content of provenance.json; it holds no folder of the machine it ran on.

    Parameters
    ----------
    comparison : Comparison
        What was found.
    digests : mapping of series UID to hash
        From :func:`series_digest`.
    files : sequence of str
        Every file this run writes, relative to the result folder.
    """
    scrub = path_scrubber(comparison)
    document = {
        "notice": "Research tool, not for clinical use",
        "versions": versions(),
        "subject": comparison.course.subject,
        "baseline": comparison.course.baseline_index,
        "configuration": dict(comparison.configuration),
        "hash_method": HASH_METHOD,
        "timepoints": [_timepoint(t, digests) for t in comparison.course.timepoints],
        "transform_convention": TRANSFORM_CONVENTION,
        "transforms": [t for r in comparison.results for t in _transforms(r)],
        "tissue_codes": {t.value: code for t, code in TISSUE_CODES.items()},
        "lesions": [
            {
                "id": lesion.id,
                "tracking_uid": lesion.tracking_uid,
                "site": lesion.site,
                "role": lesion.role.value,
                "nodal": lesion.nodal,
            }
            for lesion in comparison.lesions
        ],
        "decisions": [
            {"stage": d.stage, "subject": d.subject, "choice": d.choice, "reason": d.reason}
            for d in all_decisions(comparison)
        ],
        "warnings": all_warnings(comparison),
        "timings_s": {name: round(s, 3) for name, s in comparison.timings_s.items()},
        "files": list(files),
    }
    cleaned: dict[str, Any] = _plain(document, scrub)
    return cleaned


def all_decisions(comparison: Comparison) -> list[Any]:
    """Decisions of every stage, each once, in order."""
    own = [d for r in comparison.results for s in r.lesions.values() for d in s.decisions]
    every = [*comparison.course.decisions, *comparison.decisions, *own]
    return list(dict.fromkeys(every))


def all_warnings(comparison: Comparison) -> list[str]:
    """Problems of the input and warnings of the stages, each once, in order."""
    return list(dict.fromkeys((*comparison.course.problems, *comparison.warnings)))


def versions() -> dict[str, str]:
    """Versions of imgcompare, Python, the libraries and the platform."""
    # By name: an import statement would make this stage depend on the whole public API.
    own = str(importlib.import_module("imgcompare").__version__)
    found = {"imgcompare": own, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found | {"platform": f"{platform.system()} {platform.machine()}"}


def path_scrubber(comparison: Comparison) -> Callable[[str], str]:
    """Give a function that cuts the folders of the input and of this machine out of a text.

    Folder names often hold patients' names, and say where a file lies, not what it is.
    """
    series = [s for t in comparison.course.timepoints for s in (*t.series.values(), *t.others)]
    nearest = {f.parent for s in series for f in s.files}
    folders = {str(p) for n in nearest for p in (n, *n.parents)}
    folders |= {str(Path.home()), os.getcwd(), sys.prefix}
    long_first = sorted((f for f in folders if len(PurePath(f).parts) > 1), key=len, reverse=True)

    def scrub(text: str) -> str:
        for folder in long_first:
            if folder in text:
                text = text.replace(folder + os.sep, "").replace(folder, "…")
        return _FOLDERS.sub("", text)

    return scrub


def _timepoint(timepoint: Timepoint, digests: Mapping[str, str | None]) -> dict[str, Any]:
    return {
        "index": timepoint.index,
        "date": timepoint.date.isoformat() if timepoint.date else None,
        "study_uids": list(timepoint.study_uids),
        "series": [
            {
                "uid": s.uid,
                "modality": s.modality,
                "role": role.value,
                "role_reason": s.role_reason,
                "description": s.description,
                "number": s.number,
                "files": len(s.files),
                "sha256": digests.get(s.uid),
                "grid": str(s.geometry),
                "frame_of_reference_uid": s.geometry.frame_of_reference_uid,
                "problems": list(s.problems),
            }
            for role, s in timepoint.series.items()
        ],
        "unused_series": [
            {"uid": s.uid, "role": s.role.value, "description": s.description}
            for s in timepoint.others
        ],
    }


def _transforms(result: TimepointResult) -> list[dict[str, Any]]:
    aligned = result.aligned
    pairs = [
        (f"{role.value} to {aligned.reference_role.value}", transform)
        for role, transform in aligned.to_reference.items()
        if role is not aligned.reference_role
    ]
    pairs.append((f"{aligned.reference_role.value} to baseline", aligned.to_baseline))
    return [{"timepoint": result.index, "maps": name} | _transform(t) for name, t in pairs]


def _transform(transform: Transform) -> dict[str, Any]:
    quality = transform.quality
    return {
        "matrix": transform.matrix.tolist(),
        "moving_frame_uid": transform.moving_frame_uid,
        "fixed_frame_uid": transform.fixed_frame_uid,
        "quality": None
        if quality is None
        else {
            "nmi_before": finite(quality.similarity_before),
            "nmi_after": finite(quality.similarity_after),
            "inverse_consistency_mm": finite(quality.inverse_consistency_mm),
            "overlap": finite(quality.overlap),
            "succeeded": quality.succeeded,
            "reason": quality.reason,
            "engine": quality.engine,
            "seconds": finite(quality.seconds),
        },
    }


def _plain(value: Any, scrub: Callable[[str], str]) -> Any:
    """Turn configuration values into what JSON holds, and cut folders out of texts."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, PurePath):
        return value.name
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, Mapping):
        return {scrub(str(k)): _plain(v, scrub) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v, scrub) for v in value]
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, bool | int) or value is None:
        return value
    return scrub(str(value))
