"""Splits the planes of a series by what can never lie in one volume, and says by what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from imgcompare.loading.instances import Instance, SeriesFacts
from imgcompare.loading.spacing import heights_of, is_even

COSINE_TOLERANCE: Final = 2e-3
"""Direction cosines that differ by less are one orientation (headers round to 3-6 decimals)."""

SPACING_TOLERANCE_MM: Final = 1e-4
ECHO_TOLERANCE_MS: Final = 5e-3
"""Numbers that differ by less are one value, written by different programs."""

NAMES: Final = (
    "series number",
    "kind of object",
    "image type",
    "orientation",
    "matrix size",
    "pixel spacing",
    "frame of reference",
    "echo time",
    "contrast agent",
    "reconstruction kernel",
    "tube voltage",
    "b-value",
    "stack of its frames",
)
"""What a kind is made of, as messages name it."""

_OPEN: Final = frozenset((0, 6, 7, 9, 10, 12))
"""Those that some files of a volume may lack. Without a contrast agent or b-value means something
of its own."""

_MISSING: Final = (None, "")

_MOST_JOINED: Final = 50
"""Each group is compared with each other one; series of more kinds are no damaged volume."""

Groups = dict[tuple[object, ...], list[Instance]]


@dataclass(frozen=True, slots=True, eq=False)
class Kinds:
    """Groups in order of first appearance, what differs between them, and doubts."""

    groups: list[list[Instance]]
    differing: tuple[str, ...]
    notes: tuple[str, ...] = ()


def split_kinds(planes: Sequence[Instance]) -> Kinds:
    """Group planes that can lie in one volume.

    Files that lack what others state belong to these if all of them are numbered one by one along
    even positions.

    Parameters
    ----------
    planes : sequence of Instance
        All planes of one series.

    Returns
    -------
    Kinds
    """
    numbering = _Numbering()
    known: dict[int, tuple[object, ...]] = {}
    groups: Groups = defaultdict(list)
    for plane in planes:
        facts = plane.facts
        kind = known.get(id(facts))
        if kind is None:
            kind = known[id(facts)] = _kind(facts, numbering)
        groups[(*kind, plane.b_value, plane.stack)].append(plane)
    notes = _join(groups) if 1 < len(groups) <= _MOST_JOINED else ()
    keys = list(groups)
    differing = [name for n, name in enumerate(NAMES) if len({key[n] for key in keys}) > 1]
    return Kinds(list(groups.values()), tuple(differing), notes)


def _join(groups: Groups) -> tuple[str, ...]:
    """Join groups that lack values with those that they continue; say which values."""
    notes = []
    for key in list(groups):
        others = [k for k in groups if k != key and _agree(key, k)] if key in groups else []
        if len(others) != 1 or not _continuous([*groups[key], *groups[others[0]]]):
            continue
        (other,) = others
        lacking = [NAMES[n] for n in range(len(key)) if key[n] != other[n]]
        one, two = groups.pop(key), groups.pop(other)
        joined = [*_filled(one, two[0].facts), *_filled(two, one[0].facts)]
        pairs = zip(key, other, strict=True)
        groups[tuple(b if a in _MISSING else a for a, b in pairs)] = joined
        notes.append(
            f"only some of its {len(joined)} images state the {' and '.join(lacking)}; they are "
            "numbered one by one along even positions and make one volume"
        )
    return tuple(notes)


def _filled(planes: Sequence[Instance], stated: SeriesFacts) -> list[Instance]:
    """Give planes the values that their facts lack."""
    known: dict[int, SeriesFacts] = {}
    for facts in (p.facts for p in planes):
        if id(facts) not in known:
            own, other = facts.acquisition, stated.acquisition
            acquisition = replace(
                own,
                echo_time_ms=other.echo_time_ms if own.echo_time_ms is None else own.echo_time_ms,
                kvp=other.kvp if own.kvp is None else own.kvp,
                convolution_kernel=own.convolution_kernel or other.convolution_kernel,
            )
            known[id(facts)] = replace(
                facts,
                number=stated.number if facts.number is None else facts.number,
                frame_uid=facts.frame_uid or stated.frame_uid,
                acquisition=acquisition,
            )
    return [replace(p, facts=known[id(p.facts)]) for p in planes]


def _agree(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Whether two kinds differ only in what one of them lacks."""
    return all(
        a == b or (n in _OPEN and (a in _MISSING or b in _MISSING))
        for n, (a, b) in enumerate(zip(one, other, strict=True))
    )


def _continuous(planes: Sequence[Instance]) -> bool:
    """Whether planes are numbered one by one along even positions."""
    orientation = planes[0].facts.orientation
    if len(orientation) != 6 or any(p.number is None or len(p.position) != 3 for p in planes):
        return False
    heights = heights_of(planes)
    order = np.argsort(heights, kind="stable")
    steps = set(np.diff([planes[n].number or 0 for n in order]).tolist())
    return steps in ({1}, {-1}) and is_even(np.diff(heights[order]))


def _kind(facts: SeriesFacts, numbering: _Numbering) -> tuple[object, ...]:
    echo, kvp = facts.acquisition.echo_time_ms, facts.acquisition.kvp
    return (
        facts.number,
        facts.sop_class,
        _image_type(facts.image_type),
        numbering.of("orientation", facts.orientation, COSINE_TOLERANCE),
        (facts.pixels.rows, facts.pixels.columns),
        numbering.of("spacing", facts.pixel_spacing_mm, SPACING_TOLERANCE_MM),
        facts.frame_uid,
        None if echo is None else numbering.of("echo", (echo,), ECHO_TOLERANCE_MS),
        bool(facts.acquisition.contrast_agent),
        facts.acquisition.convolution_kernel,
        kvp,
    )


def _image_type(types: Sequence[str]) -> tuple[str, ...]:
    """Values without empty ones, which some programs drop; the order of the later ones is free."""
    given = [t for t in types if t]
    return (*given[:2], *sorted(given[2:]))


class _Numbering:
    """Numbers values so that those within a tolerance of each other get one number."""

    def __init__(self) -> None:
        self._known: dict[str, list[tuple[float, ...]]] = defaultdict(list)

    def of(self, what: str, value: tuple[float, ...], tolerance: float) -> int:
        known = self._known[what]
        for n, other in enumerate(known):
            if len(other) == len(value) and np.allclose(value, other, rtol=0.0, atol=tolerance):
                return n
        known.append(value)
        return len(known) - 1
