"""Training from rows of other laws: second moments, pairs by seed."""

import math

import numpy as np
import pandas as pd
import pytest
from torch import nn

from preactivations.rows import row_law
from preactivations.streams import Stream
from replication.inference import holm
from replication.kernels.training import law_comparisons, row_network


@pytest.mark.parametrize("law", ["gaussian", "sphere", "student_9", "exponential_radius"])
def test_rows_have_he_second_moment(law):
    """Mean |w|^2 of 2 000 rows within 4.5 standard errors of 2, in the last layer of 1; exactly on the sphere."""
    net = row_network(row_law(law), 9, 2000, 2, 1500, Stream(1, law).block(0))
    dense = [layer for layer in net if isinstance(layer, nn.Linear)]
    assert [type(layer).__name__ for layer in net] == ["Linear", "ReLU", "Linear", "ReLU", "Linear"]
    for layer, expected in zip(dense, (2, 2, 1), strict=True):
        square = layer.weight.detach().double().square().sum(dim=1).numpy()
        error = max(1e-5, 4.5 * square.std() / math.sqrt(len(square)))
        assert abs(square.mean() - expected) < error
        assert not layer.bias.any()
    if law == "sphere":
        np.testing.assert_allclose(square, 1, rtol=1e-5)


def test_rows_without_a_second_moment_are_refused():
    with pytest.raises(ValueError, match=r"E\|w\|\^2 = m"):
        row_network(row_law("cauchy"), 4, 3, 1, 2, np.random.default_rng(0))


def runs(gains, seeds=8):
    """Accuracy .5 + seed / 100 from normal rows, and `gains` by law more; one width per factor of the gain."""
    rows = [
        {"dataset": "digits", "optimizer": "sgd", "activation": "relu", "law": law, "theta": math.nan}
        | {"width": width, "depth": 2, "learning_rate": 0.01, "seed": seed, "diverged": 0, "loss": 1.0}
        | {"validation_loss": 1.0, "validation_accuracy": 0.5}
        | {"test_accuracy": 0.5 + seed / 100 + gain * 16 / width}
        for width in (16, 32)
        for law, gain in ({"gaussian": 0.0} | gains).items()
        for seed in range(seeds)
    ]
    return pd.DataFrame(rows)


def test_comparisons_are_paired_by_seed_and_width():
    """Eight equal signs: p = 2 / 2^8, Holm over four rows; what seeds have in common cancels."""
    table = law_comparisons(runs({"sphere": 0.02, "student_5": 0.0})).set_index(["width", "law"])
    row = table.loc[16, "sphere"]
    assert row.difference == pytest.approx(0.02)
    assert math.isnan(row.low)  # equal values: their scatter is not known
    assert row.p == pytest.approx(2 / 2**8)
    assert table.loc[32, "sphere"].difference == pytest.approx(0.01)
    assert table.loc[32, "student_5"].p == 1
    assert row.pairs == 8
    assert row.reference == pytest.approx(0.535)
    np.testing.assert_allclose(table.p_holm, holm(list(table.p)))


def test_no_runs_no_comparisons():
    assert len(law_comparisons(runs({"sphere": 0.0}).iloc[:0])) == 0
