"""What is tabulated of an exact pair: its values, and the leading terms of its coupling far out.

    phi = kappa (x^2 + beta log x + c)^(p/2),

with kappa and c such that phi and phi' are continuous at 12: p = 1 - 2/theta, beta = -2 for Weibull weights
(theta = 2: constant), p = 1, beta = 4b for spherical ones. Far to the left the positive kind is proportional to
P(N < x) for Weibull weights and to P(N < x)^(1/(1+2b)) for spherical ones.
"""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING

import numpy as np
import scipy.special as sc
from numpy.typing import NDArray

from preactivations.pairs._tabulate import tabulate
from preactivations.pairs.table import EDGE, TabulatedActivation
from preactivations.weights import SphericalMarginal, SymmetricWeibull

if TYPE_CHECKING:
    from preactivations.pairs.gaussian import GaussianPair

Array = NDArray[np.float64]


class ExactSource:
    """f of an exact pair."""

    route = "exact"

    def __init__(self, pair: GaussianPair) -> None:
        self.pair, self.kind, self.weights = pair, pair.kind, pair.weights
        self.power, self.growth, self.kinks = pair.power, pair.growth, pair.kinks
        self.slopes = (pair.slope_at_infinity if pair.kind == "odd" else 0.0, pair.slope_at_infinity)
        limit = float(pair.phi(math.inf))
        self.limit = limit if pair.kind == "odd" else math.log(limit)

    def __repr__(self) -> str:
        return repr(self.pair)

    def derivatives(self, x: Array) -> Array:
        f = self.pair.derivatives(x)
        return f if self.kind == "odd" else _of_logarithm(f)

    def steep(self, x: Array, width: Array) -> Array:
        quantile = self.pair._quantile(x)
        slope = self.pair._dphi(x, quantile)
        # phi' overflows next to the smallest numbers: there it is that of a power of x
        overflown = np.isinf(slope)
        first = np.where(
            overflown, self.power * (width / x) * quantile.y, np.where(overflown, 0.0, slope) * width
        )
        return np.stack([quantile.y, first, first * (-x * width - quantile.dlogpdf * first)])

    def far(self, x: Array, *, left: bool) -> Array:
        phi = self.pair.phi(-x if left else x)
        if self.kind == "odd":
            return phi
        there = phi > 1e-250
        out = np.log(phi, where=there, out=np.empty_like(x))
        if not there.all():
            out[~there] = self._left(x[~there], x[~there], float(x[there].max()))[0]
        return out

    def tail(self, x: Array, width: Array, *, left: bool) -> Array:
        if left:
            return self._left(x, width, EDGE)
        return self._right(x, width)

    def _right(self, x: Array, width: Array) -> Array:
        """By the leading terms."""
        pair = self.pair
        value, slope = float(pair.phi(EDGE)), float(pair.dphi(EDGE))
        match pair.weights:
            case SphericalMarginal(b=b):
                p, beta = 1.0, 4 * b
            case SymmetricWeibull(theta=theta):
                p, beta = 1 - 2 / theta, -2.0
            case other:
                raise TypeError(f"no tail is known for {other!r}")
        if p == 0:
            f, df, d2f = np.full_like(x, math.log(value)), np.zeros_like(x), np.zeros_like(x)
        else:
            square = 0.5 * p * (2 * EDGE + beta / EDGE) * value / slope
            c = square - EDGE**2 - beta * math.log(EDGE)
            w = (beta * np.log(x) + c) / x / x  # phi = value (x^2 (1 + w) / square)^(p/2): no overflow
            f = math.log(value) + p * (np.log(x / math.sqrt(square)) + 0.5 * np.log1p(w))
            # derivatives of log phi, times the width of the piece
            r = width / x
            df = p * r * (1 + 0.5 * beta / x / x) / (1 + w)
            d2f = p * r * r * (1 - 0.5 * beta / x / x) / (1 + w) - 2 * df * df / p
        if pair.kind == "positive":
            return np.stack([f, df, d2f])
        phi = np.exp(np.minimum(f, math.log(np.finfo(np.float64).max)))
        return np.stack([phi, phi * df, phi * (d2f + df * df)])

    def _left(self, x: Array, width: Array, at: float) -> Array:
        """By what log phi(-x) is proportional to, with its value at -`at`."""
        power = 1 / (1 + 2 * self.weights.b) if isinstance(self.weights, SphericalMarginal) else 1.0
        shift = math.log(float(self.pair.phi(-at))) - power * float(sc.log_ndtr(-at))
        vanished = x > 1e5  # phi has underflowed long before, and x^2 must not overflow
        x, width = np.where(vanished, 1e5, x), np.where(vanished, 0.0, width)
        log_tail = sc.log_ndtr(-x)
        # hazard of the normal law = x + 1/x - 2/x^3 + ..., and its derivative
        exact = np.exp(
            -0.5 * np.minimum(x, 100) ** 2 - 0.5 * math.log(2 * math.pi) - np.maximum(log_tail, -5100)
        )
        far = x > 100
        hazard = np.where(far, x + 1 / x - 2 / x**3, exact)
        curvature = np.where(far, 1 - 1 / x**2 + 6 / x**4, exact * (exact - x))
        return np.stack([power * log_tail + shift, -power * hazard * width, -power * curvature * width**2])


def _of_logarithm(f: Array) -> Array:
    """Derivatives of log phi from those of phi."""
    ratio = f[1] / f[0]
    return np.stack([np.log(f[0]), ratio, f[2] / f[0] - ratio**2])


@functools.lru_cache(maxsize=64)
def exact_table(pair: GaussianPair) -> TabulatedActivation:
    """The table of an exact pair, kept."""
    return tabulate(ExactSource(pair))
