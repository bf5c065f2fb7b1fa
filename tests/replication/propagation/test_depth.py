"""Finite networks against theory: the coordinate check, dependence at first order, the control, correlations."""

import math

import numpy as np
import pytest
from exact import pairs_of
from scipy.stats import binom, chi2, norm

from preactivations.edge_of_chaos.maps import variance_map, variance_slope
from preactivations.streams import Stream
from preactivations.weights import SphericalMarginal, SymmetricWeibull
from replication.propagation.depth import (
    block_means,
    layer_rows,
    quantile_rows,
    simulate_depth,
    study_correlations,
    theory_correlations,
)
from replication.settings import setting_by_name

SETTINGS = {
    "odd 2.05": setting_by_name("odd", pairs_of(SymmetricWeibull(2.05))),
    "odd 4": setting_by_name("odd", pairs_of(SymmetricWeibull(4))),
    "positive 4": setting_by_name("positive", pairs_of(SymmetricWeibull(4))),
    "uniform": setting_by_name("positive", pairs_of(SphericalMarginal(1))),
    "relu": setting_by_name("relu"),
    "tanh": setting_by_name("tanh"),
    "oscillating": setting_by_name("oscillating_3"),
    "control": setting_by_name("normalized_tanh"),
}


@pytest.fixture(scope="module")
def cells():
    """Rows of 12 layers for two widths, 20 000 networks each."""
    found = {}
    for name, setting in SETTINGS.items():
        for width in (5, 20):
            layers = simulate_depth(setting, width, 12, 20_000, Stream(1, "check", name, width))
            found[name, width] = layer_rows(setting, layers)
    return found


@pytest.mark.parametrize("name", SETTINGS)
def test_the_variance_stays_at_infinite_width(name):
    setting = SETTINGS[name]
    if not setting.normalize:
        after = float(variance_map(setting.exact, setting.variance, **setting.map_scales))
        assert after == pytest.approx(setting.variance, rel=1e-10)
        slope = float(
            variance_slope(
                setting.exact,
                setting.variance,
                sigma_w=setting.sigma_w,
                weight_variance=setting.weights.variance,
            )
        )
        assert abs(slope) <= 1 + 1e-12  # small deviations do not grow
    first = setting.sigma_w**2 * setting.input_norm + setting.sigma_b**2
    assert first == pytest.approx(setting.variance, rel=1e-12)


def test_coordinate_check_where_theory_is_exact(cells):
    """Variance in the first two layers; at every depth for the control and for ReLU, whose error is known exactly."""
    z = []
    for (name, _), rows in cells.items():
        exact = 12 if name in ("control", "relu") else 2
        z += [(row["variance"] - 1) / row["variance_error"] for row in rows[:exact]]
    assert len(z) > 60
    assert np.max(np.abs(z)) < norm.isf(5e-4 / len(z))


@pytest.fixture(scope="module")
def wide():
    """Row of layer 10, 8000 networks, per width."""
    found = {}
    for name in ("odd 2.05", "odd 4", "positive 4", "uniform", "tanh"):
        for width in (10, 25, 80):
            layers = simulate_depth(SETTINGS[name], width, 10, 8000, Stream(7, name, width))
            found[name, width] = layer_rows(SETTINGS[name], layers)[-1]
    return found


def test_elsewhere_the_deviation_shrinks_as_one_over_n(wide):
    """variance / v - 1 = a/n + b/n^2: nothing is left for n -> infinity (one degree of freedom); not a / sqrt(n)."""
    n = np.array([10.0, 25.0, 80.0])
    for name in ("odd 4", "tanh"):
        rows = [wide[name, int(width)] for width in n]
        off, error = (np.array([row[key] for row in rows]) for key in ("variance", "variance_error"))
        assert off[0] - 1 < -6 * error[0]  # it is there

        def misfit(columns, off=off, error=error):
            left = (off - 1) / error
            fit = np.linalg.lstsq((columns / error).T, left, rcond=None)[0]
            return float(np.sum((left - fit @ (columns / error)) ** 2))

        assert misfit(np.stack([1 / n, n**-2])) < chi2.isf(1e-3, 1)
        assert misfit(np.stack([n**-0.5])) > chi2.isf(1e-3, 2)


def test_dependence_at_first_order(wide):
    """n Cov(z_i^2, z_j^2), linear in 1/n, tends to the first-order law as n -> infinity."""
    n = np.array([10.0, 25.0, 80.0])
    for name in ("odd 2.05", "odd 4", "positive 4", "uniform", "tanh"):
        rows = [wide[name, int(width)] for width in n]
        value, error = (
            np.array([row[key] for row in rows]) for key in ("square_covariance", "square_covariance_error")
        )
        fit, covariance = np.polyfit(1 / n, n * value, 1, w=1 / (n * error), cov="unscaled")
        predicted = n[0] * rows[0]["square_covariance_theory"]
        assert abs(fit[1] - predicted) < 4 * math.sqrt(covariance[1, 1])
        assert math.sqrt(covariance[1, 1]) < 0.25 * predicted  # a law without what is passed on would be seen


