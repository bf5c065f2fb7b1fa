"""Exact activations against mpmath: phi by the residual of its defining equation, derivatives by the law's density."""

import math

import mpmath as mp
import numpy as np
import oracles
import pytest

from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SphericalMarginal, SymmetricWeibull

THETAS = [2, 2.0001, 2.01, 2.05, 2.5, 4, 10, 1000, 1e13]
POINTS = {"odd": [1e-12, 0.3, 0.7, 1.3, 3.0, 8.0], "positive": [-8.0, -3.0, -1.0, 0.0, 0.7, 2.0, 8.0]}


def law_at(theta, y):
    if theta == 2:
        return oracles.arcsine_law(y)
    return oracles.factor_by_series(theta, y) if y < 0.5 else oracles.factor_by_contour(theta, y)


def upper_probability(kind, x):
    return (2 if kind == "odd" else 1) * oracles.normal_sf(x)


def root(theta, y, p):
    """The solution of P(|Y| > y) = p in high precision, by Newton's method from y."""
    if theta == 2:
        return mp.sqrt(2) * mp.cos(mp.pi / 2 * p)
    y = mp.mpf(y)
    for _ in range(3):
        law = law_at(theta, y)
        y += (law.sf - p) / law.pdf
    return y


@pytest.mark.parametrize("kind", ["odd", "positive"])
@pytest.mark.parametrize("theta", THETAS)
def test_phi_and_derivatives_of_weibull_pairs(theta, kind):
    pair = GaussianPair(SymmetricWeibull(theta), kind)
    for x in POINTS[kind]:
        p = upper_probability(kind, x)
        y = root(theta, float(pair.phi(x)), p)
        assert float(pair.phi(x) / y - 1) == pytest.approx(0, abs=1e-12)
        f = law_at(theta, y).pdf
        slope = (2 if kind == "odd" else 1) * mp.npdf(x) / f
        assert float(pair.dphi(x) / slope - 1) == pytest.approx(0, abs=1e-9)
        if theta == 2:
            log_slope = y / (2 - y * y)
        else:
            h = y * mp.mpf("1e-13")
            log_slope = (law_at(theta, y + h).pdf - law_at(theta, y - h).pdf) / (2 * h * f)
        curvature = slope * (-x - log_slope * slope)
        scale = float(abs(slope * x) + abs(log_slope * slope**2))
        assert float(pair.d2phi(x) - curvature) == pytest.approx(0, abs=1e-9 * scale)


@pytest.mark.parametrize("kind", ["odd", "positive"])
@pytest.mark.parametrize("b", [0.0, 0.1, 0.5, 1.0, 5.0])
def test_phi_of_spherical_pairs(b, kind):
    pair = GaussianPair(SphericalMarginal(b), kind)
    for x in POINTS[kind]:
        p = upper_probability(kind, x)
        error = oracles.quantile_error(lambda y: oracles.chi_law(b, y), float(pair.phi(x)), p)
        if float(pair.phi(x)) < 1e-3:  # there the lower probability is the well-conditioned one
            y = mp.mpf(float(pair.phi(x)))
            a = mp.mpf(b) + mp.mpf(1) / 2
            lower = mp.gammainc(a, 0, y**2 / 2, regularized=True)
            target = mp.erf(mp.mpf(x) / mp.sqrt(2)) if kind == "odd" else oracles.normal_sf(-x)
            error = float((target - lower) / (oracles.chi_law(b, y).pdf * y))
        assert error == pytest.approx(0, abs=1e-12)


def test_spherical_pairs_far_to_the_left():
    """P(|Y| <= y) = Phi(x) = p: y^(2a) / (2^a Gamma(a + 1)) 1F1(1; a + 1; q) exp(-q) = p, also where p underflows."""
    for b, x in ((0.2, -34.4), (1.0, -38.0), (30.0, -200.0), (1e4, -34.4), (1e4, -60.0)):
        pair = GaussianPair(SphericalMarginal(b), "positive")
        with mp.workdps(60):
            a, log_p = mp.mpf(b) + mp.mpf(1) / 2, mp.log(mp.erfc(-mp.mpf(x) / mp.sqrt(2)) / 2)

            def log_cdf(log_q, a=a):
                q = mp.exp(log_q)
                return a * log_q - q - mp.loggamma(a + 1) + mp.log(mp.hyp1f1(1, a + 1, q))

            start = 2 * mp.log(mp.mpf(float(pair.phi(x)))) - mp.log(2)
            log_q = mp.findroot(lambda t, log_cdf=log_cdf, log_p=log_p: log_cdf(t) - log_p, start)
            y = mp.sqrt(2 * mp.exp(log_q))
            # phi' = n(x) / f(y), f(y) = 2 q^a exp(-q) / (y Gamma(a))
            log_f = mp.log(2 / y) + a * log_q - mp.exp(log_q) - mp.loggamma(a)
            slope = mp.exp(-(mp.mpf(x) ** 2) / 2 - mp.log(2 * mp.pi) / 2 - log_f)
            assert float(pair.phi(x) / y - 1) == pytest.approx(0, abs=1e-12)
            assert float(pair.dphi(x) / slope - 1) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("b", [1e6, 1e8, 1e12])
