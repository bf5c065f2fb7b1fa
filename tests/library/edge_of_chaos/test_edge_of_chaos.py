"""The Edge-of-Chaos point against closed forms and another quadrature."""

import math
from itertools import pairwise

import numpy as np
import pytest
from scipy.integrate import quad

from preactivations.activations.registry import NAMES, Activation, by_name, of_pair
from preactivations.edge_of_chaos.critical import eoc_point
from preactivations.edge_of_chaos.curves import chi_map, depth_scales, phase
from preactivations.edge_of_chaos.fixpoints import correlation_fixed_points, fixed_points, fixed_variance
from preactivations.edge_of_chaos.maps import chi, correlation_map, variance_map, variance_slope
from preactivations.pairs.gaussian import GaussianPair
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


LAWS = [
    SymmetricWeibull(2.05),
    SymmetricWeibull(4),
    SymmetricWeibull(10),
    SphericalMarginal(0.2),
    SphericalMarginal(1),
]
PAIRS = [GaussianPair(law, kind) for law in LAWS for kind in ("odd", "positive")]
SMOOTH = ("tanh", "gelu", "silu", "softplus")
SCALES = {"sigma_w": 1.3, "sigma_b": 0.2, "weight_variance": 0.7}
TANH = {"sigma_w": math.sqrt(1.46), "sigma_b": math.sqrt(0.013)}


def numerical(name):
    """The same activation, but without the name and slopes that lead to closed forms."""
    return by_name(name)._replace(name="numerical", slopes=None)


def by_quad(f, v):
    """E f(u), u ~ N(0, v), adaptively on pieces."""
    s = math.sqrt(v)

    def integrand(x):
        return float(f(np.asarray(s * x))) * math.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)

    edges = [-38, -12, -5, -2, -0.5, 0, 0.5, 2, 5, 12, 38]
    return sum(quad(integrand, a, b, epsabs=0, epsrel=1e-12, limit=400)[0] for a, b in pairwise(edges))


# -- maps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "identity", "erf"])
def test_numerical_route_against_closed_forms(name):
    """The panels give what the closed forms give, for variances over 20 decades."""
    v = 10.0 ** np.arange(-12, 9)
    for function in (variance_map, variance_slope, chi):
        np.testing.assert_allclose(function(numerical(name), v), function(name, v), rtol=1e-10)
    c = np.array([-1, -0.999, -0.4, 0, 0.3, 0.9, 0.999, 1 - 1e-9, 1])
    for at in (1e-3, 0.8, 50.0):
        np.testing.assert_allclose(
            correlation_map(numerical(name), c, at), correlation_map(name, c, at), rtol=1e-10, atol=1e-13
        )


def test_closed_forms():
    v = np.array([1e-4, 0.3, 1.0, 7.0])
    np.testing.assert_allclose(variance_map("relu", v, **SCALES), 1.3**2 * 0.7 * v / 2 + 0.04, rtol=1e-14)
    # Williams 1997: E erf(sqrt(v) G)^2 = (2/pi) arcsin(2v / (1 + 2v))
    expected = 1.3**2 * 0.7 * 2 / np.pi * np.arcsin(2 * v / (1 + 2 * v)) + 0.04
    np.testing.assert_allclose(variance_map("erf", v, **SCALES), expected, rtol=1e-14)
    # Cho & Saul 2009, degree 1
    c = np.array([-1, -0.3, 0, 0.5, 1])
    kernel = (np.sqrt(1 - c**2) + c * (np.pi - np.arccos(c))) / np.pi
    np.testing.assert_allclose(correlation_map("relu", c, 3.0), kernel, atol=1e-14)


