"""The tables of a saved session, read from a configuration file."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from imgcompare.errors import ConfigurationError
from imgcompare.model import EventKind, Lesion, LesionEvent, LesionRole, Tissue
from imgcompare.options import GivenDiameter, KeptOutline

SESSION_TABLES = ("outline", "transform", "lesion", "diameter", "event")
"""Tables that repeat, each an entry of a session; ``study`` and ``format`` describe it."""

FORMATS = (1,)

E = TypeVar("E", bound=StrEnum)
T = TypeVar("T")


def session_options(values: Mapping[str, Any], folder: Path, *, file: str) -> dict[str, Any]:
    """Read the session tables of a configuration.

    Parameters
    ----------
    values : mapping
        The parsed TOML.
    folder : Path
        Where its relative file names start.
    file : str
        Name of the configuration file, for messages.

    Returns
    -------
    dict
        Arguments of CompareOptions: outlines, transforms, lesions, diameters, events.

    Raises
    ------
    ConfigurationError
        Naming the file, the table and the key that is missing or wrong.
    """
    if values.get("format", FORMATS[-1]) not in FORMATS:
        raise ConfigurationError(
            f"{file} is a session of format {values['format']}; this imgcompare reads "
            f"{', '.join(map(str, FORMATS))}. Update imgcompare."
        )

    def every(table: str, read: Callable[[_Entry], T]) -> tuple[T, ...]:
        entries = values.get(table, [])
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise ConfigurationError(f"{file}: write [[{table}]] tables.")
        return tuple(read(_Entry(e, f"{file}, {table} {n}")) for n, e in enumerate(entries, 1))

    return {
        "outlines": every("outline", lambda e: _outline(e, folder)),
        "transforms": every("transform", lambda e: (e.text("timepoint"), folder / e.text("file"))),
        "lesions": every("lesion", _lesion),
        "diameters": every("diameter", _diameter),
        "events": every("event", _event),
    }


class _Entry:
    """One table of a configuration, whose values are checked as they are read."""

    def __init__(self, values: Mapping[str, Any], where: str) -> None:
        self.values, self.where = values, where

    def get(self, key: str, kind: type[T], default: T | None = None) -> T:
        value = self.values.get(key, default)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            problem = "is missing" if value is None else f"is {value!r}"
            raise ConfigurationError(f"{self.where}: {key} {problem}; give {_NAMES[kind]}.")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        return self.get(key, str, default)

    def choice(self, key: str, kind: type[E], default: E | None = None) -> E:
        name = self.text(key, default)
        try:
            return kind(name)
        except ValueError:
            known = ", ".join(kind)
            raise ConfigurationError(f"{self.where}: {key} is {name!r}; use {known}.") from None


_NAMES: Mapping[type, str] = {
    str: "a text in quotes",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def _outline(entry: _Entry, folder: Path) -> KeptOutline:
    shares = entry.get("fractions", dict, {})
    try:
        fractions = {Tissue(name): folder / str(file) for name, file in shares.items()}
    except ValueError:
        known = ", ".join(Tissue)
        raise ConfigurationError(f"{entry.where}: fractions may name {known}.") from None
    return KeptOutline(
        timepoint=entry.text("timepoint"),
        lesion=entry.get("lesion", int),
        labels=folder / entry.text("labels"),
        fractions=fractions,
        source=entry.text("source", "mask"),
        proposed=entry.get("proposed", bool, False),
        classes_only=entry.get("classes_only", bool, False),
    )


def _lesion(entry: _Entry) -> Lesion:
    return Lesion(
        id=entry.get("id", int),
        tracking_uid="",
        site=entry.text("site", ""),
        role=entry.choice("role", LesionRole, LesionRole.TARGET),
        nodal=entry.get("nodal", bool, False),
        name=entry.text("name", ""),
    )


def _diameter(entry: _Entry) -> GivenDiameter:
    ends: Sequence[Any] = entry.get("ends_lps_mm", list)
    try:
        first, second = ((float(a), float(b), float(c)) for a, b, c in ends)
    except (TypeError, ValueError):
        raise ConfigurationError(
            f"{entry.where}: ends_lps_mm holds two points of three numbers each."
        ) from None
    quantity = entry.text("quantity")
    return GivenDiameter(
        entry.text("timepoint"), entry.get("lesion", int), quantity, (first, second)
    )


def _event(entry: _Entry) -> LesionEvent:
    lesions: Sequence[object] = entry.get("lesions", list)
    text = entry.text("timepoint")
    if not text.isdecimal() or not all(type(i) is int for i in lesions):
        raise ConfigurationError(
            f"{entry.where}: give the timepoint's position and the lesions' numbers."
        )
    reason = entry.text("reason", "declared by a person")
    kind = entry.choice("kind", EventKind)
    return LesionEvent(kind, int(text), tuple(int(str(i)) for i in lesions), reason)
