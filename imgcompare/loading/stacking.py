"""Turns the planes of a series into stacks: split, ordered along the normal, checked for gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

import numpy as np

from imgcompare.geometry import Geometry
from imgcompare.loading.completeness import doubts, missing_parts
from imgcompare.loading.duplicates import Copy, distinct
from imgcompare.loading.instances import Instance, SeriesFacts
from imgcompare.loading.kinds import split_kinds
from imgcompare.loading.listing import first_few
from imgcompare.loading.phases import positions_repeat, split_phases
from imgcompare.loading.regridding import Regrid
from imgcompare.loading.slabs import THICKNESS, split_slabs, split_thicknesses
from imgcompare.loading.spacing import (
    Fit,
    heights_of,
    missing_text,
    shape_of,
)

UNIT_TOLERANCE: Final = 0.02
"""Direction cosines must be unit vectors at right angles up to this (PS3.3 C.7.6.2.1.1); headers
round to three decimals or more."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """The planes of one volume in order, with their grid, or why they make none.

    ``refusal`` is empty for a stack that can be read. ``geometry`` is then exact, or that of the
    even slices that ``regrid`` makes. ``phases`` counts the stacks told apart by time.
    """

    instances: tuple[Instance, ...]
    geometry: Geometry
    refusal: str = ""
    notes: tuple[str, ...] = ()
    part: int = 1
    parts: int = 1
    split_rule: str = ""
    phases: int = 1
    regrid: Regrid | None = None
    copies: tuple[Copy, ...] = ()

    @property
    def facts(self) -> SeriesFacts:
        """Facts of the first plane."""
        return self.instances[0].facts


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Planes of one volume before it is numbered among the parts of its series."""

    planes: tuple[Instance, ...]
    fit: Fit
    rule: str = ""
    phases: int = 1


def stack_series(instances: Iterable[Instance], *, regrid: bool = True) -> tuple[Stack, ...]:
    """Make stacks from all planes that carry one Series Instance UID.

    Planes are split by kind (see `split_kinds`); where positions repeat, into phases (see
    `split_phases`); where thickness or spacing changes, into slabs (see `split_slabs`). Each stack
    is ordered by ImagePositionPatient along the normal, never by file name or InstanceNumber.

    Parameters
    ----------
    instances : iterable of Instance
        In any order; instances with the same SOP Instance UID and frame count once.
    regrid : bool
        Whether uneven slices may be interpolated to even ones.

    Returns
    -------
    tuple of Stack
        In order of acquisition. A stack that cannot become a volume has a ``refusal``.
    """
    found = distinct(instances)
    kinds = split_kinds(found.instances)
    parts_missing = missing_parts(found.instances)
    notes = (*found.notes, *kinds.notes, *doubts(found.instances))
    pieces: list[_Piece] = []
    for group in sorted(kinds.groups, key=_acquisition_order):
        rules = (", ".join(kinds.differing),) if kinds.differing else ()
        pieces += _pieces(group, rules, regrid=regrid)
    stacks = []
    for part, piece in enumerate(pieces, start=1):
        uids = {(p.sop_uid, p.frame) for p in piece.planes} if found.copies else set()
        stack = Stack(
            instances=piece.planes,
            geometry=piece.fit.geometry,
            refusal=parts_missing
            or piece.fit.refusal
            or _truncated(piece.planes)
            or _unscaled(piece.planes),
            notes=(*(notes if part == 1 else ()), *piece.fit.notes),
            part=part,
            parts=len(pieces),
            split_rule=piece.rule,
            phases=piece.phases,
            regrid=piece.fit.regrid,
            copies=tuple(c for c in found.copies if (c.used.sop_uid, c.used.frame) in uids),
        )
        stacks.append(stack)
    return tuple(stacks)


def _pieces(group: Sequence[Instance], rules: tuple[str, ...], *, regrid: bool) -> list[_Piece]:
    """Split planes of one kind into phases and slabs, each with its grid."""
    nowhere = _why_nowhere(group)
    if nowhere:
        unplaced = Geometry(shape_of(group), np.eye(4), group[0].facts.frame_uid)
        return [_Piece(tuple(group), Fit(unplaced, nowhere), _join(rules))]
    thick = split_thicknesses(group) if positions_repeat(group) else [list(group)]
    if len(thick) > 1:
        rules = (*rules, THICKNESS)
        return [piece for planes in thick for piece in _pieces(planes, rules, regrid=regrid)]
    pieces = []
    for phase in split_phases(group):
        order = np.argsort(heights_of(phase.planes), kind="stable")
        for slab in split_slabs([phase.planes[n] for n in order]):
            rule = _join((*rules, phase.rule, slab.rule))
            fit = _allowed(slab.fit, regrid=regrid)
            pieces.append(_Piece(slab.planes, fit, rule, phase.count))
    return pieces


def _allowed(fit: Fit, *, regrid: bool) -> Fit:
    """Turn the plan for uneven slices into a note, or a refusal where the caller wants none."""
    if fit.regrid is None:
        return fit
    if regrid:
        return Fit(fit.geometry, "", (fit.regrid.text, *fit.notes), fit.regrid)
    return Fit(fit.geometry, f"{fit.refusal}; regridding was refused (regrid)", fit.notes)


def _join(rules: Sequence[str]) -> str:
    return ", then ".join(r for r in rules if r)


def _acquisition_order(planes: Sequence[Instance]) -> tuple[int, float, float, float, int]:
    """Order kinds by series number, echo time, b-value, acquisition time, instance number."""
    first = min(planes, key=lambda p: p.number or 0)
    echo = first.facts.acquisition.echo_time_ms or 0.0
    time, series = first.acquired_s or 0.0, first.facts.number or 0
    return series, echo, first.b_value or 0.0, time, first.number or 0


def _why_nowhere(planes: Sequence[Instance]) -> str:
    """Say why planes have no place in the patient; empty if all have one."""
    facts = planes[0].facts
    numbers = (*facts.orientation, *facts.pixel_spacing_mm)
    complete = len(facts.orientation) == 6 and len(facts.pixel_spacing_mm) == 2
    complete = complete and all(len(p.position) == 3 for p in planes)
    if not complete or min(facts.pixel_spacing_mm) <= 0.0 or not _finite(numbers, planes):
        return "has no position, orientation or pixel spacing in its headers"
    axes = np.reshape(facts.orientation, (2, 3))
    if np.abs(axes @ axes.T - np.eye(2)).max() > UNIT_TOLERANCE:
        return "has direction cosines that are no perpendicular unit vectors"
    return ""


def _finite(numbers: Sequence[float], planes: Sequence[Instance]) -> bool:
    return bool(np.isfinite(numbers).all() and np.isfinite([p.position for p in planes]).all())


def _unscaled(planes: Sequence[Instance]) -> str:
    """Refuse values that no line maps, or a line that cannot be read."""
    if any(p.lookup for p in planes):
        return (
            "maps its stored values by a table (Modality LUT Sequence), not by a line; export it "
            "with a rescale slope and intercept"
        )
    if any(isnan(p.slope) or isnan(p.intercept) for p in planes):
        return "has a rescale slope or intercept that is no number; its header is damaged"
    return ""


def _truncated(planes: Sequence[Instance]) -> str:
    """Refuse planes whose file is cut off, naming files and positions."""
    cut = [p for p in planes if p.truncated]
    if not cut:
        return ""
    names = first_few([p.file_name for p in cut], 3)
    if len(cut[0].position) != 3:
        return f"has truncated files ({names})"
    return missing_text(heights_of(planes), heights_of(cut), f"truncated files ({names})")
