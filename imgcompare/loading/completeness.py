"""Weighs evidence that images of a series are missing where positions alone cannot prove it.

Slices lost at an end, or every second one, leave an even stack. Counts that the header states and
holes in the numbering tell; they are said with their numbers, and never repaired.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from imgcompare.loading.instances import Concatenation, Instance
from imgcompare.loading.listing import first_few
from imgcompare.loading.spacing import SAME_POSITION_MM, heights_of

_SHOWN: Final = 5


def missing_parts(planes: Sequence[Instance]) -> str:
    """Say which files of a divided multi-frame object are missing; empty if none are."""
    found: dict[str, dict[int, Concatenation]] = defaultdict(dict)
    for plane in planes:
        if plane.concatenation is not None:
            found[plane.concatenation.uid][plane.concatenation.number] = plane.concatenation
    for parts in found.values():
        total = max(p.total or 0 for p in parts.values())
        expected = range(1, max(total, *parts) + 1)
        absent = [str(n) for n in expected if n not in parts]
        if absent:
            return (
                f"is incomplete: part {first_few(absent, _SHOWN)} of {len(expected)} of its "
                "concatenation is missing"
            )
    return ""


def doubts(planes: Sequence[Instance]) -> tuple[str, ...]:
    """Say what speaks for missing images in a series.

    Parameters
    ----------
    planes : sequence of Instance
        All planes of the series, each once.

    Returns
    -------
    tuple of str
        Empty where nothing does.
    """
    if any(p.tile is not None or p.facts.pixels.frames > 1 for p in planes):
        return ()  # such files are whole or refused
    notes = (_phases(planes), _slices(planes), _acquired(planes), _numbers(planes))
    return tuple(n for n in notes if n)


def _phases(planes: Sequence[Instance]) -> str:
    """Compare temporal positions with Number of Temporal Positions (PS3.3 C.8.3.1)."""
    stated = max(p.facts.temporal_positions or 0 for p in planes)
    found = len({p.temporal_position for p in planes} - {None})
    if not 1 < found < stated:  # vendors that write a series per phase state the number in each
        return ""
    return f"its header says {stated} temporal positions, {found} are here; images may be missing"


def _slices(planes: Sequence[Instance]) -> str:
    """Compare positions with Number of Slices (PS3.3 C.8.9.4) of PET."""
    stated = max(p.facts.slice_count or 0 for p in planes)
    if not stated or any(len(p.position) != 3 or len(p.facts.orientation) != 6 for p in planes):
        return ""
    heights = np.sort(heights_of(planes))
    found = 1 + int((np.diff(heights) > SAME_POSITION_MM).sum())
    if found >= stated:
        return ""
    return f"its header says {stated} slices, {found} are here; slices may be missing at the ends"


def _acquired(planes: Sequence[Instance]) -> str:
    """Compare the images of an acquisition with Images in Acquisition (PS3.3 C.7.6.1)."""
    stated = max(p.facts.images_in_acquisition or 0 for p in planes)
    if len(planes) >= stated:
        return ""
    return (
        f"its header says {stated} images in the acquisition, {len(planes)} are here; "
        "slices may be missing at the ends, or lie in another series"
    )


def _numbers(planes: Sequence[Instance]) -> str:
    """Look for holes in the instance numbers, which scanners give from 1 without any."""
    numbers = sorted({p.number for p in planes if p.number is not None})
    if len(numbers) < max(2, len(planes)):  # numbers that repeat count something else
        return ""
    steps = set(np.diff(numbers).tolist())
    first, last = numbers[0], numbers[-1]
    if len(steps) == 1 and (step := steps.pop()) > 1:
        if step > len(numbers):
            return ""  # a numbering of another kind
        shown = ", ".join(map(str, numbers[:3]))
        return f"its images are numbered {shown}, … {last}: only one of {step} may be here"
    start = 1 if 1 < first <= len(numbers) else first
    if (
        not 0 < last - start + 1 - len(numbers) <= len(numbers)
    ):  # more holes than images say nothing
        return ""
    absent = sorted(set(range(start, last)) - set(numbers))
    shown = first_few([str(n) for n in absent], _SHOWN)
    return (
        f"its {len(numbers)} images are numbered up to {last} without {shown}; slices may be "
        "missing"
    )
