"""Shapes of stationary laws: moments by recursion, quantiles by long chains of norms, tails by Kesten's equation."""

import math

import numpy as np
import pandas as pd
import pytest

from preactivations.relu_law.chain import NormChain
from preactivations.streams import Stream
from replication.isometry.analysis import shape_tests
from replication.isometry.shapes import shape_row


@pytest.fixture(scope="module")
def rows():
    return pd.DataFrame(
        [shape_row(20, factor, 1.0, 4000, Stream(2, "shapes", factor)) for factor in (0.5, 0.9, 1.0, 1.02)]
    ).set_index("factor")


def test_shape_against_other_routes(rows):
    """The mean by its recursion, n b / (2 (1 - f)); quantiles and the shape of log q by chains of 300 layers."""
    for factor in (0.5, 0.9):
        assert rows["mean"][factor] == pytest.approx(10 / (1 - factor), rel=1e-9)
        chain = NormChain(20, [20] * 300, weight_variance=factor / 10, bias_variance=1.0)
        q = np.sort(chain.sample(40_000, np.random.default_rng(3)))
        for name, p in (("q05", 0.05), ("q50", 0.5), ("q99", 0.99)):
            below = np.searchsorted(q, rows[name][factor])
            assert abs(below - p * q.size) < 4 * math.sqrt(p * (1 - p) * q.size)
        log = np.log(q)
        assert rows.sd_log[factor] == pytest.approx(log.std(), rel=0.05)
        skewness = float(((log - log.mean()) ** 3).mean() / log.std() ** 3)
        assert rows.skewness_log[factor] == pytest.approx(skewness, abs=0.2)
    assert rows["mean"].to_numpy()[2:].tolist() == [math.inf, math.inf]


def test_tails_are_heavier_the_larger_the_variance(rows):
    assert (np.diff(rows.tail_index) < 0).all()
    assert (np.diff(rows.skewness_log) > 0).all()
    assert (np.diff(rows.q50) > 0).all()
    heavy = rows[rows.tail_index < 3]
    assert len(heavy) == 3
    assert heavy.tail_slope.to_numpy() == pytest.approx(heavy.tail_index.to_numpy(), rel=1e-3)
    assert (rows.modes == 1).all()


def test_simulated_draws_have_the_law_and_others_do_not(rows):
    tests = shape_tests(rows.reset_index())
    assert (tests[["ks_p", "above_p"]] > 1e-4).all(axis=None)
    # draws with another variance of the biases: the law moves by that factor
    moved = shape_tests(rows.reset_index().assign(ks=0.1, above=80))
    assert (moved[["ks_p", "above_p"]] < 1e-4).all(axis=None)
    other = shape_row(20, 0.9, 1.0, 4000, Stream(3, "shapes"))
    assert other["ks"] != rows.ks[0.9]
    assert other["q50"] == rows.q50[0.9]
