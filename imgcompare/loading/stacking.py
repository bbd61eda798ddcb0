"""Turns the planes of a series into stacks: split, ordered along the normal, checked for gaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import Geometry, from_slices
from imgcompare.loading.instances import Instance, SeriesFacts

COSINE_TOLERANCE: Final = 2e-3
"""Direction cosines that differ by less are one orientation (headers round to 3-6 decimals)."""

SAME_POSITION_MM: Final = 0.01
"""Planes closer than this lie at one position; the thinnest clinical spacing is 0.1 mm."""

ROUNDING_MM: Final = 0.11
"""Positions written with one decimal are off by up to 0.05 mm, at a slice and at the ends."""

UNEVEN_FRACTION: Final = 0.02
"""A plane may be off its regular position by this part of the spacing."""

TILT_TOLERANCE_DEG: Final = 0.05
"""Slice axes this close to the normal are perpendicular up to header rounding."""


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """The planes of one volume in order, with their grid, or why they make none.

    ``refusal`` is empty for a stack that can be read; ``geometry`` is then exact.
    """

    instances: tuple[Instance, ...]
    geometry: Geometry
    refusal: str = ""
    notes: tuple[str, ...] = ()
    part: int = 1
    parts: int = 1
    split_rule: str = ""

    @property
    def facts(self) -> SeriesFacts:
        """Facts of the first plane."""
        return self.instances[0].facts


def stack_series(instances: Iterable[Instance]) -> tuple[Stack, ...]:
    """Make stacks from all planes that carry one Series Instance UID.

    Planes are split by orientation, size, spacing, image type, echo and frame of reference; where
    positions repeat, into phases (see `split_phases`). Each stack is ordered by
    ImagePositionPatient along the normal, never by file name or InstanceNumber.

    Parameters
    ----------
    instances : iterable of Instance
        In any order; instances with the same SOP Instance UID and frame count once.

    Returns
    -------
    tuple of Stack
        In order of acquisition. A stack that cannot become a volume has a ``refusal``.
    """
    unique, duplicates = _drop_duplicates(instances)
    groups: dict[tuple[object, ...], list[Instance]] = defaultdict(list)
    orientations: list[npt.NDArray[np.float64]] = []
    for instance in unique:
        groups[_kind(instance, orientations)].append(instance)
    ordered = sorted(groups.values(), key=_acquisition_order)
    pieces = [(phase, rule) for group in ordered for phase, rule in _phases(group)]
    stacks = []
    for part, (planes, rule) in enumerate(pieces, start=1):
        why = rule or ("image kind (orientation, type, echo, size)" if len(pieces) > 1 else "")
        stacks.append(_stack(planes, part, len(pieces), why, duplicates if part == 1 else 0))
    return tuple(stacks)


def _drop_duplicates(instances: Iterable[Instance]) -> tuple[list[Instance], int]:
    """Count each SOP instance once, preferring a copy that is not truncated."""
    best: dict[tuple[str, int], Instance] = {}
    count = 0
    for instance in instances:
        count += 1
        key = (instance.sop_uid or str(instance.path), instance.frame)
        if key not in best or (best[key].truncated and not instance.truncated):
            best[key] = instance
    return list(best.values()), count - len(best)


def _kind(instance: Instance, known: list[npt.NDArray[np.float64]]) -> tuple[object, ...]:
    """Key of the planes that can lie in one volume."""
    facts = instance.facts
    orientation = -1
    if len(facts.orientation) == 6:
        cosines = np.array(facts.orientation)
        fits = (n for n, k in enumerate(known) if np.abs(cosines - k).max() < COSINE_TOLERANCE)
        orientation = next(fits, len(known))
        if orientation == len(known):
            known.append(cosines)
    spacing = tuple(round(s, 4) for s in facts.pixel_spacing_mm)
    echo = facts.acquisition.echo_time_ms
    return (
        orientation,
        facts.pixels.rows,
        facts.pixels.columns,
        spacing,
        facts.image_type,
        None if echo is None else round(echo, 2),
        facts.frame_uid,
        facts.sop_class,
    )


def _acquisition_order(planes: Sequence[Instance]) -> tuple[float, float, int]:
    """Order stacks by echo time, then acquisition time, then instance number."""
    first = min(planes, key=lambda p: p.number or 0)
    echo = first.facts.acquisition.echo_time_ms or 0.0
    return echo, first.acquired_s or 0.0, first.number or 0


def normal_of(orientation: Sequence[float]) -> npt.NDArray[np.float64]:
    """Give the unit normal of the image plane, shape (3,): along columns × along rows."""
    normal = np.cross(np.asarray(orientation[:3], float), np.asarray(orientation[3:], float))
    length = float(np.linalg.norm(normal))
    return np.asarray(normal / length if length > 0.0 else normal, dtype=np.float64)


def _placed(planes: Sequence[Instance]) -> bool:
    """Whether all planes say where they are."""
    facts = planes[0].facts
    if len(facts.orientation) != 6 or len(facts.pixel_spacing_mm) != 2:
        return False
    if min(facts.pixel_spacing_mm) <= 0.0 or not np.isfinite(facts.orientation).all():
        return False
    if np.linalg.norm(normal_of(facts.orientation)) < 0.5:
        return False
    return all(len(p.position) == 3 and np.isfinite(p.position).all() for p in planes)


PHASE: Final = "phase"
"""First word of the rule that split planes at equal positions."""

PHASE_RULES: Final[tuple[tuple[str, Callable[[Instance], float | None]], ...]] = (
    ("temporal position", lambda p: p.temporal_position),
    ("b-value", lambda p: p.b_value),
    ("trigger time", lambda p: p.trigger_ms),
    ("acquisition number", lambda p: p.acquisition_number),
    ("acquisition time", lambda p: p.acquired_s),
    ("content time", lambda p: p.content_s),
)
"""What may tell apart planes at one position, in order of trust."""


def _phases(planes: list[Instance]) -> list[tuple[list[Instance], str]]:
    """Split planes whose positions repeat into phases, and say by what."""
    if not _placed(planes):
        return [(planes, "")]
    slots = _slots(planes)
    if len(slots) == len(planes):
        return [(planes, "")]
    for name, value in PHASE_RULES:
        split = _split_by(planes, value)
        if split is not None:
            return [(phase, f"{PHASE} by {name}") for phase in split]
    by_rank: dict[int, list[Instance]] = defaultdict(list)
    for slot in slots:
        for rank, plane in enumerate(sorted(slot, key=_time_order)):
            by_rank[rank].append(plane)
    return [
        (by_rank[rank], f"{PHASE} by instance order at each position") for rank in sorted(by_rank)
    ]


def _time_order(plane: Instance) -> tuple[float, float, int]:
    return plane.acquired_s or 0.0, plane.content_s or 0.0, plane.number or 0


def _slots(planes: Sequence[Instance]) -> list[list[Instance]]:
    """Group planes that lie at one position, in order along the normal."""
    normal = normal_of(planes[0].facts.orientation)
    heights = np.array([p.position for p in planes]) @ normal
    order = np.argsort(heights, kind="stable")
    slots: list[list[Instance]] = []
    previous = -np.inf
    for n in order:
        if heights[n] - previous > SAME_POSITION_MM:
            slots.append([])
            previous = heights[n]
        slots[-1].append(planes[n])
    return slots


def _split_by(
    planes: Sequence[Instance], value: Callable[[Instance], float | None]
) -> list[list[Instance]] | None:
    """Split by a value if that leaves no position twice and all phases equally long."""
    groups: dict[float, list[Instance]] = defaultdict(list)
    for plane in planes:
        key = value(plane)
        if key is None:
            return None
        groups[key].append(plane)
    if len(groups) < 2 or len({len(g) for g in groups.values()}) > 1:
        return None
    if any(len(_slots(group)) < len(group) for group in groups.values()):
        return None
    return [groups[key] for key in sorted(groups)]


def _stack(planes: list[Instance], part: int, parts: int, rule: str, duplicates: int) -> Stack:
    """Order planes, find their grid, and say what is wrong with them."""
    notes = (f"{duplicates} duplicate files counted once",) if duplicates else ()
    if not _placed(planes):
        refusal = "has no position, orientation or pixel spacing in its headers"
        unplaced = Geometry(_shape(planes), np.eye(4), planes[0].facts.frame_uid)
        return Stack(tuple(planes), unplaced, refusal, notes, part, parts, rule)
    normal = normal_of(planes[0].facts.orientation)
    planes = sorted(planes, key=lambda p: float(np.dot(p.position, normal)))
    heights = np.array([p.position for p in planes]) @ normal
    refusal, geometry, more = _grid(planes, heights)
    cut = [h for p, h in zip(planes, heights, strict=True) if p.truncated]
    if cut and not refusal:
        refusal = _missing_text(heights, np.array(cut), "cut off (truncated files)")
    return Stack(tuple(planes), geometry, refusal, notes + more, part, parts, rule)


def _shape(planes: Sequence[Instance]) -> tuple[int, int, int]:
    pixels = planes[0].facts.pixels
    return len(planes), max(1, pixels.rows), max(1, pixels.columns)


def _grid(
    planes: Sequence[Instance], heights: npt.NDArray[np.float64]
) -> tuple[str, Geometry, tuple[str, ...]]:
    """Give refusal, grid and notes for ordered planes."""
    facts = planes[0].facts
    positions = np.array([p.position for p in planes])
    thickness = facts.slice_spacing_mm or facts.acquisition.slice_thickness_mm
    geometry = from_slices(
        positions if heights[-1] - heights[0] > SAME_POSITION_MM else positions[:1],
        facts.orientation,
        facts.pixel_spacing_mm,
        _shape(planes)[1:],
        facts.frame_uid,
        slice_spacing_mm=abs(thickness) if thickness else None,
    )
    if len(planes) == 1:
        return "", geometry, ("one slice only",)
    gaps = np.diff(heights)
    if gaps.min() <= SAME_POSITION_MM:
        return "holds several images at one position that nothing tells apart", geometry, ()
    gap_text = _uneven(heights)
    if gap_text:
        return gap_text, geometry, ()
    line = positions[0] + np.outer(np.arange(len(planes)), geometry.affine[:3, 0])
    off = float(np.linalg.norm(positions - line, axis=1).max())
    if off > _allowed(float(np.median(gaps))):
        text = f"has slices up to {off:.2f} mm beside one line; they make no regular grid"
        return text, geometry, ()
    geometry, notes = _straighten(geometry, facts)
    return "", geometry, notes


def _allowed(gap: float) -> float:
    return max(ROUNDING_MM if gap > 4 * ROUNDING_MM else gap / 4, UNEVEN_FRACTION * gap)


def _uneven(heights: npt.NDArray[np.float64]) -> str:
    """Say which slices are missing, or that spacing is uneven; empty if it is even."""
    gaps = np.diff(heights)
    unit = float(np.median(gaps))
    allowed = _allowed(unit)
    regular = heights[0] + np.arange(len(heights)) * (heights[-1] - heights[0]) / len(gaps)
    if np.abs(heights - regular).max() <= allowed:
        return ""
    steps = np.rint(gaps / unit)
    if (
        steps.min() >= 1
        and steps.max() > 1
        and np.abs(gaps - steps * unit).max() <= 2 * allowed * steps.max()
    ):
        unit = float((heights[-1] - heights[0]) / steps.sum())
        expected = heights[0] + np.arange(int(steps.sum()) + 1) * unit
        found = np.concatenate([[0], np.cumsum(steps)]).astype(int)
        return _missing_text(expected, np.delete(expected, found), "missing")
    values, counts = np.unique(np.round(gaps, 2), return_counts=True)
    listed = ", ".join(f"{v:g} mm ({c}×)" for v, c in zip(values, counts, strict=True))
    return f"has unevenly spaced slices: gaps of {listed} between {len(heights)} slices"


def _missing_text(
    expected: npt.NDArray[np.float64], missing: npt.NDArray[np.float64], word: str
) -> str:
    """Name expected and found positions."""
    shown = ", ".join(f"{m:.2f}" for m in missing[:8]) + (", …" if len(missing) > 8 else "")
    return (
        f"is incomplete: {len(expected)} slices expected every "
        f"{(expected[-1] - expected[0]) / max(1, len(expected) - 1):.3g} mm from {expected[0]:.2f} "
        f"to {expected[-1]:.2f} mm along the slice normal, {len(expected) - len(missing)} found; "
        f"{word} at {shown} mm"
    )


def _straighten(geometry: Geometry, facts: SeriesFacts) -> tuple[Geometry, tuple[str, ...]]:
    """Remove shear that is header rounding; report shear that is gantry tilt."""
    normal = normal_of(facts.orientation)
    along = geometry.directions[:, 0]
    tilt = float(np.degrees(np.arccos(np.clip(np.dot(normal, along), -1.0, 1.0))))
    if tilt > TILT_TOLERANCE_DEG:
        note = f"slices are sheared by {tilt:.1f}° (gantry tilt); the exact sheared grid is kept"
        return geometry, (note,)
    if tilt == 0.0:
        return geometry, ()
    affine = geometry.affine.copy()
    affine[:3, 0] = normal * np.dot(affine[:3, 0], normal)
    middle = (geometry.shape[0] - 1) / 2.0
    affine[:3, 3] += middle * (geometry.affine[:3, 0] - affine[:3, 0])
    return Geometry(geometry.shape, affine, geometry.frame_of_reference_uid), ()
