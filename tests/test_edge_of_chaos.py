"""The Edge-of-Chaos point against closed forms and another quadrature."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import erf

from preactivations.edge_of_chaos import (
    correlation_map,
    eoc_point,
    fixed_variance,
    relu_correlation_map,
    variance_map,
)
from preactivations.pairs import GaussianPair
from preactivations.weights import SphericalMarginal, SymmetricWeibull


def test_closed_form_at_theta_two():
    # phi' = sqrt(2) pi n(x) cos(pi (Phi(x) - 1/2)), E W^2 = 1
    def integrand(x):
        n = math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        return 2 * math.pi**2 * n**3 * math.cos(0.5 * math.pi * math.erf(x / math.sqrt(2))) ** 2

    point = eoc_point(GaussianPair(SymmetricWeibull(2), "odd"))
    assert point.chi == pytest.approx(quad(integrand, -9, 9, epsabs=0, epsrel=1e-12)[0], rel=1e-11)
    assert point.sigma_w**2 + point.sigma_b**2 == pytest.approx(1, abs=1e-14)
    assert point.sigma_w**2 * point.chi == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize("theta", [4, 10])
def test_chi_by_the_hermite_expansion(theta):
    """E phi'^2 = sum_k k a_k^2, a_k the coefficients of phi in the orthonormal Hermite polynomials: no derivative."""
    pair = GaussianPair(SymmetricWeibull(theta), "odd")
    x = np.linspace(-12, 12, 4001)
    weight = np.exp(-0.5 * x * x)
    weight /= weight.sum()
    phi, previous, current, total = pair.phi(x), np.zeros_like(x), np.ones_like(x), 0.0
    for k in range(1, 80):  # h_k = (x h_{k-1} - sqrt(k - 1) h_{k-2}) / sqrt(k)
        previous, current = current, (x * current - math.sqrt(k - 1) * previous) / math.sqrt(k)
        total += k * float(weight @ (phi * current)) ** 2
    assert eoc_point(pair).chi == pytest.approx(pair.weights.variance * total, rel=1e-6)


@pytest.mark.parametrize(
    "law", [*(SymmetricWeibull(t) for t in (2.05, 4, 10)), SphericalMarginal(0.2)], ids=str
)
def test_chi_by_adaptive_quadrature(law):
    pair = GaussianPair(law, "odd")
    power = (1 - 2 * law.b) / (1 + 2 * law.b) if isinstance(law, SphericalMarginal) else 1.0

    def integrand(u):
        x = u ** (1 / power)
        return (
            2
            / power
            * float(pair.dphi(x)) ** 2
            * math.exp(-0.5 * x * x)
            / math.sqrt(2 * math.pi)
            * x ** (1 - power)
        )

    direct = quad(integrand, 1e-60, 9**power, epsabs=0, epsrel=1e-11, limit=200)[0]
    assert eoc_point(pair).chi == pytest.approx(law.variance * direct, rel=1e-9)


def test_poincare_inequality_and_the_linear_limit():
    chi = [eoc_point(GaussianPair(SymmetricWeibull(t), "odd")).chi for t in (2, 2.05, 3, 10, 100)]
    assert np.all(np.diff(chi) < 0)
    assert chi[-1] > 1
    assert eoc_point(GaussianPair(SphericalMarginal(0), "odd")).chi == pytest.approx(1)


def test_no_point_no_number():
    with pytest.raises(ValueError, match="positive pairs are ordered"):
        eoc_point(GaussianPair(SymmetricWeibull(3), "positive"))
    with pytest.raises(ValueError, match="chi_1 is infinite for b >= 1/2"):
        eoc_point(GaussianPair(SphericalMarginal(0.5), "odd"))


def relu(x):
    return np.maximum(x, 0)


