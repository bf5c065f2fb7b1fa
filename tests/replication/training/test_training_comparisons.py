"""Comparisons and predictors on studies whose answer is known."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, spearmanr
from test_training_analysis import at_start, run, study

from replication.inference import holm
from replication.training.analysis import cell_table, chosen_runs
from replication.training.comparisons import comparisons, predict, prediction_table


def compared(runs, **options):
    return comparisons(chosen_runs(runs), at_start(runs, **options))


def test_comparisons_find_what_is_there():
    table = compared(study(better=0.2))
    assert set(zip(table["first"], table.second, strict=True)) == {
        ("odd", "tanh"), ("odd", "relu"), ("odd_edge", "tanh"), ("odd_edge", "relu"), ("odd_edge", "odd"),
        ("positive", "tanh"), ("positive", "relu"), ("positive", "odd"),
        ("normalized_gelu", "unit_gelu"), ("normalized_relu", "relu"),
    }  # fmt: skip
    assert set(table.scope) == {"all", "depth 30"}
    row = table[(table["first"] == "odd") & (table.second == "tanh") & (table.scope == "all")].iloc[0]
    assert (row.architectures, row.seeds) == (2, 8)
    assert row.low < row.difference < row.high
    assert row.difference == pytest.approx(0.2, abs=0.03)
    assert row.p_holm < 0.01
    back = table[(table["first"] == "odd_edge") & (table.second == "odd") & (table.scope == "all")].iloc[0]
    assert back.difference < 0
    assert back.p_holm < 0.01
    others = table[~table["first"].str.startswith("odd") & (table.second != "odd")]
    assert (others.p_holm > 0.05).all()


def test_no_difference_is_not_one():
    table = compared(study(noise=0.0))
    assert (table.p == 1).all()
    assert (table.difference.abs() < 1e-12).all()
    null = compared(study())
    assert (null.p_holm > 0.05).all()


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
                        "trains": effect * edge + 0.1 * rng.random(),
                    }
                )
    return pd.DataFrame(rows)


def test_predictors():
    table = predictors(-1.0)
    edge, ks = predict(table, "edge", "ks_standardized"), predict(table, "ks_standardized", "edge")
    expected = np.mean(
        [spearmanr(cell.edge, cell.trains).statistic for _, cell in table.groupby(["width", "depth"])]
    )
    assert edge.rank_correlation == pytest.approx(expected, abs=1e-12)
    assert edge.rank_correlation < -0.9
    assert edge.p < 0.01
    assert edge.partial_p < 0.01
    assert ks.p > 0.05
    assert (ks.settings, ks.architectures) == (10, 4)


def test_permutation_p_values_are_uniform_without_an_effect():
    """40 studies without effect: how many are below .3, within 99.9 % of the binomial law."""
    small = sum(predict(predictors(0.0, seed=100 + k), "edge", "ks_standardized").p <= 0.3 for k in range(40))
    assert binom.ppf(5e-4, 40, 0.3) <= small <= binom.ppf(1 - 5e-4, 40, 0.3)


def test_partial_p_values_hold_their_level_where_the_other_predictor_acts(monkeypatch):
    """The target follows z alone, which x follows too: p of x given z is below .05 in 5 % of 200 studies (99.9 %)."""
    monkeypatch.setattr("replication.training.comparisons._PERMUTATIONS", 199)
    small = 0
    for k in range(200):
        rng = np.random.default_rng(1000 + k)
        z = rng.random(25)
        table = pd.DataFrame(
            {
                "activation": f"a{i}", "law": "", "width": 3, "depth": depth,
                "x": z[i] + 0.3 * rng.random(), "z": z[i], "trains": z[i] + 0.3 * rng.random(),
            }
            for i in range(25)
            for depth in (3, 30)
        )  # fmt: skip
        small += predict(table, "x", "z").partial_p <= 0.05
    assert binom.ppf(5e-4, 200, 0.05) <= small <= binom.ppf(1 - 5e-4, 200, 0.05)


def test_predictors_of_too_little_are_not_known():
    same = predictors(0.0).assign(trains=1.0)
    assert math.isnan(predict(same, "edge", "ks_standardized").rank_correlation)
    assert math.isnan(predict(predictors(1.0, settings=3), "edge", "ks_standardized").p)


def test_what_rests_on_the_positive_pairs_is_seen():
    """Only the positive pairs are off the edge, and only they fail: without them nothing is left to predict."""
    runs = pd.concat(
        [study()]
        + [
            pd.DataFrame([run("positive", f"weibull_{theta}", s, depth=d) for s in range(8) for d in (3, 30)])
            for theta in (2.05, 3, 5, 10)
        ]
    )
    rng = np.random.default_rng(0)
    kind = runs.activation == "positive"
    runs = runs.assign(trains=~kind & (rng.random(len(runs)) < 0.7))
    start = at_start(runs)
    start = start.assign(
        edge=[5 + rng.random() if a == "positive" else rng.random() for a in start.activation]
    )
    table = prediction_table(cell_table(runs), start).set_index(["among", "predictor"])
    assert table.loc[("all", "edge"), "p"] < 0.05
    assert table.loc[("not positive", "edge"), "p"] > 0.05
    assert table.loc[("not positive", "edge"), "settings"] == table.loc[("all", "edge"), "settings"] - 5


def test_dead_controls_are_left_out():
    runs = study()
    everything = compared(runs).set_index(["first", "scope"])
    table = compared(runs, dead={("normalized_relu", 30): 60, ("relu", 3): 60}).set_index(["first", "scope"])
    assert everything.loc[("normalized_relu", "all"), "architectures"].item() == 2
    assert table.loc[("normalized_relu", "all"), "architectures"].item() == 1
    assert ("normalized_relu", "depth 30") not in table.index
    assert table.loc[("normalized_gelu", "all"), "architectures"].item() == 2


def test_convolutional_networks_are_a_scope_of_their_own():
    conv = study().assign(width=0)
    conv = conv[conv.depth == 3].assign(depth=0)
    assert set(comparisons(chosen_runs(conv), pd.DataFrame())["scope"]) == {"LeNet"}
    both = compared(pd.concat([study(), conv]))
    assert set(both["scope"]) == {"all", "depth 30", "LeNet"}
    assert (both[both["scope"] == "all"].architectures == 2).all()


def test_rows_do_not_depend_on_others():
    runs = study(better=0.1)
    some = compared(runs[runs.activation != "positive"])
    everything = compared(runs)
    same = everything[everything["first"] != "positive"].reset_index(drop=True)
    columns = ["first", "second", "scope", "difference", "low", "high", "p"]
    pd.testing.assert_frame_equal(some[columns], same[columns])


def test_questions_are_corrected_apart():
    table = compared(study(better=0.1))
    for _, rows in table.groupby("question"):
        np.testing.assert_allclose(rows.p_holm, holm(list(rows.p)))
    assert set(table.question) == {"control", "pairs"}
