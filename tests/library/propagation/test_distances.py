"""Distances from normal: against laws that are known, and against large samples."""

import math

import numpy as np
import pytest
import scipy.special as sc
from scipy.stats import binom

from preactivations.activations.array_map import as_array_map
from preactivations.activations.gaussian import GaussianActivation
from preactivations.gaussianity import ks_distance
from preactivations.pairs import GaussianPair
from preactivations.propagation.distances import layer_distances, sample_distances
from preactivations.propagation.engine import simulate, simulate_layers
from preactivations.propagation.finite_width import finite_width
from preactivations.propagation.output_laws import output_cdf, relu_output_cdf
from preactivations.relu_law.chain import NormChain
from preactivations.streams import Stream
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull


def phi(law, kind="odd"):
    return as_array_map(GaussianActivation(law, kind))


def relu(x):
    return np.maximum(x, 0)


@pytest.mark.parametrize(
    ("theta", "kind", "width", "n"),
    [(10, "odd", 3, 1000), (2.05, "positive", 3, 1000), (4, "odd", 200, 300)],
)
def test_false_positives(theta, kind, width, n):
    """The second layer of an exact pair is exactly N(0, 1), while F(. | a) is random: 0 is excluded in 5 % of cases."""
    law, act, repeats = SymmetricWeibull(theta), phi(SymmetricWeibull(theta), kind), 300
    excluded, values, errors = np.zeros(2), np.zeros((2, repeats)), np.zeros((2, repeats))
    for seed in range(repeats):
        found = layer_distances(
            [1, width, width], act, weights=law, n_networks=n, stream=Stream(seed, "null"), method="auto"
        )
        excluded += found.differs[1], found.differs_standardized[1]
        values[:, seed] = found.ks.value[1], found.ks_standardized.value[1]
        errors[:, seed] = found.ks.error[1], found.ks_standardized.error[1]
    # 157 groups of few networks: the bootstrap may be off by 1 % beside the binomial noise
    assert np.all(excluded <= binom.isf(1e-3, repeats, 0.06))
    assert np.all(excluded >= binom.isf(1 - 1e-3, repeats, 0.035))
    # and the estimate is 0 in the mean
    assert np.all(np.abs(values.mean(1)) < 4 * values.std(1) / math.sqrt(repeats))
    # with an error that is its standard deviation: +- 4 % for 300 values, with the 5 % that are excluded
    assert np.all(np.abs(errors.mean(1) / values.std(1) - 1) < 0.2)


def test_estimate_and_error_against_many_repetitions():
    """Layer 3 of narrow odd networks, whose distance is resolved: no bias beyond noise, errors of the right size."""
    law, act, repeats = SymmetricWeibull(10), phi(SymmetricWeibull(10)), 60
    options = {"weights": law, "method": "auto"}
    truth = layer_distances([1, 3, 3, 3], act, n_networks=400_000, stream=Stream(0, "truth"), **options)
    values, errors = np.zeros((2, 2, repeats))
    for seed in range(repeats):
        found = layer_distances([1, 3, 3, 3], act, n_networks=2000, stream=Stream(seed, "again"), **options)
        for row, name in enumerate(("ks", "ks_standardized")):
            estimate = getattr(found, name)
            values[row, seed], errors[row, seed] = estimate.value[2], estimate.error[2]
    for row, name in enumerate(("ks", "ks_standardized")):
        spread = values[row].std(ddof=1)
        # standard deviation of 60 values: +- 9 %
        assert 0.7 < errors[row].mean() / spread < 1.4
        known = getattr(truth, name)
        bias = values[row].mean() - known.value[2]
        assert abs(bias) < 4 * math.hypot(spread / math.sqrt(repeats), known.error[2])


@pytest.mark.parametrize("width", [1, 2, 10])
def test_two_layers_against_quadrature(width):
    """Networks [1, n, 1] of sweep (i): the distribution function is known."""
    law, pair = SymmetricWeibull(4), GaussianPair(SymmetricWeibull(4), "odd")
    found = layer_distances(
        [1, 1, width, 1], phi(law), weights=law, n_networks=40_000, stream=Stream(5, width), method="auto"
    )
    exact = output_cdf(found.z, [width], pair.phi, weights=law)[0]
    assert np.abs(found.cdf[2] - exact).max() < found.band[2] * 1.5 + 1e-4
    assert abs(found.ks.value[2] - ks_distance(found.z, exact)) < 4 * found.ks.error[2] + 1e-3


def test_relu_has_an_atom():
    """At 0, of mass P(dead) = 1/2 + 2^-(n+1): half of it is the jump."""
    found = layer_distances(
        [1, 1, 4, 1],
        relu,
        weights="normal",
        sigma_w=math.sqrt(2),
        n_networks=40_000,
        stream=Stream(6),
        method="auto",
    )
    mass = 0.5 + 2.0**-5
    assert found.dead[2] == pytest.approx(mass, abs=4 * math.sqrt(0.25 / 40_000))
    exact = relu_output_cdf(found.z, [4])[0]
    assert exact[0] == pytest.approx((1 + mass) / 2)
    distance = np.abs(exact - sc.ndtr(found.z)).max()
    assert distance > mass / 2
    assert found.ks.value[2] == pytest.approx(distance, abs=4 * found.ks.error[2])
    assert np.abs(found.cdf[2] - exact).max() < 1.5 * found.band[2] + 1e-4


