"""Scales for an activation: `gain` keeps a variance, `critical` and, for exact pairs, `eoc_point` gradients too."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq

from preactivations.activations.describe import AnyActivation, describe
from preactivations.activations.registry import Activation, Pair
from preactivations.edge_of_chaos._gaussian_moments import GRID, grid_moments, is_steep, moments, slope_excess
from preactivations.edge_of_chaos.maps import checked_variances, chi, scale_of, variance_map
from preactivations.real import real_number
from preactivations.weights import SphericalMarginal

_ROUNDED = 1e-10  # of dv'/dv: nearer to 1 it is 1 (piecewise linear activations, or none that is known)

__all__ = ["CriticalPoint", "EocPoint", "critical", "eoc_point", "gain"]


class CriticalPoint(NamedTuple):
    """A point of the Edge of Chaos: scales at which chi_1 = 1 at a fixed point of the variance map.

    Attributes
    ----------
    sigma_w, sigma_b : float
        Weights have the standard deviation sigma_w sqrt(E W^2 / fan_in), biases sigma_b.
    variance : float
        v of the fixed point. NaN: every variance is one (piecewise linear activations without bias). 0: the limit of
        small variances (without bias, of activations that are smooth at 0).
    chi : float
        chi_1 there, 1.
    variance_slope : float
        dv'/dv there.
    xi_v : float
        Layers in which a deviation of the variance shrinks by e, -1 / log |dv'/dv|; infinite where it does not shrink.
    stable : bool
        Whether networks near this variance come to it: |dv'/dv| < 1 (to 1e-10), or the limit 0 of shrinking variances.
        Not where every variance is a fixed point.
    """

    sigma_w: float
    sigma_b: float
    variance: float
    chi: float
    variance_slope: float
    xi_v: float
    stable: bool


class EocPoint(NamedTuple):
    """A point of the Edge of Chaos, and chi_1 at sigma_w = 1, sigma_b = 0.

    Attributes
    ----------
    sigma_w, sigma_b : float
        sigma_w^2 + sigma_b^2 = 1 for exact pairs.
    chi : float
        1 / sigma_w^2, to rounding.
    """

    sigma_w: float
    sigma_b: float
    chi: float


def gain(activation: AnyActivation, variance: float = 1.0, sigma_b: float = 0.0) -> float:
    """The sigma_w that keeps a variance v of pre-activations.

    sigma_w^2 = (v - sigma_b^2) / (E W^2 E phi(u)^2), u ~ N(0, v): weights of the standard deviation
    sigma_w sqrt(E W^2 / fan_in) and biases of sigma_b. He's sqrt(2) for ReLU (He et al. 2015); derived from the
    variance map (Poole et al. 2016).

    Parameters
    ----------
    activation : str, Activation, pair, torch.nn.Module or function
        Whatever `activations.describe` takes. For a pair E W^2 is that of its weights, else 1.
    variance : float
        v, in [1e-14, 1e10].
    sigma_b : float
        Finite and >= 0.

    Returns
    -------
    float
        sigma_w > 0. `torch.nn.init.calculate_gain` knows the name of some activations; its values keep E z^2 for
        ReLU and its like at any variance; 5/3 for tanh is that of the variance 1.178.

    Raises
    ------
    ValueError
        If sigma_b^2 >= variance, or phi is 0 almost everywhere; else as `describe` and `variance_map`.

    Examples
    --------
    >>> round(gain("relu") ** 2, 12), round(gain("tanh"), 6)
    (2.0, 1.592537)
    """
    act = describe(activation)
    scale_of(act, 1.0, real_number("sigma_b", sigma_b), None)
    v = float(checked_variances(real_number("variance", variance)))
    left = v - sigma_b**2
    if not left > 0:
        raise ValueError(
            f"sigma_b^2 must be below the variance, got sigma_b = {sigma_b:g} and variance {v:g}: biases alone exceed "
            "it"
        )
    square = act.weight_variance * float(moments(act, v).square)
    if square == 0:
        raise ValueError(f"no gain keeps the variance {v:g}: {act.name} is 0 there")
    return math.sqrt(left / square)


def critical(
    activation: AnyActivation, *, variance: float | None = None, sigma_b: float | None = None
) -> CriticalPoint:
    """The point of the Edge of Chaos with a given variance, or with a given scale of the biases.

    At v, chi_1 = sigma_w^2 E W^2 E phi'(u)^2 = 1 and v' = v say (Schoenholz et al. 2017)

        sigma_w^2 = 1 / (E W^2 E phi'(u)^2),   sigma_b^2 = v - E phi(u)^2 / E phi'(u)^2,   u ~ N(0, v).

    Parameters
    ----------
    activation : str, Activation, pair, torch.nn.Module or function
        Whatever `activations.describe` takes. For a pair E W^2 is that of its weights, else 1.
    variance : float, optional
        v, in [1e-14, 1e10]; 1 if neither is given.
    sigma_b : float, optional
        Finite and >= 0. Of the stable points with these biases, that with the variance nearest to 1 in the logarithm.

    Returns
    -------
    CriticalPoint
        At a given variance it may be unstable, which `stable` says. Piecewise linear activations (ReLU) have it without
        bias, at every variance (NaN); tanh, erf, SELU without bias at the limit of variance 0.

    Raises
    ------
    TypeError
        For both of variance and sigma_b.
    ValueError
        Where there is no such point, with the reason: phi jumps or is as steep as |x|^(1/2), so that chi_1 is infinite;
        sigma_b^2 would be negative; no stable point has these biases. Else as `describe` and `chi`.

    Examples
    --------
    >>> point = critical("gelu")
    >>> round(point.sigma_w, 3), round(point.sigma_b, 3), point.stable
    (1.481, 0.259, False)
    >>> critical("relu", sigma_b=0).variance
    nan
    """
    if variance is not None and sigma_b is not None:
        raise TypeError("give variance or sigma_b, not both: each fixes the other")
    act = describe(activation)
    if is_steep(act):
        raise ValueError(
            f"{act.name} has no Edge of Chaos: chi_1 is infinite, since phi jumps or is as steep as |x|^(1/2)"
        )
    unit = scale_of(act, 1.0, 0.0 if sigma_b is None else real_number("sigma_b", sigma_b), None)
    v = float(checked_variances(1.0 if variance is None else real_number("variance", variance)))
    if act.slopes is not None and any(act.slopes):
        if sigma_b:
            raise ValueError(
                f"{act.name} is linear on both sides of 0: its edge has no bias, got sigma_b = {sigma_b:g}"
            )
        sigma_w = 1 / math.sqrt(unit * sum(slope**2 for slope in act.slopes) / 2)
        return CriticalPoint(sigma_w, 0.0, math.nan, 1.0, 1.0, math.inf, stable=False)
    if act.slopes is not None or float(moments(act, v).slope_square) == 0:
        raise ValueError(f"{act.name} has no Edge of Chaos: chi_1 is 0 at every scale, since phi' is 0")
    return _at_variance(act, unit, v) if sigma_b is None else _with_bias(act, unit, float(sigma_b))


def _at_variance(act: Activation, unit: float, v: float) -> CriticalPoint:
    m = moments(act, v)
    square = float(slope_excess(act, v) / m.slope_square)
    if square < -1e-13 * v:
        raise ValueError(
            f"{act.name} has no Edge of Chaos with variance {v:g}: sigma_b^2 would be {square:.3g}, since E phi^2 = "
            f"{float(m.square):.6g} > v E phi'^2 = {v * float(m.slope_square):.6g}"
        )
    return _point(unit, v, max(0.0, square), float(m.slope_square), float(m.derivative))


def _point(
    unit: float, v: float, bias_square: float, slope_square: float, derivative: float
) -> CriticalPoint:
    slope = derivative / slope_square
    stable = abs(slope) < 1 - _ROUNDED
    xi = -1 / math.log(abs(slope)) if stable and slope else 0.0 if stable else math.inf
    return CriticalPoint(
        1 / math.sqrt(unit * slope_square), math.sqrt(bias_square), v, 1.0, slope, xi, stable=bool(stable)
    )


def _with_bias(act: Activation, unit: float, sigma_b: float) -> CriticalPoint:
    table, reason = grid_moments(act)
    known = np.isfinite(table.square) & (table.slope_square > 0)
    grid = GRID[known]

    def excess(log_v: float) -> float:
        v = math.exp(log_v)
        return float(slope_excess(act, v) / moments(act, v).slope_square) - sigma_b**2

    values = grid - table.square[known] / table.slope_square[known]
    close = np.abs(values) < 1e-4 * grid
    # exact where the two almost cancel
    values[close] = np.asarray(slope_excess(act, grid[close])) / table.slope_square[known][close]
    values -= sigma_b**2
    logs = np.log(grid)
    found: list[CriticalPoint] = []
    if sigma_b == 0 and (limit := _limit_at_zero(act, unit)) is not None:
        found.append(limit)
    for k in np.flatnonzero(values[1:] * values[:-1] < 0):
        v = math.exp(brentq(excess, logs[k], logs[k + 1], xtol=1e-14, rtol=1e-14))
        m = moments(act, v)
        found.append(_point(unit, v, sigma_b**2, float(m.slope_square), float(m.derivative)))
    stable = [point for point in found if point.stable]
    if stable:
        return min(stable, key=lambda point: abs(math.log(max(point.variance, 1e-300))))
    what = (
        f"at variance {found[0].variance:.3g} it is unstable (dv'/dv = {found[0].variance_slope:.3f})"
        if found
        else (
            "sigma_b^2 = v - E phi^2 / E phi'^2 is "
            + ("below" if np.all(values < 0) else "above")
            + f" {sigma_b**2:.3g} at every variance"
            + (f" from {grid[0]:.2g} to {grid[-1]:.2g}" if len(grid) else "")
        )
    )
    raise ValueError(
        f"{act.name} has no stable Edge of Chaos with sigma_b = {sigma_b:g}: {what}"
        + (f" ({reason})" if reason else "")
    )


def _limit_at_zero(act: Activation, unit: float) -> CriticalPoint | None:
    """The limit v -> 0 without bias, for phi(0) = 0 with derivatives on both sides that are not both 0.

    sigma_w^2 = 2 / (phi'(0-)^2 + phi'(0+)^2), 1 / |phi'(0)|^2 where phi is smooth.
    """
    if float(act.phi(np.zeros(1))[0]) != 0 or act.power < 1:
        return None
    squares = []
    for h in (1e-7, 1e-9, 1e-11):
        u = np.array([-h, h])
        squares.append(float(np.sum((act.phi(u) / u) ** 2)) / 2)
    slope_square = squares[-1]
    if not slope_square > 1e-12 or np.ptp(squares) > 1e-5 * slope_square:
        return None
    at = np.array([-1e-13, 1e-13])
    slope_square = float(np.sum(act.dphi(at) ** 2)) / 2
    # v' < v next to 0 if phi bends inwards: then 0 is approached, slowly
    v = np.array([1e-6, 1e-4, 1e-2, 0.1, 1.0])
    bent = np.asarray(moments(act, v).square) / slope_square / v - 1
    seen = bent[np.abs(bent) > 1e-11]
    stable = len(seen) > 0 and seen[0] < 0
    return CriticalPoint(
        1 / math.sqrt(unit * slope_square), 0.0, 0.0, 1.0, 1.0, math.inf, stable=bool(stable)
    )


def eoc_point(pair: Pair) -> EocPoint:
    """The only point of the Edge of Chaos of an odd pair at which the variance stays 1.

    sigma_w^2 = 1 / (E W^2 E phi'(G)^2), sigma_b^2 = 1 - sigma_w^2 E W^2 E phi(G)^2, which is the circle
    sigma_w^2 + sigma_b^2 = 1 for exact pairs. By the Gaussian Poincare inequality chi >= 1 for odd exact pairs, so that
    the point exists and is unique (derived here).

    Parameters
    ----------
    pair : GaussianPair or TabulatedActivation

    Returns
    -------
    EocPoint

    Raises
    ------
    ValueError
        For positive pairs, which are ordered everywhere on the circle (chi < 1), for odd spherical pairs with
        b >= 1/2, whose chi is infinite, and for an activation that is not exact and has no such point.

    Examples
    --------
    >>> from preactivations.pairs.gaussian import GaussianPair
    >>> from preactivations.weights import SymmetricWeibull
    >>> point = eoc_point(GaussianPair(SymmetricWeibull(4), "odd"))
    >>> round(point.sigma_w**2 * point.chi, 12)
    1.0
    """
    if not isinstance(pair, Pair):
        raise TypeError(
            f"eoc_point takes a pair, as GaussianPair, got {pair!r}; for other activations: critical(activation)"
        )
    if pair.kind != "odd":
        raise ValueError(
            f"{pair!r} has no Edge of Chaos with sigma_w^2 + sigma_b^2 = 1: positive pairs are ordered (chi_1 < 1)"
        )
    if isinstance(pair.weights, SphericalMarginal) and pair.weights.b >= 0.5:
        raise ValueError(
            f"{pair!r} has no Edge of Chaos: chi_1 is infinite for b >= 1/2, since phi ~ |x|^(1/(1+2b)) at 0"
        )
    value = float(chi(pair, 1.0))
    if getattr(pair, "route", "exact") != "exact":
        sigma_w = 1 / math.sqrt(value)
        square = 1 - sigma_w**2 * float(variance_map(pair, 1.0))
        if square < 0:
            raise ValueError(
                f"{pair!r} has no Edge of Chaos with variance 1: sigma_b^2 would be {square:.3g}"
            )
        return EocPoint(sigma_w, math.sqrt(square), value)
    sigma_w = min(1.0, 1 / math.sqrt(value))
    return EocPoint(sigma_w, math.sqrt(max(0.0, 1 - sigma_w**2)), value)
