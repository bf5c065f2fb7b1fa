"""Chosen rates, intervals, tests and predictors on runs whose answer is known."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from preactivations.training_results import (
    cell_table,
    chosen_runs,
    comparisons,
    curve_table,
    holm,
    predict,
    prediction_table,
    with_initial,
)


def run(
    activation="tanh",
    law="",
    seed=0,
    rate=0.1,
    accuracy=0.8,
    validation=None,
    loss=0.5,
    diverged=0,
    width=3,
    depth=3,
):
    nan = math.nan
    return {
        "dataset": "digits", "optimizer": "sgd", "activation": activation, "law": law,
        "theta": float(law.removeprefix("weibull_")) if law.startswith("weibull") else nan,
        "width": width, "depth": depth, "learning_rate": rate, "seed": seed, "diverged": diverged,
        "loss": nan if diverged else loss, "validation_loss": nan if diverged else loss,
        "validation_accuracy": nan if diverged else (accuracy if validation is None else validation),
        "test_loss": nan if diverged else loss, "test_accuracy": nan if diverged else accuracy,
        "trains": bool(not diverged and loss < 1.15), "epochs_to_loss": nan if diverged or loss >= 1.15 else 3.0,
    }  # fmt: skip


def test_the_rate_is_chosen_on_validation_only():
    rows = [run(rate=0.1, seed=s, accuracy=0.95, validation=0.7) for s in range(3)] + [
        run(rate=0.01, seed=s, accuracy=0.6, validation=0.8) for s in range(3)
    ]
    assert set(chosen_runs(pd.DataFrame(rows)).learning_rate) == {0.01}


def test_diverged_runs_count_as_guesses():
    """One of two runs diverged: validation .55 < .6 of the other rate, though the run that is left has 1."""
    rows = [
        run(rate=0.1, seed=0, accuracy=1.0), run(rate=0.1, seed=1, diverged=2),
        run(rate=0.01, seed=0, accuracy=0.6), run(rate=0.01, seed=1, accuracy=0.6),
    ]  # fmt: skip
    assert set(chosen_runs(pd.DataFrame(rows)).learning_rate) == {0.01}
    (cell,) = cell_table(pd.DataFrame(rows[:2])).to_dict("records")
    assert cell["accuracy"] == pytest.approx((1 + 0.1) / 2)
    assert cell["diverged"] == 1
    assert cell["loss"] == 0.5  # of the run that is left
    assert cell["trains"] == 0.5
    assert cell["all_diverged"] == 0.5
    (lost,) = cell_table(pd.DataFrame([run(seed=s, diverged=1) for s in range(2)])).to_dict("records")
    assert math.isnan(lost["loss"])
    assert lost["diverged"] == lost["runs"] == 2
    assert lost["accuracy"] == 0.1


def test_ties_go_to_the_lower_loss_then_the_smaller_rate():
    rows = [run(rate=0.1, loss=1.0), run(rate=0.01, loss=0.4), run(rate=0.001, loss=0.4)]
    assert set(chosen_runs(pd.DataFrame(rows)).learning_rate) == {0.001}


def test_intervals_hold_the_mean():
    rng = np.random.default_rng(1)
    rows = [run(seed=s, accuracy=0.5 + 0.1 * rng.standard_normal()) for s in range(200)]
    (cell,) = cell_table(pd.DataFrame(rows)).to_dict("records")
    error = np.std([row["test_accuracy"] for row in rows], ddof=1) / math.sqrt(200)
    assert cell["accuracy_high"] - cell["accuracy_low"] == pytest.approx(2 * 1.96 * error, rel=0.1)
    assert cell["trains_low"] < 1 <= cell["trains_high"] + 1e-12


def test_curves_are_those_of_the_chosen_rate():
    runs = pd.DataFrame([run(rate=r, seed=s, accuracy=1 - r) for r in (0.1, 0.01) for s in range(2)])
    keys = ["dataset", "optimizer", "activation", "law", "theta", "width", "depth"]
    curves = pd.DataFrame(
        [
            {k: row[k] for k in [*keys, "learning_rate", "seed"]}
            | {"epoch": epoch, "loss": math.nan if epoch == 0 else row["learning_rate"] + row["seed"]}
            for row in runs.to_dict("records")
            for epoch in range(3)
        ]
    )
    found = curve_table(curves, cell_table(runs))
    assert found.epoch.tolist() == [1, 2]
    assert found.loss.tolist() == [0.51, 0.51]
    assert found.loss_low.tolist() == [0.01, 0.01]
    assert found.loss_high.tolist() == [1.01, 1.01]
    assert found.runs.tolist() == [2, 2]


def study(better=0.0, seeds=8, noise=0.02):
    rng = np.random.default_rng(2)
    settings = [
        ("tanh", ""),
        ("relu", ""),
        ("odd", "weibull_4"),
        ("odd_edge", "weibull_4"),
        ("positive", "weibull_4"),
    ]
    settings += [("unit_gelu", ""), ("normalized_gelu", ""), ("normalized_relu", "")]
    rows = []
    for activation, law in settings:
        for depth in (3, 30):
            for seed in range(seeds):
                gain = better if activation == "odd" else 0.0
                accuracy = 0.6 + gain + noise * rng.standard_normal()
                rows.append(run(activation, law, seed, accuracy=accuracy, depth=depth))
    return pd.DataFrame(rows)


def test_comparisons_find_what_is_there():
    table = comparisons(chosen_runs(study(better=0.2)))
    assert set(zip(table["first"], table.second, strict=True)) == {
        ("odd", "tanh"), ("odd", "relu"), ("odd_edge", "tanh"), ("odd_edge", "relu"), ("odd_edge", "odd"),
        ("positive", "tanh"), ("positive", "relu"), ("positive", "odd"),
        ("normalized_gelu", "unit_gelu"), ("normalized_relu", "relu"),
    }  # fmt: skip
    assert set(table.scope) == {"all", "depth 30"}
    row = table[(table["first"] == "odd") & (table.second == "tanh") & (table.scope == "all")].iloc[0]
    assert row.pairs == 16
    assert row.low < row.difference < row.high
    assert row.difference == pytest.approx(0.2, abs=0.03)
    assert row.p_holm < 0.01
    back = table[(table["first"] == "odd_edge") & (table.second == "odd") & (table.scope == "all")].iloc[0]
    assert back.difference < 0
    assert back.p_holm < 0.01
    others = table[~table["first"].str.startswith("odd") & (table.second != "odd")]
    assert (others.p_holm > 0.05).all()


def test_no_difference_is_not_one():
    table = comparisons(chosen_runs(study(noise=0.0)))
    assert (table.p == 1).all()
    assert (table.difference.abs() < 1e-12).all()
    null = comparisons(chosen_runs(study()))
    assert (null.p_holm > 0.05).all()


def test_holm():
    """Against the definition: reject in order while p_(k) <= level / (m - k + 1)."""
    p = np.array([0.001, 0.013, 0.02, 0.2, 0.04])
    corrected = holm(p)
    for level in (0.01, 0.05, 0.06, 0.09):
        rejected = np.zeros(5, bool)
        for k, i in enumerate(np.argsort(p)):
            if p[i] > level / (5 - k):
                break
            rejected[i] = True
        np.testing.assert_array_equal(corrected <= level, rejected)


def predictors(effect, settings=10, seed=3):
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(settings):
        ks, edge = rng.random(), rng.random()
        for width in (3, 10):
            for depth in (3, 30):
                rows.append(
                    {
                        "activation": f"a{k}",
                        "law": "",
                        "width": width,
                        "depth": depth,
                        "ks_standardized": ks + 0.01 * rng.random(),
                        "edge": depth * edge,
                        "all_trains": effect * edge + 0.1 * rng.random(),
                    }
                )
    return pd.DataFrame(rows)


def test_predictors():
    table = predictors(-1.0)
    edge, ks = predict(table, "edge", "ks_standardized"), predict(table, "ks_standardized", "edge")
    expected = np.mean(
        [spearmanr(cell.edge, cell.all_trains).statistic for _, cell in table.groupby(["width", "depth"])]
    )
    assert edge.rank_correlation == pytest.approx(expected, abs=1e-12)
    assert edge.rank_correlation < -0.9
    assert edge.p < 0.01
    assert edge.partial_p < 0.01
    assert ks.p > 0.05
    assert (ks.settings, ks.architectures) == (10, 4)


def test_permutation_p_values_are_uniform_without_an_effect():
    """100 studies without effect: the number below .1 is binomial; level 1e-3 two-sided."""
    small = [predict(predictors(0.0, seed=100 + k), "edge", "ks_standardized").p <= 0.1 for k in range(40)]
    assert sum(small) <= 11  # P(Bin(40, .1) > 11) = 2e-4


def test_predictors_of_too_little_are_not_known():
    same = predictors(0.0).assign(all_trains=1.0)
    assert math.isnan(predict(same, "edge", "ks_standardized").rank_correlation)
    assert math.isnan(predict(predictors(1.0, settings=3), "edge", "ks_standardized").p)


def test_initial_columns_join_by_setting_and_architecture():
    runs = study()
    keys = ["activation", "law", "theta", "width", "depth"]
    initial = runs[keys].drop_duplicates().assign(ks_standardized=0.1, edge=0.2, chi=1.0)
    cells = cell_table(runs)
    table = with_initial(cells, initial)
    assert len(table) == len(cells)
    assert (table.ks_standardized == 0.1).all()
    assert set(prediction_table(cells, initial).predictor) == {"ks_standardized", "edge"}
