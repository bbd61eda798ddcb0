"""Keep everything a person did to a study in a folder, so that it can be taken up and replayed.

``session.toml`` holds decisions under the names of the command line's options; label maps and
fractions are NIfTI, alignments that a person accepted are ITK files. Nothing in it is code, and
nothing names the patient. ``imgcompare compare STUDY --config session.toml`` gives the same
numbers again.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry
from imgcompare.model import (
    AlignedTimepoint,
    Comparison,
    Course,
    Lesion,
    LesionEvent,
    LesionSegmentation,
    Role,
)
from imgcompare.reporting.atomic import staged
from imgcompare.reporting.nifti import nifti_bytes
from imgcompare.reporting.transforms import course_stem, tfm_text

SESSION_FILE = "session.toml"
MANIFEST = "session.json"
"""Lists the files of a session, so that saving again replaces them."""

FORMAT = 1


Ends = tuple[tuple[float, float, float], tuple[float, float, float]]


@dataclass(frozen=True, slots=True, eq=False)
class SessionContent:
    """What there is to keep; everything but the course may be empty.

    Attributes
    ----------
    course : Course
        The study.
    roles : mapping of series UID to Role
        Roles that a person set.
    aligned : mapping of timepoint index to AlignedTimepoint
        Those that have been aligned.
    accepted : collection of int
        Timepoints whose alignment to baseline a person accepted.
    segmented : mapping of timepoint index to mapping of lesion id to LesionSegmentation
        The lesions as they were left.
    lesions : sequence of Lesion
        What was said of them.
    diameters : mapping of (timepoint index, lesion id, quantity) to two points
        Diameters that a reader drew, ends in native LPS mm.
    events : sequence of LesionEvent
        What was declared to have happened to them.
    criteria : sequence of str
        Criteria asked for; empty for all.
    """

    course: Course
    roles: Mapping[str, Role] = field(default_factory=dict)
    aligned: Mapping[int, AlignedTimepoint] = field(default_factory=dict)
    accepted: Collection[int] = ()
    segmented: Mapping[int, Mapping[int, LesionSegmentation]] = field(default_factory=dict)
    lesions: Sequence[Lesion] = ()
    diameters: Mapping[tuple[int, int, str], Ends] = field(default_factory=dict)
    events: Sequence[LesionEvent] = ()
    criteria: Sequence[str] = ()


def write_session(content: SessionContent, folder: Path) -> Path:
    """Write a session, complete or not at all.

    Returns
    -------
    Path
        ``session.toml`` in the folder.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    folder = Path(folder).absolute()
    with staged(folder, manifest=MANIFEST) as staging:
        session_files(content, staging)
        files = [p.relative_to(staging).as_posix() for p in staging.rglob("*") if p.is_file()]
        _write(staging / MANIFEST, json.dumps({"files": sorted(files)}, indent=2).encode())
    return folder / SESSION_FILE


def session_files(content: SessionContent, folder: Path) -> None:
    """Write the files of a session, without a list of them."""
    lines = [*_head(content), *_transforms(content, folder)]
    lines += [*_outlines(content, folder), *_lesions(content)]
    lines += [*_diameters(content), *_events(content)]
    _write(folder / SESSION_FILE, ("\n".join(lines) + "\n").encode())


def content_of(comparison: Comparison) -> SessionContent:
    """Give a finished comparison as a session, so that a person can take it up."""
    roles = comparison.configuration.get("role", {})
    aligned = {r.index: r.aligned for r in comparison.results}
    return SessionContent(
        course=comparison.course,
        roles={str(uid): Role(role) for uid, role in roles.items()},
        aligned=aligned,
        accepted=[i for i, a in aligned.items() if a.to_baseline.quality is None
                  or a.to_baseline.quality.succeeded],
        segmented={r.index: r.lesions for r in comparison.results},
        lesions=comparison.lesions,
        criteria=tuple(comparison.configuration.get("criteria", ())),
    )  # fmt: skip


