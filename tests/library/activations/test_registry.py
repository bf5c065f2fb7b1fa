"""Activations in float64: derivatives by differences, against PyTorch, and names."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from preactivations.activations import modules as nn
from preactivations.activations.array_map import as_array_map
from preactivations.activations.registry import NAMES, Activation, by_name, leaky_relu, of_pair, oscillating
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SphericalMarginal, SymmetricWeibull

X = np.concatenate([np.linspace(-6, 6, 241) + 0.0123, [-700.0, 700.0]])


@pytest.mark.parametrize("name", [*NAMES, "oscillating_3"])
def test_derivative_by_differences(name):
    act, h = by_name(name), 1e-6
    x = X[(np.abs(X) > 1e-3) & (np.abs(X) < 100)]
    np.testing.assert_allclose(act.dphi(x), (act.phi(x + h) - act.phi(x - h)) / (2 * h), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("name", [*NAMES, "oscillating_6"])
def test_same_as_the_module_of_that_name(name):
    module = nn.activation(name)
    x = torch.tensor(X, dtype=torch.float64)
    np.testing.assert_allclose(by_name(name).phi(X), module(x).numpy(), rtol=1e-8, atol=1e-9)


def test_tails_without_overflow():
    far = np.array([-1e4, 1e4])
    with np.errstate(all="raise", under="ignore"):
        for name in NAMES:
            act = by_name(name)
            assert np.all(np.isfinite(act.phi(far)))
            assert np.all(np.isfinite(act.dphi(far)))


def test_activation_of_a_pair():
    odd = of_pair(GaussianPair(SphericalMarginal(1), "odd"))
    assert odd.power == pytest.approx(1 / 3)
    assert odd.kinks == (0.0,)
    assert odd.weight_variance == pytest.approx(1 / 3)
    # phi ~ |x|^power at 0
    ratio = odd.phi(np.array([2e-9])) / odd.phi(np.array([1e-9]))
    assert float(ratio[0]) == pytest.approx(2 ** (1 / 3), rel=1e-5)
    assert of_pair(GaussianPair(SymmetricWeibull(3), "positive")).kinks == ()


def test_names_and_errors():
    assert leaky_relu(0).name == "relu"
    assert leaky_relu(1).kinks == ()
    assert leaky_relu(0.2).slopes == (0.2, 1.0)
    assert oscillating(0.5, 2).name == "oscillating_2"
    assert float(oscillating().phi(np.zeros(()))) == 0
    with pytest.raises(ValueError, match="unknown activation 'swish'; accepted: 'elu', 'erf'"):
        by_name("swish")
    with pytest.raises(ValueError, match="slope must be finite, got nan"):
        leaky_relu(math.nan)
    with pytest.raises(ValueError, match="delta must be in"):
        oscillating(2.0)
    with pytest.raises(ValueError, match="omega must be finite and > 0, got -1"):
        oscillating(omega=-1)
    assert set(NAMES) >= {"relu", "tanh", "erf", "gelu", "silu", "elu", "mish"}
    bare = Activation("square", np.square, lambda x: 2 * x)
    with pytest.raises(ValueError, match="activation 'square' has no PyTorch module"):
        nn.module_of(bare)


@pytest.mark.parametrize("name", [*NAMES, "oscillating_6"])
def test_what_is_not_real_is_refused(name):
    act = by_name(name)
    for values in (np.array([1.0, 1j]), ["1", "2"], np.array([1, None])):
        for function in (act.phi, act.dphi, as_array_map(nn.activation(name))):
            with pytest.raises(TypeError, match="x must be real numbers, got dtype"):
                function(values)
    for call in (
        lambda: leaky_relu("0.2"),
        lambda: leaky_relu(1j),
        lambda: oscillating(delta="0.5"),
        lambda: oscillating(omega=1j),
        lambda: nn.Oscillating(omega="6"),
    ):
        with pytest.raises(TypeError, match=r"(slope|delta|omega) must be a real number, got"):
            call()


def test_equal_names_are_one_object():
    """Integrals are kept by activation: an equal one must not be another key."""
    for name in (*NAMES, "oscillating_3", "oscillating_2.5"):
        assert by_name(name) is by_name(name)
    assert by_name("oscillating_6") is oscillating() is oscillating(0.99, omega=6)
    assert leaky_relu(0) is by_name("relu")
    one, other = (GaussianPair(SymmetricWeibull(4.0), "odd") for _ in range(2))
    assert one is not other
    assert one == other != GaussianPair(SymmetricWeibull(4), "positive")
    assert of_pair(one) is of_pair(other)


def test_parameters_in_names():
    assert by_name("oscillating_2.0000001").name == "oscillating_2.0000001"
    assert by_name("oscillating_2.0000001") is not by_name("oscillating_2")
    assert by_name("oscillating_6.0").name == "oscillating_6"
    with pytest.raises(ValueError, match="omega must be finite and > 0, got 0"):
        by_name("oscillating_0")
    with pytest.raises(ValueError, match="unknown activation 'oscillating_inf'"):
        by_name("oscillating_inf")


def test_the_registry_does_not_import_torch():
    code = "import sys, preactivations.activations.registry as r; r.by_name('relu'); print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
