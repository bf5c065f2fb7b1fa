"""Compiled loops compute what the tensor operations in whose place they are compute."""

import sys

import numpy as np
import pytest
import torch
from torch import nn

from preactivations import loops
from preactivations.activations import _table_evaluation
from preactivations.activations.modules import activation
from preactivations.loops import compiled, loop
from preactivations.training import ensembles
from preactivations.training.networks import lenet


def without(monkeypatch, module):
    """As if Numba were not installed."""
    monkeypatch.setattr(module, "loop", lambda name: None)


def test_numba_is_here():
    """The tests below compare two ways: here the first is the loop."""
    assert loop("preactivations.activations._table_loops:cubic") is not None
    assert loop("preactivations.training._pooling:spread") is not None


@pytest.mark.parametrize("law", ["weibull_2.05", "weibull_4", "weibull_10", "spherical_1"])
@pytest.mark.parametrize("kind", ["odd", "positive"])
def test_tables(law, kind, monkeypatch):
    """To rounding of single precision: 2 units in the last place of phi, and of the slope in units of the larger."""
    phi = activation(kind, law)
    x = torch.cat(
        [torch.linspace(-11.99, 11.99, 70_001), torch.tensor([0.0, -0.0, 1e-30, -1e-30, 1 / 32, -1 / 32])]
    )
    value, slope = phi.value_and_slope(x)
    assert torch.equal(phi.values(x), value)
    without(monkeypatch, _table_evaluation)
    one, other = phi.value_and_slope(x)
    unit = 2 * torch.finfo(torch.float32).eps
    assert ((value - one).abs() <= unit * one.abs()).all()
    assert torch.equal(value.signbit(), one.signbit())
    assert ((slope - other).abs() <= unit * torch.maximum(one.abs(), other.abs())).all()


@pytest.mark.parametrize("kind", ["odd", "positive"])
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf, 12.0, -12.0, 1e30, -1e30, -12.0001])
def test_numbers_that_no_piece_has(kind, special, monkeypatch):
    """One of them, at any place, sends its part of the input the long way; others come out as they would."""
    phi = activation(kind, "weibull_4")
    x = torch.randn(101)
    x[37] = special
    found = phi.value_and_slope(x)
    without(monkeypatch, _table_evaluation)
    for one, other in zip(found, phi.value_and_slope(x), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-6, atol=0, equal_nan=True)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pooling_and_its_ties(dtype, monkeypatch):
    """Odd sides lose the last row and column; of equal numbers the first gets the derivative; NaN is the largest."""
    torch.manual_seed(0)
    h = torch.randint(3, (2, 3, 4, 7, 9)).to(dtype)
    h[0, 0, 0, 2, 3] = np.nan
    d = torch.randn(2, 3, 4, 3, 4, dtype=dtype)
    layer = ensembles._Pool(2)
    for keep in (True, False):
        out = layer.forward(h, keep, shared=False)
        expected = nn.functional.max_pool2d(h.flatten(0, 1), 2).unflatten(0, (2, 3))
        torch.testing.assert_close(out, expected, rtol=0, atol=0, equal_nan=True)
    layer.forward(h, keep=True, shared=False)
    back = layer.backward(d, further=True)
    without(monkeypatch, ensembles)
    layer.forward(h, keep=True, shared=False)
    torch.testing.assert_close(back, layer.backward(d, further=True), rtol=0, atol=0)


def test_pooling_by_other_windows_is_pytorchs():
    torch.manual_seed(0)
    h = torch.randn(2, 3, 1, 9, 9)
    layer = ensembles._Pool(3)
    expected = nn.functional.max_pool2d(h.flatten(0, 1), 3).unflatten(0, (2, 3))
    assert torch.equal(layer.forward(h, keep=True, shared=False), expected)
    assert layer.backward(torch.ones(2, 3, 1, 3, 3), further=True).sum() == 2 * 3 * 9


def test_networks_are_the_same_without_numba(monkeypatch):
    torch.manual_seed(0)
    members = [
        lenet(1, 16, activation="odd", weights="weibull_4", rng=np.random.default_rng(k)) for k in range(2)
    ]
    ensemble = ensembles.Ensemble(members)
    x, labels = torch.randn(2, 5, 1, 16, 16), torch.randint(10, (2, 5))
    ensemble.loss_and_gradient(x, labels)
    gradient = ensemble.gradient.clone()
    without(monkeypatch, ensembles)
    without(monkeypatch, _table_evaluation)
    ensemble.loss_and_gradient(x, labels)
    torch.testing.assert_close(gradient, ensemble.gradient, rtol=1e-4, atol=1e-6)


def test_where_nothing_can_be_kept(monkeypatch):
    """A read-only installation without a home: the loop is compiled at every start."""
    numba = pytest.importorskip("numba")
    real = numba.njit

    def njit(*arguments, **options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return real(*arguments, **options)

    monkeypatch.setattr(numba, "njit", njit)
    assert compiled(lambda a: a + 1)(2) == 3


def test_without_numba(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.setattr(loops, "_KNOWN", {})
    assert loop("preactivations.training._pooling:spread") is None
