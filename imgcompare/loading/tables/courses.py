"""Puts checked rows together: timepoints in order, lesions with one identity, states of each."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from imgcompare.loading.tables.entries import Entry
from imgcompare.loading.tables.links import SPLIT_FROM, read_links
from imgcompare.loading.tables.rows import is_number
from imgcompare.loading.tables.states import read_figures, read_states
from imgcompare.model import (
    WHOLE,
    Course,
    EventKind,
    Lesion,
    LesionRole,
    Measurement,
    ReaderFinding,
    ReaderInput,
    Response,
    Timepoint,
    TypedCourse,
)

MOST_TARGETS, MOST_PER_ORGAN = 5, 2
"""More lesions typed as targets than this (RECIST 1.1) are taken as candidates, not as chosen."""


def build_courses(entries: Sequence[Entry]) -> tuple[TypedCourse, ...]:
    """Group rows by subject and evaluator, whatever their order.

    Raises
    ------
    InputError
        Naming the row and column that contradicts another.
    """
    nameless = [e for e in entries if not e.key[0]]
    if nameless and len(nameless) < len(entries):
        nameless[0].row.refuse("subject", "is empty, and other rows name a subject.")
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.key, []).append(entry)
    ordered = sorted(groups.items(), key=lambda one: (_natural(one[0][0]), _natural(one[0][1])))
    return tuple(_course(*key, group) for key, group in ordered)


def _natural(text: str) -> tuple[tuple[bool, int, str], ...]:
    """Order T2 before T10."""
    parts = re.findall(r"\d+|\D+", text.lower())
    return tuple((not p.isdecimal(), int(p) if p.isdecimal() else 0, p) for p in parts)


def _course(subject: str, evaluator: str, entries: Sequence[Entry]) -> TypedCourse:
    timepoints, baseline = _timepoints(entries)
    visits = {t.label: t.index for t in timepoints}
    lesions = _lesions([e for e in entries if e.lesion])
    links = read_links(entries, lesions, visits, baseline=baseline)
    parts = {i for e in links if e.kind is EventKind.SPLIT for i in e.lesion_ids[1:]}
    states = read_states(entries, lesions, visits)
    figures = read_figures(entries, lesions, visits, states)
    targets, warnings = _targets(entries, lesions, figures, baseline=baseline, parts=parts)
    statuses = {(lesions[e.lesion].id, visits[e.visit]): e.status for e in entries if e.status}
    new = {lesion.id for lesion in lesions.values() if lesion.role is LesionRole.NEW}
    old = {key: status for key, status in statuses.items() if key[0] not in new}
    thickness = {visits[e.visit]: e.slice_thickness_mm for e in entries if e.slice_thickness_mm}
    return TypedCourse(
        Course(subject, timepoints, baseline),
        evaluator,
        tuple(lesions.values()),
        tuple(figures.values()),
        ReaderInput(
            targets=targets,
            non_target=_joined_statuses(old, count=len(timepoints), baseline=baseline),
            statuses=statuses,
            new_lesions=_new_lesions(entries, lesions, visits, baseline),
            states=states.lesions,
            small_parts=states.small,
            findings=_findings(entries, visits),
        ),
        next((e.modality for e in entries if e.modality), ""),
        tuple(thickness.get(t.index) for t in timepoints),
        warnings,
        links,
    )


def _timepoints(entries: Sequence[Entry]) -> tuple[tuple[Timepoint, ...], int]:
    """Put the visits in order and find the baseline."""
    dates: dict[str, dt.date] = {}
    first: dict[str, Entry] = {}
    for e in entries:
        first.setdefault(e.visit, e)
        if e.date and dates.setdefault(e.visit, e.date) != e.date:
            e.row.refuse(
                "date",
                f"timepoint {e.visit} has two dates, {dates[e.visit]} and {e.date}; give each "
                "visit its own timepoint (there can be one baseline only).",
            )
    order = _in_order(first, dates)
    for earlier, later in pairwise(order):
        if earlier in dates and later in dates and dates[later] <= dates[earlier]:
            first[later].row.refuse(
                "date",
                f"timepoint {later} follows {earlier}, but its date {dates[later]} is not after "
                f"{dates[earlier]}.",
            )
    marked = sorted({e.visit for e in entries if e.baseline}, key=order.index)
    if len(marked) > 1:
        second = next(e for e in entries if e.baseline and e.visit == marked[1])
        second.row.refuse("baseline", f"{marked[0]} is the baseline already; there can be one.")
    baseline = order.index(marked[0]) if marked else 0
    visits = tuple(
        Timepoint(n, dates.get(name), (), {}, label=name) for n, name in enumerate(order)
    )
    return visits, baseline


def _in_order(first: Mapping[str, Entry], dates: Mapping[str, dt.date]) -> list[str]:
    """Order visits by number if all are numbers, else by date."""
    if all(map(is_number, first)):
        return sorted(first, key=float)
    for name, entry in first.items():
        if name not in dates:
            entry.row.refuse(
                "date",
                f"is empty, so timepoint {name!r} cannot be put in order; give its date, or "
                "number the timepoints 0, 1, ...",
            )
    return sorted(first, key=lambda name: (dates[name], name))


def _lesions(entries: Sequence[Entry]) -> dict[str, Lesion]:
    """Give each name one identity, and refuse what contradicts itself."""
    names = sorted({e.lesion for e in entries}, key=_natural)
    plain = all(n.isascii() and n.isdecimal() for n in names)
    plain = plain and len(set(map(int, names))) == len(names)  # 1 and 01 are two names
    lesions: dict[str, Lesion] = {}
    for position, name in enumerate(names, start=1):
        own = [e for e in entries if e.lesion == name]
        site = _agreed(own, "site", [e.site.lower() for e in own])
        role = _agreed(own, "role", [e.role.value if e.role else "" for e in own])
        nodal = _agreed(own, "nodal", [_nodal(e) for e in own]) == "yes"
        if any(e.status for e in own):
            role = role or LesionRole.NON_TARGET.value
            if role == LesionRole.TARGET:
                typed = next(e for e in own if e.status)
                typed.row.refuse("quantity", f"a status is for non-targets; lesion {name} is a "
                                 "target, whose response follows from its size.")  # fmt: skip
        seed = f"{own[0].row.get('subject')}/{name}"
        lesions[name] = Lesion(
            id=int(name) if plain else position,
            tracking_uid=f"2.25.{uuid.uuid5(uuid.NAMESPACE_OID, seed).int}",
            site=site,
            role=LesionRole(role) if role else LesionRole.TARGET,
            nodal=nodal,
            name="" if plain else name,
        )
    return lesions


def _nodal(entry: Entry) -> str:
    """Whether a lesion is a node by a row; empty where the row leaves the cell empty."""
    return "yes" if entry.nodal else ("no" if entry.row.get("nodal") else "")


def _agreed(entries: Sequence[Entry], column: str, values: Sequence[str]) -> str:
    """Give what all rows of a lesion say; rows that say nothing agree."""
    said = ""
    for entry, value in zip(entries, values, strict=True):
        if value and said and value != said:
            entry.row.refuse(
                column, f"{entry.where} is {value!r} here and {said!r} in another row."
            )
        said = said or value
    return said


def _targets(
    entries: Sequence[Entry],
    lesions: Mapping[str, Lesion],
    figures: Mapping[tuple[int, int, str, str], Measurement],
    *,
    baseline: int,
    parts: Collection[int],
) -> tuple[tuple[int, ...] | None, tuple[str, ...]]:
    """Take the targets as typed, or leave the choice to the criteria where there are too many."""
    typed = {
        e.lesion: e
        for e in entries
        if e.role is LesionRole.TARGET and lesions[e.lesion].id not in parts
    }
    sizes: dict[int, list[float]] = {}
    for (lesion, visit, compartment, _), figure in figures.items():
        if visit == baseline:
            sizes.setdefault(lesion, []).append(figure.value if compartment == WHOLE else 1.0)
    for name in sorted(typed, key=_natural):
        found = sizes.get(lesions[name].id)
        if not found or not any(found):
            lacks = "has no figure" if not found else "is absent"
            typed[name].row.refuse(
                "role", f"lesion {name} is a target, but {lacks} at baseline; type its size there, "
                f"make it non_target or new, or name in {SPLIT_FROM} the lesion it is a part of.",
            )  # fmt: skip
    if not typed:
        return None, ()
    chosen = sorted((lesions[name] for name in typed), key=lambda one: one.id)
    organs = Counter("lymph nodes" if c.nodal else c.site for c in chosen if c.nodal or c.site)
    if len(chosen) > MOST_TARGETS or max(organs.values(), default=0) > MOST_PER_ORGAN:
        return None, (
            f"{len(chosen)} lesions are typed as targets, more than {MOST_TARGETS} in all or "
            f"{MOST_PER_ORGAN} in one organ; each criterion chooses among them.",
        )
    return tuple(c.id for c in chosen), ()


def _joined_statuses(
    typed: Mapping[tuple[int, int], Response], *, count: int, baseline: int
) -> dict[int, Response]:
    """Join the statuses of all non-targets at each visit; one left out was not evaluated."""
    lesions = {lesion for lesion, _ in typed}
    found = {}
    for visit in range(baseline + 1, count if lesions else 0):
        said = {typed.get((lesion, visit), Response.NE) for lesion in lesions}
        worst = (Response.PD, Response.NE, Response.NON_CR_NON_PD, Response.CR)
        found[visit] = next(r for r in worst if r in said)
    return found


def _new_lesions(
    entries: Sequence[Entry],
    lesions: Mapping[str, Lesion],
    visits: Mapping[str, int],
    baseline: int,
) -> dict[int, tuple[int, ...]]:
    """Lesions typed as new, at the first visit where they are present."""
    found: dict[int, list[int]] = {}
    for name, lesion in lesions.items():
        if lesion.role is not LesionRole.NEW:
            continue
        own = [e for e in entries if e.lesion == name]
        present = [e for e in own if e.is_present]
        if not present:
            own[0].row.refuse("role", f"lesion {name} is new, but present at no timepoint.")
        part = next((e for e in own if e.split_from), None)
        if part is not None:
            part.row.refuse(SPLIT_FROM, f"lesion {name} is typed as new, so it is not a part of "
                            f"lesion {part.split_from}; leave one of them out.")  # fmt: skip
        first = min(present, key=lambda e: visits[e.visit])
        if visits[first.visit] <= baseline:
            first.row.refuse("role", f"lesion {name} is new, but present at the baseline.")
        found.setdefault(visits[first.visit], []).append(lesion.id)
    return {visit: tuple(sorted(ids)) for visit, ids in sorted(found.items())}


def _findings(
    entries: Sequence[Entry], visits: Mapping[str, int]
) -> dict[int, tuple[ReaderFinding, ...]]:
    found: dict[int, list[ReaderFinding]] = {}
    for e in entries:
        if e.finding:
            found.setdefault(visits[e.visit], []).append(e.finding)
    return {visit: tuple(f) for visit, f in found.items()}
