"""Scales that preserve fractional moments: 40-digit sums, Monte Carlo, closed forms, and the chain of norms."""

import math

import mpmath
import numpy as np
import pytest
from scipy import integrate, stats

from preactivations import heavy_tails
from preactivations.heavy_tails.log_norms import norm_law
from preactivations.heavy_tails.norm_moments import log_mean_variance, log_moment
from preactivations.heavy_tails.scales import sigma
from preactivations.heavy_tails.units import Unit
from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.norm_factor import NormFactor
from preactivations.relu_law.stationary import squared_norm_tail_index
from preactivations.streams import Stream

ORDERS = (1e-3, 0.1, 0.5, 1.0, 1.5, 1.999, 2.0)


def log_moment_by_sum(p, d, slope):
    """log E Q^p from the binomial sum over active neurons and hypergeometric functions, 40 digits."""
    with mpmath.workdps(40):
        p, half, a = mpmath.mpf(p), mpmath.mpf(d) / 2, mpmath.mpf(slope)
        if slope == 1:
            return mpmath.log(2**p * mpmath.gamma(half + p) / mpmath.gamma(half))
        total = mpmath.mpf(0)
        for k in range(d + 1):
            if slope == 0:
                term = mpmath.gamma(mpmath.mpf(k) / 2 + p) / mpmath.gamma(mpmath.mpf(k) / 2) if k else 0
            else:
                term = mpmath.gamma(half + p) / mpmath.gamma(half)
                term *= mpmath.hyp2f1(-p, mpmath.mpf(d - k) / 2, half, 1 - a * a)
            total += mpmath.binomial(d, k) * term
        return mpmath.log(2**p * total / mpmath.mpf(2) ** d)


@pytest.mark.parametrize(
    ("activation", "param", "slope"),
    [
        ("relu", None, 0.0),
        ("linear", None, 1.0),
        ("leaky_relu", None, 0.01),
        ("leaky_relu", 0.3, 0.3),
        ("leaky_relu", 2.0, 2.0),
    ],
)
@pytest.mark.parametrize("d", [1, 2, 7, 64])
def test_sigma_against_sums_of_forty_digits(activation, param, slope, d):
    found = sigma(ORDERS, d, activation, param)
    for s, value in zip(ORDERS, found, strict=True):
        reference = mpmath.exp(-log_moment_by_sum(s / 2, d, slope) / s)
        assert float(abs(value / reference - 1)) < 1e-11, s


def test_randomized_slope_against_quadrature():
    """d = 1: E |phi(g)|^s = E |g|^s (1 + E a^s)/2; d = 2 by Monte Carlo, 4.5 standard errors."""
    low, high = 1 / 8, 1 / 3
    for s in (0.3, 1.0, 1.7):
        slopes = (high ** (s + 1) - low ** (s + 1)) / ((s + 1) * (high - low))
        normal = 2 ** (s / 2) * math.gamma((s + 1) / 2) / math.sqrt(math.pi)
        assert sigma(s, 1, "rrelu") == pytest.approx((normal * (1 + slopes) / 2) ** (-1 / s), rel=1e-12)
        assert sigma(s, 1, "rrelu", (0.0, 1.0)) == pytest.approx(
            (normal * (1 + 1 / (s + 1)) / 2) ** (-1 / s), rel=1e-12
        )
    rng = Stream(1, "rrelu").block(0)
    g = rng.standard_normal((1_000_000, 2))
    q = (np.where(g > 0, g, rng.uniform(low, high, g.shape) * g) ** 2).sum(axis=1)
    values = (float(sigma(0.8, 2, "rrelu")) * np.sqrt(q)) ** 0.8
    assert abs(values.mean() - 1) < 4.5 * values.std() / 1000
    # nearly one slope: that of leaky ReLU
    assert sigma(1, 9, "rrelu", (0.2 - 1e-6, 0.2 + 1e-6)) == pytest.approx(
        float(sigma(1, 9, "leaky_relu", 0.2)), rel=1e-10
    )


