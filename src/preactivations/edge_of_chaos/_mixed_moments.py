"""E phi(u_1) phi(u_2) and its slope v E phi'(u_1) phi'(u_2) / v = d/dc for u ~ N(0, v) with correlation c.

=============================  =====================================================================================
activation                     route
=============================  =====================================================================================
linear on both sides of 0      closed form (Cho & Saul 2009)
erf                            closed form (Williams 1997)
others                         Mehler's series: sum_k a_k^2 c^k, a_k the coefficients of phi(sqrt(v) x) in the
                               normalized Hermite polynomials; its derivative is the slope, jumps of phi included. Up
                               to 4000 terms hold all but 1e-12 of smooth activations at any c, of all others for
                               |c| < .99
others, |c| near 1             quadrature over u_1, and given u_1 over u_2 with panels that are graded towards kinks;
                               compared with the series at the largest |c| that both can reach
=============================  =====================================================================================
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from preactivations.activations.registry import REGISTRY, Activation
from preactivations.edge_of_chaos._gaussian_moments import moments, nodes_for
from preactivations.edge_of_chaos._panels import LOWEST, Unresolved, jumps, panels
from preactivations.kernels.arc_cosine import angular
from preactivations.quadrature import gauss_legendre

__all__ = ["Mixed", "mixed"]

Array = NDArray[np.float64]

_TERMS = 4000
_EXACT = 1e-12  # what the series may leave out, relative
_END = 9.0  # standard deviations


class Mixed(NamedTuple):
    """Elementwise in c."""

    product: Array  # E phi(u_1) phi(u_2)
    slope_product: Array  # E phi'(u_1) phi'(u_2), infinite at c = 1, and may be at -1, where phi jumps


def mixed(activation: Activation, variance: float, correlation: ArrayLike) -> Mixed:
    """Mixed moments for correlations in [-1, 1] at one variance > 0; ValueError where they can't be resolved."""
    c = np.asarray(correlation, dtype=np.float64)
    if activation.slopes is not None:
        return _two_slopes(*activation.slopes, variance, c)
    if activation.phi is REGISTRY["erf"].phi:
        v = variance
        return Mixed(
            2 / math.pi * np.arcsin(2 * v * c / (1 + 2 * v)),
            4 / math.pi / np.sqrt((1 + 2 * v * (1 - c)) * (1 + 2 * v * (1 + c))),
        )
    if float(moments(activation, variance).square) == 0:
        return Mixed(np.zeros_like(c), np.zeros_like(c))
    series = _series(activation, variance)
    product, slope = series.at(c)
    for where in map(tuple, np.argwhere(np.abs(c) > series.reach)):
        product[where], slope[where] = _near_one(activation, variance, float(c[where]))
    return Mixed(product, slope)


def _two_slopes(left: float, right: float, v: float, c: Array) -> Mixed:
    """phi = right x for x > 0, left x for x < 0."""
    angle = np.arccos(c)  # where signs differ, -u_2 is at the angle pi - angle to u_1
    same, across = left**2 + right**2, 2 * left * right
    product = same * angular(angle, 1) - across * angular(math.pi - angle, 1)
    return Mixed(v * product, same * angular(angle, 0) + across * angular(math.pi - angle, 0))


class _Series(NamedTuple):
    squares: Array  # a_k^2
    slopes: Array  # (k + 1) a_{k+1}^2 / v, the coefficients of the slope
    reach: float  # largest |c| at which they suffice

    def at(self, c: Array) -> tuple[Array, Array]:
        polyval = np.polynomial.polynomial.polyval
        return np.array(polyval(c, self.squares)), np.array(polyval(c, self.slopes))


