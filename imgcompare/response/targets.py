"""Choice of target lesions: proposed by rule, overruled by a reader."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from imgcompare.model import Lesion, LesionRole, Reason
from imgcompare.response.readings import CourseReadings
from imgcompare.response.sites import place_of
from imgcompare.response.sums import Measure

MAX_TARGETS = 5
"""Largest number of target lesions in all (RECIST 1.1)."""

MAX_TARGETS_PER_ORGAN = 2
"""Largest number of target lesions in one organ; all nodes count as one organ (RECIST 1.1)."""

NODES = "lymph nodes"
UNKNOWN_SITE = "unknown site"
SIDES = frozenset({"left", "right", "bilateral"})


class Size(StrEnum):
    """What the size of a lesion at baseline allows."""

    MEASURABLE = "measurable"
    NON_MEASURABLE = "non-measurable"
    NORMAL_NODE = "normal node"
    NOT_MEASURED = "not measured"


@dataclass(frozen=True, slots=True)
class BaselineLesion:
    """A lesion at baseline: ``value`` is what the criterion measures of it."""

    lesion_id: int
    value: Decimal
    size: Size
    organ: str = UNKNOWN_SITE
    may_be_target: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """Targets and non-targets of a course, with the reasons and what to doubt about them.

    ``missing`` are inputs at baseline that a target a reader has chosen lacks.
    """

    targets: tuple[int, ...]
    others: tuple[int, ...]
    reasons: tuple[Reason, ...]
    flags: tuple[str, ...]
    missing: tuple[str, ...] = ()


def organ_of(lesion: Lesion) -> str:
    """Organ that a lesion counts for; lesions of unknown site count as one, to be on the safe side.

    Sides are left out of the name, for paired organs are one.
    """
    if lesion.nodal:
        return NODES
    return " ".join(w for w in lesion.site.lower().split() if w not in SIDES) or UNKNOWN_SITE


def _is_organ(lesion: Lesion) -> bool:
    """Whether the organ of a lesion is known, not only the region, such as the abdomen."""
    place = place_of(lesion.site)
    is_region_only = bool(place.region) and not place.organ
    return lesion.nodal or (bool(lesion.site) and not is_region_only)


def propose_targets(
    lesions: Sequence[BaselineLesion],
    *,
    most: int = MAX_TARGETS,
    most_per_organ: int = MAX_TARGETS_PER_ORGAN,
    by_organ: bool = True,
) -> tuple[int, ...]:
    """Choose target lesions: the largest of each organ first, unless told not to; then by size.

    Returns
    -------
    tuple of int
        Lesion ids, largest first.
    """
    eligible = [x for x in lesions if x.may_be_target and x.size is Size.MEASURABLE]
    by_size = sorted(eligible, key=lambda lesion: (-lesion.value, lesion.lesion_id))
    largest: dict[str, BaselineLesion] = {}
    for lesion in by_size:
        largest.setdefault(lesion.organ, lesion)
    chosen = list(largest.values())[:most] if by_organ else []
    count = Counter(lesion.organ for lesion in chosen)
    for lesion in by_size:
        full = len(chosen) >= most or count[lesion.organ] >= most_per_organ
        if lesion not in chosen and not full:
            chosen.append(lesion)
            count[lesion.organ] += 1
    return tuple(lesion.lesion_id for lesion in by_size if lesion in chosen)


def choose_targets(
    course: CourseReadings,
    measure: Measure,
    size_of: Callable[[int], Size],
    *,
    rule: str,
    most: int = MAX_TARGETS,
    most_per_organ: int = MAX_TARGETS_PER_ORGAN,
    by_organ: bool = True,
) -> Choice:
    """Choose targets and non-targets at baseline.

    Parameters
    ----------
    course : CourseReadings
        Its reader's targets are taken as they are; lesions with the role NON_TARGET are never
        proposed.
    measure : Measure
        What the criterion measures; the largest lesions by it are proposed.
    size_of : callable
        What the size of a lesion, by id, allows at baseline.
    rule : str
        Start of the reasons' rule ids.
    most, most_per_organ : int
        Largest numbers of targets that are proposed.
    by_organ : bool
        Whether the largest lesion of each organ is proposed first.
    """
    base = course.baseline_index
    seen = [i for i in course.present_at(base) if not course.is_new(i)]
    seen = [i for i in seen if i not in course.fragment_ids()]
    found = [
        BaselineLesion(
            i,
            measure.read(course, i, base).value,
            size_of(i),
            organ_of(course.by_id[i]),
            course.by_id[i].role is LesionRole.TARGET,
        )
        for i in seen
    ]
    flags: list[str] = []
    missing: tuple[str, ...] = ()
    if course.reader.targets is None:
        targets = propose_targets(
            found, most=most, most_per_organ=most_per_organ, by_organ=by_organ
        )
        flags.append("TARGETS_PROPOSED")
        candidates = [x for x in found if x.may_be_target]
        if candidates and all(x.size is Size.NOT_MEASURED for x in candidates):
            missing = tuple(measure.input_of(course, x.lesion_id, base) for x in candidates)
        if by_organ and any(not _is_organ(course.by_id[i]) for i in targets):
            flags.append("SITE_UNKNOWN")
    else:
        targets = tuple(sorted(course.reader.targets))
        unread = [i for i in targets if not measure.read(course, i, base).is_known]
        missing = tuple(measure.input_of(course, i, base) for i in unread)
    others = tuple(
        x.lesion_id for x in found if x.lesion_id not in targets and x.size is not Size.NORMAL_NODE
    )
    reasons = tuple(
        _reason(x, course.called(x.lesion_id), measure, x.lesion_id in targets, rule) for x in found
    )
    return Choice(targets, others, reasons, tuple(flags), missing)


def _reason(
    lesion: BaselineLesion, name: str, measure: Measure, is_target: bool, rule: str
) -> Reason:
    part = "target" if is_target else "non-target"
    if lesion.size is Size.NORMAL_NODE and not is_target:
        part = "not recorded"
    is_measured = lesion.size is not Size.NOT_MEASURED
    size = f"{measure.text(lesion.value)}, {lesion.size}" if is_measured else str(lesion.size)
    text = f"lesion {name} ({lesion.organ}, {size}): {part}"
    return Reason(f"{rule}/selection", text, float(lesion.value) if is_measured else None)
