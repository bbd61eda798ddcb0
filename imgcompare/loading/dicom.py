"""Scans DICOM files into subjects, studies and candidate series, reading headers only."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from imgcompare.errors import ImgCompareError, SeriesError, UnreadableFileError
from imgcompare.loading.choice import Candidate, series_name
from imgcompare.loading.courses import Study, Subject
from imgcompare.loading.header import Header, read_header
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.instances import FactsCache, Instance, Patient, make_instance
from imgcompare.loading.multiframe import ENHANCED_CLASSES, expand
from imgcompare.loading.pixels import check_format, read_stack
from imgcompare.loading.roles import Evidence, RoleGuess, guess_role
from imgcompare.loading.stacking import PHASE, Stack, stack_series
from imgcompare.loading.tags import SERIES_TAGS, text
from imgcompare.model import Acquisition, Role, Series, Volume

_CLASS = "1.2.840.10008.5.1.4.1.1."
CLASSIC_CLASSES: Final = frozenset(_CLASS + n for n in ("2", "4", "128"))
"""SOP classes of one plane per file: CT, MR, PET."""

DIRECTORY_CLASS: Final = "1.2.840.10008.1.3.10"

OTHER_CLASSES: Final = {
    _CLASS + "7": "secondary captures",
    _CLASS + "66.4": "segmentations",
    _CLASS + "66.7": "segmentations",
    _CLASS + "481.3": "RT structure sets",
    _CLASS + "67": "real world value mappings",
    _CLASS + "104.1": "documents",
}

MANY_PHASES: Final = 8
"""A series with more phases is a dynamic (perfusion, functional) study, not an image."""


@dataclass(slots=True)
class Found:
    """What a walk over files has found so far."""

    instances: list[Instance] = field(default_factory=list)
    unreadable: list[tuple[str, Path, str]] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)
    cache: FactsCache = field(default_factory=FactsCache)
    folders: set[str] = field(default_factory=set)

    @property
    def image_folders(self) -> set[Path]:
        """Folders that hold images to be used."""
        return {Path(folder) for folder in {os.path.dirname(i.path) for i in self.instances}}


def add_file(path: str, root: Path, found: Found) -> bool:
    """Look at one file; tell whether it is DICOM (readable or not)."""
    try:
        header = read_header(path)
        if header is None:
            return False
        found.folders.add(os.path.dirname(path))
        _sort_in(path, header, found)
    except UnreadableFileError as error:
        found.unreadable.append((path, root, str(error)))
        found.folders.add(os.path.dirname(path))
    return True


def _sort_in(path: str, header: Header, found: Found) -> None:
    sop_class = text(header.values.get(SERIES_TAGS["sop_class"]))
    if sop_class in CLASSIC_CLASSES:
        instance = make_instance(path, header, found.cache)
        if instance.truncated and not (instance.position and instance.facts.pixel_spacing_mm):
            raise UnreadableFileError("is cut off within its header")
        found.instances.append(instance)
    elif sop_class in ENHANCED_CLASSES:
        found.instances.extend(expand(path, header, found.cache))
    elif not sop_class and SERIES_TAGS["rows"] in header.values:
        raise UnreadableFileError("does not say what kind of image it is (no SOP Class UID)")
    elif sop_class and sop_class != DIRECTORY_CLASS:
        kind = OTHER_CLASSES.get(sop_class)
        if kind is None:
            kind = f"{text(header.values.get(SERIES_TAGS['modality'])) or 'unnamed'} objects"
        found.others[kind] += 1


def make_scrubber(found: Found, *, identified: bool) -> Scrubber:
    """Make what hides these patients in texts; dates of studies stay."""
    facts = {id(i.facts): i.facts for i in found.instances}.values()
    dates = {f.study_date for f in facts if f.study_date}
    return Scrubber({f.patient for f in facts}, keep=dates, identified=identified)


def make_subjects(found: Found, *, scrub: Scrubber) -> list[Subject]:
    """Group everything found by patient, study and series."""
    result = []
    for patient, instances in _by_patient(found.instances):
        problems = []
        if not (patient.id or patient.name):
            problems.append("the headers name no patient; all such files are taken as one subject")
        studies = _studies(instances, scrub)
        result.append(Subject(patient.id or patient.name, studies, tuple(problems)))
    return result


def _by_patient(instances: Iterable[Instance]) -> list[tuple[Patient, list[Instance]]]:
    """Group by identifier (by name where there is none), unless birth dates contradict."""
    groups: list[tuple[Patient, list[Instance]]] = []
    known: dict[Patient, int] = {}
    for instance in instances:
        patient = instance.facts.patient
        n = known.get(patient)
        if n is None:
            n = next((i for i, (p, _) in enumerate(groups) if _same_patient(p, patient)), -1)
            if n < 0:
                n = len(groups)
                groups.append((patient, []))
            known[patient] = n
            merged = groups[n][0]
            if not merged.birth_date and patient.birth_date:
                groups[n] = (replace(merged, birth_date=patient.birth_date), groups[n][1])
        groups[n][1].append(instance)
    return groups


def _same_patient(one: Patient, other: Patient) -> bool:
    if one.id or other.id:
        same = one.id == other.id
    else:
        same = one.name.rstrip("^").lower() == other.name.rstrip("^").lower()
    births = {one.birth_date, other.birth_date} - {""}
    return same and len(births) < 2


def _studies(instances: Iterable[Instance], scrub: Scrubber) -> tuple[Study, ...]:
    by_study: dict[str, dict[str, list[Instance]]] = defaultdict(lambda: defaultdict(list))
    for instance in instances:
        facts = instance.facts
        by_study[facts.study_uid][facts.series_uid].append(instance)
    studies = []
    for order, (uid, by_series) in enumerate(by_study.items()):
        planes = [p for series in by_series.values() for p in series]
        dates = [p.facts.study_date or p.acquired_date for p in planes]
        starts = [p.facts.study_seconds for p in planes if p.facts.study_seconds is not None]
        candidates = [c for series in by_series.values() for c in _candidates(series, scrub)]
        candidates.sort(key=lambda c: (c.series.number or 0, c.part))
        date = min((d for d in dates if d), default=None)
        start = min(starts, default=None)
        studies.append(Study(uid, date, start, tuple(candidates), order=order))
    return tuple(studies)


def _candidates(instances: Sequence[Instance], scrub: Scrubber) -> list[Candidate]:
    """Stack one series and name the role of each stack."""
    return [_candidate(stack, scrub) for stack in stack_series(instances)]


def _guess(stack: Stack, acquisition: Acquisition) -> RoleGuess:
    """Name the role of a stack; phases of dynamic and monitoring series have none."""
    facts = stack.facts
    phases = stack.parts if stack.split_rule.startswith(PHASE) else 1
    if phases > MANY_PHASES:
        return RoleGuess(Role.OTHER, f"one of {phases} phases of a dynamic series")
    if phases > 1 and len(stack.instances) == 1:
        return RoleGuess(Role.OTHER, f"one of {phases} images at a single position")
    return guess_role(
        Evidence(
            modality=facts.modality,
            description=facts.description,
            protocol=facts.protocol,
            sequence_name=facts.sequence_name,
            image_type=facts.image_type,
            acquisition=acquisition,
            b_value=stack.instances[0].b_value,
        )
    )


def _candidate(stack: Stack, scrub: Scrubber) -> Candidate:
    """Describe a stack as a series that may fill a role."""
    facts = stack.facts
    acquisition = _acquisition(stack)
    guess = _guess(stack, acquisition)
    description = scrub(facts.description)
    if stack.parts > 1:
        description = f"{description} (part {stack.part} of {stack.parts})".strip()
    series = Series(
        uid=facts.series_uid,
        modality=facts.modality,
        role=guess.role,
        role_reason=guess.reason,
        description=description,
        geometry=stack.geometry,
        acquisition=acquisition,
        files=tuple(map(Path, dict.fromkeys(p.path for p in stack.instances))),
        reader=_unread,
        number=facts.number,
    )
    name = series_name(series)
    refusal = stack.refusal or _format_refusal(stack, name)
    series = replace(
        series,
        reader=reader(stack, name, scrub),
        problems=_problems(stack, guess, refusal),
        refusal=refusal,
    )
    derived = bool({"DERIVED", "SECONDARY", "MPR", "REFORMATTED"} & set(facts.image_type))
    return Candidate(series, guess, derived, stack.part, stack.parts, split_rule=stack.split_rule)


def _unread() -> Volume:
    raise SeriesError("This series has no reader yet.")


def _format_refusal(stack: Stack, name: str) -> str:
    try:
        check_format(stack, name=name)
    except SeriesError as error:
        return str(error).removeprefix(name).strip().rstrip(".")
    return ""


def reader(stack: Stack, name: str, scrub: Scrubber) -> Callable[[], Volume]:
    """Make the function that reads a stack's voxels when called; its errors name no patient."""

    def read() -> Volume:
        try:
            return read_stack(stack, name=name)
        except ImgCompareError as error:
            raise type(error)(scrub(str(error))) from None

    return read


