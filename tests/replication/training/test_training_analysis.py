"""Chosen rates, intervals, tests and predictors on runs whose answer is known."""

import math

import numpy as np
import pandas as pd
import pytest

from replication.training.analysis import (
    cell_table,
    chosen_runs,
    curve_table,
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
        "width": width, "depth": depth, "steps": 220, "learning_rate": rate, "seed": seed, "diverged": diverged,
        "loss": nan if diverged else loss, "validation_loss": nan if diverged else loss,
        "validation_accuracy": nan if diverged else (accuracy if validation is None else validation),
        "test_loss": nan if diverged else loss, "test_accuracy": nan if diverged else accuracy,
        "trains": bool(not diverged and loss < 1.15), "steps_to_loss": nan if diverged or loss >= 1.15 else 3.0,
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


KS = {"tanh": 0.05, "relu": 0.3, "odd": 0.04, "odd_edge": 0.035, "positive": 0.02, "unit_gelu": 0.25}


def at_start(runs, ks=KS, edge=None, dead=None):
    """What is known at initialization of the settings of `study`; by default the controls are the most Gaussian."""
    frame = runs[["activation", "law", "theta", "width", "depth"]].drop_duplicates()
    return frame.assign(
        ks_standardized=[ks.get(a, 0.01) for a in frame.activation],
        ks_standardized_found=[ks.get(a, 0.01) for a in frame.activation],
        ks_standardized_band=0.001,
        edge=[(edge or {}).get(a, 0.5) for a in frame.activation],
        chi=1.0,
        n_networks=100,
        dead=[(dead or {}).get((a, d), 0) for a, d in zip(frame.activation, frame.depth, strict=True)],
    )


def test_initial_columns_join_by_setting_and_architecture():
    runs = study()
    cells = cell_table(runs)
    table = with_initial(cells, at_start(runs).assign(ks_standardized_band=0.03))
    assert len(table) == len(cells)
    assert table.ks_told.tolist() == [ks if ks > 0.03 else 0 for ks in table.ks_standardized]
    assert not len(with_initial(cells, pd.DataFrame()))  # a study of convolutional networks alone


def test_intervals_do_not_depend_on_other_cells():
    runs = study()
    some = cell_table(runs[runs.activation != "odd"])
    everything = cell_table(runs)
    same = everything[everything.activation != "odd"].reset_index(drop=True)
    pd.testing.assert_frame_equal(some, same)