@pytest.mark.parametrize(("keep", "factor"), [(0.5, 2.0), (0.9, 1.0), (0.2, 1.3)])
@pytest.mark.parametrize("activation", ["relu", "linear", "leaky_relu"])
def test_dropout_by_enumeration(keep, factor, activation):
    """d = 3: all patterns of signs and masks, each with a closed moment or a quadrature over the plane."""
    d, s = 3, 0.7
    slope = {"relu": 0.0, "linear": 1.0, "leaky_relu": 0.01}[activation]
    total = 0.0
    for kept in range(d + 1):
        weight = math.comb(d, kept) * keep**kept * (1 - keep) ** (d - kept)
        if kept:
            total += weight * factor**s * float(mpmath.exp(log_moment_by_sum(s / 2, kept, slope)))
    found = sigma(s, d, activation, keep=keep, factor=factor)
    assert found == pytest.approx(total ** (-1 / s), rel=1e-11)


def mixture(s, d, keep, factor, slopes):
    """sigma with dropout from the moments without: K ~ Binomial(d, keep) neurons are left."""
    with mpmath.workdps(30):
        total = mpmath.mpf(0)
        for k in range(1, d + 1):
            weight = mpmath.binomial(d, k) * mpmath.mpf(keep) ** k * (1 - mpmath.mpf(keep)) ** (d - k)
            total += weight * mpmath.exp(mpmath.mpf(log_moment(s / 2, k, Unit(*slopes))))
        return mpmath.mpf(factor) ** -1 * total ** (-1 / mpmath.mpf(s))


@pytest.mark.parametrize(("keep", "d"), [(1e-10, 3), (1e-6, 4), (1e-3, 4), (0.01, 100), (0.1, 10), (0.5, 7)])
@pytest.mark.parametrize("name", ["relu", "linear", "leaky_relu", "rrelu"])
def test_dropout_that_leaves_few(name, keep, d):
    """Against the mixture over the neurons that are left, small orders and small probabilities included."""
    whole = heavy_tails.unit(name)
    for s in (0.01, 0.3, 1.0, 1.9):
        found = sigma(s, d, name, keep=keep, factor=1.5)
        expected = mixture(s, d, keep, 1.5, (whole.lower, whole.upper))
        if expected > 1e300:
            assert found == math.inf
        else:
            assert float(abs(mpmath.log(float(found)) - mpmath.log(expected))) < 1e-10 * max(1, 0.1 / s)


def test_tiny_orders():
    """s to 1e-12: log sigma = -(E log Q)/2 - s Var(log Q)/8 + ... where no layer dies."""
    for name in ("linear", "leaky_relu", "rrelu"):
        for d in (1, 5, 300):
            mean, variance = log_mean_variance(d, heavy_tails.unit(name))
            for s in (1e-12, 1e-8, 1e-6):
                assert float(sigma(s, d, name)) == pytest.approx(
                    math.exp(-mean / 2 - s * variance / 8), rel=1e-9
                )
    # both sides of the change of method
    for d in (1, 20):
        _, variance = log_mean_variance(d, heavy_tails.unit("leaky_relu"))
        near = [math.log(float(sigma(s, d, "leaky_relu"))) + s * variance / 8 for s in (1.99e-6, 2.01e-6)]
        assert abs(near[0] - near[1]) < 1e-9


def test_orders_beyond_the_largest_float():
    assert sigma([1e-5, 1.0], 3)[0] == math.inf
    assert math.isfinite(sigma([1e-5, 1.0], 3)[1])
    for d in (1, 2, 3):
        assert heavy_tails.norm_tail_index(float(sigma(0.9, d)), d) == pytest.approx(0.9, abs=1e-9)


def test_rectangular_layers_preserve_the_root_mean_square():
    """Three inputs, five outputs: 4.5 standard errors; He's fan-in at order 2."""
    scale = float(heavy_tails.sigma_rectangular(0.8, 3, 5))
    w = Stream(5, "rectangular").block(0).standard_normal((200_000, 5, 3)) * scale
    x = np.array([1.0, -2.0, 0.5])
    rms = np.sqrt((np.maximum(w @ x, 0) ** 2).mean(axis=1) / (x**2).mean())
    values = rms**0.8
    assert abs(values.mean() - 1) < 4.5 * values.std() / math.sqrt(len(values))
    assert heavy_tails.sigma_rectangular(2, 3, 5) == pytest.approx(math.sqrt(2 / 3))


