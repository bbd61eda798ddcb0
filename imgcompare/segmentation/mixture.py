"""Two classes of tissue in one feature, with what physics allows as bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from imgcompare.geometry import AnyArray

BINS = 400
ITERATIONS = 60
MAX_EVIDENCE = 4.0
"""Log odds at a class mean, and their bound: neighbours can overrule no more than that."""

MIN_SHARE = 0.002
"""A class with fewer voxels than this share is noise or a few vessels."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What two classes of a feature may look like.

    Attributes
    ----------
    low_cap : float
        The low class has a mean of at most this; above it there is only the high class.
    high_floor : float
        The high class has a mean of at least this.
    gap : float
        Class means closer than this are one class.
    sd_floor : float
        Least SD of a class: noise and texture.
    """

    low_cap: float
    high_floor: float
    gap: float
    sd_floor: float


@dataclass(frozen=True, slots=True)
class TwoClasses:
    """A low and a high class of one feature.

    Attributes
    ----------
    low, high : float
        Class means; NaN for a class that is absent.
    threshold : float
        Value of a voxel that belongs to both classes alike.
    """

    low: float
    high: float
    threshold: float

    @property
    def has_low(self) -> bool:
        """Whether there is a low class."""
        return bool(np.isfinite(self.low))

    @property
    def has_high(self) -> bool:
        """Whether there is a high class."""
        return bool(np.isfinite(self.high))

    def evidence(self, values: AnyArray) -> npt.NDArray[np.float32]:
        """Log odds of the high class, rising with the value, within ±MAX_EVIDENCE.

        Linear between the class means and the threshold rather than a ratio of Gaussians, whose
        wider class would win again far below the narrower one.
        """
        below = self.threshold - self.low if self.has_low else self.high - self.threshold
        above = self.high - self.threshold if self.has_high else below
        distance = values - np.float32(self.threshold)
        scale = np.where(distance < 0, np.float32(max(below, 1e-6)), np.float32(max(above, 1e-6)))
        odds = np.float32(MAX_EVIDENCE) * distance / scale
        return np.asarray(np.clip(odds, -MAX_EVIDENCE, MAX_EVIDENCE), dtype=np.float32)


def separate(values: AnyArray, bounds: Bounds) -> TwoClasses:
    """Fit two Gaussian classes of unequal width to values, within bounds.

    Parameters
    ----------
    values : array, shape (n,)
        A feature of the voxels of one lesion.
    bounds : Bounds
        What the classes may look like.

    Returns
    -------
    TwoClasses
        The threshold is half-way between the class means, where a voxel that both fill holds
        equal parts of them.
    """
    spread = np.percentile(values, [0.5, 99.5])
    low_end = float(spread[0]) - bounds.sd_floor
    high_end = max(float(spread[1]), low_end + bounds.sd_floor) + bounds.sd_floor
    clipped = np.clip(values, low_end, high_end)
    weight, edges = np.histogram(clipped, bins=BINS, range=(low_end, high_end))
    at = (edges[:-1] + edges[1:]) / 2
    share = weight / max(weight.sum(), 1)
    means, sds, portions = _start(at, share, bounds)
    for _ in range(ITERATIONS):
        high = _high_share(at, means, sds, portions)
        _update_low(at, share * (1 - high), means, sds, portions, bounds)
        _update_high(at, share * high, means, sds, portions, bounds)
    return _judge(at, share, means, sds, portions, bounds)


def _start(
    at: AnyArray, share: AnyArray, bounds: Bounds
) -> tuple[list[float], list[float], list[float]]:
    """Start from two clusters by medians."""
    cumulative = np.cumsum(share)
    low, high = (float(np.interp(q, cumulative, at)) for q in (0.1, 0.9))
    for _ in range(30):
        cut = float(np.interp((low + high) / 2, at, cumulative))
        low = min(float(np.interp(cut / 2, cumulative, at)), bounds.low_cap)
        high = float(np.interp((1 + cut) / 2, cumulative, at))
    part = max((high - low) / 4, bounds.sd_floor)
    return [low, high], [part, part], [max(cut, 1e-3), max(1 - cut, 1e-3)]


def _update_low(
    at: AnyArray,
    part: AnyArray,
    means: list[float],
    sds: list[float],
    portions: list[float],
    bounds: Bounds,
) -> None:
    """Refit the low class: a Gaussian."""
    mass = max(float(part.sum()), 1e-9)
    means[0] = min(float((part * at).sum()) / mass, bounds.low_cap)
    variance = float((part * (at - means[0]) ** 2).sum()) / mass
    sds[0], portions[0] = max(variance**0.5, bounds.sd_floor), mass


def _update_high(
    at: AnyArray,
    part: AnyArray,
    means: list[float],
    sds: list[float],
    portions: list[float],
    bounds: Bounds,
) -> None:
    """Refit the high class: uptake is skewed upwards, so the median and the spread below it."""
    mass = max(float(part.sum()), 1e-9)
    means[1] = float(np.interp(0.5, np.cumsum(part) / mass, at))
    lower = np.where(at <= means[1], part, 0.0)
    variance = float((lower * (at - means[1]) ** 2).sum()) / max(float(lower.sum()), 1e-9)
    sds[1], portions[1] = max(variance**0.5, bounds.sd_floor), mass


def _high_share(
    at: AnyArray, means: list[float], sds: list[float], portions: list[float]
) -> npt.NDArray[np.float64]:
    """Give the posterior of the high class per bin, made monotonic between the means."""
    log_density = [
        np.log(p / s) - 0.5 * ((at - m) / s) ** 2
        for m, s, p in zip(means, sds, portions, strict=True)
    ]
    odds = np.clip(log_density[1] - log_density[0], -50.0, 50.0)
    posterior = 1.0 / (1.0 + np.exp(-odds))
    posterior[at <= means[0]] = 0.0
    posterior[at >= means[1]] = 1.0
    return np.asarray(np.maximum.accumulate(posterior))


def _judge(
    at: AnyArray,
    share: AnyArray,
    means: list[float],
    sds: list[float],
    portions: list[float],
    bounds: Bounds,
) -> TwoClasses:
    """Decide which classes are really there, and where they meet."""
    nan = float("nan")
    low, high = means
    middle = float(np.interp(0.5, np.cumsum(share), at))
    separate_enough = high - low >= bounds.gap and portions[1] >= MIN_SHARE
    if not separate_enough or high < bounds.high_floor:
        if middle >= bounds.high_floor:
            return TwoClasses(nan, middle, bounds.low_cap)
        return TwoClasses(middle, nan, max(bounds.high_floor, middle + 3 * sds[0]))
    halfway = (low + high) / 2
    if portions[0] < MIN_SHARE:
        return TwoClasses(nan, high, min(halfway, bounds.low_cap))
    return TwoClasses(low, high, halfway)
