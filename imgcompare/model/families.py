"""Lesions that have split or merged, counted together: the sum of their parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from imgcompare.model.findings import Measurement
from imgcompare.model.lesions import EventKind, LesionEvent
from imgcompare.model.tissues import WHOLE

ADDED: Final = frozenset({"volume", "longest_diameter", "short_axis", "bidimensional_product"})
"""Quantities of parts that are added up (RECIST 1.1, 4.3.2 notes: diameters of fragments)."""

SUM_OF_PARTS: Final = "SUM_OF_PARTS"
"""Flag of a figure that counts a lesion together with those it has split into or merged with."""

_Key = tuple[int, int, str, str]


def families(events: Sequence[LesionEvent], at: int) -> Mapping[int, tuple[int, ...]]:
    """Say which lesions are counted together at a timepoint, by the one that carries the figure.

    Parameters
    ----------
    events : sequence of LesionEvent
        A split names the parent first, then its fragments; a merger the lesion that carries the
        common size first.
    at : int
        What has happened by this timepoint counts.

    Returns
    -------
    mapping of int to tuple of int
        All lesions of a family, the carrier first; single lesions are left out.
    """
    found: dict[int, tuple[int, ...]] = {}
    for event in _links(events, at):
        carrier = carrier_of(found, event.lesion_ids[0])
        family = list(found.pop(carrier, (carrier,)))
        for other in event.lesion_ids[1:]:
            own = carrier_of(found, other)
            family += [n for n in found.pop(own, (other,)) if n not in family]
        found[carrier] = tuple(family)
    return found


def carrier_of(found: Mapping[int, Sequence[int]], lesion_id: int) -> int:
    """Give the lesion that a lesion is counted with; itself if it is single."""
    return next((carrier for carrier, own in found.items() if lesion_id in own), lesion_id)


def counted_together(
    measurements: Sequence[Measurement], events: Sequence[LesionEvent], at: int
) -> tuple[Measurement, ...]:
    """Add up the figures of lesions that belong together at a timepoint, at all timepoints.

    The carrier's figures become sums at every timepoint, so that they can be compared: before a
    merger those of all lesions that were to merge, after a split those of all fragments. Figures
    that cannot be added, and sums of which a part was not measured, are left out. The figures of
    the other lesions stay.

    Parameters
    ----------
    measurements : sequence of Measurement
    events : sequence of LesionEvent
    at : int
        What has happened by this timepoint counts.

    Returns
    -------
    tuple of Measurement
    """
    found = families(events, at)
    if not found:
        return tuple(measurements)
    kept = [m for m in measurements if m.lesion_id not in found]
    by_key = {(m.lesion_id, m.timepoint_index, m.compartment, m.quantity): m for m in measurements}
    sums = [
        figure
        for carrier, family in found.items()
        for t, compartment, quantity in dict.fromkeys(
            (m.timepoint_index, m.compartment, m.quantity)
            for m in measurements
            if m.lesion_id in family
        )
        if (figure := _sum(by_key, events, family, (t, compartment, quantity))) is not None
    ]
    return (*kept, *sums)


def _sum(
    figures: Mapping[_Key, Measurement],
    events: Sequence[LesionEvent],
    family: Sequence[int],
    what: tuple[int, str, str],
) -> Measurement | None:
    """Add up one figure of a family; None if it cannot be added or a part is not known."""
    t, compartment, quantity = what
    parts = [m for n in family if (m := figures.get((n, t, compartment, quantity))) is not None]
    for n in family:
        measured = (n, t, compartment, quantity) in figures
        # Tissue that a part does not hold has no row; a part without any row is not known.
        known = compartment != WHOLE and (n, t, WHOLE, quantity) in figures
        if not (measured or known or _counts_as_nothing(figures, events, family, n, t)):
            return None
    if len(parts) == 1 and parts[0].lesion_id == family[0]:
        return parts[0]
    if not parts or quantity not in ADDED:
        return None
    flags = dict.fromkeys(flag for m in parts for flag in m.flags)
    names = ", ".join(str(m.lesion_id) for m in parts)
    return replace(
        parts[0],
        lesion_id=family[0],
        value=sum(m.value for m in parts),
        # Outlines of one visit err to the same side, so that their errors add up.
        ci_low=sum(m.ci_low for m in parts),
        ci_high=sum(m.ci_high for m in parts),
        endpoints_lps_mm=(),
        method=f"sum of lesions {names}" if len(parts) > 1 else f"lesion {names}",
        flags=(*flags, SUM_OF_PARTS),
        calibrated=all(m.calibrated for m in parts),
    )


def _counts_as_nothing(
    figures: Mapping[_Key, Measurement],
    events: Sequence[LesionEvent],
    family: Sequence[int],
    lesion_id: int,
    t: int,
) -> bool:
    """Tell whether a part that was not measured at a timepoint is counted in another one then."""
    for event in _links(events, max((e.timepoint_index for e in events), default=t)):
        carrier, others = event.lesion_ids[0], event.lesion_ids[1:]
        happened = event.timepoint_index <= t
        if lesion_id in others and happened is (event.kind is EventKind.MERGED):
            return True
        is_replaced = lesion_id == carrier and happened and event.kind is EventKind.SPLIT
        if is_replaced and any((n, t, WHOLE, "volume") in figures for n in others):
            return True
    return False


def _links(events: Sequence[LesionEvent], at: int) -> list[LesionEvent]:
    return sorted(
        (
            e
            for e in events
            if e.kind in (EventKind.SPLIT, EventKind.MERGED)
            and e.timepoint_index <= at
            and len(e.lesion_ids) > 1
        ),
        key=lambda e: e.timepoint_index,
    )