def test_deep_relu_against_its_exact_law():
    """The law of the last pre-activations is a mixture of normal laws over the exact law of the squared norm."""
    width, depth = 3, 12
    found = layer_distances(
        [1] + [width] * depth, relu, weights="normal", sigma_w=math.sqrt(2), n_networks=40_000, stream=Stream(7),
        method="auto", variance=2.0, exact_variances=[2.0] * depth,
    )  # fmt: skip
    law = NormChain(1, [width] * (depth - 1)).law()
    y = np.linspace(-60, 8, 40_001)
    mass = np.diff(law.cdf_of_log(y))
    s = np.exp((y[1:] + y[:-1]) / 4) * math.sqrt(2 / width)
    cdf = law.cdf_of_log(y[0]) + sc.ndtr(found.z[1:, None] / s) @ mass
    assert np.abs(found.cdf[-1, 1:] - cdf).max() < 1.5 * found.band[-1] + 1e-4
    exact = np.abs(cdf - sc.ndtr(found.z[1:] / math.sqrt(2))).max()
    for ks in (found.ks, found.ks_standardized):
        assert ks.value[-1] == pytest.approx(exact, abs=4 * ks.error[-1])


@pytest.mark.parametrize("kind", ["odd", "positive"])
def test_first_order_in_width(kind):
    """Wide networks: kurtosis, variance and distances are those of `finite_width`."""
    law, width, depth = SymmetricWeibull(4), 400, 8
    pair = GaussianPair(law, kind)
    found = layer_distances(
        [1] + [width] * depth,
        phi(law, kind),
        weights=law,
        n_networks=4000,
        stream=Stream(8, kind),
        method="auto",
    )
    theory = finite_width(pair, width, depth)
    for estimate, expected in (
        (found.excess_kurtosis, theory.excess_kurtosis),
        (found.variance, 1 + theory.variance_shift),
        (found.ks_standardized, theory.ks_standardized),
    ):
        off = np.abs(estimate.value - expected)
        assert np.all(off < 4.5 * estimate.error + 0.05 * np.abs(theory.excess_kurtosis) + 1e-6)


def test_same_networks_as_the_statistics():
    options = {"weights": "normal", "n_networks": 3000, "stream": Stream(9), "sigma_b": 0.2}
    found = layer_distances([1, 5, 5], np.tanh, statistics=True, threads=2, **options)
    layers = simulate_layers([1, 5, 5], np.tanh, **options)
    np.testing.assert_array_equal(found.statistics.tested, layers.tested)
    np.testing.assert_array_equal(found.statistics.mean, layers.mean)
    again = layer_distances([1, 5, 5], np.tanh, **options)
    np.testing.assert_array_equal(again.cdf, found.cdf)
    np.testing.assert_array_equal(again.band, found.band)
    assert again.statistics is None


def test_samples_of_the_same_networks():
    """Counting all neurons is what `layer_distances` does where no law is known; and orthogonal layers are normal."""
    law = SymmetricWeibull(10)
    z = np.stack(
        [
            simulate([1, *[6] * depth], phi(law), weights=law, n_networks=5000, stream=Stream(11))
            for depth in (1, 2, 3)
        ]
    )
    found = sample_distances(z)
    known = layer_distances([1, 6, 6, 6], phi(law), weights=law, n_networks=5000, stream=Stream(11))
    np.testing.assert_allclose(found.cdf[1:], known.cdf[1:], atol=1e-12)  # the first layer has a known law
    np.testing.assert_allclose(found.ks.value[1:], known.ks.value[1:], atol=1e-12)
    assert np.all(np.abs(found.variance.value - known.variance.value) < 4.5 * found.variance.error)
    rng = np.random.default_rng(12)
    # a row of an orthogonal matrix times a vector of norm r: r times a coordinate of a point on the sphere
    points = rng.standard_normal((1, 4000, 5))
    sphere = sample_distances(points / np.linalg.norm(points, axis=2, keepdims=True), variance=0.2)
    x = np.linspace(0, 1, 10_001)
    exact = np.abs(0.5 + 0.5 * SphericalMarginal(2).small_ball(x) - sc.ndtr(x / math.sqrt(0.2))).max()
    assert sphere.ks.value[0] == pytest.approx(exact, abs=4 * sphere.ks.error[0] + 1e-4)
    with pytest.raises(ValueError, match=r"at least 100 networks, got \(1, 99, 5\)"):
        sample_distances(points[:, :99])


def test_distance_from_the_given_and_from_the_own_variance():
    """N(0, 4) against N(0, 1) in the first layer, and nothing after scaling."""
    found = layer_distances(
        [1, 2, 2], np.tanh, weights=Normal(), sigma_w=2.0, n_networks=200, stream=Stream(10), method="auto"
    )
    x = np.linspace(0, 8, 100_001)
    assert found.ks.value[0] == pytest.approx(np.abs(sc.ndtr(x / 2) - sc.ndtr(x)).max(), rel=0.01)
    assert found.ks_standardized.value[0] == pytest.approx(0, abs=1e-6)
    assert not found.differs_standardized[0]
    assert found.variance.value[0] == pytest.approx(4, rel=1e-5)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"n_networks": 99}, "at least 100"),
        ({"variance": 0.0}, "variance must be between 1e-30 and 1e30, got 0.0"),
        ({"inputs": [[1.0], [2.0]]}, "one input, got 2"),
        ({"exact_variances": [1.0]}, "must be 2 finite numbers > 0, one for each layer"),
        ({"exact_variances": [1.0, -1.0]}, "must be 2 finite numbers > 0"),
        ({"exact_variances": [1.0, math.nan]}, "must be 2 finite numbers > 0"),
        ({"exact_variances": 1.0}, "must be 2 finite numbers > 0"),
    ],
)
def test_what_is_refused(change, match):
    options = {"weights": "normal", "n_networks": 200, "stream": Stream(0)} | change
    with pytest.raises(ValueError, match=match):
        layer_distances([1, 4, 1], np.tanh, **options)
