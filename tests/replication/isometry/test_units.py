"""Rows of the joint law of units: exact errors against repeated samples, and samples of another law are seen."""

import math

import numpy as np
import pandas as pd
import pytest

from preactivations.relu_law.chain import NormChain
from preactivations.streams import Stream
from replication.isometry import units
from replication.isometry.analysis import unit_scores, unit_tests
from replication.isometry.units import unit_rows


def rows_of(h, monkeypatch, width, depth, bias=0.0):
    """`unit_rows` of given pre-activations."""
    monkeypatch.setattr(units, "drawn_units", lambda *_, **__: h)
    rows, test = unit_rows(width, depth, bias, len(h), Stream(0))
    return unit_scores(pd.DataFrame(rows)), unit_tests(pd.DataFrame([test])).iloc[0]


def scales(width, depth, networks, seed):
    q = NormChain(width, [width] * (depth - 1)).sample(networks, np.random.default_rng(seed))
    return np.sqrt(2 / width * q)


def test_pairs_is_the_mean_of_products():
    f = np.array([[1.0, 2.0, 5.0], [0.0, -1.0, 3.0]])
    assert units._pairs(f).tolist() == pytest.approx([(2 + 5 + 10) / 3, -1.0])


@pytest.mark.parametrize("n", [2, 3, 6])
def test_second_moment_of_a_mean_over_pairs(n):
    """f = 0 or 1 with probability p: products of a pair by the binomial law of their number."""
    p = 0.3
    counts = np.arange(n + 1)
    weight = np.array([math.comb(n, k) for k in counts]) * p**counts * (1 - p) ** (n - counts)
    u = counts * (counts - 1) / (n * (n - 1))
    assert units._pairs_second(n, p, p) == pytest.approx(float(weight @ u**2), rel=1e-12)


def test_exact_errors_are_those_of_repeated_samples(monkeypatch):
    """The scatter of 300 means of 200 networks, which is known to 1/sqrt(600) of itself for nearly normal means."""
    rng = np.random.default_rng(2)
    s = scales(40, 2, 60_000, 3)
    h = s[:, None] * rng.standard_normal((s.size, 40))
    found = [rows_of(part, monkeypatch, 40, 2)[0] for part in np.split(h, 300)]
    scatter = np.stack([frame.drawn for frame in found]).std(axis=0)
    assert (abs(scatter / found[0].error - 1) < 4 / math.sqrt(600)).all()


def test_samples_of_the_law_pass_and_others_do_not(monkeypatch):
    rng = np.random.default_rng(4)
    networks, n, depth = 20_000, 6, 3
    s, z = scales(n, depth, networks, 5), rng.standard_normal((networks, n))
    scores, test = rows_of(s[:, None] * z, monkeypatch, n, depth)
    assert scores.z.notna().sum() >= 2
    assert (scores.z.dropna().abs() < 4).all()
    assert min(test.largest_p, test.share_p) > 1e-3
    assert test.largest_independent_p < 1e-12
    assert test.largest_independent == pytest.approx(test.apart, abs=0.02)
    # units of the right marginal law that share no scale
    apart = np.stack([scales(n, depth, networks, 10 + k) for k in range(n)], axis=1) * z
    scores, test = rows_of(apart, monkeypatch, n, depth)
    assert test.largest_p < 1e-12
    assert test.largest_independent_p > 1e-3
    assert abs(scores.z[scores.statistic == "cov x"].iloc[0]) > 6
    # the right norm with directions that are not uniform
    shape = np.where(np.arange(n) < n // 2, 1.3, 0.5)
    norm = np.sqrt((z**2).sum(axis=1) / ((shape * z) ** 2).sum(axis=1))
    _, test = rows_of(s[:, None] * norm[:, None] * shape * z, monkeypatch, n, depth)
    assert test.share_p < 1e-12
    # another variance
    _, test = rows_of(1.2 * s[:, None] * z, monkeypatch, n, depth)
    assert test.largest_p < 1e-12


def test_drawn_networks_with_biases():
    """The engine with real matrices; dead networks are counted, and none is dead with biases."""
    rows, test = unit_rows(5, 3, 0.2, 4000, Stream(6, "units"))
    scores = unit_scores(pd.DataFrame(rows))
    assert (scores.z.dropna().abs() < 4).all()
    assert test["alive"] == 4000
    rows, test = unit_rows(2, 4, 0.0, 4000, Stream(6, "units"))
    alive = (1 - 2.0**-2) ** 3
    assert abs(test["alive"] - 4000 * alive) < 4 * math.sqrt(4000 * alive * (1 - alive))
    assert min(unit_tests(pd.DataFrame([test])).filter(regex="^(largest|share)_p$").iloc[0]) > 1e-3


def test_no_network_alive():
    tests = pd.DataFrame(
        [{"networks": 5, "alive": 0, "largest": 0.9, "largest_independent": 0.9, "share": math.nan}]
    )
    assert math.isnan(unit_tests(tests).share_p.iloc[0])
