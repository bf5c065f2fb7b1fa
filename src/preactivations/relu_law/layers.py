"""Layers of a rectified network: widths and variances, by default He's, checked; and the step of the squared norm."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from preactivations.real import real_array
from preactivations.relu_law.norm_factor import NormFactor

__all__ = ["Layer", "he_variance", "per_layer", "sizes_of", "variance_or_he", "weight_variances"]

Array = NDArray[np.float64]


def he_variance(inputs: int, slope: float = 0.0) -> float:
    """Variance of a weight that keeps E |x|^2 / width: 2 / ((1 + slope^2) inputs) (He et al. 2015)."""
    if inputs < 1:
        raise ValueError(f"inputs must be at least 1, got {inputs}")
    return 2 / ((1 + slope * slope) * inputs)


def sizes_of(inputs: int, widths: Sequence[int]) -> list[int]:
    """[n_0, n_1, ..., n_L], checked."""
    sizes = [operator.index(inputs), *map(operator.index, widths)]
    if len(sizes) < 2:
        raise ValueError("widths must name at least one layer, got none")
    for name, size in zip(["inputs", *(["width"] * (len(sizes) - 1))], sizes, strict=True):
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
    return sizes


def weight_variances(
    weight_variance: float | Sequence[float] | None, sizes: Sequence[int], slope: float
) -> list[float]:
    """Variance of the weights of each layer of `sizes`, checked; He's for None."""
    if weight_variance is None:
        return [he_variance(n, slope) for n in sizes[:-1]]
    variances = per_layer(weight_variance, len(sizes) - 1, "weight_variance")
    for v in variances:
        if not (v > 0 and math.isfinite(v)):
            raise ValueError(f"weight_variance must be finite and > 0, got {v}")
    return variances


def variance_or_he(weight_variance: float | None, width: int, slope: float) -> float:
    """The variance of a weight of one square layer; He's for None."""
    (v,) = weight_variances(weight_variance, [width, width], slope)
    return v


def per_layer(values: float | Sequence[float], depth: int, name: str) -> list[float]:
    """`values` for each of `depth` layers: a number stands for all; ValueError for another shape."""
    flat = real_array(name, values)
    if flat.ndim == 0:
        return [float(flat)] * depth
    if flat.shape != (depth,):
        raise ValueError(f"{name} must be a number or one per layer ({depth}), got shape {flat.shape}")
    return [float(value) for value in flat]


class Layer:
    """One step of the chain: s^2 = v q + b, then q' = s^2 Q."""

    def __init__(self, factor: NormFactor, weight_variance: float, bias_variance: float) -> None:
        self.factor, self.v, self.b = factor, weight_variance, bias_variance

    def log_s2(self, y: Array) -> Array:
        if self.b == 0:
            return y + math.log(self.v)
        return np.logaddexp(y + math.log(self.v), math.log(self.b))
