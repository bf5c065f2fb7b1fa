"""Fixed points of the maps of variance and correlation."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from preactivations.activations.describe import AnyActivation, describe
from preactivations.activations.registry import Activation
from preactivations.edge_of_chaos._gaussian_moments import GRID, grid_moments, moments, raw_moments
from preactivations.edge_of_chaos._mixed_moments import mixed
from preactivations.edge_of_chaos._panels import jumps
from preactivations.edge_of_chaos.maps import checked_variances, scale_of

__all__ = [
    "EDGE",
    "CorrelationPoint",
    "VariancePoint",
    "correlation_fixed_points",
    "fixed_points",
    "fixed_variance",
]

Array = NDArray[np.float64]

EDGE = 1e-9  # |chi_1 - 1| below which a point is on the edge
_FIXED = 1e-13  # |v'/v - 1| of a fixed point


class VariancePoint(NamedTuple):
    """A fixed point of the variance map; stable if |slope| < 1, slope = dv'/dv (NaN where it does not exist).

    Attributes
    ----------
    variance, slope : float
    stable : bool
    """

    variance: float
    slope: float
    stable: bool


class CorrelationPoint(NamedTuple):
    """A fixed point of the correlation map; stable if |slope| < 1, slope = dc'/dc (from below at c = 1).

    Attributes
    ----------
    correlation, slope : float
        At c = 1 the slope is chi_1.
    stable : bool
        At c = 1 also with slope 1, on the edge (to 1e-9).
    """

    correlation: float
    slope: float
    stable: bool


def fixed_points(
    activation: AnyActivation,
    *,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    weight_variance: float | None = None,
    interval: tuple[float, float] | None = None,
) -> list[VariancePoint]:
    """All fixed points of the variance map in an interval, and 0 if it is one, in increasing order.

    Signs of v' - v on 48 points per unit of log v, then Brent's method: two fixed points closer than that, or one at
    which the graph only touches the diagonal, can be missed. 0 is listed if phi(0) = 0 and sigma_b = 0; its slope is
    NaN if dv'/dv has no limit there (oscillating phi), infinite if phi jumps or is infinitely steep there. Where
    E phi^2 overflows, v' > v. Other arguments: see `maps`.

    Parameters
    ----------
    interval : (float, float), optional
        Smallest and largest variance, inside [1e-12, 1e9]; by default from 1e-10 to 1e8, or to where phi oscillates too
        fast for its integrals.

    Returns
    -------
    list of VariancePoint
        Empty if there is none.

    Raises
    ------
    ValueError
        Where every variance is a fixed point, or all in a part of the interval are (to 1e-13: ReLU and its like on the
        edge, hard tanh), or for an interval that is not increasing and inside; else as for `variance_map`.

    Examples
    --------
    >>> [round(p.variance, 4) for p in fixed_points("tanh", sigma_w=math.sqrt(1.46), sigma_b=math.sqrt(0.013))]
    [0.3029]
    """
    act = describe(activation)
    scale = scale_of(act, sigma_w, sigma_b, weight_variance)
    low, high = (float(end) for end in checked_variances((1e-10, 1e8) if interval is None else interval))
    if not GRID[0] <= low < high <= GRID[-1]:
        raise ValueError(f"interval must be increasing and inside [1e-12, 1e9], got {interval}")
    if act.slopes is not None:
        return _of_straight_lines(scale * sum(s**2 for s in act.slopes) / 2, sigma_b, low, high)
    found = []
    if sigma_b == 0 and float(act.phi(np.zeros(()))) == 0:
        slope = _slope_at_zero(act, scale)
        found.append(VariancePoint(0.0, slope, slope < 1))

    table, grid_reason = grid_moments(act)
    if interval is None and np.isnan(table.square).any():
        high = min(high, float(GRID[np.isfinite(table.square)][-1]))
    inner = (low < GRID) & (high > GRID)
    outer, reason = raw_moments(act, np.array([low, high]))
    v = np.concatenate([[low], GRID[inner], [high]])
    values = _gap(
        np.concatenate([outer.square[:1], table.square[inner], outer.square[1:]]), v, scale, sigma_b
    )
    if np.isnan(values).any():
        raise ValueError(f"{reason or grid_reason}; give a smaller interval")
    fixed = np.abs(values) <= _FIXED
    runs = np.flatnonzero(np.convolve(fixed, np.ones(5), "valid") == 5)
    if len(runs):
        ends = v[runs[0]], v[runs[-1] + 4]
        raise ValueError(
            f"every variance from {ends[0]:.3g} to {ends[1]:.3g} is a fixed point: v' = v there, to {_FIXED:g}"
        )
    log_v = np.log(v)
    above = values > 0
    for k in np.flatnonzero(above[1:] != above[:-1]):
        at = math.exp(_root(act, scale, sigma_b, log_v[k], log_v[k + 1]))
        slope = scale * float(moments(act, at).derivative)
        found.append(VariancePoint(at, slope, abs(slope) < 1))
    return found


def _gap(square: Array, v: Array, scale: float, sigma_b: float) -> Array:
    """v'/v - 1: infinite where v' overflows, NaN where phi is not resolved."""
    return ((scale * square if scale else 0.0) + sigma_b**2) / v - 1


def _root(act: Activation, scale: float, sigma_b: float, low: float, high: float) -> float:
    """The logarithm of a fixed point between two others: the lower end where signs at the ends are rounding noise."""

    def excess(log_v: float) -> float:
        v = np.array([math.exp(log_v)])
        return float(_gap(raw_moments(act, v)[0].square, v, scale, sigma_b)[0])

    ends = excess(low), excess(high)
    return brentq(excess, low, high, xtol=1e-15, rtol=1e-14) if ends[0] * ends[1] < 0 else low


def _slope_at_zero(act: Activation, scale: float) -> float:
    """dv'/dv at v = 0: scale phi'(0)^2; NaN for a kink, infinite for a cusp."""
    if act.power < 1 or any(jump.at == 0 for jump in jumps(act)):
        return math.inf
    if 0.0 in act.kinks:
        left, right = act.dphi(np.array([-1e-12, 1e-12]))
        second = [float(moments(act, v).derivative) for v in (1e-12, 2e-12, 3e-12)]
        return scale * (left**2 + right**2) / 2 if np.ptp(second) < 1e-6 else math.nan
    return scale * float(act.dphi(np.zeros(()))) ** 2


def _of_straight_lines(slope: float, sigma_b: float, low: float, high: float) -> list[VariancePoint]:
    """v' = slope v + sigma_b^2."""
    if abs(slope - 1) < 1e-12:
        if sigma_b == 0:
            raise ValueError("every variance is a fixed point: v' = v for this activation with these scales")
        return []
    at = sigma_b**2 / (1 - slope) + 0.0  # no negative zero
    inside = at == 0 or low <= at <= high
    return [VariancePoint(at, slope, slope < 1)] if inside else []


