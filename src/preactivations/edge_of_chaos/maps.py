"""The maps of variance and correlation from layer to layer at infinite width.

    v' = sigma_w^2 E W^2 E phi(u)^2 + sigma_b^2,                              u ~ N(0, v)
    c' = (sigma_w^2 E W^2 E phi(u_1) phi(u_2) + sigma_b^2) / v',              corr(u_1, u_2) = c
    chi_1 = sigma_w^2 E W^2 E phi'(u)^2 = dc'/dc at c = 1

(Poole et al. 2016, Schoenholz et al. 2017).

For exact pairs with sigma_w^2 + sigma_b^2 = 1 the law N(0, 1) is a fixed point of the layer map of the whole law at any
width (for independent pre-activations), so that these maps are not asymptotic there.

Integrals are closed forms or Gauss-Legendre sums over panels that resolve activation and Gaussian (`_gaussian_moments`,
`_mixed_moments`). Where phi jumps, chi_1 is infinite.

Arguments
---------
activation : str, Activation, pair, torch.nn.Module or function
    Whatever `activations.describe` takes.
sigma_w, sigma_b : float
    Scales of weights and biases, finite and >= 0: standard deviations sigma_w sqrt(E W^2 / fan_in) and
    sigma_b.
weight_variance : float, optional
    E W^2, finite and > 0; by default that of the pair, else 1.
start : float
    Variance of the first pre-activations, in [1e-14, 1e10].

All functions raise ValueError for numbers out of range, and where an integral is infinite or can't be resolved (phi
grows or oscillates too fast for that variance, or jumps where it states no kink); for activations ValueError and
TypeError as `activations.describe`.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from preactivations.activations.describe import AnyActivation, describe
from preactivations.activations.registry import Activation
from preactivations.edge_of_chaos._gaussian_moments import moments, moments_of_square
from preactivations.edge_of_chaos._mixed_moments import mixed
from preactivations.real import real_array

__all__ = [
    "V_MAX",
    "V_MIN",
    "checked_variances",
    "chi",
    "correlation_map",
    "scale_of",
    "square_moments",
    "variance_map",
    "variance_slope",
]

Array = NDArray[np.float64]
V_MIN, V_MAX = 1e-14, 1e10  # of variances


def scale_of(act: Activation, sigma_w: float, sigma_b: float, weight_variance: float | None) -> float:
    """sigma_w^2 E W^2 (None: that of `act`), the arguments being checked: ValueError out of range."""
    for name, value in {"sigma_w": sigma_w, "sigma_b": sigma_b}.items():
        if not (value >= 0 and math.isfinite(value)):
            raise ValueError(f"{name} must be finite and >= 0, got {value}")
    if weight_variance is None:
        weight_variance = act.weight_variance
    if not (weight_variance > 0 and math.isfinite(weight_variance)):
        raise ValueError(f"weight_variance must be finite and > 0, got {weight_variance}")
    return sigma_w**2 * weight_variance


def checked_variances(variance: ArrayLike) -> Array:
    """As a float64 array, same shape; ValueError for one outside [V_MIN, V_MAX]."""
    v = real_array("variance", variance)
    bad = ~((v >= V_MIN) & (v <= V_MAX))
    if np.any(bad):
        raise ValueError(f"variance must be in [{V_MIN:g}, {V_MAX:g}], got {v[bad].ravel()[0]}")
    return v


def variance_map(
    activation: AnyActivation,
    variance: ArrayLike,
    *,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    weight_variance: float | None = None,
) -> Array:
    """Variance of the next pre-activations, elementwise in `variance`.

    v' = sigma_w^2 E W^2 E phi(u)^2 + sigma_b^2, u ~ N(0, v) (Poole et al. 2016).

    Parameters
    ----------
    variance : float or array
        v, in [1e-14, 1e10]. Other arguments and errors: see the module.

    Returns
    -------
    array, shape of `variance`

    Examples
    --------
    >>> round(float(variance_map("relu", 3.0, sigma_w=math.sqrt(2))), 12)
    3.0
    """
    act = describe(activation)
    scale = scale_of(act, sigma_w, sigma_b, weight_variance)
    return np.asarray(scale * moments(act, checked_variances(variance)).square + sigma_b**2)


def variance_slope(
    activation: AnyActivation,
    variance: ArrayLike,
    *,
    sigma_w: float = 1.0,
    weight_variance: float | None = None,
) -> Array:
    """dv'/dv = sigma_w^2 E W^2 E[phi(u) phi'(u) u] / v, elementwise.

    Where phi jumps at k, from l to r, E[...] has the term k (r^2 - l^2) / 2 times the density of N(0, v) at k.
    (Schoenholz et al. 2017 write chi_1 + sigma_w^2 E phi'' phi, which misses kinks and jumps of phi.) Parameters
    and errors as for `variance_map`.

    Returns
    -------
    array, shape of `variance`

    Examples
    --------
    >>> from preactivations.weights import SymmetricWeibull
    >>> from preactivations.pairs.gaussian import GaussianPair
    >>> round(float(variance_slope(GaussianPair(SymmetricWeibull(4), "odd"), 1.0)), 5)
    0.80971
    """
    act = describe(activation)
    return np.asarray(
        scale_of(act, sigma_w, 0.0, weight_variance) * moments(act, checked_variances(variance)).derivative
    )


def chi(
    activation: AnyActivation,
    variance: ArrayLike,
    *,
    sigma_w: float = 1.0,
    weight_variance: float | None = None,
) -> Array:
    """chi_1 = sigma_w^2 E W^2 E phi'(u)^2, elementwise; infinite where phi jumps or is as steep as |x|^(1/2).

    The factor by which small differences between two inputs, and the second moment of gradients, change per
    layer (Schoenholz et al. 2017). Parameters and errors as for `variance_map`.

    Returns
    -------
    array, shape of `variance`

    Examples
    --------
    >>> round(float(chi("tanh", 0.3029, sigma_w=math.sqrt(1.46))), 4)
    0.9989
    """
    act = describe(activation)
    scale = scale_of(act, sigma_w, 0.0, weight_variance)
    square = moments(act, checked_variances(variance)).slope_square
    return np.asarray(scale * square) if scale else np.zeros_like(square)  # 0 also where the mean is infinite


def square_moments(activation: AnyActivation, variance: float) -> tuple[float, float, float]:
    """E phi(u)^2, E phi(u)^4 and E phi(u)^2 He4(u / sqrt v), u ~ N(0, v), He4(x) = x^4 - 6 x^2 + 3.

    What finite width adds (`propagation.finite_width`): d^2/dv^2 E phi(u)^2 is the last one over 4 v^2. Errors as for
    `variance_map`.

    Examples
    --------
    >>> [round(x, 12) for x in square_moments("relu", 1.0)]
    [0.5, 1.5, 0.0]
    """
    return moments_of_square(describe(activation), float(checked_variances(variance)))


def correlation_map(
    activation: AnyActivation,
    correlation: ArrayLike,
    variance: float,
    *,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    weight_variance: float | None = None,
    layers: int | None = None,
) -> Array:
    """Correlation of the next pre-activations of two inputs of equal `variance`, elementwise in `correlation`.

    c' = (sigma_w^2 E W^2 E phi(u_1) phi(u_2) + sigma_b^2) / v', corr(u_1, u_2) = c (Poole et al. 2016). With
    `layers` the map is applied so many times, `variance` being a fixed point of the variance map, and the
    result has a new first axis. Other parameters and errors as for `variance_map`.

    Parameters
    ----------
    correlation : float or array
        c, in [-1, 1]; ValueError outside.
    variance : float
        v, one for both inputs.
    layers : int, optional
        At least 1.

    Returns
    -------
    array, shape of `correlation`, or (layers, ...)

    Examples
    --------
    >>> correlation_map("relu", [-1.0, 1.0], 1.0).round(12).tolist()
    [0.0, 1.0]
    """
    act = describe(activation)
    scale = scale_of(act, sigma_w, sigma_b, weight_variance)
    if layers is not None and layers < 1:
        raise ValueError(f"layers must be at least 1, got {layers}")
    c = real_array("correlation", correlation)
    if not np.all(np.abs(c) <= 1):
        raise ValueError(f"correlations lie in [-1, 1], got {c[~(np.abs(c) <= 1)].ravel()[0]}")
    v = float(checked_variances(variance))
    after = scale * float(moments(act, v).square) + sigma_b**2
    through = []
    for _ in range(1 if layers is None else layers):
        if after == 0:
            raise ValueError(f"the next pre-activations have variance 0 from {v:g}: no correlations")
        product = mixed(act, v, c).product
        c = np.clip((scale * product + sigma_b**2) / after, -1, 1)
        through.append(c)
    return c if layers is None else np.stack(through)