@pytest.mark.parametrize("v", [0.01, 1.0, 30.0])
@pytest.mark.parametrize("name", [*SMOOTH, "elu", "erf"])
def test_moments_against_adaptive_quadrature(name, v):
    act = by_name(name)
    assert float(variance_map(name, v)) == pytest.approx(by_quad(lambda u: act.phi(u) ** 2, v), rel=1e-10)
    assert float(chi(name, v)) == pytest.approx(by_quad(lambda u: act.dphi(u) ** 2, v), rel=1e-10)
    mean = by_quad(lambda u: u * act.phi(u) * act.dphi(u), v) / v
    assert float(variance_slope(name, v)) == pytest.approx(mean, rel=1e-10)


@pytest.mark.parametrize("pair", PAIRS, ids=repr)
def test_exact_pairs_keep_the_variance_one(pair):
    assert float(variance_map(pair, 1.0)) == pytest.approx(1, abs=1e-10)
    circle = variance_map(pair, 1.0, sigma_w=0.6, sigma_b=0.8)
    assert float(circle) == pytest.approx(1, abs=1e-10)
    h = 1e-4
    low, high = variance_map(pair, [1 - h, 1 + h])
    assert float(variance_slope(pair, 1.0)) == pytest.approx((high - low) / (2 * h), rel=1e-6)


def test_slope_of_the_variance_map_of_a_pair():
    assert float(variance_slope(GaussianPair(SymmetricWeibull(4), "odd"), 1.0)) == pytest.approx(
        0.80971, abs=5e-6
    )
    # |Y| <= sqrt 2 and P(|Y| > phi) does not depend on the scale of Y at theta = 2: E phi_p(sqrt(v) G)^2 is 1 for v = 1
    positive = GaussianPair(SymmetricWeibull(2), "positive")
    assert abs(float(variance_slope(positive, 1.0))) < 1e-12
    assert depth_scales(positive).xi_v < 0.05


@pytest.mark.parametrize("name", ["tanh", "odd", "positive", "elu"])
def test_correlation_map_against_a_double_integral(name):
    if name in ("tanh", "elu"):
        act, size = by_name(name), 1601 if name == "elu" else 181
    else:
        act, size = of_pair(GaussianPair(SymmetricWeibull(4), name)), 181
    for c in (-0.6, 0.3, 0.9):
        # the trapezoidal rule converges geometrically for smooth functions with Gaussian decay
        axis = np.linspace(-9, 9, size)
        x, y = np.meshgrid(axis, axis, indexing="ij")
        density = np.exp(-0.5 * (x * x + y * y)) / (2 * math.pi) * (axis[1] - axis[0]) ** 2
        mean = np.sum(act.phi(x[:, :1]) * act.phi(c * x + math.sqrt(1 - c * c) * y) * density)
        expected = act.weight_variance * mean / float(variance_map(act, 1.0))
        tolerance = 1e-6 if name == "elu" else 1e-10  # a kink of phi' costs the rule its speed
        assert float(correlation_map(act, c, 1.0)) == pytest.approx(expected, abs=tolerance)


@pytest.mark.parametrize(
    "act", [by_name("elu"), by_name("tanh"), of_pair(GaussianPair(SymmetricWeibull(3), "odd"))]
)
def test_slope_of_the_correlation_map_is_chi_at_one(act):
    h = 1e-6
    below = float(correlation_map(act, 1 - h, 1.0))
    slope = float(chi(act, 1.0)) / float(variance_map(act, 1.0))
    assert (1 - below) / h == pytest.approx(slope, rel=2e-5)


def test_layers_are_iterations():
    once = correlation_map("tanh", [0.2, 0.9], 0.3, **TANH)
    through = correlation_map("tanh", [0.2, 0.9], 0.3, **TANH, layers=3)
    assert through.shape == (3, 2)
    np.testing.assert_allclose(through[0], once)
    np.testing.assert_allclose(through[1], correlation_map("tanh", once, 0.3, **TANH))


# -- fixed points ----------------------------------------------------------------------------------


