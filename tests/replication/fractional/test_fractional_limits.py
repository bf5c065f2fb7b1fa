"""Limits of fractional initialization, dropout and cost: closed forms, and networks that are drawn."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from preactivations.heavy_tails.scales import sigma
from preactivations.streams import Stream
from replication.fractional import cost, dropout, limits
from replication.fractional.analysis import local_tails, recovered_scales, vanishing_norms

STREAM = Stream(31, "limits")


def frame(rows):
    import pandas as pd

    return pd.DataFrame(rows)


def test_traditional_scales():
    """Glorot and He of PyTorch, whose tensors of 90 000 weights have that deviation within 4.5 / sqrt(2 n)."""
    weight = torch.empty(300, 300)
    for activation, fill in (
        ("linear", torch.nn.init.xavier_normal_),
        ("relu", lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="relu")),
        ("leaky_relu", lambda w: torch.nn.init.kaiming_normal_(w, a=0.01)),
    ):
        torch.manual_seed(1)
        fill(weight)
        known = limits.traditional_sigma(activation, 300)
        assert float(weight.std()) == pytest.approx(known, rel=4.5 / math.sqrt(2 * weight.numel()))


def test_distance_from_the_traditional_scale():
    """To first order sigma / sigma(2) - 1 = (2 - s) r / (8 d), r = 5 for ReLU and 2 for linear units."""
    rows = frame(limits.order_rows(["relu", "linear"], [1000]))
    near = rows[rows.below == 1e-4]
    np.testing.assert_allclose(near.distance, [5e-4 / 8000, 2e-4 / 8000], rtol=0.01)
    table = recovered_scales(rows)
    assert (table.at_two == 0).all()
    np.testing.assert_allclose(table.power, 1, atol=0.01)


def test_norms_against_depth():
    """Linear units: log|x^L| is a sum of L independent log chi_d / 2 + log sigma: mean and deviation in closed form."""
    d, depth = 6, 5000
    (row,) = limits.depth_rows("linear", 1.0, d, [depth])
    step = stats.loggamma(d / 2)
    mean = depth * (math.log(float(sigma(1.0, d, "linear"))) + (math.log(2) + step.mean()) / 2)
    sd = math.sqrt(depth) * step.std() / 2
    assert row["log_median"] == pytest.approx(mean, abs=0.1 * sd)  # skewness / (6 sqrt depth)
    assert row["log_high"] == pytest.approx(mean + stats.norm.ppf(0.999) * sd, abs=0.2 * sd)
    assert row["exceeds"] == pytest.approx(stats.norm.sf((math.log(0.01) - mean) / sd), abs=1e-3)
    # E chi^(1/2) sigma^(1/2)
    half = 2**0.25 * math.exp(math.lgamma(d / 2 + 0.25) - math.lgamma(d / 2))
    assert row["growth"] == pytest.approx(half * float(sigma(1.0, d, "linear")) ** 0.5, rel=1e-12)
    assert math.isnan(row["moment"])
    (shallow,) = limits.depth_rows("rrelu", 0.7, 9, [10])
    assert shallow["moment"] == pytest.approx(1, abs=1e-6)


def test_paths_stay_near_zero():
    """400 ReLU networks of width 16: from layer 3 000 on none exceeds .01, as the bound says (below 1e-6)."""
    from preactivations.relu_law.chain import NormChain

    depth, start = 4000, 3000
    chain = NormChain(16, [16] * depth, weight_variance=float(sigma(1.0, 16)) ** 2)
    paths = chain.sample_log(400, STREAM.block(0), path=True) / 2
    (row,) = limits.depth_rows("relu", 1.0, 16, [start])
    bound = 0.01**-0.5 * row["growth"] ** start / (1 - row["growth"])
    assert bound < 1e-6
    assert paths[start:].max() < math.log(0.01)
    assert paths[:start].max() > 0


def test_local_exponents():
    """The stationary law has the index s; without biases one linear layer has the chi law of SciPy."""
    rows = frame(limits.exponent_rows("linear", 1.0, 4, 1))
    table = local_tails(rows).set_index("biases")
    assert table.error[True] < 1e-3
    assert table["square"][True] == math.inf
    light = rows[~rows.biases]
    scale = float(sigma(1.0, 4, "linear"))
    chi = stats.chi(4)
    t = chi.isf(light.level) / 1
    np.testing.assert_allclose(light.log_norm, np.log(scale * t), rtol=1e-5)
    np.testing.assert_allclose(light.exponent, t * chi.pdf(t) / light.level, rtol=1e-4)
    assert light["square"].iloc[0] == pytest.approx(4 * scale**2, rel=1e-12)


def test_dropout_rows():
    for activation in ("relu", "linear", "leaky_relu", "rrelu"):
        row = dropout.dropout_row(activation, 0.8, 0.6, 7, 40_000, STREAM)
        assert row["formula"] == pytest.approx(1, abs=1e-10)
        assert abs(row["mean"] - 1) < 4.5 * row["error"]
        assert row["uncorrected"] > 1.05
    small = frame(dropout.small_rows("relu", 0.6, [2.0, 1.0], 7, 5)).set_index(["s", "level"]).small
    for level in dropout.LEVELS:
        assert small[1.0, level] < small[2.0, level]


def test_cost_rows():
    row = cost.cost_row("leaky_relu", 0.5, 12, 7, 4, 3)
    assert row["layers"]
    assert row["draws"]
    assert row["biases"]
    assert row["largest"] < 1e-6
    assert row["parameters"] == 12 * 7 + 7 + 2 * (7 * 7 + 7) + 7 * 10 + 10


def test_a_median_that_rises_is_seen():
    far = frame(limits.depth_rows("relu", 1.0, 8, [1, 10, 100]))
    assert vanishing_norms(far).falls.tolist() == [True]
    assert vanishing_norms(far.assign(log_median=-far.log_median)).falls.tolist() == [False]