@functools.lru_cache(maxsize=256)
def _series(activation: Activation, variance: float) -> _Series:
    # panels of 1/4 resolve the polynomials, whose waves are 2 pi / sqrt(k) long
    at = nodes_for(activation, variance, 0.25)
    x = at.u / math.sqrt(variance)
    # Hermite functions: the polynomials alone overflow
    h = np.exp(-0.25 * x * x)
    values = at.weight * at.phi * h / math.sqrt(2 * math.pi * variance)
    squares, before = np.empty(_TERMS + 1), np.zeros_like(x)
    for k in range(_TERMS + 1):
        squares[k] = (values @ h) ** 2
        before, h = h, (x * h - math.sqrt(k) * before) / math.sqrt(k + 1)
    whole = moments(activation, variance)
    slopes = np.arange(1, _TERMS + 1) * squares[1:] / variance
    rest = max(0.0, float(whole.square) - squares.sum())
    slope_rest = max(0.0, float(whole.slope_square) - slopes.sum())
    if rest <= _EXACT * whole.square and slope_rest <= 10 * _EXACT * whole.slope_square < math.inf:
        kept = 2 + int(np.flatnonzero(squares > 1e-18 * squares.sum()).max(initial=0))
        squares, slopes, reach = squares[:kept], slopes[: kept - 1], 1.0
        # what is left goes into a last term, so that c = 1 is exact
        rest = max(0.0, float(whole.square) - squares.sum())
        slope_rest = max(0.0, float(whole.slope_square) - slopes.sum())
        return _Series(np.append(squares, rest), np.append(slopes, slope_rest), reach)
    # the terms left out add up to at most |c|^4000 times their sum; those of the slope have a factor k more
    size = variance * float(slopes @ 0.99 ** np.arange(_TERMS))
    left_out = _TERMS * rest / max(min(size, float(whole.square)), 1e-30 * float(whole.square))
    return _Series(squares, slopes, math.exp(min(0.0, math.log(_EXACT / left_out)) / _TERMS))


# -- |c| near 1 ------------------------------------------------------------------------------------


def _density(u: ArrayLike, s: float) -> Array:
    """Of N(0, s^2)."""
    z = np.asarray(u) / s
    return np.asarray(np.exp(-0.5 * z * z) / (s * math.sqrt(2 * math.pi)))


class _Side(NamedTuple):
    """What is integrated over one of the two: phi, or its mirror image."""

    values: Callable[[Array], tuple[Array, Array]]  # phi and phi'
    points: Array  # where it may bend: the kinks and 0
    jumps: tuple[tuple[float, float], ...]  # places and sizes
    smooth: float  # distance from the points up to which panels may be wide
    end: float  # |u| beyond which it does not matter
    edges: Array  # of the panels


def _near_one(activation: Activation, v: float, c: float) -> tuple[float, float]:
    if c == 1:
        whole = moments(activation, v)
        return float(whole.square), float(whole.slope_square)
    one = _side(activation, v)
    other = one if c > 0 else _mirrored(one)
    if c == -1:
        return _opposite(activation, one, other, v)
    _compare(activation, v, c > 0)
    product, slope = _nested(one, other, v, abs(c))
    return product, slope if c > 0 else -slope


@functools.lru_cache(maxsize=256)
def _compare(activation: Activation, v: float, positive: bool) -> None:
    """Quadrature and series at the largest |c| that the series reaches: ValueError unless they agree."""
    series = _series(activation, v)
    one = _side(activation, v)
    sign = 1 if positive else -1
    expected, expected_slope = (float(x) for x in series.at(np.asarray(sign * series.reach)))
    product, slope = _nested(one, one if positive else _mirrored(one), v, series.reach)
    size, slope_size = float(series.squares.sum()), float(series.at(np.asarray(series.reach))[1])
    if abs(product - expected) > 1e-10 * size or abs(sign * slope - expected_slope) > 1e-9 * slope_size:
        raise Unresolved(
            f"{activation.name} varies too fast for correlations with {series.reach:.4f} < |c| < 1 at variance {v:g}"
        )


