"""Gaussian integrals where activations jump, oscillate or grow, and at the ends of the range, by closed forms."""

import math

import numpy as np
import pytest
from mpmath import mp

from preactivations.activations.registry import Activation, by_name, of_pair
from preactivations.edge_of_chaos._mixed_moments import mixed
from preactivations.edge_of_chaos.curves import (
    chi_map,
    depth_scales,
    eoc_curve,
    phase,
)
from preactivations.edge_of_chaos.fixpoints import correlation_fixed_points, fixed_points, fixed_variance
from preactivations.edge_of_chaos.maps import (
    chi,
    correlation_map,
    square_moments,
    variance_map,
    variance_slope,
)
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SphericalMarginal, SymmetricWeibull

SIGN = Activation("sign", np.sign, np.zeros_like, (0.0,))
STEP = Activation("step", lambda x: np.heaviside(x, 0.5), np.zeros_like, (0.0,))
HARD_SHRINK = Activation(
    "hard shrink", lambda x: np.where(np.abs(x) > 0.5, x, 0.0), lambda x: (np.abs(x) > 0.5) * 1.0, (-0.5, 0.5)
)
SINE = Activation("sine", np.sin, np.cos)
FAST_SINE = Activation("sine of 30 u", lambda x: np.sin(30 * x), lambda x: 30 * np.cos(30 * x))
EXP = Activation("exp", np.exp, np.exp)
HARD_TANH = Activation("hard tanh", lambda x: np.clip(x, -1, 1), lambda x: (np.abs(x) < 1) * 1.0, (-1.0, 1.0))
#: dense near both ends
CORRELATIONS = np.array([-1, -1 + 1e-9, -0.9999, -0.995, -0.5, 0, 0.3, 0.99, 0.995, 0.9999, 1 - 1e-9, 1])


def opaque(name):
    """The same function, without what leads to closed forms."""
    return by_name(name)._replace(phi=lambda x: by_name(name).phi(x), slopes=None)


# -- jumps -----------------------------------------------------------------------------------------


def test_sign_is_chaotic():
    """E sign(u_1) sign(u_2) = (2/pi) arcsin c, at every variance."""
    for v in (1e-14, 1.0, 1e10):
        assert float(variance_map(SIGN, v)) == pytest.approx(1, rel=1e-14)
        assert float(chi(SIGN, v)) == math.inf
        np.testing.assert_allclose(
            correlation_map(SIGN, CORRELATIONS, v), 2 / math.pi * np.arcsin(CORRELATIONS), atol=1e-13
        )
    assert phase(SIGN) == "chaotic"
    points = correlation_fixed_points(SIGN, 1.0)
    assert [p.correlation for p in points] == [-1, 0, 1]
    assert [p.stable for p in points] == [False, True, False]
    assert [p.slope for p in points] == [math.inf, pytest.approx(2 / math.pi, rel=1e-14), math.inf]
    scales = depth_scales(SIGN)
    assert scales.chi == math.inf
    assert scales.correlation == 0
    assert scales.xi_c == pytest.approx(-1 / math.log(2 / math.pi), rel=1e-12)
    assert len(eoc_curve(SIGN).sigma_w) == 0
    assert chi_map(SIGN, [0.0, 1.0], 0.1)[1].tolist() == [0, math.inf]
    assert fixed_points(SIGN)[0].slope == math.inf


def test_step():
    inner = CORRELATIONS[1:-1]
    got = mixed(STEP, 2.0, inner)
    np.testing.assert_allclose(got.product, 0.25 + np.arcsin(inner) / (2 * math.pi), atol=1e-14)
    expected = 1 / (2 * math.pi * 2.0 * np.sqrt((1 - inner) * (1 + inner)))
    np.testing.assert_allclose(got.slope_product, expected, rtol=1e-12)
    assert mixed(STEP, 2.0, np.array([-1.0, 1.0])).slope_product.tolist() == [math.inf, math.inf]
    # with a bias the stable correlation is where (arcsin c / 2 pi + 1/4 + sigma_b^2) / v = c
    scales = depth_scales(STEP, sigma_b=0.5)
    assert 0.25 + math.asin(scales.correlation) / (2 * math.pi) + 0.25 == pytest.approx(
        0.75 * scales.correlation
    )