def fixed_variance(
    activation: AnyActivation,
    *,
    start: float = 1.0,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    weight_variance: float | None = None,
) -> float:
    """Variance to which the layers lead from `start`, the map being increasing: 0 and infinity are possible answers.

    `start` itself if it is a fixed point (to 1e-13), else the next one in the direction of v' - v; one
    outside [1e-12, 1e9] is taken for 0 or infinity unless phi is linear on both sides of 0. Arguments: see
    `maps`; errors as for `variance_map`.

    Returns
    -------
    float

    Examples
    --------
    >>> fixed_variance("relu", sigma_w=1.5)
    inf
    """
    act = describe(activation)
    scale = scale_of(act, sigma_w, sigma_b, weight_variance)
    v = float(checked_variances(start))
    if act.slopes is not None:
        slope = scale * sum(s**2 for s in act.slopes) / 2
        if abs(slope - 1) < 1e-12:
            return v if sigma_b == 0 else math.inf
        return sigma_b**2 / (1 - slope) if slope < 1 else math.inf
    square = raw_moments(act, np.array([v]))
    gap = float(_gap(square[0].square, np.array([v]), scale, sigma_b)[0])
    if math.isnan(gap):
        raise ValueError(square[1])
    if abs(gap) <= _FIXED:
        return v
    # the first point of the grid on the way where the sign changes, or v' = v to rounding
    table, reason = grid_moments(act)
    gaps = _gap(table.square, GRID, scale, sigma_b)
    first = int(np.searchsorted(GRID, v, side="right" if gap > 0 else "left"))
    way = np.arange(first, GRID.size) if gap > 0 else np.arange(first)[::-1]
    ends = way[~(gaps[way] * gap > 0) | (np.abs(gaps[way]) <= _FIXED)]
    if not len(ends):
        return math.inf if gap > 0 else 0.0
    k = ends[0]
    if math.isnan(gaps[k]):
        raise ValueError(f"the variance tends from {v:g} to where it can't be computed: {reason}")
    if abs(gaps[k]) <= _FIXED:
        return float(GRID[k])
    position = int(np.flatnonzero(way == k)[0])
    before = GRID[way[position - 1]] if position else v
    return math.exp(_root(act, scale, sigma_b, *sorted([math.log(before), math.log(GRID[k])])))


