"""Kernels of smooth activations: wide layers with normal weights, and the first correction for independent weights.

With h = w.x, g = w.y, |x| = |y| = 1, the kernel is E phi(h) phi(g). Weights of mean 0 and variance 1 make it that of
normal weights as the number of inputs grows (Tsuchida et al. 2018, corollary of the central limit theorem); Edgeworth's
expansion of the law of (h, g) says how far it is. Tensor rules of Gauss and Hermite: for activations without kinks.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from preactivations.activations.registry import by_name
from preactivations.kernels.inputs import checked_inputs, scaled

__all__ = ["smooth_correction", "smooth_kernel"]

Array = NDArray[np.float64]

_NODES = 120


def smooth_kernel(activation: str, angle: float) -> float:
    """E phi(h) phi(g) for standard normal h, g of correlation cos(angle).

    Parameters
    ----------
    activation : str
        Of `activations.registry`, without kinks: "tanh", "erf", "gelu", ...
    angle : float
        In [0, pi].

    Raises
    ------
    ValueError
        For an activation with kinks, whose kernels are in `maps`, or an unknown one.

    Examples
    --------
    >>> round(smooth_kernel("erf", 1.0), 6)  # (2/pi) arcsin(2 cos(1) / 3), Williams 1997
    0.234584
    """
    values, weights, _ = _grid(activation, angle)
    return float((values * weights).sum())


def smooth_correction(activation: str, x: Any, y: Any, kappa4: float) -> float:
    """First order of k - k_Gauss for independent symmetric weights of variance 1 and excess kurtosis `kappa4`.

    (kappa4 / 24) sum_i E phi(h) phi(g) |a_i|^4 He_4(a_i.e / |a_i|) with (h, g) = L e, e standard normal, and
    a_i = L^(-1) (x_i, y_i): of order 1/m for delocalized inputs (derived here, Edgeworth).

    Parameters
    ----------
    x, y : array_like, shape (m,)
        Of norm 1, and not parallel. `activation` as for `smooth_kernel`.

    Raises
    ------
    ValueError
        For inputs of another norm or parallel ones, and what `smooth_kernel` refuses.
    """
    x, y = (np.asarray(z, dtype=np.float64) for z in checked_inputs(x, y))
    if not (abs(np.linalg.norm(x) - 1) < 1e-9 and abs(np.linalg.norm(y) - 1) < 1e-9):
        raise ValueError("inputs must have norm 1")
    # coordinates along the bisector and across it are independent
    (p, along), (q, across) = scaled(x + y), scaled(y - x)
    if min(float(along), float(across)) < 1e-6:
        raise ValueError("inputs must not be parallel")
    values, weights, (e, f) = _grid(activation, 2 * math.atan2(float(across), float(along)))

    def total(j: int, k: int) -> float:
        return float((p**j * q**k).sum())

    fourth = sum(math.comb(4, j) * total(j, 4 - j) * e**j * f ** (4 - j) for j in range(5))
    second = (total(4, 0) + total(2, 2)) * e**2 + 2 * (total(3, 1) + total(1, 3)) * e * f
    second = second + (total(2, 2) + total(0, 4)) * f**2
    hermite = fourth - 6 * second + 3 * (total(4, 0) + 2 * total(2, 2) + total(0, 4))
    return kappa4 / 24 * float((values * weights * hermite).sum())


def _grid(activation: str, angle: float) -> tuple[Array, Array, tuple[Array, Array]]:
    """phi(h) phi(g), weights and (e, f): h = cos(t/2) e - sin(t/2) f, g = cos(t/2) e + sin(t/2) f."""
    entry = by_name(activation)
    if entry.kinks:
        raise ValueError(f"{activation} has kinks: its kernel is not one of a smooth activation")
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
    weights = weights / weights.sum()
    e, f = np.meshgrid(nodes, nodes, indexing="ij")
    cosine, sine = math.cos(angle / 2), math.sin(angle / 2)
    values = entry.phi(cosine * e - sine * f) * entry.phi(cosine * e + sine * f)
    return values, np.multiply.outer(weights, weights), (e, f)
