"""Networks have the laws that they are asked for."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest

from preactivations.activations.modules import activation
from preactivations.gaussianity import null_quantile
from preactivations.training.networks import initialize, lenet, mlp
from preactivations.weights import Normal, SphericalMarginal, SymmetricWeibull


def rng(seed=0):
    return np.random.default_rng(seed)


def parameters(network, kind="weight"):
    return [p.detach().double().numpy() for name, p in network.named_parameters() if name.endswith(kind)]


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("weibull_4", SymmetricWeibull(4)),
        ("spherical_1", SphericalMarginal(1)),
        ("spherical_0.5", SphericalMarginal(0.5)),
        ("normal", Normal()),
    ],
)
def test_weights_have_their_law_and_scale(name, law):
    """KS test at level 1e-3 per layer; the first layer is normal whatever the law."""
    kind = "odd" if name != "normal" else "tanh"
    network = mlp(40, 50, 2, activation=kind, weights=name, sigma_w=1.3, sigma_b=0.2, rng=rng())
    first, *others = parameters(network)
    assert [w.shape for w in (first, *others)] == [(50, 40), (50, 50), (10, 50)]
    assert kstest(first.ravel() * math.sqrt(40) / 1.3, "norm").pvalue > 1e-3
    for w in others:
        x = np.abs(w.ravel()) * math.sqrt(50) / 1.3
        assert kstest(x, lambda t: 1 - law.survival(t)).pvalue > 1e-3
        assert abs(np.mean(w > 0) - 0.5) < 3.3 * 0.5 / math.sqrt(w.size)
    bias = np.concatenate(parameters(network, "bias"))
    assert kstest(bias / 0.2, "norm").pvalue > 1e-3


def test_no_bias_scale_means_zero_biases():
    assert all(
        np.all(b == 0)
        for b in parameters(mlp(8, 5, 2, activation="odd", weights="weibull_4", rng=rng()), "bias")
    )


def test_fan_in_of_a_convolution_counts_its_kernel():
    network = lenet(3, 32, activation="relu", sigma_w=math.sqrt(2), rng=rng())
    first, second, *dense = parameters(network)
    assert first.shape == (6, 3, 5, 5)
    assert second.shape == (16, 6, 5, 5)
    assert [w.shape for w in dense] == [(120, 400), (84, 120), (10, 84)]
    for w in (second, *dense):
        variance = w.var() * w[0].size / 2
        assert abs(variance - 1) < 4 * math.sqrt(2 / w.size)
    assert network(torch.randn(7, 3, 32, 32)).shape == (7, 10)
    assert lenet(1, 28, activation="tanh", rng=rng())(torch.randn(2, 1, 28, 28)).shape == (2, 10)


def test_pre_activations_are_normal_where_they_must_be():
    """Control (any depth), exact pairs (two layers, so that neurons are independent): KS at level 1e-3."""
    x = torch.randn(1, 16)
    x *= 4 / x.norm()
    for name, law, depth in (
        ("gelu", Normal(), 6),
        ("positive", SymmetricWeibull(4), 1),
        ("odd", SphericalMarginal(1), 1),
    ):
        phi, generator = activation(name, law), rng(3)
        options = {"activation": phi, "weights": law, "normalize": name == "gelu", "rng": generator}
        z = [mlp(16, 4, depth, 1, **options)(x).item() for _ in range(1000)]
        assert kstest(z, "norm").statistic < null_quantile(0.999, 1000)


def test_same_generator_same_network():
    one, two = (mlp(8, 5, 3, activation="tanh", rng=rng(5)) for _ in range(2))
    for a, b in zip(one.parameters(), two.parameters(), strict=True):
        assert torch.equal(a, b)


def test_errors():
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        mlp(8, 0, 2, activation="tanh")
    with pytest.raises(ValueError, match="unknown activation 'squash'"):
        mlp(8, 4, 2, activation="squash")
    with pytest.raises(ValueError, match="unknown law of weights 'cauchy'"):
        mlp(8, 4, 2, activation="tanh", weights="cauchy")
    with pytest.raises(ValueError, match="sigma_w must be finite and > 0, got 0"):
        mlp(8, 4, 2, activation="tanh", sigma_w=0)
    with pytest.raises(ValueError, match="sigma_b must be finite and >= 0, got -1"):
        mlp(8, 4, 2, activation="tanh", sigma_b=-1)
    with pytest.raises(ValueError, match="size must be at least 16"):
        lenet(1, 8, activation="tanh")
    with pytest.raises(ValueError, match="nothing to initialize"):
        initialize(torch.nn.Sequential(torch.nn.ReLU()), Normal())
    with pytest.raises(ValueError, match="only activations with"):
        mlp(8, 4, 2, activation="odd", weights="normal")