def test_order_two_is_he_and_glorot():
    d = np.array([1, 10, 64, 100_000])
    assert (sigma(2, d) == np.sqrt(2 / d)).all()
    assert (sigma(2, d, "linear") == np.sqrt(1 / d)).all()
    np.testing.assert_allclose(sigma(2, d, "leaky_relu", 0.2), np.sqrt(2 / (1.04 * d)), rtol=1e-15)
    np.testing.assert_allclose(sigma(2 - 1e-9, d), sigma(2, d), rtol=1e-8)


def test_stated_values():
    assert (sigma([0.5, 1, 1.5], 10) * math.sqrt(5)).round(6).tolist() == [1.113519, 1.068790, 1.031828]
    assert (sigma([0.5, 1, 1.5], 64) * math.sqrt(32)).round(6).tolist() == [1.015024, 1.009907, 1.004901]
    assert (sigma([0.5, 1, 1.5], 64, "linear") * 8).round(6).tolist() == [1.005892, 1.003914, 1.001950]
    for s, mean in ((1, -0.010196), (2, -0.020054)):
        found = heavy_tails.clt_mean_variance(s, 64)
        assert round(float(found.mean), 6) == mean
        assert round(float(found.variance), 6) == 0.020749
    for a, error in ((0.2, -1.6e-4), (0.5, -1.3e-3), (1.0, -1.1e-2)):
        found = float(heavy_tails.sigma_authors(1, 64, "leaky_relu", a) / sigma(1, 64, "leaky_relu", a)) - 1
        assert found == pytest.approx(error, rel=0.04)


@pytest.mark.parametrize("activation", ["relu", "linear", "leaky_relu", "rrelu"])
def test_second_order_leaves_the_third(activation):
    """The relative rest falls like d^-2: by 100 from d = 100 to 1 000, within 10 %."""
    rest = [
        float(heavy_tails.sigma_second_order(0.8, d, activation) / sigma(0.8, d, activation)) - 1
        for d in (100, 1000)
    ]
    assert rest[0] / rest[1] == pytest.approx(100, rel=0.1)
    if activation in ("relu", "linear"):
        np.testing.assert_allclose(
            heavy_tails.sigma_authors(0.8, 64, activation),
            heavy_tails.sigma_second_order(0.8, 64, activation),
            rtol=1e-14,
        )


def test_small_orders():
    """s -> 0 preserves the mean log norm; ReLU's dead layer makes sigma diverge."""
    for activation in ("linear", "leaky_relu", "rrelu"):
        mean, _ = log_mean_variance(5, heavy_tails.unit(activation))
        assert sigma(1e-4, 5, activation) == pytest.approx(math.exp(-mean / 2), rel=1e-3)
    for s in (1e-3, 1e-2):
        assert sigma(s, 3) > (1 - 1 / 8) ** (-1 / s) / 2
    assert sigma(1e-3, 200) == pytest.approx(math.exp(-log_mean_variance(200, Unit())[0] / 2), rel=1e-4)


@pytest.mark.parametrize("d", [1, 4, 60])
@pytest.mark.parametrize("slope", [0.0, 1.0, 0.01, 0.4])
def test_log_moments_agree_with_the_law_of_the_norm(d, slope):
    activation = {0.0: "relu", 1.0: "linear"}.get(slope, "leaky_relu")
    mean, variance = log_mean_variance(
        d, heavy_tails.unit(activation, slope if activation == "leaky_relu" else None)
    )
    reference = NormFactor(d, slope).log_moments()
    assert mean == pytest.approx(reference.mean, abs=1e-9)
    assert variance == pytest.approx(reference.variance, rel=1e-8)


