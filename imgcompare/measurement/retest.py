"""Repeatability from a user's own test-retest data.

References
----------
Raunig 2015, 10.1177/0962280214537344; Obuchowski 2016, PMC4831211; Bland & Altman 1986.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from imgcompare.errors import InputError
from imgcompare.measurement.repeatability import REPEATABILITY_FACTOR
from imgcompare.measurement.uncertainty import Z95

ENOUGH_PAIRS = 35
"""Test-retest studies of fewer lesions give uncertain coefficients (Obuchowski 2016)."""

UPPER_BOUND_TAIL = 0.05
"""Share of the chi-squared distribution left below the one-sided 95 % bound (Raunig 2015)."""


@dataclass(frozen=True, slots=True)
class RetestSummary:
    """How well a figure repeats.

    Attributes
    ----------
    pairs : int
    wsd, rc, rc_upper : float
        Within-subject standard deviation, repeatability coefficient 2.77 · wSD and its upper
        95 % bound, in the figure's unit.
    wcv, rc_percent, rc_percent_upper : float
        The same relative to the mean, the latter two in percent.
    log_low_percent, log_high_percent : float
        Limits of an unchanged lesion's change on the log scale, which are asymmetric, percent.
    bias, loa_low, loa_high : float
        Mean of second minus first, and Bland-Altman limits of agreement, in the figure's unit.
    """

    pairs: int
    wsd: float
    rc: float
    rc_upper: float
    wcv: float
    rc_percent: float
    rc_percent_upper: float
    log_low_percent: float
    log_high_percent: float
    bias: float
    loa_low: float
    loa_high: float


def summarise_retest(pairs: Sequence[tuple[float, float]]) -> RetestSummary:
    """Compute coefficients and limits from pairs of measurements of unchanged lesions.

    Parameters
    ----------
    pairs : sequence of (first, second)
        Two or more, above 0, all in one unit.

    Raises
    ------
    InputError
        If there are fewer than two pairs, a figure is not above 0, or all pairs are equal.
    """
    if len(pairs) < 2:
        raise InputError(f"Repeatability needs two or more test-retest pairs, not {len(pairs)}.")
    values = np.asarray(pairs, dtype=np.float64)
    if not (np.isfinite(values).all() and (values > 0).all()):
        raise InputError("Test-retest figures must be numbers above 0.")
    difference = values[:, 1] - values[:, 0]
    if not difference.any():
        raise InputError(
            "All test-retest pairs are equal, so they say nothing about error; use measurements "
            "that were made independently."
        )
    count = len(values)
    wsd = math.sqrt(float((difference**2).sum()) / (2 * count))
    wcv = math.sqrt(float(((difference / values.mean(axis=1)) ** 2).mean()) / 2)
    upper = math.sqrt(count / float(chi2.ppf(UPPER_BOUND_TAIL, count)))
    log_limit = REPEATABILITY_FACTOR * math.sqrt(math.log1p(wcv**2))
    bias, spread = float(difference.mean()), float(difference.std(ddof=1))
    rc, rc_percent = REPEATABILITY_FACTOR * wsd, 100.0 * REPEATABILITY_FACTOR * wcv
    return RetestSummary(
        pairs=count,
        wsd=wsd,
        rc=rc,
        rc_upper=rc * upper,
        wcv=wcv,
        rc_percent=rc_percent,
        rc_percent_upper=rc_percent * upper,
        log_low_percent=100.0 * math.expm1(-log_limit),
        log_high_percent=100.0 * math.expm1(log_limit),
        bias=bias,
        loa_low=bias - Z95 * spread,
        loa_high=bias + Z95 * spread,
    )
