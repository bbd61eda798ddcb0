"""Applies the roles that a person gives to series by UID, number or description."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from imgcompare.errors import ConfigurationError
from imgcompare.loading.roles import RoleGuess
from imgcompare.model import Role

if TYPE_CHECKING:
    from imgcompare.loading.choice import Candidate
    from imgcompare.loading.courses import Subject


def parse_roles(roles: Mapping[str, str | Role] | None) -> dict[str, Role]:
    """Turn role names into roles.

    Raises
    ------
    ConfigurationError
        If a name is no role; the message lists all.
    """
    result = {}
    for key, value in (roles or {}).items():
        try:
            result[str(key).strip()] = Role(str(value).strip().upper())
        except ValueError:
            known = ", ".join(Role)
            raise ConfigurationError(
                f"There is no role {value!r}; the roles are {known}."
            ) from None
    return result


def apply_overrides(subjects: Iterable[Subject], roles: Mapping[str, Role]) -> list[Subject]:
    """Give series the roles that a person chose.

    A key is a Series Instance UID, a series number (``4``, or ``4/2`` for the second part of a
    series that was split), or part of a description, upper or lower case. It may fit one series
    per study, and must fit at least one.

    Raises
    ------
    ConfigurationError
        If a key fits nothing, or several series of one study.
    """
    result = list(subjects)
    for key, role in roles.items():
        hits = 0
        for n, subject in enumerate(result):
            studies = []
            for study in subject.studies:
                found = _matching(key, study.candidates)
                if len(found) > 1:
                    raise ConfigurationError(_ambiguous(key, found))
                hits += len(found)
                candidates = tuple(
                    _force(c, role, key) if c in found else c for c in study.candidates
                )
                studies.append(replace(study, candidates=candidates))
            result[n] = replace(subject, studies=tuple(studies))
        if not hits:
            every = [c for s in result for study in s.studies for c in study.candidates]
            listed = "; ".join(c.name for c in every[:20]) or "none"
            raise ConfigurationError(f"No series fits {key!r}. There are: {listed}.")
    return result


def _force(candidate: Candidate, role: Role, key: str) -> Candidate:
    return replace(
        candidate.with_guess(RoleGuess(role, f"given by you ({key}={role})")), forced=True
    )


def _matching(key: str, candidates: Sequence[Candidate]) -> list[Candidate]:
    """Series that a key fits; the most specific kind of fit wins."""
    number, _, part = key.partition("/")
    lowered = key.lower()
    for fits in (
        [c for c in candidates if c.series.uid == key],
        [
            c
            for c in candidates
            if c.series.number is not None
            and str(c.series.number) == number
            and (not part or str(c.part) == part)
        ],
        [c for c in candidates if c.series.description.lower() == lowered],
        [c for c in candidates if lowered in c.series.description.lower()],
    ):
        if fits:
            return fits
    return []


def _ambiguous(key: str, found: Sequence[Candidate]) -> str:
    listed = "; ".join(f"{c.name} ({c.series.role})" for c in found)
    return (
        f"{key!r} fits {len(found)} series: {listed}. Name one by its number (NUMBER/PART for a "
        f"part of a split series), UID or whole description; the roles are {', '.join(Role)}."
    )
