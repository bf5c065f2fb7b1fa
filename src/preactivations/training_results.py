"""Results of the training study from saved runs: chosen learning rates, intervals, paired tests, predictors.

Reads tables; trains nothing. A run that diverged is never dropped: it counts as a guess (accuracy 1/10) and as not
trained; means of the loss are over the other runs, with the number of diverged ones beside them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import binomtest, rankdata, wilcoxon

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "CELL",
    "SETTING",
    "Prediction",
    "cell_table",
    "chosen_runs",
    "comparisons",
    "curve_table",
    "holm",
    "predict",
    "prediction_table",
    "with_initial",
]

SETTING = ["activation", "law", "theta"]
CELL = ["dataset", "optimizer", *SETTING, "width", "depth"]
_CHANCE = 0.1
_RESAMPLES = 2000
_LEVEL = 0.05
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
    rng = np.random.default_rng(0)
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
            low, high = _interval(values.to_numpy(), rng)
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


def _interval(values: Array, rng: np.random.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the mean; NaN for fewer than two values."""
    if len(values) < 2:
        return math.nan, math.nan
    means = values[rng.integers(len(values), size=(_RESAMPLES, len(values)))].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def comparisons(chosen: DataFrame) -> DataFrame:
    """Paired comparisons of test accuracy between settings, per data set and optimizer.

    Pairs are runs of one architecture and seed. Each exact pair and phi_(.99, omega) is compared with tanh and ReLU,
    odd_edge and positive with odd for the same law, each control with its twin: over all architectures, and over the
    deepest. difference: mean of first minus second, with a 95 % bootstrap interval (seeds drawn within architectures);
    p: two-sided Wilcoxon signed-rank test of the pooled pairs (under the hypothesis that the two are exchangeable in
    every architecture the differences are symmetric about 0); p_holm: corrected for all rows of the data set (Holm).
    """
    rng = np.random.default_rng(0)
    tables = []
    for (dataset, optimizer), part in chosen[chosen.depth > 0].groupby(["dataset", "optimizer"]):
        wide = part.set_index(["activation", "law", "width", "depth", "seed"]).accuracy.sort_index()
        rows: list[dict[str, Any]] = []
        for first, second in _pairs_of(part):
            difference = (wide.loc[first] - wide.loc[second]).dropna()
            scopes = {
                "all": difference,
                f"depth {part.depth.max()}": difference.xs(part.depth.max(), level="depth"),
            }
            for scope, values in scopes.items():
                low, high = _stratified(values, rng)
                rows.append(
                    {
                        "dataset": dataset,
                        "optimizer": optimizer,
                        "first": first[0],
                        "first_law": first[1],
                        "second": second[0],
                        "second_law": second[1],
                        "scope": scope,
                        "pairs": len(values),
                        "difference": values.mean(),
                        "low": low,
                        "high": high,
                        "p": float(wilcoxon(values, zero_method="zsplit").pvalue) if values.any() else 1.0,
                    }
                )
        table = pd.DataFrame(rows)
        if rows:
            tables.append(table.assign(p_holm=holm(table.p)))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def _pairs_of(part: DataFrame) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    there = list(part[["activation", "law"]].drop_duplicates().itertuples(index=False, name=None))
    pairs = []
    for activation, law in there:
        others: list[tuple[str, str]] = []
        if activation in ("odd", "odd_edge", "positive") or activation.startswith("oscillating_"):
            others += [("tanh", ""), ("relu", "")]
        if activation in ("odd_edge", "positive"):
            others.append(("odd", law))
        if activation.startswith("normalized_"):
            psi = activation.removeprefix("normalized_")
            others.append(("relu" if psi == "relu" else f"unit_{psi}", ""))
        pairs += [((activation, law), other) for other in others if other in there]
    return pairs


