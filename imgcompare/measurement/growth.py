"""Growth kinetics: how fast a volume or diameter changes."""

from __future__ import annotations

import math

MIN_DAYS = 14
"""No rate is given for a shorter interval (criteria.md §5)."""

DAYS_PER_MONTH = 30.4375
"""Mean length of a month in days."""

NAN = float("nan")


def log_change(earlier: float, later: float) -> float:
    """Natural log of the ratio of two figures; NaN unless both are positive."""
    return math.log(later / earlier) if earlier > 0.0 and later > 0.0 else NAN


def specific_growth_rate(earlier: float, later: float, days: float | None) -> float:
    """Specific growth rate, 100 · ln(V2/V1) / Δt, in % per day.

    NaN for zero volumes, and for less than `MIN_DAYS` or an unknown interval.

    References
    ----------
    Mehrara 2007, 10.1158/0008-5472.CAN-06-3822.
    """
    if days is None or days < MIN_DAYS:
        return NAN
    return 100.0 * log_change(earlier, later) / days


def doubling_time(earlier: float, later: float, days: float | None) -> float:
    """Volume doubling time Δt · ln 2 / ln(V2/V1) in days; negative means halving.

    NaN for zero or equal volumes, and for less than `MIN_DAYS` or an unknown interval.
    """
    change = log_change(earlier, later)
    if days is None or days < MIN_DAYS or not change or math.isnan(change):
        return NAN
    return days * math.log(2.0) / change


def tumour_growth_rate(earlier_mm: float, later_mm: float, days: float | None) -> float:
    """Tumour growth rate from sums of diameters, 100 · (e^TG − 1), in % volume per month.

    TG = 3 · ln(D2/D1) per month of `DAYS_PER_MONTH` days. NaN as in `specific_growth_rate`.

    References
    ----------
    Ferté 2014, 10.1158/1078-0432.CCR-13-2098.
    """
    if days is None or days < MIN_DAYS:
        return NAN
    return 100.0 * math.expm1(3.0 * log_change(earlier_mm, later_mm) * DAYS_PER_MONTH / days)