def test_log_moments_of_the_randomized_slope():
    """d = 1: log |g| and log a apart, by quadrature."""
    mean, variance = log_mean_variance(1, heavy_tails.unit("rrelu"))
    low, high = 1 / 8, 1 / 3
    log_a, square_a = (
        integrate.quad(lambda a, k=k: math.log(a) ** k / (high - low), low, high)[0] for k in (1, 2)
    )
    # log Q = log g^2 + B 2 log a with B = 0 or 1
    assert mean == pytest.approx(-np.euler_gamma - math.log(2) + log_a, abs=1e-10)
    assert variance == pytest.approx(math.pi**2 / 2 + 2 * square_a - log_a**2, rel=1e-10)


def test_moment_growth():
    growth = heavy_tails.moment_growth([0.25, 0.5, 1, 1.5, 2], 1, 16, depth=50)
    assert growth[2] == pytest.approx(1, rel=1e-12)
    assert (growth[:2] < 1).all()
    assert (growth[3:] > 1).all()
    chain = NormChain(16, [16] * 50, weight_variance=float(sigma(1, 16)) ** 2)
    np.testing.assert_allclose(
        growth, [float(chain.moment(p / 2)) for p in (0.25, 0.5, 1, 1.5, 2)], rtol=1e-10
    )
    assert heavy_tails.moment_growth(1.3, 1, 16, depth=0) == 1


def test_clt_of_drawn_layers():
    """Steps of log |x| in drawn layers: mean and variance within 4.5 standard errors."""
    rng = Stream(2, "clt").block(0)
    for activation, slope in (("relu", 0.0), ("leaky_relu", 0.01), ("linear", 1.0)):
        g = rng.standard_normal((200_000, 12))
        step = np.log((np.where(g > 0, g, slope * g) ** 2).sum(axis=1) + 1e-300) / 2
        step = step[step > -100] + math.log(float(sigma(1.2, 12, activation)))
        found = heavy_tails.clt_mean_variance(1.2, 12, activation)
        assert abs(step.mean() - found.mean) < 4.5 * step.std() / math.sqrt(step.size)
        square = (step - step.mean()) ** 2
        assert abs(square.mean() - found.variance) < 4.5 * square.std() / math.sqrt(step.size)
        assert found.mean == pytest.approx(-0.6 * found.variance, rel=4 / 12), (
            "-s V / 2, the rest of order 1/d"
        )


def test_small_outputs():
    x = np.array([1e-3, 0.1, 1.0, 5.0])
    by_order = [heavy_tails.small_output_probability(x, 30, s, 16) for s in (2, 1, 0.5)]
    assert (by_order[0] > by_order[1]).all()
    assert (by_order[1] > by_order[2]).all()
    # the same noise: x_s = (sigma_s / sigma_2)^L x_2
    shift = float(sigma(1, 16) / sigma(2, 16)) ** 30
    np.testing.assert_allclose(
        by_order[1], heavy_tails.small_output_probability(x / shift, 30, 2, 16), rtol=1e-7
    )
    rng = Stream(3, "small").block(0)
    norm = np.zeros(20_000)
    for _ in range(30):
        with np.errstate(divide="ignore"):
            norm += np.log((np.maximum(rng.standard_normal((20_000, 16)), 0) ** 2).sum(axis=1)) / 2
    norm += 30 * math.log(float(sigma(1, 16)))
    for level, p in zip(x, by_order[1], strict=True):
        count = int((norm <= math.log(level)).sum())
        assert stats.binomtest(count, norm.size, float(p)).pvalue > 1e-4


def test_tail_index_is_the_order():
    for s in (0.4, 1.0, 1.6, 2.0):
        scale = float(sigma(s, 12))
        assert heavy_tails.norm_tail_index(scale, 12) == pytest.approx(s, abs=1e-9)
        assert 2 * squared_norm_tail_index(12, scale**2) == pytest.approx(s, abs=1e-9)
    assert heavy_tails.norm_tail_index(float(sigma(0.7, 12, "rrelu")), 12, "rrelu") == pytest.approx(
        0.7, abs=1e-9
    )


