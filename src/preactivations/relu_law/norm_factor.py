"""The law of Q = |phi(h)|^2 for h ~ N(0, I_n) and phi linear, ReLU or leaky ReLU: one layer's factor of the norm."""

from __future__ import annotations

import copy
import functools
import math
import operator
from typing import NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.quadrature import gauss_legendre
from preactivations.real import real_array
from preactivations.special import log_gamma_ratio

__all__ = ["LogMoments", "NormFactor"]

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

_LOG_TINY = -100.0  # weights of nodes below exp(-100) = 4e-44 are left out
_LOG_ESSENTIAL = -45.0  # and of components below 3e-20 where absolute accuracy is enough
_SLOPES = (1e-6, 1e6)
_BLOCK = 1 << 20  # elements of a temporary array
_NODES = 24  # of a Gauss-Legendre panel


class LogMoments(NamedTuple):
    """Mean and variance of a logarithm, given survival: of log Q given Q > 0, or log q given q > 0.

    Attributes
    ----------
    mean : float
    variance : float
    """

    mean: float
    variance: float


class NormFactor:
    """Law of Q = |phi(h)|^2, h ~ N(0, I_n), phi(h) = h for h > 0 and slope * h else.

    Linear (slope 1 or -1): chi2_n. ReLU (slope 0): chi2_K with K ~ Binomial(n, 1/2), so that Q = 0 with probability
    2^-n. Leaky ReLU: chi2_K + slope^2 chi2_(n-K), which is chi2_n (slope^2 + (1 - slope^2) B) with independent
    B ~ Beta(K/2, (n-K)/2). All are mixtures of scaled chi-square laws; for leaky ReLU the mixture over B is a
    Gauss-Legendre rule (relative error about 1e-11). Nothing is left out of ReLU's sum.

    Methods are elementwise: a float or an array of any shape gives an array of that shape.

    Parameters
    ----------
    width : int
        n, 1 to 1e7.
    slope : float, optional
        For negative h: 0 (the default), or 1e-6 to 1e6 in absolute value.

    Attributes
    ----------
    width : int
    slope : float
    atom : float
        P(Q = 0): the layer is dead.

    Raises
    ------
    ValueError
        For a width out of range, or a slope that is not 0 and outside of [1e-6, 1e6] in absolute value.
    TypeError
        For a width that is not an integer.

    Examples
    --------
    >>> relu = NormFactor(50)
    >>> relu.moment([1, 2]).round(9).tolist()  # n/2, n^2/4 + 5n/4
    [25.0, 687.5]
    """

    def __init__(self, width: int, slope: float = 0.0) -> None:
        self.width, self.slope = operator.index(width), float(slope)
        if not 1 <= self.width <= 10**7:
            raise ValueError(
                f"width must be between 1 and 10 000 000, got {width}: laws hold a number per neuron"
            )
        n, a = self.width, abs(self.slope)
        if a != 0 and not _SLOPES[0] <= a <= _SLOPES[1]:
            raise ValueError(f"slope must be 0 or between 1e-6 and 1e6 in absolute value, got {slope}")
        self.atom = 2.0**-n if a == 0 else 0.0
        # components: weight, degrees of freedom, scale
        if a == 1:
            self._log_w, self._dof, self._scale = np.zeros(1), np.full(1, float(n)), np.ones(1)
        elif a == 0:
            self._dof = np.arange(1.0, n + 1)
            self._log_w, self._scale = _log_binomial(n, self._dof), np.ones(n)
        else:
            # Q(a) has the law of a^2 Q(1/a)
            outer, inner = (a * a, 1 / a) if a > 1 else (1.0, a)
            self._log_w, share = _split(n, inner)
            self._scale = outer * (inner**2 + (1 - inner**2) * share)
            self._dof = np.full(self._scale.size, float(n))
        # the sum of the weights is known: takes away their common rounding error, 1e-11 at n = 10^4
        self._log_w = self._log_w - sc.logsumexp(self._log_w) + math.log1p(-self.atom)
        self._log_moments: dict[float, float] = {}

    @functools.cached_property
    def essential(self) -> NormFactor:
        """The same law without components of weight below 3e-20: for grids and series, whose errors are absolute."""
        trimmed = copy.copy(self)
        keep = self._log_w > _LOG_ESSENTIAL
        trimmed._log_w, trimmed._dof, trimmed._scale = self._log_w[keep], self._dof[keep], self._scale[keep]
        trimmed._log_moments = {}
        return trimmed

    def __repr__(self) -> str:
        return f"NormFactor(width={self.width}, slope={self.slope:g})"

    @property
    def lowest_moment(self) -> float:
        """Moments of Q, given Q > 0, are finite above this order."""
        return -0.5 * float(self._dof.min())

    def pdf(self, q: ArrayLike) -> Array:
        """Density of Q at `q`, without the atom at 0; its integral is 1 - atom. 0 for q < 0, NaN for NaN."""
        q = real_array("q", q)
        positive = np.maximum(q, 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.exp(self._mixed(np.log(positive).ravel())).reshape(q.shape)
            found = np.where(
                positive == 0, self._density_at_0(), found / np.where(positive == 0, 1, positive)
            )
        return np.where(np.isnan(q), np.nan, np.where((q < 0) | (q == np.inf), 0.0, found))

    def log_pdf_of_log(self, y: ArrayLike) -> Array:
        """Logarithm of the density of log Q at real `y`, of the part that survives (of mass 1 - atom)."""
        y = real_array("y", y)
        return self._mixed(y.ravel()).reshape(y.shape)

    def cdf(self, q: ArrayLike) -> Array:
        """P(Q <= q), atom included; 0 for q < 0."""
        q = real_array("q", q)
        below = self._summed(np.maximum(q, 0).ravel(), sc.gammainc).reshape(q.shape)
        return np.where(q < 0, 0.0, self.atom + below)

    def sf(self, q: ArrayLike) -> Array:
        """P(Q > q), with relative accuracy in the upper tail; 1 for q < 0."""
        q = real_array("q", q)
        above = self._summed(np.maximum(q, 0).ravel(), sc.gammaincc).reshape(q.shape)
        return np.where(q < 0, 1.0, above)

    def moment(self, p: ArrayLike) -> Array:
        """E[Q^p; Q > 0], p real; infinite for p <= `lowest_moment`, and beyond 1e308. ValueError for NaN."""
        with np.errstate(over="ignore"):
            return np.exp(self.log_moment(p))

    def log_moment(self, p: ArrayLike) -> Array:
        """Logarithm of `moment`, which overflows later; ValueError for NaN."""
        p = real_array("p", p)
        return np.array([self._log_moment(float(order)) for order in p.ravel()]).reshape(p.shape)[()]

    def _log_moment(self, p: float) -> float:
        if math.isnan(p):
            raise ValueError("the order p of a moment must be a number, got nan")
        if not p > self.lowest_moment:
            return math.inf
        if p not in self._log_moments:
            terms = self._log_w + p * np.log(2 * self._scale) + log_gamma_ratio(self._dof / 2, p)
            self._log_moments[p] = float(sc.logsumexp(terms))
        return self._log_moments[p]

    def log_mellin(self, p: ArrayLike) -> Complex:
        """Logarithm of E[Q^p; Q > 0] for complex p, real parts above `lowest_moment`."""
        p = np.asarray(p, dtype=np.complex128)
        found = np.empty(p.size, dtype=np.complex128)
        half, log_2t = self._dof / 2, np.log(2 * self._scale)
        # E Q^p = sum w exp(p log E Q) exp(...): the large common phase is taken out before the sum
        centre = float(np.average(np.log(half) + log_2t, weights=np.exp(self._log_w)))
        constant = bool((half == half[0]).all())
        for part in _parts(p.size, half.size):
            z = p.ravel()[part][:, None]
            if constant:
                ratio = sc.loggamma(half[0] + z) - sc.loggamma(complex(half[0]))
            else:
                ratio = sc.loggamma(half + z) - sc.gammaln(half)
            terms = self._log_w + z * (log_2t - centre) + ratio
            found[part] = np.log(np.exp(terms).sum(axis=1)) + z[:, 0] * centre
        return found.reshape(p.shape)

    def log_moments(self) -> LogMoments:
        """Mean and variance of log Q given Q > 0."""
        w = np.exp(self._log_w)
        w /= w.sum()
        mean = sc.digamma(self._dof / 2) + np.log(2 * self._scale)
        average = float(w @ mean)
        return LogMoments(average, float(w @ (sc.polygamma(1, self._dof / 2) + (mean - average) ** 2)))

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> Array:
        """Independent draws of Q, an array of shape `size` ((size,) for an int); 0 for a dead layer."""
        if abs(self.slope) == 1:
            return rng.chisquare(self.width, size)
        k = rng.binomial(self.width, 0.5, size)
        q = 2 * rng.standard_gamma(k / 2)
        if self.slope:
            q += 2 * self.slope**2 * rng.standard_gamma((self.width - k) / 2)
        return np.asarray(q)

    # -- mixtures ----------------------------------------------------------------------------------

    def _log_density(self, y: Array) -> Array:
        """Of log(scale * chi2_dof) at y, shape (points, components)."""
        half = self._dof / 2
        x = y[:, None] - np.log(2 * self._scale)
        with np.errstate(over="ignore"):  # exp(x) = inf: density 0
            return half * x - np.exp(x) - sc.gammaln(half)

    def _mixed(self, y: Array) -> Array:
        found = np.empty(y.size)
        for part in _parts(y.size, self._dof.size):
            found[part] = sc.logsumexp(self._log_w + self._log_density(y[part]), axis=1)
        return found

    def _summed(self, q: Array, gamma: np.ufunc) -> Array:
        found, w = np.empty(q.size), np.exp(self._log_w)
        for part in _parts(q.size, self._dof.size):
            found[part] = gamma(self._dof / 2, q[part][:, None] / (2 * self._scale)) @ w
        return found

    def _density_at_0(self) -> float:
        least = float(self._dof.min())
        if least < 2:
            return math.inf
        at = self._dof == 2
        return float(np.sum(np.exp(self._log_w[at]) / (2 * self._scale[at])))


def _log_binomial(n: int, k: Array) -> Array:
    return -math.log(n + 1) - sc.betaln(k + 1, n - k + 1) - n * math.log(2)


def _split(n: int, slope: float) -> tuple[Array, Array]:
    """Mixture over B = sin^2(omega), the part of |h|^2 on positive units: (log weights, values of B).

    Given 0 < K < n its density in omega is proportional to sin^(K-1) cos^(n-K-1), analytic; the functions that are
    integrated have their next singularity at distance `slope` of omega = 0, towards which the panels are graded.
    """
    ends = -n * math.log(2)
    if n == 1:
        return np.full(2, ends), np.array([0.0, 1.0])
    spread = 14 * math.sqrt(0.75 / n)
    low, high = max(0.0, math.pi / 4 - spread), min(math.pi / 2, math.pi / 4 + spread)
    edges = list(np.linspace(low, high, 17))
    if low == 0:
        while edges[1] > slope / 2:
            edges.insert(1, edges[1] / 2)
    omega, weight = gauss_legendre(edges, _NODES)
    k = np.arange(1.0, n)
    log_w = _log_binomial(n, k)
    keep = log_w > _LOG_TINY
    k, log_w = k[keep], log_w[keep]
    log_density = np.empty(omega.size)
    log_sin, log_cos = np.log(np.sin(omega)), np.log(np.cos(omega))
    for part in _parts(omega.size, k.size):
        terms = log_w - sc.betaln(k / 2, (n - k) / 2)
        terms = terms + (k - 1) * log_sin[part][:, None] + (n - k - 1) * log_cos[part][:, None]
        log_density[part] = sc.logsumexp(terms, axis=1)
    log_weights = log_density + np.log(2 * weight)
    kept = log_weights > _LOG_TINY
    log_weights, share = log_weights[kept], np.sin(omega[kept]) ** 2
    if ends > _LOG_TINY:
        log_weights, share = np.append(log_weights, [ends, ends]), np.append(share, [0.0, 1.0])
    return log_weights, share


def _parts(n: int, components: int) -> list[slice]:
    step = max(1, _BLOCK // components)
    return [slice(start, start + step) for start in range(0, n, step)]
