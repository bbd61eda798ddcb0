"""The same course measured anew: every figure drawn again within its error.

Errors of figures from one visit go together, for one reader, protocol and scanner made them all.
Their correlation is what makes published limits agree: a single diameter repeats within ±22 %, a
sum of diameters within ±19.5 % (Yoon 2016), which three independent lesions would halve.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from imgcompare.measurement.errors import ErrorModel, diameter_of, figure_sd, sizes_of, widened
from imgcompare.model import ComparabilityFinding, Measurement, Severity

SINGLE_LIMIT, SUM_LIMIT, LESIONS_PER_SUM = 0.22, 0.195, 3
"""Limits of one diameter and of a sum between readers (Yoon 2016), and lesions in a usual sum."""

CORRELATION = ((SUM_LIMIT / SINGLE_LIMIT) ** 2 - 1 / LESIONS_PER_SUM) / (1 - 1 / LESIONS_PER_SUM)
"""Correlation of errors within a visit, 0.68, at which both limits hold."""

SEED = 20090115
"""Fixed, so that the same table always gives the same shares."""


def redraw(
    measurements: Sequence[Measurement],
    errors: ErrorModel,
    *,
    draws: int,
    comparability: Sequence[ComparabilityFinding] = (),
    seed: int = SEED,
) -> Iterator[tuple[Measurement, ...]]:
    """Draw the figures of a course anew, log-normally around what was measured.

    Figures of zero and figures without a known error stay as they are.

    Parameters
    ----------
    measurements : sequence of Measurement
    errors : ErrorModel
    draws : int
        How many times. Each odd draw mirrors the one before it, so that fewer are needed.
    comparability : sequence of ComparabilityFinding
        Major ones widen the error of the later visit.
    seed : int

    Yields
    ------
    tuple of Measurement
        In the order given.
    """
    ordered = sorted(range(len(measurements)), key=lambda n: _key(measurements[n]))
    visits = sorted({m.timepoint_index for m in measurements})
    sigmas = _sigmas(measurements, errors, comparability)
    rng = np.random.default_rng(seed)
    together, apart = math.sqrt(CORRELATION), math.sqrt(1.0 - CORRELATION)
    common_z, own = np.zeros(len(visits)), np.zeros(len(ordered))
    for draw in range(draws):
        if draw % 2 == 0:
            common_z, own = rng.standard_normal(len(visits)), rng.standard_normal(len(ordered))
        sign = -1.0 if draw % 2 else 1.0
        common = dict(zip(visits, sign * common_z, strict=True))
        drawn = list(measurements)
        for n, z in zip(ordered, sign * own, strict=True):
            m = measurements[n]
            if sigmas[n] > 0.0:
                shift = together * common[m.timepoint_index] + apart * float(z)
                drawn[n] = replace(m, value=m.value * math.exp(sigmas[n] * shift))
        yield tuple(drawn)


def _key(m: Measurement) -> tuple[int, int, str, str]:
    """Order that does not depend on the order of rows."""
    return m.timepoint_index, m.lesion_id, m.compartment, m.quantity


def _sigmas(
    measurements: Sequence[Measurement],
    errors: ErrorModel,
    comparability: Sequence[ComparabilityFinding],
) -> list[float]:
    """Give the standard deviation of the log of each figure; 0 where none is known."""
    sizes = sizes_of(measurements)
    major = [f for f in comparability if f.severity is Severity.MAJOR]
    found = []
    for m in measurements:
        size = sizes.get((m.lesion_id, m.timepoint_index))
        error = errors.repeatability(m, diameter_mm=diameter_of(size, m))
        if any(
            f.to_index == m.timepoint_index and f.applies_to(m.compartment, m.quantity)
            for f in major
        ):
            error = widened(error)
        sd = figure_sd(m, error)
        known = m.value > 0.0 and math.isfinite(sd)
        found.append(math.sqrt(math.log1p((sd / m.value) ** 2)) if known else 0.0)
    return found
