"""Trained rows and real inputs: exact means over rotations, forward passes, quantiles."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import torch

from preactivations.kernels.maps import angle_between, angular_map
from preactivations.streams import Stream
from replication.kernels.images import direction_rows, hypothesis_table, image_rows, networks_of

STREAM = Stream(12, "trained")


def neurons(network, seed):
    dense = [layer for layer in network if isinstance(layer, torch.nn.Linear)]
    return [
        {"seed": seed, "layer": number, "neuron": k, "weights": row.tolist(), "bias": float(bias)}
        for number, layer in enumerate(dense, 1)
        for k, (row, bias) in reversed(
            list(enumerate(zip(layer.weight.detach(), layer.bias.detach(), strict=True)))
        )
    ]


def perceptron(seed):
    torch.manual_seed(seed)
    sizes = [6, 9, 7]
    layers = []
    for before, after in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(before, after), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers)


def test_networks_are_put_together_in_order():
    nets = [perceptron(0), perceptron(1)]
    found = networks_of(pd.DataFrame([row for seed, net in enumerate(nets) for row in neurons(net, seed)]))
    assert list(found) == [0, 1]
    for seed, net in enumerate(nets):
        for (weights, bias), layer in zip(found[seed], (net[0], net[2]), strict=True):
            np.testing.assert_allclose(weights, layer.weight.detach().numpy(), rtol=1e-6)
            np.testing.assert_allclose(bias, layer.bias.detach().numpy(), rtol=1e-6)


def test_images_pass_as_in_torch():
    net = perceptron(3)
    found = networks_of(pd.DataFrame(neurons(net, 0)))
    images = STREAM.block(0).standard_normal((5, 1, 2, 3)).astype(np.float32)
    rows = pd.DataFrame(image_rows(found, images, 8, STREAM))
    assert set(rows.layer) == {1, 2}
    flat = torch.from_numpy(images.reshape(5, -1))
    with torch.no_grad():
        outputs = [flat, net[:2](flat), net(flat)]
    known = {
        layer: {
            round(float(angle_between(h[a], h[b])), 4)
            for a in range(5)
            for b in range(5)
            if a != b and h[a].any() and h[b].any()
        }
        for layer, h in enumerate(z.double().numpy() for z in outputs)
    }
    for row in rows.itertuples():
        assert round(row.angle, 4) in known[row.layer - 1]
        assert round(row.after, 4) in known[row.layer]
        assert math.isclose(row.map, float(angular_map(row.angle)))


def test_pairs_with_a_dead_side_are_left_out():
    weights, bias = np.eye(3), np.array([-10.0, -10.0, -10.0])
    assert image_rows({0: [(weights, bias)]}, np.ones((4, 3)) + np.eye(4, 3), 5, STREAM) == []


def test_mean_over_rotations_is_exact_for_any_rows():
    """E over uniform frames of sum relu relu is |w|^2 k_1 m / m: rows as uneven as can be, 4.5 standard errors."""
    rows = np.zeros((2, 5))
    rows[0, 0], rows[1] = 10.0, 0.1
    network = {0: [(rows, np.zeros(2))]}
    found = direction_rows(network, 1, 5, 4000, STREAM)
    assert [r["neurons"] for r in found] == [2] * 5
    x, u = np.moveaxis(STREAM.block(2).standard_normal((4000, 5, 2)), -1, 0)
    x = x / np.linalg.norm(x, axis=1, keepdims=True)
    u = u - (u * x).sum(axis=1, keepdims=True) * x
    z = np.stack([x, u / np.linalg.norm(u, axis=1, keepdims=True)], axis=2)
    z = rows @ z
    t = found[2]["angle"]
    h, g = z[..., 0], math.cos(t) * z[..., 0] + math.sin(t) * z[..., 1]
    values = (np.maximum(h, 0) * np.maximum(g, 0)).sum(axis=1)
    exact = (rows**2).sum() / 5 * math.cos(float(angular_map(t))) / 2
    assert abs(values.mean() - exact) < 4.5 * values.std() / math.sqrt(4000)
    # the normalized one scatters for two rows, and does not for many normal ones
    many = {0: [(STREAM.block(3).standard_normal((3000, 5)), np.zeros(3000))]}
    even = direction_rows(many, 1, 5, 200, STREAM)
    assert even[2]["sd"] < 0.05 < 0.2 < found[2]["sd"]
    assert abs(even[2]["mean"] - even[2]["map"]) < 0.02


def test_hypotheses_need_images():
    with pytest.raises(ValueError, match="at least 2 images that are not 0, got 1 of 3"):
        hypothesis_table(np.diag([1.0, 0.0, 0.0]), 5, STREAM)
    with pytest.raises(ValueError, match="finite"):
        hypothesis_table(np.full((3, 2), np.nan), 5, STREAM)


def test_directions_are_uniform():
    """One row, whichever, is active for both of a pair with probability (pi - t)/(2 pi): 4.5 standard deviations."""
    for row in ([1.0, 0.0, 0.0], [0.0, -1.0, 0.0], [0.5, 1.0, -2.0]):
        for found in direction_rows({0: [(np.array([row]), np.zeros(1))]}, 1, 5, 4000, STREAM)[:4]:
            p = (math.pi - found["angle"]) / (2 * math.pi)
            assert abs(found["pairs"] - 4000 * p) < 4.5 * math.sqrt(4000 * p * (1 - p))
            assert found["mean"] > 1 - 1e-12


def test_hypotheses_on_known_inputs():
    m = 400
    x = STREAM.block(1).standard_normal((500, m)).reshape(500, 1, 20, 20)
    x[0] = 0
    table = hypothesis_table(x, 1000, STREAM).set_index("quantity")
    assert (table.zeros == 1).all()
    assert (table.inputs == m).all()
    assert abs(table.q50["norm"] - 1) < 0.01
    assert abs(table.q50["angle"] - math.pi / 2) < 0.02
    assert 0.1 < table.q50["delocalization"] < 0.2  # about 3.1 / 20
    single = np.zeros((4, 9))
    single[np.arange(4), np.arange(4)] = 2.0
    table = hypothesis_table(single, 20, STREAM).set_index("quantity")
    assert table.q50["delocalization"] == 1
    assert table.q01["angle"] == math.pi / 2
