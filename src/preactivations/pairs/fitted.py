"""The numerical route of the paper: fitted density, interpolated and fitted activation (Wolinski & Arbel, section 3).

The exact route (`factor`, `gaussian`) needs none of this; it is here to show what the authors did and what it costs in
accuracy. Four steps, all in float64:

1. density family g on (0, inf) for |Y|, parameters alpha, lambda1, lambda2, gamma, 1/theta + 1/theta' = 1/2:

       g(y) = gamma alpha lambda1^-alpha y^(alpha - 1) exp(-(y/lambda1)^alpha)
              + sqrt(2/pi) / Gamma(1 - 1/theta) exp(-(y/lambda2)^theta');

2. its parameters by Adam on the loss sup_z |S(z) - P(|N| > z)|, S(z) = int_0^inf exp(-(z/t)^theta) g(t) dt, with
   theta' going linearly from 2 to its value (`fit_density`);
3. quantile coupling of g with a normal variable on a grid (`interpolate_activation`). g does not integrate to 1: it is
   divided by its mass here (our choice);
4. activation family, alpha = 1 - 2/theta fixed, the other parameters by Adam on the mean squared error
   (`fit_activation`):

       odd       a tanh(b x) ((|x| + c)^alpha + d) (ln(|x| + f) + g)
       positive  a sigmoid(b x + h) ((s + c)^alpha + d) (ln(s + f) + g),   s = softplus(x).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray

from preactivations.gaussianity import ks_statistic
from preactivations.pairs._fitted_density import (
    DensityFit,
    DensitySettings,
    FitError,
    fit_density,
    improve_density,
    product_survival,
)
from preactivations.pairs.gaussian import GaussianPair, Kind, check_kind
from preactivations.streams import Stream, normal
from preactivations.weights import WeightLaw, as_law

__all__ = [
    "ActivationFit",
    "ActivationSettings",
    "DensityFit",
    "DensitySettings",
    "ErrorSummary",
    "FitError",
    "error_summary",
    "fit_activation",
    "fit_density",
    "improve_density",
    "interpolate_activation",
    "interpolation_grid",
    "product_ks",
    "product_survival",
    "variance_after",
]

Array = NDArray[np.float64]


class ActivationSettings(NamedTuple):
    """Hyper-parameters of `interpolation_grid` and `fit_activation`; defaults as published.

    Attributes
    ----------
    steps : int
    learning_rate : float
    quantiles, outer_points : int
        Points of the grid: quantiles k / (quantiles + 1), and those on each side.
    x_max : float
        End of the grid.
    start : tuple of 7 floats
        First a, b, c, d, f, g, h; h is 0 for the odd kind.
    """

    steps: int = 10_000
    learning_rate: float = 0.01
    quantiles: int = 1999
    outer_points: int = 50  # on each side, from the last quantile to x_max
    x_max: float = 10.0
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


def interpolate_activation(density: DensityFit, kind: Kind, x: ArrayLike) -> Array:
    """Quantile coupling of the normalized density with N(0, 1) at the points x (|x| <= 30).

    The two couplings of `gaussian`.

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
    x = np.asarray(x, dtype=np.float64)
    if check_kind(kind) == "positive":
        return density.isf(sc.log_ndtr(-x))
    return np.sign(x) * density.isf(math.log(2) + sc.log_ndtr(-np.abs(x)))


def fit_activation(
    theta: float, kind: Kind, x: Array, y: Array, settings: ActivationSettings | None = None
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


# -- what it costs ---------------------------------------------------------------------------------


class ErrorSummary(NamedTuple):
    """Errors of a fitted activation against the exact one.

    Attributes
    ----------
    rms_bulk, max_bulk : float
        Root mean squared error under N(0, 1), maximal one on |x| <= 3 (99.7 % of the normal law).
    rms_10, max_10 : float
        Both for equally weighted |x| <= 10.
    product_variance : float
        E W^2 E phi(X)^2, which is 1 for an exact pair.
    """

    rms_bulk: float
    max_bulk: float
    rms_10: float
    max_10: float
    product_variance: float


def error_summary(fit: ActivationFit, pair: GaussianPair) -> ErrorSummary:
    """`ErrorSummary` of `fit` against `pair`, on 2001 points of [-10, 10]."""
    x = np.linspace(-10, 10, 2001)
    values = fit(x)
    error = np.abs(values - pair.phi(x))
    probability = np.exp(-0.5 * x * x)
    probability /= probability.sum()
    return ErrorSummary(
        rms_bulk=math.sqrt(probability @ error**2),
        max_bulk=float(error[np.abs(x) <= 3].max()),
        rms_10=math.sqrt(np.mean(error**2)),
        max_10=float(error.max()),
        product_variance=pair.weights.variance * float(probability @ values**2),
    )


def product_ks(activation: Any, weights: str | WeightLaw, n: int, stream: Stream) -> float:
    """KS statistic of n independent products W phi(X) against N(0, 1).

    Parameters
    ----------
    activation : map
        Elementwise, from float32 arrays.
    weights : str or WeightLaw
    n : int
        At least 1.
    stream : Stream
        Its block 0 is drawn from.

    Returns
    -------
    float
    """
    law, rng = as_law(weights), stream.block(0)
    parts = np.array_split(np.empty(n, np.float32), 1 + n // 10**6)
    for part in parts:
        x = normal(part.size, rng)
        part[:] = law.sample32(part.size, rng) * activation(x)
    return ks_statistic(np.concatenate(parts))


def variance_after(activation: Any, weights: str | WeightLaw, depths: list[int]) -> list[float]:
    """v_l of the infinite-width recursion v -> E W^2 E phi(sqrt(v) G)^2 from v = 1, at the given depths.

    For an exact pair it is 1 at every depth.

    Parameters
    ----------
    activation : map
        Elementwise, from float64 arrays; evaluated on 1801 equidistant G in [-9, 9].
    weights : str or WeightLaw
    depths : list of int
        At least 0, in any order.

    Returns
    -------
    list of float
        v_l in the order of `depths`.
    """
    g = np.linspace(-9, 9, 1801)
    probability = np.exp(-0.5 * g * g)
    probability /= probability.sum()
    factor, v, out = as_law(weights).variance, 1.0, {0: 1.0}
    for depth in range(1, max(depths, default=0) + 1):
        v = factor * float(probability @ activation(math.sqrt(v) * g) ** 2)
        out[depth] = v
    return [out[depth] for depth in depths]
