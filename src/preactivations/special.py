"""Special functions of laws that are mixtures of chi-square laws, with the digits that the usual forms lose."""

from __future__ import annotations

import math

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.real import real_array

__all__ = ["binomial_given_positive", "log_gamma_ratio"]

Array = NDArray[np.float64]

_SERIES_FROM = 24.0
# of Stirling's series, log Gamma(x) = (x - 1/2) log x - x + log(2 pi)/2 + sum_n c_n x^-n, n = 1, 3, ..., 9
_STIRLING = {1: 1 / 12, 3: -1 / 360, 5: 1 / 1260, 7: -1 / 1680, 9: 1 / 1188}


def log_gamma_ratio(x: ArrayLike, p: float) -> Array:
    """log Gamma(x + p) / Gamma(x), elementwise, for x > 0 and x + p > 0.

    Relative error of about 1e-14, for small p and for large x too, where the difference of two logarithms has no
    digits left (relative to the largest term where the value crosses 0, as at x = p = 1; 1e-11 at a distance of 1e-6
    from the pole x + p = 0). Both arguments are shifted upwards by Gamma(x + 1) = x Gamma(x) until Stirling's series
    holds; its differences are taken term by term, 1/(x + p) - 1/x = -p/(x (x + p)) and so on.

    Parameters
    ----------
    x : float or array
    p : float

    Returns
    -------
    array, shape of `x`

    Examples
    --------
    >>> round(math.exp(log_gamma_ratio(2.0, 2.0)), 9)
    6.0
    """
    x = real_array("x", x).copy()
    shift = np.zeros_like(x)
    while (low := np.minimum(x, x + p) < _SERIES_FROM).any():
        shift[low] -= np.log1p(p / x[low])
        x[low] += 1
    y = x + p
    total = shift + (p * np.log(x) + (y - 0.5) * np.log1p(p / x) - p)
    u, v = 1 / x, 1 / y
    # y^-n - x^-n = -p u v (u^(n-1) + u^(n-2) v + ... + v^(n-1))
    terms, power = np.zeros_like(x), np.ones_like(x)
    for n in range(1, max(_STIRLING) + 1):
        terms = v * terms + power
        power = power * u
        if n in _STIRLING:
            total -= _STIRLING[n] * p * (u * v * terms)
    return total


def binomial_given_positive(n: int, p: float) -> tuple[Array, Array]:
    """(k, P(K = k | K > 0)) of K ~ Binomial(n, p), without the k whose probability is below exp(-90) or so.

    Relative error of the probabilities: below 1e-15 n log n.

    Parameters
    ----------
    n : int
        At least 1.
    p : float
        In (0, 1].

    Returns
    -------
    k, probability : array, float64, one shape

    Examples
    --------
    >>> [part.round(12).tolist() for part in binomial_given_positive(2, 0.5)]
    [[1.0, 2.0], [0.666666666667, 0.333333333333]]
    """
    reach = 14 * math.sqrt(n * p * (1 - p)) + 40
    k = np.arange(max(1, math.floor(n * p - reach)), min(n, math.ceil(n * p + reach)) + 1.0)
    log_w = sc.xlogy(k, p) + sc.xlog1py(n - k, -p) - sc.gammaln(k + 1) - sc.gammaln(n - k + 1)
    weights = np.exp(log_w - log_w.max())
    return k, weights / weights.sum()
