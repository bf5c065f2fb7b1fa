"""The answer in words follows the numbers: made-up studies with a known answer."""

import math

import pandas as pd
import pytest
from test_training_results import KS, at_start, study

from replication.training.claims import persistence_table, setting_table, training_text
from replication.training.results import cell_table

KEYS = ["dataset", "optimizer", "activation", "law", "theta", "width", "depth"]


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
    answer = text(runs, at_start(runs))
    assert "**Not shown.**" in answer
    assert "Gaussian networks are better in 0, worse in 0 of 2 cases" in answer
    assert "closeness to Gaussian is not shown to go with trainability" in answer
    assert (
        "GELU with normal weights, exactly Gaussian by normalization against not: **not resolved**" in answer
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
    answer = text(with_share(runs, good), at_start(runs))
    assert "**Yes, on the whole.**" in answer
    assert "better in 2, worse in 0 of 2 cases" in answer
    assert "closeness to Gaussian goes with more trainability" in answer
    assert "exactly Gaussian by normalization against not: **better**" in answer


def test_the_edge_can_be_what_matters():
    runs = study()
    edge = {a: k + 1.0 for k, a in enumerate(dict.fromkeys(runs.activation))}
    good = {a: edge[a] < 5 for a in edge}
    ks = dict.fromkeys(edge, 0.1)
    answer = text(with_share(runs, good), at_start(runs, ks, edge))
    assert "**Not by itself.**" in answer
    assert "closeness to the Edge of Chaos goes with more trainability" in answer


def test_lost_gaussianity_is_seen():
    runs = study()
    answer = text(runs, at_start(runs), end=0.2)
    assert "at the start: 2 of 2 settings; at the end: 0. Gaussianity is lost" in answer


def test_directions_of_constructed_pairs():
    runs = study(better=0.2)
    answer = text(runs, at_start(runs))
    assert "phi odd against tanh on the edge" in answer
    assert "all architectures: better for 1, worse for 0, not resolved for 0 (theta 4 +0.2" in answer
    assert "phi positive against phi odd without bias" in answer
    assert "worse for 1, not resolved for 0 (theta 4 -0.2" in answer


def test_settings_are_ordered_by_accuracy():
    runs = study(better=0.2)
    table = setting_table(cell_table(runs), at_start(runs))
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


def test_a_setting_that_diverged_or_was_never_gaussian_is_not_a_loss():
    layers, runs = followed(0.02)
    runs_of = study()
    gone = layers[~((layers.activation == "relu") & (layers.epoch == 5))]
    answer = training_text(runs_of, curves(runs_of), at_start(runs_of), gone, runs)
    assert "diverged" in answer
    assert "at the start: 1 of 1 settings; at the end: 1. Gaussianity is not lost" in answer
    never = layers.assign(ks_standardized=0.2)
    assert "None was Gaussian" in training_text(runs_of, curves(runs_of), at_start(runs_of), never, runs)
    constant = layers.assign(ks_standardized=math.nan)
    answer = training_text(runs_of, curves(runs_of), at_start(runs_of), constant, runs)
    assert "constant" in answer
    assert "nan" not in answer


def test_opposite_directions_and_missing_controls_are_said():
    runs = study()
    shift = 0.3 * (runs.activation == "normalized_gelu") - 0.3 * (runs.activation == "normalized_relu")
    mixed = runs.assign(
        validation_accuracy=runs.validation_accuracy + shift, test_accuracy=runs.test_accuracy + shift
    )
    answer = text(mixed, at_start(mixed))
    assert "**It depends.**" in answer
    assert "better in 1, worse in 1 of 2 cases" in answer
    free = runs[~runs.activation.str.startswith("normalized_")]
    good = {a: KS[a] > 0.036 for a in set(free.activation)}
    answer = text(with_share(free, good), at_start(free))
    assert "Gaussian or not: not tested" in answer
    bad = {a: KS.get(a, 0.01) > 0.036 for a in set(runs.activation)}
    answer = text(with_share(runs, bad), at_start(runs))
    assert "closeness to Gaussian goes with less trainability" in answer
    assert "**Not by itself.**" in answer


def test_dead_controls_are_told():
    runs = study()
    answer = text(runs, at_start(runs, dead={("normalized_relu", 30): 60}))
    assert "1 of 2 architectures are left out: there networks are dead at the start (up to 60%)" in answer


def test_convolutional_networks_have_their_sentences():
    conv = study(better=0.2, seeds=14)
    conv = conv[conv.depth == 3].assign(width=0, depth=0)
    answer = training_text(conv, curves(conv), pd.DataFrame(), *followed(0.02))
    assert "| LeNet-like network |" in answer
    assert "phi odd against tanh on the edge: better for 1" in answer
