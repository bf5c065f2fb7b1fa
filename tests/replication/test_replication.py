"""Verdicts can go each way."""

import math

import pandas as pd

from preactivations.gaussianity import null_quantile
from replication.published import (
    COLUMNS,
    compare_edge_of_chaos,
    compare_fits,
    compare_fitted_sweep_iii,
    compare_sweep_iii,
    width_one,
)


def point(activation, theta, sweep, n, ks):
    return {
        "route": "exact",
        "activation": activation,
        "theta": theta,
        "sweep": sweep,
        "n": n,
        "ks": ks,
        "n_samples": 200_000,
    }


def test_width_one():
    limit = null_quantile(0.999, 200_000)
    points = pd.DataFrame(
        [
            point("odd", 4.0, "i", 1, 0.99 * limit),
            point("positive", 4.0, "iii", 1, 1.01 * limit),
            point("odd", 4.0, "ii", 1, 0.1),  # n0 = 1, but n1 = 2: not width one
            point("relu", math.nan, "i", 1, 0.3),
        ]
    )
    rows = width_one(points)
    assert list(rows.columns) == COLUMNS
    assert rows.verdict.tolist() == ["agrees", "fails"]


def test_sweep_iii():
    tolerance = 3 * math.sqrt(2) * 0.5 / math.sqrt(200_000)
    published = pd.DataFrame(
        {
            "activation": ["pos", "pos", "pos", "relu", "relu"],
            "theta": [4.0, 4.0, 4.0, math.nan, math.nan],
            "n": [1, 2, 3, 1, 2],
            "ks": [0.006, 0.05, 0.05, 0.3, 0.3],
        }
    )
    points = pd.DataFrame(
        [
            point("positive", 4.0, "iii", 1, 0.006 - 0.9 * tolerance),
            point("positive", 4.0, "iii", 2, 0.05 - 1.1 * tolerance),
            point("positive", 4.0, "iii", 3, 0.05 - 1.1 * tolerance),
            point("positive", 4.0, "iii", 2, 0.05 + 0.9 * tolerance) | {"route": "fitted"},
            point("positive", 4.0, "iii", 3, 0.05 + 1.1 * tolerance) | {"route": "fitted"},
            point("relu", math.nan, "iii", 1, 0.3 + 0.9 * tolerance),
            point("relu", math.nan, "iii", 2, 0.3 + 1.1 * tolerance),
        ]
    )
    rows = compare_sweep_iii(points, published)
    assert rows.verdict.tolist() == ["agrees", "differs by design", "fails", "agrees", "fails"]


FITS = pd.DataFrame(
    [
        {"theta": 4.0, "losses": [1.0, 0.0088], "spread_last_100": 0.0002, "mass": 1.0},
        {"theta": 10.0, "losses": [1.0, 0.0120], "spread_last_100": 0.0, "mass": 1.0092},
    ]
)
LOSSES = pd.DataFrame({"theta": [4.0, 10.0], "loss": [0.0080, 0.0100]})


def test_fits():
    assessments = pd.DataFrame(
        {
            "theta": [4.0, 10.0, 10.0],
            "kind": ["odd", "odd", "positive"],
            "density_variance": [0.99, 0.97, 0.97],
            "ks_product_200000": [0.005, 0.0110, 0.0200],
        }
    )
    rows = compare_fits(FITS, LOSSES, assessments).set_index("item").verdict
    assert rows.filter(like="last loss").tolist() == ["agrees", "fails"]  # 10 % and 20 % above
    assert rows.filter(like="mass").tolist() == ["agrees"]
    assert rows.filter(like="E W^2").tolist() == ["fails"]  # 0.97 is not 3.7 % below 1
    assert rows.filter(like="KS of W phi").tolist() == ["agrees"]
    # claims about all thetas are made only when all are there
    assert len(compare_fits(FITS[:1], LOSSES, assessments)) == 1


def test_fitted_sweep_iii():
    monte_carlo = 3 * math.sqrt(2) * 0.5 / math.sqrt(200_000)
    tolerance = monte_carlo + 0.0002 + 0.0008
    published = pd.DataFrame(
        {"activation": ["odd", "pos"], "theta": [4.0, 4.0], "n": [2, 2], "ks": [0.05, 0.05]}
    )
    points = pd.DataFrame(
        [
            point("odd", 4.0, "iii", 2, 0.05 + 0.99 * tolerance) | {"route": "fitted"},
            point("positive", 4.0, "iii", 2, 0.05 + 1.01 * tolerance) | {"route": "fitted"},
            point("odd", 4.0, "iii", 2, 0.5),
        ]
    )
    assert compare_fitted_sweep_iii(points, published, FITS, LOSSES).verdict.tolist() == ["agrees", "fails"]


def test_constants_of_the_edge_of_chaos():
    constants = pd.DataFrame(
        {"name": ["tanh_variance", "tanh_chi", "odd_4_slope"], "value": [0.30294, 0.99886, 0.8097106]}
    )
    ranges = pd.DataFrame({"omega": [6.0, 4.0], "sigma_w_low": [0.9744, 0.9], "sigma_w_high": [0.9992, 1.1]})
    table = compare_edge_of_chaos(constants, ranges)
    assert table.verdict.tolist() == ["agrees"] * 5  # omega = 4 is not stated anywhere
    wrong = compare_edge_of_chaos(constants.assign(value=0.5), ranges.assign(sigma_w_high=1.2))
    assert wrong.verdict.tolist() == ["fails"] * 3 + ["agrees", "fails"]
