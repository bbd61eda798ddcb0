"""Splits the planes of a series by what can never lie in one volume, and says by what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from imgcompare.loading.instances import Instance, SeriesFacts

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


def split_kinds(planes: Sequence[Instance]) -> tuple[list[list[Instance]], tuple[str, ...]]:
    """Group planes that can lie in one volume.

    Parameters
    ----------
    planes : sequence of Instance
        All planes of one series.

    Returns
    -------
    tuple of (list of list of Instance, tuple of str)
        Groups in order of first appearance, and the names of what differs between them.
    """
    numbering = _Numbering()
    known: dict[int, tuple[object, ...]] = {}
    groups: dict[tuple[object, ...], list[Instance]] = defaultdict(list)
    for plane in planes:
        facts = plane.facts
        kind = known.get(id(facts))
        if kind is None:
            kind = known[id(facts)] = _kind(facts, numbering)
        groups[(*kind, plane.b_value, plane.stack)].append(plane)
    keys = list(groups)
    differing = [name for n, name in enumerate(NAMES) if len({key[n] for key in keys}) > 1]
    return list(groups.values()), tuple(differing)


def _kind(facts: SeriesFacts, numbering: _Numbering) -> tuple[object, ...]:
    echo, kvp = facts.acquisition.echo_time_ms, facts.acquisition.kvp
    return (
        facts.number,
        facts.sop_class,
        tuple(filter(None, facts.image_type)),  # some programs drop empty values
        numbering.of("orientation", facts.orientation, COSINE_TOLERANCE),
        (facts.pixels.rows, facts.pixels.columns),
        numbering.of("spacing", facts.pixel_spacing_mm, SPACING_TOLERANCE_MM),
        facts.frame_uid,
        numbering.of("echo", () if echo is None else (echo,), ECHO_TOLERANCE_MS),
        bool(facts.acquisition.contrast_agent),
        facts.acquisition.convolution_kernel,
        kvp,
    )


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
