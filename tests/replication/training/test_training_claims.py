"""Claims about training follow the numbers: made-up studies with a known answer."""

import math
import re

import pandas as pd
import pytest
from test_training_analysis import KS, at_start, study

from replication.training.analysis import (
    cell_table,
    chosen_runs,
    persistence_table,
    setting_table,
    with_initial,
)
from replication.training.claims import (
    _narrow_and_deep,
    claim_table,
    persistence_claim,
    training_claims,
    training_text,
)
from replication.training.comparisons import comparisons, prediction_table, study_frames
from replication.verdicts import CLAIM_COLUMNS

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
    return words(runs, curves(runs), pd.DataFrame(), initial_frame, *followed(end))


def words(*raw):
    f = study_frames(*raw)
    claims = claim_table(f["sizes"], f["comparisons"], f["predictions"], f["start"], f["persistence"])
    shown = (f[name] for name in ("sizes", "cells", "settings", "comparisons"))
    return training_text(*shown, claims, f["persistence"])


def claims(runs, initial_frame):
    cells = cell_table(runs)
    tests = comparisons(chosen_runs(runs), initial_frame)
    table = training_claims(tests, prediction_table(cells, initial_frame), with_initial(cells, initial_frame))
    assert list(table) == CLAIM_COLUMNS
    assert not table.map(lambda text: "nan" in text).any(axis=None)
    return table.set_index("claim")


def desirable(runs, initial_frame):
    row = claims(runs, initial_frame).loc["it is desirable to start from Gaussian pre-activations"]
    return row.verdict, f"{row.number}; {row.result}"


def with_share(runs, share):
    """`share`: activation -> whether its runs train."""
    return runs.assign(
        trains=[share[a] for a in runs.activation], loss=[0.5 if share[a] else 2.3 for a in runs.activation]
    )


def gained(runs, gain):
    return runs.assign(
        validation_accuracy=runs.validation_accuracy + gain, test_accuracy=runs.test_accuracy + gain
    )


def test_no_effect_is_not_tested():
    runs = study()
    verdict, result = desirable(runs, at_start(runs))
    assert verdict == "undecided"
    assert "Gaussian networks better in 0, worse in 0 of 2 cases" in result
    assert "closeness to Gaussian is not shown to go with trainability" in result
    assert "not resolved: no difference is significant" in result
    row = claims(runs, at_start(runs)).loc[
        "GELU with normal weights is better if normalization makes it exactly Gaussian"
    ]
    assert row.verdict == "undecided"
    answer = text(runs, at_start(runs))
    assert "| it is desirable to start from Gaussian pre-activations | **undecided** |" in answer
    assert "nan" not in answer


def test_gaussian_networks_that_are_better_confirm():
    runs = study()
    runs = gained(runs, runs.activation.str.startswith("normalized_") * 0.2)
    good = {a: KS.get(a, 0.01) < 0.045 for a in set(runs.activation)}
    runs = with_share(runs, good)
    verdict, result = desirable(runs, at_start(runs))
    assert verdict == "confirmed"
    assert "better in 2, worse in 0 of 2 cases" in result
    assert "closeness to Gaussian goes with more trainability" in result
    controls = claims(runs, at_start(runs)).filter(like="normalization makes", axis=0)
    assert controls.verdict.tolist() == ["confirmed"] * 2
    # one of the two parts alone: the controls without the predictor
    only = gained(study(), study().activation.str.startswith("normalized_") * 0.2)
    assert desirable(only, at_start(only))[0] == "in part"


def test_the_edge_can_be_what_matters():
    runs = study()
    edge = {a: k + 1.0 for k, a in enumerate(dict.fromkeys(runs.activation))}
    good = {a: edge[a] < 5 for a in edge}
    ks = dict.fromkeys(edge, 0.1)
    runs = with_share(runs, good)
    verdict, result = desirable(runs, at_start(runs, ks, edge))
    assert verdict == "undecided"  # that something else matters is no proof that this does not
    assert "closeness to the Edge of Chaos goes with more trainability" in result
    row = claims(runs, at_start(runs, ks, edge)).filter(like="closeness to the Edge of Chaos, by", axis=0)
    assert row.verdict.tolist() == ["confirmed"]


def test_lost_gaussianity_is_seen():
    def kept(end):
        return persistence_claim(persistence_table(*followed(end)))

    assert (kept(0.02)["verdict"], kept(0.2)["verdict"]) == ("confirmed", "not confirmed")
    assert kept(0.2)["number"] == "0 of 2"
    assert kept(0.2)["result"] == "of 2 settings 2 are Gaussian at the start, of these 0 at the end"


def test_directions_of_constructed_pairs():
    runs = study(better=0.2)
    table = claims(runs, at_start(runs))
    row = table.loc["phi odd trains better than tanh on the edge (perceptrons)"]
    assert row.verdict == "confirmed"
    assert "all architectures: better for 1, worse for 0 of 1 (differences +0.2" in row.result
    row = table.loc["phi positive trains better than phi odd without bias (perceptrons)"]
    assert row.verdict == "not confirmed"
    assert "worse for 1 of 1 (differences -0.2" in row.result


