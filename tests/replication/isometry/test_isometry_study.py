"""Rows of the second companion study: each number against another route, and what goes wrong is seen."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstwo

from preactivations.gaussianity import ks_to_law
from preactivations.relu_law.norm_factor import NormFactor
from preactivations.relu_law.stationary import stationary_law
from preactivations.streams import Stream
from replication.isometry.study import (
    constants,
    correlation_rows,
    density_rows,
    deviation_rows,
    drawn_norms,
    eigenvalue_rows,
    he_chain,
    histogram_rows,
    stationary_rows,
)


@pytest.mark.parametrize(("width", "depth"), [(3, 4), (30, 3)])
def test_drawn_networks_have_the_exact_law(width, depth):
    """The engine with real matrices; and a KS test that sees another variance, depth, or a forgotten dead part."""
    n = 10_000
    q = drawn_norms(width, depth, n, Stream(1, "test", width))
    law = he_chain(width, depth).law()
    critical = kstwo.ppf(0.999, n)
    assert ks_to_law(q, law.cdf) < critical
    assert ks_to_law(1.5 * q, law.cdf) > critical
    assert ks_to_law(q, he_chain(width, depth + 2).law().cdf) > critical
    if law.atom > 0.1:
        assert ks_to_law(q[q > 0], law.cdf) > critical


def test_density_and_histogram_are_of_one_law():
    q = he_chain(5, 3).sample(200_000, np.random.default_rng(3))
    curve = pd.DataFrame(density_rows(5, 3))
    bars, ks = histogram_rows(5, 3, q)
    bars = pd.DataFrame(bars)
    mass = np.trapezoid(curve.density, curve.log10_q)
    assert mass == pytest.approx((1 - ks["dead"]) * (1 - 2e-4), abs=1e-4)
    middle = (bars.low + bars.high) / 2
    exact = np.interp(middle, curve.log10_q, curve.density)
    error = np.sqrt(exact / (bars.high - bars.low) / q.size)
    assert (abs(bars.density - exact) < 4.5 * error + 0.003 * exact.max()).all()
    assert ks["ks"] < ks["critical"]
    assert ks["dead"] == pytest.approx(1 - (1 - 2**-5) ** 3)
    assert ks["dead_drawn"] == pytest.approx(ks["dead"], abs=4 * math.sqrt(ks["dead"] / q.size))
    # a sample of dead networks only is as far from the law as these are rare
    _, ks = histogram_rows(5, 3, np.zeros(7))
    assert (ks["ks"], ks["dead_drawn"]) == (pytest.approx(1 - ks["dead"], abs=1e-12), 1)


def test_deviations():
    """Exact columns from closed forms; errors of the sample cover it, and a wrong sample is many errors away."""
    chain = he_chain(20, 10)
    good = chain.sample(40_000, np.random.default_rng(4))
    row = deviation_rows(20, 10, {"good": good, "bad": 1.1 * good})
    factor = NormFactor(20).log_moments()
    assert row["sd_log"] == pytest.approx(math.sqrt(10 * factor.variance))
    assert row["mean_log"] == pytest.approx(10 * (factor.mean - math.log(10)))
    assert row["sd"] == pytest.approx(math.sqrt(1.25**10 - 1))
    assert row["dead"] == pytest.approx(10 * 2.0**-20, rel=1e-4)
    for name in ("mean_log", "sd_log", "p_low"):
        assert abs(row[f"{name}_good"] - row[name]) < 4 * row[f"{name}_error_good"]
    assert abs(row["mean_log_bad"] - row["mean_log"]) > 8 * row["mean_log_error_bad"]
    assert row["median_good"] == pytest.approx(row["median"], rel=0.05)
    assert row["median"] < 0.5
    # the error of the standard deviation is that of repeated samples
    samples = [chain.sample(2000, np.random.default_rng(k)) for k in range(5, 105)]
    sds = [np.log(q[q > 0]).std() for q in samples]
    few = deviation_rows(20, 10, {"few": good[:2000]})
    assert few["sd_log_error_few"] == pytest.approx(np.std(sds), rel=0.35)


def test_eigenvalues_are_log_convex():
    rows = pd.DataFrame(eigenvalue_rows([5, 100], points=31))
    for _, part in rows.groupby("width"):
        log = np.log(part.eigenvalue.to_numpy())
        assert (np.diff(log, 2) > 0).all()
        assert log[10] == pytest.approx(0, abs=1e-12)  # m = 1
    assert rows.eigenvalue[0] == pytest.approx(1 - 2**-5)


def test_stationary_rows():
    curves, indices = stationary_rows(20, 1.0, [0.8, 1.0])
    curves, indices = pd.DataFrame(curves), pd.DataFrame(indices)
    assert indices["mean"][0] == pytest.approx(indices.mean_predicted[0], rel=1e-6)
    assert indices["mean"][1] == math.inf
    assert indices.second_finite.tolist() == [0.8**2 * (1 + 5 / 20) < 1, False]
    law = stationary_law(20, 0.08, 1.0)
    part = curves[curves.factor == 0.8]
    assert part.sf.to_numpy()[[50, 200]] == pytest.approx(
        1 - law.cdf(10 ** part.log10_q.to_numpy()[[50, 200]])
    )
    tail = curves[(curves.factor == 1) & (curves.sf < 1e-4)]
    slope = np.polyfit(tail.log10_q, np.log10(tail.sf), 1)[0]
    assert slope == pytest.approx(-1, abs=0.01)


def test_correlations():
    """Mean field is the arc-cosine map; the first mean exact; networks nearer to the curve with drift."""
    rows, paths = correlation_rows(30, 25, 0.2, 2000, Stream(5, "test"))
    rows = pd.DataFrame(rows)
    c = rows.mean_field.to_numpy()
    angle = np.arccos(c[:-1])
    assert c[1:] == pytest.approx((np.sin(angle) + (np.pi - angle) * c[:-1]) / np.pi, abs=1e-12)
    assert abs(rows["mean"][1] - rows["first"][1]) < 4 * rows.error[1]
    assert rows["first"].notna().sum() == 1
    last = rows.iloc[-1]
    assert last.log_angle < math.log(math.acos(last.mean_field)) - 10 * last.log_angle_error
    assert abs(last.log_angle - math.log(math.acos(last.drift))) < 0.3 * abs(
        last.log_angle - math.log(math.acos(last.mean_field))
    )
    assert (rows.q05 <= rows.q50).all()
    assert (rows.q50 <= rows.q95).all()
    paths = pd.DataFrame(paths)
    assert set(paths.depth) == set(range(26))
    assert paths[paths.depth == 0].correlation.to_numpy() == pytest.approx([0.2] * paths.path.nunique())


def test_constants_and_their_expansions():
    values = pd.DataFrame(constants()).set_index("name").value
    assert values["mean_log"] == pytest.approx(values["mean_log_expansion"], rel=5e-3)
    assert values["variance_log"] == pytest.approx(values["variance_log_expansion"], rel=0.01)
    assert values["eigenvalue_half"] < values["eigenvalue_1"] < values["eigenvalue_2"]
