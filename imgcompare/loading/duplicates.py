"""Counts each SOP instance once, and tells copies of an image from images that share its UID."""

from __future__ import annotations

import filecmp
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from imgcompare.errors import SeriesError
from imgcompare.geometry import AnyArray
from imgcompare.loading.instances import Instance
from imgcompare.loading.listing import first_few

_SHOWN: Final = 3


@dataclass(frozen=True, slots=True, eq=False)
class Copy:
    """A file left out because another carries the same SOP Instance UID and header."""

    used: Instance
    left_out: Instance


@dataclass(frozen=True, slots=True, eq=False)
class Distinct:
    """The images of a series, each once, the copies left out, and what is wrong with UIDs."""

    instances: tuple[Instance, ...]
    copies: tuple[Copy, ...] = ()
    notes: tuple[str, ...] = ()


def distinct(instances: Iterable[Instance]) -> Distinct:
    """Count each SOP instance once.

    Files that share a UID but differ in place, time or number are different images: all are kept.
    Files that differ only in how pixels are stored are one image: the first whole one is used.
    Both are said in the notes. Equal headers do not prove equal pixels: see `require_equal`.
    """
    by_uid: dict[tuple[str, int], list[Instance]] = defaultdict(list)
    for instance in instances:
        by_uid[(instance.sop_uid or instance.path, instance.frame)].append(instance)
    kept: list[Instance] = []
    copies: list[Copy] = []
    shared: list[Instance] = []
    differing: list[Copy] = []
    for group in by_uid.values():
        if len(group) == 1:
            kept += group
            continue
        images: dict[tuple[object, ...], list[Instance]] = defaultdict(list)
        for instance in group:
            images[_identity(instance)].append(instance)
        if len(images) > 1:
            shared += [same[0] for same in images.values()]
        for same in images.values():
            used, *rest = sorted(same, key=lambda i: (i.truncated, i.path))
            kept.append(used)
            for other in rest:
                known = differing if _content(used) != _content(other) else copies
                known.append(Copy(used, other))
    return Distinct(tuple(kept), tuple(copies), _notes(copies, shared, differing))


def _identity(instance: Instance) -> tuple[object, ...]:
    """Give what tells two images apart, whatever their UIDs say."""
    facts = instance.facts
    return (
        tuple(round(x, 2) for x in instance.position),
        facts.orientation,
        facts.number,
        facts.image_type,
        facts.acquisition.echo_time_ms,
        instance.number,
        instance.acquired_s,
        instance.content_s,
        instance.temporal_position,
        instance.trigger_ms,
        instance.b_value,
    )


def _content(instance: Instance) -> tuple[object, ...]:
    """Give what a header says of the values themselves, however they are compressed."""
    pixels = replace(instance.facts.pixels, transfer_syntax="", photometric="", high_bit=0)
    return pixels, instance.slope, instance.intercept, instance.facts.pixel_spacing_mm


def _notes(
    copies: Sequence[Copy], shared: Sequence[Instance], differing: Sequence[Copy]
) -> tuple[str, ...]:
    notes = []
    if copies:
        count, _ = _files([c.left_out for c in copies])
        notes.append(f"{count} duplicate files counted once")
    if shared:
        count, names = _files(shared)
        notes.append(
            f"{count} files with different images share SOP Instance UIDs ({names}): the UIDs are "
            "damaged, all images are kept"
        )
    if differing:
        count, names = _files([c.left_out for c in differing])
        _, used = _files([c.used for c in differing])
        notes.append(
            f"{count} files repeat the SOP Instance UID of another with other content ({names}, "
            f"against {used}); the latter are used"
        )
    return tuple(notes)


def _files(instances: Iterable[Instance]) -> tuple[int, str]:
    """Count files and name some."""
    names = list({i.path: i.file_name for i in instances}.values())
    return len(names), first_few(names, _SHOWN)


def require_equal(copies: Iterable[Copy], read: Callable[[Instance], AnyArray]) -> None:
    """Make sure that copies hold the same pixels as the files used instead.

    Parameters
    ----------
    copies : iterable of Copy
        Whose headers agree.
    read : function of Instance to array
        Reads one plane; called only for files that are not equal byte for byte.

    Raises
    ------
    SeriesError
        Naming two files that carry one UID and hold different pixels.
    """
    equal: set[tuple[str, str]] = set()
    for copy in copies:
        one, other = copy.used, copy.left_out
        pair = (one.path, other.path)
        if other.truncated or pair in equal:
            continue
        if filecmp.cmp(*pair, shallow=False):
            equal.add(pair)
        elif not np.array_equal(read(one), read(other)):
            raise SeriesError(
                f"Files {one.file_name} and {other.file_name} carry one SOP Instance UID but hold "
                "different pixels; remove the wrong one."
            )
