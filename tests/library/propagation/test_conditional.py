"""Neurons drawn from their law given the layer before: against Fourier inversion, and against networks of weights."""

import math

import numpy as np
import pytest
import scipy.special as sc
from scipy.interpolate import CubicSpline
from scipy.stats import kstest, norm

from preactivations.activations.array_map import as_array_map
from preactivations.activations.gaussian import GaussianActivation
from preactivations.pairs import GaussianPair
from preactivations.propagation.conditional import Conditional, conditional_law, cumulants
from preactivations.propagation.engine import block_bytes, block_size, simulate, simulate_layers
from preactivations.quadrature import gauss_legendre
from preactivations.streams import Stream
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull

LAWS = [
    SymmetricWeibull(2),
    SymmetricWeibull(4),
    SymmetricWeibull(10),
    SphericalMarginal(0.25),
    SphericalMarginal(1),
]
_T = np.arange(0.5, 2000) * 0.02


def characteristic(law):
    """t -> E cos(t W), by quantiles: |W| = Q(p), p uniform, panels towards both ends."""
    edges = np.unique(np.r_[0, np.geomspace(1e-12, 0.5, 40), 1 - np.geomspace(1e-12, 0.5, 40), 1])
    p, weight = gauss_legendre(edges, 24)
    if isinstance(law, SymmetricWeibull):
        w = (-np.log1p(-p)) ** (1 / law.theta)
    else:
        w = np.sqrt(sc.betaincinv(0.5, law.b, p))
    t = np.linspace(0, 60, 6001)
    table = np.concatenate([np.cos(np.outer(part, w)) @ weight for part in np.array_split(t, 40)])
    spline = CubicSpline(t, table)
    return lambda s: spline(np.minimum(s, 60))