def _head(content: SessionContent) -> Iterator[str]:
    yield "# A session of imgcompare. Research tool, not for clinical use."
    yield f"format = {FORMAT}"
    yield f"role = {_list(f'{uid}={role.value}' for uid, role in sorted(content.roles.items()))}"
    if content.criteria:
        yield f"criteria = {_list(content.criteria)}"
    yield "\n[study]"
    yield f"subject = {_text(content.course.subject)}"
    uids = [uid for t in content.course.timepoints for uid in t.study_uids]
    yield f"uids = {_list(uids)}"


def _transforms(content: SessionContent, staging: Path) -> Iterator[str]:
    baseline = content.course.baseline_index
    for index in sorted(set(content.accepted) & set(content.aligned) - {baseline}):
        moving, fixed = (course_stem(content.course, i) for i in (index, baseline))
        name = f"transforms/{moving}_onto_{fixed}.tfm"
        text = tfm_text(content.aligned[index].to_baseline, moving=moving, fixed=fixed)
        _write(staging / name, text.encode())
        yield from ("\n[[transform]]", f'timepoint = "{index}"', f"file = {_text(name)}")


def _outlines(content: SessionContent, staging: Path) -> Iterator[str]:
    for index, found in sorted(content.segmented.items()):
        for lesion, segmentation in sorted(found.items()):
            stem = f"outlines/{index}_{lesion}"
            grid = segmentation.geometry
            _write(staging / f"{stem}.nii.gz", nifti_bytes(segmentation.labels.array, grid))
            yield from ("\n[[outline]]", f'timepoint = "{index}"', f"lesion = {lesion}")
            yield f"labels = {_text(f'{stem}.nii.gz')}"
            yield f"source = {_text(segmentation.source)}"
            yield f"proposed = {_flag(segmentation.proposed)}"
            yield f"classes_only = {_flag(segmentation.attenuation_classes_only)}"
            yield "[outline.fractions]"
            for tissue, share in segmentation.fractions.items():
                name = f"{stem}_{tissue.value}.nii.gz"
                _write(staging / name, _share_bytes(share, grid))
                yield f"{tissue.value} = {_text(name)}"


def _lesions(content: SessionContent) -> Iterator[str]:
    for lesion in content.lesions:
        yield from ("\n[[lesion]]", f"id = {lesion.id}", f"name = {_text(lesion.name)}")
        yield from (f"site = {_text(lesion.site)}", f"role = {_text(lesion.role.value)}")
        yield f"nodal = {_flag(lesion.nodal)}"


def _diameters(content: SessionContent) -> Iterator[str]:
    for (index, lesion, quantity), ends in sorted(content.diameters.items()):
        yield from ("\n[[diameter]]", f'timepoint = "{index}"', f"lesion = {lesion}")
        points = ", ".join(f"[{', '.join(repr(float(x)) for x in end)}]" for end in ends)
        yield from (f"quantity = {_text(quantity)}", f"ends_lps_mm = [{points}]")


def _events(content: SessionContent) -> Iterator[str]:
    for event in content.events:
        yield from ("\n[[event]]", f"kind = {_text(event.kind.value)}")
        yield from (f'timepoint = "{event.timepoint_index}"', f"reason = {_text(event.reason)}")
        yield f"lesions = [{', '.join(map(str, event.lesion_ids))}]"


def _share_bytes(share: npt.NDArray[np.float32], grid: Geometry) -> bytes:
    """Encode a tissue's fractions, only where there are any."""
    filled = np.argwhere(share > 0)
    low = filled.min(axis=0) if len(filled) else np.zeros(3, dtype=int)
    high = filled.max(axis=0) + 1 if len(filled) else np.ones(3, dtype=int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    part = np.asarray(share[box], dtype=np.float32)
    return nifti_bytes(part, grid.crop(low.tolist(), high.tolist()))


def _text(value: str) -> str:
    """Write a TOML string; JSON's escapes are all TOML's."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _list(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_text, values))}]"


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
