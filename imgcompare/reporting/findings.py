"""Findings in words: what changed, by how much, and whether that exceeds measurement error.

Every sentence is an observation on measured figures. None names a cause or a diagnosis, and
whether a lesion is new is left to a reader (RECIST 1.1, criteria for new lesions).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from imgcompare.model import (
    LESION_TISSUES,
    NOT_IMAGED_BEFORE,
    WHOLE,
    Change,
    Comparison,
    EventKind,
    Lesion,
    LesionEvent,
    Role,
    Severity,
)
from imgcompare.reporting.lookup import (
    ENHANCING,
    PREVIOUS,
    UNCHANGED,
    VOLUME,
    Trend,
    families_of,
    find_change,
    find_measurement,
    find_total,
    last_index,
    trend,
)
from imgcompare.reporting.wording import (
    ARROW,
    COMPARTMENT_NAMES,
    joined,
    lesion_name,
    number,
    percent,
    signed,
    significant,
    timepoint_name,
)

AT_IMAGE_EDGE = "AT_IMAGE_EDGE"
"""Flag of a figure of a lesion that reaches the edge of the image."""

GROWING_APART = "growing while its enhancing part shrinks"

NEGLIGIBLE_SHARE = 0.01
"""A tissue that makes up less than this share of a change is not named (house rule)."""

LEADING_SHARE = 0.5
"""A part that makes up less than this share of a change does not lead it (house rule)."""


def headline(comparison: Comparison) -> str:
    """Say per lesion what changed from baseline to the last timepoint, one line each.

    Returns
    -------
    str
        With several lesions the first line counts how they went.
    """
    if not comparison.lesions:
        return "No lesion was outlined or proposed; nothing was measured."
    lines = [lesion_finding(comparison, lesion) for lesion in comparison.lesions]
    overview = lesions_overview(comparison)
    return "\n".join([overview, *lines] if overview else lines)


def lesion_finding(comparison: Comparison, lesion: Lesion) -> str:
    """Say in one sentence what happened to a lesion from baseline to the last timepoint."""
    last = last_index(comparison)
    name = lesion_name(lesion)
    event = _own_event(comparison, lesion)
    joined_with = family_of(comparison, lesion)
    if len(comparison.results) < 2:
        index = comparison.results[0].index if comparison.results else 0
        return f"{name}: {_sizes(comparison, lesion, index)}; one timepoint only, no comparison"
    if joined_with and joined_with[0] != lesion.id:
        return _counted_elsewhere(comparison, lesion, joined_with[0])
    if not joined_with and event is not None and event.kind is EventKind.NEW:
        return _only_later(comparison, lesion, event)
    if not joined_with and event is not None and event.kind is EventKind.VANISHED:
        return _no_longer(comparison, lesion, event)
    if joined_with:
        name = f"{name}: {_joined_or_divided(comparison, joined_with)}"
    whole = find_change(comparison, lesion.id, last)
    if whole is None:
        return f"{name}: {_not_comparable(comparison, lesion)}"
    enhancing = find_change(comparison, lesion.id, last, compartment=ENHANCING)
    parts = f"whole volume {change_figures(whole)}"
    if enhancing is not None:
        parts += f", enhancing {change_figures(enhancing)}"
    said = _cut_off(comparison, lesion) or conclusion(comparison, lesion, whole, enhancing)
    return f"{name}: {parts}: {said}"


def _cut_off(comparison: Comparison, lesion: Lesion) -> str:
    """Say where the image cuts a lesion off, so that nothing can be concluded; else nothing."""
    ends = (comparison.course.baseline_index, last_index(comparison))
    cut = [
        timepoint_name(comparison, i)
        for i in ends
        if (m := find_total(comparison, lesion.id, i)) and AT_IMAGE_EDGE in m.flags
    ]
    if not cut:
        return ""
    return f"the edge of the image cuts the lesion off on {joined(cut)}, so its change is not known"


def change_figures(change: Change) -> str:
    """Write a change as ``+82 % (14.6 → 26.5 mL)``."""
    both = f"{significant(change.from_value)} {ARROW} {number(change.to_value, change.unit)}"
    if math.isfinite(change.percent):
        return f"{percent(change.percent)} ({both})"
    return both


def conclusion(
    comparison: Comparison, lesion: Lesion, whole: Change, enhancing: Change | None
) -> str:
    """Say in words where a lesion changed, from its whole and its enhancing volume."""
    size, uptake = trend(whole), trend(enhancing)
    if enhancing is None:
        words = {Trend.SAME: "no change beyond measurement error"}
        missing = enhancement_missing(comparison, lesion)
        return f"{words.get(size, f'the lesion {size.value}')}; {missing}"
    if enhancing.from_value == 0 and enhancing.to_value == 0:
        return f"the lesion {_was(size)}; no enhancement at either timepoint"
    known = _CONCLUSIONS.get((size, uptake))
    if known is None:
        return f"the whole {_was(size)}, the enhancing part {_was(uptake)}"
    if size is uptake and size in (Trend.UP, Trend.DOWN):
        led = enhancing.absolute / whole.absolute
        return known[int(led < LEADING_SHARE)]
    return known[0]


_CONCLUSIONS: dict[tuple[Trend, Trend], tuple[str, ...]] = {
    (Trend.UP, Trend.UP): (
        "growing, the enhancing part with it",
        "growing, mostly in the non-enhancing part",
    ),
    (Trend.DOWN, Trend.DOWN): (
        "shrinking, the enhancing part with it",
        "shrinking, mostly in the non-enhancing part",
    ),
    (Trend.UP, Trend.DOWN): ("growth is in the non-enhancing part",),
    (Trend.UP, Trend.MAYBE_DOWN): (
        "growth is in the non-enhancing part, the decrease of the enhancing part is at the limit "
        "of measurement error",
    ),
    (Trend.DOWN, Trend.UP): ("smaller as a whole, but its enhancing part grew",),
    (Trend.UP, Trend.SAME): (
        f"growth is in the non-enhancing part, the enhancing part is {UNCHANGED}",
    ),
    (Trend.DOWN, Trend.SAME): (
        f"the decrease is in the non-enhancing part, the enhancing part is {UNCHANGED}",
    ),
    (Trend.SAME, Trend.SAME): ("no change beyond measurement error",),
    (Trend.SAME, Trend.UP): ("same size within measurement error, but more of it enhances",),
    (Trend.SAME, Trend.DOWN): ("same size within measurement error, but less of it enhances",),
}


def _was(direction: Trend) -> str:
    return f"is {direction.value}" if direction is Trend.SAME else direction.value


def enhancement_missing(comparison: Comparison, lesion: Lesion) -> str:
    """Say why the enhancing part of a lesion could not be compared."""
    segmented = [r.lesions[lesion.id] for r in comparison.results if lesion.id in r.lesions]
    if any(s.attenuation_classes_only for s in segmented):
        return "a single CT phase cannot show enhancement"
    roles = [set(r.aligned.images) for r in comparison.results]
    modalities = {s.modality for t in comparison.course.timepoints for s in t.series.values()}
    if modalities == {"CT"}:
        return "enhancement cannot be measured: no phases before and after contrast to compare"
    if any(Role.T1C not in r for r in roles):
        return "enhancement cannot be measured: a T1 series after contrast is missing"
    if any(Role.T1 not in r for r in roles):
        return "enhancement cannot be measured: a T1 series before contrast is missing"
    return "enhancement was not measured"


def lesion_details(comparison: Comparison, lesion: Lesion) -> list[str]:
    """Say what the finding leaves out: which tissue, since the previous visit, how fast."""
    last = last_index(comparison)
    details = [growth_sources(comparison, lesion, last), _since_previous(comparison, lesion, last)]
    whole = find_change(comparison, lesion.id, last)
    if trend(whole) is Trend.UP and whole and math.isfinite(whole.doubling_time_days):
        days = f"{whole.doubling_time_days:.0f} days"
        details.append(f"Volume doubling time over this interval: {days}.")
    return [text for text in details if text]


def _since_previous(comparison: Comparison, lesion: Lesion, index: int) -> str:
    """Compare with the visit before, where that is not the baseline."""
    whole = find_change(comparison, lesion.id, index, reference=PREVIOUS)
    if whole is None or whole.from_index == comparison.course.baseline_index:
        return ""
    enhancing = find_change(comparison, lesion.id, index, compartment=ENHANCING, reference=PREVIOUS)
    parts = f"whole volume {change_figures(whole)}"
    if enhancing is not None:
        parts += f", enhancing {change_figures(enhancing)}"
    when = timepoint_name(comparison, whole.from_index)
    return f"Since {when}: {parts}: {conclusion(comparison, lesion, whole, enhancing)}."


def growth_sources(comparison: Comparison, lesion: Lesion, to_index: int) -> str:
    """Say how much each tissue contributed to a volume change; empty if that is not known."""
    whole = find_change(comparison, lesion.id, to_index)
    if whole is None:
        return ""
    changes = [
        c
        for tissue in LESION_TISSUES
        if (c := find_change(comparison, lesion.id, to_index, compartment=tissue.value))
        and abs(c.absolute) > NEGLIGIBLE_SHARE * max(abs(whole.absolute), whole.to_value)
    ]
    if len(changes) < 2:
        return ""
    changes.sort(key=lambda c: -abs(c.absolute))
    parts = [
        f"{COMPARTMENT_NAMES[c.compartment]} {signed(significant(c.absolute), c.absolute)}"
        for c in changes
    ]
    total = signed(significant(whole.absolute), whole.absolute)
    return f"The change of {total} mL is made up of {joined(parts)} mL."


def outcome(comparison: Comparison, lesion: Lesion) -> str:
    """Say in two or three words how a lesion went from baseline to the last timepoint."""
    event = _own_event(comparison, lesion)
    joined_with = family_of(comparison, lesion)
    if joined_with and joined_with[0] != lesion.id:
        return f"counted with lesion {joined_with[0]}"
    if joined_with:
        return f"{_happened(comparison, joined_with)}, together {_course(comparison, lesion)}"
    if event is not None and event.reason == NOT_IMAGED_BEFORE:
        return "first imaged at follow-up"
    if event is not None and event.kind is EventKind.NEW:
        return "found only at follow-up"
    if event is not None and event.kind is EventKind.VANISHED:
        return "no longer found"
    return _course(comparison, lesion)


def _course(comparison: Comparison, lesion: Lesion) -> str:
    """Say in two or three words how a lesion's figures went."""
    if _cut_off(comparison, lesion):
        return "cut off by the edge of the image"
    last = last_index(comparison)
    size = trend(find_change(comparison, lesion.id, last))
    uptake = trend(find_change(comparison, lesion.id, last, compartment=ENHANCING))
    if size is Trend.UP and uptake is Trend.DOWN:
        return GROWING_APART
    if size is Trend.UP and uptake in (Trend.SAME, Trend.MAYBE_DOWN):
        return "growing in the non-enhancing part"
    if size is Trend.DOWN and uptake is Trend.UP:
        return "shrinking while its enhancing part grows"
    return {
        Trend.UP: "growing",
        Trend.DOWN: "shrinking",
        Trend.SAME: UNCHANGED,
        Trend.MAYBE_UP: "at the limit of measurement error",
        Trend.MAYBE_DOWN: "at the limit of measurement error",
        Trend.UNSURE: "changed by an unknown measurement error",
        Trend.MISSING: "not comparable",
    }[size]