@pytest.mark.parametrize("v", [0.01, 1.0, 30.0])
def test_jumps_away_from_zero(v):
    """E phi^2 = v (2 t n(t) + erfc(t / sqrt 2)), t = .5 / sqrt v; its derivative by differences."""

    def square(v):
        t = 0.5 / mp.sqrt(v)
        return v * (2 * t * mp.npdf(t) + mp.erfc(t / mp.sqrt(2)))

    with mp.workdps(40):
        expected = float(square(mp.mpf(v)))
        slope = float(mp.diff(square, mp.mpf(v)))
    assert float(variance_map(HARD_SHRINK, v)) == pytest.approx(expected, rel=1e-12)
    assert float(variance_slope(HARD_SHRINK, v)) == pytest.approx(slope, rel=1e-11)
    assert float(chi(HARD_SHRINK, v)) == math.inf
    for c, h in ((0.4, 1e-5), (0.998, 1e-7)):
        low, high = mixed(HARD_SHRINK, v, np.array([c - h, c + h])).product
        assert float(mixed(HARD_SHRINK, v, c).slope_product) * v == pytest.approx(
            (high - low) / (2 * h), rel=1e-5
        )


def test_opposite_inputs_meet_at_a_jump_or_do_not():
    """At c = -1 the slope is infinite where phi jumps at k and at -k; its sign is that of the product of the jumps."""
    assert mixed(HARD_SHRINK, 1.0, -1.0).slope_product == math.inf
    even = HARD_SHRINK._replace(phi=lambda x: (np.abs(x) > 0.5) * 1.0, dphi=np.zeros_like)
    assert mixed(even, 1.0, -1.0).slope_product == -math.inf
    # several pairs: each counts by the density of N(0, v) there (2 for the two at .2, -8 for those at 3)
    steps = Activation(
        "steps", lambda x: 1.0 * (x > 0.2) + (x > -0.2) + 2.0 * (x > 3) - 2.0 * (x > -3), np.zeros_like,
        (-3.0, -0.2, 0.2, 3.0),
    )  # fmt: skip
    near = mixed(steps, 1.0, np.array([-1 + 1e-10, -1 + 1e-6])).slope_product
    assert near[0] > 50 * near[1] > 5000  # grows as (1 + c)^(-1/2)
    assert mixed(steps, 1.0, -1.0).slope_product == math.inf
    assert mixed(steps, 100.0, -1 + 1e-10).slope_product < -50  # the density hardly falls from .2 to 3
    assert mixed(steps, 100.0, -1.0).slope_product == -math.inf
    late = Activation("late step", lambda x: (x > 0.5) * 1.0, np.zeros_like, (0.5,))
    assert mixed(late, 1.0, -1.0).slope_product == 0


def test_what_jumps_elsewhere_is_refused():
    with pytest.raises(ValueError, match=r"hard shrink jumps near u = -?0\.5, which is not among its kinks"):
        chi(HARD_SHRINK._replace(kinks=()), 1.0)
    # a kink that is not stated is found
    unstated = HARD_TANH._replace(kinks=())
    assert float(chi(unstated, 0.7)) == pytest.approx(math.erf(1 / math.sqrt(1.4)), rel=1e-10)


# -- oscillation and growth ------------------------------------------------------------------------


@pytest.mark.parametrize("v", [1e-8, 0.1, 1.0, 100.0, 1e3, 1e5])
def test_sine(v):
    assert float(variance_map(SINE, v)) == pytest.approx(-math.expm1(-2 * v) / 2, rel=1e-12)
    assert float(chi(SINE, v)) == pytest.approx((1 + math.exp(-2 * v)) / 2, rel=1e-12)
    if v <= 1e3:
        assert float(variance_map(FAST_SINE, v)) == pytest.approx(-math.expm1(-1800 * v) / 2, rel=1e-12)


def test_correlations_of_sines():
    """E sin(u_1) sin(u_2) = exp(-v) sinh(v c)."""
    for v in (0.3, 10.0):
        expected = np.exp(-v) * np.sinh(v * CORRELATIONS)
        np.testing.assert_allclose(mixed(SINE, v, CORRELATIONS).product, expected, rtol=1e-11, atol=1e-15)
        np.testing.assert_allclose(
            mixed(SINE, v, CORRELATIONS).slope_product, np.exp(-v) * np.cosh(v * CORRELATIONS), rtol=1e-11
        )
    assert abs(float(correlation_map(FAST_SINE, 0.9, 10.0))) < 1e-12
    with pytest.raises(ValueError, match="varies too fast for correlations with"):
        correlation_map(FAST_SINE, 0.999, 10.0)


@pytest.mark.parametrize("v", [300.0, 1e3, 1e4])
def test_opposite_inputs_of_a_sine(v):
    """E sin(5u)^2 = 1/2 at large v: (-1/2 + 1/4) / (1/2 + 1/4)."""
    act = Activation("sine and a half", lambda x: np.sin(5 * x) + 0.5, lambda x: 5 * np.cos(5 * x))
    assert float(correlation_map(act, -1, v)) == pytest.approx(-1 / 3, rel=1e-10)
    assert float(mixed(act, v, -1.0).slope_product) == pytest.approx(12.5, rel=1e-10)


