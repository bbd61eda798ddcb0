"""Arranges candidates into courses: patients, visits in order of date, a series for each role."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from imgcompare.loading.choice import STAGE, UNCHOSEN, Candidate, Choice, choose
from imgcompare.loading.localizers import list_localizers
from imgcompare.loading.overrides import apply_overrides
from imgcompare.model import Course, Decision, Role, Timepoint

SAME_VISIT_S: Final = 2 * 3600.0
"""Studies of one day that start within two hours belong to one visit."""


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """All candidates of one examination."""

    uid: str
    date: dt.date | None
    start_s: float | None
    candidates: tuple[Candidate, ...]
    label: str = ""
    order: int = 0

    @property
    def roles(self) -> frozenset[Role]:
        """Roles that its loadable series could fill."""
        usable = (c.role for c in self.candidates if not c.series.refusal)
        return frozenset(usable) - UNCHOSEN


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """All studies of one patient. ``identifier`` is shown only when asked for."""

    identifier: str = field(repr=False)
    studies: tuple[Study, ...]
    problems: tuple[str, ...] = ()


def make_courses(
    subjects: Iterable[Subject], *, roles: Mapping[str, Role], identified: bool
) -> tuple[Course, ...]:
    """Build a course per subject, named by pseudonym in order of earliest date.

    Parameters
    ----------
    subjects : iterable of Subject
        Patients with their studies, in any order.
    roles : mapping of str to Role
        Overrides, see `apply_overrides`.
    identified : bool
        Name courses by patient identifier.

    Raises
    ------
    ConfigurationError
        If an override fits no series, or several of one visit.
    """
    in_order = sorted(subjects, key=_earliest)
    in_order = apply_overrides(in_order, roles)
    courses = []
    for n, subject in enumerate(in_order, start=1):
        name = subject.identifier if identified and subject.identifier else f"subject-{n:02d}"
        courses.append(_make_course(name, subject))
    return tuple(courses)


def _earliest(subject: Subject) -> tuple[dt.date, str]:
    dates = [s.date for s in subject.studies if s.date]
    return min(dates, default=dt.date.max), min((s.uid for s in subject.studies), default="")


def _make_course(name: str, subject: Subject) -> Course:
    visits, decisions, problems = _visits(name, subject.studies)
    timepoints = []
    for index, visit in enumerate(visits):
        starts = [s.start_s for s in visit if s.start_s is not None]
        when = _when(visit, index)
        candidates = list_localizers(c for study in visit for c in study.candidates)
        decisions += _split_decisions(candidates, name, when)
        decisions += _resampling_decisions(candidates, name, when)
        choice = choose(candidates, subject=name, when=when)
        decisions += choice.decisions
        problems += _series_problems(choice.candidates, when)
        timepoints.append(_timepoint(index, visit, choice, min(starts, default=None)))
    return Course(
        subject=name,
        timepoints=tuple(timepoints),
        problems=(*subject.problems, *problems),
        decisions=tuple(decisions),
    )


def _when(visit: Sequence[Study], index: int) -> str:
    date = visit[0].date
    return date.isoformat() if date else (visit[0].label or f"timepoint {index}")


def _split_decisions(candidates: Iterable[Candidate], name: str, when: str) -> list[Decision]:
    """Record each series that was split, and by what rules."""
    split: dict[str, list[Candidate]] = defaultdict(list)
    for candidate in candidates:
        if candidate.parts > 1:
            split[candidate.series.uid].append(candidate)
    decisions = []
    for parts in split.values():
        rules = dict.fromkeys(p.split_rule for p in parts if p.split_rule)
        reason = "; ".join(r if r.startswith("phase") else f"by {r}" for r in rules)
        what = f"{when}: series {parts[0].series.number} is split into {parts[0].parts} parts"
        decisions.append(Decision(STAGE, name, what, reason))
    return decisions


def _resampling_decisions(candidates: Iterable[Candidate], name: str, when: str) -> list[Decision]:
    """Record each series whose slices were interpolated to even ones."""
    return [
        Decision(STAGE, name, f"{when}: {c.name} is put on even slices", c.resampling)
        for c in candidates
        if c.resampling
    ]


def _series_problems(candidates: Iterable[Candidate], when: str) -> list[str]:
    return [f"{when}, {c.name}: {text}" for c in candidates for text in c.series.problems]


def _timepoint(
    index: int, visit: Sequence[Study], choice: Choice, start_s: float | None
) -> Timepoint:
    return Timepoint(
        index=index,
        date=visit[0].date,
        study_uids=tuple(s.uid for s in visit if s.uid),
        series=choice.chosen,
        others=choice.others,
        time=clock(start_s),
        label=visit[0].label,
    )


def clock(seconds: float | None) -> dt.time | None:
    """Turn seconds since midnight into a time."""
    if seconds is None or not 0 <= seconds < 86400:
        return None
    return (dt.datetime.min + dt.timedelta(seconds=seconds)).time()


def _visits(
    name: str, studies: Sequence[Study]
) -> tuple[list[list[Study]], list[Decision], list[str]]:
    """Group studies into visits in order of time."""
    decisions: list[Decision] = []
    problems: list[str] = []
    by_day: dict[tuple[dt.date, str], list[Study]] = defaultdict(list)
    for study in studies:
        alone = "" if study.date else f"{study.order:06d} {study.uid}"
        by_day[(study.date or dt.date.max, alone)].append(study)
    undated = [s for s in studies if s.date is None]
    if undated and len(studies) > 1:
        problems.append(
            f"{len(undated)} of {len(studies)} visits have no date; they are ordered by name"
        )
    visits: list[list[Study]] = []
    for key in sorted(by_day):
        day = sorted(by_day[key], key=lambda s: (s.start_s or 0.0, s.order))
        split = _split_day(day)
        visits += split
        if len(day) > 1:
            reason = (
                "more than two hours apart, or without times, and with the same roles"
                if len(split) > 1
                else "on one date"
            )
            if len({visit[0].start_s for visit in split}) < len(split):
                problems.append(
                    f"{len(split)} visits on {key[0]} have the same or no time; they are ordered "
                    "by name"
                )
            choice = f"{key[0]}: {len(day)} studies make {len(split)} visit(s)"
            decisions.append(Decision(STAGE, name, choice, reason))
    return visits, decisions, problems


def _split_day(day: Sequence[Study]) -> list[list[Study]]:
    """Keep studies of a day together unless they repeat each other's roles much later."""
    visits: list[list[Study]] = []
    for study in day:
        for visit in visits:
            repeats = any(study.roles & other.roles for other in visit)
            if not repeats or _close(study, visit[0]):
                visit.append(study)
                break
        else:
            visits.append([study])
    return visits


def _close(one: Study, other: Study) -> bool:
    """Whether two studies start within two hours; equal times are a de-identifier's filler."""
    if one.start_s is None or other.start_s is None or one.start_s == other.start_s:
        return False
    return abs(one.start_s - other.start_s) <= SAME_VISIT_S
