"""Deep networks of the protocol of fractional initialization: scales, shapes, training."""

import math

import numpy as np
import pandas as pd
import pytest
import torch
from oracles import cluster_images
from torch import nn

from preactivations.heavy_tails.scales import clt_mean_variance, sigma
from preactivations.streams import Stream
from preactivations.training.runs import Plan, Split
from replication.fractional.networks import deep_network
from replication.training import cell


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("scheme", "std"),
    [
        ("he", math.sqrt(2 / 300)),
        ("xavier", math.sqrt(1 / 300)),
        ("fractional_0.8", float(sigma(0.8, 300))),
        ("random_walk", math.sqrt(2 / 300) * math.exp(-clt_mean_variance(2, 300).mean)),
    ],
)
def test_scales(scheme, std):
    """Standard deviation of 90 000 weights within 4.5 / sqrt(2 n); biases as PyTorch's."""
    net = deep_network(scheme, "relu", (64,), 300, 3, generator())
    weight = net[2].weight.detach()
    assert weight.shape == (300, 300)
    assert float(weight.std()) == pytest.approx(std, rel=4.5 / math.sqrt(2 * weight.numel()))
    bound = 1 / math.sqrt(300)
    assert 0.9 * bound < float(net[2].bias.abs().max()) <= bound


def test_random_walk_preserves_the_mean_log_norm():
    """2 500 layers without biases: within 4.5 standard errors."""
    x = torch.ones(6) / math.sqrt(6)
    steps = []
    g = generator(4)
    for _ in range(2_500):
        net = deep_network("random_walk", "leaky_relu", (6,), 6, 2, g)
        steps.append(float(nn.functional.leaky_relu(net[0].weight.detach() @ x).norm().log()))
    assert abs(np.mean(steps)) < 4.5 * np.std(steps) / 50


def test_layers():
    net = deep_network("he", "relu", (64,), 16, 20, generator())
    dense = [layer for layer in net if isinstance(layer, nn.Linear)]
    assert [layer.out_features for layer in dense] == [16] * 19 + [10]
    assert isinstance(net[-1], nn.ReLU), "the activation stands on the logits too"
    images = deep_network("he", "leaky_relu", (3, 32, 32), 64, 20, generator())
    dense = [layer for layer in images if isinstance(layer, nn.Linear)]
    assert dense[0].in_features == 400
    assert images(torch.zeros(2, 3, 32, 32)).shape == (2, 10)
    first, second = (deep_network("he", "linear", (8,), 5, 3, generator(7)) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


def test_schemes_of_one_seed_share_their_noise():
    he, fractional = (deep_network(s, "relu", (64,), 16, 4, generator(3)) for s in ("he", "fractional_1"))
    ratio = float(sigma(1, 16) / sigma(2, 16))
    torch.testing.assert_close(fractional[2].weight, he[2].weight * ratio)
    assert torch.equal(fractional[2].bias, he[2].bias)


def test_training_is_deterministic_and_decay_slows_it():
    plan = Plan("sgd_without_momentum", [0.05], 2, 6, 50)

    def run(**options):
        stream, data = Stream(1, "t"), Split("clusters", *cluster_images())
        frames = cell.train_cell(
            data, plan, Stream(1, "order"),
            lambda shape, classes, k: deep_network(
                "fractional_1", "leaky_relu", shape, 16, 4, cell.generator(stream, k), classes
            ),
            activation="leaky_relu", width=16, depth=4, **options,
        )  # fmt: skip
        return frames["runs"], frames["curves"]

    runs, curves = run()
    again, _ = run()
    pd.testing.assert_frame_equal(runs, again)
    assert runs.loss.mean() < 0.7 * math.log(10)
    _, slowed = run(decay_epochs=[2])
    last, early = (c.pivot_table(index="epoch", values="loss") for c in (slowed, curves))
    np.testing.assert_allclose(last.loc[[1, 2]], early.loc[[1, 2]])
    assert float(last.loss[6]) > float(early.loss[6])
    decayed, _ = run(weight_decay=0.1)
    assert decayed.loss.mean() > runs.loss.mean()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("glorot", "relu", (4,), 4, 3), "scheme must be 'he', 'xavier'"),
        (("fractional_x", "relu", (4,), 4, 3), "scheme must be"),
        (("he", "tanh", (4,), 4, 3), "activation must be one of"),
        (("he", "relu", (4,), 4, 1), "depth must be at least 2"),
        (
            ("he", "relu", (1, 8, 8), 4, 3),
            "size at least 16, got (1, 8, 8)".replace("(", r"\(").replace(")", r"\)"),
        ),
        (("he", "relu", (4, 4), 4, 3), "shape must be"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        deep_network(*arguments, generator())
