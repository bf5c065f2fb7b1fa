"""Training with fitted activations against training with exact ones."""

import numpy as np
import pandas as pd
import pytest

from replication.training.claims import _route_matters
from replication.training.comparisons import comparisons

NAMES = {"dataset": "digits", "optimizer": "sgd", "law": "weibull_4", "theta": 4.0}


def runs(shift, seeds=8):
    rng = np.random.default_rng(1)
    rows = [
        NAMES | {"activation": kind, "width": width, "depth": depth, "seed": seed}
        for kind in ("odd", "positive")
        for width in (3, 10)
        for depth in (3, 10)
        for seed in range(seeds)
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(accuracy=rng.uniform(0.5, 0.6, len(frame)) + shift)


@pytest.mark.parametrize(("shift", "verdict"), [(-0.1, "confirmed"), (0.0, "not confirmed")])
def test_fitted_minus_exact_in_pairs(shift, verdict):
    fitted = runs(0.0).assign(accuracy=runs(0.0).accuracy + shift)
    table = comparisons(runs(0.0), pd.DataFrame(), fitted)
    routes = table[(table.question == "route") & (table["scope"] == "all")]
    assert set(zip(routes["first"], routes["second"], strict=True)) == {
        ("odd", "odd"),
        ("positive", "positive"),
    }
    np.testing.assert_allclose(routes.difference, shift, atol=1e-12)
    assert (routes.seeds == 8).all()
    assert _route_matters(routes)["verdict"] == verdict
    without = comparisons(runs(0.0), pd.DataFrame())
    assert "route" not in set(without.question)


def test_a_difference_that_is_not_significant_is_no_proof_that_there_is_none():
    other = runs(0.0).assign(accuracy=np.random.default_rng(2).uniform(0.3, 0.8, len(runs(0.0))))
    table = comparisons(runs(0.0), pd.DataFrame(), other)
    routes = table[(table.question == "route") & (table["scope"] == "all")]
    assert (routes.p_holm > 0.05).all()
    row = _route_matters(routes)
    assert (row["verdict"], "2 of 2 differences are too uncertain to tell" in row["result"]) == (
        "undecided",
        True,
    )
