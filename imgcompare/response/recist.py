"""RECIST 1.1: response from the sum of diameters of target lesions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from imgcompare.errors import InputError
from imgcompare.model import (
    WHOLE,
    Assessment,
    Lesion,
    LesionEvent,
    LesionRole,
    LesionState,
    Measurement,
    ReaderInput,
    Reason,
    Response,
    Timepoint,
)
from imgcompare.response.base import BASELINE_CATEGORY, decimal_mm, mm_text
from imgcompare.response.readings import Readings, collect_readings, slice_thickness_of
from imgcompare.response.recist_rules import (
    NORMAL_NODE_MM,
    Size,
    TargetSum,
    baseline_size,
    overall_response,
    sum_of_diameters,
    target_response,
)
from imgcompare.response.recist_targets import BaselineLesion, propose_targets

NON_TARGET_GROWTH_PERCENT = 73.0
"""Volume growth that is usual for unequivocal progression of non-targets (EORTC FAQ)."""

RULE = "recist-1.1"


@dataclass(frozen=True, slots=True, eq=False)
class _Course:
    """Everything the assessment of one timepoint looks at."""

    readings: Readings
    volumes: dict[tuple[int, int], float]
    names: tuple[str, ...]
    baseline: int
    targets: tuple[int, ...]
    non_targets: tuple[int, ...]
    reader: ReaderInput
    flags: tuple[str, ...]
    selection: tuple[Reason, ...]


class Recist11:
    """Response Evaluation Criteria in Solid Tumours, version 1.1."""

    name = "RECIST"
    version = "1.1"
    requires = ("longest_diameter", "short_axis")
    citations = (
        "Eisenhauer EA et al. Eur J Cancer 2009;45:228-247. doi:10.1016/j.ejca.2008.10.026",
        "Schwartz LH et al. Eur J Cancer 2009;45:261-267. doi:10.1016/j.ejca.2008.10.028",
        "Schwartz LH et al. Eur J Cancer 2016;62:132-137. doi:10.1016/j.ejca.2016.03.081",
    )

    def assess(
        self,
        lesions: Sequence[Lesion],
        measurements: Sequence[Measurement],
        timepoints: Sequence[Timepoint],
        *,
        baseline_index: int = 0,
        slice_thickness_mm: Sequence[float | None] | None = None,
        events: Sequence[LesionEvent] = (),
        reader: ReaderInput | None = None,
    ) -> tuple[Assessment, ...]:
        """Classify every timepoint from the baseline on.

        New lesions and unequivocal progression of non-targets are a reader's to decide: without
        ``reader`` the category rests on the targets, and each proposed new lesion is a flag and a
        reason that says what the category would be.

        Parameters
        ----------
        lesions : sequence of Lesion
            Those with role NON_TARGET are never chosen as targets.
        measurements : sequence of Measurement
            Of the whole lesion ``longest_diameter``, or ``short_axis`` of a node, in mm. A value
            of 0 is a lesion that is gone, no value one that was not evaluated.
        timepoints : sequence of Timepoint
            In order of time; a measurement's ``timepoint_index`` is its position.
        baseline_index : int
            The last timepoint before treatment.
        slice_thickness_mm : sequence of float or None, optional
            Per timepoint; taken from the measured series when left out.
        events : sequence of LesionEvent
            Splits, mergers and disappearances.
        reader : ReaderInput, optional
            What a reader decided.

        Returns
        -------
        tuple of Assessment
            The first has category ``baseline`` and lists the target lesions.

        Raises
        ------
        InputError
            If a measurement is impossible, or a reader names a lesion that is not there.
        """
        if not 0 <= baseline_index < len(timepoints):
            raise InputError(f"There is no timepoint {baseline_index} to be the baseline.")
        thickness = slice_thickness_mm or slice_thickness_of(measurements, timepoints)
        readings = collect_readings(
            lesions, measurements, timepoints=len(timepoints), events=events
        )
        course = _prepare(
            readings,
            measurements,
            tuple(t.name for t in timepoints),
            baseline=baseline_index,
            slice_mm=thickness[baseline_index],
            reader=reader or ReaderInput(),
        )
        return tuple(_assess_all(course))


def _prepare(
    readings: Readings,
    measurements: Sequence[Measurement],
    names: tuple[str, ...],
    *,
    baseline: int,
    slice_mm: float | None,
    reader: ReaderInput,
) -> _Course:
    """Choose targets and non-targets at baseline."""
    exact_slice = None if slice_mm is None else decimal_mm(slice_mm)
    found = [_baseline_lesion(readings, i, baseline) for i in readings.present_at(baseline)]
    found = [x for x in found if not readings.is_new(x.lesion_id, baseline=baseline)]
    flags = [] if slice_mm is not None else ["SLICE_THICKNESS_UNKNOWN"]
    if reader.targets is None:
        targets = propose_targets(found, slice_mm=exact_slice)
        flags.append("TARGETS_PROPOSED")
        if any(not x.site and not x.nodal for x in map(readings.lesions.__getitem__, targets)):
            flags.append("SITE_UNKNOWN")
    else:
        targets = tuple(reader.targets)
        missing = sorted(set(targets) - {x.lesion_id for x in found})
        if missing:
            raise InputError(f"Target lesion {missing[0]} has no diameter at baseline.")
    sizes = {x.lesion_id: baseline_size(x.mm, nodal=x.nodal, slice_mm=exact_slice) for x in found}
    others = [i for i in sizes if i not in targets and sizes[i] is not Size.NORMAL_NODE]
    selection = [_selection_reason(x, sizes[x.lesion_id], x.lesion_id in targets) for x in found]
    volumes = {
        (m.lesion_id, m.timepoint_index): m.value
        for m in measurements
        if (m.compartment, m.quantity) == (WHOLE, "volume")
    }
    return _Course(
        readings, volumes, names, baseline, targets, tuple(others), reader, tuple(flags),
        tuple(selection),
    )  # fmt: skip


def _baseline_lesion(readings: Readings, lesion_id: int, baseline: int) -> BaselineLesion:
    lesion = readings.lesions[lesion_id]
    size = readings.size_mm(lesion_id, baseline) or Decimal(0)
    return BaselineLesion(
        lesion_id, size, lesion.nodal, lesion.site, lesion.role is not LesionRole.NON_TARGET
    )


def _selection_reason(lesion: BaselineLesion, size: Size, is_target: bool) -> Reason:
    measure = "short axis" if lesion.nodal else "longest diameter"
    part = "target" if is_target else "non-target"
    if size is Size.NORMAL_NODE:
        part = "not recorded"
    seen = f"{lesion.organ}, {measure} {mm_text(lesion.mm)} mm, {size}"
    text = f"lesion {lesion.lesion_id} ({seen}): {part}"
    return Reason(f"{RULE}/selection", text, float(lesion.mm))


def _assess_all(course: _Course) -> Iterator[Assessment]:
    """Go through time, keeping the nadir and whether complete response was reached."""
    base = _sum_at(course, course.baseline)
    yield Assessment(
        f"{Recist11.name} {Recist11.version}",
        Recist11.version,
        course.baseline,
        BASELINE_CATEGORY,
        "",
        (
            *course.selection,
            Reason(
                f"{RULE}/baseline-sum", f"sum of diameters {mm_text(base.mm)} mm", float(base.mm)
            ),
        ),
        course.flags,
    )
    nadir, nadir_at, had_cr = base.mm, course.baseline, False
    for t in range(course.baseline + 1, len(course.names)):
        now = _sum_at(course, t)
        assessment = _assess_one(course, t, base=base, nadir=(nadir, nadir_at), had_cr=had_cr)
        yield assessment
        had_cr |= assessment.category == Response.CR
        if now.complete and now.mm < nadir:
            nadir, nadir_at = now.mm, t


def _sum_at(course: _Course, timepoint: int) -> TargetSum:
    return sum_of_diameters([course.readings.reading(i, timepoint) for i in course.targets])


def _assess_one(
    course: _Course, t: int, *, base: TargetSum, nadir: tuple[Decimal, int], had_cr: bool
) -> Assessment:
    reasons: list[Reason] = []
    flags = list(course.flags)
    target: Response | None = None
    reference = ""
    if course.targets:
        now = _sum_at(course, t)
        target, reason = target_response(
            base.mm, nadir[0], now.mm, complete=now.complete, all_gone=now.all_gone
        )
        reasons.append(reason)
        is_pd = target is Response.PD
        reference = _reference(course, nadir[1] if is_pd else course.baseline, is_nadir=is_pd)
    non_target = _non_target(course, t, reasons=reasons, flags=flags)
    new = _new_lesions(course, t, target, non_target, reasons=reasons, flags=flags)
    flags.extend(_review_flags(course, t, had_cr=had_cr))
    category = overall_response(target, non_target, new=new)
    text = f"targets {target or 'none'}, non-targets {non_target or 'none'}, new {_yes(new)}"
    reasons.append(Reason(f"{RULE}/overall", f"{text}: {category}"))
    return Assessment(
        f"{Recist11.name} {Recist11.version}",
        Recist11.version,
        t,
        category.value,
        reference,
        tuple(reasons),
        tuple(dict.fromkeys(flags)),
    )


def _reference(course: _Course, index: int, *, is_nadir: bool) -> str:
    return f"{'nadir' if is_nadir else 'baseline'} {course.names[index]}"


def _yes(answer: bool) -> str:
    return "yes" if answer else "no"


def _non_target(
    course: _Course, t: int, *, reasons: list[Reason], flags: list[str]
) -> Response | None:
    """Status of the non-targets: the reader's, or one proposed that is never progression."""
    given = course.reader.non_target.get(t)
    if given is not None:
        reasons.append(Reason(f"{RULE}/non-target-reader", f"non-targets {given} by the reader"))
        return given
    if not course.non_targets:
        return None
    states = [course.readings.reading(i, t) for i in course.non_targets]
    flags.append("NON_TARGET_STATUS_PROPOSED")
    for i in course.non_targets:
        growth = _growth_percent(course, i, t)
        if growth is not None and growth >= NON_TARGET_GROWTH_PERCENT:
            flags.append("NON_TARGET_GROWTH_REVIEW")
            text = f"non-target lesion {i} grew {growth:+.0f} % in volume: is it unequivocal?"
            reasons.append(
                Reason(f"{RULE}/non-target-growth", text, growth, NON_TARGET_GROWTH_PERCENT)
            )
    if all(s.is_gone for s in states):
        status = Response.CR
    elif any(s.state is LesionState.NE for s in states):
        status = Response.NE
    else:
        status = Response.NON_CR_NON_PD
    reasons.append(Reason(f"{RULE}/non-target-proposed", f"non-targets {status} by their sizes"))
    return status


