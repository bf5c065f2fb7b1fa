"""Kernels of rectified layers with independent weights: finite-m corrections to the Gaussian limit.

The formula of the paper's note, in powers of x and y over sin(angle), takes a form without cancellation in the frame of
the bisector of both inputs; the squared skewness, of the order of the kurtosis, is added here.
"""

from __future__ import annotations

import math
from typing import Any

from preactivations.kernels.inputs import checked_inputs, checked_slope, scaled
from preactivations.real import real_number

__all__ = ["clt_correction"]


def clt_correction(x: Any, y: Any, kappa3: float, kappa4: float, slope: float = 0.0) -> Any:
    r"""k - k_Gauss for independent weights of mean 0 and variance 1, up to terms of order m^(-3/2).

    With p, q the coordinates of x/|x| + y/|y| and y/|y| - x/|x|, both scaled to norm 1, t the angle between x and y,
    and A = sum p^3, B = sum p^2 q, C = sum p q^2, E = sum q^3, ReLU has

        k - k_Gauss = |x||y| { kappa3/(6 sqrt(2 pi)) cos^3(t/2) [(3 - cos t) A - 6 sin^2(t/2) C]
                      + kappa4/(48 pi) sin^3 t sum (p^4 - 6 p^2 q^2 + q^4)
                      + kappa3^2/(144 pi) sin^3 t [-(3 + 2 cos t) A^2 + (6 + 12 cos t) A C + (9 + 18 cos t) B^2
                                             + (6 - 12 cos t) B E + (9 - 18 cos t) C^2 - (3 - 2 cos t) E^2] }

    which is Edgeworth's expansion of the law of (w.x, w.y). The first line is of order m^(-1/2) for inputs such as
    images, whose coordinates have a mean; the others are of order 1/m. It needs delocalized inputs (max |x_i| / |x| ->
    0) and weights that are not on a lattice with the inputs (signs +-1 with equal |x_i| miss it).

    Parameters
    ----------
    x, y : array_like or tensor, shape (..., m)
        Tensors have gradients.
    kappa3, kappa4 : float
        Third and fourth cumulant of a weight: skewness and excess kurtosis.
    slope : float, optional
        Of leaky ReLU for negative arguments.

    Returns
    -------
    ndarray or tensor, shape (...)

    Raises
    ------
    ValueError
        For inputs of different length, that are 0 or not finite, and for cumulants that are not finite: without a
        fourth moment the rate is another one.

    Examples
    --------
    Uniform weights, inputs of norm 1 at a right angle: -.0318/m.

    >>> import numpy as np
    >>> x, y = np.ones(100) / 10, np.tile([0.1, -0.1], 50)
    >>> round(100 * float(clt_correction(x, y, kappa3=0, kappa4=-1.2)), 4)
    -0.0318
    """
    for name, value in (("kappa3", kappa3), ("kappa4", kappa4)):
        if not math.isfinite(real_number(name, value)):
            raise ValueError(f"{name} must be finite, got {value}: without that moment there is no such rate")
    slope = checked_slope(slope)
    x, y = checked_inputs(x, y)
    (unit_x, norm_x), (unit_y, norm_y) = scaled(x), scaled(y)
    p, q = unit_x + unit_y, unit_y - unit_x
    # E phi(h) phi(g) over the signs: relu(h) - slope relu(-h), the same for g
    terms = _relu(p, q, kappa3, kappa4)
    if slope != 0:
        terms = terms + slope**2 * _relu(-p, -q, kappa3, kappa4)
        terms = terms - slope * (_relu(q, p, kappa3, kappa4) + _relu(-q, -p, kappa3, kappa4))
    return norm_x * norm_y * terms


def _relu(p: Any, q: Any, kappa3: float, kappa4: float) -> Any:
    """The bracket, from x/|x| + y/|y| and y/|y| - x/|x|."""
    (p, cosine), (q, sine) = scaled(p), scaled(q)
    cosine, sine = cosine / 2, sine / 2  # of half the angle

    def power(j: int, k: int) -> Any:
        return (p**j * q**k).sum(axis=-1)

    cos_t = (cosine - sine) * (cosine + sine)
    a, b, c, e = power(3, 0), power(2, 1), power(1, 2), power(0, 3)
    skew = cosine**3 * ((3 - cos_t) * a - 6 * sine**2 * c) / (6 * math.sqrt(2 * math.pi))
    kurtosis = (power(4, 0) - 6 * power(2, 2) + power(0, 4)) / (48 * math.pi)
    skew_squared = (
        -(3 + 2 * cos_t) * a**2
        + (6 + 12 * cos_t) * a * c
        + (9 + 18 * cos_t) * b**2
        + (6 - 12 * cos_t) * b * e
        + (9 - 18 * cos_t) * c**2
        - (3 - 2 * cos_t) * e**2
    ) / (144 * math.pi)
    sin_cubed = (2 * sine * cosine) ** 3
    return kappa3 * skew + sin_cubed * (kappa4 * kurtosis + kappa3**2 * skew_squared)