def test_curve_of_the_sine():
    curve = eoc_curve(SINE)
    w, b, v, missing = curve
    assert missing == ()
    assert len(v) == 200
    np.testing.assert_allclose(w**2 * (1 + np.exp(-2 * v)) / 2, 1, rtol=1e-12)
    np.testing.assert_allclose(-(w**2) * np.expm1(-2 * v) / 2 + b**2, v, rtol=1e-12)
    zero, one = fixed_points(SINE, sigma_w=1.5)
    assert (zero.variance, zero.slope) == (0, pytest.approx(2.25))
    assert -(1.5**2) * math.expm1(-2 * one.variance) / 2 == pytest.approx(one.variance, rel=1e-12)
    assert fixed_variance(SINE, sigma_w=1.5) == pytest.approx(one.variance, rel=1e-12)


def test_what_can_not_be_resolved_is_refused():
    with pytest.raises(
        ValueError, match=r"u ~ N\(0, 1e\+08\): sine varies too fast: more than 262144 points"
    ):
        variance_map(SINE, 1e8)
    with pytest.raises(ValueError, match="give a smaller interval"):
        fixed_points(SINE, interval=(1e-3, 1e8))
    with pytest.raises(ValueError, match="the variance tends from 1 to where it can't be computed"):
        chi_map(SINE, 1e5, 0.1)


@pytest.mark.parametrize("v", [1e-10, 0.1, 1.0, 30.0, 150.0])
def test_exponential(v):
    assert float(variance_map(EXP, v)) == pytest.approx(math.exp(2 * v), rel=1e-12)
    # the terms of both signs of u almost cancel
    assert float(variance_slope(EXP, v)) == pytest.approx(
        2 * math.exp(2 * v), rel=1e-12 + 1e-16 / math.sqrt(v)
    )


@pytest.mark.parametrize("v", [0.01, 1.0, 4.0])
@pytest.mark.parametrize("name", ["exp", "erf", "relu", "sine of 30 u"])
def test_moments_of_the_square(name, v):
    """Of exponentials and sines by closed forms, of others by quadrature in 20 digits."""
    square, fourth, hermite = square_moments({"exp": EXP, "sine of 30 u": FAST_SINE}.get(name, name), v)
    if name == "exp":
        # E exp(2 u) He4(u / sqrt v) = (2 sqrt v)^4 E exp(2 u)
        expected = math.exp(2 * v), math.exp(8 * v), 16 * v**2 * math.exp(2 * v)
    elif name == "sine of 30 u":
        wave, double = math.exp(-1800 * v), math.exp(-7200 * v)  # E cos 60 u, E cos 120 u
        expected = (1 - wave) / 2, (3 - 4 * wave + double) / 8, -(60**4) * v**2 * wave / 2
    else:
        phi = {"erf": mp.erf, "relu": lambda x: max(x, 0)}[name]

        def mean(f):
            at = [-10, -3, -1, 0, 1, 3, 10]
            return float(mp.quad(lambda x: f(phi(x * math.sqrt(v)), x) * mp.npdf(x), at))

        expected = (
            mean(lambda y, x: y**2),
            mean(lambda y, x: y**4),
            mean(lambda y, x: y**2 * (x**4 - 6 * x**2 + 3)),
        )
    np.testing.assert_allclose([square, fourth, hermite], expected, rtol=1e-10, atol=1e-12 * fourth)


@pytest.mark.parametrize("c", [0.126, 0.14, 0.2])
def test_moments_of_the_square_that_are_infinite(c):
    """phi = exp(c u^2) with 1/8 < c < 1/4: E phi^2 is finite, E phi^4 is not."""
    act = Activation("steep", lambda x: np.exp(c * x**2), lambda x: 2 * c * x * np.exp(c * x**2))
    assert float(variance_map(act, 1.0)) == pytest.approx((1 - 4 * c) ** -0.5, rel=1e-10)
    with pytest.raises(ValueError, match=r"E phi\(u\)\^4 of steep"):
        square_moments(act, 1.0)