@functools.lru_cache(maxsize=256)
def _side(activation: Activation, v: float) -> _Side:
    reach = float(np.abs(nodes_for(activation, v, 0.25).u).max())
    polynomials = panels(activation, math.ceil(math.log2(1.1 * reach)))
    order = np.argsort(polynomials.ends[:, 0])
    left, right = polynomials.ends[order].T
    first = np.where(left == 2.0**LOWEST, 0.0, left)  # phi is constant below the first panel
    phi, dphi = polynomials.phi[order].T, polynomials.dphi[order].T

    def values(u: Array) -> tuple[Array, Array]:
        k = np.clip(np.searchsorted(first, u, side="right") - 1, 0, left.size - 1)
        t = np.clip((2 * u - left[k] - right[k]) / (right[k] - left[k]), -1.0, 1.0)
        value = np.polynomial.legendre.legval(t, phi[:, k], tensor=False)
        return value, np.polynomial.legendre.legval(t, dphi[:, k], tensor=False)

    points = np.unique([0.0, *activation.kinks])
    return _Side(
        values,
        points,
        tuple((jump.at, jump.right - jump.left) for jump in jumps(activation)),
        _smooth(values, points, math.sqrt(v)),
        reach,
        left,
    )


def _smooth(values: Callable[[Array], tuple[Array, Array]], points: Array, most: float) -> float:
    """Largest most / 2^k so that phi and phi' are polynomials up to there on each side of the points; 0 if none is."""
    t, w = np.polynomial.legendre.leggauss(16)
    to_last = np.polynomial.legendre.legvander(t, 15)[:, -3:] * w[:, None] * 15
    size = start = max(most * 0.5**31, 2.0 ** (LOWEST + 8))
    while size < most:
        u = points[:, None, None] + np.array([-1.0, 1.0])[:, None] * size * (1 + t)
        if not all(np.abs(f @ to_last).max() <= 1e-10 * np.abs(f).max() for f in values(u)):
            break
        size *= 2
    return size if size > start else 0.0


def _mirrored(side: _Side) -> _Side:
    """u -> phi(-u)."""

    def values(u: Array) -> tuple[Array, Array]:
        phi, dphi = side.values(-u)
        return phi, -dphi

    jumps = tuple((-at, -size) for at, size in side.jumps)
    return side._replace(values=values, points=np.sort(-side.points) + 0.0, jumps=jumps)


def _nested(one: _Side, other: _Side, v: float, c: float) -> tuple[float, float]:
    """E f(u_1) g(u_2) and E f'(u_1) g'(u_2) for 0 < c < 1."""
    s = math.sqrt(v)
    spread = s * math.sqrt((1 - c) * (1 + c))
    tiny = 2.0**-20 * spread
    one, other = (_without_cusp(side, tiny) for side in (one, other))
    # f bends at its points, the mean of g given u_1 where this is on the way to those of g
    finest = max(tiny, min(one.smooth / 8, spread))
    u, weight = _graded((one.points, finest), (other.points / c, spread / 8), s, one.end)
    phi, dphi = one.values(u)
    weight = weight * _density(u, s)
    mean, mean_slope = _given(other, c * u, spread)
    product = float(weight @ (phi * mean))
    slope = float(weight @ (dphi * mean_slope))
    for side, opposite in ((one, other), (other, one)):
        for at, size in side.jumps:
            slope += size * float(_density(at, s)) * float(_given(opposite, np.array([c * at]), spread)[1][0])
    for at, size in one.jumps:
        for to, step in other.jumps:
            exponent = ((at - to) ** 2 + 2 * (1 - c) * at * to) / (2 * spread**2)
            slope += size * step * math.exp(-exponent) / (2 * math.pi * s * spread)
    return product, slope


def _without_cusp(side: _Side, tiny: float) -> _Side:
    """Where phi is not smooth next to 0, phi' within `tiny` of 0 is taken for a jump: right to second order."""
    if side.smooth:
        return side

    def values(u: Array) -> tuple[Array, Array]:
        phi, dphi = side.values(u)
        return phi, np.where(np.abs(u) < tiny, 0.0, dphi)

    ends = side.values(np.array([-tiny, tiny]))[0]
    points = np.unique([-tiny, tiny, *side.points[side.points != 0]])
    steps = (*((at, size) for at, size in side.jumps if at), (0.0, float(ends[1] - ends[0])))
    return side._replace(values=values, points=points, jumps=steps)


