"""The Edge-of-Chaos point against closed forms and another quadrature."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from preactivations.edge_of_chaos import eoc_point
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