def inverted(x, a, law, psi):
    """P(z <= s x | a)."""
    a = np.abs(a) / math.sqrt(law.variance * np.sum(a * a))
    c = np.ones_like(_T)
    for part in np.array_split(a, 1 + len(a) // 50):
        c = c * np.prod(psi(np.outer(_T, part)), axis=1)
    some = np.abs(c) > 1e-14
    return 0.5 + np.sin(np.outer(x, _T[some])) @ (c[some] / _T[some]) * (0.02 / math.pi)


def activations(law, n, rng):
    """Of pairs, of heavy tails, saturated, equal, half dead, few that make up most of the sum, few among tiny ones."""
    grid = np.linspace(-6, 6, 2001)
    for kind in ("odd", "positive"):
        yield np.interp(rng.standard_normal(n), grid, GaussianPair(law, kind).phi(grid))
    yield rng.standard_normal(n) ** 3
    yield np.tanh(5 * rng.standard_normal(n))
    yield np.ones(n)
    yield np.arange(n) % 2 * 1.0
    yield np.where(np.arange(n) % 2, 1, 0.05)
    yield np.r_[np.ones(n), np.full(100 * n, 0.01)] if n == 30 else np.where(np.arange(n) % 2, 1, 1 / 3)
    for share in (0.02, 0.1, 0.2, 0.3):
        if share > 1.5 / n:
            yield np.r_[math.sqrt(share), np.full(n - 1, math.sqrt((1 - share) / (n - 1)))]
            b = rng.standard_normal(n - 3)
            yield np.r_[np.full(3, math.sqrt(share)), b * math.sqrt(max(1 - 3 * share, 0.01) / (b @ b))]


@pytest.mark.parametrize("law", [*LAWS, SymmetricWeibull(20)], ids=str)
def test_error_of_the_expansions_is_below_its_estimate(law):
    psi, rng, u = characteristic(law), np.random.default_rng(0), np.linspace(0.05, 6, 60)
    held = 0
    for n in (10, 18, 30, 60, 100, 1000):
        for a in activations(law, n, rng):
            found = conditional_law(a[None], cumulants(law))
            if found.error[0] > 1e-4:
                continue
            held += 1
            scaled = Conditional(np.ones(1), found.l4, found.l6, found.error)
            first, third, fifth = (float(c[0]) for c in scaled.quantile_coefficients())
            z = u * (first + u**2 * (third + fifth * u**2))
            allowed = found.error[0] + 3e-7  # of the inversion
            assert np.abs(scaled.cdf(u)[0] - inverted(u, a, law, psi)).max() < allowed
            assert np.abs(inverted(z, a, law, psi) - sc.ndtr(u)).max() < allowed
    assert held >= 4


def test_what_power_sums_of_order_four_do_not_see():
    """One neuron among 1000, and sums that are nearly discrete: .05 |l4|^3 is less than a third of the error."""
    u = np.linspace(0.05, 4, 80)
    one = np.r_[math.sqrt(0.2), np.full(999, math.sqrt(0.8 / 999))]
    for law, a in ((SymmetricWeibull(10), one), (SymmetricWeibull(10), np.ones(30))):
        found = conditional_law(a[None], cumulants(law))
        scaled = Conditional(np.ones(1), found.l4, found.l6, found.error)
        error = np.abs(scaled.cdf(u)[0] - inverted(u, a, law, characteristic(law))).max()
        assert 0.15 * abs(found.l4[0]) ** 3 < error < found.error[0]


@pytest.mark.parametrize("law", [*LAWS, Normal(0.5)], ids=str)
def test_cumulants(law):
    """log E exp(i t W) = sum k_j (i t)^j / j!."""
    found = cumulants(law)
    psi = (lambda t: np.exp(-0.5 * (0.5 * t) ** 2)) if isinstance(law, Normal) else characteristic(law)
    x = np.linspace(0.2, 0.6, 7)
    t = x / math.sqrt(found.k2)
    series = -found.k2 * t**2 / 2 + found.k4 * t**4 / 24 - found.k6 * t**6 / 720 + found.k8 * t**8 / 40320
    # |k10| is at most 7936 k2^5, that of random signs
    assert np.all(np.abs(np.log(psi(t)) - series) < 2e-9 + 1.3 * 7936 / math.factorial(10) * x**10)


def test_law_of_small_and_of_large_activations():
    """Shares neither overflow nor vanish; s is exact where squares in single precision are 0."""
    a = np.abs(np.random.default_rng(1).standard_normal((2, 50))).astype(np.float32)
    expected = conditional_law(a, cumulants(SymmetricWeibull(3)))
    for scale in (1e-25, 1e-12, 1e12):
        found = conditional_law(a * np.float32(scale), cumulants(SymmetricWeibull(3)))
        np.testing.assert_allclose(found.s / scale, expected.s, rtol=1e-5)
        np.testing.assert_allclose(found.l4, expected.l4, rtol=1e-5)
    dead = conditional_law(np.zeros((1, 5), np.float32), cumulants(SymmetricWeibull(3)))
    assert dead.s[0] == dead.l4[0] == 0
    assert (dead.cdf([0.0, 1.0]) == 1).all()


# -- the engine ------------------------------------------------------------------------------------

WIDTHS = [3, 60, 40, 50, 1]


def phi(law, kind="odd"):
    return as_array_map(GaussianActivation(law, kind))


@pytest.mark.parametrize("method", ["conditional", "auto"])
def test_numbers_do_not_depend_on_threads_memory_or_count(method):
    law = SymmetricWeibull(5)
    options = {"weights": law, "stream": Stream(1, "conditional"), "sigma_b": 0.3, "method": method}
    whole = simulate(WIDTHS, phi(law), n_networks=9000, **options)
    memory = 2.5 * block_bytes(WIDTHS, method=method)
    for change in ({"threads": 2}, {"threads": 3, "memory": memory}):
        np.testing.assert_array_equal(simulate(WIDTHS, phi(law), n_networks=9000, **options, **change), whole)
    np.testing.assert_array_equal(simulate(WIDTHS, phi(law), n_networks=5001, **options), whole[:5001])
    weights = simulate(WIDTHS, phi(law), n_networks=100, **(options | {"method": "weights"}))
    assert not np.array_equal(weights, whole[:100])


@pytest.mark.parametrize(
    ("law", "kind", "sigma_b"),
    [
        (Normal(), "tanh", 0.2),
        (SymmetricWeibull(3), "odd", 0.0),
        (SymmetricWeibull(10), "positive", 0.4),
        (SphericalMarginal(1), "odd", 0.0),
    ],
    ids=str,
)
def test_same_law_as_networks_of_weights(law, kind, sigma_b):
    """Statistics of every layer, dependence included, within 4.5 standard errors (40 differences, level 3e-4)."""
    act = np.tanh if kind == "tanh" else phi(law, kind)
    options = {"weights": law, "sigma_w": 1.1, "sigma_b": sigma_b, "n_networks": 20_000}
    widths = [1, 40, 12, 40]
    one = simulate_layers(widths, act, stream=Stream(2, "a"), **options)
    other = simulate_layers(widths, act, stream=Stream(2, "b"), method="conditional", **options)
    assert (one.by_weights == 1).all()
    assert other.by_weights[0] == 0
    for k in range(3):
        spread = np.sqrt((np.diag(one.spread[k]) + np.diag(other.spread[k])) / 20_000)
        assert np.all(np.abs(one.mean[k] - other.mean[k]) < 4.5 * spread)
        a, b = one.tested[k], other.tested[k]
        assert kstest(a, b).pvalue > 1e-4


@pytest.mark.parametrize("device", [None, "cpu"])
@pytest.mark.parametrize("scale", [1e-25, 1.0, 1e18])
def test_batches_keep_small_differences(scale, device):
    """Of inputs of any size; equal inputs stay equal beside others."""
    x = np.linspace(-1, 1, 100)
    inputs = np.stack([x, x, x + 1e-4 * np.cos(7 * x), x[::-1] + 0.1]) * scale
    z = simulate(
        [100, 200], relu_of(device), weights="normal", inputs=inputs, n_networks=50, stream=Stream(0),
        method="conditional", device=device,
    ).astype(float)  # fmt: skip
    for k in range(4):  # 10 000 numbers
        expected = np.sum((inputs[k] / scale) ** 2) / 100
        assert np.mean((z[:, k] / scale) ** 2) == pytest.approx(expected, rel=4 * math.sqrt(2 / 10_000))
    assert np.abs(z[:, 0] - z[:, 1]).max() < 1e-6 * scale
    apart = np.sum((inputs[2] / scale - x) ** 2) / 100
    assert np.mean(((z[:, 2] - z[:, 0]) / scale) ** 2) == pytest.approx(apart, rel=0.1)


def relu_of(device):
    return (lambda z: z.clamp(min=0)) if device else (lambda z: np.maximum(z, 0))


@pytest.mark.parametrize("method", ["weights", "conditional", "auto"])
@pytest.mark.parametrize("device", [None, "cpu"])
def test_activations_in_double_precision(method, device):
    options = {
        "n_networks": 200,
        "stream": Stream(0),
        "method": method,
        "device": device,
        "weights": "weibull_4",
    }
    act = (lambda z: z.double().tanh()) if device else (lambda z: np.tanh(z.astype(np.float64)))
    assert np.isfinite(simulate([3, 8, 8], act, **options)).all()


def test_normal_networks_are_drawn_without_weights_at_any_width():
    layers = simulate_layers(
        [2, 1, 3, 1], np.tanh, weights="normal", n_networks=500, stream=Stream(3), method="conditional"
    )
    assert (layers.by_weights == 0).all()


def test_share_of_networks_that_are_drawn_from_weights():
    """Narrow layers and weights near +-1 need their weights; wide ones do not; a smaller tolerance needs more."""
    law = SymmetricWeibull(4)
    share = {}
    for tolerance in (1e-4, 2e-5, 1e-6):
        layers = simulate_layers(
            [1, 4, 60, 2000, 2], phi(law), weights=law, n_networks=256, stream=Stream(4), method="auto",
            tolerance=tolerance,
        )  # fmt: skip
        share[tolerance] = layers.by_weights
    assert share[2e-5][0] == 0  # normal weights
    assert share[2e-5][1] == 1
    assert share[2e-5][3] == 0
    assert share[1e-4][2] <= share[2e-5][2] <= share[1e-6][2]
    assert share[1e-6][2] > 0


def test_batch_with_normal_weights():
    """Inputs together: covariances of the first layer are exact, equal inputs stay equal (a singular Gram matrix)."""
    x = np.random.default_rng(5).standard_normal((4, 6))
    x[3] = x[2]
    options = {"weights": "normal", "inputs": x, "sigma_w": 1.2, "sigma_b": 0.3, "n_networks": 20_000}
    between = simulate_layers([6, 20, 5], np.tanh, stream=Stream(6), method="conditional", **options).between
    expected = 1.2**2 * x @ x.T / 6 + 0.3**2
    assert np.all(np.abs(between.covariance[0] - expected) < 4.5 * between.covariance_error[0])
    other = simulate_layers([6, 20, 5], np.tanh, stream=Stream(7), **options).between
    error = np.hypot(between.covariance_error, other.covariance_error)
    assert np.all(np.abs(between.covariance - other.covariance) < 4.5 * error)
    z = simulate([6, 20, 5], np.tanh, stream=Stream(6), method="conditional", **options)
    np.testing.assert_allclose(z[:, 3], z[:, 2], atol=2e-6)
    # more inputs than neurons: from weights, the same law
    wide = np.random.default_rng(8).standard_normal((8, 6))
    z = simulate(
        [6, 3, 3],
        np.tanh,
        weights="normal",
        inputs=wide,
        n_networks=5000,
        stream=Stream(8),
        method="conditional",
    )
    assert norm.sf(abs(z[:, 0, 0].mean()) / z[:, 0, 0].std() * math.sqrt(5000)) > 1e-4


def test_wide_networks_take_little_memory():
    import tracemalloc

    widths = [1, 100_000, 100_000, 1]
    assert block_bytes(widths, method="conditional") < 1e8
    assert block_size(widths, method="conditional") >= 1
    tracemalloc.start()
    simulate(
        widths,
        phi(SymmetricWeibull(3)),
        weights=SymmetricWeibull(3),
        n_networks=2,
        stream=Stream(9),
        method="auto",
    )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < block_bytes(widths, method="auto")


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"method": "exact"}, "weights, conditional, auto"),
        ({"tolerance": 0.01}, "at most 1e-4"),
        ({"tolerance": 0.0}, "above 0"),
        (
            {"method": "conditional", "weights": "spherical_0"},
            r"SphericalMarginal\(b=0.0\): sums of random signs",
        ),
        (
            {"method": "conditional", "weights": "weibull_3", "inputs": [[1.0], [2.0]]},
            "2 inputs need normal weights",
        ),
    ],
)
def test_what_is_refused(change, match):
    options = {"weights": "normal", "n_networks": 5, "stream": Stream(0)} | change
    with pytest.raises(ValueError, match=match):
        simulate([1, 4, 1], np.tanh, **options)


def test_auto_takes_what_conditional_refuses():
    for change in ({"weights": "spherical_0"}, {"weights": "weibull_3", "inputs": [[1.0], [2.0]]}):
        layers = simulate_layers([1, 4, 4], np.tanh, n_networks=50, stream=Stream(0), method="auto", **change)
        assert layers.by_weights[1] == 1
