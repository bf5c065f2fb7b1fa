"""Results of the training study from saved runs: chosen learning rates, and what came out of each cell.

Reads tables; trains nothing. A run that diverged is never dropped: it counts as a guess (accuracy 1/10) and as not
trained; means of the loss are over the other runs, with the number of diverged ones beside them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from replication.distances import told
from replication.inference import mean_test, wilson_interval

if TYPE_CHECKING:
    from pandas import DataFrame

SETTING = ["activation", "law", "theta"]
CELL = ["dataset", "optimizer", *SETTING, "width", "depth"]
_CHANCE = 0.1


def chosen_runs(runs: DataFrame) -> DataFrame:
    """The runs at the learning rate with the best mean validation accuracy of their cell.

    Diverged runs count as guesses; of equal rates the one with the lower mean validation loss is taken, then the
    smaller one. Nothing of the test part enters. `accuracy` is the test accuracy with diverged runs as guesses.
    """
    runs = runs.assign(
        validation=runs.validation_accuracy.where(runs.diverged == 0, _CHANCE),
        accuracy=runs.test_accuracy.where(runs.diverged == 0, _CHANCE),
    )
    rates = runs.groupby([*CELL, "learning_rate"], dropna=False, as_index=False).agg(
        validation=("validation", "mean"), validation_loss=("validation_loss", "mean")
    )
    order = rates.sort_values(
        ["validation", "validation_loss", "learning_rate"], ascending=[False, True, True]
    )
    best = order.drop_duplicates(CELL)[[*CELL, "learning_rate"]]
    return runs.merge(best, on=[*CELL, "learning_rate"]).drop(columns="validation")


def cell_table(runs: DataFrame) -> DataFrame:
    """One row per cell (`CELL`) at its chosen learning rate.

    runs, diverged, trains (share that trains) with its 95 % Wilson interval, loss and accuracy (test) with 95 %
    intervals of Student over seeds, steps_to_loss (mean over the `reached` runs that come below the threshold).
    """
    rows = []
    for key, cell in chosen_runs(runs).groupby(CELL, dropna=False):
        low, high = wilson_interval(int(cell.trains.sum()), len(cell))
        there = cell[cell.diverged == 0]
        row: dict[str, Any] = dict(zip(CELL, key, strict=True))
        row |= {
            "learning_rate": cell.learning_rate.iloc[0],
            "runs": len(cell),
            "diverged": len(cell) - len(there),
        }
        row |= {"trains": cell.trains.mean(), "trains_low": low, "trains_high": high}
        for name, values in (("loss", there.loss), ("accuracy", cell.accuracy)):
            mean, low, high, _ = mean_test(values)
            row |= {name: mean, f"{name}_low": low, f"{name}_high": high}
        reached = int(cell.steps_to_loss.notna().sum())
        rows.append(row | {"steps_to_loss": cell.steps_to_loss.mean(), "reached": reached})
    return pd.DataFrame(rows)


def curve_table(curves: DataFrame, cells: DataFrame) -> DataFrame:
    """Curves at the chosen learning rate: per cell and epoch mean, least and largest batch loss over `runs` seeds."""
    mine = curves.merge(cells[[*CELL, "learning_rate"]], on=[*CELL, "learning_rate"])
    mine = mine[mine.loss.notna()]
    return mine.groupby([*CELL, "epoch"], dropna=False, as_index=False).agg(
        loss=("loss", "mean"), loss_low=("loss", "min"), loss_high=("loss", "max"), runs=("loss", "size")
    )


def with_initial(cells: DataFrame, initial: DataFrame) -> DataFrame:
    """Cells of perceptrons with what is known at initialization: ks_standardized, edge, chi, ...

    ks_told is ks_standardized where that is told from 0 by its 95 % band, else 0.
    """
    keys = ["activation", "law", "width", "depth"]
    perceptrons = cells[cells.depth > 0]
    if not len(initial):
        return perceptrons.iloc[:0]
    table = perceptrons.merge(initial.drop_duplicates(keys).drop(columns="theta"), on=keys)
    return table.assign(ks_told=table.ks_standardized.where(told(table), 0.0))


def setting_table(cells: DataFrame, initial: DataFrame) -> DataFrame:
    """One row per setting: means over the architectures of one data set and optimizer.

    chi (at infinite width), ks (mean standardized distance from Gaussian at initialization), trains (share of runs) and
    accuracy, deep_trains and deep_accuracy (deepest architectures), diverged (share of runs).
    """
    table = with_initial(cells, initial)
    deepest = table.depth.max()
    rows = []
    for key, rows_of in table.groupby(SETTING, dropna=False, sort=False):
        deep = rows_of[rows_of.depth == deepest]
        row = dict(zip(SETTING, key, strict=True)) | {"chi": rows_of.chi.iloc[0]}
        row |= {"ks": rows_of.ks_standardized.mean()}
        row |= {name: rows_of[name].mean() for name in ("trains", "accuracy")}
        row |= {f"deep_{name}": deep[name].mean() for name in ("trains", "accuracy")}
        rows.append(row | {"diverged": (rows_of.diverged / rows_of.runs).mean()})
    return pd.DataFrame(rows).sort_values("accuracy", ascending=False, ignore_index=True)


def size_table(runs: DataFrame, curves: DataFrame, cells: DataFrame, race: DataFrame) -> DataFrame:
    """One row per data set and optimizer: what was trained, and where the chosen learning rates lie.

    runs, settings, architectures, cells, seeds, learning_rates (text, all that were tried), epochs; trains and
    diverged, shares of the runs; good, cells with an accuracy above .3, and the shares of these at the largest and the
    smallest rate; steps of all networks, race included, and grid_steps, of as many seeds at each rate.
    """
    rows = []
    for key, mine in runs.groupby(["dataset", "optimizer"]):
        name = dict(zip(("dataset", "optimizer"), key, strict=True))
        own_cells, own_curves, own_race = (
            frame[(frame.dataset == name["dataset"]) & (frame.optimizer == name["optimizer"])]
            if len(frame)
            else frame
            for frame in (cells, curves, race)
        )
        rates = sorted({*mine.learning_rate, *(own_race.learning_rate if len(own_race) else ())})
        good = own_cells[own_cells.accuracy > 0.3]
        counts = {"runs": len(mine), "settings": mine.groupby(SETTING, dropna=False).ngroups}
        counts |= {"architectures": mine.groupby(["width", "depth"]).ngroups, "cells": len(own_cells)}
        tried = mine.groupby(CELL, dropna=False).learning_rate.nunique().sum()
        grid = mine.steps.sum() * len(rates) * len(own_cells) / tried
        rows.append(
            name
            | counts
            | {"seeds": mine.seed.nunique(), "learning_rates": ", ".join(f"{rate:g}" for rate in rates)}
            | {"epochs": int(own_curves.epoch.max()), "trains": mine.trains.mean()}
            | {"diverged": (mine.diverged > 0).mean(), "good": len(good)}
            | {"at_largest": (good.learning_rate == rates[-1]).mean()}
            | {"at_smallest": (good.learning_rate == rates[0]).mean()}
            | {"steps": int(mine.steps.sum()) + race_steps(own_race), "grid_steps": round(grid)}
        )
    return pd.DataFrame(rows)


def race_steps(race: DataFrame) -> int:
    """Steps of all networks in races, those that diverge before the end of a round counted to it."""
    if not len(race):
        return 0
    ordered = race.sort_values("round")
    before = ordered.groupby([*CELL, "learning_rate"], dropna=False).steps.shift(fill_value=0)
    return int(((ordered.steps - before) * ordered.seeds).sum())


def training_frames(runs: DataFrame, curves: DataFrame) -> dict[str, DataFrame]:
    """What tables and figures of any training read: `cells`, `chosen` accuracies by seed, `loss` by epoch."""
    cells = cell_table(runs)
    return {
        "cells": cells,
        "chosen": chosen_runs(runs)[[*CELL, "seed", "accuracy"]],
        "loss": curve_table(curves, cells),
    }


def persistence_table(layers: DataFrame, runs: DataFrame) -> DataFrame:
    """Standardized KS by setting and epoch at the chosen learning rate: mean, first and last layer, null mean.

    Also `trains`, the share of the runs at that rate; dataset, width, depth and optimizer of the study.
    """
    chosen = chosen_runs(runs)
    best = chosen[[*SETTING, "learning_rate"]].drop_duplicates()
    trains = chosen.groupby(SETTING, dropna=False).trains.mean().rename("trains").reset_index()
    mine = layers.merge(best, on=[*SETTING, "learning_rate"])
    rows = []
    for key, cell in mine.groupby([*SETTING, "learning_rate", "epoch"], dropna=False, sort=False):
        ordered = cell.sort_values("depth")
        ks = ordered.ks_standardized
        rows.append(
            dict(zip([*SETTING, "learning_rate", "epoch"], key, strict=True))
            | {"mean": ks.mean(), "first_layer": ks.iloc[0], "last_layer": ks.iloc[-1]}
            | {name: ordered[name].mean() for name in ("null_mean", "null_95")}
            | {"variance_last": ordered.variance.iloc[-1]}
            | {name: int(ordered[name].max()) for name in ("n_samples", "n_runs")}
        )
    if not rows:
        return pd.DataFrame()
    study = layers.iloc[0][["dataset", "width", "optimizer"]].to_dict() | {"depth": int(layers.depth.max())}
    return pd.DataFrame(rows).merge(trains, on=SETTING, how="left").assign(**study)
