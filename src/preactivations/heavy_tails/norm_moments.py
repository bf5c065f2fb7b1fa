r"""Moments of Q = |phi(h)|^2, h ~ N(0, I_d), of any order p in (0, 1], for activations that scale with their argument.

phi(g) = |g| times a slope that depends on the sign of g only (and, randomized, on chance). With the deficit
D(t) = 1 - E exp(-t phi(g)^2) of one neuron, at any width d

    M_p = E Q^p = p/Gamma(1-p) int_0^inf (1 - (1 - D(t))^d) t^(-p-1) dt,    0 < p < 1,

by Gauss-Legendre panels in log t, both ends in closed form; linear units and ReLU are (mixtures of) chi-square laws.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from preactivations.heavy_tails.units import Unit
from preactivations.quadrature import gauss_legendre
from preactivations.special import binomial_given_positive, log_gamma_ratio

__all__ = ["log_mean_variance", "log_moment"]

Array = NDArray[np.float64]

_NODES = 24
_SMALL = 1e-7  # of d E phi^2 t: below, two terms of the series
_FEW_DIGITS = 1e-6  # of p


@functools.lru_cache(maxsize=4096)  # a deep network asks for the same few again and again
def log_moment(p: float, d: int, unit: Unit) -> float:
    """log E Q^p for 0 < p <= 1, Q the sum of squares of d neurons; outputs that are all 0 count as 0."""
    if p == 1:
        return math.log(d * unit.even_moment(1))
    if unit.gaussian:
        return _chi_square_moment(p, d, unit)
    if p < _FEW_DIGITS:  # the integral is 1 up to p: two cumulants of log Q instead
        mean, variance = _integral_log_moments(d, unit)
        return math.log(_alive(d, unit)) + p * mean + p * p * variance / 2
    return _integral_moment(p, d, unit)


def _alive(d: int, unit: Unit) -> float:
    """P(Q > 0)."""
    return -math.expm1(d * math.log1p(-unit.active)) if unit.active < 1 else 1.0


def _chi_square_moment(p: float, d: int, unit: Unit) -> float:
    """Q = factor^2 chi2_K, K ~ Binomial(d, active)."""
    extra = p * (math.log(2) + 2 * math.log(unit.factor))
    k, weights = binomial_given_positive(d, unit.active)
    middle = float(log_gamma_ratio(d * unit.active / 2, p))
    spread = float(weights @ np.expm1(log_gamma_ratio(k / 2, p) - middle))
    return extra + middle + math.log1p(spread) + math.log(_alive(d, unit))


def _integral_moment(p: float, d: int, unit: Unit) -> float:
    mean, second = d * unit.even_moment(1), d * unit.even_moment(2)
    second += d * (d - 1) * unit.even_moment(1) ** 2  # E Q^2
    least = _SMALL * mean / second  # dropout makes Q large where it is not 0
    t, weights = _rule(math.log(least), _right_end(d, unit))
    with np.errstate(divide="ignore"):  # no output is left at 0
        alive = -np.expm1(d * np.log1p(-unit.deficit(t)))
    limit = _alive(d, unit)
    # below: E (1 - exp(-t Q)) = E Q t - E Q^2 t^2 / 2 + ...; above: its limit P(Q > 0)
    below = mean * least ** (1 - p) / (1 - p) - second / 2 * least ** (2 - p) / (2 - p)
    inner = float((weights * alive) @ t**-p)
    above = limit * math.exp(-p * _right_end(d, unit)) / p
    # p / Gamma(1 - p) = p (1 - p) / Gamma(2 - p)
    return math.log(p * (1 - p) * (below + inner + above)) - math.lgamma(2 - p)


def _right_end(d: int, unit: Unit) -> float:
    """log t beyond which 1 - (1 - D)^d is its limit: with k neurons left the rest falls like t^(-k/2), slopes aside."""
    slopes = [abs(a) for a in (unit.lower, unit.upper) if a != 0]
    slow = max([0.0, *(-2 * math.log(a) for a in slopes)])
    neurons = d if unit.keep == 1 else 1  # with dropout a single one may be left
    return 2 * 38 / min(neurons, 4) + 38 / neurons + slow + 20 - 2 * math.log(unit.factor)


def _rule(low: float, high: float) -> tuple[Array, Array]:
    """(t, weights) of a rule for the integral of f(t) dt / t, on panels of length 1 at most in log t."""
    log_t, weights = gauss_legendre(np.linspace(low, high, math.ceil(high - low) + 1), _NODES)
    return np.exp(log_t), weights


@functools.lru_cache(maxsize=4096)
def log_mean_variance(d: int, unit: Unit) -> tuple[float, float]:
    """(E, Var) of log Q given Q > 0.

    E exp(-t Q) falls from 1 to P(Q = 0) as log t grows: it is the survival function of G - log Q, given Q > 0, with G
    independent and P(G > v) = exp(-e^v), of mean -gamma and variance pi^2/6.
    """
    if unit.gaussian:
        k, weights = binomial_given_positive(d, unit.active)
        means = sc.digamma(k / 2)
        mean = float(weights @ means)
        variance = float(weights @ (sc.polygamma(1, k / 2) + (means - mean) ** 2))
        return math.log(2) + 2 * math.log(unit.factor) + mean, variance
    return _integral_log_moments(d, unit)


def _integral_log_moments(d: int, unit: Unit) -> tuple[float, float]:
    # of Q where it is not 0, about
    centre = -math.log(d * unit.even_moment(1) / _alive(d, unit))
    t, weights = _rule(centre - 45, _right_end(d, unit))
    with np.errstate(divide="ignore"):
        gone = -np.expm1(d * np.log1p(-unit.deficit(t)))
    survival = 1 - gone / _alive(d, unit)
    u = np.log(t)
    start = centre - 45
    # E U = start + int S, E U^2 about `centre`
    mean = start + float(weights @ survival)
    second = (start - mean) ** 2 + 2 * float(weights @ (survival * (u - mean)))
    return -mean - np.euler_gamma, second - math.pi**2 / 6
