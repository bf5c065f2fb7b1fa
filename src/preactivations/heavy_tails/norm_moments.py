r"""Moments of Q = |phi(h)|^2, h ~ N(0, I_d), of any order p in (0, 1], for activations that scale with their argument.

phi(g) = |g| times a slope that depends on the sign of g only (and, randomized, on chance). With the deficit
D(t) = 1 - E exp(-t phi(g)^2) of one neuron, at any width d

    M_p = E Q^p = p/Gamma(1-p) int_0^inf (1 - (1 - D(t))^d) t^(-p-1) dt,    0 < p < 1,

by Gauss-Legendre panels in log t, both ends in closed form; linear units and ReLU are (mixtures of) chi-square laws.
Dropout keeps a neuron with probability `keep` and multiplies it by `factor`: D becomes keep D(factor^2 t).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

__all__ = ["Unit", "log_mean_variance", "log_moment"]

Array = NDArray[np.float64]

_NODES = 24
_PANEL = 1.0  # length of a panel in log t
_SMALL = 1e-7  # of d E phi^2 t: below, two terms of the series
_FEW_DIGITS = 1e-6  # of p
_GAMMA_FROM = 24.0


class Unit(NamedTuple):
    """A neuron: phi(g) = g for g > 0 and slope * g else, slope uniform on (lower, upper), kept with probability `keep`.

    Attributes
    ----------
    lower, upper : float
        Slopes for negative arguments; equal for all but the randomized leaky ReLU, drawn anew for each neuron and
        input.
    keep : float
        Probability that dropout keeps the output.
    factor : float
        By which kept outputs are multiplied.
    """

    lower: float = 0.0
    upper: float = 0.0
    keep: float = 1.0
    factor: float = 1.0

    @property
    def gaussian(self) -> bool:
        """Q is a mixture of chi-square laws: linear units and ReLU."""
        return self.lower == self.upper and abs(self.lower) in (0.0, 1.0)

    @property
    def active(self) -> float:
        """Probability that the output is not 0."""
        return self.keep * (0.5 if self.lower == self.upper == 0 else 1.0)

    def even_moment(self, k: int) -> float:
        """E phi(g)^(2k)."""
        low, high = self.lower, self.upper
        if low == high:
            slope = low ** (2 * k)
        else:
            slope = (high ** (2 * k + 1) - low ** (2 * k + 1)) / ((2 * k + 1) * (high - low))
        return self.keep * self.factor ** (2 * k) * math.prod(range(1, 2 * k, 2)) * (1 + slope) / 2

    def deficit(self, t: Array) -> Array:
        """D(t), and nothing lost where it is small."""
        t = self.factor**2 * t
        if self.lower == self.upper:
            return self.keep * (_one_minus_root(t) + _one_minus_root(self.lower**2 * t)) / 2
        return self.keep * (_one_minus_root(t) + self._uniform_slope(t)) / 2

    def _uniform_slope(self, t: Array) -> Array:
        """1 - E (1 + 2 a^2 t)^(-1/2) over the slope a: the mean is a difference of asinh(a sqrt(2 t)) / sqrt(2 t)."""
        nodes, weights = _legendre()
        slopes = self.lower + (self.upper - self.lower) * (nodes + 1) / 2
        root = np.sqrt(2 * t)
        exact = 1 - (np.arcsinh(self.upper * root) - np.arcsinh(self.lower * root)) / (
            (self.upper - self.lower) * np.where(root > 0, root, 1.0)
        )
        small = t * max(self.lower**2, self.upper**2) < 0.1  # smooth in the slope, and no cancellation
        rule = _one_minus_root(np.multiply.outer(np.where(small, t, 0.0), slopes**2)) @ (weights / 2)
        return np.where(small, rule, exact)


def _one_minus_root(t: Array) -> Array:
    """1 - (1 + 2 t)^(-1/2)."""
    return -np.expm1(-0.5 * np.log1p(2 * t))


@functools.cache
def _legendre() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    return nodes, weights


def log_gamma_ratio(x: Array, p: float) -> Array:
    """log Gamma(x + p) - log Gamma(x) for x > 0 and x + p > 0, to a relative error of 1e-14 or so, small p too."""
    x = np.asarray(x, dtype=np.float64).copy()
    total = np.zeros_like(x)
    while (low := x < _GAMMA_FROM).any():
        total[low] -= np.log1p(p / x[low])
        x[low] += 1
    total += p * np.log(x) + (x + p - 0.5) * np.log1p(p / x) - p
    y = x + p
    # Stirling's series, its differences factored: 1/y - 1/x = -p/(x y)
    for n, coefficient in ((1, 1 / 12), (3, -1 / 360), (5, 1 / 1260), (7, -1 / 1680), (9, 1 / 1188)):
        powers = sum(x**-k * y ** -(n + 1 - k) for k in range(1, n + 1))
        total -= coefficient * p * powers
    return total


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
    if unit.active == 1:
        return extra + float(log_gamma_ratio(np.array([d / 2]), p)[0])
    k, weights = _active_neurons(d, unit.active)
    middle = float(log_gamma_ratio(np.array([d * unit.active / 2]), p)[0])
    spread = float(weights @ np.expm1(log_gamma_ratio(k / 2, p) - middle))
    return extra + middle + math.log1p(spread) + math.log(_alive(d, unit))


def _active_neurons(d: int, p: float) -> tuple[Array, Array]:
    """(k, P(K = k | K > 0)) for K ~ Binomial(d, p), without what is below exp(-90)."""
    reach = 14 * math.sqrt(d * p * (1 - p)) + 40
    k = np.arange(max(1, math.floor(d * p - reach)), min(d, math.ceil(d * p + reach)) + 1.0)
    log_w = sc.xlogy(k, p) + sc.xlog1py(d - k, -p) - sc.gammaln(k + 1) - sc.gammaln(d - k + 1)
    weights = np.exp(log_w - log_w.max())
    return k, weights / weights.sum()


def _integral_moment(p: float, d: int, unit: Unit) -> float:
    mean, second = d * unit.even_moment(1), d * unit.even_moment(2)
    second += d * (d - 1) * unit.even_moment(1) ** 2  # E Q^2
    least = _SMALL * mean / second  # dropout makes Q large where it is not 0
    t, weights = _panels(math.log(least), _right_end(d, unit))
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


def _panels(low: float, high: float) -> tuple[Array, Array]:
    """(t, weights) of a rule in log t: sum of weights f(t) is the integral of f(t) dt / t."""
    nodes, weights = _legendre()
    edges = np.linspace(low, high, math.ceil((high - low) / _PANEL) + 1)
    half = np.diff(edges) / 2
    x = (edges[:-1] + half)[:, None] + half[:, None] * nodes
    return np.exp(x).ravel(), (half[:, None] * weights).ravel()


@functools.lru_cache(maxsize=4096)
def log_mean_variance(d: int, unit: Unit) -> tuple[float, float]:
    """(E, Var) of log Q given Q > 0.

    E exp(-t Q) falls from 1 to P(Q = 0) as log t grows: it is the survival function of G - log Q, given Q > 0, with G
    independent and P(G > v) = exp(-e^v), of mean -gamma and variance pi^2/6.
    """
    if unit.gaussian and unit.active == 1:
        shift = math.log(2) + 2 * math.log(unit.factor)
        return shift + float(sc.digamma(d / 2)), float(sc.polygamma(1, d / 2))
    if unit.gaussian:
        k, weights = _active_neurons(d, unit.active)
        means = sc.digamma(k / 2)
        mean = float(weights @ means)
        variance = float(weights @ (sc.polygamma(1, k / 2) + (means - mean) ** 2))
        return math.log(2) + 2 * math.log(unit.factor) + mean, variance
    return _integral_log_moments(d, unit)


def _integral_log_moments(d: int, unit: Unit) -> tuple[float, float]:
    # of Q where it is not 0, about
    centre = -math.log(d * unit.even_moment(1) / _alive(d, unit))
    t, weights = _panels(centre - 45, _right_end(d, unit))
    with np.errstate(divide="ignore"):
        gone = -np.expm1(d * np.log1p(-unit.deficit(t)))
    survival = 1 - gone / _alive(d, unit)
    u = np.log(t)
    start = centre - 45
    # E U = start + int S, E U^2 about `centre`
    mean = start + float(weights @ survival)
    second = (start - mean) ** 2 + 2 * float(weights @ (survival * (u - mean)))
    return -mean - np.euler_gamma, second - math.pi**2 / 6
