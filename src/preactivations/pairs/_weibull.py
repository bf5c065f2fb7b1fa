"""The law of |Y| with W Y ~ N(0, 1) for symmetric Weibull(theta) weights.

Notation: nu = 2/theta in (0, 1], eps = 1 - nu, q = y^2/2. The theorem behind this file (derived here):
Y = sqrt(2) cos(U) S^(-1/theta) with U uniform on (0, 2 pi) and S positive nu-stable,
E exp(-t S) = exp(-t^nu); see `factor`.

====================  ======================  ====================================================
region                method                  why
====================  ======================  ====================================================
theta = 2             closed form             the arcsine law (Box & Muller)
0 <= y <= 0.6         power series            relative accuracy down to y = 0; 32 terms leave 1e-17
                                              for every theta, since the terms fall like (y^2/2)^k
y > 0.6               contour integral        relative accuracy out to the far tail: exp(g(s0)) is
                                              factored out, so that log P(|Y| > y) survives underflow
====================  ======================  ====================================================

Series: f(y) = sqrt(2/pi) sum_k (-q)^k / (k! Gamma(1 - (2k+1)/theta)), a Wright function of the second
kind, integrated term by term for the distribution function. On y > 0.6 the distribution function is
1 - sf and is at least 0.28: no cancellation that matters.

Contour: with g(s) = s - q s^nu,

    P(|Y| > y) = (1/2 pi i) int exp(g(s)) erfcx(sqrt(q) s^(nu/2)) ds / s
    f(y)       = (1/2 pi i) int exp(g(s)) sqrt(2/pi) s^(nu/2 - 1) ds
    f'(y)      = (1/2 pi i) int exp(g(s)) sqrt(2/pi) s^(nu/2 - 1) (-y s^nu) ds

by the trapezoidal rule on the parabola s = mu (1 + i u)^2, which converges geometrically in the number
of nodes (Trefethen & Weideman, SIAM Review 56, 2014). mu is the root beyond the saddle
s0 = (nu q)^(1/eps) of g(mu) - g(s0) = 1: next to the saddle where that is steep, and far from the
singularity s = 0 where the saddle runs into it. g is evaluated without cancellation in one of two
forms, for nu near 1 makes s and q s^nu agree to many digits:

    q <  1:  g = s [(1 - q) - q expm1(-eps log s)]
    q >= 1:  g = s0 z [-expm1(-eps log z) - (eps/nu) exp(-eps log z)],   z = s / s0.

Quantiles: Newton's method on the series below y = 0.6, and on log(-log P(|Y| > y)) against log y
above, where that function is nearly a straight line.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from preactivations.weights import Size

if TYPE_CHECKING:
    from scipy.interpolate import CubicHermiteSpline

Array = NDArray[np.float64]
Map = Callable[[Array], Array]

_Y_SERIES = 0.6
_N_TERMS = 32
_N_NODES = 64
_STEEP = 1e5  # of s0 eps, where |log z| < 0.2 on the contour
_DECAY = 39.0  # the contour ends where |exp(g)| has fallen by exp(-39) < 2^-53 / 8
_CHUNK = 256  # arguments per pass: 256 x 64 complex numbers stay in the second-level cache
SQRT2 = math.sqrt(2.0)
SQRT2_LOW = -9.667293313452913e-17  # sqrt(2) - fl(sqrt(2))
_SQRT_2_OVER_PI = math.sqrt(2.0 / math.pi)


class Quantile(NamedTuple):
    """y, log f(y), (log f)'(y), and log f(y) / P(|Y| > y), which is NaN where y is not in the upper tail."""

    y: Array
    logpdf: Array
    dlogpdf: Array
    log_hazard: Array


class Upper(NamedTuple):
    """log P(|Y| > y), the hazard f / P(|Y| > y), and (log f)'."""

    logsf: Array
    hazard: Array
    dlogpdf: Array


