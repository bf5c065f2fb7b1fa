"""Maps of variance and correlation, and kernels of rectified layers, against neural-tangents (Novak et al. 2020).

Its values are stored with its version: `tests/neural_tangents_values.py` computes them, and does so again here where
the library is installed.
"""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from neural_tangents_values import CORRELATIONS, SIGMA_B, SIGMA_W, VARIANCES, values

from preactivations.activations.registry import leaky_relu
from preactivations.edge_of_chaos.maps import correlation_map, variance_map
from preactivations.kernels.maps import angular_map

STORED = json.loads(Path(__file__).with_name("neural_tangents.json").read_text())
SLOPES = {"relu": 0.0, "leaky_relu_0.2": 0.2}


def of(activation):
    """Their variances and covariances, shape (variances, correlations)."""
    rows = [row for row in STORED["rows"] if row["activation"] == activation]
    grid = [(row["variance"], row["correlation"]) for row in rows]
    assert grid == [(v, c) for v in VARIANCES for c in CORRELATIONS]
    shape = len(VARIANCES), len(CORRELATIONS)
    return (
        np.array([row[name] for row in rows]).reshape(shape) for name in ("next_variance", "next_covariance")
    )


@pytest.mark.parametrize("name", ["relu", "leaky_relu_0.2", "erf", "gelu"])
def test_maps(name):
    assert (STORED["sigma_w"], STORED["sigma_b"]) == (SIGMA_W, SIGMA_B)
    activation = leaky_relu(SLOPES[name]) if name in SLOPES else name
    options = {"sigma_w": SIGMA_W, "sigma_b": SIGMA_B}
    variance, covariance = of(name)
    ours = variance_map(activation, np.array(VARIANCES), **options)
    np.testing.assert_allclose(np.broadcast_to(ours[:, None], variance.shape), variance, rtol=1e-13)
    for k, v in enumerate(VARIANCES):
        correlation = correlation_map(activation, np.array(CORRELATIONS), v, **options)
        np.testing.assert_allclose(correlation, covariance[k] / variance[k], atol=1e-13)


@pytest.mark.parametrize("name", SLOPES)
def test_angles_of_rectified_kernels(name):
    """`kernels.angular_map`, once the biases are taken away."""
    variance, covariance = of(name)
    cosine = (covariance - SIGMA_B**2) / (variance - SIGMA_B**2)
    ours = [math.cos(float(angular_map(math.acos(c), SLOPES[name]))) for c in CORRELATIONS]
    np.testing.assert_allclose(cosine, np.broadcast_to(ours, cosine.shape), atol=1e-13)


def test_stored_values_are_those_of_the_library():
    pytest.importorskip("neural_tangents")
    for row, stored in zip(values(), STORED["rows"], strict=True):
        assert row["activation"] == stored["activation"]
        for name in ("next_variance", "next_covariance"):
            assert row[name] == pytest.approx(stored[name], rel=1e-12)
