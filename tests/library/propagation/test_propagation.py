"""The engine: exact laws where they are known, and the same numbers however the work is cut."""

import math
from itertools import pairwise

import numpy as np
import pytest

from preactivations.activations.array_map import as_array_map
from preactivations.activations.gaussian import GaussianActivation
from preactivations.activations.modules import activation
from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.propagation import engine as propagation
from preactivations.propagation.engine import block_bytes, block_size, n_weights, simulate, simulate_layers
from preactivations.streams import Stream
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull


def identity(x):
    return x


def phi(law, kind):
    return as_array_map(GaussianActivation(law, kind))


def test_numbers_do_not_depend_on_threads_memory_or_count():
    arguments = {"weights": SymmetricWeibull(3), "stream": Stream(1, "determinism"), "sigma_b": 0.3}
    widths = [2, 7, 5, 3]
    whole = simulate(widths, np.tanh, n_networks=20_000, **arguments)
    assert whole.shape == (20_000, 3)
    assert whole.dtype == np.float32
    for change in (
        {"threads": 2},
        {"threads": 4, "memory": 2.5 * block_bytes(widths)},
        {"memory": 1e9, "threads": 3},
    ):
        again = simulate(widths, np.tanh, n_networks=20_000, **arguments, **change)
        np.testing.assert_array_equal(again, whole)
    few = simulate(widths, np.tanh, n_networks=12_345, **arguments)
    np.testing.assert_array_equal(few, whole[:12_345])
    other = simulate(widths, np.tanh, n_networks=100, **(arguments | {"stream": Stream(2, "determinism")}))
    assert not np.array_equal(other, whole[:100])


def test_first_layer_is_normal():
    n, x = 200_000, np.array([1.0, -2.0, 0.5])
    z = simulate(
        [3, 1], identity, weights=SymmetricWeibull(3), n_networks=n, stream=Stream(4), inputs=x, sigma_w=2
    )
    deviation = 2 * np.linalg.norm(x) / math.sqrt(3)
    assert ks_statistic(z / deviation) < null_quantile(0.999, n)


@pytest.mark.parametrize("kind", ["odd", "positive"])
@pytest.mark.parametrize(
    "law",
    [SymmetricWeibull(2.05), SymmetricWeibull(4), SphericalMarginal(1), SphericalMarginal(0.5)],
    ids=str,
)
def test_exact_pairs_stay_normal_at_width_one(law, kind):
    n = 200_000
    z = simulate(
        [1, 1, 1, 1, 1, 1], phi(law, kind), weights=law, n_networks=n, stream=Stream(5, kind, str(law))
    )
    assert ks_statistic(z) < null_quantile(1 - 1e-3 / 8, n)


def test_linear_networks_keep_the_variance_and_have_known_kurtosis():
    n, widths = 400_000, [4, 3, 5, 1]
    z = simulate(widths, identity, weights=Normal(), n_networks=n, stream=Stream(6))[:, 0].astype(np.float64)
    # E z^4 / 3 = prod (1 + 2 / n_l): the squared norm of each layer is a chi^2 mean
    fourth = 3 * (1 + 2 / 3) * (1 + 2 / 5)
    error = np.std(z**4) / math.sqrt(n)
    assert np.mean(z**2) == pytest.approx(1, abs=4 * np.std(z**2) / math.sqrt(n))
    assert np.mean(z**4) == pytest.approx(fourth, abs=4 * error)


@pytest.mark.parametrize("theta", [2.05, 4])
def test_dependence_after_one_layer_is_the_closed_form(theta):
    # Cov(z_i^2, z_j^2) = (3 Gamma(1 + 2/theta)^2 / Gamma(1 + 4/theta) - 1) / n, for both kinds (theory/dependence.md)
    n, width = 400_000, 5
    expected = (3 * math.gamma(1 + 2 / theta) ** 2 / math.gamma(1 + 4 / theta) - 1) / width
    for kind in ("odd", "positive"):
        z = simulate(
            [1, width, 2],
            phi(SymmetricWeibull(theta), kind),
            weights=SymmetricWeibull(theta),
            n_networks=n,
            stream=Stream(8, kind, theta),
        ).astype(np.float64)
        product = (z[:, 0] ** 2 - 1) * (z[:, 1] ** 2 - 1)
        assert product.mean() == pytest.approx(expected, abs=4 * product.std() / math.sqrt(n))


