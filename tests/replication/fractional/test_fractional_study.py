"""Drawn networks beside the exact laws of fractional initialization."""

import math

import numpy as np
import pytest
from scipy import stats

from preactivations.heavy_tails.scales import sigma, sigma_second_order
from preactivations.streams import Stream
from replication.fractional import study

STREAM = Stream(21, "tests of heavy_tails_study")


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "linear", "rrelu"])
def test_matrices_and_chains_have_one_law(activation):
    """Two-sample KS of log |x^12| at width 6, dead networks included: level 1e-4."""
    drawn, direction = study.draw_networks(activation, 6, 12, 4000, STREAM)
    chain = study.chain_log_norms(activation, 6, 12, 4000, Stream(22, activation))
    low = -1e300  # dead
    assert stats.ks_2samp(np.maximum(drawn, low), np.maximum(chain, low)).pvalue > 1e-4
    alive = drawn > -math.inf
    assert (~alive).any() == (activation == "relu")
    np.testing.assert_allclose((direction[alive].astype(float) ** 2).sum(1), 1, rtol=1e-5)
    assert not direction[~alive].any()


def test_networks_are_those_of_their_stream():
    first, _ = study.draw_networks("relu", 8, 3, 20, STREAM)
    again, _ = study.draw_networks("relu", 8, 3, 20, STREAM)
    assert (first == again).all()


def test_agreement():
    rng = STREAM.block(7)
    a, b = rng.standard_normal((2, 500))
    assert study.agreement_row(a, b)["p"] > 1e-4
    assert study.agreement_row(a, b + 1)["p"] < 1e-4


def test_one_layer():
    for activation in ("relu", "leaky_relu", "linear", "rrelu"):
        row = study.one_layer_row(activation, 0.7, 5, 100_000, STREAM)
        assert row["exact"] == pytest.approx(1, rel=1e-12)
        assert row["exact_lower"] < 1
        for name in ("", "_lower"):
            assert abs(row[f"mean{name}"] - row[f"exact{name}"]) < 4.5 * row[f"error{name}"]


def test_deep_moments_of_shallow_networks():
    """2 layers of width 5: samples hold the moments there; alpha = 1, within 4.5 standard errors."""
    n = 40_000
    log_norm, direction = study.draw_networks("relu", 5, 2, n, STREAM)
    chain = study.chain_log_norms("relu", 5, 1, n, Stream(23, "chain"))
    (row,) = study.deep_moment_rows([1.0], [1.0], 5, 2, log_norm, direction, chain)
    scale = float(sigma_second_order(1.0, 5)) ** 2 * math.sqrt(5)
    entries = np.abs(direction).astype(float) * np.exp(log_norm)[:, None] * scale
    error = entries.mean(axis=1).std() / math.sqrt(n)
    assert row["drawn"] == pytest.approx(entries.mean(), rel=1e-9)
    assert abs(row["drawn"] - row["population"]) < 4.5 * error
    assert abs(row["chain"] - row["population"]) < 4.5 * error
    # E|x_j| = sigma^2 E|W x_0 relu'd| E relu: by hand, at |x_0| = sqrt 5
    q = stats.binom(5, 0.5)
    root = sum(
        q.pmf(k) * math.sqrt(2) * math.exp(math.lgamma((k + 1) / 2) - math.lgamma(k / 2)) for k in range(1, 6)
    )
    assert row["population"] == pytest.approx(scale * root / math.sqrt(2 * math.pi), rel=1e-12)


def test_population_values_that_are_stated():
    values = {row["name"]: row["value"] for row in study.constants()}
    assert round(values["population_1.5"], 2) == 11.35
    assert round(values["population_1"], 1) == 125.9
    (row,) = study.deep_moment_rows(
        [1.0], [2.0], 64, 500, np.zeros(2), np.ones((2, 64), np.float32) / 8, np.zeros(2)
    )
    assert row["population"] == pytest.approx(values["population_1"], rel=1e-9)


