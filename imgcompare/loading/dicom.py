"""Arranges planes of DICOM images into subjects, studies and candidate series."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

from imgcompare.errors import SeriesError
from imgcompare.loading.archives import MemberPath
from imgcompare.loading.choice import Candidate, series_name
from imgcompare.loading.codestream import is_lossy
from imgcompare.loading.courses import Study, Subject
from imgcompare.loading.identity import Scrubber
from imgcompare.loading.instances import Instance, Patient
from imgcompare.loading.meaning import meaning_of
from imgcompare.loading.pixels import check_format
from imgcompare.loading.reading import reader
from imgcompare.loading.roles import Evidence, RoleGuess, guess_role
from imgcompare.loading.stacking import Stack, stack_series
from imgcompare.model import Acquisition, Role, Series, SourceImage, Volume

_FRAME_START: Final = 4096

MANY_PHASES: Final = 8
"""A series with more phases is a dynamic (perfusion, functional) study, not an image."""


def make_subjects(
    instances: Iterable[Instance], *, scrub: Scrubber, regrid: bool = True
) -> list[Subject]:
    """Group planes by patient, study and series; ``regrid`` as for `stack_series`."""
    result = []
    for patient, planes in _by_patient(instances):
        problems = []
        if not (patient.id or patient.name):
            problems.append("the headers name no patient; all such files are taken as one subject")
        problems += _other_names(planes)
        studies, notes = _studies(planes, scrub, regrid=regrid)
        result.append(Subject(patient.id or patient.name, studies, (*problems, *notes)))
    return result


def _by_patient(instances: Iterable[Instance]) -> list[tuple[Patient, list[Instance]]]:
    """Group by identifier (by name where there is none), unless birth dates contradict."""
    groups: list[tuple[Patient, list[Instance]]] = []
    known: dict[int, int] = {}  # by identity, since one object serves the files of a series
    for instance in instances:
        patient = instance.facts.patient
        n = known.get(id(patient))
        if n is None:
            n = next((i for i, (p, _) in enumerate(groups) if _same_patient(p, patient)), -1)
            if n < 0:
                n = len(groups)
                groups.append((patient, []))
            known[id(patient)] = n
            merged = groups[n][0]
            if not merged.birth_date and patient.birth_date:
                groups[n] = (replace(merged, birth_date=patient.birth_date), groups[n][1])
        groups[n][1].append(instance)
    return _join_nameless(groups)


def _join_nameless(
    groups: list[tuple[Patient, list[Instance]]],
) -> list[tuple[Patient, list[Instance]]]:
    """Give files without a Patient ID to the patient whose study they belong to."""
    whole = [g for g in groups if g[0].id]
    joined: list[tuple[Patient, list[Instance]]] = []
    for patient, planes in groups:
        studies = {p.facts.study_uid for p in planes} - {""}
        owners = [
            g
            for g in whole
            if not patient.id
            and not {_family(patient.name), _family(g[0].name)} - {"", _family(g[0].name)}
            and len({patient.birth_date, g[0].birth_date} - {""}) < 2
            and studies
            and studies <= {p.facts.study_uid for p in g[1]}
        ]
        if len(owners) == 1:
            owners[0][1].extend(planes)
        else:
            joined.append((patient, planes))
    return joined


def _same_patient(one: Patient, other: Patient) -> bool:
    if one.id or other.id:
        same = one.id == other.id
    else:
        same = one.name.rstrip("^").lower() == other.name.rstrip("^").lower()
    births = {one.birth_date, other.birth_date} - {""}
    return same and len(births) < 2


def _other_names(planes: Iterable[Instance]) -> list[str]:
    """Say, without naming, that one identifier stands with several names."""
    facts = {id(p.facts.patient): p.facts.patient for p in planes}.values()
    families = {_family(p.name) for p in facts} - {""}
    if len(families) < 2:
        return []
    return [
        f"one Patient ID stands with {len(families)} different family names: are these files of "
        "one person?"
    ]


def _family(name: str) -> str:
    """Family name, without what programs write differently."""
    bare = unicodedata.normalize("NFKD", name.split("=")[0].split("^")[0])
    return "".join(c for c in bare.casefold() if c.isalnum())


def _studies(
    instances: Iterable[Instance], scrub: Scrubber, *, regrid: bool
) -> tuple[tuple[Study, ...], list[str]]:
    """Group planes by study and date, for programs that hide identities give all one UID."""
    by_study: dict[tuple[str, dt.date | None], dict[object, list[Instance]]]
    by_study = defaultdict(lambda: defaultdict(list))
    for instance in instances:
        facts = instance.facts
        series = facts.series_uid or (facts.modality, facts.number, facts.description)
        by_study[facts.study_uid, facts.study_date][series].append(instance)
    for uid in [uid for uid, date in by_study if date is None]:
        dated = [place for place in by_study if place[0] == uid and place[1]]
        if len(dated) == 1:  # some files of a study lack its date
            for key, undated in by_study.pop((uid, None)).items():
                by_study[dated[0]][key] += undated
    uids = Counter(uid for uid, _ in by_study)
    problems = [
        f"one Study Instance UID stands with {n} dates; each date is taken as a visit of its own"
        for n in uids.values()
        if n > 1
    ]
    studies = []
    for order, ((uid, _), by_series) in enumerate(by_study.items()):
        planes = [p for series in by_series.values() for p in series]
        dates = [p.facts.study_date or p.acquired_date or p.content_date for p in planes]
        starts = [p.facts.study_seconds for p in planes if p.facts.study_seconds is not None]
        stacks = [s for group in by_series.values() for s in stack_series(group, regrid=regrid)]
        candidates = [_candidate(stack, scrub) for stack in stacks]
        candidates.sort(key=lambda c: (c.series.number or 0, c.part))
        date = min((d for d in dates if d), default=None)
        start = min(starts, default=None)
        studies.append(Study(uid, date, start, tuple(candidates), order=order))
    return tuple(studies), problems


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
        acquisition=_shown(acquisition, scrub),
        files=tuple(map(Path, dict.fromkeys(map(_file_of, stack.instances)))),
        reader=_unread,
        number=facts.number,
        study_uid=facts.study_uid,
        images=() if stack.refusal else tuple(map(_source_image, stack.instances)),
    )
    name = series_name(series)
    refusal = stack.refusal or _format_refusal(stack, name)
    meaning = meaning_of(stack)
    series = replace(
        series,
        reader=reader(stack, name, scrub, meaning.used),
        problems=tuple(
            map(scrub, (*_problems(stack, guess, refusal, acquisition), *meaning.problems))
        ),
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


def _shown(acquisition: Acquisition, scrub: Scrubber) -> Acquisition:
    """Hide names in what people type at a scanner: contrast agent, body part, station names."""
    found: dict[str, Any] = {f.name: getattr(acquisition, f.name) for f in fields(acquisition)}
    hidden = {name: scrub(value) for name, value in found.items() if isinstance(value, str)}
    types = tuple(map(scrub, acquisition.image_type))
    return Acquisition(**{**found, **hidden, "image_type": types})


def _file_of(plane: Instance) -> str:
    """Give the file that holds a plane: its own, or the archive."""
    return plane.path.origin if isinstance(plane.path, MemberPath) else plane.path


def _source_image(plane: Instance) -> SourceImage:
    """Say which image a plane is, for objects that refer to it."""
    frame = plane.frame + 1 if plane.facts.pixels.frames > 1 else None
    x, y, z = plane.position
    position = (x, y, z) if plane.tile is None else None
    return SourceImage(plane.facts.sop_class, plane.sop_uid, frame, position)


def _unread() -> Volume:
    raise SeriesError("This series has no reader yet.")


def _format_refusal(stack: Stack, name: str) -> str:
    try:
        check_format(stack, name=name)
    except SeriesError as error:
        return str(error).removeprefix(name).strip().rstrip(".")
    return ""


def _problems(
    stack: Stack, guess: RoleGuess, refusal: str, acquisition: Acquisition
) -> tuple[str, ...]:
    """List what a person should know about a series."""
    found = [f"cannot be loaded: it {refusal}"] if refusal else []
    if guess.role is not Role.LOCALIZER:
        found += stack.notes
    if guess.doubt:
        found.append(f"role doubtful: {guess.doubt}")
    pixels = stack.facts.pixels
    if acquisition.lossy:
        found.append("lossy compression has changed its values")
    if pixels.photometric == "MONOCHROME1":
        found.append("displayed inverted (MONOCHROME1); values are kept as stored")
    return tuple(found)


def _is_lossy(stack: Stack) -> bool:
    """Whether headers say so of any plane, or the first frame does against its header."""
    if any(p.facts.acquisition.lossy for p in stack.instances):
        return True
    first = stack.instances[0]
    if not first.encapsulated or isinstance(first.path, MemberPath):
        return False
    try:
        with open(first.path, "rb") as file:
            file.seek(first.pixel_offset or 0)
            return is_lossy(file.read(_FRAME_START))
    except OSError:
        return False


def _acquisition(stack: Stack) -> Acquisition:
    """Add the time of the first plane, and its delay after contrast, to the series' facts."""
    acquired = [p.acquired_s for p in stack.instances if p.acquired_s is not None]
    times = acquired or [p.content_s for p in stack.instances if p.content_s is not None]
    acquisition = replace(stack.facts.acquisition, lossy=_is_lossy(stack))
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
