"""The Edge of Chaos: depth scales, phases and curves, from the maps of `maps` and their fixed points.

The edge is chi_1 = 1 at a fixed point v of the variance map: chi_1 < 1 is the ordered phase, where correlations tend to
1, chi_1 > 1 the chaotic one (Schoenholz et al. 2017). Arguments and errors that all functions share: see `maps`.
"""

from __future__ import annotations

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import CubicHermiteSpline, PchipInterpolator
from scipy.optimize import brentq

from preactivations.activations.describe import AnyActivation, describe
from preactivations.edge_of_chaos._gaussian_moments import (
    GRID,
    Moments,
    grid_moments,
    is_steep,
    moments,
    slope_excess,
)
from preactivations.edge_of_chaos.fixpoints import (
    EDGE,
    correlation_fixed_points,
    fixed_variance,
)
from preactivations.edge_of_chaos.maps import (
    V_MAX,
    V_MIN,
    checked_variances,
    chi,
    scale_of,
    variance_slope,
)
from preactivations.real import real_array

__all__ = [
    "DepthScales",
    "EocCurve",
    "WithoutEdge",
    "chi_map",
    "depth_scales",
    "eoc_curve",
    "phase",
]

_NEGATIVE = "sigma_b^2 = v - E phi^2 / E phi'^2 would be negative"
_UNSTABLE = "the fixed point is not stable: dv'/dv >= 1, to 1e-10"
_STABLE = 1 - 1e-10  # of dv'/dv: not where v' = v to rounding
Array = NDArray[np.float64]
Phase = Literal["ordered", "chaotic", "edge"]


class DepthScales(NamedTuple):
    """Where the maps converge to, and how fast: differences shrink as exp(-l / xi) with the layer l.

    xi is 0 where one layer suffices and infinite at a slope of 1 (algebraic convergence) or above (none).

    Attributes
    ----------
    variance, correlation : float
        The fixed points: v, and the largest stable c.
    chi : float
        chi_1 at v.
    xi_v, xi_c : float
        Depth scales of variance and correlation, in layers.
    """

    variance: float
    correlation: float
    chi: float
    xi_v: float
    xi_c: float


class WithoutEdge(NamedTuple):
    """A range of variances at which there is no stable point of the Edge of Chaos, and why.

    Attributes
    ----------
    low, high : float
    reason : str
    """

    low: float
    high: float
    reason: str


class EocCurve(NamedTuple):
    """Points of the Edge of Chaos, shape (n,) each, in order of the variance, and where there is none.

    Attributes
    ----------
    sigma_w, sigma_b, variance : array, shape (n,)
        The variance is the fixed point v.
    missing : tuple of WithoutEdge
        The rest of the range that was asked for, in order.
    """

    sigma_w: Array
    sigma_b: Array
    variance: Array
    missing: tuple[WithoutEdge, ...] = ()


def depth_scales(
    activation: AnyActivation,
    *,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    weight_variance: float | None = None,
    start: float = 1.0,
) -> DepthScales:
    """Depth scales xi_v = -1 / log|dv'/dv| and xi_c = -1 / log(dc'/dc) at the fixed points that layers lead to.

    (Schoenholz et al. 2017.) Arguments: see `maps`.

    Returns
    -------
    DepthScales

    Raises
    ------
    ValueError
        Where the variance tends to 0 or infinity from `start`, or every correlation is a fixed point
        (identity, sigma_w^2 E W^2 = 1).

    Examples
    --------
    >>> scales = depth_scales("tanh", sigma_w=1.0, sigma_b=0.5)
    >>> scales.correlation, scales.xi_c < 10
    (1.0, True)
    """
    act = describe(activation)
    options: Any = {"sigma_w": sigma_w, "sigma_b": sigma_b, "weight_variance": weight_variance}
    v = fixed_variance(act, start=start, **options)
    if v == 0 or v == math.inf:
        raise ValueError(f"no positive variance is kept: from {start:g} the variance tends to {v:g}")
    slope_v = float(variance_slope(act, v, sigma_w=sigma_w, weight_variance=weight_variance))
    points = correlation_fixed_points(act, v, **options)
    to = next(p for p in reversed(points) if p.stable)
    chi_1 = points[-1].slope
    return DepthScales(v, to.correlation, chi_1, _depth_scale(abs(slope_v)), _depth_scale(to.slope))


def _depth_scale(slope: float) -> float:
    if slope < 1e-300:
        return 0.0
    return math.inf if slope >= 1 - EDGE else -1 / math.log(slope)


