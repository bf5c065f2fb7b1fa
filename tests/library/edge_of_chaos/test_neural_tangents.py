"""Maps of variance and correlation against neural-tangents, where it is installed (it is no dependency of ours)."""

import math

import numpy as np
import pytest

from preactivations.activations.registry import leaky_relu
from preactivations.edge_of_chaos.maps import correlation_map, variance_map
from preactivations.kernels.maps import angular_map

nt = pytest.importorskip("neural_tangents")
jax = pytest.importorskip("jax")

SIGMA_W, SIGMA_B = 1.3, 0.4
VARIANCES = (0.3, 1.0, 4.0)
CORRELATIONS = np.array([-1.0, -0.7, -0.2, 0.0, 0.4, 0.9, 0.999])
CASES = {
    "relu": (lambda stax: stax.Relu(), "relu", 1e-12),
    "leaky_relu": (lambda stax: stax.LeakyRelu(0.2), leaky_relu(0.2), 1e-12),
    "erf": (lambda stax: stax.Erf(), "erf", 1e-12),
    "gelu": (lambda stax: stax.Gelu(approximate=False), "gelu", 1e-10),
}


@pytest.fixture(autouse=True, scope="module")
def double_precision():
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", before)


def theirs(layer, variance, correlation):
    """Kernel after activation and dense layer of two inputs whose pre-activations have that Gram matrix.

    The inputs have two coordinates and the first dense layer has weights of variance 1 / 2, biases 0.
    """
    stax = nt.stax
    _, _, kernel = stax.serial(
        stax.Dense(8, W_std=1.0, b_std=0.0), layer(stax), stax.Dense(8, W_std=SIGMA_W, b_std=SIGMA_B)
    )
    angle = math.acos(correlation)
    x = math.sqrt(2 * variance) * np.array([[1.0, 0.0], [math.cos(angle), math.sin(angle)]])
    return np.asarray(kernel(x, None, "nngp"))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("variance", VARIANCES)
def test_maps(name, variance):
    layer, activation, tolerance = CASES[name]
    options = {"sigma_w": SIGMA_W, "sigma_b": SIGMA_B}
    expected = float(variance_map(activation, variance, **options))
    ours = correlation_map(activation, CORRELATIONS, variance, **options)
    for correlation, c in zip(CORRELATIONS, ours, strict=True):
        gram = theirs(layer, variance, correlation)
        assert gram[0, 0] == pytest.approx(expected, rel=tolerance)
        # the square root of 1 - c^2 loses half of the digits near c = 1 there
        assert gram[0, 1] / expected == pytest.approx(c, abs=max(tolerance, 1e-9))


@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_angles_of_rectified_kernels(slope):
    """`kernels.angular_map` without biases: the cosine of the next angle."""
    stax = nt.stax
    _, _, kernel = stax.serial(stax.Dense(8), stax.LeakyRelu(slope), stax.Dense(8))
    angles = np.linspace(0.1, math.pi, 7)
    for angle in angles:
        x = np.array([[1.0, 0.0], [math.cos(angle), math.sin(angle)]])
        gram = np.asarray(kernel(x, None, "nngp"))
        cosine = gram[0, 1] / math.sqrt(gram[0, 0] * gram[1, 1])
        assert cosine == pytest.approx(math.cos(float(angular_map(angle, slope))), abs=1e-9)
