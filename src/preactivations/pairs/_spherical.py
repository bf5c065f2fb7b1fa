"""The law of |Y| with W Y ~ N(0, 1) for |W|^2 ~ Beta(1/2, b): chi with 1 + 2b degrees of freedom.

|W|^2 |Y|^2 ~ chi^2_1 is the beta-gamma identity. With a = b + 1/2 and q = y^2/2 ~ Gamma(a):

* cdf, sf: regularized incomplete gamma functions of SciPy;
* their logarithms further out (below exp(-600), for large b below exp(-5)): the continued fractions DLMF 8.9.1 and
  8.9.2 (modified Lentz), which converge in few steps there;
* q^a exp(-q) / Gamma(a), in all of them, from a (r - 1 - log r), r = q/a, and Stirling's series: no digits are lost
  to large terms that cancel;
* quantiles: SciPy's inverse as a start, then Newton on log sf above the median and on log cdf below, against
  log y, so that the relative accuracy holds in both tails.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.special as sc

from preactivations.pairs._weibull import Array, Quantile
from preactivations.weights import Size


def _fraction(first: Array, terms: Callable[[int], tuple[Any, Array]]) -> Array:
    """The continued fraction first + a_1 / (b_1 + a_2 / (b_2 + ...)), (a_k, b_k) = terms(k), by modified Lentz."""
    value, c, d = first.copy(), first.copy(), np.zeros_like(first)
    for k in range(1, 1000):
        numerator, denominator = terms(k)
        d = 1 / (denominator + numerator * d)
        c = denominator + numerator / c
        value *= c * d
        if np.all(np.abs(c * d - 1) < 5e-16):
            break
    return value


class SphericalFactor:
    """Chi law with 1 + 2b degrees of freedom. Arguments: y >= 0, 1-d float64."""

    upper_end = math.inf
    slope_at_infinity = 1.0  # of the quantile against a normal one: y ~ x
    growth = 1.0

    def __init__(self, b: float) -> None:
        a = self.a = b + 0.5
        # log P below which SciPy's functions lose digits
        self._deep = -600.0 if a < 2e4 else -5.0
        # a log a - a - log Gamma(a), by Stirling's series where the three almost cancel
        self._peak = (
            0.5 * math.log(a / (2 * math.pi)) - (1 / 12 - (1 / 360 - 1 / (1260 * a * a)) / (a * a)) / a
            if a > 1000
            else a * math.log(a) - a - float(sc.gammaln(a))
        )

    def cdf(self, y: Array) -> Array:
        tiny = y < 1e-150  # whose square underflows
        with np.errstate(over="ignore", under="ignore"):
            below = sc.gammainc(self.a, 0.5 * y * y)
            return np.where(tiny, np.exp(self._log_kernel(np.where(tiny, y, 1.0)) - math.log(self.a)), below)

    def _log_kernel(self, y: Array) -> Array:
        """log q^a exp(-q) / Gamma(a): of size log P, where its terms may be 1e5 times larger."""
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            q = 0.5 * y * y
            r = (q - self.a) / self.a
            distance = np.where(np.abs(r) < 0.5, r - np.log1p(np.maximum(r, -0.5)), r - 2 * np.log(y))
            distance += np.where(np.abs(r) < 0.5, 0.0, math.log(2 * self.a))
        return np.where(np.isposinf(y), -np.inf, self._peak - self.a * distance)

    def logsf(self, y: Array) -> Array:
        return self._upper(y)[0]

    def _upper(self, y: Array) -> tuple[Array, Array]:
        """log P(|Y| > y) and y f(y) / P(|Y| > y)."""
        a = self.a
        with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
            q = 0.5 * y * y
            out = np.where(q < a, np.log1p(-sc.gammainc(a, q)), np.log(sc.gammaincc(a, q)))
            rate = y * np.exp(self.logpdf(y) - out)
        deep = np.flatnonzero((out < self._deep) & np.isfinite(q))
        # DLMF 8.9.2
        z = q[deep]
        fraction = _fraction(z + 1 - a, lambda k: (-k * (k - a), z + 1 - a + 2 * k))
        out[deep] = self._log_kernel(y[deep]) - np.log(fraction)
        rate[deep] = 2 * fraction
        return out, rate

    def _lower(self, y: Array) -> tuple[Array, Array]:
        """log P(|Y| <= y) and y f(y) / P(|Y| <= y)."""
        a = self.a
        with np.errstate(divide="ignore", under="ignore", invalid="ignore"):
            q = 0.5 * y * y
            out = np.log(sc.gammainc(a, q))
            rate = y * np.exp(self.logpdf(y) - out)
        deep = np.flatnonzero((out < self._deep) | (y < 1e-140))  # whose square is subnormal
        # DLMF 8.9.1
        z = q[deep]

        def terms(k: int) -> tuple[Array, Array]:
            if k == 1:
                return -z, np.full_like(z, a + 1)
            return (k // 2) * z if k % 2 == 0 else -(a + k // 2) * z, np.full_like(z, a + k)

        fraction = _fraction(np.ones_like(z), terms)
        out[deep] = self._log_kernel(y[deep]) - math.log(a) - np.log(fraction)
        rate[deep] = 2 * a * fraction
        return out, rate

    def logpdf(self, y: Array) -> Array:
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.a == 0.5:
                return 0.5 * math.log(2 / math.pi) - 0.5 * y * y
            return np.where(y == 0, -np.inf, math.log(2) - np.log(y) + self._log_kernel(y))

    def pdf(self, y: Array) -> Array:
        return np.exp(self.logpdf(y))

    def dlogpdf(self, y: Array) -> Array:
        if self.a == 0.5:
            return -y
        with np.errstate(divide="ignore", over="ignore"):
            return (2 * self.a - 1) / y - y

    def quantile(self, lower: Array, log_lower: Array, log_upper: Array) -> Quantile:
        small = lower < 0.5
        y, log_hazard = np.empty_like(lower), np.full_like(lower, np.nan)
        y[small] = self._lower_quantile(lower[small], log_lower[small])
        y[~small] = self._upper_quantile(log_upper[~small])
        with np.errstate(invalid="ignore", divide="ignore"):
            log_hazard[~small] = np.log(self._upper(y[~small])[1] / y[~small])
        return Quantile(y, self.logpdf(y), self.dlogpdf(y), log_hazard)

    def _lower_quantile(self, p: Array, log_p: Array) -> Array:
        a = self.a
        # SciPy's inverse where it has digits; else the first term of the power series, or for large a a cube
        first = np.exp(0.5 * ((log_p + math.log(a) - self._peak) / a + math.log(2 * a) - 1))
        start = self._start(sc.ndtri_exp(log_p), first)
        with np.errstate(under="ignore"):
            y = np.where(p > 1e-250, np.sqrt(2 * sc.gammaincinv(a, p)), start)
        return self._newton(y, log_p, self._lower, 1)

    def _upper_quantile(self, log_p: Array) -> Array:
        a = self.a
        y = np.full_like(log_p, np.inf)
        ok = np.isfinite(log_p)
        target = log_p[ok]
        far = np.maximum(-target + (a - 1) * np.log(np.maximum(-target, 1.0)), 0.01)
        start = self._start(-sc.ndtri_exp(target), np.sqrt(2 * far))
        near = np.sqrt(2 * np.maximum(sc.gammainccinv(a, np.exp(target)), 1e-300))
        y[ok] = self._newton(np.where(target > -600, near, start), target, self._upper, -1)
        return y

    def _start(self, z: Array, far: Array) -> Array:
        """The quantile that belongs to a normal quantile z, by Wilson and Hilferty where a is large, else `far`."""
        cube = 1 - 1 / (9 * self.a) + z / (3 * math.sqrt(self.a))
        wide = (self.a > 100) & (z * z < self.a)
        return np.where(wide, np.sqrt(2 * self.a * np.where(wide, cube, 1.0) ** 3), far)

    def _newton(
        self, y: Array, target: Array, probability: Callable[[Array], tuple[Array, Array]], sign: int
    ) -> Array:
        """The root of log P(y) = target, in log y; log P is concave, so that steps do not pass the root twice."""
        y = y.copy()
        todo = np.flatnonzero(y > 0)
        for count in range(200):
            v = y[todo]
            log_p, rate = probability(v)
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                step = sign * (target[todo] - log_p) / rate
            y[todo] = v * np.exp(np.clip(step, -2.0, 2.0))
            # two steps at least: they cost less than a digit
            moves = (np.abs(step) > (1e-14 if count < 8 else 1e-12)) & (np.abs(step) * v > 1e-322)
            todo = todo[moves | (count < 2)]
            if not todo.size:
                return y
        raise ArithmeticError(
            f"b = {self.a - 0.5:g}: no convergence at log P = {target[todo[0]]:.17g}; please report it"
        )

    def moment(self, s: float) -> float:
        return float(2 ** (s / 2) * sc.poch(self.a, s / 2))

    def sample(self, size: Size, rng: np.random.Generator) -> Array:
        return np.sqrt(2 * rng.standard_gamma(self.a, size))
