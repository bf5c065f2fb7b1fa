"""Densities of the factor |Y| in files of one form, by the exact route and by the fit of the paper.

Columns: y, density, distribution P(|Y| <= y), log_tail log P(|Y| > y), of a law: a fitted density that does not
integrate to 1 is divided by its mass. y are equidistant points up to y_max, and quantiles: of the tail down to
exp(-600), and of an exact law next to 0. Past the support, or where the tail of a fitted law underflows, log_tail is
-inf. Attributes of the frame, kept by the file:

law, theta
    Of the weights; theta is infinite for weights +-1, NaN for other spherical ones.
route
    exact or fitted.
mass
    Integral of the density before it is divided: exact, by quadrature between the points.
error
    exact: largest difference between the integral of the density from point to point, by a rule of eight nodes, and
    the increment of the distribution, relative to the smaller of P(|Y| <= y) and P(|Y| > y). fitted: the last loss,
    sup_z |P(|W Y| > z) - P(|N| > z)|.
parameters
    fitted: alpha, lambda1, lambda2, gamma.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preactivations.quadrature import gauss_legendre
from preactivations.weights import SphericalMarginal, SymmetricWeibull, as_law

if TYPE_CHECKING:
    from pandas import DataFrame

    from preactivations.pairs.factor import GaussianFactor
    from preactivations.pairs.fitted import DensityFit

Array = NDArray[np.float64]

_ORDER = 8  # of the rule on each panel
_NEAR = np.linspace(-75, -0.5, 299)  # log of a probability: those that |x| <= 12 has
_TAILS = np.concatenate([np.linspace(-600, -77, 262), _NEAR])


def exact_density(law: str, factor: GaussianFactor, y_max: float, n_points: int) -> DataFrame:
    """The file of an exact density."""
    quantiles = [factor.isf(np.exp(_TAILS)), factor.ppf(np.exp(_NEAR))]
    y = np.unique(np.concatenate([np.linspace(0, y_max, n_points), *quantiles]))
    frame = pd.DataFrame(
        {"y": y, "density": factor.pdf(y), "distribution": factor.cdf(y), "log_tail": factor.logsf(y)}
    )
    # theta = 2: the density is infinite at the end, and no rule is right next to it
    inside = y[(y > 0) & (frame.log_tail > (-4 if factor.weights == SymmetricWeibull(2) else -600.5))]
    at, weight = gauss_legendre(inside, _ORDER)
    panels = (factor.pdf(at) * weight).reshape(-1, _ORDER).sum(1)
    cdf, sf = factor.cdf(inside), factor.sf(inside)
    increments = np.where(sf[1:] < 0.5, -np.diff(sf), np.diff(cdf))
    mass = cdf[0] + panels.sum() + sf[-1]
    error = np.max(np.abs(panels - increments) / np.minimum(cdf[1:], sf[:-1]))
    frame.attrs = {"law": law, "theta": law_theta(law)} | {
        "route": "exact",
        "mass": float(mass),
        "error": float(error),
    }
    return frame


def fitted_density(law: str, fit: DensityFit, loss: float, y_max: float, n_points: int) -> DataFrame:
    """The file of a fitted density, whose last loss is `loss`."""
    y = np.union1d(np.linspace(0, y_max, n_points), fit.isf(_TAILS))
    sf = fit.sf(y) / fit.mass
    with np.errstate(divide="ignore"):
        frame = pd.DataFrame(
            {"y": y, "density": fit.pdf(y) / fit.mass, "distribution": 1 - sf, "log_tail": np.log(sf)}
        )
    parameters = [fit.alpha, fit.lambda1, fit.lambda2, fit.gamma]
    frame.attrs = {"law": law, "theta": law_theta(law)} | {
        "route": "fitted",
        "mass": fit.mass,
        "error": loss,
        "parameters": parameters,
    }
    return frame


def law_theta(law: str) -> float:
    """theta of a law by its name, infinite for weights +-1, NaN for other spherical ones."""
    match as_law(law):
        case SymmetricWeibull(theta=theta):
            return theta
        case SphericalMarginal(b=0):
            return math.inf
    return math.nan
