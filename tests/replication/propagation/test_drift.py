"""Networks with fitted activations beside those with exact ones."""

import numpy as np
import pandas as pd
import pytest

from replication.propagation.analysis import drift_table
from replication.propagation.claims import _drifts


def layers(variance, **more):
    rows = [
        {"activation": kind, "theta": 4.0, "law": "weibull_4", "width": width, "depth": depth}
        | {"variance": variance**depth, "variance_error": 0.01}
        for kind in ("odd", "positive")
        for width in (3, 100)
        for depth in (1, 2, 3)
    ]
    return pd.DataFrame(rows).assign(**more)


def test_drift_of_the_variance():
    drift = drift_table(layers(1.0), layers(0.9, variance_theory=0.5))
    assert len(drift) == 12
    np.testing.assert_allclose(drift.exact, 1)
    np.testing.assert_allclose(drift.variance, 0.9**drift.depth)
    assert (drift.infinite == 0.5).all()
    row = _drifts(drift)
    assert row["verdict"] == "confirmed"
    assert "phi odd, theta 4 0.729 (infinite width 0.500; exact activation 1.000)" in row["result"]


def test_no_drift():
    same = layers(1.0005, variance_theory=1.0)
    sure = drift_table(layers(1.0, variance_error=0.001), same.assign(variance_error=0.001))
    assert _drifts(sure)["verdict"] == "not confirmed"
    # not significant, but an error that would hide a drift of several percent
    row = _drifts(drift_table(layers(1.0), same))
    assert row["verdict"] == "undecided"
    # exact networks drift as far: that is finite width
    both = drift_table(layers(0.9), layers(0.9, variance_theory=1.0).assign(variance_error=1e-4))
    assert _drifts(both.assign(exact_error=1e-4))["verdict"] == "not confirmed"
    assert "2 of 2 variances are too uncertain to tell" in row["result"]


@pytest.mark.parametrize("fitted", [None, pd.DataFrame()])
def test_without_the_fitted_route(fitted):
    drift = drift_table(layers(1.0), fitted)
    assert len(drift) == 0
    assert _drifts(drift)["verdict"] == "not tested"
