"""Infinite-width maps of variance and correlation, and the Edge of Chaos of exact pairs.

    v' = sigma_w^2 E W^2 E phi(sqrt(v) G)^2 + sigma_b^2
    c' = (sigma_w^2 E W^2 E phi(sqrt(v) G1) phi(sqrt(v) G2) + sigma_b^2) / v',   corr(G1, G2) = c

(Poole et al. 2016). In the basis of normalized Hermite polynomials h_k the second mean is sum_k a_k^2 c^k with
a_k = E phi(sqrt(v) G) h_k(G) (Mehler's formula).

For sigma_w^2 + sigma_b^2 = 1 the law N(0, 1) is a fixed point of the layer map of an exact pair at any width (for
independent pre-activations), and the multiplier of small perturbations is

    chi_1(sigma_w) = sigma_w^2 chi,      chi = E W^2 E phi'(G)^2,  G ~ N(0, 1).

The Edge of Chaos is chi_1 = 1 (Poole et al. 2016, Schoenholz et al. 2017).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from preactivations.pairs import GaussianPair
from preactivations.weights import SphericalMarginal

__all__ = [
    "EocPoint",
    "correlation_map",
    "eoc_point",
    "fixed_variance",
    "relu_correlation_map",
    "variance_map",
]

Array = NDArray[np.float64]
Activation = Callable[[Array], Array]

_END, _ORDER, _HERMITE = 12.0, 16, 400


@functools.cache
def _normal_nodes() -> tuple[Array, Array]:
    """Nodes and weights of E f(G), f smooth except at 0: panels halve towards 0, where f may have a kink or a cusp."""
    edges = np.concatenate([[0.0], 0.5 ** np.arange(45, 0, -1.0), np.arange(1, 2 * _END + 1) / 2])
    u, weight = np.polynomial.legendre.leggauss(_ORDER)
    half = np.diff(edges) / 2
    x = (edges[:-1] + half)[:, None] + half[:, None] * u
    density = half[:, None] * weight * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    x, density = x.ravel(), density.ravel()
    return np.concatenate([-x[::-1], x]), np.concatenate([density[::-1], density])


def variance_map(
    activation: Activation,
    variance: ArrayLike,
    *,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    weight_variance: float = 1.0,
) -> Array:
    """Variance of the next pre-activations, elementwise in `variance` >= 0.

    `activation` is a float64 map, smooth except at 0.

    Examples
    --------
    >>> relu = lambda x: np.maximum(x, 0)
    >>> round(float(variance_map(relu, 3.0, sigma_w=math.sqrt(2))), 12)
    3.0
    """
    v = np.asarray(variance, dtype=np.float64)
    x, weight = _normal_nodes()
    second = np.square(activation(np.sqrt(v)[..., None] * x)) @ weight
    return np.asarray(sigma_w**2 * weight_variance * second + sigma_b**2)


def fixed_variance(
    activation: Activation,
    *,
    start: float = 1.0,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    weight_variance: float = 1.0,
) -> float:
    """Variance to which the map converges from `start`: a stable fixed point, to 12 digits.

    Raises
    ------
    ValueError
        If it does not converge to a positive number in 10 000 steps.

    Examples
    --------
    >>> round(fixed_variance(np.tanh, sigma_w=math.sqrt(1.46), sigma_b=math.sqrt(0.013)), 4)
    0.3029
    """
    v = start
    for _ in range(10_000):
        after = float(
            variance_map(activation, v, sigma_w=sigma_w, sigma_b=sigma_b, weight_variance=weight_variance)
        )
        if abs(after - v) <= 1e-13 * v:
            return after
        v = after
    raise ValueError(f"the variance has not converged from {start:g}: it is {v:g} after 10000 layers")


def correlation_map(
    activation: Activation,
    correlation: ArrayLike,
    variance: float,
    *,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    weight_variance: float = 1.0,
    layers: int | None = None,
) -> Array:
    """Correlation of the next pre-activations of two inputs, elementwise in `correlation`.

    `variance` is that of both inputs. With `layers` the map is applied so many times, `variance` being a fixed point of
    the variance map, and the result has a new first axis.

    400 terms of the series; what is left of E phi^2 counts as one term more, so that c = 1 is mapped to 1 exactly. For
    smooth activations it is rounding; for a kink it is of the order of 400^(-3/2): see `relu_correlation_map`.

    Raises
    ------
    ValueError
        For correlations outside [-1, 1] or a variance that is not positive.

    Examples
    --------
    >>> correlation_map(lambda x: x, [0.5, 1.0], 1.0).round(12).tolist()
    [0.5, 1.0]
    """
    c = _correlations(correlation)
    if not variance > 0:
        raise ValueError(f"variance must be > 0, got {variance}")
    x, weight = _normal_nodes()
    y = np.asarray(activation(math.sqrt(variance) * x))
    squares = np.empty(_HERMITE + 1)
    before, h = np.zeros_like(x), np.ones_like(x)
    for k in range(_HERMITE):
        squares[k] = float(weight @ (y * h)) ** 2
        before, h = h, (x * h - math.sqrt(k) * before) / math.sqrt(k + 1)
    second = float(weight @ (y * y))
    squares[_HERMITE] = max(0.0, second - squares[:_HERMITE].sum())
    scale = sigma_w**2 * weight_variance
    through = []
    for _ in range(1 if layers is None else layers):
        mixed = np.polynomial.polynomial.polyval(np.clip(c, -1, 1), squares)
        c = np.asarray((scale * mixed + sigma_b**2) / (scale * second + sigma_b**2))
        through.append(c)
    return c if layers is None else np.stack(through)


def _correlations(values: ArrayLike) -> Array:
    c = np.asarray(values, dtype=np.float64)
    if not np.all(np.abs(c) <= 1):
        raise ValueError(f"correlations lie in [-1, 1], got {c[~(np.abs(c) <= 1)].ravel()[0]}")
    return c


def relu_correlation_map(correlation: ArrayLike) -> Array:
    """`correlation_map` of ReLU without bias, any variance: (sqrt(1 - c^2) + c (pi - arccos c)) / pi (Cho & Saul 2009).

    Examples
    --------
    >>> relu_correlation_map([-1.0, 1.0]).round(12).tolist()
    [0.0, 1.0]
    """
    c = _correlations(correlation)
    return np.asarray((np.sqrt((1 - c) * (1 + c)) + c * (math.pi - np.arccos(c))) / math.pi)


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
