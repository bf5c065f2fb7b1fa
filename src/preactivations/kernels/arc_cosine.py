"""Angular functions of two normal variables (arc-cosine kernels, Cho & Saul 2009), exact at both ends.

For h, g ~ N(0, 1) with correlation cos(angle), k_p = E[h^p g^p; h > 0, g > 0]:

    k_0 = (pi - angle) / (2 pi)
    k_1 = [sin angle + (pi - angle) cos angle] / (2 pi)
    k_2 = [3 sin angle cos angle + (pi - angle) (1 + 2 cos^2 angle)] / (2 pi)

Near angle = pi they vanish like (pi - angle)^(2 p + 1), and the terms cancel: a power series is used there.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from preactivations.real import real_values

__all__ = ["angular", "checked_angle", "holds", "mapped_angle", "namespace", "rectified"]

_SERIES_BELOW = 1.0  # of pi - angle
_TERMS = 14


def namespace(*values: Any) -> Any:
    """The module whose functions fit the values: torch if one of them is a tensor, else numpy."""
    torch = sys.modules.get("torch")  # whoever has a tensor has imported it
    return torch if torch is not None and any(isinstance(v, torch.Tensor) for v in values) else np


def holds(condition: Any) -> bool:
    """Whether `condition` holds everywhere; True, too, for a tensor whose values `vmap` or a compiler hides."""
    torch = namespace(condition)
    if torch is np:
        return bool(condition.all())
    if torch.compiler.is_compiling():
        return True
    try:
        return bool(condition.all())
    except RuntimeError:  # "... attempting to use a Tensor in some data-dependent control flow"
        return True


def angular(angle: Any, degree: int) -> Any:
    """k_degree at `angle` in [0, pi], array or tensor; relative error below 1e-14 or so in double precision,
    where pi is the nearest double.

    Raises
    ------
    ValueError
        For a degree other than 0, 1, 2 or an angle outside [0, pi].
    """
    return _from_end(math.pi - checked_angle(angle), degree)


def _from_end(left: Any, degree: int) -> Any:
    """k_degree at the angle pi - left."""
    xp = namespace(left)
    match degree:
        case 0:
            value = left
        case 1:
            value = xp.where(left < _SERIES_BELOW, _series(left, 1), xp.sin(left) - left * xp.cos(left))
        case 2:
            value = xp.where(
                left < _SERIES_BELOW,
                _series(2 * left, 2),
                left * (2 + xp.cos(2 * left)) - 1.5 * xp.sin(2 * left),
            )
        case _:
            raise ValueError(f"degree must be 0, 1 or 2, got {degree}")
    return value / (2 * math.pi)


def checked_angle(angle: Any) -> Any:
    """`angle` as an array of float64, tensors as they are.

    Raises
    ------
    ValueError
        For an angle outside [0, pi].
    TypeError
        For numbers that are not real.
    """
    if namespace(angle) is np:
        given = real_values("angle", angle)
        angle = given.astype(np.float64)
        if given.dtype in (np.float32, np.float16):  # whose nearest to pi may be above it
            angle = np.where((angle > math.pi) & (given <= given.dtype.type(math.pi)), math.pi, angle)
    elif angle.is_complex():
        raise TypeError(f"angle must be real numbers, got dtype {angle.dtype}")
    if not holds((angle >= 0) & (angle <= math.pi)):
        raise ValueError(f"angle must be in [0, pi], got {angle}")
    return angle


def rectified(angle: Any, slope: float, degree: int) -> Any:
    """E phi(h) phi(g) for phi(z) = z^degree for z > 0 and slope * z^degree else; F_p of `slope`.

    F_p = (1 + a^2) k_p(angle) + 2 a (-1)^p k_p(pi - angle): the signs of h and g agree or differ. phi^2 of leaky ReLU
    is of degree 2 with slope a^2.
    """
    angle = checked_angle(angle)
    same = angular(angle, degree)
    if slope == 0:
        return same
    other = _from_end(angle, degree)
    return (1 + slope**2) * same + 2 * slope * (-1) ** degree * other


def mapped_angle(angle: Any, slope: float, degree: int) -> Any:
    """Angle t' after a layer: cos t' = F_p(t) / F_p(0), from F_p(0) - F_p(t) and F_p(0) + F_p(t) without cancellation.

    k_1(t) - k_1(pi - t) = cos(t) / 2 and its likes for the other degrees turn both into sums of terms of one sign.
    """
    angle = checked_angle(angle)
    xp = namespace(angle)
    a, gap, even = slope, (1 - slope) ** 2, 1 + slope**2
    left = math.pi - angle
    same, other = _from_end(left, degree), _from_end(angle, degree)
    match degree:
        case 0:
            below = gap * other
            above = (1 + a) ** 2 / 2 + gap * same
        case 1:
            near, far = xp.sin(angle / 2) ** 2, xp.sin(left / 2) ** 2
            if a >= 0:
                below = even * near - gap * other
                above = gap * (0.5 + same) + 2 * a * far
            else:
                # from the nearer end: at slope -1 both ends are mapped to 0
                below = xp.where(
                    angle < left,
                    even * near - gap * other,
                    (1 + a) ** 2 / 2 - 2 * a * far - gap * same,
                )
                above = even * (0.5 + same) - 2 * a * other
        case _:
            square = xp.sin(angle) ** 2
            below = even * square + gap * other
            above = even * (1.5 + same) + 2 * a * other
            if a < 0:
                above = 1.5 * (1 + a) ** 2 - 2 * a * square + gap * same
    return 2 * xp.arctan2(xp.sqrt(abs(below)), xp.sqrt(abs(above)))


def _series(x: Any, degree: int) -> Any:
    """sin x - x cos x for degree 1; x + (x cos x - 3 sin x) / 2 for degree 2 (there x = 2 (pi - angle))."""
    square, total = x * x, 0 * x
    for k in range(_TERMS, degree - 1, -1):
        coefficient = -2 * k if degree == 1 else k - 1
        total = total * square + (-1) ** k * coefficient / math.factorial(2 * k + 1)
    return total * x ** (2 * degree + 1)
