"""The engine on a device of PyTorch (here the CPU; CUDA where there is one) against that of NumPy, in law."""

import math

import numpy as np
import pytest
import torch
from devices import DEVICES
from exact import pairs_of

from preactivations.activations.gaussian import GaussianActivation
from preactivations.gaussianity import ks_statistic, null_quantile
from preactivations.propagation import engine as propagation
from preactivations.propagation._torch import sample
from preactivations.propagation.engine import simulate, simulate_layers
from preactivations.streams import Stream
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull
from replication.propagation.depth import simulate_depth
from replication.settings import setting_by_name

LAWS = [
    SymmetricWeibull(2.05),
    SymmetricWeibull(10),
    Normal(1.5),
    *(SphericalMarginal(b) for b in (0, 0.5, 1, 3)),
]


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(propagation, "_DEVICE_BLOCK", (1 << 16, 1 << 12))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("law", LAWS, ids=str)
def test_samples_have_their_law(law, device):
    n = 400_000
    w = sample(law, n, torch.Generator(device).manual_seed(1)).cpu().double().numpy()
    assert w.shape == (n,)
    if law == SphericalMarginal(0):
        assert set(np.unique(w)) == {-1.0, 1.0}
    else:
        p = 1 - 1e-3 / len(LAWS)
        assert ks_statistic(np.abs(w), lambda t: 1 - law.survival(t)) < null_quantile(p, n)
    assert abs(np.mean(np.sign(w))) < 4 / math.sqrt(n)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["odd", "tanh", "relu", "normalized_tanh"])
def test_same_statistics_as_numpy(name, device):
    """Variance, kurtosis and dependence of every layer agree within 4.5 standard errors (48 comparisons)."""
    setting = setting_by_name(name, pairs_of(SymmetricWeibull(4)))
    there, here = (
        simulate_depth(setting, 8, 4, 40_000, Stream(7, name), device=where) for where in (device, None)
    )
    for statistic in ("variance", "excess_kurtosis", "square_covariance"):
        a, b = (getattr(found.statistics, statistic)() for found in (there, here))
        assert np.all(np.abs(a.value - b.value) < 4.5 * np.hypot(a.error, b.error))
    for distance in ("ks", "ks_standardized"):
        a, b = getattr(there, distance), getattr(here, distance)
        assert np.all(np.abs(a.value - b.value) < 4.5 * np.hypot(a.error, b.error) + 1e-6)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("law", [SymmetricWeibull(3), Normal()], ids=str)
def test_neurons_given_the_layer_before(law, device):
    """Wide and narrow layers, of which some need their weights: the statistics of networks of weights."""
    act = GaussianActivation(law, "odd") if law != Normal() else torch.nn.Tanh()
    options = {"weights": law, "n_networks": 10_000, "sigma_b": 0.3, "device": device}
    one = simulate_layers([1, 40, 6, 40], act, stream=Stream(1, "a"), **options)
    other = simulate_layers([1, 40, 6, 40], act, stream=Stream(1, "b"), method="auto", **options)
    assert other.by_weights[0] == 0
    assert (other.by_weights[2] == 0) == (law == Normal())
    for k in range(3):
        spread = np.sqrt((np.diag(one.spread[k]) + np.diag(other.spread[k])) / 10_000)
        assert np.all(np.abs(one.mean[k] - other.mean[k]) < 4.5 * spread)
    few = {"n_networks": 700, "stream": Stream(2), "method": "auto"}
    z = simulate([1, 40, 6, 40], act, **(options | few))
    np.testing.assert_array_equal(
        simulate([1, 40, 6, 40], act, **(options | few | {"n_networks": 300})), z[:300]
    )


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("method", ["weights", "conditional"])
def test_covariances_of_a_batch(method, device):
    """First layer: sigma_w^2 x.x'/n_0 + sigma_b^2, exactly in the mean."""
    x = np.random.default_rng(2).standard_normal((3, 5))
    layers = simulate_layers(
        [5, 7, 7], torch.nn.Tanh(), weights=Normal(), n_networks=20_000, stream=Stream(3), inputs=x,
        sigma_w=1.3, sigma_b=0.4, device=device, method=method,
    )  # fmt: skip
    expected = 1.3**2 * x @ x.T / 5 + 0.4**2
    assert np.all(np.abs(layers.between.covariance[0] - expected) < 4 * layers.between.covariance_error[0])


@pytest.mark.parametrize("device", DEVICES)
def test_deterministic_and_the_first_of_more(device):
    law = SymmetricWeibull(3)
    options = {"weights": law, "stream": Stream(8), "device": device}
    act = GaussianActivation(law, "positive")
    whole = simulate([1, 9, 9], act, n_networks=3000, **options)
    again = simulate([1, 9, 9], act, n_networks=3000, memory=1e9, **options)
    few = simulate([1, 9, 9], act, n_networks=700, **options)
    np.testing.assert_array_equal(whole, again)
    np.testing.assert_array_equal(whole[:700], few)
    other = simulate([1, 9, 9], act, n_networks=700, **(options | {"stream": Stream(9)}))
    assert not np.array_equal(few, other)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_missing_device():
    with pytest.raises(ValueError, match=r"device 'cuda' can't be used: .*; leave it out for the CPU"):
        simulate([1, 2], torch.nn.Tanh(), weights=Normal(), n_networks=2, stream=Stream(1), device="cuda")
