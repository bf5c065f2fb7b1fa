"""The paper's activation family and its fit: steps 3 and 4 of `fitted`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.pairs._fitted_density import DensityFit, FitError
from preactivations.pairs._tabulate import tabulate
from preactivations.pairs.table import Kind, TabulatedActivation, check_kind
from preactivations.real import real_array
from preactivations.weights import SymmetricWeibull

Array = NDArray[np.float64]


class ActivationSettings(NamedTuple):
    """Hyper-parameters of the interpolation and of `fit_activation`; defaults as published.

    Attributes
    ----------
    steps : int
    learning_rate : float
    quantiles, outer_points : int
        Points of the grid: quantiles k / (quantiles + 1), and those on each side.
    x_max : float
        End of the grid, and of the knots.
    knots : int
        Of the interpolation, from 0 to x_max for the odd kind; twice as many from -x_max for the positive one.
    start : tuple of 7 floats
        First a, b, c, d, f, g, h; h is 0 for the odd kind.
    """

    steps: int = 10_000
    learning_rate: float = 0.01
    quantiles: int = 1999
    outer_points: int = 50  # on each side, from the last quantile to x_max
    x_max: float = 10.0
    knots: int = 400
    start: tuple[float, ...] = (1.0, 1.0, 1.0, 0.01, 1.0, 0.01, 0.0)  # a, b, c, d, f, g, h


@dataclass(frozen=True)
class ActivationFit:
    """A member of the activation families; callable on arrays, in their floating dtype.

    Parameters
    ----------
    theta : float
    kind : {"odd", "positive"}
    parameters : tuple of 7 floats
        a, b, c, d, f, g, h; h is 0 for the odd kind.
    """

    theta: float
    kind: Kind
    parameters: tuple[float, ...]

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        """phi(x), elementwise: x array or float, any shape; integers in float64."""
        x = np.asarray(x)
        if x.dtype.kind != "f":
            x = x.astype(np.float64)
        alpha, *p = (x.dtype.type(v) for v in (1 - 2 / self.theta, *self.parameters))
        factors = _factors(x, alpha, tuple(p), self.kind)
        return np.asarray(p[0] * factors.gate * factors.power * factors.log)

    def derivatives(self, x: ArrayLike) -> Array:
        """(phi, phi', phi'') in float64, shape (3, *shape of `x`), x float or array; phi''(0) is from the right.

        ValueError for a positive kind that is not positive at all `x`.
        """
        x = real_array("x", x)
        f = _Family(self).derivatives(np.abs(x) if self.kind == "odd" else x)
        if self.kind == "odd":
            return f * np.stack([np.where(x < 0, -1.0, 1.0), np.ones_like(x), np.where(x < 0, -1.0, 1.0)])
        phi = np.exp(f[0])
        return np.stack([phi, phi * f[1], phi * (f[2] + f[1] ** 2)])

    def table(self) -> TabulatedActivation:
        """The tabulated activation, of route "fitted": phi to 1e-13 relative on |x| <= 12, and as near to 1.3e8.

        From there on it is a power of x, with value and slope of the fit at that point. phi''(0) is 0 in the table.

        Raises
        ------
        ValueError
            For a positive kind that is not positive everywhere, an odd one that is not on x > 0, and one that is not
            finite.
        """
        return tabulate(_Family(self))


class _Factors(NamedTuple):
    gate: NDArray[Any]  # tanh(b x) or sigmoid(b x + h)
    power: NDArray[Any]  # (s + c)^alpha + d, s = |x| or softplus(x)
    log: NDArray[Any]  # ln(s + f) + g
    s: NDArray[Any]


def _factors(x: NDArray[Any], alpha: Any, p: tuple[Any, ...], kind: Kind) -> _Factors:
    _, b, c, d, f, g, h = p
    if kind == "odd":
        s, gate = np.abs(x), np.tanh(b * x)
    else:
        s, gate = np.logaddexp(x.dtype.type(0), x), sc.expit(b * x + h)
    return _Factors(gate, (s + c) ** alpha + d, np.log(s + f) + g, s)


class _Family:
    """What is tabulated of a fit (`_tabulate.Source`): phi on x >= 0 (odd), or log phi."""

    route, power = "fitted", 1.0
    limit, slopes = math.inf, (0.0, 0.0)

    def __init__(self, fit: ActivationFit) -> None:
        self.fit, self.kind, self.weights = fit, fit.kind, SymmetricWeibull(fit.theta)
        self.kinks: tuple[float, ...] = (0.0,) if fit.kind == "odd" else ()  # phi'' jumps
        _, slope, _ = f = self.derivatives(np.array([2.0**27]))
        self.growth = float((2.0**27 * slope / (f[0] if fit.kind == "odd" else 1.0))[0])

    def __repr__(self) -> str:
        return repr(self.fit)

    def derivatives(self, x: Array) -> Array:
        alpha = 1 - 2 / self.fit.theta
        a, b, c, d, f, g, h = self.fit.parameters
        if self.kind == "odd":
            s, ds, d2s = x, np.ones_like(x), np.zeros_like(x)
        else:
            s, ds = np.logaddexp(0, x), sc.expit(x)
            d2s = ds * sc.expit(-x)
        power, log = (s + c) ** alpha + d, np.log(s + f) + g
        by_power, by_log = alpha * (s + c) ** (alpha - 1), 1 / (s + f)
        # first and second derivatives by x
        power_1, log_1 = by_power * ds, by_log * ds
        power_2 = (alpha - 1) * by_power / (s + c) * ds**2 + by_power * d2s
        log_2 = -((by_log * ds) ** 2) + by_log * d2s
        if self.kind == "odd":
            gate = np.tanh(b * x)
            gate_1 = b / np.cosh(np.minimum(np.abs(b * x), 350.0)) ** 2
            gate_2 = -2 * b * gate * gate_1
            value = gate * power * log
            first = gate_1 * power * log + gate * (power_1 * log + power * log_1)
            second = gate_2 * power * log + 2 * gate_1 * (power_1 * log + power * log_1)
            second += gate * (power_2 * log + 2 * power_1 * log_1 + power * log_2)
            return a * np.stack([value, first, second])
        if not a > 0 or np.any(power <= 0) or np.any(log <= 0):
            raise ValueError(f"{self.fit!r} is not positive everywhere")
        at = b * x + h
        ratio, rest = power_1 / power, log_1 / log
        return np.stack(
            [
                math.log(a) + sc.log_expit(at) + np.log(power) + np.log(log),
                b * sc.expit(-at) + ratio + rest,
                -b * b * sc.expit(at) * sc.expit(-at) + power_2 / power - ratio**2 + log_2 / log - rest**2,
            ]
        )

    def steep(self, x: Array, width: Array) -> Array:
        raise NotImplementedError("fitted activations have a finite slope at 0")

    def far(self, x: Array, *, left: bool) -> Array:
        return np.asarray(self.derivatives(-x if left else x)[0])

    def tail(self, x: Array, width: Array, *, left: bool) -> Array:
        sign = -1.0 if left else 1.0
        return self.derivatives(sign * x) * np.stack([np.ones_like(x), sign * width, width * width])


def interpolation_grid(settings: ActivationSettings | None = None) -> Array:
    """Quantiles of the normal law, and equidistant points beyond the last on each side; increasing.

    Returns
    -------
    array, shape (quantiles + 2 outer_points,)
        From -x_max to x_max; 2099 points by default.
    """
    settings = settings or ActivationSettings()
    k = settings.quantiles
    q = sc.ndtri(np.arange(1, k + 1) / (k + 1))
    outer = np.linspace(q[-1], settings.x_max, settings.outer_points + 1)[1:]
    return np.concatenate((-outer[::-1], q, outer))


def interpolate_activation(
    density: DensityFit, kind: Kind, x: ArrayLike, settings: ActivationSettings | None = None
) -> Array:
    """Quantile coupling of the fitted density with N(0, 1), as in the authors' program, at the points x.

    Roots y of int_y^inf g = 2 P(N > k) (odd) or P(N > k) (positive) at equidistant knots k, linear in between; phi(0)
    is 0 for the odd kind. g is not divided by its mass, so that where this is above 1 the odd kind has a step at 0,
    as wide as the first knot, and the positive kind a least value.

    Parameters
    ----------
    density : DensityFit
    kind : {"odd", "positive"}
    x : float or array
        Any shape, |x| <= `settings.x_max`.
    settings : ActivationSettings, optional
        Only knots and their end are used.

    Returns
    -------
    array, shape of `x`

    Raises
    ------
    ValueError, TypeError
        For an unknown kind, and for x beyond the last knot.
    """
    x, settings = real_array("x", x), settings or ActivationSettings()
    end = settings.x_max
    if np.any(np.abs(x) > end):
        raise ValueError(f"x must be in [{-end:g}, {end:g}], between the knots, got {np.nanmax(np.abs(x)):g}")
    if check_kind(kind) == "positive":
        knots = np.linspace(-end, end, 2 * settings.knots)
        return np.asarray(np.interp(x, knots, density.isf(sc.log_ndtr(-knots), normalize=False)))
    knots = np.linspace(0, end, settings.knots)
    values = density.isf(math.log(2) + sc.log_ndtr(-knots), normalize=False)
    values[0] = 0.0
    return np.sign(x) * np.interp(np.abs(x), knots, values)


def couple_activation(density: DensityFit, kind: Kind, x: ArrayLike) -> Array:
    """Quantile coupling of the *normalized* density with N(0, 1) at the points x (|x| <= 30), without knots.

    What `interpolate_activation` would be if g were divided by its mass; not part of the published route.

    Parameters
    ----------
    density : DensityFit
    kind : {"odd", "positive"}
    x : float or array
        Any shape. Results below 1e-8 (positive kind, x below about -5.6) are not resolved.

    Returns
    -------
    array, shape of `x`

    Raises
    ------
    ValueError, TypeError
        For an unknown kind.
    """
    x = real_array("x", x)
    if check_kind(kind) == "positive":
        return density.isf(sc.log_ndtr(-x))
    return np.sign(x) * density.isf(math.log(2) + sc.log_ndtr(-np.abs(x)))


def fit_activation(
    theta: float,
    kind: Kind,
    x: Array,
    y: Array,
    settings: ActivationSettings | None = None,
    callback: Callable[[ActivationFit], None] | None = None,
) -> tuple[ActivationFit, list[float]]:
    """Fit the activation family to points (x, y) by Adam on the mean squared error (step 4).

    The gradient is written out: four times faster than automatic differentiation here.

    Parameters
    ----------
    theta : float
        Fixes alpha = 1 - 2/theta.
    kind : {"odd", "positive"}
    x, y : array, shape (n,)
        Points of `interpolation_grid` and the values of `interpolate_activation` there.
    settings : ActivationSettings, optional
    callback : callable, optional
        Called with the fit before every step, and after the last: the learning rate stays as it is, so that iterates
        scatter about the minimum to the end.

    Returns
    -------
    fit : ActivationFit
    losses : list of float
        Before every step, and after the last: steps + 1 values.

    Raises
    ------
    FitError
        If the loss is not finite.
    ValueError, TypeError
        For an unknown kind.
    """
    import torch

    settings = settings or ActivationSettings()
    alpha = 1 - 2 / theta
    start = settings.start if check_kind(kind) == "positive" else (*settings.start[:6], 0.0)
    parameters = torch.tensor(start, dtype=torch.float64)
    parameters.grad = torch.zeros_like(parameters)
    optimizer = torch.optim.Adam([parameters], lr=settings.learning_rate)
    values, gradient = parameters.numpy(), parameters.grad.numpy()  # views
    losses = []
    for step in range(settings.steps + 1):
        with np.errstate(invalid="ignore", divide="ignore"):
            loss, slopes = squared_error(tuple(values), alpha, kind, x, y)
        losses.append(loss)
        if callback is not None:
            callback(ActivationFit(theta, kind, tuple(map(float, values))))
        if not math.isfinite(loss):
            raise FitError(
                f"theta = {theta:g}, {kind}: the loss of the activation is {loss} at step {step}", losses
            )
        if step < settings.steps:
            gradient[:] = slopes
            optimizer.step()
    return ActivationFit(theta, kind, tuple(map(float, values))), losses


def squared_error(p: tuple[Any, ...], alpha: float, kind: Kind, x: Array, y: Array) -> tuple[float, Array]:
    """Mean of (phi(x) - y)^2 and its gradient in a, b, c, d, f, g, h."""
    a, _, c, d, f, _, _ = p
    gate, power, log, s = _factors(x, alpha, p, kind)
    residual = a * gate * power * log - y
    weighted = (2 / x.size) * residual
    bend = (1 - gate * gate) if kind == "odd" else gate * (1 - gate)
    gate_power, power_log = gate * power, power * log
    by_gate = a * power_log * bend
    by_power, by_log = a * gate * log, a * gate_power
    gradient = [
        weighted @ (gate_power * log),
        weighted @ (by_gate * x),
        alpha * (weighted @ (by_power * (power - d) / (s + c))),
        weighted @ by_power,
        weighted @ (by_log / (s + f)),
        weighted @ by_log,
        weighted @ by_gate if kind == "positive" else 0.0,
    ]
    return float(residual @ residual) / x.size, np.array(gradient)
