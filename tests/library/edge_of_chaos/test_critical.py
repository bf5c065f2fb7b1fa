"""Gains and critical points of any activation, against the maps they are made for, and against closed forms."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import nn

from preactivations.edge_of_chaos.critical import critical, eoc_point, gain
from preactivations.edge_of_chaos.curves import eoc_curve
from preactivations.edge_of_chaos.fixpoints import fixed_variance
from preactivations.edge_of_chaos.maps import chi, variance_map, variance_slope
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SphericalMarginal, SymmetricWeibull


def named(activation):
    """Of a test: without addresses."""
    return getattr(activation, "__name__", str(activation))


PAIR = GaussianPair(SymmetricWeibull(4), "odd")
ANY = [
    "tanh",
    "gelu",
    "silu",
    "mish",
    "elu",
    "erf",
    nn.SELU(),
    nn.Hardtanh(),
    nn.Hardswish(),
    torch.sin,
    PAIR,
]


@pytest.mark.parametrize("activation", [*ANY, "relu", "softplus", nn.Hardshrink()], ids=named)
@pytest.mark.parametrize(("v", "sigma_b"), [(1.0, 0.0), (0.3, 0.2), (7.0, 1.0)])
def test_the_gain_keeps_the_variance(activation, v, sigma_b):
    sigma_w = gain(activation, v, sigma_b)
    assert float(variance_map(activation, v, sigma_w=sigma_w, sigma_b=sigma_b)) == pytest.approx(v, rel=1e-13)


def test_known_gains():
    """He's for ReLU, its leaky form, 1 for the identity and SELU, whose constants are made for it; erf by arcsine."""
    assert gain("relu") == pytest.approx(math.sqrt(2), rel=1e-15)
    assert gain(nn.LeakyReLU(0.1)) == pytest.approx(nn.init.calculate_gain("leaky_relu", 0.1), rel=1e-15)
    assert gain("identity") == 1
    assert gain(nn.SELU()) == pytest.approx(1, abs=1e-13)
    assert gain("erf") == pytest.approx((2 / math.pi * math.asin(2 / 3)) ** -0.5, rel=1e-14)
    assert gain(PAIR) == pytest.approx(1, rel=1e-12)
    square = quad(
        lambda u: math.tanh(u) ** 2 * math.exp(-u * u / 2) / math.sqrt(2 * math.pi), -10, 10, epsabs=1e-13
    )[0]
    assert gain(torch.tanh) == pytest.approx(square**-0.5, rel=1e-12)


@pytest.mark.parametrize("activation", ANY, ids=named)
@pytest.mark.parametrize("v", [0.5, 1.0, 4.0])
def test_points_at_a_variance(activation, v):
    """chi_1 = 1 at a fixed point, and what is said of its slope; or sigma_b^2 would be negative, to quadrature."""
    if v * float(chi(activation, v)) < float(variance_map(activation, v)):
        with pytest.raises(ValueError, match=f"has no Edge of Chaos with variance {v:g}: sigma_b"):
            critical(activation, variance=v)
        return
    point = critical(activation, variance=v)
    scales = {"sigma_w": point.sigma_w}
    assert float(chi(activation, v, **scales)) == pytest.approx(1, rel=1e-12)
    assert float(variance_map(activation, v, sigma_b=point.sigma_b, **scales)) == pytest.approx(v, rel=1e-12)
    slope = float(variance_slope(activation, v, **scales))
    assert point.variance_slope == pytest.approx(slope, rel=1e-12)
    assert point.stable == (abs(slope) < 1 - 1e-10)
    assert (point.variance, point.chi) == (v, 1)
    if point.stable:
        assert point.xi_v == pytest.approx(-1 / math.log(abs(slope)), rel=1e-9)
        start = 1.3 * v
        found = fixed_variance(activation, start=start, sigma_b=point.sigma_b, **scales)
        assert found == pytest.approx(v, rel=1e-8)
    else:
        assert point.xi_v == math.inf


def test_an_odd_pair_at_variance_1_has_its_exact_point():
    for theta in (2.05, 4, 10):
        pair = GaussianPair(SymmetricWeibull(theta), "odd")
        point, exact = critical(pair), eoc_point(pair)
        assert (point.sigma_w, point.sigma_b) == pytest.approx((exact.sigma_w, exact.sigma_b), abs=1e-10)


@pytest.mark.parametrize(("name", "least"), [("gelu", 0.416), ("silu", 0.745), ("mish", 0.307)])
def test_where_stable_edges_begin(name, least):
    """Below there are fixed points with chi_1 = 1, but networks leave them."""
    point = critical(name, sigma_b=least + 0.002)
    assert point.stable
    assert point.variance_slope == pytest.approx(1, abs=0.01)
    with pytest.raises(
        ValueError, match=r"has no stable Edge of Chaos with sigma_b = .*unstable \(dv'/dv = 1\.0"
    ):
        critical(name, sigma_b=least - 0.002)


def test_an_unstable_point_is_said_to_be():
    point = critical("gelu")
    assert (point.sigma_w, point.sigma_b, point.variance_slope) == pytest.approx(
        (1.481, 0.259, 1.067), abs=5e-4
    )
    assert not point.stable


@pytest.mark.parametrize("activation", ["tanh", "elu", nn.SELU(), PAIR], ids=named)
@pytest.mark.parametrize("sigma_b", [0.1, 0.5])
def test_points_with_biases(activation, sigma_b):
    """The other way round: the variance that comes out has these biases."""
    point = critical(activation, sigma_b=sigma_b)
    assert point.sigma_b == sigma_b
    again = critical(activation, variance=point.variance)
    assert again.sigma_b == pytest.approx(sigma_b, rel=1e-9)
    assert again.sigma_w == pytest.approx(point.sigma_w, rel=1e-9)
    assert point.stable


