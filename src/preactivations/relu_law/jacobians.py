"""Moments of the squared singular values of the input-output Jacobian of ReLU networks of any width."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from preactivations.relu_law.layers import sizes_of, weight_variances

__all__ = ["JacobianMoments", "jacobian_moments"]


class JacobianMoments(NamedTuple):
    """Of the squared singular values of the Jacobian: mean and mean square, E tr(JJ')^k / n_0, and variance.

    Attributes
    ----------
    mean : float
        k = 1.
    second : float
        k = 2.
    """

    mean: float
    second: float

    @property
    def variance(self) -> float:
        """second - mean^2; inf where `second` is."""
        return self.second - self.mean**2 if math.isfinite(self.second) else math.inf


def jacobian_moments(
    inputs: int,
    widths: Sequence[int],
    slope: float = 0.0,
    *,
    weights: str = "gaussian",
    weight_variance: float | Sequence[float] | None = None,
) -> JacobianMoments:
    """Moments of the squared singular values of the input-output Jacobian, exactly at any width.

    Given A = E tr (JJ')^2 and B = E (tr JJ')^2, a layer of m neurons with Gaussian weights makes

        A' = v^2 [m (m-1) mu_1^2 A + m mu_2 (2 A + B)],   B' = v^2 [m (m-1) mu_1^2 B + m mu_2 (2 A + B)],

    mu_1 = (1 + a^2)/2, mu_2 = (1 + a^4)/2 for slope a; at constant width n and He's variance
    E tr(JJ')^2 / n = [(n+2)(1 + (3 rho - 1)/n)^L - (n-1)(1 - 1/n)^L]/3, rho = mu_2/mu_1^2. For Haar-orthogonal weights
    of square layers, scaled by mu_1^(-1/2): (n+2)/3 (1 + 3 (rho-1)/(n+2))^L - (n-1)/3. (Derived here.)

    Parameters
    ----------
    inputs, widths, slope : as for `NormChain`
    weights : {"gaussian", "orthogonal"}, optional
    weight_variance : float or sequence of float, optional
        v of each layer, > 0, Gaussian weights only; by default He's.

    Returns
    -------
    JacobianMoments

    Raises
    ------
    ValueError
        For sizes below 1, variances out of range, other weights, or orthogonal weights that are not square.
    TypeError
        For sizes that are not integers.
    """
    sizes = sizes_of(inputs, widths)
    mu_1, mu_2 = (1 + slope**2) / 2, (1 + slope**4) / 2
    a, b = float(inputs), float(inputs) ** 2
    if weights == "orthogonal":
        if any(width != inputs for width in widths):
            raise ValueError(
                f"orthogonal weights must be square: widths must all be {inputs}, got {list(widths)}"
            )
        if weight_variance is not None:
            raise ValueError("weight_variance goes with Gaussian weights only")
        n, rho = inputs, mu_2 / mu_1**2
        for _ in widths:
            shared = rho * (2 * a + b) / (n + 2)
            a, b = shared + (n * a - b) / (n + 2), shared + ((n + 1) * b - 2 * a) / (n + 2)
        return JacobianMoments(1.0, a / inputs)
    if weights != "gaussian":
        raise ValueError(f"weights must be 'gaussian' or 'orthogonal', got {weights!r}")
    mean = 1.0
    for m, v in zip(sizes[1:], weight_variances(weight_variance, sizes, slope), strict=True):
        square, diagonal = v * v * m * (m - 1) * mu_1**2, v * v * m * mu_2
        a, b = square * a + diagonal * (2 * a + b), square * b + diagonal * (2 * a + b)
        mean *= v * m * mu_1
    return JacobianMoments(mean, a / inputs)
