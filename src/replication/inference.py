"""Inference that the stages share: limits for many numbers, paired tests, corrections, intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binomtest, norm, ttest_1samp

from preactivations.real import real_array
from preactivations.streams import Stream

Array = NDArray[np.float64]
_FALSE_ALARM = 0.0005  # one-sided, over all numbers of a claim
_FLIPS = 20_000
_ALL_FLIPS = 14  # values


def z_limit(numbers: int) -> float:
    """Largest |z| of that many normal numbers, exceeded with probability at most .001 (Bonferroni)."""
    return float(norm.isf(_FALSE_ALARM / max(1, numbers)))


def wilson_interval(count: int, total: int) -> tuple[float, float]:
    """95 % interval of a share, `count` of `total`, at least 1 (Wilson 1927)."""
    interval = binomtest(count, total).proportion_ci(method="wilson")
    return interval.low, interval.high


class MeanTest(NamedTuple):
    """Mean of independent values, its 95 % interval and the two-sided p-value of mean 0."""

    mean: float
    low: float
    high: float
    p: float


def mean_test(values: ArrayLike) -> MeanTest:
    """Student's interval and test of independent values, shape (n,); NaN are left out.

    Interval and p-value say the same: 0 is inside at 95 % where p > .05. Exact for normal values. Measured for five
    values, level .05: .12 for exponential ones, .06 where each is a mean of nine such, .07 for uniform ones.
    For fewer than two values the interval is NaN and p is 1; for equal ones, whose scatter is not known, the interval
    is NaN and p that of all sign changes, 2^(1 - n); for zeros alone it is [0, 0] and p is 1. TypeError for what is not
    real, ValueError for what is infinite.

    Examples
    --------
    >>> mean_test([1.0, 2.0, 3.0]).p < 0.1
    True
    """
    v = real_array("values", values).ravel()
    v = v[~np.isnan(v)]
    if np.isinf(v).any():
        raise ValueError(f"values must be finite, got {np.count_nonzero(np.isinf(v))} that are infinite")
    if v.size < 2:
        return MeanTest(float(v.mean()) if v.size else math.nan, math.nan, math.nan, 1.0)
    mean = float(v.mean())
    if not v.any():
        return MeanTest(0.0, 0.0, 0.0, 1.0)
    if np.ptp(v) <= 1e-12 * np.abs(v).max():
        return MeanTest(mean, math.nan, math.nan, 2.0 ** (1 - v.size))
    test = ttest_1samp(v, 0.0)
    interval = test.confidence_interval(0.95)
    return MeanTest(mean, float(interval.low), float(interval.high), float(test.pvalue))


def sign_flip_p(values: Array, *key: str) -> float:
    """Two-sided p-value of "both of a pair have one law", for differences, shape (n,), of such pairs; 1 for none.

    Exact, since either sign is as likely then. Not for a mean of 0 between two laws: where differences are skewed it
    rejects that in .10 to .15 of cases at level .05 (`mean_test`).

    All sign changes up to 14 values, 20 000 random ones beyond. A sum that is as large as the observed one to rounding
    counts as one, whatever the unit of the values. TypeError for what is not real, ValueError for what is not finite.
    """
    values = real_array("values", values)
    if not np.isfinite(values).all():
        raise ValueError(f"values must be finite, got {np.count_nonzero(~np.isfinite(values))} that are not")
    if not values.any():
        return 1.0
    values = values / np.abs(values).max()
    least = abs(values.sum()) - 1e-12 * len(values)
    if len(values) <= _ALL_FLIPS:
        signs = 2.0 * (np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1) - 1
        return float((np.abs(signs @ values) >= least).mean())
    rng = Stream(0, "sign flips", *key).block(0)
    flipped = (2.0 * rng.integers(0, 2, size=(_FLIPS, len(values))) - 1) @ values
    return float((1 + np.count_nonzero(np.abs(flipped) >= least)) / (1 + _FLIPS))


def holm(p: Sequence[float]) -> Array:
    """p-values corrected for their number, step-down (Holm 1979): keeps the family-wise level under any dependence.

    TypeError for what is not real, ValueError for what is not in [0, 1].

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    values = real_array("p", p)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p-values must be in [0, 1], got {values[~((values >= 0) & (values <= 1))]}")
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * (len(values) - np.arange(len(values))))
    out = np.empty_like(values)
    out[order] = np.minimum(stepped, 1)
    return out