def test_shapes_broadcast():
    found = heavy_tails.clt_mean_variance([0.5, 1, 2], [[4], [64]])
    assert found.mean.shape == found.variance.shape == (2, 3)
    assert found.mean[1, 2] == heavy_tails.clt_mean_variance(2, 64).mean
    assert heavy_tails.moment_growth([0.5, 1], [[1], [0.5]], 16, depth=3).shape == (2, 2)
    assert heavy_tails.norm_tail_index(sigma([0.4, 1.0], 12), 12) == pytest.approx([0.4, 1.0], abs=1e-9)
    assert heavy_tails.small_output_probability(0.1, 30, [2, 1], 16).shape == (2,)
    assert sigma(np.ones((3, 1)), [4, 5]).shape == (3, 2)
    assert sigma(1.0, 4).shape == ()
    assert heavy_tails.sigma_second_order([0.5, 1], 4).shape == (2,)


def test_very_wide_layers():
    """d = 10^5, against the second order: the rest is of order d^-2 = 1e-10."""
    for activation in ("relu", "linear", "leaky_relu", "rrelu"):
        found = float(
            sigma(0.8, 100_000, activation) / heavy_tails.sigma_second_order(0.8, 100_000, activation)
        )
        assert found == pytest.approx(1, abs=3e-10)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sigma(0, 4), r"orders of moments must be in \(0, 2\], got 0"),
        (lambda: sigma(2.1, 4), r"in \(0, 2\], got 2.1"),
        (lambda: sigma(math.nan, 4), "got nan"),
        (lambda: sigma(1, 0), "d must be a whole number of neurons, from 1 to 1e7, got 0"),
        (lambda: sigma(1, 1e9), "from 1 to 1e7"),
        (lambda: sigma(1, 2.5), "whole number of neurons"),
        (lambda: sigma(1, 4, "tanh"), "activation must be 'linear', 'relu'"),
        (lambda: sigma(1, 4, "relu", 0.1), "relu takes no param, got 0.1"),
        (lambda: sigma(1, 4, "leaky_relu", (0.1, 0.2)), "must be one slope"),
        (lambda: sigma(1, 4, "rrelu", 0.1), r"must be \(lower, upper\), got 0.1"),
        (lambda: sigma(1, 4, "rrelu", (0.3, 0.2)), "0 <= lower < upper"),
        (lambda: sigma(1, 4, "leaky_relu", 1e9), "between 1e-6 and 1e6"),
        (lambda: sigma(1, 4, keep=0.0), r"keep must be in \[1e-12, 1\]"),
        (lambda: sigma(1, 4, factor=math.inf), "factor must be between 1e-6 and 1e12"),
        (lambda: sigma(1, 4, "rrelu", (0.1,)), r"must be \(lower, upper\)"),
        (lambda: heavy_tails.small_output_probability(1, 0, 1, 4), "depth must be at least 1, got 0"),
        (lambda: heavy_tails.norm_tail_index(math.nan, 4), "scale must be finite and > 0, got nan"),
        (lambda: heavy_tails.sigma_authors(1, 4, "rrelu"), "no formula of the authors"),
        (lambda: heavy_tails.moment_growth(1, 1, 4, depth=-1), "depth must be at least 0"),
        (lambda: heavy_tails.small_output_probability(-1, 2, 1, 4), "x must be >= 0"),
        (lambda: heavy_tails.small_output_probability(1, 2, 1, 4, keep=0.0), "keep must be in"),
        (lambda: norm_law(4, 0, Unit(), 1.0), "depth must be at least 1, got 0"),
        (lambda: heavy_tails.norm_tail_index(0.1, 4), "log of scale must be from"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_moments_near_both_ends_of_the_order():
    """p -> 1 and p -> 0 by the integral, against the closed form of ReLU, to which the least slope is close."""
    for p in (1e-5, 1e-3, 0.9999, 0.999999):
        near = log_moment(p, 40, heavy_tails.unit("leaky_relu", 1e-6))
        assert near == pytest.approx(log_moment(p, 40, Unit()), abs=1e-9)


def layers(rng, size, d, depth, activation, keep=1.0, factor=1.0, low=1 / 8, high=1 / 3):
    """log |x^L| of `size` networks at sigma = 1 from the factors of their layers: masks and slopes are drawn."""
    total = np.zeros(size)
    for _ in range(depth):
        g = rng.standard_normal((size, d))
        slope = {"relu": 0.0, "linear": 1.0, "leaky_relu": 0.01}.get(activation)
        slope = rng.uniform(low, high, g.shape) if slope is None else slope
        out = np.where(g > 0, g, slope * g) * factor * (rng.random(g.shape) < keep)
        with np.errstate(divide="ignore"):
            total += np.log((out * out).sum(axis=1)) / 2
    return total


@pytest.mark.parametrize("activation", ["relu", "linear", "leaky_relu", "rrelu"])
@pytest.mark.parametrize(("keep", "factor"), [(1.0, 1.0), (0.7, 1 / 0.7), (0.4, 1.0)])
def test_small_outputs_with_masks_and_random_slopes(activation, keep, factor):
    """20 000 networks of 12 layers, width 10: binomial tests at level 1e-4, atoms of dead networks among them."""
    rng = Stream(4, "small", activation, keep).block(0)
    dropout = {"keep": keep, "factor": factor}
    norm = layers(rng, 20_000, 10, 12, activation, **dropout)
    norm += 12 * math.log(float(sigma(0.9, 10, activation, **dropout)))
    x = np.array([0.0, 0.02, 0.3, 1.0, 4.0])
    found = heavy_tails.small_output_probability(x, 12, 0.9, 10, activation, **dropout)
    for level, p in zip(x, found, strict=True):
        with np.errstate(divide="ignore"):
            count = int((norm <= np.log(level)).sum())
        assert stats.binomtest(count, norm.size, min(max(float(p), 0.0), 1.0)).pvalue > 1e-4


def test_one_layer_with_dropout_is_a_binomial_mixture():
    """ReLU: P(c^2 sigma^2 chi2_K <= x^2), K ~ Binomial(d, keep / 2), by SciPy; linear: K ~ Binomial(d, keep)."""
    d, keep, factor = 7, 0.6, 1.4
    x = np.array([0.0, 1e-3, 0.2, 1.0, 2.0])
    for activation, active in (("relu", keep / 2), ("linear", keep)):
        scale = factor * float(sigma(1.2, d, activation, keep=keep, factor=factor))
        count = stats.binom(d, active)
        expected = count.pmf(0) + sum(
            count.pmf(k) * stats.chi2.cdf((x / scale) ** 2, k) for k in range(1, d + 1)
        )
        found = heavy_tails.small_output_probability(x, 1, 1.2, d, activation, keep=keep, factor=factor)
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize(("d", "depth"), [(1, 1), (2, 3), (16, 1), (64, 1), (64, 100), (300, 2)])
@pytest.mark.parametrize("slope", [0.0, 1.0, 0.01, 3.0])
def test_laws_by_the_characteristic_function_of_one_neuron(d, depth, slope):
    """Against the chain of norms, whose transform is a sum of gamma functions."""
    variance = 2 / ((1 + slope**2) * d)
    found = norm_law(d, depth, Unit(slope, slope), variance)
    reference = NormChain(d, [d] * depth, slope=slope, weight_variance=variance).law()
    x = np.geomspace(1e-6, 1e2, 60)
    np.testing.assert_allclose(found.cdf(x), reference.cdf(x), atol=1e-12)
    assert found.atom == pytest.approx(reference.atom, abs=1e-14)


def test_almost_one_slope_is_leaky_relu():
    x = np.geomspace(1e-3, 10, 20)
    near = heavy_tails.small_output_probability(x, 5, 1, 9, "rrelu", (0.2 - 1e-6, 0.2 + 1e-6))
    np.testing.assert_allclose(
        near, heavy_tails.small_output_probability(x, 5, 1, 9, "leaky_relu", 0.2), atol=1e-9
    )
