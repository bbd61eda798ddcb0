"""Best overall response of RECIST 1.1, with and without confirmation."""

from __future__ import annotations

from collections.abc import Sequence

from imgcompare.model import Response

MIN_SD_DAYS = 42
"""Shortest time from the start after which stable disease counts (protocols say 42 to 56)."""

CONFIRMATION_DAYS = 28
"""Shortest time between a response and the scan that confirms it."""

STABLE_OR_BETTER = (Response.CR, Response.PR, Response.SD, Response.NON_CR_NON_PD)
"""Responses that count as stable when they are not confirmed, best first."""


def best_overall_response(
    responses: Sequence[tuple[int, Response]],
    *,
    confirm: bool = False,
    min_sd_days: int = MIN_SD_DAYS,
    accept_sd: bool = False,
) -> Response:
    """Best response from the start to the first progression.

    Parameters
    ----------
    responses : sequence of (days since start, Response)
        In order of time.
    confirm : bool
        Whether CR and PR must be seen again at least 28 days later.
    min_sd_days : int
        Shortest time from the start for stable disease.
    accept_sd : bool
        Whether PR, SD, PR confirms PR; PR, NE, PR always does.

    References
    ----------
    Eisenhauer 2009, table 3. A complete response followed by a partial one counts as stable
    here; whether the complete response was real is for a reader.
    """
    until_pd: list[tuple[int, Response]] = []
    for day, response in responses:
        until_pd.append((day, response))
        if response is Response.PD:
            break
    for best in (Response.CR, Response.PR):
        if confirm and _is_confirmed(until_pd, best, accept_sd=accept_sd):
            return best
        if not confirm and any(r is best for _, r in until_pd):
            return best
    long_enough = [r for day, r in until_pd if r in STABLE_OR_BETTER and day >= min_sd_days]
    if long_enough:
        only_non_target = set(long_enough) == {Response.NON_CR_NON_PD}
        return Response.NON_CR_NON_PD if only_non_target else Response.SD
    return Response.PD if until_pd and until_pd[-1][1] is Response.PD else Response.NE


def _is_confirmed(
    responses: Sequence[tuple[int, Response]], best: Response, *, accept_sd: bool
) -> bool:
    """Whether a response is seen again in time with nothing worse in between."""
    same_or_better = (Response.CR,) if best is Response.CR else (Response.PR, Response.CR)
    bridged = {Response.NE, *same_or_better, *((Response.SD,) if accept_sd else ())}
    for i, (first_day, first) in enumerate(responses):
        if first is not best:
            continue
        for day, later in responses[i + 1 :]:
            if later not in bridged:
                break
            if later in same_or_better and day - first_day >= CONFIRMATION_DAYS:
                return True
    return False
