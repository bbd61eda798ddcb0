"""Scans DICOM files into subjects, studies and candidate series, reading headers only."""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from imgcompare.errors import ImgCompareError, SeriesError, UnreadableFileError
from imgcompare.geometry import Geometry
from imgcompare.loading.archives import MemberPath
from imgcompare.loading.choice import Candidate, series_name
from imgcompare.loading.courses import Study, Subject
from imgcompare.loading.dicomdir import is_directory_name
from imgcompare.loading.duplicates import Copy, require_equal
from imgcompare.loading.header import DEFLATED, Header, read_header
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.instances import FactsCache, Instance, Patient, make_instance
from imgcompare.loading.meaning import Scaling, meaning_of
from imgcompare.loading.mosaic import MARK as MOSAIC
from imgcompare.loading.mosaic import split_mosaic
from imgcompare.loading.multiframe import ENHANCED_CLASSES, expand
from imgcompare.loading.objects import DIRECTORY_CLASS, FoundObject
from imgcompare.loading.pixels import check_format, read_stack
from imgcompare.loading.regridding import apply_regrid
from imgcompare.loading.roles import Evidence, RoleGuess, guess_role
from imgcompare.loading.stacking import Stack, stack_series
from imgcompare.loading.tags import SERIES_TAGS, text
from imgcompare.loading.unpacking import Peeker, unpacked
from imgcompare.model import Acquisition, Role, Series, Volume

_CLASS = "1.2.840.10008.5.1.4.1.1."
CLASSIC_CLASSES: Final = frozenset(_CLASS + n for n in ("2", "4", "128"))
"""SOP classes of one plane per file: CT, MR, PET."""

MANY_PHASES: Final = 8
"""A series with more phases is a dynamic (perfusion, functional) study, not an image."""


@dataclass(slots=True)
class Found:
    """What a walk over files has found so far."""

    instances: list[Instance] = field(default_factory=list)
    unreadable: list[tuple[str, Path, str]] = field(default_factory=list)
    objects: list[FoundObject] = field(default_factory=list)
    directories: list[str] = field(default_factory=list)
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
        _sort_in(path, path, header, found)
    except UnreadableFileError as error:
        found.unreadable.append((path, root, str(error)))
        found.folders.add(os.path.dirname(path))
    return True


def add_member(member: MemberPath, peeker: Peeker, root: Path, found: Found) -> bool:
    """Look at one member of an archive; tell whether it is DICOM. Unpacks no more than needed."""
    try:
        for there in peeker.starts(member):
            whole = there == member.info.file_size
            try:
                header = read_header(peeker.path)
                if header is None:
                    return False
                ended = header.pixel_offset is not None and header.pixel_offset < there
                if whole or (ended and header.transfer_syntax != DEFLATED):
                    _sort_in(member, peeker.path, header, found)
                    break
            except UnreadableFileError:
                if whole:
                    raise
    except UnreadableFileError as error:
        found.unreadable.append((member, root, str(error)))
    found.folders.add(os.path.dirname(member))
    return True


def _sort_in(path: str, file: str, header: Header, found: Found) -> None:
    """Keep what a header says under the path of its file; ``file`` is where its bytes are now."""
    sop_class = text(header.values.get(SERIES_TAGS["sop_class"]))
    if sop_class in CLASSIC_CLASSES:
        instance = make_instance(path, header, found.cache)
        if instance.truncated and not (instance.position and instance.facts.pixel_spacing_mm):
            raise UnreadableFileError("is cut off within its header")
        if MOSAIC in instance.facts.image_type:
            slices = split_mosaic(file, instance)
            found.instances.extend(replace(s, path=path) for s in slices)
        else:
            found.instances.append(instance)
    elif sop_class in ENHANCED_CLASSES:
        frames = expand(file, header, found.cache)
        found.instances.extend(frames if path == file else (replace(f, path=path) for f in frames))
    elif sop_class in ("", DIRECTORY_CLASS) and is_directory_name(path):
        found.directories.append(path)
    elif not sop_class and SERIES_TAGS["rows"] in header.values:
        raise UnreadableFileError("does not say what kind of image it is (no SOP Class UID)")
    elif sop_class and sop_class != DIRECTORY_CLASS:
        where = Path(path.archive if isinstance(path, MemberPath) else path)
        found.objects.append(FoundObject(where, found.cache.facts(header)))


def make_scrubber(found: Found, *, identified: bool) -> Scrubber:
    """Make what hides these patients in texts; dates of studies stay."""
    facts = {id(i.facts): i.facts for i in found.instances}
    facts |= {id(o.facts): o.facts for o in found.objects}
    dates = {f.study_date for f in facts.values() if f.study_date}
    return Scrubber({f.patient for f in facts.values()}, keep=dates, identified=identified)


def make_subjects(found: Found, *, scrub: Scrubber, regrid: bool = True) -> list[Subject]:
    """Group everything found by patient, study and series."""
    result = []
    for patient, instances in _by_patient(found.instances):
        problems = []
        if not (patient.id or patient.name):
            problems.append("the headers name no patient; all such files are taken as one subject")
        studies = _studies(instances, scrub, regrid=regrid)
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


