"""The numerical route of the paper: fitted density, interpolated and fitted activation (Wolinski & Arbel).

The exact route (`factor`, `gaussian`) needs none of this; it is here to show what the authors did and what it costs in
accuracy. Four steps, all in float64:

1. density family g on (0, inf) for |Y|, parameters alpha, lambda1, lambda2, gamma, 1/theta + 1/theta' = 1/2:

       g(y) = gamma alpha lambda1^-alpha y^(alpha - 1) exp(-(y/lambda1)^alpha)
              + sqrt(2/pi) / Gamma(1 - 1/theta) exp(-(y/lambda2)^theta');

2. its parameters by Adam on the loss sup_z |S(z) - P(|N| > z)|, S(z) = int_0^inf exp(-(z/t)^theta) g(t) dt, with
   theta' going linearly from 2 to its value (`fit_density`);
3. quantile coupling of g with a normal variable at equidistant knots, linear in between (`interpolate_activation`). g
   does not integrate to 1, and is not divided by its mass; `couple_activation` is what dividing it would give;
4. activation family, alpha = 1 - 2/theta fixed, the other parameters by Adam on the mean squared error
   (`fit_activation`):

       odd       a tanh(b x) ((|x| + c)^alpha + d) (ln(|x| + f) + g)
       positive  a sigmoid(b x + h) ((s + c)^alpha + d) (ln(s + f) + g),   s = softplus(x).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from preactivations.gaussianity import ks_statistic
from preactivations.pairs._fitted_activation import (
    ActivationFit,
    ActivationSettings,
    couple_activation,
    fit_activation,
    interpolate_activation,
    interpolation_grid,
)
from preactivations.pairs._fitted_density import (
    DensityFit,
    DensitySettings,
    FitError,
    fit_density,
    improve_density,
    product_survival,
)
from preactivations.streams import Stream, normal
from preactivations.weights import WeightLaw, as_law

if TYPE_CHECKING:
    from preactivations.pairs.gaussian import GaussianPair
    from preactivations.pairs.table import TabulatedActivation

__all__ = [
    "ActivationFit",
    "ActivationSettings",
    "DensityFit",
    "DensitySettings",
    "ErrorSummary",
    "FitError",
    "couple_activation",
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


def error_summary(fit: ActivationFit, pair: GaussianPair | TabulatedActivation) -> ErrorSummary:
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