def test_variance_map_against_closed_forms():
    v = np.array([1e-4, 0.3, 1.0, 7.0])
    scales = {"sigma_w": 1.3, "sigma_b": 0.2, "weight_variance": 0.7}
    factor = 1.3**2 * 0.7
    np.testing.assert_allclose(variance_map(relu, v, **scales), factor * v / 2 + 0.04, rtol=1e-12)
    # Williams 1997: E erf(sqrt(v) G)^2 = (2/pi) arcsin(2v / (1 + 2v))
    expected = factor * 2 / np.pi * np.arcsin(2 * v / (1 + 2 * v)) + 0.04
    np.testing.assert_allclose(variance_map(erf, v, **scales), expected, rtol=1e-12)
    for law in (SymmetricWeibull(2.05), SymmetricWeibull(10), SphericalMarginal(1)):
        for kind in ("odd", "positive"):
            pair = GaussianPair(law, kind)
            one = variance_map(pair.phi, 1.0, weight_variance=law.variance)
            assert float(one) == pytest.approx(1, abs=1e-10)


def test_correlation_map_against_closed_forms():
    c = np.array([-1, -0.9, -0.3, 0, 0.5, 0.99, 1])
    v, factor = 0.8, 1.3**2

    def of_erf(rho):
        return 2 / np.pi * np.arcsin(2 * v * rho / (1 + 2 * v))

    expected = (factor * of_erf(c) + 0.04) / (factor * of_erf(1.0) + 0.04)
    np.testing.assert_allclose(correlation_map(erf, c, v, sigma_w=1.3, sigma_b=0.2), expected, atol=1e-13)
    np.testing.assert_allclose(correlation_map(lambda x: x, c, v), c, atol=1e-12)
    # a kink: the error that the docstring states, 400^(-3/2) = 1.2e-4
    np.testing.assert_allclose(correlation_map(relu, c, v), relu_correlation_map(c), atol=1.2e-4)


@pytest.mark.parametrize("name", ["tanh", "odd", "positive"])
def test_correlation_map_against_a_double_integral(name):
    law = SymmetricWeibull(4)
    phi, weight_variance = (np.tanh, 1.0) if name == "tanh" else (GaussianPair(law, name).phi, law.variance)
    for c in (-0.6, 0.3, 0.9):
        # the trapezoidal rule converges geometrically for smooth functions with Gaussian decay
        x, y = np.meshgrid(np.linspace(-9, 9, 181), np.linspace(-9, 9, 181), indexing="ij")
        density = np.exp(-0.5 * (x * x + y * y)) / (2 * math.pi) * (18 / 180) ** 2
        mean = np.sum(phi(x[:, :1]) * phi(c * x + math.sqrt(1 - c * c) * y) * density)
        expected = weight_variance * mean / float(variance_map(phi, 1.0, weight_variance=weight_variance))
        found = float(correlation_map(phi, c, 1.0, weight_variance=weight_variance))
        assert found == pytest.approx(expected, abs=1e-10)


def test_fixed_variance():
    v = fixed_variance(np.tanh, sigma_w=math.sqrt(1.46), sigma_b=math.sqrt(0.013))
    assert v == pytest.approx(0.3029, abs=5e-5)  # published
    assert float(
        variance_map(np.tanh, v, sigma_w=math.sqrt(1.46), sigma_b=math.sqrt(0.013))
    ) == pytest.approx(v)
    with pytest.raises(ValueError, match="has not converged from 1"):
        fixed_variance(relu, sigma_w=1.415, sigma_b=0.1)


@pytest.mark.parametrize("function", [relu_correlation_map, lambda c: correlation_map(np.tanh, c, 1.0)])
def test_correlations_out_of_range(function):
    with pytest.raises(ValueError, match=r"correlations lie in \[-1, 1\], got 1\.5"):
        function([0.0, 1.5])
    with pytest.raises(ValueError, match=r"correlations lie in \[-1, 1\], got nan"):
        function(np.nan)


def test_correlation_map_needs_a_variance():
    with pytest.raises(ValueError, match="variance must be > 0, got 0"):
        correlation_map(np.tanh, 0.5, 0.0)
