"""Splits planes where slice thickness or spacing changes along the stack, as in old head CT."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from imgcompare.loading.instances import Instance
from imgcompare.loading.spacing import Fit, fit_grid, heights_of, is_even, median

MIN_SLAB: Final = 3
"""Fewer slices are no slab with a spacing of its own but an odd gap."""

MIN_REGIME: Final = 5
"""Slabs of whole-number multiples of one spacing need as many slices: else some are missing."""

MAX_SLABS: Final = 4
"""More changes of spacing are irregular, not planned (base, brain and vertex make three)."""

THICKNESS: Final = "slice thickness"

SAME_THICKNESS: Final = 0.02
"""Thicknesses that differ by a smaller part are one."""


@dataclass(frozen=True, slots=True, eq=False)
class Slab:
    """Planes of one thickness and spacing, with their grid."""

    planes: tuple[Instance, ...]
    fit: Fit
    rule: str = ""


def split_slabs(planes: Sequence[Instance]) -> list[Slab]:
    """Split ordered planes of one phase into slabs of even spacing.

    Even planes stay together. Others are split by slice thickness; then where spacing changes for
    good, or at an odd gap too large for the slices on its sides. What cannot be split so is one
    slab, with a plan to regrid it or a refusal: gaps of twice or thrice one spacing are missing
    slices.
    """
    fit = fit_grid(planes)
    if not fit.refusal:
        return [Slab(tuple(planes), fit)]
    thick = split_thicknesses(planes)
    if len(thick) > 1:
        return [
            Slab(s.planes, s.fit, ", then ".join(filter(None, (THICKNESS, s.rule))))
            for group in thick
            for s in split_slabs(group)
        ]
    runs = _by_spacing(planes) if fit.uneven or fit.missing else []
    steps = [median(np.diff(heights_of(run))) for run in runs]
    one_step = all(is_even(np.array(pair)) for pair in pairwise(steps))
    if not runs or (one_step and (fit.missing or fit.regrid)):
        return [Slab(tuple(planes), fit)]
    if fit.missing and min(map(len, runs)) < MIN_REGIME:
        return [Slab(tuple(planes), fit)]
    rule = "gap" if one_step else "slice spacing"
    return [Slab(tuple(run), fit_grid(run), rule) for run in runs]


def split_thicknesses(planes: Sequence[Instance]) -> list[list[Instance]]:
    """Group planes by slice thickness; one group where one is not known, odd or too rare."""
    groups: list[list[Instance]] = []
    for plane in planes:
        thickness = plane.facts.acquisition.slice_thickness_mm
        if not thickness:
            return [list(planes)]
        for group in groups:
            known = group[0].facts.acquisition.slice_thickness_mm or thickness
            if abs(thickness - known) <= SAME_THICKNESS * abs(known):
                group.append(plane)
                break
        else:
            groups.append([plane])
    plausible = len(groups) <= MAX_SLABS and min(map(len, groups)) >= MIN_SLAB
    return groups if plausible else [list(planes)]


def _by_spacing(planes: Sequence[Instance]) -> list[list[Instance]]:
    """Stretches of even spacing that hold all planes; empty if there are none such."""
    gaps = np.diff(heights_of(planes))
    runs: list[list[int]] = [[0]]
    for n, gap in enumerate(gaps):
        run = runs[-1]
        so_far = gaps[run[0] : n]
        if len(run) == 1 or is_even(np.append(so_far, gap)):
            run.append(n + 1)
        else:
            runs.append([n + 1])
    if not 1 < len(runs) <= MAX_SLABS or min(map(len, runs)) < MIN_SLAB:
        return []
    return [[planes[n] for n in run] for run in runs]