def test_constants_of_the_paper():
    """tanh at (sigma_w^2, sigma_b^2) = (1.46, 0.013): q* = .3029, chi = .9989."""
    (point,) = fixed_points("tanh", **TANH)
    assert point.variance == pytest.approx(0.3029, abs=5e-5)
    assert point.stable
    assert float(chi("tanh", point.variance, sigma_w=TANH["sigma_w"])) == pytest.approx(0.9989, abs=5e-5)
    assert fixed_variance("tanh", **TANH) == pytest.approx(point.variance, rel=1e-12)
    scales = depth_scales("tanh", **TANH)
    assert scales.xi_c == pytest.approx(-1 / math.log(scales.chi))


def test_fixed_points_that_are_not_there():
    assert fixed_points("relu", sigma_w=1.5, sigma_b=0.1) == []
    assert [p.variance for p in fixed_points("relu", sigma_w=1.5)] == [0]
    assert not fixed_points("relu", sigma_w=1.5)[0].stable
    (point,) = fixed_points("relu", sigma_w=1.0, sigma_b=0.5)
    assert point.variance == pytest.approx(0.5, rel=1e-14)
    with pytest.raises(ValueError, match="every variance is a fixed point"):
        fixed_points("relu", sigma_w=math.sqrt(2))
    assert fixed_points("tanh", sigma_w=1000.0, sigma_b=0.1)[0].variance == pytest.approx(1e6, rel=1e-2)
    assert fixed_variance("relu", sigma_w=1.5) == math.inf
    assert fixed_variance("tanh", sigma_w=0.9) == 0
    assert fixed_variance("relu", sigma_w=math.sqrt(2), start=3.0) == 3


@pytest.mark.parametrize("name", [*NAMES, "oscillating_3"])
def test_no_nan_from_tiny_to_huge_scales(name):
    for sigma_w in (1e-3, 0.03, 1.0, 30.0, 1e3):
        for sigma_b in (0.0, 1e-3, 1.0):
            assert phase(name, sigma_w=sigma_w, sigma_b=sigma_b) in ("ordered", "chaotic", "edge")
            v, value = chi_map(name, sigma_w, sigma_b)
            assert not np.isnan(v)
            assert np.isfinite(value)
            points = (
                fixed_points(name, sigma_w=sigma_w, sigma_b=sigma_b)
                if name != "identity" or sigma_w != 1
                else []
            )
            for p in points:
                if p.variance > 0:
                    after = variance_map(name, p.variance, sigma_w=sigma_w, sigma_b=sigma_b)
                    assert float(after) == pytest.approx(p.variance, rel=1e-9)


def test_fixed_points_of_correlations():
    """Chaotic: one stable point below 1; ordered: only 1; odd without bias: 0 stable, +-1 unstable."""
    odd = correlation_fixed_points(GaussianPair(SymmetricWeibull(4), "odd"), 1.0)
    assert [p.correlation for p in odd] == [-1, 0, 1]
    assert [p.stable for p in odd] == [False, True, False]
    v = fixed_variance("tanh", sigma_w=2.0, sigma_b=0.3)
    below, one = correlation_fixed_points("tanh", v, sigma_w=2.0, sigma_b=0.3)
    assert 0 < below.correlation < 1
    assert below.stable
    assert not one.stable
    limit = correlation_map("tanh", 0.9, v, sigma_w=2.0, sigma_b=0.3, layers=400)[-1]
    assert limit == pytest.approx(below.correlation, abs=1e-9)
    v = fixed_variance("elu", sigma_w=1.0, sigma_b=0.3)
    (one,) = correlation_fixed_points("elu", v, sigma_w=1.0, sigma_b=0.3)
    assert one.stable
    with pytest.raises(ValueError, match=r"variance 0\.5 is not a fixed point"):
        correlation_fixed_points("tanh", 0.5)
    with pytest.raises(ValueError, match="every correlation is a fixed point"):
        correlation_fixed_points("identity", 1.0)