def _given(side: _Side, mean: Array, spread: float) -> tuple[Array, Array]:
    """E f(u) and E f'(u) for u ~ N(mean, spread^2), shape of `mean`."""
    bends = (side.points - mean[:, None]) / spread  # (n, points)
    near = np.any(np.abs(bends) < _END, axis=1)
    out = np.zeros((2, mean.size))
    # panels halve towards bends, down to where phi is smooth
    levels = int(np.clip(math.ceil(math.log2(_END * 4 * spread / max(side.smooth, 1e-300))), 3, 25))
    steps = 0.5 ** np.arange(levels, 0, -1)
    for which in (~near, near):
        at = np.flatnonzero(which)
        inner = np.clip(bends[at], -_END, _END) if which is near else np.empty((at.size, 0))
        edges = np.column_stack([np.full(at.size, -_END), np.sort(inner, axis=1), np.full(at.size, _END)])
        last = edges.shape[1] - 2
        for k in range(last + 1):
            halved = [steps for _ in range(k > 0)] + [1 - steps for _ in range(k < last)]
            rule = gauss_legendre(np.unique(np.concatenate([np.linspace(0, 1, 5), *halved])), 16)
            some = np.flatnonzero(edges[:, k + 1] > edges[:, k])
            low, size = edges[some, k, None], np.diff(edges[some, k : k + 2], axis=1)
            for part, share in zip(rule[0].reshape(-1, 16), rule[1].reshape(-1, 16), strict=True):
                y = low + size * part
                density = _density(y, 1.0) * size * share
                for row, f in zip(out, side.values(mean[at[some], None] + spread * y), strict=True):
                    row[at[some]] += np.sum(density * f, axis=1)
    return out[0], out[1]


def _graded(
    own: tuple[Array, float], others: tuple[Array, float], s: float, end: float
) -> tuple[Array, Array]:
    """Nodes and weights out to `end`: panels of s / 2 that halve towards points down to a size, `own` being edges."""
    edges = np.unique(np.clip(own[0], -end, end))
    more = [np.linspace(-end, end, 1 + math.ceil(4 * end / s))]
    for points, finest in (own, others):
        steps = s / 2 * 0.5 ** np.arange(1, max(2, math.ceil(math.log2(s / finest)) + 1))
        more += [points, (points[:, None, None] + np.array([-1.0, 1.0])[:, None] * steps).ravel()]
    new, gap = np.unique(np.concatenate(more)), own[1] / 8
    new = new[np.concatenate([[True], np.diff(new) > gap])]
    new = new[(np.abs(new) <= end) & (np.abs(new[:, None] - edges).min(axis=1) > gap)]
    return gauss_legendre(np.sort(np.concatenate([edges, new])), 16)


def _opposite(activation: Activation, one: _Side, other: _Side, v: float) -> tuple[float, float]:
    """c = -1: E phi(u) phi(-u) and E phi'(u) phi'(-u), on the panels of phi and of its mirror image."""
    s = math.sqrt(v)
    edges = np.unique(np.concatenate([np.abs(one.edges), np.arange(0, one.end, s / 2), [one.end]]))
    u, weight = gauss_legendre(edges[(edges > 0) & (edges <= one.end)], 16)
    # both signs of u give the same
    weight = 2 * weight * _density(u, s)
    (phi, dphi), (image, slope) = one.values(u), other.values(u)
    product = float(weight @ (phi * image))
    lowest = 2.0**LOWEST
    at_zero = activation.dphi(np.array([-lowest, lowest]))
    steps = {jump.at: jump.right - jump.left for jump in jumps(activation)}
    # the coefficient of what diverges for c -> -1
    infinite = sum(steps[at] * steps.get(-at, 0.0) * float(_density(at, s)) for at in steps)
    if infinite:
        return product, math.copysign(math.inf, infinite)
    if activation.power <= 0.5:
        return product, math.copysign(math.inf, at_zero[0] * at_zero[1])
    total = -float(weight @ (dphi * slope))
    total += 2 * lowest * at_zero[0] * at_zero[1] / (2 * activation.power - 1) * float(_density(0.0, s))
    for at, size in steps.items():
        total += 2 * size * float(_density(at, s)) * float(activation.dphi(np.array([-at]))[0])
    return product, total
