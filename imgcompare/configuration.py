"""Strings of the command line and of configuration files, turned into typed options."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgcompare.errors import ConfigurationError

if TYPE_CHECKING:
    from imgcompare.model import Role
    from imgcompare.options import CompareOptions, Seed

CONFIGURATION_KEYS = (
    *("mask", "seed", "role", "criteria", "identified", "label_scheme", "regrid"),
    *("set", "events", "repeatability", "site", "reader"),
)
"""What a configuration file may hold; the same names as the options."""

SESSION_KEYS = ("outline", "transform", "lesion", "diameter", "event", "format", "study")
"""What a saved session holds besides; see `imgcompare.session_tables`."""


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
    from imgcompare.options import Seed

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
    unknown = sorted(set(values) - {*CONFIGURATION_KEYS, *SESSION_KEYS})
    if unknown:
        known = ", ".join(CONFIGURATION_KEYS)
        raise ConfigurationError(f"{path.name}: unknown key {unknown[0]!r}; use {known}.")
    return values


def compare_options(
    configuration: Path | None,
    *,
    masks: Iterable[str] = (),
    seeds: Iterable[str] = (),
    roles: Iterable[str] = (),
    criteria: str | None = None,
    label_scheme: str | None = None,
    identified: bool = False,
    regrid: str | None = None,
    settings: Iterable[str] = (),
    events: Path | None = None,
    repeatability: Path | None = None,
    site: str | None = None,
    reader: Path | None = None,
) -> CompareOptions:
    """Join a configuration file and the command line; the command line wins or is added."""
    from imgcompare.options import CompareOptions
    from imgcompare.session_tables import session_options

    values = read_configuration(configuration)
    path = configuration or Path()
    names = ",".join(_texts(values, "criteria")) if criteria is None else criteria
    return CompareOptions(
        masks=parse_masks([*_texts(values, "mask"), *masks]),
        seeds=parse_seeds([*_texts(values, "seed"), *seeds]),
        roles=parse_roles([*_texts(values, "role"), *roles]),
        criteria=parse_names(names),
        settings=parse_settings([*_texts(values, "set"), *settings]),
        clinical=events or _file(values, "events", path.parent),
        repeatability=repeatability or _file(values, "repeatability", path.parent),
        label_scheme=label_scheme or values.get("label_scheme"),
        identified=identified or bool(values.get("identified", False)),
        reader=reader or _file(values, "reader", path.parent),
        site=str(site or values.get("site", "")),
        regrid=str(regrid or values.get("regrid", "allow")),
        **session_options(values, path.parent, file=path.name),
    )


def parse_names(text: str | None) -> tuple[str, ...]:
    """Read names separated by commas."""
    return tuple(n.strip() for n in (text or "").split(",") if n.strip())


def parse_settings(items: Iterable[str]) -> dict[str, dict[str, str]]:
    """Read ``CRITERION.SETTING=VALUE`` texts."""
    form = "CRITERION.SETTING=VALUE, for example recist_1_1.confirm=yes"
    found: dict[str, dict[str, str]] = {}
    for key, value in _pairs(items, option="set", form=form):
        name, dot, setting = key.partition(".")
        if not dot or not name or not setting:
            raise ConfigurationError(f"--set {key}={value} is not of the form {form}.")
        found.setdefault(name, {})[setting] = value
    return found


def _file(values: Mapping[str, Any], key: str, folder: Path) -> Path | None:
    """Read the name of a file, relative to the configuration's folder."""
    found = _texts(values, key)
    if len(found) > 1:
        raise ConfigurationError(f"The configuration's {key!r} must be one file.")
    return folder / found[0] if found else None


def _texts(values: Mapping[str, Any], key: str) -> list[str]:
    """Read one text or a list of texts."""
    found = values.get(key, [])
    items = [found] if isinstance(found, str) else found
    if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
        raise ConfigurationError(f"The configuration's {key!r} must be a text or a list of texts.")
    return items
