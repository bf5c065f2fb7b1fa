"""An ensemble computes what its members compute alone, differentiated by PyTorch."""

import copy

import numpy as np
import pytest
import torch
from devices import AVAILABLE
from torch import nn

from preactivations.activations.registry import NAMES
from preactivations.training.ensembles import Ensemble
from preactivations.training.networks import lenet, mlp

SETTINGS = {
    "tanh": {"activation": "tanh", "sigma_w": 1.2, "sigma_b": 0.3},
    "relu": {"activation": "relu", "sigma_w": 1.4},
    **{name: {"activation": name, "sigma_w": 1.5} for name in NAMES if name not in ("relu", "tanh")},
    "oscillating": {"activation": "oscillating_3"},
    "odd": {"activation": "odd", "weights": "weibull_4"},
    "positive": {"activation": "positive", "weights": "spherical_1"},
}
NORMALIZED = {
    f"normalized {name}": SETTINGS[name] | {"normalize": True} for name in ("tanh", "relu", "gelu", "odd")
}


def networks(builder, *sizes, count=3, **options):
    rng = np.random.default_rng(1)
    return [builder(*sizes, rng=rng, **options).double() for _ in range(count)]


def check(members, x, labels):
    """Loss and gradient against automatic differentiation of each member, on every device; x (E, batch, ...)."""
    for device in AVAILABLE:
        check_on(device, members, x, labels)