def _problems(stack: Stack, guess: RoleGuess, refusal: str) -> tuple[str, ...]:
    """List what a person should know about a series."""
    found = [f"cannot be loaded: it {refusal}"] if refusal else []
    if guess.role is not Role.LOCALIZER:
        found += stack.notes
    if guess.doubt:
        found.append(f"role doubtful: {guess.doubt}")
    pixels = stack.facts.pixels
    if stack.facts.acquisition.lossy:
        found.append("lossy compression has changed its values")
    if pixels.photometric == "MONOCHROME1":
        found.append("displayed inverted (MONOCHROME1); values are kept as stored")
    if stack.facts.modality == "PT" and stack.facts.units != "GML":
        found.append(f"PET in {stack.facts.units or 'unnamed units'}, not in SUV")
    return tuple(found)


def _acquisition(stack: Stack) -> Acquisition:
    """Add the time of the first plane, and its delay after contrast, to the series' facts."""
    acquired = [p.acquired_s for p in stack.instances if p.acquired_s is not None]
    times = acquired or [p.content_s for p in stack.instances if p.content_s is not None]
    acquisition = stack.facts.acquisition
    if not times:
        return acquisition
    first = min(times)
    day = stack.instances[0].acquired_date or stack.facts.study_date
    moment = None
    if day is not None:
        moment = dt.datetime.combine(day, dt.time()) + dt.timedelta(seconds=first)
    start = stack.facts.contrast_start_s
    delay = None if start is None or not acquired else first - start
    return replace(acquisition, acquisition_datetime=moment, seconds_after_contrast=delay)


def other_objects(found: Found) -> list[str]:
    """Say what was recognised but is no image volume."""
    return [f"{count} {kind} recognised, not stacked" for kind, count in found.others.items()]
