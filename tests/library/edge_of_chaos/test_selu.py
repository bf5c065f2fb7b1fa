"""SELU (Klambauer et al. 2017): mean 0 and variance 1 are a fixed point, and what is made to be one stays it."""

import math

import numpy as np
import pytest
import torch
from scipy.special import erfcx
from torch import nn

from preactivations.activations.registry import Activation
from preactivations.edge_of_chaos.maps import correlation_map, variance_map, variance_slope

LAMBDA, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


def phi(x):
    return np.where(x > 0, LAMBDA * x, LAMBDA * ALPHA * np.expm1(np.minimum(x, 0)))


def dphi(x):
    return np.where(x > 0, LAMBDA, LAMBDA * ALPHA * np.exp(np.minimum(x, 0)))


SELU = Activation("selu", phi, dphi, (0.0,))


def below(k):
    """E[exp(k x); x < 0] = exp(k^2/2) Phi(-k) of a standard normal x, by the scaled complementary error function."""
    return erfcx(k / math.sqrt(2)) / 2


def test_constants_are_those_of_pytorch():
    x = np.linspace(-5, 5, 101)
    assert phi(x) == pytest.approx(nn.SELU()(torch.from_numpy(x)).numpy(), abs=1e-15)


def test_closed_forms_say_mean_0_and_variance_1():
    """E selu = lambda [1/sqrt(2 pi) + alpha (E e^x - 1/2 below 0)], and likewise its square."""
    mean = LAMBDA * (1 / math.sqrt(2 * math.pi) + ALPHA * (below(1) - 0.5))
    square = LAMBDA**2 * (0.5 + ALPHA**2 * (below(2) - 2 * below(1) + 0.5))
    assert mean == pytest.approx(0, abs=1e-15)
    assert square == pytest.approx(1, abs=1e-15)


def test_maps_have_that_fixed_point():
    """v' = E selu(u)^2 at v = 1, and v' c' = (E selu)^2 for independent inputs, c = 0."""
    assert float(variance_map(SELU, 1.0)) == pytest.approx(1, abs=1e-13)
    assert float(correlation_map(SELU, 0.0, 1.0)) == pytest.approx(0, abs=1e-13)
    # attracting in the variance, from both sides
    assert 0 < float(variance_slope(SELU, 1.0)) < 1
    variance = np.array([0.5, 2.0])
    for _ in range(200):
        variance = variance_map(SELU, variance)
    assert variance == pytest.approx([1, 1], abs=1e-10)


def test_other_constants_have_another_fixed_point():
    """ELU with the same scale: neither mean 0 nor variance 1."""
    elu = Activation(
        "scaled_elu",
        lambda x: phi(x) * np.where(x > 0, 1, 1 / ALPHA),
        lambda x: dphi(x) * np.where(x > 0, 1, 1 / ALPHA),
        (0.0,),
    )
    assert abs(float(variance_map(elu, 1.0)) - 1) > 0.1
    assert abs(float(correlation_map(elu, 0.0, 1.0))) > 0.01