@pytest.mark.parametrize(("name", "sigma_b"), [("gelu", 0.5), ("silu", 0.8), ("mish", 1.0), ("tanh", 0.3)])
def test_no_stable_point_is_overlooked(name, sigma_b):
    """On a grid of variances: where sigma_b^2 of the edge passes the given one, and the fixed point is stable."""
    v = np.exp(np.linspace(-9, 9, 2001))
    slope_square = chi(name, v)
    square = v - variance_map(name, v) / slope_square - sigma_b**2
    at = [v[k] for k in np.flatnonzero(square[1:] * square[:-1] < 0)]
    stable = [u for u in at if float(variance_slope(name, u, sigma_w=float(chi(name, u)) ** -0.5)) < 1]
    nearest = min(stable, key=lambda u: abs(math.log(u)))
    assert math.log(critical(name, sigma_b=sigma_b).variance) == pytest.approx(math.log(nearest), abs=0.01)


@pytest.mark.parametrize(
    ("activation", "sigma_w"),
    [
        ("tanh", 1.0),
        ("erf", math.sqrt(math.pi) / 2),
        ("elu", 1.0),
        (nn.Hardtanh(), 1.0),
        (nn.SELU(), 1 / (1.0507009873554805 * math.sqrt((1 + 1.6732632423543772**2) / 2))),
    ],
    ids=named,
)
def test_limits_without_bias(activation, sigma_w):
    """sigma_w = 1/|phi'(0)|: variances shrink to 0, more slowly than by any factor."""
    point = critical(activation, sigma_b=0)
    assert point.sigma_w == pytest.approx(sigma_w, rel=1e-8)
    assert (point.sigma_b, point.variance, point.xi_v, point.stable) == (0, 0, math.inf, True)
    near = critical(activation, variance=1e-8) if not isinstance(activation, nn.Hardtanh) else point
    assert near.sigma_w == pytest.approx(sigma_w, rel=1e-3)


def test_lines_have_their_edge_at_every_variance():
    for given in ("relu", nn.PReLU(), np.abs):
        point = critical(given)
        assert point.sigma_w == pytest.approx(gain(given), rel=1e-13)
        assert point.sigma_b == 0
        assert math.isnan(point.variance)
        assert critical(given, sigma_b=0)[:2] == point[:2]
        with pytest.raises(
            ValueError, match=r"linear on both sides of 0: its edge has no bias, got sigma_b = 0\.1"
        ):
            critical(given, sigma_b=0.1)


@pytest.mark.parametrize(
    ("call", "error", "says"),
    [
        (lambda: gain("relu", 1.0, 1.0), ValueError, r"sigma_b\^2 must be below the variance, got sigma_b = 1 "),
        (lambda: gain("relu", 0.0), ValueError, "variance must be in"),
        (lambda: gain("relu", 1.0, -0.1), ValueError, "sigma_b must be finite and >= 0"),
        (lambda: gain(nn.Hardshrink(0.5), 1e-6), ValueError, "no gain keeps the variance 1e-06: Hardshrink is 0 there"),
        (lambda: critical("tanh", variance=1.0, sigma_b=0.1), TypeError, "give variance or sigma_b, not both"),
        (lambda: critical("tanh", sigma_b=-1.0), ValueError, "sigma_b must be finite and >= 0"),
        (lambda: critical("tanh", variance=-1.0), ValueError, "variance must be in"),
        (lambda: critical(np.sign), ValueError, "sign has no Edge of Chaos: chi_1 is infinite"),
        (lambda: critical(GaussianPair(SphericalMarginal(1), "odd")), ValueError, "chi_1 is infinite"),
        (lambda: critical("softplus"), ValueError, r"no Edge of Chaos with variance 1: sigma_b\^2 would be -2"),
        (lambda: critical("softplus", sigma_b=0.1), ValueError, "is below 0.01 at every variance"),
        (lambda: critical("squash"), ValueError, "unknown activation"),
        (lambda: critical(nn.Softshrink(), sigma_b=1e-3), ValueError, "has no stable Edge of Chaos"),
        (lambda: critical("oscillating_6", sigma_b=0.0), ValueError, "oscillating_6 has no stable Edge of Chaos"),
        (lambda: critical(lambda x: x**3, sigma_b=0.0), ValueError, "lambda has no stable Edge of Chaos"),
        (lambda: critical(lambda x: 0 * x), ValueError, "chi_1 is 0 at every scale, since phi' is 0"),
        (lambda: critical(lambda x: 0 * x + 1), ValueError, "chi_1 is 0 at every scale, since phi' is 0"),
        (lambda: critical("relu", sigma_b="x"), TypeError, "sigma_b must be a real number, got 'x'"),
        (lambda: critical("relu", sigma_b=math.nan), ValueError, "sigma_b must be finite and >= 0, got nan"),
        (lambda: critical("relu", variance=[1.0, 2.0]), TypeError, "variance must be a real number"),
        (lambda: gain("tanh", sigma_b="x"), TypeError, "sigma_b must be a real number"),
        (lambda: eoc_curve("gelu", 0), ValueError, "variances must be increasing and n_points at least 2"),
        (lambda: eoc_curve("gelu", variances=(1.0, 0.1)), ValueError, "variances must be increasing"),
        (lambda: eoc_point("tanh"), TypeError, r"eoc_point takes a pair, .*: critical\(activation\)"),
    ],
)  # fmt: skip
def test_what_is_refused(call, error, says):
    with pytest.raises(error, match=says):
        call()
