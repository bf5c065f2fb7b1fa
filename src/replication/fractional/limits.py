"""Limits of fractional initialization: order to 2, depth to infinity, and levels far in the tail. Computed, no samples.

Networks have constant width and an input of norm 1, and no biases unless they are named.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr

from preactivations.heavy_tails.log_norms import norm_law
from preactivations.heavy_tails.scales import clt_mean_variance, moment_growth, sigma
from preactivations.heavy_tails.units import unit
from preactivations.relu_law.norm_laws import NormLaw
from preactivations.relu_law.stationary import stationary_law

Array = NDArray[np.float64]
Row = dict[str, Any]

# 2 - s, on the way to order 2
_BELOW_TWO = (0.1, 0.01, 0.001, 0.0001, 0.0)
_SMALL = 0.01  # of |x^L|
_HIGH = 0.999  # quantile
_DEVIATIONS = 2.5
_LEVELS = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10)  # of P(|x| > t)


def traditional_sigma(activation: str, width: int) -> float:
    """Standard deviation of the usual schemes in a square layer: Glorot's for linear units, He's for the others.

    Glorot & Bengio 2010: sqrt(2 / (n_in + n_out)). He et al. 2015: sqrt(2 / ((1 + a^2) n_in)), a the slope for negative
    arguments; for the randomized slope a^2 stands for its mean square, (l^2 + l u + u^2) / 3 on (l, u) = (1/8, 1/3).
    """
    if activation == "linear":
        return math.sqrt(2 / (width + width))
    low, high = 1 / 8, 1 / 3
    square = {"relu": 0.0, "leaky_relu": 0.01**2, "rrelu": (low**2 + low * high + high**2) / 3}[activation]
    return math.sqrt(2 / ((1 + square) * width))


def order_rows(activations: Sequence[str], widths: Sequence[int]) -> list[Row]:
    """sigma on the way to s = 2, by activation, width and s: `sigma`, `traditional`, and their relative `distance`."""
    rows: list[Row] = []
    for activation in activations:
        for width in widths:
            known = traditional_sigma(activation, width)
            for below in _BELOW_TWO:
                ours = float(sigma(2 - below, width, activation))
                rows.append(
                    {"activation": activation, "width": width, "s": 2 - below, "below": below}
                    | {"sigma": ours, "traditional": known, "distance": ours / known - 1}
                )
    return rows


def depth_rows(activation: str, s: float, width: int, depths: Sequence[int]) -> list[Row]:
    """|x^L| without biases against depth, exact, by `depth`.

    log_median and log_high: logarithms of the median and the 99.9 % quantile given that no layer is dead; exceeds =
    P(|x^L| > .01); moment = E|x^L|^s by quadrature of the law (NaN where values of a probability below 1e-10 make it);
    growth = E|x'|^(s/2) / |x|^(s/2) of one layer. Where growth < 1, the bound P(|x^L| > e) <= e^(-s/2) growth^L
    (Markov) has a finite sum over L, so that |x^L| -> 0 almost surely (Borel and Cantelli).
    """
    neuron, variance = unit(activation), float(sigma(s, width, activation)) ** 2
    step = float(clt_mean_variance(s, width, activation).variance)
    rows: list[Row] = []
    for depth in depths:
        law = norm_law(width, depth, neuron, variance)
        median, high = law.ppf_of_log(law.atom + law.alive * np.array([0.5, _HIGH])) / 2
        rows.append(
            {"activation": activation, "s": s, "width": width, "depth": depth}
            | {"log_median": float(median), "log_high": float(high), "alive": law.alive}
            | {"exceeds": float(1 - law.cdf_of_log(np.array(2 * math.log(_SMALL))))}
            # the values that make the moment are s sqrt(V L) deviations off
            | {"moment": _moment(law, s / 2) if s * math.sqrt(step * depth) < _DEVIATIONS else math.nan}
            | {"growth": float(moment_growth(s / 2, s, width, activation))}
        )
    return rows


def _moment(law: NormLaw, p: float) -> float:
    """E q^p by the trapezoidal rule in log q: the density is smooth, and nearly 0 at both ends."""
    y = np.linspace(law.low, law.high, 8001)
    return float(np.trapezoid(law.pdf_of_log(y) * np.exp(p * y), y))


def exponent_rows(activation: str, s: float, width: int, depth: int) -> list[Row]:
    """Local tail exponent -d log P(|x| > t) / d log t, exact, where P(|x| > t | no dead layer) is `level`.

    By `biases`: N(0, 1), in the stationary law (a Pareto tail of index s has the exponent s at all levels), or none,
    after `depth` layers. Without: log_normal is the exponent of the normal law of log|x^L| with the mean and the
    variance of the central limit theorem. square: E|x|^2, inf where it is infinite.
    """
    neuron, variance = unit(activation), float(sigma(s, width, activation)) ** 2
    normal = clt_mean_variance(s, width, activation)
    mean, deviation = depth * float(normal.mean), math.sqrt(depth * float(normal.variance))
    rows: list[Row] = []
    laws: dict[bool, NormLaw] = {
        True: stationary_law(width, variance, 1.0, neuron.lower),
        False: norm_law(width, depth, neuron, variance),
    }
    for biases, law in laws.items():
        for level in _LEVELS:
            log_q = law.ppf_of_log(np.array(1 - law.alive * level))
            exponent = 2 * float(law.pdf_of_log(log_q)) / (law.alive * level)
            z = (float(log_q) / 2 - mean) / deviation
            hazard = math.exp(-z * z / 2 - float(log_ndtr(-z))) / math.sqrt(2 * math.pi) / deviation
            square = law.moment(1) if biases else float(moment_growth(2, s, width, activation, depth=depth))
            rows.append(
                {"activation": activation, "s": s, "width": width, "biases": biases, "level": level}
                | {"depth": math.nan if biases else float(depth)}
                | {"log_norm": float(log_q) / 2, "exponent": exponent}
                | {"log_normal": math.nan if biases else hazard, "square": square}
            )
    return rows