def lesions_overview(comparison: Comparison) -> str:
    """Count how several lesions went; empty for fewer than two lesions or timepoints.

    Lesions that have split or merged count as one.
    """
    lesions = [
        lesion
        for lesion in comparison.lesions
        if (family_of(comparison, lesion) or (lesion.id,))[0] == lesion.id
    ]
    if len(lesions) < 2 or len(comparison.results) < 2:
        return ""
    counts = Counter(_coarse(outcome(comparison, lesion)) for lesion in lesions)
    total = len(lesions)
    if len(counts) == 1:
        return f"{total} lesions, {'both' if total == 2 else 'all'} {next(iter(counts))}"
    parts = [f"{n} {what}" for what, n in counts.most_common()]
    ways = {what.split()[0] for what in counts}
    mixed = ", mixed course" if {"growing", "shrinking"} <= ways else ""
    return f"{total} lesions{mixed}: {joined(parts)}"


def _coarse(course: str) -> str:
    """Count lesions that grow without their enhancing part together."""
    return "growing in the non-enhancing part" if course == GROWING_APART else course


def _own_event(comparison: Comparison, lesion: Lesion) -> LesionEvent | None:
    """Latest change of identity of a lesion that still holds: what came back is not gone."""
    seen = [r.index for r in comparison.results if lesion.id in r.lesions]
    own = [
        e
        for e in comparison.events
        if lesion.id in e.lesion_ids
        and (e.kind is not EventKind.VANISHED or max(seen, default=-1) < e.timepoint_index)
    ]
    return max(own, key=lambda e: e.timepoint_index, default=None)


