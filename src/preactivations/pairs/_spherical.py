"""The law of |Y| with W Y ~ N(0, 1) for |W|^2 ~ Beta(1/2, b): chi with 1 + 2b degrees of freedom.

|W|^2 |Y|^2 ~ chi^2_1 is the beta-gamma identity. With a = b + 1/2 and q = y^2/2 ~ Gamma(a):

* cdf, sf: regularized incomplete gamma functions of SciPy;
* log sf once sf underflows: the continued fraction DLMF 8.9.2 (modified Lentz), which converges in a
  few steps there because q is above 600;
* log cdf once cdf underflows: the first term of its power series, exact to rounding there;
* quantiles: SciPy's inverse as a start, then Newton on log(-log sf) against log y above the median and
  on log cdf against log y below, so that the relative accuracy holds in both tails.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.special as sc

from preactivations.pairs._weibull import Array, Quantile
from preactivations.weights import Size


class SphericalFactor:
    """Chi law with 1 + 2b degrees of freedom. Arguments: y >= 0, 1-d float64."""

    upper_end = math.inf
    slope_at_infinity = 1.0  # of the quantile against a normal one: y ~ x
    growth = 1.0

    def __init__(self, b: float) -> None:
        self.a = b + 0.5
        self._log_gamma = float(sc.gammaln(self.a))

    def cdf(self, y: Array) -> Array:
        return np.asarray(sc.gammainc(self.a, 0.5 * y * y))

    def logsf(self, y: Array) -> Array:
        with np.errstate(over="ignore", divide="ignore"):
            q = 0.5 * y * y
            out = np.where(q < self.a, np.log1p(-sc.gammainc(self.a, q)), np.log(sc.gammaincc(self.a, q)))
        tiny = np.flatnonzero((out < -600) & np.isfinite(q))
        out[tiny] = self._log_upper_gamma(q[tiny])
        return out

    def _log_upper_gamma(self, q: Array) -> Array:
        a, floor = self.a, 1e-300
        b = q + 1 - a
        c = np.full_like(q, 1 / floor)
        d = 1 / b
        h = d.copy()
        for k in range(1, 500):
            step = -k * (k - a)
            b = b + 2
            d = 1 / (step * d + b)
            c = b + step / c
            ratio = c * d
            h *= ratio
            if np.all(np.abs(ratio - 1) < 1e-16):
                break
        return a * np.log(q) - q - self._log_gamma + np.log(h)

    def _logcdf(self, y: Array) -> Array:
        with np.errstate(divide="ignore", under="ignore"):
            q = 0.5 * y * y
            out = np.log(sc.gammainc(self.a, q))
            first = self.a * (2 * np.log(y) - math.log(2)) - q - float(sc.gammaln(self.a + 1))
        return np.where(out < -600, first + np.log1p(q / (self.a + 1)), out)

    def logpdf(self, y: Array) -> Array:
        a = self.a
        with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
            power = sc.xlogy(2 * a - 1, y)
            out = (1 - a) * math.log(2) + power - 0.5 * y * y - self._log_gamma
        return np.where(np.isposinf(y), -np.inf, out)

    def pdf(self, y: Array) -> Array:
        # not exp(logpdf): log y loses digits for tiny y and large b
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            direct = y ** (2 * self.a - 1) * np.exp(-0.5 * y * y)
            direct = direct * math.exp((1 - self.a) * math.log(2) - self._log_gamma)
        return np.where(np.isfinite(direct) & (direct > 0), direct, np.exp(self.logpdf(y)))

    def dlogpdf(self, y: Array) -> Array:
        if self.a == 0.5:
            return -y
        with np.errstate(divide="ignore"):
            return (2 * self.a - 1) / y - y

    def quantile(self, lower: Array, log_lower: Array, log_upper: Array) -> Quantile:
        small = lower < 0.5
        y = np.empty_like(lower)
        y[small] = self._lower_quantile(lower[small], log_lower[small])
        y[~small] = self._upper_quantile(log_upper[~small])
        return Quantile(y, self.logpdf(y), self.dlogpdf(y))

    def _lower_quantile(self, p: Array, log_p: Array) -> Array:
        a = self.a
        # first term of the power series, and SciPy's inverse where it has digits
        small_q = np.exp((log_p + float(sc.gammaln(a + 1))) / a)
        q = np.where(p > 1e-250, sc.gammaincinv(a, p), small_q)
        y = np.sqrt(2 * q)
        ok = y > 0
        for _ in range(3):
            v = y[ok]
            logcdf = self._logcdf(v)
            rate = v * np.exp(self.logpdf(v) - logcdf)  # d log cdf / d log y
            y[ok] = v * np.exp((log_p[ok] - logcdf) / rate)
        return y

    def _upper_quantile(self, log_p: Array) -> Array:
        a = self.a
        y = np.full_like(log_p, np.inf)
        ok = np.isfinite(log_p)
        target = log_p[ok]
        start = np.where(
            target > -600, sc.gammainccinv(a, np.exp(target)), -target + (a - 1) * np.log(-target)
        )
        v = np.sqrt(2 * np.maximum(start, 0.01))
        for _ in range(6):
            logsf = self.logsf(v)
            rate = v * np.exp(self.logpdf(v) - logsf)  # -d logsf / d log y
            v = v * np.exp(np.clip(np.log(target / logsf) * logsf / -rate, -0.5, 0.5))
        y[ok] = v
        return y

    def moment(self, s: float) -> float:
        return float(2 ** (s / 2) * sc.poch(self.a, s / 2))

    def sample(self, size: Size, rng: np.random.Generator) -> Array:
        return np.sqrt(2 * rng.standard_gamma(self.a, size))