@pytest.mark.parametrize(
    ("trains", "verdict"),
    [
        ({"odd": (1.0, 0.8, 1.0), "tanh": (0.0, 0.0, 0.2)}, "confirmed"),
        ({"odd": (0.0, 0.0, 0.2), "tanh": (1.0, 0.8, 1.0)}, "not confirmed"),
        ({"odd": (0.6, 0.4, 0.8), "tanh": (1.0, 0.8, 1.0)}, "undecided"),
        ({"tanh": (1.0, 0.8, 1.0)}, "not tested"),
    ],
)
def test_narrow_and_deep_networks(trains, verdict):
    """By the share of runs of the best pair in the deepest networks; what others do does not count."""
    rows = [
        {
            "activation": name,
            "theta": 4.0,
            "law": "weibull_4" if name == "odd" else "",
            "width": width,
            "depth": depth,
        }
        | dict(
            zip(
                ("trains", "trains_low", "trains_high"),
                share if depth == 30 else (1.0, 0.8, 1.0),
                strict=True,
            )
        )
        for name, share in trains.items()
        for width in (3, 10)
        for depth in (3, 30)
    ]
    assert _narrow_and_deep(pd.DataFrame(rows))["verdict"] == verdict


def test_differences_are_in_a_table():
    runs = study(better=0.2)
    table = text(runs, at_start(runs)).split("| difference of test accuracy |")[1]
    assert table.splitlines()[0] == " all | depth 30 |"
    (row,) = re.findall(r"\| phi odd, theta 4, minus tanh on the edge \| (.*?) \|", table)
    assert re.fullmatch(r"\+0\.2\d+ \[\+0\.1\d+, \+0\.2\d+\], p \(Holm\) = [\de.-]+", row)
    assert "| GELU, minus the same, not Gaussian |" in table


def test_no_rows_no_verdict():
    runs = study()
    start = at_start(runs)
    cells = cell_table(runs)
    frames = (
        comparisons(chosen_runs(runs), start),
        prediction_table(cells, start),
        with_initial(cells, start),
    )
    assert set(training_claims(*(frame[:0] for frame in frames)).verdict) == {"not tested"}
    assert persistence_claim(persistence_table(*followed(0.02))[:0])["verdict"] == "not tested"


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
    gone = layers[~((layers.activation == "relu") & (layers.epoch == 5))]
    row = persistence_claim(persistence_table(gone, runs))
    assert row["result"] == "of 1 settings 1 are Gaussian at the start, of these 1 at the end"
    assert row["verdict"] == "confirmed"
    runs_of = study()
    assert "diverged" in words(runs_of, curves(runs_of), pd.DataFrame(), at_start(runs_of), gone, runs)
    never = layers.assign(ks_standardized=0.2)
    assert persistence_claim(persistence_table(never, runs))["verdict"] == "not tested"
    constant = layers.assign(ks_standardized=math.nan)
    assert persistence_claim(persistence_table(constant, runs))["verdict"] == "not tested"
    answer = words(runs_of, curves(runs_of), pd.DataFrame(), at_start(runs_of), constant, runs)
    assert "constant" in answer
    assert "nan" not in answer


def test_opposite_directions_and_missing_controls_are_said():
    runs = study()
    shift = 0.3 * (runs.activation == "normalized_gelu") - 0.3 * (runs.activation == "normalized_relu")
    mixed = gained(runs, shift)
    verdict, result = desirable(mixed, at_start(mixed))
    assert verdict == "in part"
    assert "better in 1, worse in 1 of 2 cases" in result
    free = runs[~runs.activation.str.startswith("normalized_")]
    good = {a: KS[a] > 0.036 for a in set(free.activation)}
    assert desirable(with_share(free, good), at_start(free)) == ("not tested", "; no rows")
    bad = {a: KS.get(a, 0.01) > 0.036 for a in set(runs.activation)}
    verdict, result = desirable(with_share(runs, bad), at_start(runs))
    assert "closeness to Gaussian goes with less trainability" in result
    assert verdict == "not confirmed"


def test_dead_controls_are_told():
    runs = study()
    table = claims(runs, at_start(runs, dead={("normalized_relu", 30): 60}))
    row = table.filter(like="ReLU with normal weights", axis=0).iloc[0]
    assert "1 of 2 architectures are left out: there networks are dead at the start (up to 60%)" in row.result


def test_convolutional_networks_have_their_claims():
    conv = study(better=0.2, seeds=14)
    conv = conv[conv.depth == 3].assign(width=0, depth=0)
    answer = words(conv, curves(conv), pd.DataFrame(), pd.DataFrame(), *followed(0.02))
    assert "| LeNet-like network |" in answer
    assert "| phi odd trains better than tanh on the edge (LeNet) | **confirmed** |" in answer
