"""Strings of the command line and of configuration files, turned into typed options."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgcompare.errors import ConfigurationError

if TYPE_CHECKING:
    from imgcompare.model import Role
    from imgcompare.pipeline import Seed

CONFIGURATION_KEYS = ("mask", "seed", "role", "criteria", "identified", "label_scheme")
"""What a configuration file may hold; the same names as the options."""


def _pairs(items: Iterable[str], *, option: str, form: str) -> list[tuple[str, str]]:
    pairs = []
    for item in items:
        key, separator, value = item.rpartition("=") if option == "role" else item.partition("=")
        if not separator or not key.strip() or not value.strip():
            raise ConfigurationError(f"--{option} {item!r} is not of the form {form}.")
        pairs.append((key.strip(), value.strip()))
    return pairs


def parse_roles(items: Iterable[str]) -> dict[str, Role]:
    """Read ``SERIES=ROLE`` texts."""
    from imgcompare.model import Role

    roles = {}
    for series, name in _pairs(items, option="role", form="SERIES=ROLE"):
        try:
            roles[series] = Role(name.upper())
        except ValueError:
            known = ", ".join(Role)
            raise ConfigurationError(f"Unknown role {name!r}; use one of {known}.") from None
    return roles


def parse_masks(items: Iterable[str]) -> tuple[tuple[str, Path], ...]:
    """Read ``TIMEPOINT=FILE`` texts."""
    pairs = _pairs(
        items, option="mask", form="TIMEPOINT=FILE, for example 2024-01-10=lesion.nii.gz"
    )
    return tuple((timepoint, Path(file)) for timepoint, file in pairs)


def parse_seeds(items: Iterable[str]) -> tuple[Seed, ...]:
    """Read ``TIMEPOINT=L,P,S[:RADIUS_MM]`` texts."""
    from imgcompare.pipeline import Seed

    form = "TIMEPOINT=L,P,S[:RADIUS_MM] in patient LPS mm, for example 0=-31.5,12,40:25"
    seeds = []
    for timepoint, text in _pairs(items, option="seed", form=form):
        point, _, radius = text.partition(":")
        try:
            left, posterior, superior = (float(x) for x in point.split(","))
            seeds.append(
                Seed(timepoint, (left, posterior, superior), float(radius) if radius else None)
            )
        except ValueError:
            raise ConfigurationError(
                f"--seed {timepoint}={text} is not of the form {form}."
            ) from None
    return tuple(seeds)


def read_configuration(path: Path | None) -> Mapping[str, Any]:
    """Read a TOML file with the same names as the options; lists where an option repeats."""
    if path is None:
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"Cannot read {path.name}: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path.name} is not valid TOML: {error}.") from None
    unknown = sorted(set(values) - set(CONFIGURATION_KEYS))
    if unknown:
        known = ", ".join(CONFIGURATION_KEYS)
        raise ConfigurationError(f"{path.name}: unknown key {unknown[0]!r}; use {known}.")
    return values
