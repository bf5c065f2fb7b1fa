"""Rows of the Edge-of-Chaos study: theory tables against single calls, simulations against the maps."""

import math

import numpy as np
import pandas as pd
import pytest
from exact import pairs_of
from scipy.stats import norm

from preactivations.activations.registry import leaky_relu
from preactivations.edge_of_chaos.critical import eoc_point
from preactivations.edge_of_chaos.fixpoints import fixed_points, fixed_variance
from preactivations.edge_of_chaos.maps import chi, correlation_map, variance_map
from preactivations.pairs.fitted import ActivationFit
from preactivations.pairs.gaussian import GaussianPair
from preactivations.streams import Stream
from preactivations.weights import SphericalMarginal, SymmetricWeibull
from replication.edge_of_chaos.analysis import distance_scales
from replication.edge_of_chaos.study import (
    correlation_rows,
    curve_rows,
    edge_settings,
    fitted_row,
    heat_rows,
    map_rows,
    oscillating_rows,
    pair_row,
    rate_rows,
    scale_rows,
    uniqueness_row,
    variance_rows,
)
from replication.settings import setting_by_name


def test_pairs():
    row = pair_row(GaussianPair(SymmetricWeibull(4), "odd"))
    point = eoc_point(GaussianPair(SymmetricWeibull(4), "odd"))
    assert (row["sigma_w"], row["sigma_b"]) == (point.sigma_w, point.sigma_b)
    assert row["sigma_w"] ** 2 + row["sigma_b"] ** 2 == pytest.approx(1)
    assert row["phase"] == "chaotic"
    row = pair_row(GaussianPair(SphericalMarginal(1), "odd"))
    assert row["chi"] == math.inf
    assert math.isnan(row["sigma_w"])
    row = pair_row(GaussianPair(SphericalMarginal(1), "positive"))
    assert row["phase"] == "ordered"
    assert row["xi_c"] == pytest.approx(-1 / math.log(row["chi"]))
    assert (
        pair_row(GaussianPair(SphericalMarginal(0), "odd"))["phase"] == "edge"
    )  # weights +-1 and the identity


def test_settings_are_where_they_say():
    """On the edge chi_1 = 1 at the fixed point; below and above it is smaller and larger."""
    for (_, place), setting in edge_settings(pairs_of("weibull_2.05")).items():
        v = fixed_variance(setting.exact, **setting.map_scales)
        assert v == setting.variance
        value = float(
            chi(setting.exact, v, sigma_w=setting.sigma_w, weight_variance=setting.weights.variance)
        )
        if place == "on":
            assert value == pytest.approx(1, abs=1e-9)
        else:
            assert (value > 1) == (place == "above")
        if setting.exact.name == "odd":
            assert v == pytest.approx(1, rel=1e-9)


def test_second_layer_follows_the_map_at_any_width():
    """Its pre-activations come from an exactly normal, independent first layer."""
    z = []
    for (activation, place), setting in edge_settings(pairs_of("weibull_2.05")).items():
        rows = correlation_rows(setting, 6, 3, 4000, 0.5, Stream(1, activation, place))
        assert rows[0]["theory"] == 0.5
        z += [(row["covariance"] - row["theory"]) / row["covariance_error"] for row in rows[:2]]
    assert np.max(np.abs(z)) < norm.isf(5e-4 / len(z))


@pytest.mark.parametrize("activation", ["tanh", "odd"])
def test_layers_until_a_distance_has_fallen_by_e(activation):
    """Counted from the fixed point, not from the last layer: ten layers are too few for the map above the edge."""
    setting = edge_settings(pairs_of("weibull_2.05"))[activation, "above"]
    name = {"activation": activation, "theta": 2.05, "place": "above", "width": 5}
    predicted = {}
    for depth in (10, 40):
        rows = pd.DataFrame([name | row for row in correlation_rows(setting, 5, depth, 20, 0.5, Stream(3))])
        predicted[depth] = float(distance_scales(rows).predicted.iloc[0])
    c, layers = 0.5, 0
    limit = float(
        correlation_map(setting.exact, 0.5, setting.variance, **setting.map_scales, layers=2000)[-1]
    )
    while abs(c - limit) >= (0.5 - limit) / math.e:
        c = float(correlation_map(setting.exact, c, setting.variance, **setting.map_scales))
        layers += 1
    assert predicted == {10: math.inf, 40: layers}


def test_wide_networks_follow_the_map_at_depth():
    setting = edge_settings(pairs_of("weibull_2.05"))["tanh", "below"]
    for row in correlation_rows(setting, 400, 8, 40, 0.5, Stream(2)):
        assert row["limit"] == 1
        assert abs(row["correlation"] - row["theory"]) < 4 * row["correlation_error"] + 3 / 400


def test_variance_from_a_start():
    setting = setting_by_name("oscillating_6", sigma_w=0.99)
    rows = variance_rows(setting, 50, 4, 2000, 0.6, Stream(3))
    assert rows[0]["theory"] == 0.6
    assert rows[1]["theory"] == pytest.approx(float(variance_map("oscillating_6", 0.6, sigma_w=0.99)))
    for row in rows[:2]:
        assert abs(row["variance"] - row["theory"]) < 4 * row["error"]


