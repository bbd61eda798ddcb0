"""Numeric definitions of rapid growth under treatment, by author, from sums of diameters.

Each compares the growth before the baseline with that to the first scan after it. Meeting one is
an observation about numbers.

References
----------
Champiat 2017, 10.1158/1078-0432.CCR-16-1741; Ferrara 2018, 10.1001/jamaoncol.2018.3676; Kas 2020,
PMC7290708; Saâda-Bouzid 2017, 10.1093/annonc/mdx178; Kato 2017, 10.1158/1078-0432.CCR-16-3133; Lo
Russo 2019, 10.1158/1078-0432.CCR-18-1390; Matos 2020, 10.1158/1078-0432.CCR-19-2070. Rates: Ferté
2014, 10.1158/1078-0432.CCR-13-2098.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

DAYS_PER_MONTH = 30.4375
LEAST_DAYS = 14
"""No rate is given for a shorter interval (criteria.md §5)."""

FIRST_SCAN_DAYS = 84
"""The first scan counts up to 12 weeks after the baseline."""

TWO_MONTHS_DAYS = 61
RATIO = 2.0
FERRARA_POINTS, KAS_POINTS = 50.0, 100.0
BURDEN_PERCENT, MATOS_PERCENT, MATOS_WITH_NEW_PERCENT = 50.0, 40.0, 20.0
LO_RUSSO_LEAST = 3
"""Of five: treatment failure within 2 months, +50 %, new lesions in an involved organ, spread to
another organ, clinical worsening."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Growth before and after the baseline.

    Attributes
    ----------
    before_mm, base_mm, after_mm : float
        Sums of diameters of the same lesions.
    days_before, days_after : float
    progression : bool
        Whether the first scan is progression by RECIST 1.1.
    new_organs : int
        Organs with confirmed new lesions that had none at baseline.
    new_in_involved : int
        Confirmed new lesions in organs that had one at baseline.
    worse : bool
        Whether the clinical status is worse.
    """

    before_mm: float
    base_mm: float
    after_mm: float
    days_before: float
    days_after: float
    progression: bool
    new_organs: int = 0
    new_in_involved: int = 0
    worse: bool = False

    @property
    def rate_before(self) -> float:
        """Tumour growth rate before the baseline, % volume per month."""
        return growth_rate(self.before_mm, self.base_mm, self.days_before)

    @property
    def rate_after(self) -> float:
        """Tumour growth rate after the baseline, % volume per month."""
        return growth_rate(self.base_mm, self.after_mm, self.days_after)

    @property
    def percent(self) -> float:
        """Change of the sum since the baseline."""
        return 100.0 * (self.after_mm / self.base_mm - 1.0)


def growth_rate(earlier_mm: float, later_mm: float, days: float) -> float:
    """Tumour growth rate 100·(e^TG − 1), TG = 3·ln(D2/D1) per month; NaN where undefined."""
    if days < LEAST_DAYS or earlier_mm <= 0.0 or later_mm <= 0.0:
        return math.nan
    return 100.0 * math.expm1(3.0 * math.log(later_mm / earlier_mm) * DAYS_PER_MONTH / days)


def definitions_met(growth: Growth) -> tuple[str, ...]:
    """Name the authors whose numeric definition is met.

    A rate before that is zero or negative has no ratio; then only differences count.
    """
    g = growth
    before, after = g.rate_before, g.rate_after
    difference = after - before
    pace = g.after_mm - g.base_mm, g.base_mm - g.before_mm
    kinetics = [
        delta / days for delta, days in zip(pace, (g.days_after, g.days_before), strict=True)
    ]
    faster = kinetics[1] > 0.0 and kinetics[0] / kinetics[1] >= RATIO
    soon = g.progression and g.days_after < TWO_MONTHS_DAYS
    burden = g.percent > BURDEN_PERCENT
    lo_russo = (soon, burden, g.new_in_involved >= 2, g.new_organs >= 1, g.worse)
    met = {
        "Champiat 2017": g.progression and before > 0.0 and after / before >= RATIO,
        "Ferrara 2018": g.progression and difference > FERRARA_POINTS,
        "Kas 2020": difference > KAS_POINTS,
        "Saâda-Bouzid 2017": faster,
        "Kato 2017": soon and burden and kinetics[1] > 0.0 and kinetics[0] > RATIO * kinetics[1],
        "Lo Russo 2019": sum(lo_russo) >= LO_RUSSO_LEAST,
        "Matos 2020": g.percent > MATOS_PERCENT
        or (g.percent > MATOS_WITH_NEW_PERCENT and g.new_organs >= 2),
    }
    return tuple(name for name, answer in met.items() if answer)