def _studies(instances: Iterable[Instance], scrub: Scrubber, *, regrid: bool) -> tuple[Study, ...]:
    by_study: dict[str, dict[object, list[Instance]]] = defaultdict(lambda: defaultdict(list))
    for instance in instances:
        facts = instance.facts
        series = facts.series_uid or (facts.modality, facts.number, facts.description)
        by_study[facts.study_uid][series].append(instance)
    studies = []
    for order, (uid, by_series) in enumerate(by_study.items()):
        planes = [p for series in by_series.values() for p in series]
        dates = [p.facts.study_date or p.acquired_date for p in planes]
        starts = [p.facts.study_seconds for p in planes if p.facts.study_seconds is not None]
        stacks = [s for group in by_series.values() for s in stack_series(group, regrid=regrid)]
        candidates = [_candidate(stack, scrub) for stack in stacks]
        candidates.sort(key=lambda c: (c.series.number or 0, c.part))
        date = min((d for d in dates if d), default=None)
        start = min(starts, default=None)
        studies.append(Study(uid, date, start, tuple(candidates), order=order))
    return tuple(studies)


def _guess(stack: Stack, acquisition: Acquisition) -> RoleGuess:
    """Name the role of a stack; phases of dynamic and monitoring series have none."""
    facts = stack.facts
    if stack.phases > MANY_PHASES:
        return RoleGuess(Role.OTHER, f"one of {stack.phases} phases of a dynamic series")
    if stack.phases > 1 and len(stack.instances) == 1:
        return RoleGuess(Role.OTHER, f"one of {stack.phases} images at a single position")
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
        files=tuple(dict.fromkeys(map(_file_of, stack.instances))),
        reader=_unread,
        number=facts.number,
    )
    name = series_name(series)
    refusal = stack.refusal or _format_refusal(stack, name)
    meaning = meaning_of(stack)
    series = replace(
        series,
        reader=reader(stack, name, scrub, meaning.used),
        problems=tuple(map(scrub, (*_problems(stack, guess, refusal), *meaning.problems))),
        refusal=scrub(refusal),
        values=scrub(meaning.used.text),
        alternatives={k: reader(stack, name, scrub, s) for k, s in meaning.others.items()},
    )
    derived = bool({"DERIVED", "SECONDARY", "MPR", "REFORMATTED"} & set(facts.image_type))
    return Candidate(
        series,
        guess,
        derived,
        stack.part,
        stack.parts,
        split_rule=stack.split_rule,
        resampling=stack.regrid.text if stack.regrid else "",
    )


def _file_of(plane: Instance) -> Path:
    """Give the file that holds a plane: its own, or the archive."""
    return Path(plane.path.archive if isinstance(plane.path, MemberPath) else plane.path)


def _unread() -> Volume:
    raise SeriesError("This series has no reader yet.")


def _format_refusal(stack: Stack, name: str) -> str:
    try:
        check_format(stack, name=name)
    except SeriesError as error:
        return str(error).removeprefix(name).strip().rstrip(".")
    return ""


def reader(
    stack: Stack, name: str, scrub: Scrubber, scaling: Scaling | None = None
) -> Callable[[], Volume]:
    """Make the function that reads a stack's voxels when called; its errors name no patient."""

    def read() -> Volume:
        try:
            return _read(stack, name, scaling)
        except ImgCompareError as error:
            raise type(error)(scrub(str(error))) from None

    return read


def _read(stack: Stack, name: str, scaling: Scaling | None) -> Volume:
    """Read a stack's voxels; unpack what lies in archives, compare copies, make slices even."""
    if stack.refusal:
        raise SeriesError(f"{name} cannot be loaded: it {stack.refusal}.")
    planes = (*stack.instances, *(c.left_out for c in stack.copies))
    with unpacked(p.path for p in planes) as files:
        stack = _moved(stack, files)
        require_equal(stack.copies, lambda plane: read_stack(_alone(stack, plane), name=name).array)
        if stack.regrid is None:
            return read_stack(stack, name=name, scaling=scaling)
        grid = stack.geometry
        acquired = Geometry((len(stack.instances), *grid.shape[1:]), grid.affine)
        volume = read_stack(replace(stack, geometry=acquired), name=name, scaling=scaling)
    return Volume(apply_regrid(volume.array, stack.regrid), grid, volume.quantity)


def _moved(stack: Stack, files: Mapping[str, str]) -> Stack:
    """Give the stack with planes read from where they were unpacked."""
    if not files:
        return stack

    def moved(plane: Instance) -> Instance:
        return replace(plane, path=files.get(plane.path, plane.path))

    copies = tuple(Copy(moved(c.used), moved(c.left_out)) for c in stack.copies)
    return replace(stack, instances=tuple(map(moved, stack.instances)), copies=copies)


def _alone(stack: Stack, plane: Instance) -> Stack:
    """Give a stack of one of its planes."""
    grid = Geometry((1, *stack.geometry.shape[1:]), stack.geometry.affine)
    return Stack((plane,), grid)


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