def test_what_has_no_start():
    with pytest.raises(ValueError, match=r"the variance of relu tends to inf at sigma_w = 1\.5"):
        correlation_rows(setting_by_name("relu", sigma_w=1.5), 3, 3, 10, 0.5, Stream(1))
    with pytest.raises(ValueError, match="the bias alone makes more"):
        correlation_rows(setting_by_name("tanh", sigma_w=0.2, sigma_b=1.0), 3, 3, 10, 0.1, Stream(1))


def test_rates_on_the_edge():
    """ReLU: 1 - c ~ 9 pi^2 / (2 l^2) (Hayou et al. 2019); smooth activations 1/l."""
    rows = rate_rows("relu", math.sqrt(2), 0.0, 4000)
    assert rows[-1]["gap"] * rows[-1]["depth"] ** 2 == pytest.approx(4.5 * math.pi**2, rel=0.02)
    setting = edge_settings(pairs_of("weibull_2.05"))["tanh", "on"]
    late = [
        row for row in rate_rows(setting.exact, setting.sigma_w, setting.sigma_b, 4000) if row["depth"] > 1000
    ]
    slope = np.polyfit(np.log([r["depth"] for r in late]), np.log([r["gap"] for r in late]), 1)[0]
    assert slope == pytest.approx(-1, abs=0.02)


def test_tables_of_the_maps():
    rows = map_rows("tanh", 1.5, 0.2)
    (point,) = [row for row in rows if row["quantity"] == "fixed variance"]
    assert point["at"] == pytest.approx(fixed_variance("tanh", sigma_w=1.5, sigma_b=0.2))
    assert {row["quantity"] for row in rows} == {
        "variance",
        "fixed variance",
        "correlation",
        "fixed correlation",
    }
    heat = heat_rows("tanh", np.array([0.5, 1.5, 2.0]), np.array([0.1, 0.3]))
    assert heat["chi"].shape == (6,)
    assert len(curve_rows("erf", 20)) == 20
    scales = scale_rows("gelu", 0.1, [0.5, 3.0])  # above, the variance has no limit
    assert [row["sigma_w"] for row in scales] == [0.5]


def test_counter_example():
    (row,), points = oscillating_rows(6, n_scales=2)
    assert (row["sigma_w_low"], row["sigma_w_high"]) == pytest.approx((0.974, 0.999), abs=5e-4)
    ratios = [p["ratio"] for p in points if p["ratio"] == p["ratio"]]
    assert len(ratios) > 4
    np.testing.assert_allclose(ratios, math.exp(4 * math.pi / 6), rtol=1e-8)
    assert uniqueness_row("tanh")["most"] == 1
    assert uniqueness_row("oscillating_6")["most"] > 10


def test_range_and_fixed_points_are_of_the_same_omega():
    """Of all its digits: inside the range there are fixed points, one period apart, up to its ends."""
    omega = 2 * math.pi + 1e-8
    (row,), points = oscillating_rows(omega, n_scales=2)
    assert row["period"] == math.exp(4 * math.pi / omega) != math.exp(4 * math.pi / round(omega, 6))
    ratios = [p["ratio"] for p in points if p["ratio"] == p["ratio"]]
    assert len(ratios) > 4
    np.testing.assert_allclose(ratios, row["period"], rtol=1e-11)


def test_only_a_line_of_fixed_points_is_left_out():
    """Every variance is a fixed point on the edge: at .9, which is tried, of the unit with slopes 1 and s."""
    edge = leaky_relu(math.sqrt(2 / 0.9**2 - 1))
    with pytest.raises(ValueError, match="every variance is a fixed point"):
        fixed_points(edge, sigma_w=0.9)
    row = uniqueness_row(edge, points=2)
    assert (row["settings"], row["most"]) == (4 * 5 - 1, 1)
    assert uniqueness_row("relu", points=2)["settings"] == 4 * 5


def test_a_wrong_scale_is_no_scale_without_a_limit():
    for wrong in (-1.0, math.nan):
        with pytest.raises(ValueError, match="sigma_w must be finite and >= 0"):
            scale_rows("gelu", 0.1, [0.5, wrong])


@pytest.mark.parametrize("theta", [2.05, 4])
def test_the_edge_of_a_fitted_activation_is_its_own(theta):
    """Not on the circle of exact pairs, where its variance does not stay 1."""
    parameters = {
        2.05: (1.4777, 2.0188, 1.5231, -0.0292, 3.3117, -0.6222, 0.0),
        4: (0.5187, 1.235, 1.2641, -0.0595, 1.8241, 0.7942, 0.0),
    }
    table = ActivationFit(theta, "odd", parameters[theta]).table()
    on = setting_by_name("odd_edge", {"odd": table}.__getitem__)
    rows = pd.DataFrame(map_rows(on.exact, **on.scales, points=21))
    assert rows[rows.quantity == "fixed variance"]["at"].to_numpy() == pytest.approx([1], rel=1e-9)
    at_one = rows[(rows.quantity == "fixed correlation") & (rows["at"] == 1)]
    assert float(at_one["value"].iloc[0]) == pytest.approx(1, rel=1e-6)
    row = fitted_row(table)
    assert row["sigma_w"] == on.sigma_w
    assert row["limit"] == pytest.approx(float(variance_map(table, row["limit"])), rel=1e-9)
    assert row["variance"] != pytest.approx(1, abs=1e-3)
