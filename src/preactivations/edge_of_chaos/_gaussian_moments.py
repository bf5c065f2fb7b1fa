"""E phi(u)^2, E phi'(u)^2 and d/dv E phi(u)^2 for u ~ N(0, v), any v, from one evaluation of the activation.

phi and phi' are evaluated once, on the nodes of panels that halve towards 0, are 1/4 wide on (1/4, 12) and double
beyond, split at the kinks, with 16 Gauss-Legendre nodes each: 4 000 nodes from 2^-60 to 1e7. A variance then only
changes the weights. The panels resolve the Gaussian of every v from 1e-14 to 1e10, a cusp |x|^power or an oscillation
in log|x| at 0, and activations that are analytic in a strip about the real line. What is left out below 2^-60 is added
in closed form from the power of phi at 0.

Relative error, against closed forms and adaptive quadrature: below 1e-12 (tests/library/edge_of_chaos).
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.activations.registry import Activation
from preactivations.quadrature import gauss_legendre

__all__ = ["GRID", "Moments", "Table", "grid_moments", "moments", "table"]

Array = NDArray[np.float64]

_SMALLEST = 2.0**-60
_ORDER = 16
_CHUNK = 64  # variances at once

#: Variances on which moments are tabulated, 48 per unit of log v.
GRID = np.exp(np.linspace(math.log(1e-12), math.log(1e9), 2322))


class Moments(NamedTuple):
    """Of u ~ N(0, v), elementwise in v."""

    square: Array  # E phi(u)^2
    slope_square: Array  # E phi'(u)^2
    derivative: Array  # d/dv E phi(u)^2 = E u phi(u) phi'(u) / v


class Table(NamedTuple):
    """The activation on the nodes, with the weights of the Gauss-Legendre rule."""

    u: Array
    weight: Array
    phi: Array
    dphi: Array


@functools.lru_cache(maxsize=64)
def table(activation: Activation) -> Table:
    """The activation on the nodes of all panels; kept, since exact activations take 30 microseconds per point."""
    octaves = 0.25 * 2.0 ** np.arange(-58, 0)
    right = np.concatenate([octaves, np.arange(1, 48) / 4, 12 * 2.0 ** np.arange(21)])
    edges = np.unique(np.concatenate([-right, right, [k for k in activation.kinks if k != 0]]))
    x, weight = gauss_legendre(edges, _ORDER)
    outside = np.abs(x) > _SMALLEST  # the panel over 0 is added by hand
    x, weight = x[outside], weight[outside]
    with np.errstate(over="ignore", under="ignore"):
        return Table(x, weight, activation.phi(x), activation.dphi(x))


@functools.lru_cache(maxsize=64)
def grid_moments(activation: Activation) -> Moments:
    """Moments at the variances `GRID`."""
    return moments(activation, GRID)


def moments(activation: Activation, variance: ArrayLike) -> Moments:
    """Moments for each variance > 0; `slope_square` is infinite where phi ~ |x|^power at 0 with power <= 1/2."""
    v = np.asarray(variance, dtype=np.float64)
    if activation.slopes is not None:
        half = sum(slope**2 for slope in activation.slopes) / 2
        return Moments(half * v, np.full_like(v, half), np.full_like(v, half))
    if activation.phi is sc.erf:
        # Williams 1997
        return Moments(
            2 / math.pi * np.arcsin(2 * v / (1 + 2 * v)),
            4 / math.pi / np.sqrt(1 + 4 * v),
            4 / math.pi / ((1 + 2 * v) * np.sqrt(1 + 4 * v)),
        )
    t = table(activation)
    integrands = np.stack([t.phi**2, t.dphi**2, t.u * t.phi * t.dphi])
    integrands *= t.weight
    half_square, flat = 0.5 * t.u**2, v.ravel()
    out = np.empty((3, flat.size))
    for start in range(0, flat.size, _CHUNK):
        part = flat[start : start + _CHUNK]
        # exp(-700) is as good as 0, and numbers that underflow take ten times longer
        density = np.exp(np.maximum(half_square / -part[:, None], -700.0))
        out[:, start : start + _CHUNK] = integrands @ density.T / np.sqrt(2 * math.pi * part)
    square, slope_square, derivative = out.reshape(3, *v.shape)
    if activation.power <= 0.5:
        slope_square = np.full_like(v, math.inf)
    else:
        ends = np.abs(np.stack([-1.0, 1.0]) * _SMALLEST)
        tail = float(np.sum(activation.dphi(np.array([-1.0, 1.0]) * ends) ** 2)) * _SMALLEST
        tail /= 2 * activation.power - 1
        slope_square = slope_square + tail / np.sqrt(2 * math.pi * v)
    return Moments(square, slope_square, derivative / v)
