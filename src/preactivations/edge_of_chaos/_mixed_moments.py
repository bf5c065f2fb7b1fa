"""E phi(u_1) phi(u_2) and E phi'(u_1) phi'(u_2) for u ~ N(0, v) with correlation c.

=============================  =====================================================================================
activation                     route
=============================  =====================================================================================
linear on both sides of 0      closed form (Cho & Saul 2009)
erf                            closed form (Williams 1997)
smooth                         Mehler's series: sum_k a_k^2 c^k, a_k the coefficients of phi(sqrt(v) x) in the
                               normalized Hermite polynomials, if 4000 terms hold all but 1e-12 of E phi^2, E phi'^2
others: kinks, large v         quadrature over u_1, and given u_1 over u_2, split at the kinks: the outer panels halve
                               towards every point where the inner mean may bend, so that all c are resolved
=============================  =====================================================================================
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.activations.registry import Activation
from preactivations.edge_of_chaos._gaussian_moments import moments, table
from preactivations.kernels.arc_cosine import angular
from preactivations.quadrature import gauss_legendre

__all__ = ["Mixed", "mixed"]

Array = NDArray[np.float64]

_TERMS = 4000
_REACH, _ORDER = 14, 16  # standard deviations, nodes per panel
_END = 9.0


class Mixed(NamedTuple):
    """Elementwise in c."""

    product: Array  # E phi(u_1) phi(u_2)
    slope_product: Array  # E phi'(u_1) phi'(u_2)


def mixed(activation: Activation, variance: float, correlation: ArrayLike) -> Mixed:
    """Mixed moments for correlations in [-1, 1] at one variance > 0."""
    c = np.asarray(correlation, dtype=np.float64)
    if activation.slopes is not None:
        return _two_slopes(*activation.slopes, variance, c)
    if activation.phi is sc.erf:
        v = variance
        return Mixed(
            2 / math.pi * np.arcsin(2 * v * c / (1 + 2 * v)),
            4 / math.pi / np.sqrt((1 + 2 * v - 2 * v * c) * (1 + 2 * v + 2 * v * c)),
        )
    squares, slopes = _coefficients(activation, variance)
    if squares[-1] < 1e-12 * squares.sum() and slopes[-1] < 1e-12 * slopes.sum() < math.inf:
        polyval = np.polynomial.polynomial.polyval
        return Mixed(np.asarray(polyval(c, squares)), np.asarray(polyval(c, slopes)))
    pairs = np.array([_by_quadrature(activation, variance, float(one)) for one in c.ravel()])
    return Mixed(*pairs.T.reshape(2, *c.shape))


def _two_slopes(left: float, right: float, v: float, c: Array) -> Mixed:
    """phi = right x for x > 0, left x for x < 0."""
    angle = np.arccos(c)  # where signs differ, -u_2 is at the angle pi - angle to u_1
    same, across = left**2 + right**2, 2 * left * right
    product = same * angular(angle, 1) - across * angular(math.pi - angle, 1)
    return Mixed(v * product, same * angular(angle, 0) + across * angular(math.pi - angle, 0))


@functools.lru_cache(maxsize=256)
def _coefficients(activation: Activation, variance: float) -> tuple[Array, Array]:
    """a_k^2 of phi and of phi'; the last one is what is left of E phi^2, so that c = 1 is exact."""
    # panels of 1/4 resolve the polynomials, whose waves are 2 pi / sqrt(k) long
    x, weight = gauss_legendre(np.arange(-_REACH, _REACH + 0.25, 0.25), _ORDER)
    weight = weight * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    values = weight * np.stack(
        [activation.phi(math.sqrt(variance) * x), activation.dphi(math.sqrt(variance) * x)]
    )
    squares = np.empty((2, _TERMS))
    before, h = np.zeros_like(x), np.ones_like(x)
    for k in range(_TERMS):
        squares[:, k] = (values @ h) ** 2
        before, h = h, (x * h - math.sqrt(k) * before) / math.sqrt(k + 1)
    whole = moments(activation, variance)
    series = []
    for row, total in zip(squares, (whole.square, whole.slope_square), strict=True):
        kept = 1 + int(np.flatnonzero(row > 1e-18 * row.sum()).max(initial=0))
        series.append(np.append(row[:kept], max(0.0, float(total) - row[:kept].sum())))
    return series[0], series[1]


def _by_quadrature(activation: Activation, variance: float, c: float) -> tuple[float, float]:
    s = math.sqrt(variance)
    if abs(c) == 1:
        t = table(activation)
        density = t.weight * np.exp(-0.5 * t.u**2 / variance) / (s * math.sqrt(2 * math.pi))
        if c == 1:
            whole = moments(activation, variance)
            return float(whole.square), float(whole.slope_square)
        # the nodes are symmetric about 0 if the kinks are
        phi, dphi = activation.phi(-t.u), activation.dphi(-t.u)
        return float(density @ (t.phi * phi)), float(density @ (t.dphi * dphi))
    spread = math.sqrt((1 - c) * (1 + c))
    kinks = np.unique([0.0, *activation.kinks]) / s  # large variances make the place around 0 steep
    x, weight = _graded(np.concatenate([kinks, kinks[kinks != 0] / c if c else []]))
    # given x, the other is c x + spread y: split where it is at a kink
    bends = np.clip((kinks - c * x[:, None]) / spread, -_END, _END)
    edges = np.concatenate(
        [np.full((x.size, 1), -_END), np.sort(bends, axis=1), np.full((x.size, 1), _END)], axis=1
    )
    near = 4.0 ** -np.arange(5, 0, -1)
    fractions, shares = gauss_legendre(np.concatenate([[0], near, [0.5], 1 - near[::-1], [1]]), 16)
    inner = np.zeros((2, x.size))
    for k in range(edges.shape[1] - 1):
        low, size = edges[:, k, None], np.diff(edges[:, k : k + 2], axis=1)
        for u, share in zip(fractions.reshape(-1, 16), shares.reshape(-1, 16), strict=True):
            y = low + size * u
            density = np.exp(-0.5 * y * y) / math.sqrt(2 * math.pi) * size * share
            other = s * (c * x[:, None] + spread * y)
            inner[0] += np.sum(density * activation.phi(other), axis=1)
            inner[1] += np.sum(density * activation.dphi(other), axis=1)
    return (
        float(weight @ (activation.phi(s * x) * inner[0])),
        float(weight @ (activation.dphi(s * x) * inner[1])),
    )


def _graded(points: Array) -> tuple[Array, Array]:
    """Nodes and weights of E f(X), X ~ N(0, 1), with panels that halve towards each of the points."""
    steps = 0.5 ** np.arange(1, 40)
    near = [p + sign * steps for p in points if abs(p) < _END for sign in (-1, 1)]
    edges = np.unique(np.concatenate([np.linspace(-_END, _END, 37), points, *near]))
    edges = edges[np.abs(edges) <= _END]
    edges = edges[np.concatenate([[True], np.diff(edges) > 1e-13])]
    x, weight = gauss_legendre(edges, 12)
    return x, weight * np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
