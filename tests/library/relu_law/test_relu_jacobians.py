"""Moments of the singular values of ReLU networks, by drawn matrices."""

import math

import numpy as np
import pytest
from scipy.stats import norm

from preactivations.relu_law.jacobians import jacobian_moments
from preactivations.relu_law.layers import he_variance


def haar(size, n, rng):
    q, r = np.linalg.qr(rng.standard_normal((size, n, n)))
    return q * np.sign(np.einsum("ijj->ij", r))[:, None, :]


@pytest.mark.parametrize("weights", ["gaussian", "orthogonal"])
@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_jacobian_moments_by_drawn_matrices(weights, slope):
    rng, n, networks = np.random.default_rng(6), 4, 20_000
    widths = [n, n, n] if weights == "orthogonal" else [3, 5, 2]
    x = rng.standard_normal((networks, n, 1))
    jacobian = np.broadcast_to(np.eye(n), (networks, n, n))
    for before, width in zip([n, *widths], widths, strict=False):
        if weights == "orthogonal":
            w = haar(networks, n, rng) * math.sqrt(2 / (1 + slope**2))
        else:
            w = rng.standard_normal((networks, width, before)) * math.sqrt(he_variance(before, slope))
        h = w @ x
        gate = np.where(h > 0, 1.0, slope)
        x, jacobian = gate * h, gate * (w @ jacobian)
    square = jacobian @ jacobian.transpose(0, 2, 1)
    moments = jacobian_moments(n, widths, slope, weights=weights)
    for sample, expected in (
        (np.einsum("ijj->i", square) / n, moments.mean),
        (np.einsum("ijk,ijk->i", square, square) / n, moments.second),
    ):
        assert abs(sample.mean() - expected) < norm.isf(5e-4) * sample.std() / math.sqrt(networks)


def test_jacobian_moments_at_constant_width():
    """The closed forms in depth, and the wide limits 2 L and L of the variance."""
    for n, depth, slope in ((7, 5, 0.0), (100, 30, 0.2)):
        rho = 2 * (1 + slope**4) / (1 + slope**2) ** 2
        he = jacobian_moments(n, [n] * depth, slope)
        assert he.mean == pytest.approx(1, rel=1e-12)
        assert he.second == pytest.approx(
            ((n + 2) * (1 + (3 * rho - 1) / n) ** depth - (n - 1) * (1 - 1 / n) ** depth) / 3, rel=1e-12
        )
        orthogonal = jacobian_moments(n, [n] * depth, slope, weights="orthogonal")
        assert orthogonal.second == pytest.approx(
            (n + 2) / 3 * (1 + 3 * (rho - 1) / (n + 2)) ** depth - (n - 1) / 3, rel=1e-12
        )
    wide = [10**7] * 3
    assert jacobian_moments(10**7, wide).variance == pytest.approx(6, rel=1e-5)
    assert jacobian_moments(10**7, wide, weights="orthogonal").variance == pytest.approx(3, rel=1e-5)
    assert jacobian_moments(5, [5] * 9, 1.0, weights="orthogonal").variance == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match=r"widths must all be 5, got \[5, 4\]"):
        jacobian_moments(5, [5, 4], weights="orthogonal")
    with pytest.raises(ValueError, match="must be 'gaussian' or 'orthogonal', got 'haar'"):
        jacobian_moments(5, [5], weights="haar")