def _stratified(values: Any, rng: np.random.Generator) -> tuple[float, float]:
    """95 % bootstrap interval of the mean of differences, seeds drawn anew within each architecture."""
    levels = [name for name in values.index.names if name != "seed"]
    table = values.unstack("seed") if levels else values.to_frame().T
    d = table.to_numpy()
    a, s = d.shape
    means = np.nanmean(d[np.arange(a)[:, None], rng.integers(s, size=(_RESAMPLES, a, s))], axis=(1, 2))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def holm(p: Sequence[float]) -> Array:
    """p-values corrected for their number, step-down (Holm 1979): keeps the family-wise level under any dependence.

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values)
    stepped = np.maximum.accumulate(values[order] * (len(values) - np.arange(len(values))))
    out = np.empty_like(values)
    out[order] = np.minimum(stepped, 1)
    return out


class Prediction(NamedTuple):
    """Does a quantity at initialization predict which settings train? Ranks within each architecture.

    Attributes
    ----------
    rank_correlation : float
        Spearman's, mean over architectures in which not all settings do equally well.
    p : float
        Two-sided, by permuting the settings, the same way in all architectures: settings are the units, not cells.
    partial : float
        The same with the other predictor held fixed (partial rank correlation).
    partial_p : float
    settings, architectures : int
    """

    rank_correlation: float
    p: float
    partial: float
    partial_p: float
    settings: int
    architectures: int


def with_initial(cells: DataFrame, initial: DataFrame) -> DataFrame:
    """Cells of perceptrons with what is known at initialization: ks_standardized, edge, chi, ..."""
    keys = ["activation", "law", "width", "depth"]
    known = initial.drop_duplicates(keys).drop(columns="theta")
    return cells[cells.depth > 0].merge(known, on=keys)


def predict(table: DataFrame, name: str, given: str, target: str = "all_trains") -> Prediction:
    """How well `name` orders the settings by `target`, alone and with `given` held fixed.

    `table` has one row per setting, width and depth of one data set and optimizer (`with_initial`).
    """
    columns = [
        table.pivot(index=["width", "depth"], columns=["activation", "law"], values=column).to_numpy(float)
        for column in (name, given, target)
    ]
    complete = ~np.isnan(columns).any(axis=(0, 1))
    x, z, y = (_standard_ranks(column[:, complete]) for column in columns)
    told = np.ptp(y, axis=1) > 0
    x, z, y = x[told], z[told], y[told]
    architectures, settings = y.shape
    if architectures == 0 or settings < 4:
        return Prediction(math.nan, math.nan, math.nan, math.nan, settings, architectures)
    rng = np.random.default_rng(0)
    alone, partial = _correlations(x, z, y)
    drawn = np.array(
        [_correlations(x[:, order], z, y) for order in (rng.permutation(settings) for _ in range(_RESAMPLES))]
    )
    beyond = (np.abs(drawn) >= np.abs([alone, partial]) - 1e-12).sum(0)
    p, partial_p = (1 + beyond) / (1 + _RESAMPLES)
    return Prediction(alone, float(p), partial, float(partial_p), settings, architectures)


def prediction_table(cells: DataFrame, initial: DataFrame) -> DataFrame:
    """`predict` for both predictors, each given the other, per data set and optimizer."""
    rows = []
    for (dataset, optimizer), part in with_initial(cells, initial).groupby(["dataset", "optimizer"]):
        for name, given in (("ks_standardized", "edge"), ("edge", "ks_standardized")):
            head = {"dataset": dataset, "optimizer": optimizer, "predictor": name, "given": given}
            rows.append(head | predict(part, name, given)._asdict())
    return pd.DataFrame(rows)


def _standard_ranks(values: Array) -> Array:
    """Ranks within each row, of mean 0 and norm 1 (0 where all are equal)."""
    ranks = rankdata(values, axis=1)
    ranks -= ranks.mean(1, keepdims=True)
    norm = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.asarray(np.divide(ranks, norm, out=np.zeros_like(ranks), where=norm > 0))


def _correlations(x: Array, z: Array, y: Array) -> tuple[float, float]:
    """Means over rows of the rank correlation of x with y, alone and given z."""
    xy, xz, zy = (x * y).sum(1), (x * z).sum(1), (z * y).sum(1)
    rest = np.sqrt(np.maximum((1 - xz**2) * (1 - zy**2), 1e-12))
    return float(xy.mean()), float(((xy - xz * zy) / rest).mean())