def test_spherical_pairs_of_large_b(b):
    """Cornish-Fisher: |Y| = sqrt(2b) + x / sqrt 2 + (x^2 + 2) / (12 sqrt(2b)) + O(x^3 / b), x normal."""
    pair = GaussianPair(SphericalMarginal(b), "positive")
    x = np.array([-50.0, -34.4, -9.0, 0.0, 9.0, 50.0])
    root = math.sqrt(2 * b)
    error = pair.phi(x) - (root + x / math.sqrt(2) + (x * x + 2) / (12 * root))
    assert np.all(np.abs(error) <= (np.abs(x) ** 3 + 1) / b + 1e-15 * root)
    slope_error = pair.dphi(x) - (1 / math.sqrt(2) + x / (6 * root))
    assert np.all(np.abs(slope_error) <= 3 * (x * x + 1) / b + 1e-9 + 1e-16 * root)


@pytest.mark.parametrize(
    "law", [*map(SymmetricWeibull, (2, 2.05, 4)), *map(SphericalMarginal, (0, 1, 50))], ids=str
)
@pytest.mark.parametrize("kind", ["odd", "positive"])
def test_far_out_it_is_a_power(law, kind):
    """To the ends of the numbers: log corrections to x^growth fall like log x / x^2."""
    pair = GaussianPair(law, kind)
    x = np.array([1e30, 1e99, 1.1e100, 1e149, 1e160, 1e300])
    with np.errstate(all="raise", under="ignore"):
        ratio = pair.phi(x) / x**pair.growth
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-12)
        phi, slope, curvature = pair.derivatives(x)
        np.testing.assert_allclose(slope, pair.growth * phi / x, rtol=1e-6, atol=1e-300)
        np.testing.assert_allclose(curvature, (pair.growth - 1) * slope / x, rtol=1e-6, atol=1e-300)
        if kind == "odd":
            assert np.array_equal(pair.phi(-x), -phi)
        else:
            assert np.all(pair.phi(-x) == 0)


@pytest.mark.parametrize("b", [0, 1e-300, 1, 99, 99.6, 1e3, 1e10, 1e14])
def test_spherical_pairs_grow_like_the_identity(b):
    """y^2 / 2 ~ Gamma(b + 1/2): y^2 = x^2 + 4b log x + O(1), and phi increases."""
    x = np.geomspace(1e3 * (1 + math.sqrt(b)), 1e30 * (1 + b), 2000)
    for kind in ("odd", "positive"):
        pair = GaussianPair(SphericalMarginal(b), kind)
        y = pair.phi(x)
        assert np.all(np.diff(y) > 0)
        np.testing.assert_allclose(y, x, rtol=2e-4)
        np.testing.assert_allclose(pair.dphi(x), 1, rtol=2e-4)
    if b == 0:
        np.testing.assert_allclose(GaussianPair(SphericalMarginal(0), "odd").phi(x), x, rtol=1e-14)


@pytest.mark.parametrize(
    "law", [*map(SymmetricWeibull, (2.05, 4, 300, 1e10, 1e14)), *map(SphericalMarginal, (1, 500))], ids=str
)
def test_slopes_far_out_have_their_digits(law):
    """phi' next to x = 5 000 against the differences of phi, and smooth: no rounding of exp(x^2 / 2)."""
    pair = GaussianPair(law, "odd")
    x = 5000 * np.linspace(1, 1.001, 300)
    slope = pair.dphi(x)
    smooth = np.polynomial.Polynomial.fit(x, slope, 3)(x)
    np.testing.assert_allclose(slope, smooth, rtol=1e-13)
    mean = (pair.phi(x[-1]) - pair.phi(x[0])) / (x[-1] - x[0])
    assert float(
        np.polynomial.Polynomial.fit(x, slope, 3).integ()(x[-1])
        - np.polynomial.Polynomial.fit(x, slope, 3).integ()(x[0])
    ) / (x[-1] - x[0]) == pytest.approx(float(mean), rel=1e-9)


def test_identity_is_the_limit_of_large_theta():
    x = np.linspace(-3, 3, 41)
    identity = GaussianPair(SphericalMarginal(0), "odd")
    np.testing.assert_allclose(identity.phi(x), x, atol=1e-14)
    errors = [np.max(np.abs(GaussianPair(SymmetricWeibull(t), "odd").phi(x) - x)) for t in (100, 1000)]
    assert errors[1] < 0.2 * errors[0]


