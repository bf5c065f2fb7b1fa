"""Scales at which the oscillating activation has infinitely many fixed points of the variance."""

from __future__ import annotations

import math

import numpy as np
import scipy.special as sc
from scipy.optimize import minimize_scalar

from preactivations.activations.registry import checked_oscillation
from preactivations.quadrature import gauss_legendre

__all__ = ["oscillating_range"]


def oscillating_range(omega: float, delta: float = 0.99) -> tuple[float, float]:
    """Smallest and largest sigma_w at which phi_(delta, omega) has positive fixed points without bias.

    E phi(u)^2 / v is periodic in log v, with period 4 pi / omega; sigma_w^2 is one over its extrema. There are
    infinitely many fixed points in between and none outside (derived here; phi_(delta, omega) is named by Wolinski &
    Arbel, its formula is inferred).
    `omega` and `delta` as for `activations.oscillating`, which raises ValueError for others; also where
    delta / omega > 300.

    Returns
    -------
    low, high : float

    Examples
    --------
    >>> [round(s, 3) for s in oscillating_range(3)]
    [0.841, 1.103]
    """
    delta, omega = checked_oscillation(delta, omega)
    if delta > 300 * omega:
        raise ValueError(
            f"delta / omega must be at most 300 (the range overflows beyond), got {delta:g} / {omega:g}"
        )
    if omega > 60:  # the phase of the oscillation has no effect: E phi^2 / v is its mean, to rounding
        sigma_w = 1 / math.sqrt(sc.i0(2 * delta / omega))
        return sigma_w, sigma_w
    # half of an octave, or of a period, per panel
    width = min(math.log(2), math.pi / omega) / 2
    edges = np.exp(np.arange(-40, math.log(14) + width, width))
    g, weight = gauss_legendre(edges, 16)
    weight = weight * g**2 * np.exp(-0.5 * g * g) * math.sqrt(2 / math.pi)

    def log_ratio(phase: float) -> float:
        """Of E phi(u)^2 / v, omega log(v) / 2 being the phase."""
        exponents = 2 * delta / omega * np.sin(phase + omega * np.log(g))
        return float(sc.logsumexp(exponents, b=weight))

    grid = np.linspace(-math.pi, math.pi, 257)
    values = np.array([log_ratio(at) for at in grid])
    ends = []
    for sign in (-1, 1):  # the largest ratio gives the smallest sigma_w
        at = grid[int(np.argmin(sign * values))]
        best = minimize_scalar(
            lambda x, sign=sign: sign * log_ratio(x), bounds=(at - 0.05, at + 0.05), method="bounded",
            options={"xatol": 1e-9},
        )  # fmt: skip
        ends.append(math.exp(-sign * best.fun / 2))
    return ends[0], ends[1]