def _sizes(comparison: Comparison, lesion: Lesion, index: int) -> str:
    whole = find_measurement(comparison, lesion.id, index)
    enhancing = find_measurement(comparison, lesion.id, index, compartment=ENHANCING)
    if whole is None:
        return f"not measured on {timepoint_name(comparison, index)}"
    text = f"whole volume {number(whole.value, whole.unit)}"
    if enhancing is not None:
        text += f", enhancing {number(enhancing.value, enhancing.unit)}"
    return f"{text} on {timepoint_name(comparison, index)}"


def _only_later(comparison: Comparison, lesion: Lesion, event: LesionEvent) -> str:
    found = timepoint_name(comparison, event.timepoint_index)
    sizes = _sizes(comparison, lesion, last_index(comparison))
    if event.reason == NOT_IMAGED_BEFORE:
        note = "no earlier image shows its place, so it may have been there before"
        return f"{lesion_name(lesion)}: first imaged on {found}; {sizes}; {note}"
    note = "whether it is new is for a reader to decide"
    return f"{lesion_name(lesion)}: not found before {found}; {sizes}; {note}"


def _no_longer(comparison: Comparison, lesion: Lesion, event: LesionEvent) -> str:
    gone = timepoint_name(comparison, event.timepoint_index)
    seen = [
        m.timepoint_index
        for m in comparison.measurements
        if m.lesion_id == lesion.id and m.timepoint_index < event.timepoint_index and m.value > 0
    ]
    before = _sizes(comparison, lesion, max(seen, default=comparison.course.baseline_index))
    return f"{lesion_name(lesion)}: no longer found on {gone}; {before}"


