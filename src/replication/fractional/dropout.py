"""Fractional initialization with dropout: the preserved moment of single layers, and small outputs of deep networks.

Dropout keeps an output with probability q and multiplies it by c, here 1/q. K neurons are left, and a layer's factor of
the norm is c sigma sqrt(Q_K): (c sigma)^s E M_(s/2)(K) = 1 with M_p(k) = E Q_k^p of k neurons without dropout.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import gammaln
from scipy.stats import binom

from preactivations.heavy_tails.norm_moments import log_moment
from preactivations.heavy_tails.scales import sigma, small_output_probability
from preactivations.heavy_tails.units import unit
from preactivations.streams import Stream
from replication.fractional.study import apply_unit

Row = dict[str, Any]

LEVELS = (0.1, 1.0)  # of |x^L|
_AT_ONCE = 1 << 20  # neurons


def mixture_moment(s: float, width: int, activation: str, keep: float) -> float:
    """E M_(s/2)(K): E Q^(s/2) of a layer with dropout (factor 1), from the moments of k neurons without it.

    ReLU: K ~ Binomial(d, q/2) and chi-square moments, 2^(s/2) Gamma((K + s)/2) / Gamma(K/2). Others:
    K ~ Binomial(d, q). Another route than that of `heavy_tails.sigma`, which puts dropout into the deficit of a neuron.
    """
    k = np.arange(1, width + 1)
    if activation == "relu":
        logs = s / 2 * math.log(2) + gammaln((k + s) / 2) - gammaln(k / 2)
        weights = binom.pmf(k, width, keep / 2)
    else:
        logs = np.array([log_moment(s / 2, int(n), unit(activation)) for n in k])
        weights = binom.pmf(k, width, keep)
    return float(weights @ np.exp(logs))


def dropout_row(activation: str, s: float, keep: float, width: int, draws: int, stream: Stream) -> Row:
    """E|x'|^s of single layers with dropout, |x| = 1, factor 1/keep, at the scale of `heavy_tails.sigma` with dropout.

    mean with error: over `draws` layers, masks drawn; formula: by `mixture_moment`; uncorrected: the same at the scale
    of a layer without dropout.
    """
    factor, neuron = 1 / keep, unit(activation)
    scale = float(sigma(s, width, activation, keep=keep, factor=factor))
    rng, values = stream.block(0), []
    step = max(1, _AT_ONCE // width)
    for start in range(0, draws, step):
        shape = (min(step, draws - start), width)
        out = apply_unit(rng.standard_normal(shape), neuron, rng) * (rng.random(shape) < keep)
        values.append((scale * factor * np.sqrt((out * out).sum(axis=1))) ** s)
    powers = np.concatenate(values)
    moment = mixture_moment(s, width, activation, keep)
    return {
        "activation": activation,
        "s": s,
        "keep": keep,
        "factor": factor,
        "width": width,
        "draws": draws,
    } | {
        "mean": float(powers.mean()),
        "error": float(powers.std() / math.sqrt(draws)),
        "formula": (factor * scale) ** s * moment,
        "uncorrected": (factor * float(sigma(s, width, activation))) ** s * moment,
    }


def small_rows(activation: str, keep: float, orders: Sequence[float], width: int, depth: int) -> list[Row]:
    """P(|x^L| <= level), exact, by order s and level; dropout with factor 1/keep, none for keep = 1."""
    name = {"activation": activation, "keep": keep, "width": width, "depth": depth}
    dropout = {"keep": keep, "factor": 1 / keep}
    return [
        name | {"s": s, "level": level, "small": float(p)}
        for s in orders
        for level, p in zip(
            LEVELS, small_output_probability(LEVELS, depth, s, width, activation, **dropout), strict=True
        )
    ]
