"""Exact activations against the files of their densities; how much fitted ones depend on the step at which they end."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import erfinv, ndtri_exp

if TYPE_CHECKING:
    from pandas import DataFrame

    from preactivations.pairs.table import TabulatedActivation

Array = NDArray[np.float64]

TOLERANCE = 1e-10
LAST_STEPS = 1000  # of a fit
_END = 12.0  # of |x|
_LOG_SQRT_2PI = 0.5 * math.log(2 * math.pi)


def check_coupling(table: TabulatedActivation, density: DataFrame) -> float:
    """Largest error of a table by the density, distribution and tail of its factor, at the points y of their file.

    At each y the coupling gives x with P(|Y| > y) = c P(N > x), c = 2 (odd) or 1 (positive). There phi(x) = y,
    relatively, and phi'(x) f(y) = c n(x), f the density and n the normal one, in units of the larger of c n(x) and
    f(y) y: phi' of a table is as accurate as phi.

    Raises
    ------
    ArithmeticError
        With the place, for an error above 1e-10.
    """
    odd = table.kind == "odd"
    y, f, cdf, log_tail = (density[name].to_numpy() for name in ("y", "density", "distribution", "log_tail"))
    with np.errstate(divide="ignore"):
        lower = math.sqrt(2) * erfinv(cdf) if odd else ndtri_exp(np.log(cdf))
        upper = -ndtri_exp(np.minimum(log_tail - math.log(2 if odd else 1), 0.0))
    x = np.where(cdf < 0.5, lower, upper)
    there = (np.abs(x) <= _END) & (f > 0) & np.isfinite(f) & (y > 0)
    there &= (x >= np.finfo(np.float64).tiny) | (not odd)  # a steep phi' overflows
    x, y, f = x[there], y[there], f[there]
    phi, slope = table.value_and_slope(x)
    expected = np.exp(-0.5 * x * x - _LOG_SQRT_2PI) * (2 if odd else 1)
    errors = np.stack([phi / y - 1, (slope * f - expected) / np.maximum(expected, f * y)])
    worst = np.abs(errors).max(0)
    at = int(worst.argmax())
    if not worst[at] <= TOLERANCE:
        raise ArithmeticError(
            f"{table!r} is not the activation of its density: at x = {x[at]:.6g} phi is {phi[at]:.15g} instead of "
            f"{y[at]:.15g}, and phi' f = {slope[at] * f[at]:.15g} instead of {expected[at]:.15g}"
        )
    return float(worst[at])


def variance_scatter(variances: Sequence[float]) -> float:
    """Root mean square of E W^2 E phi(X)^2 of the last iterates of a fit about that of its last one.

    The learning rate of the published fit is constant to the end, so that its result depends on the step at which it is
    stopped. A change d of the variance moves the KS statistic by about d max x n(x) / 2 = .121 d.
    """
    v = np.asarray(variances, dtype=np.float64)
    return math.sqrt(np.mean((v - v[-1]) ** 2))
