"""Edge of Chaos of exact pairs.

For sigma_w^2 + sigma_b^2 = 1 the law N(0, 1) is a fixed point of the layer map of an exact pair at any width (for
independent pre-activations), and the multiplier of small perturbations is

    chi_1(sigma_w) = sigma_w^2 chi,      chi = E W^2 E phi'(G)^2,  G ~ N(0, 1).

The Edge of Chaos is chi_1 = 1 (Poole et al. 2016, Schoenholz et al. 2017).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from preactivations.pairs import GaussianPair
from preactivations.weights import SphericalMarginal

__all__ = ["EocPoint", "eoc_point"]


class EocPoint(NamedTuple):
    """A point of the Edge of Chaos, and chi_1 at sigma_w = 1, sigma_b = 0."""

    sigma_w: float
    sigma_b: float
    chi: float


def eoc_point(pair: GaussianPair) -> EocPoint:
    """The only point of the Edge of Chaos of an odd pair on the circle sigma_w^2 + sigma_b^2 = 1.

    sigma_w^2 = 1 / (E W^2 E phi'(G)^2), sigma_b^2 = 1 - sigma_w^2. By the Gaussian Poincare inequality chi >= 1 for
    odd pairs, so that the point exists and is unique (derived here).

    Raises
    ------
    ValueError
        For positive pairs, which are ordered everywhere on the circle (chi < 1), and for odd spherical pairs with
        b >= 1/2, whose chi is infinite.

    Examples
    --------
    >>> from preactivations.weights import SymmetricWeibull
    >>> point = eoc_point(GaussianPair(SymmetricWeibull(4), "odd"))
    >>> round(point.sigma_w**2 * point.chi, 12)
    1.0
    """
    if pair.kind != "odd":
        raise ValueError(
            f"{pair!r} has no Edge of Chaos with sigma_w^2 + sigma_b^2 = 1: positive pairs are ordered (chi_1 < 1)"
        )
    power = 1.0
    if isinstance(pair.weights, SphericalMarginal):
        b = pair.weights.b
        if b >= 0.5:
            raise ValueError(
                f"{pair!r} has no Edge of Chaos: chi_1 is infinite for b >= 1/2, since phi ~ |x|^(1/(1+2b)) at 0"
            )
        power = (1 - 2 * b) / (1 + 2 * b)  # phi'(x)^2 ~ x^(power - 1): smooth in u = x^power
    u, weight = np.polynomial.legendre.leggauss(400)
    end = 9.0**power
    u, weight = 0.5 * end * (u + 1), 0.5 * end * weight
    x = np.maximum(u ** (1 / power), 1e-250)  # where phi' would overflow the integrand is constant
    density = np.sqrt(2 / math.pi) * np.exp(-0.5 * x * x)  # of |G|
    mean = float(weight @ (pair.dphi(x) ** 2 * density * x ** (1 - power))) / power
    chi = pair.weights.variance * mean
    sigma_w = 1 / math.sqrt(chi)
    return EocPoint(sigma_w, math.sqrt(max(0.0, 1 - sigma_w**2)), chi)
