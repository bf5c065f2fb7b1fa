r"""Scales of normal weights that preserve a moment of order s of the norm, in (0, 2], at any width; what they do in
depth.

Without biases a layer of d neurons multiplies the norm, |x'| = sigma |x| sqrt(Q), with independent weights N(0,
sigma^2) and Q = |phi(g)|^2, g ~ N(0, I_d). With M_p = E Q^p

    E|x'|^s = |x|^s   iff   sigma^s M_(s/2)(d) = 1.

s = 2 is He's scale (Glorot's, for linear units, in square layers). For s < 2 weights are larger: moments above s grow
with depth and the norm has heavy tails; with biases its limit has a Pareto tail of index s. All is exact at finite
width: no expansion in 1/d.

After Gurbuzbalaban and Hu, "Fractional moment-preserving initialization schemes for training deep neural networks",
AISTATS 2021; formulas derived here.

Arguments
---------
s : float or array
    Order of the moment that the weights preserve, in (0, 2].
d : int or array of int
    Neurons of a layer, from 1 to 1e7. s and d broadcast, and results have the shape that comes out.
activation : {"relu", "linear", "leaky_relu", "rrelu"}, optional
    Names as in `torch.nn.init.calculate_gain`, and "rrelu", the randomized leaky ReLU. "relu" by default.
param : float or (float, float), optional
    Slope of "leaky_relu" for negative arguments, .01 by default; of "rrelu" the ends (lower, upper) of its
    uniform slope, 0 <= lower < upper, (1/8, 1/3) by default; the others take none. Slopes are 0 or from 1e-6
    to 1e6 in absolute value.
keep : float, optional
    Probability that dropout keeps an output, in [1e-12, 1]; 1 by default.
factor : float, optional
    By which dropout multiplies what it keeps, 1e-6 to 1e12; 1 by default, 1 / keep in `torch.nn.Dropout`.
**dropout
    `keep` and `factor`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from preactivations.heavy_tails.log_norms import norm_law
from preactivations.heavy_tails.norm_moments import log_mean_variance, log_moment
from preactivations.heavy_tails.units import Param, Unit, unit
from preactivations.real import real_array
from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.layers import he_variance
from preactivations.relu_law.norm_laws import NormLaw

__all__ = [
    "LogNormal",
    "clt_mean_variance",
    "moment_growth",
    "norm_tail_index",
    "sigma",
    "sigma_authors",
    "sigma_rectangular",
    "sigma_second_order",
    "small_output_probability",
]

Array = NDArray[np.float64]


class LogNormal(NamedTuple):
    """Per layer: log|x^L| is near normal with mean log|x^0| + L mean and variance L variance.

    Attributes
    ----------
    mean : array
        Of one step of log|x|, in the shape of s and d broadcast.
    variance : array
        Likewise.
    """

    mean: Array
    variance: Array


def sigma(
    s: ArrayLike, d: ArrayLike, activation: str = "relu", param: Param = None, **dropout: float
) -> Array:
    """Standard deviation of the weights that preserves the moment of order s of the norm: M_(s/2)(d)^(-1/s).

    Relative error below 1e-10 for s >= 1e-5 and 1e-9 below, d to 1e7 (linear and ReLU: below 1e-12 for any s). The
    limit s -> 0 preserves the mean log norm (random-walk initialization, Sussillo & Abbott) where no layer dies; ReLU
    has a dead layer with probability 2^-d, so that sigma(s, d) ~ (1 - 2^-d)^(-1/s) diverges as s -> 0, visibly for
    small d; inf beyond the largest float.

    Rectangular layers: d is the number of neurons, n_out, for the norm; see `sigma_rectangular` for the mean square.
    Arguments: see the module.

    Returns
    -------
    array

    Raises
    ------
    ValueError
        For s or d out of range, and what `unit` refuses.

    Examples
    --------
    >>> (sigma([0.5, 1, 1.5, 2], 64) * np.sqrt(32)).round(6).tolist()
    [1.015024, 1.009907, 1.004901, 1.0]
    """
    neuron = unit(activation, param, **dropout)
    orders, widths = _orders(s), _widths(d)
    with np.errstate(over="ignore"):
        found = [
            math.sqrt(1 / (width * neuron.even_moment(1)))
            if order == 2
            else np.exp(np.float64(_log_sigma(order, int(width), neuron)))
            for order, width in np.broadcast(orders, widths)
        ]
    return np.reshape(found, np.broadcast_shapes(orders.shape, widths.shape))


def sigma_rectangular(
    s: ArrayLike,
    n_in: ArrayLike,
    n_out: ArrayLike,
    activation: str = "relu",
    param: Param = None,
    **dropout: float,
) -> Array:
    """sigma(s, n_out) sqrt(n_out / n_in): preserves E rms(x)^s, rms(x) = |x| / sqrt(size of x), in rectangular layers.

    He's variance with fan-in at s = 2. (The authors' programs take sigma(s, n_in) instead, which is another moment for
    s < 2.)

    Parameters
    ----------
    n_in, n_out : int or array of int
        Inputs and neurons of the layer, 1 to 1e7; they broadcast with s. Other arguments: see the module.

    Returns
    -------
    array

    Raises
    ------
    ValueError
        For n_in out of range, and what `sigma` refuses.
    """
    return np.asarray(sigma(s, n_out, activation, param, **dropout) * np.sqrt(_widths(n_out) / _widths(n_in)))


def _log_sigma(order: float, width: int, neuron: Unit) -> float:
    return -log_moment(order / 2, width, neuron) / order


def sigma_second_order(
    s: ArrayLike, d: ArrayLike, activation: str = "relu", param: Param = None, **dropout: float
) -> Array:
    """sigma to second order in 1/d: sigma^2 = [1 + (2 - s) r / (4 d)] / (d mu), mu = E phi(g)^2, r = d Var Q / (E Q)^2.

    r is 5 for ReLU, 2 for linear units, (5 - 2 a^2 + 5 a^4) / (1 + a^2)^2 for the slope a. The relative error
    is of order d^-2. Arguments, shape and errors as for `sigma`.
    """
    neuron = unit(activation, param, **dropout)
    orders, widths = _orders(s), _widths(d)
    mean = neuron.even_moment(1)
    r = neuron.even_moment(2) / mean**2 - 1
    return np.sqrt((1 + (2 - orders) * r / (4 * widths)) / (widths * mean))


def sigma_authors(s: ArrayLike, d: ArrayLike, activation: str = "relu", param: Param = None) -> Array:
    """The second-order formulas of the authors' programs, which for leaky ReLU agree with ours to order a^2 only.

    ReLU: 2/d + 5 (2-s)/(2 d^2); linear: 1/d + (2-s)/(2 d^2); leaky ReLU of slope a: 2/((1+a^2) d) + (2-s) [(5 s - 24)
    a^2 + 10] / ([2 (s+2) a^2 + 4] d^2). Square roots of these. Arguments and shape as for `sigma`.

    Raises
    ------
    ValueError
        For "rrelu", of which no formula is known, and what `sigma` refuses.
    """
    neuron = unit(activation, param)
    orders, widths = _orders(s), _widths(d)
    if neuron.lower != neuron.upper:
        raise ValueError("no formula of the authors is known for rrelu")
    a2 = neuron.lower**2
    if activation == "linear":
        return np.sqrt(1 / widths + (2 - orders) / (2 * widths**2))
    numerator = (2 - orders) * ((5 * orders - 24) * a2 + 10)
    return np.sqrt(2 / ((1 + a2) * widths) + numerator / ((2 * (orders + 2) * a2 + 4) * widths**2))


def moment_growth(
    p: ArrayLike,
    s: ArrayLike,
    d: ArrayLike,
    activation: str = "relu",
    param: Param = None,
    depth: ArrayLike = 1,
    **dropout: float,
) -> Array:
    """E|x^L|^p / |x^0|^p = (sigma^p M_(p/2))^depth at the scale of `sigma`: below 1 for p < s, 1 at s, above for p > s.

    Parameters
    ----------
    p : float or array
        Order of the moment that is looked at, in (0, 2].
    depth : int or array of int
        Layers L, at least 0. p, s, d and depth broadcast. Other arguments: see the module.

    Returns
    -------
    array
        inf beyond the largest float.

    Raises
    ------
    ValueError
        For p or depth out of range, and what `sigma` refuses.
    """
    neuron, layers = unit(activation, param, **dropout), np.asarray(depth)
    if not (layers >= 0).all():
        raise ValueError(f"depth must be at least 0, got {layers}")
    found = [
        layer * (order * _log_sigma(target, int(width), neuron) + log_moment(order / 2, int(width), neuron))
        for order, target, width, layer in np.broadcast(_orders(p), _orders(s), _widths(d), layers)
    ]
    shape = np.broadcast_shapes(np.shape(p), np.shape(s), np.shape(d), layers.shape)
    with np.errstate(over="ignore"):
        return np.exp(np.reshape(found, shape))


def clt_mean_variance(
    s: ArrayLike, d: ArrayLike, activation: str = "relu", param: Param = None, **dropout: float
) -> LogNormal:
    """Mean log sigma + E log(Q)/2 and variance Var(log Q)/4 of the step of log|x| in one layer, given that none dies.

    (log|x^L| - log|x^0| - L mean) / sqrt(L variance) tends to N(0, 1). The mean is near -s variance / 2; the variance
    does not depend on s. Arguments: see the module.

    Returns
    -------
    LogNormal

    Raises
    ------
    ValueError
        What `sigma` refuses.

    Examples
    --------
    >>> [round(float(v), 6) for v in clt_mean_variance(1, 64)]
    [-0.010196, 0.020749]
    """
    neuron = unit(activation, param, **dropout)
    found = []
    for order, width in np.broadcast(_orders(s), _widths(d)):
        mean, variance = log_mean_variance(int(width), neuron)
        found.append((_log_sigma(order, int(width), neuron) + mean / 2, variance / 4))
    means, variances = np.reshape(found, (*np.broadcast_shapes(np.shape(s), np.shape(d)), 2)).T
    return LogNormal(np.asarray(means).T, np.asarray(variances).T)


def small_output_probability(
    x: ArrayLike,
    depth: int,
    s: ArrayLike,
    d: int,
    activation: str = "relu",
    param: Param = None,
    **dropout: float,
) -> Array:
    """P(|x^L| <= x |x^0|) after `depth` layers of d neurons, exactly, dead networks included.

    Outputs of order s are those of order 2 times (sigma_s / sigma_2)^depth for the same noise: smaller s has fewer
    small outputs, at every x. Without dropout and randomized slopes by the law of `relu_law.chain.NormChain`; else by
    that of `log_norms`, whose absolute error is below 1e-12.

    Parameters
    ----------
    x : float or array
        At least 0; it broadcasts with s.
    depth, d : int
        Layers, at least 1, and neurons of each. Other arguments: see the module.

    Returns
    -------
    array

    Raises
    ------
    ValueError
        For x < 0, depth < 1, and what `sigma` refuses.

    Examples
    --------
    >>> [round(float(small_output_probability(0.1, 20, s, 16, keep=0.8, factor=1.25)), 4) for s in (2, 1)]
    [0.5096, 0.2844]
    """
    neuron = unit(activation, param, **dropout)
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    x = real_array("x", x)
    if not (x >= 0).all():
        raise ValueError(f"x must be >= 0, got {x}")
    # one law for all orders: outputs of order s are those at sigma = 1 times sigma^depth
    width = int(_widths(d))
    law: NormLaw
    if neuron.lower == neuron.upper and neuron.keep == neuron.factor == 1:
        variance = he_variance(width, neuron.lower)
        law = NormChain(width, [width] * depth, slope=neuron.lower, weight_variance=variance).law()
    else:
        law = norm_law(width, depth, neuron, 1 / (width * neuron.even_moment(1)))
    change = sigma(s, d, activation, param, **dropout) / sigma(2.0, d, activation, param, **dropout)
    return law.cdf((x / change**depth) ** 2)


def norm_tail_index(
    scale: ArrayLike, d: int, activation: str = "relu", param: Param = None, **dropout: float
) -> Array:
    """s in (0, 2] whose `sigma` is `scale`, elementwise: with biases norms have a Pareto tail of that index (Kesten).

    Parameters
    ----------
    scale : float or array
        Standard deviation of a weight, > 0.
    d : int
        Neurons of a layer. Other arguments: see the module.

    Returns
    -------
    array, shape of `scale`

    Raises
    ------
    ValueError
        If the index is not in [1e-4, 2], and what `sigma` refuses.
    """
    width, neuron = int(_widths(d)), unit(activation, param, **dropout)
    scales = real_array("scale", scale)
    return np.reshape(
        [_norm_tail_index(float(value), width, neuron) for value in scales.ravel()], scales.shape
    )


def _norm_tail_index(scale: float, width: int, neuron: Unit) -> float:
    if not (scale > 0 and math.isfinite(scale)):
        raise ValueError(f"scale must be finite and > 0, got {scale}")

    def excess(s: float) -> float:
        return _log_sigma(s, width, neuron) - math.log(scale)

    if abs(excess(2.0)) < 1e-14:
        return 2.0
    if not excess(2.0) < 0 <= excess(1e-4):
        lowest, highest = (math.log(scale) + excess(s) for s in (2.0, 1e-4))
        raise ValueError(
            f"log of scale must be from {lowest:.6g} (index 2) to {highest:.6g} (index 1e-4) at width {width}, got "
            f"scale {scale}"
        )
    return float(brentq(excess, 1e-4, 2.0, xtol=1e-13, rtol=1e-13))


def _orders(s: ArrayLike) -> Array:
    found = real_array("s", s)
    if not ((found > 0) & (found <= 2)).all():
        raise ValueError(f"orders of moments must be in (0, 2], got {found}")
    return found


def _widths(d: ArrayLike) -> Array:
    found = real_array("d", d)
    if not ((found >= 1) & (found == np.floor(found)) & (found <= 1e7)).all():
        raise ValueError(f"d must be a whole number of neurons, from 1 to 1e7, got {found}")
    return found
