"""Angular functions of two normal variables (arc-cosine kernels, Cho & Saul 2009), exact at both ends.

For h, g ~ N(0, 1) with correlation cos(angle), k_p = E[h^p g^p; h > 0, g > 0]:

    k_0 = (pi - angle) / (2 pi)
    k_1 = [sin angle + (pi - angle) cos angle] / (2 pi)
    k_2 = [3 sin angle cos angle + (pi - angle) (1 + 2 cos^2 angle)] / (2 pi)

Near angle = pi they vanish like (pi - angle)^(2 p + 1), and the terms cancel: a power series is used there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["angular", "rectified"]

Array = NDArray[np.float64]

_SERIES_BELOW = 1.0  # of pi - angle
_TERMS = 14


def angular(angle: ArrayLike, degree: int) -> Array:
    """k_degree at `angle` in [0, pi]; relative error below 1e-14 or so.

    Raises
    ------
    ValueError
        For a degree other than 0, 1, 2 or an angle outside [0, pi].
    """
    angle = np.asarray(angle, dtype=np.float64)
    if not ((angle >= 0) & (angle <= math.pi)).all():
        raise ValueError(f"angle must be in [0, pi], got {angle}")
    left = math.pi - angle
    match degree:
        case 0:
            value = left
        case 1:
            value = np.where(left < _SERIES_BELOW, _series(left, 1), np.sin(left) + left * np.cos(angle))
        case 2:
            value = np.where(
                left < _SERIES_BELOW,
                _series(2 * left, 2),
                1.5 * np.sin(2 * angle) + left * (2 + np.cos(2 * angle)),
            )
        case _:
            raise ValueError(f"degree must be 0, 1 or 2, got {degree}")
    return np.asarray(value / (2 * math.pi))


def rectified(angle: ArrayLike, slope: float, degree: int) -> Array:
    """E phi(h) phi(g) for phi(z) = z^degree for z > 0 and slope * z^degree else; F_p of `slope`.

    F_p = (1 + a^2) k_p(angle) + 2 a (-1)^p k_p(pi - angle): the signs of h and g agree or differ. phi^2 of leaky ReLU
    is of degree 2 with slope a^2.
    """
    angle = np.asarray(angle, dtype=np.float64)
    same = angular(angle, degree)
    if slope == 0:
        return same
    other = angular(np.clip(math.pi - angle, 0, math.pi), degree)
    return (1 + slope**2) * same + 2 * slope * (-1) ** degree * other


def _series(x: Array, degree: int) -> Array:
    """sin x - x cos x for degree 1; x + (x cos x - 3 sin x) / 2 for degree 2 (there x = 2 (pi - angle))."""
    square, total = x * x, np.zeros_like(x)
    for k in range(_TERMS, degree - 1, -1):
        coefficient = -2 * k if degree == 1 else k - 1
        total = total * square + (-1) ** k * coefficient / math.factorial(2 * k + 1)
    return np.asarray(total * x ** (2 * degree + 1))
