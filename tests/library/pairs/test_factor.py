"""The law of the factor against mpmath (series, contour), a positive double integral, closed forms and samples."""

import math
from types import SimpleNamespace

import mpmath as mp
import numpy as np
import oracles
import pytest

from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.pairs.factor import GaussianFactor
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull

PAPER = [2.05, 2.5, 3, 4, 5, 7, 10]
EPS = 2.0**-53


def exact_law(theta, y):
    if theta == 2:
        return oracles.arcsine_law(y)
    return oracles.factor_by_series(theta, y) if y < 0.7 else oracles.factor_by_contour(theta, y)


def allowed(law, y, value):
    """1e-12, or eight rounding errors times the condition number |y d(value)/dy / value|."""
    return max(1e-12, 8 * EPS * float(abs(y * law.pdf / value)))


def check_against(factor, y, law, steepness):
    """All functions at y, where a number that underflows in float64 is not asked for."""
    cdf = 1 - law.sf
    tolerance = max(1e-12, 8 * EPS * steepness)  # y (log f)' is the condition number of f
    if law.pdf > 1e-300:
        assert float(factor.pdf(y) / law.pdf - 1) == pytest.approx(0, abs=tolerance)
    for function, quantile, p in ((factor.sf, factor.isf, law.sf), (factor.cdf, factor.ppf, cdf)):
        if p > 1e-300:
            assert float(function(y) / p - 1) == pytest.approx(0, abs=allowed(law, y, p))
        if 1e-300 < p < 0.9:  # beyond, the rounding of p to 1 hides y
            rounding = 4 * EPS * float(p / (law.pdf * y))
            assert float(quantile(float(p))) == pytest.approx(y, rel=1e-12 + rounding)


@pytest.mark.parametrize("theta", [2, 2.0001, 2.05, 2.5, 3, 4, 10, 1000, 1e4, 1e12])
def test_weibull_factor_has_twelve_digits(theta):
    factor = GaussianFactor(SymmetricWeibull(theta))
    ends = {2: [1.4, 1.4142], 2.0001: [1.4, 1.4142, 1.415], 2.05: [1.45, 1.6]}
    for y in [1e-8, 0.1, 0.59, 0.61, 1.0, 1.3, *ends.get(theta, [1.5, 2.5, 4.0, 8.0])]:
        law = exact_law(theta, y)
        # slope of log f: pdf is as ill-conditioned as the tail is steep
        h = mp.mpf(y) * mp.mpf("1e-10")
        steep = abs((exact_law(theta, mp.mpf(y) + h).pdf / law.pdf - 1) / h) * y
        check_against(factor, y, law, float(steep))


@pytest.mark.parametrize("theta", [2.5, 3, 5, 10])
def test_weibull_factor_agrees_with_the_double_integral(theta):
    factor = GaussianFactor(SymmetricWeibull(theta))
    for y in (0.8, 1.7, 2.6):
        direct = oracles.factor_sf_by_double_integral(theta, y)
        assert factor.sf(y) == pytest.approx(direct, rel=1e-10)


@pytest.mark.parametrize("b", [0.0, 0.1, 0.5, 1.0, 5.0, 1e4])
def test_spherical_factor_has_twelve_digits(b):
    factor = GaussianFactor(SphericalMarginal(b))
    middle = math.sqrt(2 * b)
    points = (1e-6, 0.2, 1.0, 2.0, 6.0, 15.0) if b < 10 else middle + np.array([-3.0, -1.0, 0.0, 4.0])
    for y in points:
        law = oracles.chi_law(b, y)
        check_against(factor, y, law, abs(2 * b - y * y))


@pytest.mark.parametrize(
    ("theta", "y"),
    [
        (2.05, 1.7),
        (2.05, 3.0),
        (2.05, 3.05),
        (2.5, 100.0),
        (3, 900.0),
        (3, 10.0),
        (3, 50.0),
        (10, 40.0),
        (10, 1000.0),
        (1000, 60.0),
    ],
)
def test_logsf_survives_underflow(theta, y):
    factor = GaussianFactor(SymmetricWeibull(theta))
    assert factor.sf(y) == 0.0
    log_sf = float(factor.logsf(y))
    # leading asymptotics of docs/theory/pairs.md: X = (y/lam)^theta'
    nu = mp.mpf(2) / mp.mpf(theta)
    lam = mp.sqrt(2) * ((1 - nu) * nu ** (nu / (1 - nu))) ** (-(1 - nu) / 2)
    x = (y / lam) ** (2 / (1 - nu))
    leading = -x - mp.log(mp.pi * x) + mp.log((1 - nu) / (2 * nu)) / 2
    assert log_sf == pytest.approx(float(leading), rel=1e-4)
    if float(x) < 1e4:
        assert log_sf == pytest.approx(float(mp.log(oracles.factor_by_contour(theta, y).sf)), rel=1e-13)