def phase(
    activation: AnyActivation,
    *,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    weight_variance: float | None = None,
    start: float = 1.0,
) -> Phase:
    """ "ordered" (chi_1 < 1), "chaotic" (chi_1 > 1) or "edge" (within 1e-9), at the variance that layers lead to.

    Where the variance tends to 0 or infinity, chi_1 is that at 1e-14 or 1e10. Arguments: see `maps`.

    Examples
    --------
    >>> [phase("tanh", sigma_w=s, sigma_b=0.1) for s in (0.8, 1.5)]
    ['ordered', 'chaotic']
    """
    act = describe(activation)
    options: Any = {"sigma_w": sigma_w, "weight_variance": weight_variance}
    v = fixed_variance(act, start=start, sigma_b=sigma_b, **options)
    value = float(chi(act, min(max(v, V_MIN), V_MAX), **options))
    if abs(value - 1) <= EDGE:
        return "edge"
    return "ordered" if value < 1 else "chaotic"


def chi_map(
    activation: AnyActivation,
    sigma_w: ArrayLike,
    sigma_b: ArrayLike,
    *,
    weight_variance: float | None = None,
    start: float = 1.0,
) -> tuple[Array, Array]:
    """(variance, chi_1) at the variance that layers lead to from `start`, for arrays of scales (broadcast).

    For maps of many points: the moments are tabulated once in log v and interpolated, relative error below 1e-6. A
    variance that tends to 0 or infinity is given as that, with chi_1 at the end of the table (1e-12 or 1e9). Where
    every variance is a fixed point (ReLU on the edge), it is 0 or infinity by rounding. Other arguments and errors: see
    `maps`.

    Parameters
    ----------
    sigma_w, sigma_b : float or array
        Finite and >= 0; they broadcast.
    start : float
        At most 1e9 here; ValueError beyond.

    Returns
    -------
    variance, chi_1 : array, of the broadcast shape
    """
    act = describe(activation)
    w, b = np.broadcast_arrays(real_array("sigma_w", sigma_w), real_array("sigma_b", sigma_b))
    for name, values in {"sigma_w": w, "sigma_b": b}.items():
        if not np.all((values >= 0) & np.isfinite(values)):
            raise ValueError(f"{name} must be finite and >= 0")
    unit = scale_of(act, 1.0, 0.0, weight_variance)
    m, reason = grid_moments(act)
    square_of_grid = m.square
    known = np.isfinite(m.square)
    grid, m = GRID[known], Moments(*(values[known] for values in m))
    log_v = np.log(grid)
    if (beginning := float(checked_variances(start))) > grid[-1]:
        raise ValueError(
            f"start must be at most {grid[-1]:g} here, got {beginning:g}{reason and ': ' + reason}"
        )
    first = int(np.searchsorted(log_v, math.log(beginning)))
    scale, floor = (unit * w**2).ravel(), (b**2).ravel()
    at = np.empty(scale.size)  # the position of the fixed point in the table, per pair of scales
    for begin in range(0, scale.size, 4096):
        part = slice(begin, begin + 4096)
        above = scale[part, None] * m.square + floor[part, None] > grid
        up = above[:, first]
        falls = ~above[:, first:]
        right = np.where(falls.any(1), first + falls.argmax(1), grid.size)
        rises = above[:, first::-1]
        left = np.where(rises.any(1), first - rises.argmax(1), -1)
        at[part] = np.where(up, right - 1, left)
    if not known.all() and np.isnan(square_of_grid).any() and np.any(at >= grid.size - 1):
        raise ValueError(f"the variance tends from {beginning:g} to where it can't be computed: {reason}")
    k = np.clip(at, 0, grid.size - 2).astype(int)
    square = CubicHermiteSpline(log_v, np.log(m.square), grid * m.derivative / m.square)
    low, high = log_v[k], log_v[k + 1]
    for _ in range(40):
        middle = (low + high) / 2
        grows = scale * np.exp(square(middle)) + floor > np.exp(middle)
        low, high = np.where(grows, middle, low), np.where(grows, high, middle)
    log_at = np.where(at < 0, log_v[0], np.where(at >= grid.size - 1, log_v[-1], low))
    slope = np.where(scale > 0, math.inf, 0.0)
    if not is_steep(act):
        slope = scale * np.exp(PchipInterpolator(log_v, np.log(m.slope_square))(log_at))
    variance = np.where(at < 0, 0.0, np.where(at >= grid.size - 1, math.inf, np.exp(log_at)))
    return variance.reshape(w.shape), slope.reshape(w.shape)