def by_hand(widths, laws, activation, x, stream, n, sigma_b=0.0):
    """The last layer by the plain formula in double precision from the same weights; x has shape (m, n_0)."""
    size, out = block_size(widths, len(x)), []
    for block in range(-(-n // size)):
        rng, z = stream.block(block), None
        for law, (fan_in, fan_out) in zip(laws, pairwise(widths), strict=True):
            w = law.sample32(fan_out * fan_in * size, rng).astype(np.float64)
            # many networks in a block: the network is the last axis
            w = (
                w.reshape(fan_out, fan_in, size).transpose(2, 0, 1)
                if size >= 64
                else w.reshape(size, fan_out, fan_in)
            )
            a = np.broadcast_to(x.T, (size, *x.T.shape)) if z is None else activation(z)
            z = np.einsum("bji,bim->bjm", w, a) / math.sqrt(fan_in)
            if sigma_b:
                b = Normal().sample32(fan_out * size, rng).astype(np.float64)
                z = (
                    z
                    + sigma_b
                    * (b.reshape(fan_out, size).T if size >= 64 else b.reshape(size, fan_out))[..., None]
                )
        out.append(z.transpose(0, 2, 1))
    return np.concatenate(out)[:n]


@pytest.mark.parametrize("width", [6, 160])  # blocks of many and of few networks
@pytest.mark.parametrize("inputs", [1, 5])
def test_engine_is_the_plain_formula(width, inputs):
    """The same weights in double precision give the same pre-activations up to rounding."""
    law, widths, n = SymmetricWeibull(3), [3, width, width - 1, 2], 60
    x = np.random.default_rng(1).standard_normal((inputs, 3))
    act = as_array_map(GaussianActivation(law, "odd"))
    options = {"weights": law, "n_networks": n, "stream": Stream(9), "sigma_b": 0.3}
    z = simulate(widths, act, inputs=x if inputs > 1 else x[0], **options)
    expected = by_hand(widths, [Normal(), law, law], act, x, Stream(9), n, 0.3)
    np.testing.assert_allclose(z, expected if inputs > 1 else expected[:, 0], rtol=1e-4, atol=2e-5)


def test_normalized_networks_by_hand():
    """RMS normalization is psi / |psi| sqrt(n); a layer that is all 0 stays 0."""

    def psi(z):
        a = np.maximum(z, 0)
        size = np.sqrt(np.mean(a**2, axis=1, keepdims=True))
        return np.divide(a, size, out=np.zeros_like(a), where=size > 0)

    widths, n = [1, 2, 2, 2, 1], 200
    z = simulate(
        widths,
        lambda x: np.maximum(x, 0),
        weights=Normal(),
        n_networks=n,
        stream=Stream(3),
        normalize=True,
    )
    expected = by_hand(widths, [Normal()] * 4, psi, np.ones((1, 1)), Stream(3), n)[:, 0]
    np.testing.assert_allclose(z, expected, rtol=1e-4, atol=1e-5)
    assert 0 < np.count_nonzero(z == 0) < n


def test_statistics_are_of_the_networks_of_simulate():
    """A module, the registry and a plain function are the same activation; both functions draw the same networks."""
    options = {"weights": Normal(), "n_networks": 500, "stream": Stream(5), "sigma_w": 1.2, "sigma_b": 0.1}
    layers = simulate_layers([1, 5, 5, 5], activation("tanh"), **options)
    z = simulate([1, 5, 5, 5], np.tanh, **options)
    np.testing.assert_allclose(layers.tested[-1], z[:, 0], rtol=1e-5, atol=1e-6)


def test_relu_networks_have_their_exact_moments():
    """E z^2 = 1 and E z^4 = 3 (1 + 5/n)^(l - 1) in layer l: normal weights, E relu^4 / (E relu^2)^2 = 6."""
    n, width = 400_000, 20
    z = simulate(
        [1] + [width] * 4 + [1], lambda x: np.maximum(x, 0), weights=Normal(), n_networks=n, stream=Stream(11),
        sigma_w=math.sqrt(2), inputs=math.sqrt(0.5),
    )[:, 0].astype(np.float64)  # fmt: skip
    for power, expected in ((2, 1), (4, 3 * (1 + 5 / width) ** 4)):
        assert np.mean(z**power) == pytest.approx(expected, abs=4 * np.std(z**power) / math.sqrt(n))


@pytest.mark.parametrize(
    "law", [Normal(), SymmetricWeibull(3), SphericalMarginal(0), SphericalMarginal(0.5)], ids=str
)
def test_memory_is_bounded_by_the_batch(law):
    import tracemalloc

    widths = [1, 10, 10, 1]
    simulate(widths, np.tanh, weights=law, n_networks=10, stream=Stream(1))
    peaks = []
    for n in (20_000, 60_000):
        tracemalloc.start()
        out = simulate(widths, np.tanh, weights=law, n_networks=n, stream=Stream(1))
        peaks.append(tracemalloc.get_traced_memory()[1] - out.nbytes)
        tracemalloc.stop()
    assert max(peaks) < block_bytes(widths) < 40e6
    assert peaks[1] < 1.1 * peaks[0] + 1e5


def test_progress_counts_networks():
    seen = []
    simulate([1, 2, 1], identity, weights=Normal(), n_networks=10_001, stream=Stream(1), progress=seen.append)
    assert sum(seen) == 10_001


def test_empty():
    assert simulate([1, 2], identity, weights=Normal(), n_networks=0, stream=Stream(1)).shape == (0, 2)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"widths": [3]}, "at least two positive numbers"),
        ({"widths": [1, 0, 1]}, r"got \[1, 0, 1\]"),
        ({"sigma_w": -1}, "sigma_w must be finite and >= 0, got -1"),
        ({"sigma_b": math.nan}, "sigma_b must be finite"),
        ({"n_networks": -1}, "n_networks must be >= 0"),
        ({"inputs": [1.0, 2.0]}, r"shape \(3,\) or \(m, 3\) with m >= 1, got \(2,\)"),
        ({"inputs": np.ones((0, 3))}, r"with m >= 1, got \(0, 3\)"),
        ({"device": "nonsense"}, "device 'nonsense' can't be used"),
        ({"memory": 1000}, "memory = 1000 bytes is too small: one block"),
        ({"threads": 0}, "threads must be >= 1"),
    ],
)
def test_errors(change, says):
    arguments = {"widths": [3, 4, 1], "n_networks": 5, "weights": Normal(), "stream": Stream(1)} | change
    with pytest.raises(ValueError, match=says):
        simulate(arguments.pop("widths"), identity, **arguments)