@pytest.mark.parametrize("law", [SymmetricWeibull(t) for t in (2, 2.05, 4)] + [SphericalMarginal(1)], ids=str)
def test_moments_of_the_product_are_normal(law):
    factor = GaussianFactor(law)
    for s in (0.5, 1, 2, 3, 4, 6):
        normal = 2 ** (s / 2) * math.gamma((1 + s) / 2) / math.sqrt(math.pi)
        assert factor.moment(s) * law.moment(s) == pytest.approx(normal, rel=1e-12)
    # and the moment is that of the density
    u, w = np.polynomial.legendre.leggauss(400)
    p = 0.5 * (u + 1)
    assert 0.5 * w @ factor.ppf(p) ** 2 == pytest.approx(factor.moment(2), rel=1e-3)


def test_density_at_zero():
    for theta in PAPER:
        f0 = GaussianFactor(SymmetricWeibull(theta)).pdf(0.0)
        assert f0 == pytest.approx(math.sqrt(2 / math.pi) / math.gamma(1 - 1 / theta), rel=1e-14)


LAWS = [SymmetricWeibull(t) for t in (2, *PAPER)] + [SphericalMarginal(b) for b in (0.1, 0.5, 1, 5)]


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_product_passes_ks_at_ten_million_samples(law):
    n, rng = 10_000_000, np.random.default_rng(17)
    product = law.sample(n, rng) * GaussianFactor(law).sample(n, rng)
    assert ks_statistic(product) < null_quantile(1 - 1e-3 / len(LAWS), n)


@pytest.mark.parametrize("law", LAWS, ids=str)
def test_samples_have_the_law_of_the_factor(law):
    n, factor = 20_000, GaussianFactor(law)
    y = factor.sample(n, np.random.default_rng(3))
    assert ks_statistic(y, factor.cdf) < null_quantile(1 - 1e-3 / len(LAWS), n)


@pytest.mark.parametrize("theta", [2 + 1e-14, 2 + 1e-10, 2.0001, 2.01, 2.05, 2.5, 3, 10, 1000])
def test_no_holes_from_the_body_to_the_end_of_the_numbers(theta):
    factor = GaussianFactor(SymmetricWeibull(theta))
    y = np.unique(
        np.concatenate((np.geomspace(0.3, 1e12, 2000), math.sqrt(2) * (1 + np.geomspace(1e-15, 0.5, 500))))
    )
    log_sf = factor.logsf(y)
    assert not np.isnan(log_sf).any()
    finite = log_sf[np.isfinite(log_sf)]
    assert np.all(np.diff(finite) <= 1e-12 * np.abs(finite[1:]) + 1e-15)
    np.testing.assert_array_equal(factor.sf(y)[log_sf < -746], 0.0)
    for function in (factor.pdf, factor.cdf, factor.sf):
        assert np.all((function(y) >= 0) & (function(y) < 1e16))


def test_shapes_nan_and_support():
    factor = GaussianFactor(SymmetricWeibull(3))
    assert factor.pdf(np.zeros((2, 3))).shape == (2, 3)
    assert factor.cdf([]).shape == (0,)
    assert np.isnan(factor.sf(math.nan))
    assert (factor.pdf(-1.0), factor.cdf(-1.0), factor.sf(-1.0), factor.logsf(-1.0)) == (0, 0, 1, 0)
    assert (factor.cdf(math.inf), factor.sf(math.inf), factor.isf(0.0), factor.ppf(0.0)) == (
        1,
        0,
        math.inf,
        0,
    )
    assert np.isnan(factor.isf(1.5))
    assert np.isnan(factor.ppf(-0.1))
    arcsine = GaussianFactor(SymmetricWeibull(2))
    assert arcsine.isf(0.0) == pytest.approx(math.sqrt(2))
    assert arcsine.sf(1.5) == 0


def test_tiny_arguments_of_the_chi_law():
    """P(|Y| <= y) = sqrt(2 / pi) y at b = 0, down to the smallest numbers."""
    y = np.array([1e-140, 1e-160, 1e-250, 1e-307])
    np.testing.assert_allclose(
        GaussianFactor(SphericalMarginal(0)).cdf(y) / y, math.sqrt(2 / math.pi), rtol=1e-12
    )
    # small a: y^(2a) / (2^a Gamma(a + 1))
    got = GaussianFactor(SphericalMarginal(0.1)).cdf(1e-160)
    assert got == pytest.approx(float(mp.mpf(1e-160) ** 1.2 / (2 ** mp.mpf(0.6) * mp.gamma(1.6))), rel=1e-12)


def test_errors_say_why():
    with pytest.raises(ValueError, match=r"constant \|Y\| = 1/std"):
        GaussianFactor(Normal())
    with pytest.raises(ValueError, match=r"b must be at most 1e14 for a factor, got 1e\+15"):
        GaussianFactor(SphericalMarginal(1e15))
    with pytest.raises(ValueError, match="unknown law of weights 'weibull'; accepted: weibull_<theta>"):
        GaussianFactor("weibull")
    names = ("variance", "tail_exponent", "moment", "survival", "small_ball", "density", "sample", "sample32")
    with pytest.raises(TypeError, match=r"no exact factor is known for .*; accepted: SymmetricWeibull"):
        GaussianFactor(SimpleNamespace(**dict.fromkeys(names, abs)))
    with pytest.raises(ValueError, match="finite only for s > -1"):
        GaussianFactor(SymmetricWeibull(3)).moment(-1)
