"""Two inputs through a layer of a ReLU network of any width: moments of their Gram matrix, their correlation."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.kernels.arc_cosine import angular, rectified
from preactivations.real import real_array
from preactivations.relu_law.norm_factor import NormFactor
from preactivations.special import binomial_given_positive

__all__ = ["PairMoments", "log_angle_drift", "mean_correlation", "pair_moments"]

Array = NDArray[np.float64]


class PairMoments(NamedTuple):
    """Moments of the Gram matrix of two inputs after a layer."""

    mean: Array  # E <x', y'>
    variance: Array  # Var <x', y'>
    mean_squares: tuple[Array, Array]  # E |x'|^2, E |y'|^2
    covariance_of_squares: Array  # Cov(|x'|^2, |y'|^2)


def pair_moments(
    width: int, s_x: ArrayLike, s_y: ArrayLike, angle: ArrayLike, slope: float = 0.0
) -> PairMoments:
    """Two inputs through one layer, given s_x^2 = v |x|^2 + sigma_b^2, s_y and the angle of their pre-activations.

    ReLU: E<x', y'> = n s_x s_y k_1, Var = n s_x^2 s_y^2 (k_2 - k_1^2), Cov(|x'|^2, |y'|^2) = n s_x^2 s_y^2 (k_2 - 1/4),
    k_p the angular functions of `kernels.arc_cosine`. Leaky ReLU: with slope a, E phi(h) phi(g) = a cos + (1 - a)^2 k_1
    and E phi(h)^2 phi(g)^2 = a^2 (1 + 2 cos^2) + (1 - a^2)^2 k_2 for unit variances.

    Raises
    ------
    ValueError
        For a width below 1 or an angle outside [0, pi].
    """
    if width < 1:
        raise ValueError(f"width must be at least 1, got {width}")
    s_x, s_y, angle = real_array("s_x", s_x), real_array("s_y", s_y), real_array("angle", angle)
    first, second = rectified(angle, slope, 1), rectified(angle, slope**2, 2)
    half = (1 + slope**2) / 2
    scale = width * s_x**2 * s_y**2
    return PairMoments(
        width * s_x * s_y * first,
        scale * (second - first**2),
        (width * half * s_x**2, width * half * s_y**2),
        scale * (second - half**2),
    )


def log_angle_drift(width: int, slope: float = 0.0) -> float:
    """E log(angle'/angle) in one layer for a small angle: [E psi((K-1)/2) - E psi(K/2)]/2 given K >= 2, about -1/n.

    Mean field says 0 to this order. ReLU: K ~ Binomial(n, 1/2); linear: K = n.

    Raises
    ------
    ValueError
        For a width below 2, or a slope other than 0, 1, -1.
    """
    if width < 2:
        raise ValueError(f"width must be at least 2, or there is no angle, got {width}")
    if abs(slope) == 1:
        k, w = np.array([float(width)]), np.ones(1)
    elif slope == 0:
        k, w = binomial_given_positive(width, 0.5)
        k, w = k[k > 1], w[k > 1]
    else:
        raise ValueError(f"slope must be 0, 1 or -1, got {slope}: leaky ReLU has no closed form here")
    return float(w @ (sc.digamma((k - 1) / 2) - sc.digamma(k / 2)) / (2 * w.sum()))


def mean_correlation(width: int, correlation: ArrayLike, slope: float = 0.0) -> Array:
    """E[cos angle' | cos angle = correlation], both inputs alive, after one layer of `width` neurons without bias.

    With 1/|x| = int s^(-1/2) exp(-s |x|^2) ds / sqrt(pi) the mean of <x', y'>/(|x'| |y'|) is

        (n/pi) int int (s t)^(-1/2) A(s, t) B(s, t)^(n-1) ds dt,
        A = E phi(h) phi(g) exp(-s phi(h)^2 - t phi(g)^2),   B = E exp(-s phi(h)^2 - t phi(g)^2),

    A and B closed, a sum over the signs of h and g. The trapezoidal rule in (log s, log t) converges exponentially.
    The limit of infinite width is the mean-field map.

    Raises
    ------
    ValueError
        For correlations outside [-1, 1] or a width below 2.
    """
    c = np.atleast_1d(real_array("correlation", correlation))
    if not (abs(c) <= 1).all():
        raise ValueError(f"correlation must be in [-1, 1], got {c}")
    if width < 2:
        raise ValueError(f"width must be at least 2, got {width}")
    NormFactor(width, slope)  # its checks
    reach = 60.0 + (2 * abs(math.log(abs(slope))) if slope else 0.0)  # sqrt(s) falls below 1e-13
    u = np.linspace(-reach - math.log(width), reach, math.ceil((2 * reach + math.log(width)) / 0.37))
    s = np.exp(u)
    weight = np.sqrt(s) * (u[1] - u[0])
    found = np.array([_mean_correlation(width, value, slope, s, weight) for value in c.ravel()])
    return found.reshape(np.shape(correlation))


def _mean_correlation(n: int, c: float, slope: float, s: Array, weight: Array) -> float:
    a, b = np.zeros((s.size, s.size)), np.zeros((s.size, s.size))
    for k_x, k_y, sign in ((1.0, 1.0, 1), (slope, slope, 1), (1.0, slope, -1), (slope, 1.0, -1)):
        first, zeroth = _orthant(sign * c, k_x**2 * s[:, None], k_y**2 * s)
        a += k_x * k_y * sign * first
        b += zeroth
    # for both to be dead the pair of every neuron is negative, probability k_0
    alive = 1 - 2 * 2.0**-n + float(angular(math.acos(c), 0)) ** n if slope == 0 else 1.0
    with np.errstate(under="ignore"):
        total = weight @ (a * b ** (n - 1)) @ weight
    return float(n / math.pi * total / alive)


def _orthant(c: float, s: Array, t: Array) -> tuple[Array, Array]:
    """E[h g e], E[e] over h, g > 0, e = exp(-s h^2 - t g^2), for unit variances and correlation c.

    exp(-s h^2 - t g^2) makes of N(0, C) a multiple of N(0, C'), C'^-1 = C^-1 + 2 diag(s, t).
    """
    left = 1 - c * c
    det = 1 + 2 * s + 2 * t + 4 * s * t * left  # of 1 + 2 C diag(s, t)
    off = c / det  # of C'; det C' = left / det
    angle = np.arctan2(np.sqrt(left / det), off)
    deviations = np.sqrt(off**2 + left / det)  # product of both
    scale = 1 / np.sqrt(det)
    return scale * deviations * angular(angle, 1), scale * angular(angle, 0)