def test_blocks():
    for widths in ([1, 1, 1], [1, 10, 10, 1], [1, 300, 300, 1]):
        size, largest = block_size(widths), max(a * b for a, b in pairwise(widths))
        assert size * largest <= propagation._BLOCK_NUMBERS
        assert 2 * size * largest > propagation._BLOCK_NUMBERS or size == propagation._BLOCK_NETWORKS
    assert block_size([1, 2000, 2000, 1]) == 1  # a network that does not fit is a block of its own
    assert block_size([64, 10, 10], n_inputs=100) < block_size([64, 10, 10])
    assert n_weights([1, 10, 10, 2]) == 130


def test_batches_are_bounded_and_deterministic():
    import tracemalloc

    x = np.random.default_rng(1).standard_normal((20, 16))
    options = {"weights": Normal(), "stream": Stream(2), "inputs": x}
    widths = [16, 12, 12, 4]
    peaks = []
    for n in (2000, 6000):
        tracemalloc.start()
        layers = simulate_layers(widths, np.tanh, n_networks=n, **options)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < 1.2 * block_bytes(widths, 20) + 5e6
    assert peaks[1] < 1.1 * peaks[0] + 1e6
    again = simulate_layers(widths, np.tanh, n_networks=6000, threads=3, memory=1e9, **options)
    np.testing.assert_array_equal(layers.between.covariance, again.between.covariance)
    np.testing.assert_array_equal(layers.between.mean_cosine, again.between.mean_cosine)
    np.testing.assert_array_equal(layers.spread, again.spread)


@pytest.mark.parametrize("function", [simulate, simulate_layers])
def test_unknown_options_are_refused(function):
    with pytest.raises(TypeError, match="sigma_q"):
        function([1, 4, 1], np.tanh, weights="normal", n_networks=5, stream=Stream(0), sigma_q=2.0)
