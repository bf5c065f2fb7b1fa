"""Layers with biases in the long run: the stationary law of the squared norm q, and the index of its Pareto tail.

q' = (v q + sigma_b^2) Q is a random difference equation (Kesten 1973): for large q it multiplies by v Q, so that the
eigenvalues E (v Q)^m of the transfer operator without bias say which moments stay finite.

Arguments
---------
width : int
    n of all layers, which are square.
weight_variance : float, optional
    v > 0 of all layers; by default He's, `he_variance(width, slope)`.
slope : float, optional
    As in `chain`.
"""

from __future__ import annotations

import math

import numpy as np
import scipy.special as sc
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from preactivations.real import real_array
from preactivations.relu_law.grid_laws import stationary_grid_law
from preactivations.relu_law.layers import Layer, variance_or_he
from preactivations.relu_law.norm_factor import NormFactor
from preactivations.relu_law.norm_laws import NormLaw

__all__ = ["eigenvalue", "squared_norm_tail_index", "stationary_law", "stationary_sample"]

Array = NDArray[np.float64]

_MOST_LAYERS = 1_000_000


def eigenvalue(width: int, m: ArrayLike, weight_variance: float | None = None, slope: float = 0.0) -> Array:
    """Eigenvalue v^m E[Q^m; Q > 0] of the transfer operator of norms without bias, for the eigenfunction q^(-1-m).

    log-convex in m; He's variance (the default) makes that of m = 1 equal 1, and for m = 2 it is 1 + 5/n (ReLU), below
    1 between 0 and 1: no variance keeps all moments. m is real, float or array; the result has its shape, and
    is infinite where `NormFactor.moment` is. Other arguments: see the module.
    """
    v = variance_or_he(weight_variance, width, slope)
    m = real_array("m", m)
    with np.errstate(over="ignore"):
        return np.exp(m * math.log(v) + NormFactor(width, slope).log_moment(m))


def squared_norm_tail_index(width: int, weight_variance: float | None = None, slope: float = 0.0) -> float:
    """Index kappa of the Pareto tail P(q > x) ~ C x^-kappa of the stationary norm with biases (Kesten 1973).

    kappa > 0 solves `eigenvalue(width, kappa) = 1`. For He's variance, the default, it is 1: infinite mean.
    Arguments: see the module.

    Raises
    ------
    ValueError
        If there is no stationary law: log q drifts upwards, E log(v Q) >= 0, and no layer is ever dead; or
        dead layers are so rare that kappa is below 1e-9.
    """
    v = variance_or_he(weight_variance, width, slope)
    factor = NormFactor(width, slope)

    def log_eigenvalue(m: float) -> float:
        return m * math.log(v) + float(factor.log_moment(m))

    drift = math.log(v) + factor.log_moments().mean
    if drift >= 0 and factor.atom == 0:
        raise ValueError(
            f"weight_variance {v:g} at width {width} and slope {slope:g} leaves no stationary law: E log(v Q) = "
            f"{drift:.4g} must be negative"
        )
    # convex, 0 or negative at 0, then once through 0
    high = 1.0
    while log_eigenvalue(high) <= 0:
        high *= 2
    low = high / 2
    while log_eigenvalue(low) >= 0:
        low /= 2
        if low < 1e-9:
            raise ValueError(
                f"weight_variance {v:g} at width {width}: log q drifts upwards by {drift:.3g} per layer, and a dead "
                "layer is too rare for a tail index above 1e-9"
            )
    return float(brentq(log_eigenvalue, low, high, xtol=1e-14, rtol=1e-14))