def test_closed_form_at_theta_two():
    x = np.linspace(-5, 5, 101)
    phi = GaussianPair(SymmetricWeibull(2), "odd").phi(x)
    np.testing.assert_allclose(
        phi, math.sqrt(2) * np.sin(0.5 * math.pi * np.vectorize(math.erf)(x / math.sqrt(2))), rtol=1e-14
    )


def test_analytic_in_theta_at_two():
    """(phi_theta - phi_2) / (theta - 2) has a limit, to which it converges linearly."""
    x = np.array([0.3, 1.0, 1.7, 2.2])
    at_two = GaussianPair(SymmetricWeibull(2)).phi(x)
    rates = [(GaussianPair(SymmetricWeibull(2 + d)).phi(x) / at_two - 1) / d for d in (1e-8, 1e-6, 1e-5)]
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-3)
    np.testing.assert_allclose(rates[1], rates[2], rtol=1e-2)


@pytest.mark.parametrize("theta", [2 + 1e-14, 2 + 1e-10, 2 + 1e-7, 2.0001, 2.05, 3, 10, 1000])
@pytest.mark.parametrize("kind", ["odd", "positive"])
def test_no_holes(theta, kind):
    pair = GaussianPair(SymmetricWeibull(theta), kind)
    x = np.concatenate((np.linspace(-8, 8, 801), np.geomspace(8.1, 1e100, 200)))
    phi = pair.phi(x)
    assert np.isfinite(phi).all()
    assert np.all(np.diff(phi) >= -1e-15 * np.abs(phi[1:]))
    assert np.isfinite(pair.dphi(x)).all()
    assert np.isfinite(pair.d2phi(x)).all()


def test_growth_exponent():
    # phi(x) ~ x^(1 - 2/theta)
    for theta in (3, 4, 10):
        phi = GaussianPair(SymmetricWeibull(theta), "odd").phi([1e3, 2e3])
        assert math.log2(phi[1] / phi[0]) == pytest.approx(1 - 2 / theta, abs=1e-4)


@pytest.mark.parametrize("law", [SymmetricWeibull(2.05), SymmetricWeibull(4), SphericalMarginal(1)], ids=str)
def test_derivatives_are_those_of_phi(law):
    x = np.array([-2.3, -1.0, 0.4, 1.9])
    h = 1e-4
    for kind in ("odd", "positive"):
        pair = GaussianPair(law, kind)
        np.testing.assert_allclose(pair.dphi(x), (pair.phi(x + h) - pair.phi(x - h)) / (2 * h), rtol=1e-5)
        np.testing.assert_allclose(
            pair.d2phi(x), (pair.dphi(x + h) - pair.dphi(x - h)) / (2 * h), rtol=1e-4, atol=1e-7
        )


def test_symmetry_positivity_and_limits():
    x = np.linspace(-9, 9, 181)
    for law in (SymmetricWeibull(2), SymmetricWeibull(3), SphericalMarginal(1)):
        odd, positive = GaussianPair(law, "odd"), GaussianPair(law, "positive")
        np.testing.assert_array_equal(odd.phi(-x), -odd.phi(x))
        assert np.all(positive.phi(x) > 0)
        assert np.all(np.diff(positive.phi(x[x < 4])) > 0)
        assert np.all(np.diff(positive.phi(x)) >= 0)
        assert odd.phi(0.0) == 0
        assert np.isnan(odd.phi(math.nan))
        assert positive.phi(-math.inf) == 0
        end = math.sqrt(2) if law == SymmetricWeibull(2) else math.inf
        assert odd.phi(math.inf) == pytest.approx(end)
        assert positive.phi(math.inf) == pytest.approx(end)
    assert math.isinf(GaussianPair(SphericalMarginal(1), "odd").dphi(0.0))


def test_shapes_and_integers():
    pair = GaussianPair(SymmetricWeibull(3))
    assert pair.phi(np.ones((2, 3))).shape == (2, 3)
    assert pair.phi([]).shape == (0,)
    assert pair.phi(1).dtype == np.float64


@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: GaussianPair(SymmetricWeibull(3), "even"), ValueError, "'odd' or 'positive', got 'even'"),
        (lambda: GaussianPair(SymmetricWeibull(3), 1), TypeError, "must be a string, got 1"),
        (lambda: GaussianPair(SymmetricWeibull(3)).phi("x"), TypeError, "real numbers"),
        (lambda: GaussianPair(SymmetricWeibull(3)).phi(1j), TypeError, "real numbers"),
    ],
)
def test_errors_name_value_and_reason(make, error, says):
    with pytest.raises(error, match=says):
        make()