def test_closed_form_of_the_dependence():
    """3 (E W^2)^2 / E W^4 - 1 over n in the second layer, for both kinds and both families."""
    for law in (SymmetricWeibull(2.05), SymmetricWeibull(10), SphericalMarginal(1), SphericalMarginal(0.5)):
        expected = (3 * law.variance**2 / law.moment(4) - 1) / 7
        for kind in ("odd", "positive"):
            theory = setting_by_name(kind, pairs_of(law)).finite_width(7, 3).square_covariance
            assert theory[0] == 0
            assert theory[1] == pytest.approx(expected, rel=1e-9)
    # ReLU passes everything on: dv'/dv = 1, Var(relu^2) / (E relu^2)^2 = 5
    np.testing.assert_allclose(
        setting_by_name("relu").finite_width(10, 4).square_covariance, [0, 0.5, 1, 1.5], rtol=1e-7
    )
    # dv'/dv, derived = .80971 for theta = 4, odd
    theory = setting_by_name("odd", pairs_of(SymmetricWeibull(4))).finite_width(10, 3).square_covariance
    assert math.sqrt(theory[2] / theory[1] - 1) == pytest.approx(0.80971, abs=1e-5)


@pytest.mark.parametrize("psi", ["tanh", "relu", "odd", "positive"])
def test_the_control_is_in_the_null_band(psi):
    """Every layer is exactly i.i.d. N(0, 1), given the layers before: p-values are independent and uniform."""
    p, z = [], []
    setting = setting_by_name(f"normalized_{psi}", pairs_of(SymmetricWeibull(4)))
    for width in (4, 12, 70):
        layers = simulate_depth(setting, width, 15, 2000, Stream(2, psi, width))
        rows = layer_rows(setting, layers)
        p += [row["sample_p"] for row in rows]
        z += [row["square_covariance"] / row["square_covariance_error"] for row in rows if row["dead"] == 0]
        for row, dead in zip(rows, layers.statistics.dead, strict=True):
            assert row["n_tested"] == 2000 - dead
    assert np.count_nonzero(np.array(p) < 0.05) <= binom.ppf(0.999, len(p), 0.05)
    assert min(p) > 1e-3 / len(p)
    assert np.max(np.abs(z)) < 4.5


def test_quantiles_and_their_band():
    """The band holds 95 % of the quantiles of normal samples, per point; within 4 standard errors over 400 samples."""
    setting = SETTINGS["control"]
    layers = simulate_depth(setting, 6, 4, 5000, Stream(3))
    rows = [row for row in quantile_rows(setting, layers) if row["depth"] == 4]
    at, low, high = (np.array([row[key] for row in rows]) for key in ("normal", "null_low", "null_high"))
    assert at[0] == pytest.approx(-at[-1])
    assert -at[0] <= 3.9
    rng = np.random.default_rng(8)
    samples = np.stack([np.quantile(rng.standard_normal(5000), norm.cdf(at)) for _ in range(400)])
    inner = np.abs(at) < 3  # interpolation between the last order statistics widens them beyond
    covered = np.mean((samples >= low) & (samples <= high), axis=0)[inner]
    assert np.max(np.abs(covered - 0.95)) < 4.5 * math.sqrt(0.95 * 0.05 / 400)
    inside = np.mean([row["null_low"] <= row["sample"] <= row["null_high"] for row in rows])
    assert inside > np.quantile(np.mean((samples >= low) & (samples <= high), axis=1), 0.001)


def test_block_means_leave_out_self_pairs():
    rng = np.random.default_rng(1)
    labels = np.array([2, 0, 1, 0, 2, 2])
    a = rng.standard_normal((6, 6))
    means = block_means(a, labels)
    for i in range(3):
        for j in range(3):
            pairs = [
                a[k, m] for k in range(6) for m in range(6) if labels[k] == i and labels[m] == j and k != m
            ]
            if pairs:
                assert means[i, j] == pytest.approx(np.mean(pairs))
            else:
                assert np.isnan(means[i, j])


def test_correlations_against_infinite_width():
    """Covariances of the first two layers within error at width 8; cosines of wide networks close to the map."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((6, 10)) + 1
    labels = [0, 0, 1, 1, 2, 2]
    for name, law in (("odd", SymmetricWeibull(4)), ("tanh", None), ("relu", None)):
        setting = setting_by_name(name, pairs_of(law))
        _, means = study_correlations(
            setting, x, labels, width=8, n_networks=6000, depths=[0, 2], stream=Stream(5, name)
        )
        assert max(row["largest_z"] for row in means[1:]) < norm.isf(5e-4 / 30)
        blocks, means = study_correlations(
            setting, x, labels, width=300, n_networks=60, depths=[0, 1, 4], stream=Stream(6, name)
        )
        for row in means[1:]:
            # a sample correlation of n values is biased by up to .2/n per layer of four, and more by dependence
            assert abs(row["correlation"] - row["theory"]) < 4 * row["error"] + 2 / 300
        assert all(row["correlation"] == pytest.approx(row["theory"]) for row in blocks if row["depth"] == 0)


def test_theory_correlations_keep_shape_and_ends():
    setting = setting_by_name("positive", pairs_of(SymmetricWeibull(4)))
    theory = theory_correlations(setting, [[1.0, 0.2], [0.2, 1.0]], 3)
    assert theory.shape == (3, 2, 2)
    np.testing.assert_allclose(theory[:, 0, 0], 1, rtol=1e-12)
    assert np.all(np.diff(theory[:, 0, 1]) > 0)


def test_errors():
    with pytest.raises(ValueError, match="image 1 is all 0"):
        study_correlations(
            setting_by_name("tanh"),
            [[1.0, 2.0], [0, 0]],
            [0, 1],
            width=3,
            n_networks=5,
            depths=[1],
            stream=Stream(1),
        )
