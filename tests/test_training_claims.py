"""The answer in words follows the numbers: made-up studies with a known answer."""

import math

import pandas as pd
import pytest
from test_training_results import study

from preactivations.training_claims import persistence_table, setting_table, training_text
from preactivations.training_results import cell_table

KEYS = ["dataset", "optimizer", "activation", "law", "theta", "width", "depth"]
KS = {"tanh": 0.05, "relu": 0.3, "odd": 0.04, "odd_edge": 0.03, "positive": 0.02, "unit_gelu": 0.25}


def initial(runs, ks=KS, edge=None):
    frame = runs[["activation", "law", "theta", "width", "depth"]].drop_duplicates()
    return frame.assign(
        ks_standardized=[ks.get(a, 0.01) for a in frame.activation],
        edge=[(edge or {}).get(a, 0.5) for a in frame.activation],
        chi=1.0,
    )


def curves(runs):
    return runs[[*KEYS, "learning_rate", "seed"]].assign(epoch=5, loss=0.5)


def followed(end):
    rows = [
        {
            "dataset": "digits", "activation": activation, "law": "", "theta": math.nan, "width": 10,
            "optimizer": "sgd",
            "learning_rate": 0.1, "epoch": epoch, "depth": depth, "ks_standardized": end if epoch else 0.02,
            "null_mean": 0.02, "null_95": 0.03, "n_samples": 300, "n_runs": 30, "variance": 1.0,
        }
        for activation in ("tanh", "relu")
        for epoch in (0, 5)
        for depth in (1, 2)
    ]  # fmt: skip
    runs = study()
    runs = runs[runs.activation.isin(["tanh", "relu"]) & (runs.depth == 3)]
    return pd.DataFrame(rows), runs


def text(runs, initial_frame, end=0.02):
    return training_text(runs, curves(runs), initial_frame, *followed(end))


def with_share(runs, share):
    """`share`: activation -> whether its runs train."""
    return runs.assign(
        trains=[share[a] for a in runs.activation], loss=[0.5 if share[a] else 2.3 for a in runs.activation]
    )


def test_no_effect_is_said_so():
    runs = study()
    answer = text(runs, initial(runs))
    assert "**Not shown.**" in answer
    assert "exactly Gaussian networks are better in 0, worse in 0 of 2 cases" in answer
    assert "closeness to Gaussian is not shown to go with trainability" in answer
    assert (
        "GELU with normal weights, exactly Gaussian by normalization against not: **no difference shown**"
        in answer
    )
    assert "Gaussianity is not lost in training" in answer
    assert "nan" not in answer


def test_gaussian_networks_that_are_better_are_a_yes():
    runs = study()
    gain = runs.activation.str.startswith("normalized_") * 0.2
    runs = runs.assign(
        validation_accuracy=runs.validation_accuracy + gain, test_accuracy=runs.test_accuracy + gain
    )
    good = {a: KS.get(a, 0.01) < 0.045 for a in set(runs.activation)}
    answer = text(with_share(runs, good), initial(runs))
    assert "**Yes, on the whole.**" in answer
    assert "better in 2, worse in 0 of 2 cases" in answer
    assert "closeness to Gaussian goes with trainability" in answer
    assert "exactly Gaussian by normalization against not: **better**" in answer


def test_the_edge_can_be_what_matters():
    runs = study()
    edge = {a: k + 1.0 for k, a in enumerate(dict.fromkeys(runs.activation))}
    good = {a: edge[a] < 5 for a in edge}
    ks = dict.fromkeys(edge, 0.1)
    answer = text(with_share(runs, good), initial(runs, ks, edge))
    assert "**Not by itself.**" in answer
    assert "closeness to the Edge of Chaos does" in answer


def test_lost_gaussianity_is_seen():
    runs = study()
    assert "for 2 of 2 settings, at the end for 0 of 2: Gaussianity is lost" in text(
        runs, initial(runs), end=0.2
    )


def test_directions_of_constructed_pairs():
    runs = study(better=0.2)
    answer = text(runs, initial(runs))
    assert "phi odd against tanh on the edge" in answer
    assert "over all architectures better for 1, worse for 0 of 1 laws (theta 4 +0.2" in answer
    assert "phi positive against phi odd without bias" in answer
    assert "worse for 1 of 1 laws (theta 4 -0.2" in answer


def test_settings_are_ordered_by_accuracy():
    runs = study(better=0.2)
    table = setting_table(cell_table(runs), initial(runs))
    assert table.activation.iloc[0] == "odd"
    assert table.accuracy.is_monotonic_decreasing
    assert table.deep_accuracy.iloc[0] == pytest.approx(0.8, abs=0.03)


def test_persistence_takes_the_chosen_rate():
    layers, runs = followed(0.1)
    other = layers.assign(learning_rate=0.5, ks_standardized=0.9)
    table = persistence_table(pd.concat([layers, other]), runs)
    assert len(table) == 4
    assert set(table["mean"]) == {0.02, 0.1}
    assert set(table.null_95) == {0.03}
