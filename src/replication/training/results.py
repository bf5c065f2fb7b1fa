"""Results of the training study from saved runs: chosen learning rates, and what came out of each cell.

Reads tables; trains nothing. A run that diverged is never dropped: it counts as a guess (accuracy 1/10) and as not
trained; means of the loss are over the other runs, with the number of diverged ones beside them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest

from preactivations.streams import Stream

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "CELL",
    "SETTING",
    "bootstrap_interval",
    "cell_table",
    "chosen_runs",
    "curve_table",
    "with_initial",
]

SETTING = ["activation", "law", "theta"]
CELL = ["dataset", "optimizer", *SETTING, "width", "depth"]
_CHANCE = 0.1
_RESAMPLES = 2000
Array = NDArray[np.float64]


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
    bootstrap intervals over seeds (percentiles of 2 000 resampled means), epochs_to_loss (mean over the `reached` runs
    that come below the threshold); of all learning rates: all_runs, all_trains, all_diverged (shares).
    """
    every = runs.groupby(CELL, dropna=False).agg(
        all_runs=("trains", "size"),
        all_trains=("trains", "mean"),
        all_diverged=("diverged", lambda d: float((d > 0).mean())),
    )
    rows = []
    for key, cell in chosen_runs(runs).groupby(CELL, dropna=False):
        interval = binomtest(int(cell.trains.sum()), len(cell)).proportion_ci(method="wilson")
        there = cell[cell.diverged == 0]
        row: dict[str, Any] = dict(zip(CELL, key, strict=True)) | {
            "learning_rate": cell.learning_rate.iloc[0],
            "runs": len(cell),
            "diverged": len(cell) - len(there),
            "trains": cell.trains.mean(),
            "trains_low": interval.low,
            "trains_high": interval.high,
        }
        for name, values in (("loss", there.loss), ("accuracy", cell.accuracy)):
            low, high = bootstrap_interval(values.to_numpy()[None], name, *key)
            row |= {name: values.mean(), f"{name}_low": low, f"{name}_high": high}
        row |= {
            "epochs_to_loss": cell.epochs_to_loss.mean(),
            "reached": int(cell.epochs_to_loss.notna().sum()),
        }
        rows.append(row)
    return pd.DataFrame(rows).merge(every.reset_index(), on=CELL)


def curve_table(curves: DataFrame, cells: DataFrame) -> DataFrame:
    """Curves at the chosen learning rate: per cell and epoch mean, least and largest batch loss over `runs` seeds."""
    mine = curves.merge(cells[[*CELL, "learning_rate"]], on=[*CELL, "learning_rate"])
    mine = mine[mine.loss.notna()]
    return mine.groupby([*CELL, "epoch"], dropna=False, as_index=False).agg(
        loss=("loss", "mean"), loss_low=("loss", "min"), loss_high=("loss", "max"), runs=("loss", "size")
    )


def bootstrap_interval(values: Array, *key: str | float) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of all values, shape (strata, n): drawn anew within each stratum.

    Percentiles of 2 000 resampled means. Random numbers are keyed by what the values are, so that an interval does not
    depend on which others are computed. NaN for fewer than two values per stratum.
    """
    strata, n = values.shape
    if n < 2:
        return math.nan, math.nan
    rng = Stream(0, "bootstrap", *(k if isinstance(k, str) else float(k) for k in key)).block(0)
    drawn = rng.integers(n, size=(_RESAMPLES, strata, n))
    means = np.nanmean(values[np.arange(strata)[:, None], drawn], axis=(1, 2))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def with_initial(cells: DataFrame, initial: DataFrame) -> DataFrame:
    """Cells of perceptrons with what is known at initialization: ks_standardized, edge, chi, ...

    ks_told is ks_standardized where that is beyond the 95 % point of normal samples, else 0.
    """
    keys = ["activation", "law", "width", "depth"]
    perceptrons = cells[cells.depth > 0]
    if not len(initial):
        return perceptrons.iloc[:0]
    table = perceptrons.merge(initial.drop_duplicates(keys).drop(columns="theta"), on=keys)
    told = table.ks_standardized > table.ks_standardized_null
    return table.assign(ks_told=table.ks_standardized.where(told, 0.0))