def test_densities():
    log_norm, _ = study.draw_networks("relu", 10, 20, 2000, STREAM)
    curves, histogram, tests = study.density_rows("relu", [2.0, 1.0], 10, 20, log_norm)
    for s in (2.0, 1.0):
        rows = [r for r in curves if r["s"] == s]
        x, density = (np.array([r[c] for r in rows]) for c in ("log_norm", "density"))
        dead = 1 - (1 - 2.0**-10) ** 20
        assert np.trapezoid(density, x) == pytest.approx((1 - dead) * (1 - 1e-4) - 1e-4, abs=1e-3)
        area = sum(r["density"] * (r["high"] - r["low"]) for r in histogram if r["s"] == s)
        assert 0.9 < area <= 1
    assert tests[0]["ks"] == pytest.approx(tests[1]["ks"], abs=1e-6), "the orders are translates"
    assert tests[0]["ks"] < stats.kstwo.ppf(1 - 1e-4, 2000)
    assert tests[1]["small"] < tests[0]["small"]


def test_ks_sees_a_wrong_scale():
    log_norm, _ = study.draw_networks("relu", 10, 20, 2000, STREAM)
    # the same distance as in the study of isometry, where all networks are dead
    (test,) = study.density_rows("relu", [2.0], 3, 4, np.full(5, -np.inf))[2]
    assert test["ks"] == pytest.approx((1 - 2**-3) ** 4, abs=1e-12)
    _, _, tests = study.density_rows("relu", [2.0], 10, 20, log_norm + 0.3)
    assert tests[0]["ks"] > tests[0]["critical"]


def test_clt_rows():
    chain = study.chain_log_norms("leaky_relu", 9, 40, 20_000, STREAM)
    row = study.clt_rows("leaky_relu", 1.3, 9, 40, chain)
    for name in ("mean", "variance"):
        assert abs(row[f"{name}_z"]) < 4.5
        z = (row[f"{name}_chain"] - row[name]) / row[f"{name}_error"]
        assert row[f"{name}_z"] == pytest.approx(z, rel=1e-9)


def test_distance_from_normal():
    rows = study.ks_to_normal_rows(["linear"], 12, [1, 16])
    # one linear layer: log chi_12, by SciPy
    z = np.linspace(-6, 6, 20_001)
    log_q = stats.loggamma(6)
    mean, sd = log_q.mean(), log_q.std()
    assert rows[0]["ks"] == pytest.approx(abs(log_q.cdf(mean + sd * z) - stats.norm.cdf(z)).max(), abs=1e-5)
    assert rows[1]["ks"] == pytest.approx(rows[0]["ks"] / 4, rel=0.05), "Berry-Esseen: 1/sqrt(depth)"


def test_hill():
    """Pareto samples: the estimate within 4.5 of its standard errors s/sqrt(k)."""
    values = STREAM.block(5).pareto(1.5, 100_000) + 1
    assert abs(study.hill(values, 5000) - 1.5) < 4.5 * 1.5 / math.sqrt(5000)
    with pytest.raises(ValueError, match=r"k must be in \[1, 99999\], got 0"):
        study.hill(values, 0)


def test_tails():
    rows = study.tail_rows([1.0], 4, 80, 20_000, [0.1, 0.02], STREAM)
    assert [r["share"] for r in rows] == [0.1, 0.02]
    for row in rows:
        assert abs(row["hill"] - row["exact"]) < 4.5 * row["error"]
    assert rows[1]["exact"] == pytest.approx(1, abs=1e-3)


def test_widths_and_scales():
    rows = study.width_rows([1.0], [10, 20])
    assert [r["sigma"] for r in rows] == sigma(1.0, [10, 20]).tolist()
    assert rows[0]["authors"] == pytest.approx(rows[0]["second_order"])
    for row in study.sigma_rows([4], ["relu", "rrelu"], 5):
        assert row["ratio"] >= 1