def test_growth():
    """E exp(u_1 + u_2) = exp(v (1 + c)); sigma_w^2 exp(2 v) = v at the two branches of Lambert's function."""
    expected = np.exp(3 * (1 + CORRELATIONS))
    np.testing.assert_allclose(mixed(EXP, 3.0, CORRELATIONS).product, expected, rtol=1e-10)
    low, high = fixed_points(EXP, sigma_w=0.1)
    for point, branch in ((low, 0), (high, -1)):
        assert point.variance == pytest.approx(float(-mp.lambertw(-0.02, branch).real / 2), rel=1e-10)
    assert [low.stable, high.stable] == [True, False]
    assert fixed_variance(EXP, sigma_w=0.1) == low.variance
    assert fixed_variance(EXP, sigma_w=0.1, start=10) == math.inf
    # values that count lie 2v from 0
    np.testing.assert_allclose(correlation_map(EXP, [0.9, 0.97], 80.0), np.exp([-8.0, -2.4]), rtol=1e-10)
    with pytest.raises(
        ValueError, match="what counts of exp at variance 120 is too far out for correlations"
    ):
        correlation_map(EXP, 0.9, 120.0)
    variance, value = chi_map(EXP, [0.1, 2.0], 0.1)
    assert variance.tolist() == [
        pytest.approx(fixed_variance(EXP, sigma_w=0.1, sigma_b=0.1), rel=1e-6),
        math.inf,
    ]
    assert value[1] > 1e100
    with pytest.raises(ValueError, match=r"of exp for u ~ N\(0, 500\) is infinite, or overflows"):
        variance_map(EXP, 500.0)
    # E exp(u^2 / 2) is infinite from v = 1 on
    square = Activation("gaussian growth", lambda x: np.exp(x * x / 4), lambda x: x / 2 * np.exp(x * x / 4))
    assert float(variance_map(square, 0.5)) == pytest.approx(math.sqrt(2), rel=1e-12)
    with pytest.raises(ValueError, match="is infinite"):
        variance_map(square, 1.0)
    with pytest.raises(ValueError, match="is infinite"):
        phase(EXP)


def test_phi_that_is_zero_near_zero():
    """E (u - 2)_+^2 = v ((1 + t^2) Q(t) - t n(t)), t = 2 / sqrt v, down to 1e-181."""
    act = Activation("late relu", lambda x: np.maximum(x - 2, 0), lambda x: (x > 2) * 1.0, (2.0,))
    with mp.workdps(60):
        for v in (0.005, 0.01, 0.03, 1.0):
            t = 2 / mp.sqrt(v)
            tolerance = 1e-15 * float(t * t) + 1e-13
            exact = v * ((1 + t * t) * mp.erfc(t / mp.sqrt(2)) / 2 - t * mp.npdf(t))
            assert float(mp.mpf(float(variance_map(act, v))) / exact - 1) == pytest.approx(0, abs=tolerance)
    with pytest.raises(ValueError, match="too far out for correlations"):
        correlation_map(act, 0.5, 0.01)
    with pytest.raises(
        ValueError, match="the next pre-activations have variance 0 from 1e-05: no correlations"
    ):
        correlation_map(act, 0.5, 1e-5)


@pytest.mark.parametrize("power", [17, 18, 20, 25])
def test_powers_that_underflow_near_zero(power):
    act = Activation("power", lambda x: x**power, lambda x: power * x ** (power - 1))
    assert float(variance_map(act, 1.0)) == pytest.approx(float(mp.fac2(2 * power - 1)), rel=1e-12)


@pytest.mark.parametrize(("place", "v"), [(24, 1.0), (30, 1.0), (30, 1e6), (1000, 1e4), (1000, 1e6)])
def test_a_bump_far_from_zero(place, v):
    """E exp(-2 (u - m)^2) = exp(-2 m^2 / (1 + 4v)) / sqrt(1 + 4v)."""

    def phi(x):
        return np.exp(-((x - place) ** 2))

    act = Activation("bump", phi, lambda x: -2 * (x - place) * phi(x))
    exact = mp.exp(-2 * mp.mpf(place) ** 2 / (1 + 4 * v)) / mp.sqrt(1 + 4 * v)
    assert float(variance_map(act, v)) == pytest.approx(float(exact), rel=1e-12)


# -- ends of the range -----------------------------------------------------------------------------


@pytest.mark.parametrize("v", [1e-14, 1e-3, 1.0, 30.0, 1e4, 1e7, 1e10])
@pytest.mark.parametrize("name", ["erf", "relu", "leaky_relu"])
def test_correlations_at_every_variance(name, v):
    """Products and slopes without closed forms, against them (Williams 1997, Cho & Saul 2009)."""
    got, expected = mixed(opaque(name), v, CORRELATIONS), mixed(by_name(name), v, CORRELATIONS)
    np.testing.assert_allclose(got.product, expected.product, rtol=1e-12, atol=1e-14 * expected.product.max())
    # the closed form of ReLU has pi - arccos c, a difference with a relative error of 4e-12 at c = -1 + 1e-9
    np.testing.assert_allclose(got.slope_product, expected.slope_product, rtol=5e-12, atol=1e-15 * (v < 1e4))


