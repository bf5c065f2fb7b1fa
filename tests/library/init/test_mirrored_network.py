"""Networks with mirrored weights: rectified ones that start as isometric linear ones."""

import copy
import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils.parametrizations import weight_norm

from preactivations.init.mirrored import mirrored_orthogonal_
from preactivations.init.mirrored_network import mirror_constant, mirror_network_
from preactivations.relu_law.jacobians import jacobian_moments

SHARED = nn.Linear(4, 4)


class Residual(nn.Sequential):
    def forward(self, x):
        return x + super().forward(x)


class Refusing(nn.Module):
    def forward(self, x):
        raise AssertionError("of my own")


ACTIVATIONS = [nn.ReLU(), nn.GELU(), nn.SiLU(), nn.Softplus(), nn.LeakyReLU(0.3)]


def perceptron(inputs, width, depth, outputs, phi):
    layers = [nn.Linear(inputs, width), phi]
    for _ in range(depth - 1):
        layers += [nn.Linear(width, width), phi]
    return nn.Sequential(*layers, nn.Linear(width, outputs)).double()


def singular_values(network, x):
    return torch.linalg.svdvals(torch.autograd.functional.jacobian(network, x))


@pytest.mark.parametrize("phi", ACTIVATIONS, ids=str)
def test_isometry_at_depth_200(phi):
    net = mirror_network_(perceptron(10, 20, 200, 10, phi), generator=torch.Generator().manual_seed(0))
    x = torch.randn(10, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    assert (singular_values(net, x) - 1).abs().max() < 1e-12
    assert net(x).norm().item() == pytest.approx(x.norm().item(), rel=1e-12)


@pytest.mark.parametrize("phi", ACTIVATIONS, ids=str)
@pytest.mark.parametrize("weights", ["orthogonal", "gaussian"])
def test_network_equals_the_linear_one(phi, weights):
    """f(x) = V W0 ... W1 x with the blocks read off the weights, biases included."""
    net = mirror_network_(perceptron(6, 14, 5, 3, phi), weights, sigma_b=0.4)
    x = torch.randn(9, 6, dtype=torch.float64)
    c = phi(torch.tensor(1.0).double()).item() - phi(torch.tensor(-1.0).double()).item()
    first, *middle, last = [layer for layer in net if isinstance(layer, nn.Linear)]
    h = x @ first.weight[:7].T + first.bias[:7]
    assert torch.equal(first.weight[7:], -first.weight[:7])
    for layer in middle:
        w, b = layer.weight, layer.bias
        assert torch.equal(w[7:], -w[:7])
        assert torch.equal(w[:, 7:], -w[:, :7])
        assert torch.equal(b[7:], -b[:7])
        assert b.abs().min() > 0
        h = c * h @ w[:7, :7].T + b[:7]
    y = c * h @ last.weight[:, :7].T + last.bias
    torch.testing.assert_close(net(x), y, rtol=1e-11, atol=1e-12)


def test_undivided_last_layer_scales_by_c():
    """With V not divided by c = 1.3 all singular values are 1.3."""
    net = mirror_network_(perceptron(6, 12, 3, 6, nn.LeakyReLU(0.3)))
    mirrored_orthogonal_(net[-1].weight, "last")
    s = singular_values(net, torch.ones(6, dtype=torch.float64))
    assert (s - 1.3).abs().max() < 1e-12


@pytest.mark.parametrize("weights", ["orthogonal", "gaussian"])
def test_convolutions(weights):
    """A linear map, isometric from the input to the last hidden layer with orthogonal kernels and periodic borders."""
    phi = nn.GELU()
    options = {"padding": 1, "padding_mode": "circular"}
    hidden = nn.Sequential(nn.Conv2d(3, 8, 3, **options), phi, nn.Conv2d(8, 12, 3, **options), phi)
    # pooling before an activation too
    hidden.insert(1, nn.AvgPool2d(3, 1, 1))
    net = nn.Sequential(hidden, nn.AvgPool2d(2), nn.Flatten(), nn.Linear(12 * 9, 5)).double()
    mirror_network_(net, weights)
    x, y = torch.randn(2, 1, 3, 6, 6, dtype=torch.float64)
    torch.testing.assert_close(net(2 * x - y), 2 * net(x) - net(y), rtol=1e-11, atol=1e-12)
    if weights == "orthogonal":
        del hidden[1]
        for layer in (hidden[0], hidden[2]):
            taps = layer.weight.abs().sum(dim=(0, 1))
            assert torch.count_nonzero(taps) == 1
            assert taps[1, 1] > 0
        last = nn.Sequential(hidden, nn.Conv2d(12, 6, 1)).double()
        mirror_network_(last)
        s = singular_values(lambda z: last(z.reshape(1, 3, 6, 6)).flatten(), x.flatten())
        assert (s - 1).abs().max() < 1e-12


@pytest.mark.parametrize(
    "sizes",
    [
        (4, 16, 4),
        (4, 16, 12, 6),
        (4, 16, 12, 10, 2),
        (8, 16, 4, 16, 6),
        (4, 6, 20, 20, 12),
        (3, 10, 8, 4, 8, 8),
        (6, 40, 8, 30, 20, 3),
        (5, 10, 10, 10, 5),
    ],
)
def test_unequal_widths_keep_as_many_directions_as_the_narrowest(sizes):
    """A growing layer leaves room beside the image, in which a later narrow one must not look."""
    phi = nn.ReLU()
    layers = [nn.Linear(sizes[0], sizes[1])]
    for before, after in itertools.pairwise(sizes[1:]):
        layers += [phi, nn.Linear(before, after)]
    net = mirror_network_(nn.Sequential(*layers).double(), generator=torch.Generator().manual_seed(0))
    s = singular_values(net, torch.randn(sizes[0], dtype=torch.float64))
    narrowest = min(sizes[0], sizes[-1], *(size // 2 for size in sizes[1:-1]))
    expected = [1.0] * narrowest + [0.0] * (len(s) - narrowest)
    assert s.tolist() == pytest.approx(expected, abs=1e-12)
    # in double precision and in single, and other networks for another generator
    other = mirror_network_(copy.deepcopy(net).float(), generator=torch.Generator().manual_seed(1))
    s = singular_values(other, torch.randn(sizes[0]))
    assert s.tolist() == pytest.approx(expected, abs=1e-5)
    assert not torch.allclose(other[-1].weight.double(), net[-1].weight, atol=1e-3)


@pytest.mark.parametrize("channels", [(2, 12, 6, 8, 2), (3, 8, 4, 12, 3), (3, 12, 8, 4)])
def test_unequal_channels(channels):
    options = {"padding": 1, "padding_mode": "circular"}
    layers = [nn.Conv2d(channels[0], channels[1], 3, **options)]
    for before, after in itertools.pairwise(channels[1:]):
        layers += [nn.LeakyReLU(0.2), nn.Conv2d(before, after, 3, **options)]
    net = mirror_network_(nn.Sequential(*layers).double())
    x = torch.randn(channels[0] * 9, dtype=torch.float64)
    s = singular_values(lambda z: net(z.reshape(1, channels[0], 3, 3)).flatten(), x)
    narrowest = 9 * min(channels[0], channels[-1], *(size // 2 for size in channels[1:-1]))
    assert s.tolist() == pytest.approx([1.0] * narrowest + [0.0] * (len(s) - narrowest), abs=1e-12)


@pytest.mark.parametrize("outputs", [3, 8, 11, 20])
def test_linear_layers_after_convolutions_keep_the_image(outputs):
    """2 channels of 4 positions into halves of 6 channels, flattened: 8 of 24 directions come through."""
    options = {"padding": 1, "padding_mode": "circular"}
    net = nn.Sequential(
        nn.Conv2d(2, 12, 3, **options), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2 * outputs), nn.ReLU()
    )
    net = mirror_network_(net.append(nn.Linear(2 * outputs, outputs)).double())
    x = torch.randn(8, dtype=torch.float64)
    s = singular_values(lambda z: net(z.reshape(1, 2, 2, 2)).flatten(), x)
    assert s.tolist() == pytest.approx([1.0] * min(8, outputs), abs=1e-12)


def test_constants_are_exact():
    assert mirror_constant(nn.LeakyReLU(1 / 3)) == pytest.approx(4 / 3, rel=1e-15)
    assert mirror_constant(nn.LeakyReLU(-0.5)) == 0.5
    assert mirror_constant(nn.Hardswish()) == 1
    net = mirror_network_(perceptron(6, 12, 200, 6, nn.LeakyReLU(1 / 3)))
    assert (singular_values(net, torch.ones(6, dtype=torch.float64)) - 1).abs().max() < 1e-12


def test_gaussian_jacobian_has_the_moments_of_a_linear_network():
    n, depth, networks = 12, 4, 600
    found = []
    generator = torch.Generator().manual_seed(3)
    for _ in range(networks):
        net = mirror_network_(perceptron(6, n, depth, 6, nn.ReLU()), "gaussian", generator=generator)
        s2 = singular_values(net, torch.ones(6, dtype=torch.float64)) ** 2
        found.append((s2.mean().item(), (s2**2).mean().item()))
    expected = jacobian_moments(6, [n // 2] * (depth + 1), 1.0)
    for sample, value in zip(np.array(found).T, (expected.mean, expected.second), strict=True):
        assert abs(sample.mean() - value) < 3.5 * sample.std() / math.sqrt(networks)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: mirror_constant(nn.ELU()),
            ValueError,
            r"no constant c with phi\(h\) - phi\(-h\) = c h: the ratio",
        ),
        (lambda: mirror_constant(nn.Tanh()), ValueError, "no constant c"),
        (lambda: mirror_constant(nn.LeakyReLU(-1.0)), ValueError, "is even"),
        (lambda: mirror_constant(nn.RReLU()), ValueError, "is random"),
        (lambda: mirror_constant(nn.PReLU(8)), ValueError, "can't be evaluated on a vector"),
    ],
)
def test_activations_without_the_constant(call, error, message):
    with pytest.raises(error, match=message):
        call()


@pytest.mark.parametrize(
    ("layers", "error", "message"),
    [
        ([nn.Linear(4, 4)], ValueError, "a first and a last layer, got 1"),
        ([nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 4)], ValueError, "outputs must be an even number"),
        ([nn.Linear(4, 6), nn.ELU(), nn.Linear(6, 4)], ValueError, "no constant c"),
        (
            [nn.Linear(4, 6), nn.BatchNorm1d(6), nn.Linear(6, 4)],
            TypeError,
            "BatchNorm1d is not known to keep",
        ),
        ([nn.Linear(4, 6), nn.Dropout(), nn.Linear(6, 4)], TypeError, "Dropout is not known to keep"),
        ([nn.Linear(4, 6), nn.Softmax(1), nn.Linear(6, 4)], TypeError, "Softmax is not known to keep"),
        ([nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4), nn.ReLU()], ValueError, "stands after the last layer"),
        (
            [nn.ReLU(), nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 4)],
            ValueError,
            "stands before the first layer",
        ),
        (
            [nn.Linear(4, 6), nn.ReLU(), nn.Flatten(), nn.Linear(6, 4)],
            ValueError,
            "would mix the halves",
        ),
        (
            [nn.Conv2d(2, 6, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(6, 4, 3)],
            TypeError,
            "MaxPool2d is not known",
        ),
        ([nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 3, groups=2)], ValueError, "is grouped"),
        ([nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Conv2d(6, 4, 2)], ValueError, "kernel sizes must be odd"),
        ([nn.Conv1d(2, 6, 3), nn.ReLU(), nn.Linear(6, 4)], ValueError, r"needs nn.Flatten\(\) between"),
        ([nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Flatten(2), nn.Linear(6, 4)], ValueError, "would mix the halves"),
        (
            [nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Flatten(0, 1), nn.Linear(6, 4)],
            ValueError,
            "would mix the halves",
        ),
        ([nn.Conv2d(2, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8, 4)], ValueError, "whole channels"),
        (
            [nn.Conv2d(2, 6, 3), nn.Flatten(), nn.ReLU(), nn.Conv1d(6, 4, 3)],
            ValueError,
            "does not take units",
        ),
        ([nn.Linear(4, 6), nn.ReLU(), nn.Conv1d(6, 4, 3)], ValueError, "does not take units"),
        (
            [nn.Linear(4, 6), nn.AvgPool1d(3, 1, 1), nn.ReLU(), nn.Linear(6, 4)],
            ValueError,
            "would mix the halves",
        ),
        (
            [nn.Conv2d(2, 6, 3), nn.ReLU(), nn.AvgPool2d(2), nn.ReLU(), nn.Conv2d(6, 4, 3)],
            ValueError,
            "after an activation and pooling",
        ),
        ([weight_norm(nn.Linear(4, 6)), nn.ReLU(), nn.Linear(6, 4)], ValueError, "has a parametrized weight"),
        (
            [nn.Linear(4, 4), nn.ReLU(), SHARED, nn.ReLU(), SHARED, nn.ReLU(), nn.Linear(4, 4)],
            ValueError,
            "used twice",
        ),
        ([Residual(nn.Linear(4, 4)), nn.ReLU(), nn.Linear(4, 4)], TypeError, "Residual is not known to keep"),
        (
            [nn.Linear(4, 6), nn.Dropout2d().eval(), nn.Linear(6, 4)],
            TypeError,
            "Dropout2d is not known to keep",
        ),
        (
            [nn.Linear(4, 6), nn.AlphaDropout(1e-3), nn.Linear(6, 4)],
            TypeError,
            "AlphaDropout is not known to keep",
        ),
        ([nn.Linear(4, 6), nn.RReLU().eval(), nn.Linear(6, 4)], ValueError, "is random"),
        ([nn.Linear(4, 6), nn.PReLU(6), nn.Linear(6, 4)], TypeError, "PReLU is not known to keep"),
        (
            [nn.LazyLinear(6), nn.ReLU(), nn.Linear(6, 4)],
            ValueError,
            r"materialize it first \(call it once\)",
        ),
    ],
)
def test_refused_networks_are_left_as_they_are(layers, error, message):
    net = nn.Sequential(*layers)
    known = [p for p in net.parameters() if not isinstance(p, UninitializedParameter)]
    before, state = [p.clone() for p in known], torch.get_rng_state()
    with pytest.raises(error, match=message):
        mirror_network_(net)
    assert all(torch.equal(p, q) for p, q in zip(known, before, strict=True))
    assert torch.equal(torch.get_rng_state(), state)


def test_modules_are_only_looked_at():
    """A module that counts its calls: nothing of the user's is run."""

    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("calls", torch.zeros(()))

        def forward(self, x):
            self.calls += 1
            return torch.relu(x)

    phi = Counting()
    mirror_network_(nn.Sequential(nn.Linear(4, 6), phi, nn.Linear(6, 4)))
    assert phi.calls == 0
    with pytest.raises(ValueError, match="can't be evaluated on a vector: of my own"):
        mirror_constant(Refusing())


def test_unknown_options():
    net = perceptron(4, 4, 1, 4, nn.ReLU())
    with pytest.raises(ValueError, match="weights must be 'orthogonal' or 'gaussian', got 'haar'"):
        mirror_network_(net, "haar")
    with pytest.raises(ValueError, match="sigma_b must be finite and >= 0, got -1"):
        mirror_network_(net, sigma_b=-1.0)