def check_on(device, members, x, labels):
    members, x, labels = [copy.deepcopy(m).to(device) for m in members], x.to(device), labels.to(device)
    ensemble = Ensemble(members, dtype=torch.float64, device=device)
    loss = ensemble.loss_and_gradient(x, labels)
    gradients = ensemble._views(ensemble.gradient)
    for k, network in enumerate(members):
        expected = nn.functional.cross_entropy(network(x[k]), labels[k])
        by_autograd = torch.autograd.grad(expected, list(network.parameters()))
        torch.testing.assert_close(loss[k], expected.detach(), rtol=1e-9, atol=1e-12)
        for one, other in zip(gradients, by_autograd, strict=True):
            torch.testing.assert_close(one[k], other, rtol=1e-6, atol=1e-9)
        torch.testing.assert_close(ensemble.logits(x)[k].T, network(x[k]).detach(), rtol=1e-9, atol=1e-9)
        torch.testing.assert_close(ensemble.logits(x[0])[k].T, network(x[0]).detach(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", [*SETTINGS, *NORMALIZED])
def test_gradients_of_perceptrons(name):
    torch.manual_seed(0)
    members = networks(mlp, 7, 5, 4, 3, **(SETTINGS | NORMALIZED)[name])
    check(members, torch.randn(3, 11, 7, dtype=torch.float64), torch.randint(3, (3, 11)))


@pytest.mark.parametrize("name", ["tanh", "relu", "gelu", "oscillating", "odd", "positive"])
def test_gradients_of_convolutions(name):
    torch.manual_seed(0)
    members = networks(lenet, 2, 16, **SETTINGS[name])
    check(members, torch.randn(3, 4, 2, 16, 16, dtype=torch.float64), torch.randint(10, (3, 4)))


def test_the_layout_in_memory_does_not_matter():
    """Single precision, for which convolutions choose the layout of their output themselves."""
    torch.manual_seed(0)
    ensemble = Ensemble([m.float() for m in networks(lenet, 3, 32, activation="relu", sigma_w=1.4)])
    x, labels = torch.randn(50, 3, 32, 32), torch.randint(10, (3, 50))
    last = x.to(memory_format=torch.channels_last)
    torch.testing.assert_close(ensemble.logits(last), ensemble.logits(x), rtol=1e-4, atol=1e-4)
    expected = ensemble.loss_and_gradient(x, labels)
    gradient = ensemble.gradient.clone()
    torch.testing.assert_close(ensemble.loss_and_gradient(last, labels), expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ensemble.gradient, gradient, rtol=1e-3, atol=1e-4)


def test_layers_without_bias_and_without_activation():
    torch.manual_seed(0)
    members = [
        nn.Sequential(nn.Linear(4, 6, bias=False), nn.Linear(6, 3, bias=False)).double() for _ in range(3)
    ]
    check(members, torch.randn(3, 5, 4, dtype=torch.float64), torch.randint(3, (3, 5)))


@pytest.mark.parametrize("phi", [nn.Tanh(), nn.ReLU(), nn.GELU()], ids=["tanh", "relu", "gelu"])
def test_layers_in_any_order(phi):
    """Activations that work in place must not touch what another layer keeps."""
    torch.manual_seed(0)
    members = [
        nn.Sequential(
            nn.Linear(4, 6), nn.RMSNorm(6, eps=1e-12, elementwise_affine=False), phi, phi, nn.Linear(6, 6), phi,
            nn.RMSNorm(6, eps=1e-12, elementwise_affine=False), phi, nn.Linear(6, 3),
        ).double()
        for _ in range(3)
    ]  # fmt: skip
    check(members, torch.randn(3, 5, 4, dtype=torch.float64), torch.randint(3, (3, 5)))


def test_shared_inputs_have_a_gradient_too():
    torch.manual_seed(0)
    for members, x in (
        (networks(mlp, 7, 5, 2, 3, activation="tanh"), torch.randn(9, 7, dtype=torch.float64)),
        (networks(lenet, 1, 16, activation="relu"), torch.randn(4, 1, 16, 16, dtype=torch.float64)),
    ):
        ensemble = Ensemble(members, dtype=torch.float64)
        labels = torch.randint(3, (3, len(x)))
        shared = ensemble.loss_and_gradient(x, labels)
        gradient = ensemble.gradient.clone()
        torch.testing.assert_close(
            shared, ensemble.loss_and_gradient(torch.stack([x] * 3), labels), rtol=1e-10, atol=0
        )
        torch.testing.assert_close(gradient, ensemble.gradient, rtol=1e-9, atol=1e-12)


def test_float32_is_float64_up_to_rounding():
    torch.manual_seed(0)
    members = networks(mlp, 64, 10, 10, activation="odd", weights="weibull_4")
    x, labels = torch.randn(3, 50, 64), torch.randint(10, (3, 50))
    single, double = Ensemble(members), Ensemble(members, dtype=torch.float64)
    one, two = single.loss_and_gradient(x, labels), double.loss_and_gradient(x.double(), labels)
    torch.testing.assert_close(one.double(), two, rtol=1e-4, atol=0)
    error = (single.gradient.double() - double.gradient).norm() / double.gradient.norm()
    assert error < 1e-3


def test_members_come_back_and_can_be_chosen():
    members = networks(mlp, 7, 5, 2, 3, activation="tanh", count=4)
    ensemble = Ensemble(members, dtype=torch.float64)
    x = torch.randn(6, 7, dtype=torch.float64)
    torch.testing.assert_close(ensemble.network(2)(x), members[2](x))
    chosen = ensemble.select(torch.tensor([3, 1]))
    assert chosen.n_members == 2
    torch.testing.assert_close(chosen.logits(x), ensemble.logits(x)[[3, 1]])
    chosen.parameters.zero_()
    assert ensemble.parameters.any()  # a copy
    rates = ensemble.spread(torch.tensor([1.0, 2.0, 3.0, 4.0]))
    assert torch.equal(ensemble.take(rates, torch.tensor([3, 1])), chosen.spread(torch.tensor([4.0, 2.0])))


def test_pre_activations_are_those_before_the_activation():
    (member,) = networks(mlp, 7, 5, 3, 2, activation="relu", count=1)
    x = torch.randn(6, 7, dtype=torch.float64)
    layers = Ensemble([member, member], dtype=torch.float64).pre_activations(x)
    assert [tuple(z.shape) for z in layers] == [(2, 5, 6)] * 3 + [(2, 2, 6)]
    h = x
    for k, layer in enumerate(m for m in member if isinstance(m, nn.Linear)):
        h = layer(h)
        torch.testing.assert_close(layers[k][1].T, h)
        h = h.relu()


def test_errors():
    with pytest.raises(ValueError, match="at least one network"):
        Ensemble([])
    one, other = (mlp(4, n, 2, activation="tanh") for n in (3, 5))
    with pytest.raises(ValueError, match="the same layers, got 2 different"):
        Ensemble([one, other])
    with pytest.raises(TypeError, match="can't batch the layer Dropout"):
        Ensemble([nn.Sequential(nn.Linear(3, 3), nn.Dropout())])
    with pytest.raises(TypeError, match="can't batch the layer PReLU"):  # it has a parameter
        Ensemble([nn.Sequential(nn.Linear(3, 3), nn.PReLU())])
    with pytest.raises(TypeError, match="can't batch the layer Conv2d"):
        Ensemble([nn.Sequential(nn.Conv2d(1, 2, 3, padding=1))])
    with pytest.raises(TypeError, match="first layer must be"):
        Ensemble([nn.Sequential(nn.ReLU())])
