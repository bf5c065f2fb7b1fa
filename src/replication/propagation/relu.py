"""Exact distances of ReLU networks from Gaussian, beside the measured ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from preactivations.relu_law.chain import NormChain

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]


def with_relu_law(layers: DataFrame) -> DataFrame:
    """`layers` with ks_theory and ks_standardized_theory of ReLU networks exact instead of at first order in 1/n."""
    layers, relu = layers.copy(), layers.activation == "relu"
    for width, rows in layers[relu].groupby("width"):
        exact = relu_ks(int(width), int(rows.depth.max()))
        for name in ("ks_theory", "ks_standardized_theory"):  # the variance is exact
            layers.loc[rows.index, name] = exact[rows.depth.to_numpy() - 1]
    return layers


def relu_ks(width: int, depth: int) -> Array:
    """Exact KS distance from normal of layers 1..depth of ReLU networks [1, width, ..., width], shape (depth,).

    Normal weights of He's variance, so that the variance is the same in all layers: the law of a pre-activation is a
    mixture of normal laws by the squared norm of the layer before (`NormChain`), with an atom at 0 of dead networks.
    """
    found = np.zeros(depth)
    if depth == 1:
        return found
    norms = NormChain(1, [width] * (depth - 1), weight_variance=[1.0] + [2 / width] * (depth - 2))
    for layer in range(1, depth):
        at = np.append(0.0, np.geomspace(2.0**-24, 2.0**8, 257))
        law = norms.first(layer).law()
        for _ in range(2):  # the second time closely about the largest
            difference = np.abs(law.mixture_cdf(at / math.sqrt(2 / width)) - ndtr(at))
            k = int(np.argmax(difference))
            found[layer] = difference[k]
            at = np.linspace(at[max(k - 1, 0)], at[min(k + 1, at.size - 1)], 65)
    return found