@pytest.mark.parametrize(("sigma_w", "sigma_b"), [(1.0, 0.5), (2.0, 0.3)])
def test_depth_scales_are_the_rates_of_the_maps(sigma_w, sigma_b):
    scales = depth_scales("tanh", sigma_w=sigma_w, sigma_b=sigma_b)
    v = scales.variance
    c = correlation_map("tanh", 0.5, v, sigma_w=sigma_w, sigma_b=sigma_b, layers=150)
    gap = np.abs(c - scales.correlation)
    k = int(np.argmax(gap < 1e-6))
    assert math.log(gap[k - 1] / gap[k]) == pytest.approx(1 / scales.xi_c, rel=1e-3)
    off = [v * 1.001]
    for _ in range(3):
        off.append(float(variance_map("tanh", off[-1], sigma_w=sigma_w, sigma_b=sigma_b)))
    assert math.log((off[2] - v) / (off[3] - v)) == pytest.approx(1 / scales.xi_v, rel=1e-3)


# -- Edge of Chaos ---------------------------------------------------------------------------------


def test_positive_pairs_are_ordered_and_odd_ones_chaotic():
    for pair in PAIRS:
        value = float(chi(pair, 1.0))
        assert value < 1 if pair.kind == "positive" else value >= 1
    for b in (0.5, 1, 3):
        assert float(chi(GaussianPair(SphericalMarginal(b), "odd"), 1.0)) == math.inf


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: variance_map("squash", 1.0), "unknown activation 'squash'"),
        (lambda: variance_map("tanh", 0.0), "variance must be in"),
        (lambda: variance_map("tanh", [1.0, math.nan]), "variance must be in .*got nan"),
        (lambda: variance_map("tanh", 1.0, sigma_w=-1), "sigma_w must be finite and >= 0, got -1"),
        (
            lambda: variance_map("tanh", 1.0, weight_variance=0),
            "weight_variance must be finite and > 0, got 0",
        ),
        (lambda: correlation_map("tanh", 1.5, 1.0), r"correlations lie in \[-1, 1\], got 1\.5"),
        (lambda: correlation_map("relu", math.nan, 1.0), r"correlations lie in \[-1, 1\], got nan"),
        (lambda: chi_map("tanh", -1.0, 0.0), "sigma_w must be finite and >= 0"),
        (lambda: depth_scales("relu", sigma_w=1.5), "the variance tends to inf"),
    ],
)
def test_errors_of_the_maps(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_functions_of_your_own():
    assert variance_map(np.tanh, 1.0) == pytest.approx(float(variance_map("tanh", 1.0)), rel=1e-13)
    hard = Activation("hard tanh", lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1) * 1.0, (-1.0, 1.0))
    v = 0.7
    inside = math.erf(1 / math.sqrt(2 * v))
    assert float(chi(hard, v)) == pytest.approx(inside, rel=1e-12)
    # kinks away from 0: the trapezoidal rule in polar angle of the pair would see none of them
    assert float(correlation_map(hard, 0.0, v)) == pytest.approx(0, abs=1e-14)
    h = 1e-5
    slope = (float(correlation_map(hard, 0.5 + h, v)) - float(correlation_map(hard, 0.5 - h, v))) / (2 * h)
    from preactivations.edge_of_chaos._mixed_moments import mixed

    expected = v * float(mixed(hard, v, 0.5).slope_product) / float(variance_map(hard, v))
    assert slope == pytest.approx(expected, rel=1e-8)


def test_an_activation_of_ones_own_may_be_called_erf():
    """Closed forms go with the function, not with the label."""
    own = by_name("tanh")._replace(name="erf")
    assert variance_map(own, 2.0) == variance_map("tanh", 2.0)
    assert correlation_map(own, 0.3, 2.0) == correlation_map("tanh", 0.3, 2.0)


def test_ends_of_the_ranges():
    with pytest.raises(ValueError, match="start must be at most 1e\\+09 here, got 2e\\+09"):
        chi_map("tanh", 1.0, 0.1, start=2e9)
    with pytest.raises(ValueError, match="layers must be at least 1, got 0"):
        correlation_map("tanh", 0.5, 1.0, layers=0)
    (at_zero,) = fixed_points("relu", sigma_w=2)
    assert math.copysign(1, at_zero.variance) == 1