def _expm1(w: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """exp(w) - 1 for complex w near 0 (three times faster than the general one of SciPy)."""
    e, half = np.expm1(w.real), np.sin(0.5 * w.imag)
    real = (1 + e) * (-2 * half * half) + e
    return np.asarray(real + 1j * ((1 + e) * np.sin(w.imag)))


class WeibullFactor:
    """Law of |Y| for theta > 2; `ArcsineFactor` is the case theta = 2. Arguments: y >= 0, 1-d float64."""

    upper_end = math.inf
    slope_at_infinity = 0.0  # of the quantile against a normal one: y ~ x^(1 - nu)

    def __init__(self, theta: float) -> None:
        self.theta = theta
        self.nu = 2.0 / theta
        self.eps = (theta - 2.0) / theta
        self.growth = self.eps  # y ~ x^growth against a normal quantile x
        self._log_nu = math.log(self.nu) if theta > 100 else math.log1p(-self.eps)
        k = np.arange(_N_TERMS)
        # coefficients of q^k in f and in F / y
        self._f = _SQRT_2_OVER_PI * (-1.0) ** k * sc.rgamma(1 - (2 * k + 1) / theta) / sc.factorial(k)
        self._F = self._f / (2 * k + 1)
        self._df = self._f[1:] * k[1:]
        self._cdf_split = float(self._series_cdf(np.array([_Y_SERIES]))[0])
        self._log_sf_split = math.log1p(-self._cdf_split)

    # -- series: 0 <= y <= 0.6 ---------------------------------------------------------------------
    def _series_cdf(self, y: Array) -> Array:
        return y * np.polynomial.polynomial.polyval(0.5 * y * y, self._F)

    def _series_pdf(self, y: Array) -> Array:
        return np.asarray(np.polynomial.polynomial.polyval(0.5 * y * y, self._f))

    def _series_dpdf(self, y: Array) -> Array:
        return y * np.polynomial.polynomial.polyval(0.5 * y * y, self._df)

    # -- contour: y > 0.6 --------------------------------------------------------------------------
    def upper(self, y: Array) -> Upper:
        """The tail at y > 0, by the contour integral (accurate for y above about 0.3)."""
        # log(y / sqrt 2), without the rounding error of sqrt 2: it will be divided by eps
        near = np.log1p(((y - SQRT2) - SQRT2_LOW) / SQRT2)
        return self._upper_log(np.where(np.abs(y - SQRT2) < 0.5, near, np.log(y / SQRT2)))

    def _upper_log(self, ell: Array) -> Upper:
        """The tail at y = sqrt(2) exp(ell). Next to theta = 2 only ell, not y, resolves the tail."""
        out = Upper(*(np.empty_like(ell) for _ in range(3)))
        for start in range(0, ell.size, _CHUNK):
            part = slice(start, start + _CHUNK)
            for full, piece in zip(out, self._contour(ell[part]), strict=True):
                full[part] = piece
        return out

    # -- both regions ------------------------------------------------------------------------------
    def cdf(self, y: Array) -> Array:
        return self._by_region(y, self._series_cdf, lambda v: -np.expm1(self.upper(v).logsf))

    def pdf(self, y: Array) -> Array:
        def tail(v: Array) -> Array:
            logsf, hazard, _ = self.upper(v)
            with np.errstate(over="ignore", invalid="ignore"):
                density = np.exp(logsf + np.log(hazard))
            return np.where(logsf == -np.inf, 0.0, density)

        return self._by_region(y, self._series_pdf, tail)

    def logsf(self, y: Array) -> Array:
        def body(v: Array) -> Array:
            return np.log1p(-self._series_cdf(v))

        return self._by_region(y, body, lambda v: self.upper(v).logsf)

    def dlogpdf(self, y: Array) -> Array:
        def body(v: Array) -> Array:
            return self._series_dpdf(v) / self._series_pdf(v)

        return self._by_region(y, body, lambda v: self.upper(v).dlogpdf)

    def _by_region(self, y: Array, body: Map, tail: Map) -> Array:
        small = y <= _Y_SERIES
        out = np.empty_like(y)
        out[small] = body(y[small])
        out[~small] = tail(y[~small])
        return out

    # -- quantiles ---------------------------------------------------------------------------------
    def quantile(self, lower: Array, log_lower: Array, log_upper: Array) -> Quantile:
        """y with P(|Y| <= y) = lower = 1 - exp(log_upper); 1-d arrays.

        Whichever of `lower` and `log_upper` is well conditioned is used; both are given so that no
        digit is lost at either end. (`log_lower` serves laws whose density vanishes at 0.)
        """
        small = lower < self._cdf_split
        out = Quantile(*(np.empty_like(lower) for _ in range(4)))
        for full, piece in zip(out, self._lower_quantile(lower[small]), strict=True):
            full[small] = piece
        for full, piece in zip(out, self._upper_quantile(log_upper[~small]), strict=True):
            full[~small] = piece
        return out

    def _lower_quantile(self, p: Array) -> Quantile:
        y = p / self._f[0]
        for _ in range(4):
            y = y - (self._series_cdf(y) - p) / self._series_pdf(y)
        pdf = self._series_pdf(y)
        return Quantile(y, np.log(pdf), self._series_dpdf(y) / pdf, np.full_like(y, np.nan))

    def _upper_quantile(self, log_p: Array) -> Quantile:
        ell, log_hazard = np.full_like(log_p, np.inf), np.zeros_like(log_p)
        dlogpdf = np.full_like(log_p, -np.inf)
        todo = np.flatnonzero(np.isfinite(log_p))
        ell[todo] = self._starting_value(log_p[todo])
        for _ in range(30):
            if todo.size == 0:
                break
            y0, target = SQRT2 * np.exp(ell[todo]), log_p[todo]
            logsf, hazard, slope = self._upper_log(ell[todo])
            # Newton on log(-logsf) against log y
            shift = np.log(target / logsf) * logsf / (-hazard * y0)
            ell[todo] += np.clip(shift, -0.5, 0.5)
            # hazard and (log f)' belong to the value before the step: first-order correction of the
            # former; the iteration goes on until both are right
            bend = y0 * shift * (slope + hazard)
            rounding = 1e-14 * hazard * y0  # of log P, far out, where the correction has no digits
            known = np.where((rounding > 1e-6) & (np.abs(bend) <= rounding), 0.0, bend)
            log_hazard[todo], dlogpdf[todo] = np.log(hazard) + known, slope
            todo = todo[(np.abs(bend) > 1e-10 + rounding) | (np.abs(shift) > 1e-8)]
        if todo.size:
            raise ArithmeticError(
                f"theta = {self.theta!r}: no convergence at log P(|Y| > y) = {log_p[todo[0]]!r}; please report it"
            )
        return Quantile(SQRT2 * np.exp(ell), log_p + log_hazard, dlogpdf, log_hazard)

    def _starting_value(self, log_p: Array) -> Array:
        table = self._inverse_table
        target = np.log(-log_p)
        end = float(table.x[-1])
        # beyond the table: -log P ~ y^theta', theta' = 2 / eps
        return np.asarray(table(np.minimum(target, end)) + np.maximum(target - end, 0.0) * 0.5 * self.eps)

    @cached_property
    def _inverse_table(self) -> CubicHermiteSpline:
        """log(y / sqrt 2) against log(-log P(|Y| > y)), for P from 0.72 down to exp(-900)."""
        from scipy.interpolate import CubicHermiteSpline

        nu, eps = self.nu, self.eps
        minus_log = np.exp(np.linspace(math.log(-self._log_sf_split) - 0.01, math.log(900.0), 260))
        # leading term, right far out; and theta = 2, right near theta = 2
        tail = 0.5 * (eps * np.log(minus_log / eps) - nu * self._log_nu)
        body = np.log1p(-2 * np.sin(0.25 * math.pi * np.exp(-minus_log)) ** 2)
        ell = np.unique(np.concatenate((body, tail)))
        ell = ell[ell > math.log(0.95 * _Y_SERIES / SQRT2)]
        logsf, hazard, _ = self._upper_log(ell)
        keep = np.isfinite(logsf)
        ell, logsf, hazard = ell[keep], logsf[keep], hazard[keep]
        x = np.log(-logsf)
        keep = np.append(True, np.diff(np.maximum.accumulate(x)) > 1e-6)
        return CubicHermiteSpline(x[keep], ell[keep], (-logsf / (SQRT2 * np.exp(ell) * hazard))[keep])

    # -- moments and samples -----------------------------------------------------------------------
    def moment(self, s: float) -> float:
        return float(
            2 ** (s / 2) * sc.gamma((1 + s) / 2) / (math.sqrt(math.pi) * sc.gamma(1 + s / self.theta))
        )

    def sample(self, size: Size, rng: np.random.Generator) -> Array:
        """|Y| = sqrt(2) |cos U| S^(-1/theta), with S^(-nu) by Kanter's formula (Ann. Prob. 3, 1975)."""
        nu, eps = self.nu, self.eps
        v = math.pi * (1 - rng.random(size))  # (0, pi]: no division by sin 0 below
        s_power = (
            rng.standard_exponential(size) ** eps
            * np.sin(v)
            / (np.sin(nu * v) ** nu * np.sin(eps * v) ** eps)
        )
        # at v = pi, sin(v) is 1e-16 instead of 0: positive, as the square root wants it
        return SQRT2 * np.abs(np.cos(math.pi * rng.random(size))) * np.sqrt(s_power)

    def _contour(self, ell: Array) -> Upper:
        nu, eps = self.nu, self.eps
        with np.errstate(over="ignore", under="ignore"):
            q, y = np.exp(2 * ell), SQRT2 * np.exp(ell)
            near = ell < 0
            s0 = np.exp((self._log_nu + 2 * ell) / eps)
            far = s0 > 1e300  # log P(|Y| > y) is beyond the float64 range
            q, s0 = np.where(far, 1.0, q), np.where(far, 1.0, s0)
            g0 = -(eps / nu) * s0
            steep = s0 * eps > _STEEP
        # g(scale z) = z (p - a e - b (1 + e)), e = expm1(-eps log z): both forms of the file header
        scale = np.where(near, 1.0, s0)
        p = np.where(near, -np.expm1(2 * np.minimum(ell, 0.0)), 0.0)
        a = np.where(near, q, s0)
        b = np.where(near, 0.0, (eps / nu) * s0)

        # for large theta z^-eps = 1 + e is so small that it has no digits: g = s0 (z - z^nu / nu) then
        flat = nu < 0.01

        # vertex z_mu = mu / scale, where g(mu) - g(s0) = 1. g is convex: Newton's steps overshoot once,
        # then descend monotonically.
        z_mu = np.where(near, 1.0, 1 + np.sqrt(2 / (np.where(near, 1.0, s0) * eps)))
        for _ in range(12):
            e = np.expm1(-eps * np.log(z_mu))
            too_much = z_mu * (p - a * e - b * (1 + e)) - g0 - 1
            if flat:
                with np.errstate(invalid="ignore"):  # where it is steep, see below
                    too_much[~near] = (s0 * ((z_mu - 1) - np.expm1(nu * np.log(z_mu)) / nu) - 1)[~near]
            slope = np.where(near, p + q * (eps - nu * e), -s0 * e)
            with np.errstate(divide="ignore", invalid="ignore"):
                z_mu = np.maximum(z_mu - too_much / slope, np.where(near, 0.1 * z_mu, 1 + 1e-12))
        z_mu = np.where(steep, 1.0, z_mu)  # so far from s = 0 the vertex may be the saddle

        p, a, b, z_mu = p[:, None], a[:, None], b[:, None], z_mu[:, None]
        log_z_mu = np.log(z_mu)

        def log_z_and_excess(u: Array) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
            """log z and g(s0 z) - g0."""
            log_z = log_z_mu + (np.log1p(u * u) + 2j * np.arctan(u))
            e = _expm1(-eps * log_z)
            z = z_mu * (1 + 1j * u) ** 2
            excess = z * (p - a * e - b * (1 + e)) - g0[:, None]
            if flat:
                excess[~near] = (s0[:, None] * ((z - 1) - _expm1(nu * log_z) / nu))[~near]
            excess[steep] = s0[steep, None] * self._flat(log_z[steep])
            return log_z, excess

        # end of the contour, where |exp(g)| has fallen by exp(-_DECAY): bisection on log u to 5 %
        end = np.log(12.0) - 0.5 * np.log(np.maximum(1.0, s0 * eps / 10))
        low, high = end - 6.0, end
        for _ in range(7):
            middle = 0.5 * (low + high)
            enough = log_z_and_excess(np.exp(middle)[:, None])[1].real[:, 0] < -_DECAY
            low, high = np.where(enough, low, middle), np.where(enough, middle, high)
        step = np.exp(high) / (_N_NODES - 1)

        u = step[:, None] * np.arange(_N_NODES)  # (n, nodes); u < 0 is the complex conjugate
        log_z, excess = log_z_and_excess(u)
        root, power = np.exp((0.5 * nu) * log_z), np.exp((0.5 * nu) * np.log(scale))  # s^(nu/2) = power root
        weight = np.exp(excess) / (1 + 1j * u)
        weight[:, 0] *= 0.5
        scaled_erfc = sc.wofz(1j * (np.sqrt(q) * power)[:, None] * root)
        density_terms = weight * root
        unit = 2 * step / math.pi
        sf = unit * np.einsum("ij,ij->i", weight, scaled_erfc).real
        density = density_terms.real.sum(axis=1)
        slope = np.einsum("ij,ij,ij->i", density_terms, root, root).real
        return Upper(
            np.where(far, -np.inf, g0 + np.log(sf)),
            np.where(far, np.inf, _SQRT_2_OVER_PI * power * (unit * density / sf)),
            np.where(far, -np.inf, -y * power * power * (slope / density)),
        )

    def _flat(self, log_z: NDArray[np.complex128]) -> NDArray[np.complex128]:
        """(z - 1) - (z^nu - 1)/nu = sum_k L^k (1 - nu^(k-1)) / k!, L = log z small: g(s0 z) - g0 in units of s0.

        Its leading term is eps L^2 / 2; the difference of the two parts would lose it where s0 is large.
        """
        total = np.zeros_like(log_z)
        for k in range(12, 1, -1):
            total = total * log_z - math.expm1((k - 1) * self._log_nu) / math.factorial(k)
        return total * log_z * log_z