def _growth_percent(course: _Course, lesion_id: int, t: int) -> float | None:
    """Volume growth of a lesion over the smallest earlier volume, %; None if unknown."""
    earlier = [
        v for (i, at), v in course.volumes.items() if i == lesion_id and course.baseline <= at < t
    ]
    now = course.volumes.get((lesion_id, t))
    if now is None or not earlier or min(earlier) <= 0.0:
        return None
    return 100.0 * (now / min(earlier) - 1.0)


def _new_lesions(
    course: _Course,
    t: int,
    target: Response | None,
    non_target: Response | None,
    *,
    reasons: list[Reason],
    flags: list[str],
) -> bool:
    """Whether a reader confirmed a new lesion by now; proposed ones become flags and reasons."""
    confirmed = {i: at for at, ids in course.reader.new_lesions.items() for i in ids if at <= t}
    for i, at in sorted(confirmed.items()):
        text = f"lesion {i} is new since {course.names[at]}, confirmed by the reader"
        reasons.append(Reason(f"{RULE}/new-lesion", text))
    for i in sorted(course.readings.lesions):
        if i in confirmed or not course.readings.is_new(i, baseline=course.baseline):
            continue
        first = course.readings.first_seen(i, after=course.baseline)
        if first is None or first > t:
            continue
        size = course.readings.size_mm(i, first)
        would = overall_response(target, non_target, new=True)
        text = (
            f"lesion {i} ({mm_text(size or Decimal(0))} mm) is proposed as new since "
            f"{course.names[first]}; a reader has not confirmed it. If confirmed: {would}"
        )
        reasons.append(Reason(f"{RULE}/new-lesion-proposed", text, float(size or 0)))
        flags.append("NEW_LESION_PROPOSED")
    return bool(confirmed)


def _review_flags(course: _Course, t: int, *, had_cr: bool) -> Iterator[str]:
    """Give what a reader must look at because the rules leave it open."""
    for i in course.readings.lesions:
        lesion = course.readings.lesions[i]
        size = course.readings.size_mm(i, t)
        if not size:
            continue
        before = course.readings.size_mm(i, course.baseline)
        normal_then = before is not None and Decimal(0) < before < NORMAL_NODE_MM
        if lesion.nodal and size >= NORMAL_NODE_MM and (normal_then or had_cr):
            yield "REVIEW_NODE_AFTER_CR" if had_cr else "REVIEW_NODE_NORMAL_AT_BASELINE"
        elif not lesion.nodal and had_cr and i in course.targets:
            yield "REVIEW_REAPPEARED_AFTER_CR"