def stationary_law(
    width: int, weight_variance: float | None = None, bias_variance: float = 1.0, slope: float = 0.0
) -> NormLaw:
    """Law of q that a layer with biases leaves as it is.

    It exists where the mean of log(v Q), a dead layer included, is negative: always for ReLU, because a dead layer
    (probability 2^-n) makes the chain start anew; in practice where E[log(v Q) | alive] < 0. `bias_variance`
    is sigma_b^2 > 0. Other arguments: see the module.

    Raises
    ------
    ValueError
        For variances out of range, no stationary law, or one too wide for a grid.
    """
    if not (bias_variance > 0 and math.isfinite(bias_variance)):
        raise ValueError(
            f"bias_variance must be finite and > 0, got {bias_variance}: without biases norms have no stationary law"
        )
    squared_norm_tail_index(width, weight_variance, slope)  # refuses what has no stationary law
    v = variance_or_he(weight_variance, width, slope)
    layer = Layer(NormFactor(width, slope), v, bias_variance)
    log_b = math.log(bias_variance)

    def log_bound(p: float) -> float:
        grown = float(layer.factor.essential.log_moment(p))
        if p < 0:
            return p * log_b + grown
        log_lambda = p * math.log(v) + grown
        if log_lambda >= 0:  # p >= kappa; kappa itself is a rounded root
            return math.inf
        if p <= 1:  # m = M (v^p m + b^p)
            return p * log_b + grown - math.log(-math.expm1(log_lambda))
        # m^(1/p) = M^(1/p) (v m^(1/p) + b)
        return p * (log_b + grown / p - math.log(-math.expm1(log_lambda / p)))

    def log_moment(p: float) -> float | None:
        """m_k = M_k E(v q + b)^k: solved for m_k in turn, dead networks counting in m_0."""
        if not (p >= 0 and p == math.floor(p)):
            return None
        m = [0.0]  # logarithms
        for k in range(1, int(p) + 1):
            grown = float(layer.factor.log_moment(k))
            if k * math.log(v) + grown >= 0:
                return math.inf
            terms = [math.log(math.comb(k, j)) + j * math.log(v) + (k - j) * log_b + m[j] for j in range(k)]
            m.append(grown + float(sc.logsumexp(terms)) - math.log(-math.expm1(k * math.log(v) + grown)))
        return m[int(p)] if p else math.log1p(-layer.factor.atom)

    return stationary_grid_law(layer, log_bound, log_moment)


def stationary_sample(
    size: int,
    rng: np.random.Generator,
    width: int,
    weight_variance: float | None = None,
    bias_variance: float = 1.0,
    slope: float = 0.0,
    *,
    tolerance: float = 1e-12,
) -> tuple[Array, int]:
    """(independent draws of the stationary q, shape (size,); layers of the longest series). No law is computed.

    The layers in reverse order give a series of positive terms,

        q = sigma_b^2 sum_(k >= 1) v^(k-1) Q_1 ... Q_k,

    with independent Q_k of `NormFactor`. Each draw ends at the first term below `tolerance` times its sum: what is left
    is that term times v q' / sigma_b^2, q' another draw. Time grows as log(tolerance) / E log(v Q): near the largest
    variance that has a stationary law it is long. Other arguments: see `stationary_law`.

    Raises
    ------
    ValueError
        As for `stationary_law`; and for a series of more than a million layers.
    """
    if not (bias_variance > 0 and math.isfinite(bias_variance)):
        raise ValueError(f"bias_variance must be finite and > 0, got {bias_variance}")
    squared_norm_tail_index(width, weight_variance, slope)  # refuses what has no stationary law
    v, factor = variance_or_he(weight_variance, width, slope), NormFactor(width, slope)
    q = np.zeros(size)
    left, term, layers = np.arange(size), np.full(size, bias_variance / v), 0
    while left.size:
        layers += 1
        if layers > _MOST_LAYERS:
            raise ValueError(
                f"weight_variance {v:g} at width {width}: the series takes more than a million layers"
            )
        with np.errstate(under="ignore"):
            term = term * v * factor.sample(left.size, rng)
        q[left] += term
        going = term > tolerance * q[left]
        left, term = left[going], term[going]
    return q, layers
