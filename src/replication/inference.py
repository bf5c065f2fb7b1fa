"""Inference that the stages share: limits for many numbers, paired tests, corrections, intervals.

Random numbers of resampling are keyed by what the values are, so that a result does not depend on which others are
computed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, norm

from preactivations.real import real_array
from preactivations.streams import Stream

Array = NDArray[np.float64]
_FALSE_ALARM = 0.0005  # one-sided, over all numbers of a claim
_RESAMPLES = 2000
_FLIPS = 20_000
_ALL_FLIPS = 14  # values


def z_limit(numbers: int) -> float:
    """Largest |z| of that many normal numbers, exceeded with probability at most .001 (Bonferroni)."""
    return float(norm.isf(_FALSE_ALARM / max(1, numbers)))


def ks_standard_error(n_samples: int) -> float:
    """Bound sup sqrt(F (1 - F) / n) = 1 / (2 sqrt n) on the standard deviation of a KS statistic of n samples."""
    return 0.5 / math.sqrt(n_samples)


def wilson_interval(count: int, total: int) -> tuple[float, float]:
    """95 % interval of a share, `count` of `total`, at least 1 (Wilson 1927)."""
    interval = binomtest(count, total).proportion_ci(method="wilson")
    return interval.low, interval.high


def bootstrap_interval(values: Array, *key: str | float) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of all values, shape (strata, n): drawn anew within each stratum.

    Percentiles of 2 000 resampled means. Too short for few values: for one stratum of normal values it covers the mean
    in about 50 % (n = 2), 84 % (5), 90 % (10) of cases (measured). NaN for fewer than two values per stratum; a value
    that is NaN is left out. TypeError for what is not real.
    """
    values = real_array("values", values)
    strata, n = values.shape
    if n < 2:
        return math.nan, math.nan
    rng = Stream(0, "bootstrap", *(k if isinstance(k, str) else float(k) for k in key)).block(0)
    drawn = rng.integers(n, size=(_RESAMPLES, strata, n))
    means = np.nanmean(values[np.arange(strata)[:, None], drawn], axis=(1, 2))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def sign_flip_p(values: Array, *key: str) -> float:
    """Two-sided p-value of mean 0, for differences, shape (n,), that are symmetric then; 1 for none.

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
