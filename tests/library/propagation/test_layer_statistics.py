"""Streaming statistics against the same numbers from stored pre-activations, and their standard errors."""

import math

import numpy as np
import pytest

from preactivations.gaussianity import ks_statistic
from preactivations.propagation.engine import simulate, simulate_layers
from preactivations.propagation.statistics import POOL_EDGES
from preactivations.streams import Stream
from preactivations.weights import Normal, SymmetricWeibull

WIDTHS, N = [2, 6, 6, 6], 9000
OPTIONS = {"weights": SymmetricWeibull(3), "n_networks": N, "stream": Stream(1, "statistics"), "sigma_b": 0.2}


@pytest.fixture(scope="module")
def vector():
    """Statistics, and the pre-activations of each layer (shorter networks are the first layers of longer ones)."""
    stored = [simulate(WIDTHS[: k + 2], np.tanh, inputs=[1.0, 0.5], **OPTIONS) for k in range(3)]
    return simulate_layers(WIDTHS, np.tanh, inputs=[1.0, 0.5], **OPTIONS), stored


def test_tested_neuron_and_counts(vector):
    layers, stored = vector
    assert layers.widths == (6, 6, 6)
    for k, z in enumerate(stored):
        np.testing.assert_array_equal(layers.tested[k], z[:, 0])
        edges = np.concatenate([[-np.inf], POOL_EDGES, [np.inf]])
        # a bin holds its upper edge, unlike those of numpy.histogram
        expected = np.histogram(-z, -edges[::-1])[0][::-1]
        np.testing.assert_array_equal(layers.pooled[k], expected)
    assert layers.dead.tolist() == [0, 0, 0]


def test_moments_and_dependence(vector):
    layers, stored = vector
    for k, z in enumerate(z.astype(np.float64) for z in stored):
        m2, m4 = np.mean(z**2), np.mean(z**4)
        assert layers.variance().value[k] == pytest.approx(m2, rel=1e-6)
        assert layers.excess_kurtosis().value[k] == pytest.approx(m4 / m2**2 - 3, abs=1e-5)
        off = ~np.eye(6, dtype=bool)
        pairs = np.mean([(row[:, None] * row)[off].mean() for row in z])
        squares = np.mean([(row[:, None] ** 2 * row**2)[off].mean() for row in z])
        assert layers.neuron_correlation().value[k] == pytest.approx(pairs / m2, abs=1e-6)
        assert layers.square_covariance().value[k] == pytest.approx(squares / m2**2 - 1, abs=1e-5)
        assert layers.square_correlation().value[k] == pytest.approx(
            (squares - m2**2) / (m4 - m2**2), abs=1e-5
        )


def test_pooled_ks_is_that_of_all_neurons(vector):
    layers, stored = vector
    for k, z in enumerate(stored):
        scale = math.sqrt(layers.variance().value[k])
        assert layers.pooled_ks()[k] == pytest.approx(ks_statistic(z / scale), abs=3e-4)
        assert layers.pooled_ks(2.0)[k] == pytest.approx(ks_statistic(z / math.sqrt(2.0)), abs=3e-4)


def test_standard_errors_are_those_of_repetitions():
    """The spread of estimates of 200 independent runs is the stated error: within 4 standard errors of a deviation."""
    runs = 200
    values, errors = [], []
    for run in range(runs):
        layers = simulate_layers(
            [1, 5, 5], np.tanh, weights=Normal(), n_networks=2000, stream=Stream(2, run), sigma_w=1.3
        )
        estimates = (
            layers.variance(),
            layers.excess_kurtosis(),
            layers.neuron_correlation(),
            layers.square_covariance(),
            layers.square_correlation(),
        )
        values.append([e.value[1] for e in estimates])
        errors.append([e.error[1] for e in estimates])
    ratio = np.std(values, axis=0) / np.mean(errors, axis=0)
    np.testing.assert_allclose(ratio, 1, atol=4 / math.sqrt(2 * runs))


def test_between_inputs():
    x = np.random.default_rng(3).standard_normal((4, 2))
    stored = simulate(WIDTHS, np.tanh, inputs=x, **OPTIONS).astype(np.float64)
    between = simulate_layers(WIDTHS, np.tanh, inputs=x, **OPTIONS).between
    q = np.einsum("kaj,kbj->kab", stored, stored) / 6
    np.testing.assert_allclose(between.covariance[-1], q.mean(0), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(between.covariance_error[-1], q.std(0) / math.sqrt(N - 1), rtol=1e-4)
    size = np.sqrt(np.einsum("kaa->ka", q))
    cosine = q / size[:, :, None] / size[:, None, :]
    np.testing.assert_allclose(between.cosine[-1], cosine.mean(0), atol=1e-6)
    mean = (cosine.sum((1, 2)) - 4) / 12
    np.testing.assert_allclose(between.mean_cosine[-1], mean, atol=1e-5)


def test_dead_networks():
    """ReLU networks of width 1 die with probability 1/2 per layer; their cosines do not exist and are left out."""

    def relu(x):
        return np.maximum(x, 0)

    n = 40_000
    layers = simulate_layers(
        [1, 1, 1, 1], relu, weights=Normal(), n_networks=n, stream=Stream(4), inputs=[[1.0], [2.0]]
    )
    expected = np.array([0, 1 / 2, 3 / 4])
    assert np.all(np.abs(layers.dead / n - expected) <= 4 * np.sqrt(expected * (1 - expected) / n))
    assert np.isnan(layers.neuron_correlation().value).all()  # one neuron has no pairs
    dead = np.isnan(layers.between.mean_cosine).sum(1)
    np.testing.assert_array_equal(dead, layers.dead)
    np.testing.assert_allclose(layers.between.cosine, 1, atol=1e-6)


def test_at_least_two_networks():
    with pytest.raises(ValueError, match="n_networks must be at least 2 for statistics, got 1"):
        simulate_layers([1, 2], np.tanh, weights=Normal(), n_networks=1, stream=Stream(1))
