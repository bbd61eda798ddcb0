"""Settings of a criterion as text: the fields of its frozen dataclass, read by their defaults."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from imgcompare.errors import ConfigurationError

YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


def with_settings(kind: Callable[..., Any], given: Mapping[str, str], *, owner: str) -> Any:
    """Create a criterion with the settings that are given as text.

    Parameters
    ----------
    kind : dataclass type
        Each field has a default, whose type says how its text is read: yes or no, whole numbers,
        decimals or one of the words of an enumeration.
    given : mapping of str to str
        Settings by name; all others keep their default.
    owner : str
        Name of the criterion for messages.

    Raises
    ------
    ConfigurationError
        If a setting is unknown or its text cannot be read.
    """
    if not given:
        return kind()
    defaults = settings_of(kind())
    unknown = sorted(set(given) - set(defaults))
    if unknown:
        known = ", ".join(defaults) or "none"
        raise ConfigurationError(f"{owner} has no setting {unknown[0]!r}; it has: {known}.")
    return kind(**{n: _read(t, defaults[n], f"{owner}.{n}") for n, t in given.items()})


def settings_of(criterion: Any) -> dict[str, Any]:
    """Give the settings of a criterion and their values, for reports and documentation."""
    if not dataclasses.is_dataclass(criterion):
        return {}
    return {f.name: getattr(criterion, f.name) for f in dataclasses.fields(criterion)}


def _read(text: str, default: object, name: str) -> object:
    word = text.strip().lower()
    if isinstance(default, bool):
        if word in YES_NO:
            return YES_NO[word]
        raise ConfigurationError(f"{name} must be yes or no, not {text!r}.")
    if isinstance(default, StrEnum):
        kind = type(default)
        if word in set(kind):
            return kind(word)
        raise ConfigurationError(f"{name} must be one of {', '.join(kind)}, not {text!r}.")
    try:
        number = int(word) if isinstance(default, int) else Decimal(word)
    except (ValueError, InvalidOperation):
        number = None
    if number is None or not Decimal(number).is_finite() or number < 0:
        kind_of = "a whole number" if isinstance(default, int) else "a number"
        raise ConfigurationError(f"{name} must be {kind_of} from 0 up, not {text!r}.")
    return number
