"""The law of |Y| with W Y ~ N(0, 1) for symmetric Weibull weights with theta = 2: the arcsine law."""

from __future__ import annotations

import math

import numpy as np
import scipy.special as sc

from preactivations.pairs._weibull import SQRT2, SQRT2_LOW, Array, Quantile
from preactivations.weights import Size


def _one_minus_q(y: Array) -> Array:
    """1 - y^2/2, without the rounding error of sqrt(2) (the contour multiplies it by up to 1/eps)."""
    return 0.5 * ((SQRT2 - y) + SQRT2_LOW) * (SQRT2 + y)


class ArcsineFactor:
    """theta = 2: |Y| = sqrt(2) |cos U|, P(|Y| <= y) = (2/pi) arcsin(y / sqrt 2) on (0, sqrt 2).

    Everything is written in the smaller of the two probabilities: near sqrt(2), y itself has lost the
    digits that the density needs.
    """

    upper_end = SQRT2
    slope_at_infinity = 0.0
    growth = 0.0

    def cdf(self, y: Array) -> Array:
        return 2 / math.pi * np.arcsin(np.minimum(y / SQRT2, 1.0))

    def logsf(self, y: Array) -> Array:
        # arccos(t) = 2 arcsin(sqrt((1 - t)/2)): no cancellation next to t = 1
        gap = np.maximum(((SQRT2 - y) + SQRT2_LOW) / SQRT2, 0.0)
        with np.errstate(divide="ignore"):
            return np.log(4 / math.pi * np.arcsin(np.sqrt(0.5 * gap)))

    def pdf(self, y: Array) -> Array:
        with np.errstate(divide="ignore"):
            return 2 / math.pi / np.sqrt(np.maximum(2 * _one_minus_q(np.minimum(y, 2.0)), 0.0)) * (y <= SQRT2)

    def dlogpdf(self, y: Array) -> Array:
        return y / (2 * _one_minus_q(y))

    def quantile(self, lower: Array, log_lower: Array, log_upper: Array) -> Quantile:
        upper = np.exp(log_upper)
        small = lower < 0.5
        angle = 0.5 * math.pi * np.where(small, lower, upper)
        sin, cos = np.sin(angle), np.cos(angle)
        y = SQRT2 * np.where(small, sin, cos)
        with np.errstate(divide="ignore"):
            # log sqrt(1 - y^2/2); for an underflowed upper tail sin(pi p/2) = pi p/2
            log_root = np.where(
                small,
                np.log(cos),
                np.where(upper < 1e-100, log_upper + math.log(math.pi / 2), np.log(sin)),
            )
            dlogpdf = 0.5 * y * np.exp(-2 * np.maximum(log_root, -350.0))
        logpdf = math.log(SQRT2 / math.pi) - log_root
        return Quantile(y, logpdf, dlogpdf, np.where(small, np.nan, logpdf - log_upper))

    def moment(self, s: float) -> float:
        return float(2 ** (s / 2) * sc.poch(0.5, s / 2) / sc.gamma(1 + s / 2))

    def sample(self, size: Size, rng: np.random.Generator) -> Array:
        return SQRT2 * np.abs(np.cos(math.pi * rng.random(size)))