def eoc_curve(
    activation: AnyActivation,
    n_points: int = 200,
    *,
    weight_variance: float | None = None,
    variances: tuple[float, float] = (1e-4, 1e4),
) -> EocCurve:
    """The Edge of Chaos as a curve in the plane (sigma_w, sigma_b), parametrized by the variance v of its fixed point.

    At each v, chi_1 = 1 fixes sigma_w and v' = v fixes sigma_b; v belongs to the curve where sigma_b^2 >= 0 and the
    fixed point is stable. The ends where sigma_b = 0 are added. Activations that are linear on both sides of 0 have one
    point, at every v (NaN here). For each part of the range without an edge `missing` says why. Other arguments and
    errors: see `maps`.

    Parameters
    ----------
    n_points : int
        Values of v that are tried, equidistant in log v.
    variances : (float, float)
        The first and the last of them, in [1e-14, 1e10].

    Returns
    -------
    EocCurve

    Examples
    --------
    >>> curve = eoc_curve("relu")
    >>> curve.sigma_w.round(12).tolist(), curve.sigma_b.tolist()
    ([1.414213562373], [0.0])
    """
    act = describe(activation)
    unit = scale_of(act, 1.0, 0.0, weight_variance)
    if act.slopes is not None and any(act.slopes):
        only = 1 / math.sqrt(unit * sum(s**2 for s in act.slopes) / 2)
        return EocCurve(np.array([only]), np.array([0.0]), np.array([math.nan]))
    low, high = (float(end) for end in checked_variances(variances))
    if not low < high or n_points < 2:
        raise ValueError(
            f"variances must be increasing and n_points at least 2, got {variances} and {n_points}"
        )
    flat = act.slopes is not None
    if is_steep(act) or flat:
        nothing, why = np.empty(0), "chi_1 is infinite: phi jumps, or is as steep as |x|^(1/2)"
        why = "chi_1 is 0 at every scale: phi' is 0" if flat else why
        return EocCurve(nothing, nothing, nothing, (WithoutEdge(low, high, why),))
    grid: Array = np.geomspace(low, high, n_points)
    m, log_v = moments(act, grid), np.log(grid)
    square = np.asarray(slope_excess(act, grid)) / m.slope_square
    unstable = ~(m.derivative / m.slope_square < _STABLE)

    def bias_square(x: float) -> float:
        return float(slope_excess(act, math.exp(x)) / moments(act, math.exp(x)).slope_square)

    def instability(x: float) -> float:
        at = moments(act, math.exp(x))
        return float(at.derivative / at.slope_square) - _STABLE

    ends = [
        math.exp(brentq(bias_square, log_v[k], log_v[k + 1], xtol=1e-14))
        for k in np.flatnonzero(square[1:] * square[:-1] < 0)
    ]
    v, squares = np.append(grid[square >= 0], ends), np.append(square[square >= 0], np.zeros(len(ends)))
    order = np.argsort(v)
    v, squares = v[order], squares[order]
    here = moments(act, v)
    stable = here.derivative / here.slope_square < _STABLE
    sigma_w, sigma_b = 1 / np.sqrt(unit * here.slope_square[stable]), np.sqrt(squares[stable])
    missing = []
    state = np.where(square < 0, _NEGATIVE, np.where(unstable, _UNSTABLE, ""))
    for run in np.split(np.arange(grid.size), np.flatnonzero(state[1:] != state[:-1]) + 1):
        reason = str(state[run[0]])
        if reason:
            sides = [float(grid[run[0]]), float(grid[run[-1]])]
            for side, (inner, outer) in enumerate(((run[0], run[0] - 1), (run[-1], run[-1] + 1))):
                if 0 <= outer < grid.size:
                    gap = bias_square if _NEGATIVE in (reason, state[outer]) else instability
                    sides[side] = math.exp(
                        _crossing(gap, *sorted((float(log_v[inner]), float(log_v[outer]))))
                    )
            missing.append(WithoutEdge(sides[0], sides[1], reason))
    return EocCurve(sigma_w, sigma_b, v[stable], tuple(missing))


def _crossing(function: Any, low: float, high: float) -> float:
    """Where it changes its sign between two points; their middle if it does not, by rounding."""
    if function(low) * function(high) < 0:
        return float(brentq(function, low, high, xtol=1e-12))
    return (low + high) / 2
