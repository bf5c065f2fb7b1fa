"""Neurons whose activation scales with its argument: linear, (leaky, randomized) ReLU, with dropout.

phi(g) = |g| times a slope that depends on the sign of g only (and, randomized, on chance). Dropout keeps a neuron with
probability `keep` and multiplies it by `factor`: the deficit D(t) = 1 - E exp(-t phi(g)^2) becomes keep D(factor^2 t).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from preactivations.quadrature import gauss_legendre

__all__ = ["Param", "Unit", "unit"]

Array = NDArray[np.float64]
Param = float | tuple[float, float] | None

_NODES = 24


class Unit(NamedTuple):
    """A neuron: phi(g) = g for g > 0 and slope * g else, slope uniform on (lower, upper), kept with probability `keep`.

    Attributes
    ----------
    lower, upper : float
        Slopes for negative arguments; equal for all but the randomized leaky ReLU, drawn anew for each neuron and
        input.
    keep : float
        Probability that dropout keeps the output.
    factor : float
        By which kept outputs are multiplied.
    """

    lower: float = 0.0
    upper: float = 0.0
    keep: float = 1.0
    factor: float = 1.0

    @property
    def gaussian(self) -> bool:
        """Q is a mixture of chi-square laws: linear units and ReLU."""
        return self.lower == self.upper and abs(self.lower) in (0.0, 1.0)

    @property
    def active(self) -> float:
        """Probability that the output is not 0."""
        return self.keep * (0.5 if self.lower == self.upper == 0 else 1.0)

    def even_moment(self, k: int) -> float:
        """E phi(g)^(2k)."""
        low, high = self.lower, self.upper
        if low == high:
            slope = low ** (2 * k)
        else:
            slope = (high ** (2 * k + 1) - low ** (2 * k + 1)) / ((2 * k + 1) * (high - low))
        return self.keep * self.factor ** (2 * k) * math.prod(range(1, 2 * k, 2)) * (1 + slope) / 2

    def deficit(self, t: Array) -> Array:
        """D(t), and nothing lost where it is small."""
        t = self.factor**2 * t
        if self.lower == self.upper:
            return self.keep * (_one_minus_root(t) + _one_minus_root(self.lower**2 * t)) / 2
        return self.keep * (_one_minus_root(t) + self._uniform_slope(t)) / 2

    def _uniform_slope(self, t: Array) -> Array:
        """1 - E (1 + 2 a^2 t)^(-1/2) over the slope a: the mean is a difference of asinh(a sqrt(2 t)) / sqrt(2 t)."""
        nodes, weights = gauss_legendre((0, 1), _NODES)
        slopes = self.lower + (self.upper - self.lower) * nodes
        root = np.sqrt(2 * t)
        exact = 1 - (np.arcsinh(self.upper * root) - np.arcsinh(self.lower * root)) / (
            (self.upper - self.lower) * np.where(root > 0, root, 1.0)
        )
        small = t * max(self.lower**2, self.upper**2) < 0.1  # smooth in the slope, and no cancellation
        rule = _one_minus_root(np.multiply.outer(np.where(small, t, 0.0), slopes**2)) @ weights
        return np.where(small, rule, exact)


def _one_minus_root(t: Array) -> Array:
    """1 - (1 + 2 t)^(-1/2)."""
    return -np.expm1(-0.5 * np.log1p(2 * t))


def unit(activation: str, param: Param = None, keep: float = 1.0, factor: float = 1.0) -> Unit:
    """The neuron that a name stands for. Arguments: see `scales`.

    Returns
    -------
    Unit
        Its slopes, `keep` and `factor`; `even_moment(k)` is E phi(g)^(2k).

    Raises
    ------
    ValueError
        For another name, or a parameter out of range.
    """
    if not 1e-12 <= keep <= 1:
        raise ValueError(f"keep must be in [1e-12, 1], the probability that an output is kept, got {keep}")
    pair = tuple(param) if isinstance(param, (list, tuple)) else None
    if not 1e-6 <= factor <= 1e12:
        raise ValueError(f"factor must be between 1e-6 and 1e12, got {factor}")
    match activation:
        case "linear" | "relu":
            if param is not None:
                raise ValueError(f"{activation} takes no param, got {param}")
            low = high = 1.0 if activation == "linear" else 0.0
        case "leaky_relu":
            if pair is not None:
                raise ValueError(f"param of leaky_relu must be one slope, got {param}")
            low = high = 0.01 if param is None else float(param)  # type: ignore[arg-type]
        case "rrelu":
            if param is not None and (pair is None or len(pair) != 2):
                raise ValueError(f"param of rrelu must be (lower, upper), got {param}")
            low, high = (1 / 8, 1 / 3) if pair is None else map(float, pair)
            if not 0 <= low < high:
                raise ValueError(
                    f"param of rrelu must be (lower, upper) with 0 <= lower < upper, got {param}"
                )
        case _:
            raise ValueError(
                f"activation must be 'linear', 'relu', 'leaky_relu' or 'rrelu' (those that scale with their argument), "
                f"got {activation!r}"
            )
    for slope in (low, high):
        if slope != 0 and not 1e-6 <= abs(slope) <= 1e6:
            raise ValueError(f"slopes must be 0 or between 1e-6 and 1e6 in absolute value, got {param}")
    return Unit(low, high, keep, factor)
