"""Adds up target lesions over time and compares the sum with baseline and nadir."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from imgcompare.model import Category, Reason
from imgcompare.response.exact import (
    grown_limit,
    has_grown,
    has_shrunk,
    number_text,
    percent_change,
    percent_text,
    shrunk_limit,
)
from imgcompare.response.readings import NORMAL_NODE_MM, SHORT_AXIS, CourseReadings, Reading


@dataclass(frozen=True, slots=True)
class Measure:
    """What is added up: in words, in which unit, and which figure of each lesion.

    ``pick`` gives compartment and quantity of a lesion, by id.
    """

    words: str
    unit: str
    pick: Callable[[CourseReadings, int], tuple[str, str]]

    def read(self, course: CourseReadings, lesion_id: int, timepoint: int) -> Reading:
        """Read the figure of one lesion at one timepoint."""
        compartment, quantity = self.pick(course, lesion_id)
        return course.read(lesion_id, timepoint, quantity, compartment=compartment)

    def by_short_axis(self, course: CourseReadings, lesion_id: int) -> bool:
        """Whether a lesion is a node measured by its short axis, normal below 10 mm."""
        return self.pick(course, lesion_id)[1] == SHORT_AXIS

    def input_of(self, course: CourseReadings, lesion_id: int, timepoint: int) -> str:
        """Name the figure of one lesion at one timepoint, as a missing input."""
        compartment, quantity = self.pick(course, lesion_id)
        name = quantity.replace("_", " ")
        lesion = f"lesion {course.called(lesion_id)}"
        return f"{compartment} {name} of {lesion} at {course.name(timepoint)}"

    def text(self, value: Decimal) -> str:
        """Write a figure with its unit."""
        return f"{number_text(value)} {self.unit}"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much less than baseline is a response, and how much more than the nadir progression.

    Percentages are inclusive, but for that of progression where ``progression_above`` is set.
    ``progression_least`` is an absolute growth that progression needs as well; ``minor_percent``
    a smaller decrease that is a minor response.
    """

    response_percent: Decimal
    progression_percent: Decimal
    progression_least: Decimal = Decimal(0)
    minor_percent: Decimal | None = None
    progression_above: bool = False

    def is_response(self, baseline: Decimal, current: Decimal) -> bool:
        """Whether a figure is a partial response."""
        return has_shrunk(baseline, current, self.response_percent)

    def is_minor(self, baseline: Decimal, current: Decimal) -> bool:
        """Whether a figure is at least a minor response."""
        return self.minor_percent is not None and has_shrunk(baseline, current, self.minor_percent)

    def is_progression(self, nadir: Decimal, current: Decimal) -> bool:
        """Whether a figure is progression, by percentage and by absolute growth."""
        if self.progression_above and current == grown_limit(nadir, self.progression_percent):
            return False
        enough = current - nadir >= self.progression_least
        return enough and has_grown(nadir, current, self.progression_percent)

    def progression_from(self, nadir: Decimal) -> Decimal:
        """Smallest figure that is progression over a nadir above zero."""
        return max(grown_limit(nadir, self.progression_percent), nadir + self.progression_least)


@dataclass(frozen=True, slots=True)
class Total:
    """Sum over the targets at one timepoint.

    ``missing`` are the lesions that were not evaluated, which add what is known of them. ``gone``
    tells whether nothing is left of any: all absent, nodes below 10 mm.
    """

    value: Decimal
    missing: tuple[int, ...] = ()
    gone: bool = False

    @property
    def complete(self) -> bool:
        """Whether all targets were evaluated."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class Standing:
    """A sum beside what it is compared with: baseline, and the nadir with its timepoint."""

    baseline: Decimal
    nadir: Decimal
    nadir_at: int
    now: Total


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a sum means: category, the deciding reason, and whether the nadir was the reference.

    ``measure`` says what was compared where that is not what the criterion adds up.
    """

    category: Category
    reason: Reason
    against_nadir: bool
    reference: Decimal
    value: Decimal
    measure: Measure | None = None

    @property
    def percent(self) -> float | None:
        """Change against the reference in percent, for the eye."""
        return percent_change(self.reference, self.value)


def same_figure(words: str, unit: str, *, compartment: str, quantity: str) -> Measure:
    """Measure that reads the same figure of every lesion."""
    return Measure(words, unit, lambda course, lesion_id: (compartment, quantity))