def test_closed_form_of_the_slope_of_erf_next_to_one():
    """(4 / pi) / sqrt((1 + 2v)^2 - 4 v^2 c^2), without cancellation."""
    v, gap = 1e9, 2.0**-40
    with mp.workdps(50):
        exact = 4 / mp.pi / mp.sqrt((1 + 2 * mp.mpf(v)) ** 2 - 4 * mp.mpf(v) ** 2 * (1 - mp.mpf(gap)) ** 2)
    assert float(mixed(by_name("erf"), v, 1 - gap).slope_product) == pytest.approx(float(exact), rel=1e-13)


def test_depth_scale_of_tanh_at_a_large_variance():
    """dc'/dc by adaptive double quadrature at v = 1e8: tanh' is concentrated where both are near 0."""
    scales = depth_scales("tanh", sigma_w=1e4, sigma_b=1e3)
    v, c = scales.variance, scales.correlation
    assert scales.xi_c == pytest.approx(2.1687488, rel=1e-7)
    # E tanh'(u_1) tanh'(u_2) = (integral of tanh')^2 times the density of the pair at 0, up to 1/v
    slope = 1e8 * 4 / (2 * math.pi * v * math.sqrt((1 - c) * (1 + c)))
    assert -1 / math.log(slope) == pytest.approx(scales.xi_c, rel=1e-6)


@pytest.mark.parametrize("b", [0.2, 1.0, 30.0])
def test_slopes_of_cusps_are_derivatives(b):
    """The cusp |x|^(1/(1+2b)): slopes by series and by quadrature are differences of the products."""
    act = of_pair(GaussianPair(SphericalMarginal(b), "odd"))
    for c in (0.9, 0.995):
        h = 1e-3 * (1 - c)
        low, high = mixed(act, 1.0, np.array([c - h, c + h])).product
        assert float(mixed(act, 1.0, c).slope_product) == pytest.approx((high - low) / (2 * h), rel=1e-6)
    got = mixed(act, 1.0, np.array([-1.0, 1.0]))
    assert got.product.tolist() == pytest.approx([-(2 * b + 1), 2 * b + 1], rel=1e-10)
    assert got.slope_product[0] == pytest.approx(got.slope_product[1], rel=1e-8)


def test_curve_where_the_activation_is_almost_linear():
    """tanh x = x - x^3/3 + O(x^5): on the edge sigma_b^2 = v - E phi^2 / E phi'^2 = (4/3) v^3 + O(v^4)."""
    w, b, v, _ = eoc_curve("tanh", 200, variances=(1e-9, 1.0))
    assert len(v) == 200
    small = v < 1e-4
    np.testing.assert_allclose(b[small] ** 2, 4 / 3 * v[small] ** 3, rtol=2e-3)
    assert np.all(np.diff(w) > 0)


@pytest.mark.parametrize(
    "act", [opaque("relu")._replace(phi=np.abs, dphi=np.sign), opaque("relu"), HARD_TANH]
)
def test_a_continuum_of_fixed_points_is_named(act):
    sigma_w = math.sqrt(2) if act.phi(-1.0) == 0 else 1.0
    with pytest.raises(ValueError, match=r"every variance from 1e-10 to (1e\+08|0\.01\d*) is a fixed point"):
        fixed_points(act, sigma_w=sigma_w)
    assert fixed_variance(act, sigma_w=sigma_w, start=1e-3) == 1e-3
    # layers of hard tanh shrink the variance until none of 1e13 pre-activations is cut
    assert fixed_variance(HARD_TANH) == pytest.approx(0.0175, abs=5e-4)


def test_exact_pairs_at_large_variances():
    """phi ~ x^(1/2) at theta = 4: E phi^2 ~ sqrt(v)."""
    pair = GaussianPair(SymmetricWeibull(4), "odd")
    low, high = variance_map(pair, [1e6, 1e10])
    assert high / low == pytest.approx(100, rel=1e-3)


def test_correlations_of_a_pair_at_a_large_variance():
    """The map of an odd activation is odd and increases."""
    c = np.linspace(-0.99, 0.99, 5)
    pair = GaussianPair(SymmetricWeibull(4), "odd")
    values = correlation_map(pair, c, 100.0)
    assert np.all(np.diff(values) > 0)
    np.testing.assert_allclose(values, -values[::-1], atol=1e-13)
