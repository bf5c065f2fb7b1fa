"""Fixed points of the maps of variance and correlation."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from preactivations.activations.registry import Activation
from preactivations.edge_of_chaos._gaussian_moments import GRID, grid_moments, moments
from preactivations.edge_of_chaos._mixed_moments import mixed
from preactivations.edge_of_chaos.maps import AnyActivation, checked_variances, resolve, scale_of

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
    interval: tuple[float, float] = (1e-10, 1e8),
) -> list[VariancePoint]:
    """All fixed points of the variance map in an interval, and 0 if it is one, in increasing order.

    Signs of v' - v on 48 points per unit of log v, then Brent's method: two fixed points closer than that, or one at
    which the graph only touches the diagonal, can be missed. 0 is listed if phi(0) = 0 and sigma_b = 0; its slope is
    NaN if dv'/dv has no limit there (oscillating phi), infinite if phi' is. Other arguments: see `maps`.

    Parameters
    ----------
    interval : (float, float)
        Smallest and largest variance, inside [1e-12, 1e9].

    Returns
    -------
    list of VariancePoint
        Empty if there is none.

    Raises
    ------
    ValueError
        Where every variance is a fixed point (ReLU and its like on the edge), or for an interval that is not
        increasing and inside; else as for `variance_map`.

    Examples
    --------
    >>> [round(p.variance, 4) for p in fixed_points("tanh", sigma_w=math.sqrt(1.46), sigma_b=math.sqrt(0.013))]
    [0.3029]
    """
    act = resolve(activation)
    scale = scale_of(act, sigma_w, sigma_b, weight_variance)
    low, high = (float(end) for end in checked_variances(interval))
    if not GRID[0] <= low < high <= GRID[-1]:
        raise ValueError(f"interval must be increasing and inside [1e-12, 1e9], got {interval}")
    if act.slopes is not None:
        return _of_straight_lines(scale * sum(s**2 for s in act.slopes) / 2, sigma_b, low, high)
    found = []
    if sigma_b == 0 and float(act.phi(np.zeros(()))) == 0:
        slope = _slope_at_zero(act, scale)
        found.append(VariancePoint(0.0, slope, slope < 1))

    def excess(log_v: float) -> float:
        v = math.exp(log_v)
        return (scale * float(moments(act, v).square) + sigma_b**2) / v - 1

    inner = (low < GRID) & (high > GRID)
    v = np.concatenate([[low], GRID[inner], [high]])
    ends_square = moments(act, np.array([low, high])).square
    square = np.concatenate([ends_square[:1], grid_moments(act).square[inner], ends_square[1:]])
    log_v = np.log(v)
    above = (scale * square + sigma_b**2) / v > 1
    for k in np.flatnonzero(above[1:] != above[:-1]):
        # the grid decides on the signs: at an end that is a root to rounding, Brent's method would see none
        ends = excess(log_v[k]), excess(log_v[k + 1])
        root = (
            brentq(excess, log_v[k], log_v[k + 1], xtol=1e-15, rtol=1e-14)
            if ends[0] * ends[1] < 0
            else log_v[k]
        )
        at = math.exp(root)
        slope = scale * float(moments(act, at).derivative)
        found.append(VariancePoint(at, slope, abs(slope) < 1))
    return found


def _slope_at_zero(act: Activation, scale: float) -> float:
    """dv'/dv at v = 0: scale phi'(0)^2; NaN for a kink, infinite for a cusp."""
    if act.power < 1:
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
    act = resolve(activation)
    scale = scale_of(act, sigma_w, sigma_b, weight_variance)
    v = float(checked_variances(start))
    if act.slopes is not None:
        slope = scale * sum(s**2 for s in act.slopes) / 2
        if abs(slope - 1) < 1e-12:
            return v if sigma_b == 0 else math.inf
        return sigma_b**2 / (1 - slope) if slope < 1 else math.inf
    after = scale * float(moments(act, v).square) + sigma_b**2
    if abs(after - v) <= 1e-13 * v:
        return v
    points = fixed_points(
        act, sigma_w=sigma_w, sigma_b=sigma_b, weight_variance=weight_variance, interval=(GRID[0], GRID[-1])
    )
    if after > v:
        return min((p.variance for p in points if p.variance > v), default=math.inf)
    return max((p.variance for p in points if p.variance < v), default=0.0)


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
    act = resolve(activation)
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
    values = np.array([excess(float(c)) for c in grid])
    if abs(values[0]) < 1e-12:
        found.append(point(-1.0))
        values[0] = values[1]
    for k in np.flatnonzero(values[1:] * values[:-1] < 0):
        found.append(point(float(brentq(excess, grid[k], grid[k + 1], xtol=1e-15))))
    slope_at_one = scale * v / after * float(moments(act, v).slope_square)
    if slope_at_one > 1 + EDGE:
        below = 1 - 1e-3
        while excess(below) > 0 and 1 - below > 1e-15:  # close to the edge the other one is close to 1
            below = 1 - (1 - below) / 8
        if excess(0.0) <= 1e-15:
            found.append(point(0.0))
        elif excess(below) < 0:
            found.append(point(float(brentq(excess, 0.0, below, xtol=1e-16))))
    found.append(CorrelationPoint(1.0, slope_at_one, slope_at_one <= 1 + EDGE))
    return found
