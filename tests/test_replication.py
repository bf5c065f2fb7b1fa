"""Verdicts can go each way."""

import math

import pandas as pd

from preactivations.gaussianity import null_quantile
from preactivations.replication import COLUMNS, compare_sweep_iii, width_one


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
            point("positive", 4.0, "iii", 2, 0.05 + tolerance + 0.011),
            point("positive", 4.0, "iii", 3, 0.05 + tolerance + 0.013),
            point("relu", math.nan, "iii", 1, 0.3 + 0.9 * tolerance),
            point("relu", math.nan, "iii", 2, 0.3 + 1.1 * tolerance),
        ]
    )
    rows = compare_sweep_iii(points, published)
    assert rows.verdict.tolist() == ["agrees", "differs by design", "fails", "agrees", "fails"]