def is_gone(reading: Reading, *, nodal: bool) -> bool:
    """Whether a lesion allows complete response: gone, or a node of normal size."""
    if not reading.is_known:
        return False
    return reading.value < NORMAL_NODE_MM if nodal else reading.value == 0


def total_at(course: CourseReadings, targets: Iterable[int], *, at: int, measure: Measure) -> Total:
    """Add up the targets at one timepoint."""
    readings = [measure.read(course, i, at) for i in targets]
    return Total(
        sum((r.value for r in readings), Decimal(0)),
        tuple(r.lesion_id for r in readings if not r.is_known),
        all(is_gone(r, nodal=measure.by_short_axis(course, r.lesion_id)) for r in readings),
    )


def standings(course: CourseReadings, totals: Sequence[Total]) -> dict[int, Standing]:
    """Set each later sum beside its baseline and nadir.

    The nadir is the smallest of the baseline and all earlier sums in which every target was
    evaluated, never the sum itself. ``totals`` holds one sum per timepoint of the course.
    """
    first = course.baseline_index
    found: dict[int, Standing] = {}
    nadir, nadir_at = totals[first].value, first
    for t in course.later:
        found[t] = Standing(totals[first].value, nadir, nadir_at, totals[t])
        if totals[t].complete and totals[t].value < nadir:
            nadir, nadir_at = totals[t].value, t
    return found


def judge_sum(
    standing: Standing, limits: Limits, *, measure: Measure, rule: str, may_progress: bool = True
) -> Outcome:
    """Classify a sum: CR, then PD, then PR, MR and SD; NE if a target is missing.

    Parameters
    ----------
    standing : Standing
        The sum with what it is compared with. If a target was not evaluated, the result is NE,
        unless the others already prove progression.
    limits : Limits
    measure : Measure
        What was added up, for the wording.
    rule : str
        Start of the reasons' rule ids; ``-pd`` and the like is added.
    may_progress : bool
        False where another rule has ruled progression out.
    """
    now, text = standing.now, measure.text(standing.now.value)
    base, low = measure.text(standing.baseline), measure.text(standing.nadir)
    from_base = percent_text(standing.baseline, now.value)
    from_low = percent_text(standing.nadir, now.value)

    def outcome(
        category: Category, words: str, limit: Decimal | None, *, nadir: bool = False
    ) -> Outcome:
        threshold = None if limit is None else float(limit)
        reason = Reason(f"{rule}-{category.lower()}", words, float(now.value), threshold)
        reference = standing.nadir if nadir else standing.baseline
        return Outcome(category, reason, nadir, reference, now.value)

    if now.complete and now.gone:
        left = (
            "all targets are gone or normal nodes" if now.value else "nothing is left of any target"
        )
        words = f"{left} ({measure.words} {text})"
        return outcome(Category.CR, words, None if now.value else Decimal(0))
    if may_progress and limits.is_progression(standing.nadir, now.value):
        growth = f"{from_low} and +{measure.text(now.value - standing.nadir)} against the nadir"
        words = f"{measure.words} {text} is {growth} {low}: {_needed(limits, measure)}"
        return outcome(Category.PD, words, limits.progression_from(standing.nadir), nadir=True)
    if not now.complete:
        words = f"a target was not evaluated; the others add up to {text}"
        return outcome(Category.NE, words, None)
    for is_met, category, percent in (
        (limits.is_response, Category.PR, limits.response_percent),
        (limits.is_minor, Category.MR, limits.minor_percent or Decimal(0)),
    ):
        if is_met(standing.baseline, now.value):
            words = f"{measure.words} {text} is {from_base} against the baseline {base}: "
            limit = shrunk_limit(standing.baseline, percent)
            return outcome(category, f"{words}at least -{percent} %", limit)
    lowest = f"and {from_low} against the nadir {low}"
    if standing.nadir == standing.baseline:
        lowest = "(the nadir as well)"
    met = "neither limit is met" if may_progress else "no response"
    words = f"{measure.words} {text} is {from_base} against the baseline {base} {lowest}: {met}"
    return outcome(Category.SD, words, None)


def _needed(limits: Limits, measure: Measure) -> str:
    """Say what progression needs, in words."""
    least = f" and +{measure.text(limits.progression_least)}" if limits.progression_least else ""
    bound = "more than" if limits.progression_above else "at least"
    return f"{bound} +{limits.progression_percent} %{least}"
