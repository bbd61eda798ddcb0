"""Minimise a smooth cost of a few numbers with few evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

SUFFICIENT_DECREASE = 1e-4
"""Armijo's constant (Nocedal & Wright, Numerical Optimization, 2nd ed., 3.1)."""

SHORT_STEPS = 2
"""Steps below the tolerance, one after the other, that end a search: one alone may be short only
because too sharp a curvature was assumed."""

SHORTEST_STEP = 1e-3
"""Share of a full step below which a line search gives up."""


class Problem(Protocol):
    """A cost, whose slope at the point of the last cost is cheaper than cost and slope anew."""

    def cost(self, x: Float64) -> float:
        """Give the cost at ``x``."""

    def slope(self, x: Float64) -> Float64:
        """Give the gradient at ``x``, at which `cost` was called last."""


@dataclass(frozen=True, slots=True, eq=False)
class Minimum:
    """Where a search ended, with the inverse curvature it learned on the way."""

    x: Float64
    cost: float
    inverse_hessian: Float64
    evaluations: int


def _curvature_update(h: Float64, step: Float64, change: Float64) -> Float64:
    """BFGS update of the inverse Hessian (Nocedal & Wright, eq. 6.17)."""
    product = float(step @ change)
    if product <= 1e-12 * float(np.linalg.norm(step) * np.linalg.norm(change)):
        return h
    left = np.eye(step.size) - np.outer(step, change) / product
    return np.asarray(left @ h @ left.T + np.outer(step, step) / product)


def minimise(
    problem: Problem,
    start: Float64,
    *,
    first_step: float,
    longest_step: float,
    tolerance: float,
    inverse_hessian: Float64 | None = None,
    most_evaluations: int = 60,
) -> Minimum:
    """Quasi-Newton minimisation with backtracking.

    Parameters
    ----------
    problem : Problem
    start : array, shape (n,)
    first_step : float
        Length of the first step when no curvature is known.
    longest_step : float
        No step is longer than this.
    tolerance : float
        Stop when the next full step would be shorter than this, for the second time running.
    inverse_hessian : array, shape (n, n), optional
        Curvature known from a coarser level: saves the steps to learn it again.
    most_evaluations : int
        Give what was reached after so many evaluations of the cost.
    """
    x = np.asarray(start, dtype=np.float64)
    cost = problem.cost(x)
    slope = problem.slope(x)
    evaluations, known = 1, inverse_hessian is not None
    h = inverse_hessian if inverse_hessian is not None else np.eye(x.size)
    rescale, short = True, 0
    while evaluations < most_evaluations:
        step = -h @ slope
        if step @ slope >= 0.0:
            h, known, rescale = np.eye(x.size), False, True
            step = -slope
        length = float(np.linalg.norm(step))
        short = short + 1 if known and length < tolerance else 0
        if length == 0.0 or short == SHORT_STEPS:
            break
        limit = longest_step if known else first_step
        if length > limit or not known:
            step = step * (limit / length)
        taken, new_cost, tries = _search_line(problem, x, cost, slope=slope, step=step)
        evaluations += tries
        if taken == 0.0:
            if not known:
                break
            h, known, rescale = np.eye(x.size), False, True
            first_step = min(first_step, max(tolerance, 0.25 * float(np.linalg.norm(step))))
            continue
        step = step * taken
        new_slope = problem.slope(x + step)
        change = new_slope - slope
        if rescale and step @ change > 0.0:  # to what this step has shown (eq. 6.20)
            h = h * (float(step @ change) / float(change @ h @ change))
        rescale = False
        h = _curvature_update(h, step, change)
        x, cost, slope = x + step, new_cost, new_slope
        known = True
    return Minimum(x, cost, h, evaluations)


def _search_line(
    problem: Problem, x: Float64, cost: float, *, slope: Float64, step: Float64
) -> tuple[float, float, int]:
    """Shorten a step until it lowers the cost; give share, cost and evaluations."""
    descent = float(step @ slope)
    share, tries = 1.0, 0
    while share > SHORTEST_STEP:
        new_cost = problem.cost(x + share * step)
        tries += 1
        if new_cost <= cost + SUFFICIENT_DECREASE * share * descent:
            return share, new_cost, tries
        # Minimum of the parabola through both costs and the slope, kept within bounds.
        bend = new_cost - cost - share * descent
        best = -descent * share * share / (2.0 * bend) if bend > 0.0 else 0.5 * share
        share = float(np.clip(best, 0.1 * share, 0.5 * share))
    return 0.0, cost, tries
