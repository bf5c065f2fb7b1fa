"""Verdicts for the companion papers can go each way."""

import pandas as pd

from replication.companions import compare_heavy_tails, compare_kernels, compare_relu_law
from replication.fractional import study as heavy_tails_study
from replication.published import COLUMNS


def test_heavy_tails():
    constants = pd.DataFrame(heavy_tails_study.constants())
    slopes = pd.DataFrame({"s": [0.1, 1.0], "sigma": [-2.1, -2.02], "second_order": [-2.0, -2.0]})
    tails = pd.DataFrame(
        {
            "s": [1.0, 1.0],
            "share": [0.1, 0.01],
            "hill": [0.5, 0.9],
            "error": [0.01, 0.05],
            "exact": [0.99, 1.0],
        }
    )
    rows = compare_heavy_tails(constants, slopes, tails)
    assert list(rows.columns) == COLUMNS
    assert rows.verdict.tolist() == ["agrees"] * 19
    assert set(rows.paper) == {"4"}
    off = compare_heavy_tails(
        constants.assign(value=1.01 * constants.value + 1e-3),
        slopes.assign(sigma=-2.2),
        tails.assign(hill=0.8),
    )
    assert off.verdict.tolist() == ["fails"] * 19


def test_kernels():
    constants = pd.DataFrame(
        {
            "name": ["kernel", "cosine", "cosine_1", "cosine_4", "cosine_16", "cosine_64"],
            "value": [0.260312, 0.520625, 0.3183099, 0.6809538, 0.9294561, 0.9920661],
        }
    )
    slopes = pd.DataFrame(
        {"law": ["iid_uniform"], "inputs": ["signed"], "predicted": [-1.0], "slope": [-1.05]}
        | {"slope_error": [0.03], "half_width": [0.08], "within": [True]}
    )
    rows = compare_kernels(constants, slopes)
    assert list(rows.columns) == COLUMNS
    assert rows.verdict.tolist() == ["agrees"] * 7
    assert set(rows.paper) == {"3"}
    off = compare_kernels(
        constants.assign(value=constants.value + 1e-4), slopes.assign(slope=-1.15, within=False)
    )
    assert off.verdict.tolist() == ["fails"] * 7


def test_relu_law():
    """Agreement to the digits that are stated, and each row fails when its number is off."""
    constants = pd.DataFrame(
        {
            "name": ["mean_log", "variance_log", "squared_norm_tail_index"],
            "value": [-0.0517388, 0.1081681, 1.0],
        }
    )
    ks = pd.DataFrame(
        {"width": [5], "depth": [10], "networks": [40_000], "ks": [0.004], "critical": [0.0068]}
    )
    jacobians = pd.DataFrame(
        {"scheme": ["he", "mirrored_orthogonal"], "depth": 50, "largest_deviation": [9.0, 1e-15]}
    )
    rows = compare_relu_law(constants, ks, jacobians)
    assert list(rows.columns) == COLUMNS
    assert rows.verdict.tolist() == ["agrees"] * 5
    assert set(rows.paper) == {"2"}
    off = compare_relu_law(
        constants.assign(value=constants.value + 1e-6),
        ks.assign(ks=0.007),
        jacobians.assign(largest_deviation=1e-11),
    )
    assert off.verdict.tolist() == ["fails"] * 5
