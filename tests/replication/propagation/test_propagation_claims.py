"""Answers in words: made-up results in which the truth is known."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import gamma, iti0k0, ndtr

from preactivations.gaussianity import null_quantile, null_statistics
from replication.propagation.analysis import (
    distance_table,
    exact_variance,
    square_dependence,
    study_frames,
    width_exponents,
    with_limits,
    with_relu_law,
)
from replication.propagation.claims import propagation_claims
from replication.propagation.text import propagation_text


def cell(activation, theta, width, depth=10, ks=0.005, error=0.0002, **changes):
    dependence = (square_dependence(theta) if theta == theta else 1.0) / width
    row = {
        "activation": activation, "theta": theta, "law": "" if math.isnan(theta) else f"weibull_{theta:g}",
        "width": width, "depth": depth, "n_networks": 1000, "n_tested": 1000, "dead": 0, "sample_p": 0.5,
        "variance": 1.0, "variance_error": 0.001, "kurtosis": 0.1, "kurtosis_theory": 3 / width,
        "square_covariance": dependence, "square_covariance_error": 0.02 * dependence,
        "square_covariance_theory": dependence,
    }  # fmt: skip
    for name in ("ks", "ks_standardized"):
        row |= {
            name: ks,
            f"{name}_error": error,
            f"{name}_found": ks,
            f"{name}_band": 2 * error,
            f"{name}_theory": ks,
        }
    return row | changes


def study(odd=0.2, positive=0.06, tanh=0.12, relu=0.4, control_p=0.5, theory=1.0):
    rows = []
    for depth in (2, 6, 7, 8, 9, 10):
        for width in (3, 10, 30, 100, 300):
            for name, theta, size in (
                ("odd", 4.0, odd), ("positive", 4.0, positive), ("tanh", math.nan, tanh), ("relu", math.nan, relu),
            ):  # fmt: skip
                at = size * 3 / width
                rows.append(cell(name, theta, width, depth, at, ks_standardized_theory=theory * at))
            rows.append(cell("normalized_tanh", math.nan, width, depth, 0.0, sample_p=control_p))
    return pd.DataFrame(rows)


POINTS = pd.DataFrame(
    {"route": "exact", "sweep": "iii", "n": 5, "activation": kind, "theta": theta, "ks": scale * theta}
    for theta in (2.05, 3.0, 4.0, 10.0)
    for kind, scale in (("odd", 0.01), ("positive", 0.001))
)
CORRELATIONS = pd.DataFrame(
    {
        "dataset": "digits", "activation": "tanh", "theta": math.nan, "law": "", "width": 100, "depth": depth,
        "correlation": 0.54, "error": 0.002, "theory": 0.55, "largest_z": 2.0, "n_pairs": 10, "n_networks": 100,
    }
    for depth in (1, 2, 10)
)  # fmt: skip


def verdicts(layers=None, points=POINTS, correlations=CORRELATIONS):
    layers = study() if layers is None else layers
    return propagation_claims(study_frames(layers, points, correlations, [10]), 10)


def find(claims, start):
    return claims[claims.claim.str.startswith(start)].iloc[0]


def test_closed_form_at_the_ends():
    assert square_dependence(2) == pytest.approx(0.5)
    assert square_dependence(1e9) == pytest.approx(2)
    assert square_dependence(4) == pytest.approx(3 * gamma(1.5) ** 2 / gamma(2) - 1)


def test_what_a_plain_test_sees():
    """95 % points of KS statistics of normal samples: of the exact law, and of simulated standardized samples."""
    row = with_limits(pd.DataFrame([cell("tanh", math.nan, 3)])).iloc[0]
    assert row.ks_sample_limit == null_quantile(0.95, 1000)
    simulated = null_statistics(1000, 4000, np.random.default_rng(0))[1]
    # the share beyond is .05 within 4 standard errors
    assert abs(np.mean(simulated > row.ks_standardized_sample_limit) - 0.05) < 4 * math.sqrt(
        0.05 * 0.95 / 4000
    )


def test_exact_law_of_relu_is_beside_its_layers():
    """Second layer of width 1: a product of two normal numbers, or dead; the first one is normal, others stay."""
    rows = [cell("relu", math.nan, 1, depth) for depth in (1, 2)] + [cell("tanh", math.nan, 1)]
    found = with_relu_law(pd.DataFrame(rows))
    x = np.geomspace(1e-6, 5, 20_000)
    cdf = 0.5 + 0.5 * (0.5 + iti0k0(x / math.sqrt(2))[1] / math.pi)
    exact = np.max(np.abs(cdf - ndtr(x)))
    for name in ("ks_theory", "ks_standardized_theory"):
        assert found[name].tolist() == [0, pytest.approx(exact, rel=1e-5), 0.005]


def test_no_rows_no_verdict():
    claims = verdicts(study().iloc[:0], POINTS[:0], CORRELATIONS[:0])
    assert claims.verdict.tolist() == ["not tested"] * len(verdicts())


def test_what_cannot_be_told_apart_confirms_nothing():
    claims = verdicts(study(odd=0.0001, positive=0.0001, tanh=0.0001, relu=0.0001))
    for start in (
        "pre-activations with phi odd stay closer",
        "the odd kind",
        "the distance from Gaussian falls",
    ):
        assert find(claims, start)["verdict"] == "not tested"


def test_exponents():
    """Exact powers are found, with the errors of a weighted fit; what is noise takes no part."""
    rows = [cell("tanh", math.nan, n, ks=2 * n**-0.7, error=0.01 * n**-0.7) for n in (3, 30, 100, 300)]
    rows += [cell("relu", math.nan, n, ks=k) for n, k in ((30, 0.01), (100, 0.003), (300, 1e-5))]
    table = width_exponents(pd.DataFrame(rows), 10).set_index("activation")
    assert table.widths.to_dict() == {"relu": 2, "tanh": 3}
    assert table.slope["tanh"] == pytest.approx(-0.7)
    x = np.log([30, 100, 300])
    assert table.slope_error["tanh"] == pytest.approx(0.005 / math.sqrt(np.sum((x - x.mean()) ** 2)))
    assert np.isnan(table.slope["relu"])


def test_claims_follow_the_numbers():
    claims = verdicts()
    for start in (
        "with ReLU",
        "pre-activations with phi positive stay closer to Gaussian than with tanh",
        "the odd kind is farther",
        "the distance from Gaussian falls with width",
        "the distance from Gaussian falls as 1/width",
        "distances of wide networks are those of the first order",
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
    for law in ("N(0, v)", "the normal law of the same variance"):
        stays = find(claims, f"with phi odd every layer at every width is within 0.01 of {law}")
        assert stays["verdict"] == "in part"  # width 100 and 300 are near
        assert "phi odd, theta 4 at width 30, layer 2: 0.0200 +- 0.0002" in stays["result"]


def test_sizes_that_the_band_does_not_decide():
    unclear = study(positive=0.009)
    near = (unclear.activation == "positive") & (unclear.width == 3)
    unclear.loc[near, ["ks_band", "ks_standardized_band"]] = 0.002
    row = find(verdicts(unclear), "with phi positive every layer")
    assert row["verdict"] == "undecided"
    assert "1 of 5 cells are too uncertain to tell" in row["result"]
    assert find(verdicts(study(positive=0.009)), "with phi positive every layer")["verdict"] == "confirmed"


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
            changed("sample_p", 1e-9, lambda d: (d.activation == "normalized_tanh") & (d.depth == 10)),
        ),
        ("distances of wide networks", study(theory=2.0)),
        ("distances of ReLU networks", study(theory=1.1)),
        (
            "the distance from Gaussian falls as 1/width",
            changed("ks_standardized", 0.1, lambda d: d.width == 300),
        ),
        ("the predicted variance is exact", changed("variance", 1.1, lambda d: d.index == 0)),
        ("after one layer", changed("square_covariance", 0.9, lambda d: d.depth == 2)),
        ("n Cov(z_i^2, z_j^2) tends", changed("square_covariance", 0.1, lambda d: d.depth == 10)),
        ("the distance from Gaussian falls", changed("ks_standardized", 0.6, lambda d: d.width == 30)),
        # a deviation that stays, and one that falls as 1/sqrt n
        ("the variance deviates", study().assign(variance=1.05, variance_error=1e-3)),
        ("the variance deviates", study().assign(variance=lambda d: 1 + d.width**-0.5, variance_error=1e-3)),
    ]
    for start, layers in failing:
        assert find(verdicts(layers), start)["verdict"] in ("not confirmed", "in part"), start
    unknown = [
        (
            "distances of ReLU networks",
            changed("ks_standardized_error", 1.0, lambda d: d.activation == "relu"),
        ),
        ("after one layer", changed("square_covariance_error", 1.0, lambda d: d.depth == 2)),
        ("the predicted variance is exact", study().assign(variance_error=0.19)),
    ]
    for start, layers in unknown:
        assert find(verdicts(layers), start)["verdict"] == "not tested", start
    open_one = find(verdicts(correlations=CORRELATIONS.assign(error=0.01)), "the mean correlation of images")
    assert open_one["verdict"] == "undecided"
    for start, layers in (
        ("n Cov(z_i^2, z_j^2) tends", study().assign(square_covariance_error=1.0)),
        ("the variance deviates", study().assign(variance_error=0.1)),
    ):
        assert find(verdicts(layers), start)["verdict"] == "undecided", start
    reverse = POINTS.assign(ks=1 / POINTS.ks)
    assert find(verdicts(points=reverse), "the closed form orders")["verdict"] == "not confirmed"
    one = POINTS.assign(ks=(POINTS.ks / 100).where(POINTS.activation == "odd", 1e-5 / POINTS.ks))
    assert find(verdicts(points=one), "the closed form orders")["verdict"] == "not confirmed"
    # predictions so near 0 that 0 would pass
    near = study(odd=1e-4, positive=1e-4, tanh=1e-4)
    assert find(verdicts(near), "distances of wide networks")["verdict"] == "not tested"
    claims = verdicts(correlations=CORRELATIONS.assign(largest_z=9.0, theory=0.9))
    assert find(claims, "covariances between images")["verdict"] == "not confirmed"
    assert find(claims, "the mean correlation of images")["verdict"] == "not confirmed"


def test_spherical_pairs_count_too():
    layers = study()
    twin = layers[layers.activation.isin(["odd", "positive"])].assign(theta=math.nan, law="spherical_1")
    claims = verdicts(pd.concat([layers, twin], ignore_index=True))
    assert find(claims, "the odd kind")["number"] == "10 of 10 told apart, of 10"
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
    layers = with_limits(study(positive=0.0001))
    text = propagation_text(distance_table(layers, [2, 10]), verdicts(), layers)
    assert (
        "* width 3, at least 1000 networks per cell: standard errors of the distance at most 0.0002" in text
    )
    assert "sees nothing below 0.0428 (0.0283)" in text
    assert "| tanh | 10 | 0.1200 (0.1200) | 0.0360 (0.0360) |" in text
    assert "| phi positive, theta 4 | 2 | *0.0001* (*0.0001*) |" in text
    assert text.count("| **confirmed** |") > 8
