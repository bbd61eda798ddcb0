"""Chooses the series that fills each role of a timepoint, and records why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from imgcompare.loading.roles import RoleGuess
from imgcompare.model import Decision, Role, Series

STAGE: Final = "loading"

UNCHOSEN: Final = frozenset((Role.LOCALIZER, Role.OTHER))

SAME_PARAMETER: Final = 0.05
"""Echo and repetition times within 5 % are one sequence (comparability rules of the criteria)."""

SAME_SPACING: Final = 0.10
"""Slice spacings within 10 % are equal (QIBA: reconstruct alike)."""

MIN_SLICES: Final = 3
"""Fewer slices hold no volume worth measuring; such a series is chosen last."""

SHARP_KERNELS: Final = ("LUNG", "BONE", "EDGE", "SHARP", "B6", "B7", "B8", "BR6", "BR7", "BL5")
SHARP_KERNELS_ONE_LETTER: Final = ("YC", "YD", "YE", "FC5", "FC8", "D ", "E ")
"""Names of sharp CT kernels (GE, Siemens, Philips, Canon), noisy in soft tissue."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A series that could fill a role, with what choosing needs."""

    series: Series
    guess: RoleGuess
    derived: bool = False
    part: int = 1
    parts: int = 1
    forced: bool = False
    split_rule: str = ""
    resampling: str = ""

    @property
    def role(self) -> Role:
        """Role named so far."""
        return self.guess.role

    @property
    def name(self) -> str:
        """What messages call the series."""
        return series_name(self.series, part=self.part, parts=self.parts)

    def with_guess(self, guess: RoleGuess) -> Candidate:
        """Give the same series another role."""
        series = replace(self.series, role=guess.role, role_reason=guess.reason)
        return replace(self, series=series, guess=guess)


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """The series chosen for each role, the rest, and what was decided."""

    chosen: Mapping[Role, Series]
    others: tuple[Series, ...]
    decisions: tuple[Decision, ...]
    candidates: tuple[Candidate, ...] = ()


def series_name(series: Series, *, part: int = 1, parts: int = 1) -> str:
    """Name a series for a person: number, part and description."""
    number = "without number" if series.number is None else str(series.number)
    piece = f" part {part}" if parts > 1 else ""
    return f"series {number}{piece}" + (f" “{series.description}”" if series.description else "")


def choose(candidates: Iterable[Candidate], *, subject: str, when: str) -> Choice:
    """Choose one series for each role.

    Parameters
    ----------
    candidates : iterable of Candidate
        All series of one timepoint; forced roles are kept as they are.
    subject, when : str
        Name the course and the timepoint in decisions.

    Returns
    -------
    Choice
        Series that cannot be loaded are never chosen unless forced.
    """
    settled, decisions = settle_contrast(list(candidates), subject=subject, when=when)
    chosen: dict[Role, Candidate] = {}
    for role in Role:
        if role in UNCHOSEN:
            continue
        fitting = [c for c in settled if c.role is role and (c.forced or not c.series.refusal)]
        if fitting:
            chosen[role] = max(fitting, key=_merit)
            if len(fitting) > 1 and role not in (Role.T1, Role.T1C):
                decisions.append(_decision(subject, when, chosen[role], len(fitting)))
    decisions += _prefer_pair(settled, chosen, subject=subject, when=when)
    picked = {id(c.series) for c in chosen.values()}
    others = tuple(c.series for c in settled if id(c.series) not in picked)
    return Choice(
        {r: c.series for r, c in chosen.items()}, others, tuple(decisions), tuple(settled)
    )


def _merit(candidate: Candidate) -> tuple[float, ...]:
    """Rank series for one role: larger is better."""
    series = candidate.series
    grid = series.geometry
    kernel = (series.acquisition.convolution_kernel or "").upper() + " "
    sharp = any(k in kernel for k in SHARP_KERNELS) or kernel.startswith(SHARP_KERNELS_ONE_LETTER)
    off_axial = series.modality == "CT" and grid.plane != "axial"
    return (
        candidate.forced,
        grid.shape[0] >= MIN_SLICES,
        not candidate.derived or candidate.role is Role.ADC,
        not candidate.guess.doubt,
        not sharp,
        not off_axial,
        (series.acquisition.acquisition_type or "").upper() == "3D",
        -round(grid.slice_spacing_mm, 1),
        grid.shape[0],
        -grid.voxel_volume_mm3,
        series.number or 0,
    )