def correlation_fixed_points(
    activation: AnyActivation,
    variance: float,
    *,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    weight_variance: float | None = None,
) -> list[CorrelationPoint]:
    """All fixed points of the correlation map on [-1, 1], `variance` being a fixed point of the variance map.

    On [0, 1] the map is a power series with coefficients >= 0 (Mehler), so that it is convex: beside c = 1 there is at
    most one other, and it is there exactly if chi_1 > 1. Signs on a grid find those below 0.
    Other arguments: see `maps`.

    Parameters
    ----------
    variance : float
        v, as `fixed_variance` gives it.

    Returns
    -------
    list of CorrelationPoint
        In increasing order; the last is c = 1.

    Raises
    ------
    ValueError
        If `variance` is not a fixed point to 1e-6; for the identity without bias, every c is one. Else as for
        `variance_map`.
    """
    act = describe(activation)
    scale = scale_of(act, sigma_w, sigma_b, weight_variance)
    v = float(checked_variances(variance))
    after = scale * float(moments(act, v).square) + sigma_b**2
    if abs(after - v) > 1e-6 * v:
        raise ValueError(
            f"variance {v:g} is not a fixed point of the variance map: it is mapped to {after:g}"
        )
    if act.slopes is not None and act.slopes[0] == act.slopes[1] and sigma_b == 0:
        raise ValueError("every correlation is a fixed point: c' = c for a linear activation without bias")

    def excess(c: float) -> float:
        return (scale * float(mixed(act, v, c).product) + sigma_b**2) / after - c

    def point(c: float) -> CorrelationPoint:
        slope = scale * v / after * float(mixed(act, v, c).slope_product)
        return CorrelationPoint(c, slope, abs(slope) < 1 or (c == 1 and slope <= 1))

    found = []
    grid = np.concatenate([np.linspace(-1, -0.02, 50), [-1e-3]])
    values = (scale * mixed(act, v, grid).product + sigma_b**2) / after - grid
    if abs(values[0]) < 1e-12:
        found.append(point(-1.0))
        values[0] = values[1]
    for k in np.flatnonzero(values[1:] * values[:-1] < 0):
        found.append(point(float(brentq(excess, grid[k], grid[k + 1], xtol=1e-15))))
    slope_at_one = scale * v / after * float(moments(act, v).slope_square)
    if slope_at_one > 1 + EDGE:
        below = 1 - 1e-2
        while excess(below) > 0 and 1 - below > 1e-15:  # close to the edge the other one is close to 1
            below = 1 - (1 - below) / 8
        if excess(0.0) <= 1e-15:
            found.append(point(0.0))
        elif excess(below) < 0:
            found.append(point(float(brentq(excess, 0.0, below, xtol=1e-16))))
    found.append(CorrelationPoint(1.0, slope_at_one, slope_at_one <= 1 + EDGE))
    return found
