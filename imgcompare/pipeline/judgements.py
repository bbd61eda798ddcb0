"""What a reader decided about lesions of images: roles, sites, statuses and findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from imgcompare.errors import ConfigurationError
from imgcompare.loading.tables import Judgement
from imgcompare.model import Course, Lesion, LesionRole, ReaderFinding, ReaderInput, Response
from imgcompare.options import position_of

WORST = (Response.PD, Response.NE, Response.NON_CR_NON_PD, Response.CR)
"""Statuses of several non-targets at a visit join to the first of these that one has."""


def with_judgements(
    lesions: Sequence[Lesion],
    judgements: Sequence[Judgement],
    course: Course,
    *,
    first_seen: Mapping[int, int],
) -> tuple[tuple[Lesion, ...], ReaderInput]:
    """Give lesions the role and site a reader says, and collect everything else.

    Parameters
    ----------
    lesions : sequence of Lesion
    judgements : sequence of Judgement
    course : Course
        Tells which timepoint a text means.
    first_seen : mapping of lesion id to int
        Timepoint at which each lesion was first found.

    Raises
    ------
    InputError
        If a lesion or timepoint is unknown, or a role is impossible; naming row and column.
    """
    if not judgements:
        return tuple(lesions), ReaderInput()
    by_id = {lesion.id: lesion for lesion in lesions}
    new: dict[int, list[int]] = {}
    statuses: dict[int, list[Response]] = {}
    findings: dict[int, list[ReaderFinding]] = {}
    for one in judgements:
        at = _position(one, course)
        if one.lesion is not None:
            by_id[one.lesion] = _with_judgement(by_id, one.lesion, one)
        if one.lesion is not None and one.role is LesionRole.NEW:
            first = first_seen.get(one.lesion, 0) if at is None else at
            if first <= course.baseline_index:
                one.row.refuse("role", f"lesion {one.lesion} is there at the baseline, not new.")
            new.setdefault(first, []).append(one.lesion)
        if at is not None and one.status is not None:
            statuses.setdefault(at, []).append(one.status)
        if at is not None and one.finding is not None:
            findings.setdefault(at, []).append(one.finding)
    chosen = {j.lesion for j in judgements if j.role is LesionRole.TARGET and j.lesion is not None}
    reader = ReaderInput(
        targets=tuple(sorted(chosen)) or None,
        non_target={at: next(r for r in WORST if r in said) for at, said in statuses.items()},
        new_lesions={at: tuple(dict.fromkeys(ids)) for at, ids in sorted(new.items())},
        findings={at: tuple(said) for at, said in findings.items()},
    )
    found = (_not_chosen(x) if chosen and x.id not in chosen else x for x in by_id.values())
    return tuple(found), reader


def _not_chosen(lesion: Lesion) -> Lesion:
    """Make a lesion a non-target where a reader has chosen others as targets."""
    is_target = lesion.role is LesionRole.TARGET
    return replace(lesion, role=LesionRole.NON_TARGET) if is_target else lesion


def _position(one: Judgement, course: Course) -> int | None:
    if not one.timepoint:
        return None
    try:
        return position_of(one.timepoint, course)
    except ConfigurationError as error:
        one.row.refuse("timepoint", str(error))


def _with_judgement(by_id: Mapping[int, Lesion], identity: int, one: Judgement) -> Lesion:
    """Give a lesion what a row says about it."""
    if identity not in by_id:
        known = ", ".join(map(str, sorted(by_id))) or "none"
        one.row.refuse("lesion", f"there is no lesion {identity}; there are: {known}.")
    lesion = by_id[identity]
    return replace(
        lesion,
        role=one.role or lesion.role,
        site=one.site or lesion.site,
        nodal=one.row.yes_in("nodal") if one.nodal else lesion.nodal,
    )