def family_of(comparison: Comparison, lesion: Lesion) -> tuple[int, ...]:
    """Lesions that are counted together with one, the carrier first; empty if it stands alone."""
    return next((f for f in families_of(comparison).values() if lesion.id in f), ())


def _happened(comparison: Comparison, family: Sequence[int]) -> str:
    """Name what made several lesions belong together."""
    return " and ".join(verb for verb, events in _by_verb(comparison, family) if events)


def _joined_or_divided(comparison: Comparison, family: Sequence[int]) -> str:
    """Say what became one or several lesions, and when, before the figures of all together."""
    others = joined([f"lesion {n}" for n in family[1:]])
    parts = []
    for verb, events in _by_verb(comparison, family):
        when = dict.fromkeys(timepoint_name(comparison, e.timepoint_index) for e in events)
        if when:
            parts.append(f"{verb} on {joined(list(when))}")
    return f"{joined(parts)}, counted together with {others}"


def _by_verb(comparison: Comparison, family: Sequence[int]) -> list[tuple[str, list[LesionEvent]]]:
    """Give the splits and the mergers of a family, each with the verb for them."""
    events = [e for e in comparison.events if set(e.lesion_ids) & set(family)]
    verbs = {EventKind.SPLIT: "divided", EventKind.MERGED: "merged"}
    return [(verb, [e for e in events if e.kind is kind]) for kind, verb in verbs.items()]


def _counted_elsewhere(comparison: Comparison, lesion: Lesion, carrier: int) -> str:
    """Say of a part that its figures are in another lesion's."""
    last = last_index(comparison)
    kinds = (EventKind.SPLIT, EventKind.MERGED)
    own = [e for e in comparison.events if lesion.id in e.lesion_ids[1:] and e.kind in kinds]
    event = max(own, key=lambda e: e.timepoint_index, default=None)
    what = "counted together"
    if event is not None:
        when, parent = timepoint_name(comparison, event.timepoint_index), event.lesion_ids[0]
        what = f"merged into lesion {parent} on {when}"
        if event.kind is EventKind.SPLIT:
            what = f"a part of lesion {parent} since {when}"
    gone = find_measurement(comparison, lesion.id, last) is None
    sizes = "" if gone else f"; {_sizes(comparison, lesion, last)}"
    return f"{lesion_name(lesion)}: {what}{sizes}; counted with lesion {carrier}"


def _not_comparable(comparison: Comparison, lesion: Lesion) -> str:
    base, last = comparison.course.baseline_index, last_index(comparison)
    first, second = (_sizes(comparison, lesion, i) for i in (base, last))
    blocks = [
        f.text.rstrip(".")
        for f in comparison.comparability
        if (f.from_index, f.to_index, f.severity) == (base, last, Severity.BLOCK)
        and f.applies_to(WHOLE, VOLUME)
    ]
    why = f" ({blocks[0]})" if blocks else ""
    return f"cannot be compared{why}: {first}, {second}"
