"""A made-up activation by one entry of the registry: maps, engine, networks, ensemble, settings and figures take it."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from preactivations.activations.modules import activation
from preactivations.activations.registry import REGISTRY, Activation
from preactivations.edge_of_chaos.maps import chi, variance_map
from preactivations.propagation.engine import simulate
from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from preactivations.training.networks import mlp
from preactivations.weights import Normal
from replication.figures import look
from replication.labels import activation_name
from replication.settings import setting_by_name


class Cosine(nn.Module):
    def forward(self, x):
        return torch.cos(x)


@pytest.fixture(autouse=True)
def cosine(monkeypatch):
    entry = Activation("cosine", np.cos, lambda x: -np.sin(x), module=(Cosine,), label="cos")
    monkeypatch.setitem(REGISTRY, "cosine", entry)


def test_maps():
    """E cos(u)^2 = (1 + exp(-2 v)) / 2 and E sin(u)^2 = (1 - exp(-2 v)) / 2 for u ~ N(0, v)."""
    v = np.array([0.1, 1.0, 3.0])
    np.testing.assert_allclose(variance_map("cosine", v), (1 + np.exp(-2 * v)) / 2, rtol=1e-9)
    np.testing.assert_allclose(chi("cosine", v), (1 - np.exp(-2 * v)) / 2, rtol=1e-9)


def test_engine():
    """The second layer of networks [1, n, 1] has variance E cos(N)^2 at any width; 4.5 standard errors."""
    n = 200_000
    for map_or_module in (REGISTRY["cosine"].phi, activation("cosine")):
        z = simulate([1, 3, 1], map_or_module, weights=Normal(), n_networks=n, stream=Stream(1))
        square = z[:, 0].astype(np.float64) ** 2
        error = square.std() / math.sqrt(n)
        assert abs(square.mean() - (1 + math.exp(-2)) / 2) < 4.5 * error


def test_ensemble():
    torch.manual_seed(0)
    members = [mlp(7, 5, 3, 3, activation="cosine", rng=np.random.default_rng(k)).double() for k in range(2)]
    x, labels = torch.randn(2, 11, 7, dtype=torch.float64), torch.randint(3, (2, 11))
    ensemble = Ensemble(members, dtype=torch.float64)
    ensemble.loss_and_gradient(x, labels)
    for k, member in enumerate(members):
        loss = nn.functional.cross_entropy(member(x[k]), labels[k])
        by_autograd = torch.autograd.grad(loss, list(member.parameters()))
        for one, other in zip(ensemble._views(ensemble.gradient), by_autograd, strict=True):
            torch.testing.assert_close(one[k], other, rtol=1e-9, atol=1e-12)


def test_setting():
    """`unit_cosine` has sigma_w = (E cos(N)^2)^(-1/2), and its module is the activation."""
    setting = setting_by_name("unit_cosine")
    assert setting.sigma_w == pytest.approx(math.sqrt(2 / (1 + math.exp(-2))), rel=1e-9)
    assert isinstance(setting.module(), Cosine)


def test_labels():
    assert look("cosine", math.nan, {})["label"] == activation_name("cosine", math.nan) == "cos"
    assert activation_name("unit_cosine", math.nan) == "cos, unit variance"
