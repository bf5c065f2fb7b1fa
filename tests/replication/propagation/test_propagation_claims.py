"""Answers in words: made-up results in which the truth is known."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import gamma

from replication.propagation.analysis import (
    exact_variance,
    normal_from_width,
    square_dependence,
    study_frames,
    within_null,
)
from replication.propagation.claims import propagation_claims, propagation_text

NULL = pd.DataFrame(
    [
        {"statistic": statistic, "probability": p, "quantile": q, "n_samples": 1000}
        for statistic, p, q in (
            ("ks", 0.95, 0.043), ("ks", 0.99, 0.051), ("ks_standardized", 0.95, 0.028), ("ks_standardized", 0.99, 0.03),
        )
    ]
)  # fmt: skip


def cell(activation, theta, width, depth=10, ks=0.01, **changes):
    row = {
        "activation": activation, "theta": theta, "law": "" if math.isnan(theta) else f"weibull_{theta:g}",
        "width": width, "depth": depth, "n_networks": 1000, "n_tested": 1000, "dead": 0, "ks": ks,
        "ks_p": 0.5 if ks < 0.043 else 1e-6, "ks_standardized": ks,
        "variance": 1.0, "variance_error": 0.01, "kurtosis": 0.1,
        "square_covariance": square_dependence(theta) / width if theta == theta else 1 / width,
        "square_covariance_error": 0.001,
        "square_covariance_theory": square_dependence(theta) / width if theta == theta else 1 / width,
    }  # fmt: skip
    return row | changes


def study(odd=0.2, positive=0.06, tanh=0.12, relu=0.4, control_p=0.5):
    rows = []
    for depth in (2, 6, 7, 8, 9, 10):
        for width in (3, 10, 30):
            factor = 3 / width
            rows += [
                cell("odd", 4.0, width, depth, odd * factor),
                cell("positive", 4.0, width, depth, positive * factor),
                cell("tanh", math.nan, width, depth, tanh * factor),
                cell("relu", math.nan, width, depth, relu * factor),
                cell("normalized_tanh", math.nan, width, depth, 0.01, ks_p=control_p),
            ]
    return within_null(pd.DataFrame(rows), NULL)


POINTS = pd.DataFrame(
    {"route": "exact", "sweep": "iii", "n": 5, "activation": kind, "theta": theta, "ks": scale * theta}
    for theta in (2.05, 3.0, 4.0, 10.0)
    for kind, scale in (("odd", 0.01), ("positive", 0.001))
)
CORRELATIONS = pd.DataFrame(
    {
        "dataset": "digits", "activation": "tanh", "theta": math.nan, "law": "", "width": 100, "depth": depth,
        "correlation": 0.54, "error": 0.01, "theory": 0.55, "largest_z": 2.0, "n_pairs": 10, "n_networks": 100,
    }
    for depth in (1, 2, 10)
)  # fmt: skip


def verdicts(layers=None, points=POINTS, correlations=CORRELATIONS):
    layers = study() if layers is None else layers
    return propagation_claims(study_frames(layers, NULL, points, correlations, [10]), 10)


def find(claims, start):
    return claims[claims.claim.str.startswith(start)].iloc[0]


def test_closed_form_at_the_ends():
    assert square_dependence(2) == pytest.approx(0.5)
    assert square_dependence(1e9) == pytest.approx(2)
    assert square_dependence(4) == pytest.approx(3 * gamma(1.5) ** 2 / gamma(2) - 1)


def test_null_points_grow_where_networks_are_left_out():
    rows = [cell("tanh", math.nan, 3, ks=0.034, n_tested=640), cell("relu", math.nan, 3, ks=0.034)]
    layers = within_null(pd.DataFrame(rows), NULL).set_index("activation")
    assert layers.ks_standardized_limit.to_dict() == pytest.approx({"tanh": 0.035, "relu": 0.028})
    assert not layers.ks_standardized_beyond["tanh"]
    assert layers.ks_standardized_beyond["relu"]


def test_one_of_five_layers_may_be_beyond():
    """At most one of this and the four layers before; and too few living networks count as not normal."""
    ks = [0.01, 0.2, 0.01, 0.01, 0.2, 0.01, 0.01, 0.01, 0.01, 0.01]
    rows = [cell("tanh", math.nan, 3, depth=k + 1, ks=value) for k, value in enumerate(ks)]
    layers = within_null(pd.DataFrame(rows), NULL)
    assert layers.ks_inside.tolist() == [True, True, True, True, False, False, True, True, True, True]
    first = within_null(pd.DataFrame([cell("tanh", math.nan, 3, depth=1, ks=0.2)]), NULL)
    assert not first.ks_inside.iloc[0]
    dying = within_null(pd.DataFrame([cell("normalized_relu", math.nan, 3, n_tested=400)]), NULL)
    assert not dying.ks_inside.iloc[0]


def test_no_rows_no_verdict():
    claims = verdicts(study().iloc[:0], POINTS[:0], CORRELATIONS[:0])
    assert claims.verdict.tolist() == ["not tested"] * len(verdicts())


def test_no_cases_confirm_nothing():
    claims = verdicts(study(odd=0.001, positive=0.001, tanh=0.001, relu=0.001))
    for start in (
        "pre-activations with phi odd stay closer",
        "the odd kind",
        "the distance from Gaussian falls",
    ):
        assert find(claims, start)["verdict"] == "not tested"


def test_from_which_width_on():
    rows = [cell("tanh", math.nan, w, ks=k) for w, k in ((3, 0.01), (10, 0.2), (30, 0.01), (100, 0.02))]
    rows += [cell("relu", math.nan, w, ks=k) for w, k in ((3, 0.3), (10, 0.2))]
    table = normal_from_width(within_null(pd.DataFrame(rows), NULL), [10]).set_index("activation")
    assert table.ks_from_width["tanh"] == 30  # width 3 does not count: width 10 fails
    assert np.isnan(table.ks_from_width["relu"])
    assert table.largest_width.to_dict() == {"relu": 10, "tanh": 100}


def test_claims_follow_the_numbers():
    claims = verdicts()
    for start in (
        "with ReLU",
        "pre-activations with phi positive stay closer to Gaussian than with tanh",
        "the odd kind is farther",
        "the distance from Gaussian falls",
        "n Cov(z_i^2, z_j^2) tends",
        "the variance deviates by O(1/n)",
        "dependence is all that is left",
        "after one layer",
        "the closed form orders",
        "the predicted variance is exact",
        "covariances between images",
        "the mean correlation of images",
    ):
        assert find(claims, start)["verdict"] == "confirmed", start
    worse = find(claims, "pre-activations with phi odd stay closer to Gaussian than with tanh")
    assert worse["verdict"] == "not confirmed"
    assert "phi odd, theta 4 at width 3" in worse["result"]
    stays = find(claims, "with phi odd pre-activations stay Gaussian")
    assert stays["verdict"] == "in part"  # width 30 is within the null band
    assert "width 3: 5 of 5, kurtosis 0.10" in stays["result"]


def changed(column, value, rows):
    layers = study()
    layers.loc[rows(layers), column] = value
    return layers


def test_claims_can_fail():
    failing = [
        ("with tanh", study(tanh=0.005)),
        ("the odd kind", study(positive=0.3)),
        ("dependence is all", study(control_p=0.01)),
        (
            "dependence is all",
            changed("ks_p", 1e-9, lambda d: (d.activation == "normalized_tanh") & (d.depth == 10)),
        ),
        ("the predicted variance is exact", changed("variance", 1.1, lambda d: d.index == 0)),
        ("after one layer", changed("square_covariance", 0.9, lambda d: d.depth == 2)),
        ("n Cov(z_i^2, z_j^2) tends", changed("square_covariance", 0.1, lambda d: d.depth == 10)),
        ("the distance from Gaussian falls", changed("ks_standardized", 0.6, lambda d: d.width == 30)),
    ]
    for start, layers in failing:
        layers = within_null(layers, NULL)
        assert find(verdicts(layers), start)["verdict"] in ("not confirmed", "in part"), start
    reverse = POINTS.assign(ks=1 / POINTS.ks)
    assert find(verdicts(points=reverse), "the closed form orders")["verdict"] == "not confirmed"
    claims = verdicts(correlations=CORRELATIONS.assign(largest_z=9.0, theory=0.9))
    assert find(claims, "covariances between images")["verdict"] == "not confirmed"
    assert find(claims, "the mean correlation of images")["verdict"] == "not confirmed"


def test_spherical_pairs_count_too():
    layers = study()
    twin = layers[layers.activation.isin(["odd", "positive"])].assign(theta=math.nan, law="spherical_1")
    both = within_null(pd.concat([layers, twin], ignore_index=True), NULL)
    claims = verdicts(both)
    assert "in 4 of 4" in find(claims, "the odd kind")["result"]
    assert (
        "phi odd, uniform weights at width 3"
        in find(claims, "pre-activations with phi odd stay closer to Gaussian than with tanh")["result"]
    )


def test_exact_layers():
    rows = [cell("odd", 4.0, 3, 2), cell("odd", 4.0, 3, 3), cell("normalized_relu", math.nan, 3, 9)]
    rows += [cell("normalized_relu", math.nan, 3, 10, dead=1)]
    rows += [cell("relu", math.nan, 3, 7), cell("relu", math.nan, 3, 8, variance_error=0.3)]
    assert exact_variance(pd.DataFrame(rows)).tolist() == [True, False, True, False, True, False]


def test_text():
    layers = study()
    text = propagation_text(normal_from_width(layers, [2, 10]), verdicts(), layers, NULL)
    assert "* 1000 networks per cell at width 3, 10, 30: normal samples stay below KS 0.0430" in text
    assert "| tanh | 10 | 30 | 10 | 30 |" in text
    assert "| ReLU | 30 | - | 30 | - |" in text
    assert text.count("| **confirmed** |") > 8