def _decision(subject: str, when: str, best: Candidate, count: int) -> Decision:
    grid = best.series.geometry
    return Decision(
        STAGE,
        subject,
        f"{when}: {best.role} is {best.name}",
        f"best of {count}: {grid.shape[0]} slices every {grid.slice_spacing_mm:.3g} mm"
        + (", original" if not best.derived else "")
        + (", 3-D" if best.series.acquisition.acquisition_type == "3D" else ""),
    )


def matched(first: Series, second: Series) -> bool:
    """Whether two series are the same sequence on similar grids, so that they can be subtracted."""
    a, b = first.acquisition, second.acquisition
    if a.acquisition_type and b.acquisition_type and a.acquisition_type != b.acquisition_type:
        return False
    pairs = (
        (a.repetition_time_ms, b.repetition_time_ms, SAME_PARAMETER),
        (a.echo_time_ms, b.echo_time_ms, SAME_PARAMETER),
        (a.flip_angle_deg, b.flip_angle_deg, SAME_PARAMETER),
        (first.geometry.slice_spacing_mm, second.geometry.slice_spacing_mm, SAME_SPACING),
    )
    return first.geometry.plane == second.geometry.plane and all(
        x is None or y is None or abs(x - y) <= part * max(abs(x), abs(y)) for x, y, part in pairs
    )


def _prefer_pair(
    candidates: Sequence[Candidate], chosen: dict[Role, Candidate], *, subject: str, when: str
) -> list[Decision]:
    """Choose T1 and T1C as a matched pair where there is one; say what was chosen among several."""
    usable = [c for c in candidates if c.forced or not c.series.refusal]
    after = [c for c in usable if c.role is Role.T1C]
    before = [c for c in usable if c.role is Role.T1]
    if not after or not before:
        several = after or before
        if len(several) > 1:
            return [_decision(subject, when, chosen[several[0].role], len(several))]
        return []

    def rank(pair: tuple[Candidate, Candidate]) -> tuple[object, ...]:
        forced = pair[0].forced + pair[1].forced
        whole = min(p.series.geometry.shape[0] for p in pair) >= MIN_SLICES
        together = matched(pair[0].series, pair[1].series)
        return forced, whole, together, _merit(pair[0]), _merit(pair[1])

    best = max(((c, t) for c in after for t in before), key=rank)
    chosen[Role.T1C], chosen[Role.T1] = best
    if len(after) * len(before) == 1:
        return []
    alike = matched(best[0].series, best[1].series)
    reason = "same sequence on similar grids" if alike else "best series of each; they differ"
    choice = f"{when}: T1C is {best[0].name}, T1 is {best[1].name}"
    count = f" ({len(after)} and {len(before)} candidates)"
    return [Decision(STAGE, subject, choice, reason + count)]


def _when_acquired(candidate: Candidate) -> tuple[dt.datetime, int, int]:
    moment = candidate.series.acquisition.acquisition_datetime or dt.datetime.min
    return moment, candidate.series.number or 0, candidate.part


def settle_contrast(
    candidates: list[Candidate], *, subject: str, when: str
) -> tuple[list[Candidate], list[Decision]]:
    """Tell T1 from T1C by order where neither text nor tags do: the later twin is after contrast.

    Two T1 series of the same sequence are hardly ever made without contrast in between. What is
    settled this way is marked doubtful.
    """
    decisions: list[Decision] = []
    result = list(candidates)
    t1s = [n for n, c in enumerate(result) if c.role in (Role.T1, Role.T1C) and not c.forced]
    for n in sorted(t1s, key=lambda i: _when_acquired(result[i])):
        current = result[n]
        if current.guess.contrast is not None or current.series.modality != "MR":
            continue
        twins = [result[i] for i in t1s if i != n and matched(current.series, result[i].series)]
        earlier = [t for t in twins if _when_acquired(t) < _when_acquired(current)]
        if not earlier:
            continue
        reason = f"{current.guess.reason}; acquired after its twin {earlier[0].name}"
        doubt = "contrast is inferred from the order of two equal sequences"
        result[n] = current.with_guess(RoleGuess(Role.T1C, reason, None, doubt))
        problems = (*current.series.problems, f"role doubtful: {doubt}")
        result[n] = replace(result[n], series=replace(result[n].series, problems=problems))
        choice = f"{when}: {current.name} is taken as T1C"
        decisions.append(Decision(STAGE, subject, choice, f"doubtful: {doubt}"))
    return result, decisions
