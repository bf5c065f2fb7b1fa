"""Inference on the training study: paired comparisons of settings, and what at initialization predicts training.

Reads rows of runs and tables of `analysis`; trains nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import rankdata

from preactivations.streams import Stream
from replication.inference import holm, mean_test
from replication.training.analysis import (
    cell_table,
    chosen_runs,
    curve_table,
    persistence_table,
    setting_table,
    size_table,
    with_initial,
)

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]
_PERMUTATIONS = 2000
_DEAD = 0.01


def comparisons(chosen: DataFrame, initial: DataFrame, fitted: DataFrame | None = None) -> DataFrame:
    """Paired comparisons of test accuracy between settings, per data set and optimizer.

    A value is the difference for one seed, mean over the architectures, of runs at the rates chosen on validation:
    seeds are the units, architectures are those that they are. Three questions: "control", each normalized activation
    against its twin; "pairs", each exact pair and phi_(.99, omega) against tanh and ReLU, odd_edge and positive against
    odd for the same law; "route", each activation of `fitted`, chosen runs with activations fitted as in the paper,
    against the exact one of that name. Scopes: all perceptrons, the deepest of them, LeNet. Of a control, architectures
    in which 1 % of the networks are dead at the start (ReLU, narrow) are left out: those are not Gaussian.

    difference: mean of first minus second over `seeds`, with the 95 % interval low to high and the two-sided p of
    Student (`inference.mean_test`; the choice of one rate for all seeds of a cell makes these a little alike). p_holm:
    corrected for all rows of that question, data set and optimizer (Holm).
    """
    dead = initial[initial.dead >= _DEAD * initial.n_networks] if len(initial) else initial
    left_out = set(zip(dead.activation, dead.width, dead.depth, strict=True)) if len(dead) else set()
    tables = []
    for (dataset, optimizer), part in chosen.groupby(["dataset", "optimizer"]):
        wide = _accuracies(part)
        pairs = [(q, a, b, wide.loc[a] - wide.loc[b]) for q, a, b in _pairs_of(part)]
        if fitted is not None:
            mine = _accuracies(fitted[(fitted.dataset == dataset) & (fitted.optimizer == optimizer)])
            both = mine.index.droplevel(["width", "depth", "seed"]).unique()
            pairs += [("route", cell, cell, mine.loc[cell] - wide.loc[cell]) for cell in both]
        rows: list[dict[str, Any]] = []
        for question, first, second, raw in pairs:
            difference = raw.dropna()
            for scope, values in _scopes(difference, first[0], left_out).items():
                names = (dataset, optimizer, *first, *second, scope)
                tested = mean_test(by_seed := values.groupby(level="seed").mean())
                architectures = values.index.droplevel("seed").nunique()
                rows.append(
                    dict(zip(_COLUMNS[: len(names)], names, strict=True))
                    | {"question": question, "architectures": architectures, "seeds": len(by_seed)}
                    | {"difference": tested.mean, "low": tested.low, "high": tested.high, "p": tested.p}
                )
        if rows:
            table = pd.DataFrame(rows)
            tables.append(table.assign(p_holm=table.groupby("question").p.transform(lambda p: holm(list(p)))))
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_COLUMNS)


def _accuracies(runs: DataFrame) -> Any:
    return runs.set_index(["activation", "law", "width", "depth", "seed"]).accuracy.sort_index()


_COLUMNS = [
    "dataset", "optimizer", "first", "first_law", "second", "second_law", "scope", "question", "architectures", "seeds",
    "difference", "low", "high", "p", "p_holm",
]  # fmt: skip


def _scopes(difference: Any, first: str, left_out: set[Any]) -> dict[str, Any]:
    """Differences (indexed by width, depth, seed) by scope, if there are any."""
    at = list(
        zip(
            difference.index.get_level_values("width"),
            difference.index.get_level_values("depth"),
            strict=True,
        )
    )
    kept = difference[[(first, *key) not in left_out for key in at]]
    depth = kept.index.get_level_values("depth")
    perceptrons = kept[depth > 0]
    if not len(perceptrons):
        return {"LeNet": kept} if len(kept) else {}
    scopes = {"all": perceptrons, f"depth {depth.max()}": perceptrons[depth[depth > 0] == depth.max()]}
    return scopes | ({"LeNet": kept[depth == 0]} if (depth == 0).any() else {})


def _pairs_of(part: DataFrame) -> list[tuple[str, tuple[str, str], tuple[str, str]]]:
    there = list(part[["activation", "law"]].drop_duplicates().itertuples(index=False, name=None))
    pairs = []
    for activation, law in there:
        others: list[tuple[str, str]] = []
        question = "control" if activation.startswith("normalized_") else "pairs"
        if activation in ("odd", "odd_edge", "positive") or activation.startswith("oscillating_"):
            others += [("tanh", ""), ("relu", "")]
        if activation in ("odd_edge", "positive"):
            others.append(("odd", law))
        if question == "control":
            psi = activation.removeprefix("normalized_")
            others.append(("relu" if psi == "relu" else f"unit_{psi}", ""))
        pairs += [(question, (activation, law), other) for other in others if other in there]
    return pairs


class Prediction(NamedTuple):
    """Does a quantity at initialization predict which settings train? Ranks within each architecture.

    rank_correlation: Spearman's, mean over architectures in which not all settings do equally well. p: two-sided, by
    permuting the settings, the same way in all architectures: settings are the units, not cells. (Settings of one
    family are alike, so that there are fewer units than it counts: p is rather too small.) partial, partial_p: the
    same of what is left of the ranks when their cubic dependence on the ranks of the other predictor is taken away (a
    line would leave a curve that both have in common); what is permuted there is what it leaves of the target (Freedman
    & Lane 1983), so that its effect stays. Measured level at .05, target and predictor following the other one: .04 to
    .06 for 25 settings; .1 for 12, and .2 where the predictor is nearly the other one.
    """

    rank_correlation: float
    p: float
    partial: float
    partial_p: float
    settings: int
    architectures: int


def predict(
    table: DataFrame, name: str, given: str, target: str = "trains", key: Sequence[str] = ()
) -> Prediction:
    """How well `name` orders the settings by `target`, alone and with `given` held fixed.

    `table` has one row per setting, width and depth of one data set and optimizer (`with_initial`); `key` names what it
    is about, for random numbers.
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
    rng = Stream(0, "predictors", name, given, target, *key).block(0)
    hidden = _cubic(z)
    rest, left = x - hidden(x), y - hidden(y)
    alone, partial = _correlation(x, y), _correlation(rest, left)
    beyond = np.zeros(2)
    for _ in range(_PERMUTATIONS):
        order = rng.permutation(settings)
        mixed = left[:, order]  # what z explains of y is left out again
        drawn = _correlation(x, y[:, order]), _correlation(rest, mixed - hidden(mixed))
        beyond += np.abs(drawn) >= np.abs([alone, partial]) - 1e-12
    p, partial_p = (1 + beyond) / (1 + _PERMUTATIONS)
    return Prediction(alone, float(p), partial, float(partial_p), settings, architectures)


def prediction_table(cells: DataFrame, initial: DataFrame) -> DataFrame:
    """`predict` for both predictors, each given the other, per data set and optimizer.

    predictor: "ks_told", the standardized distance from Gaussian where it is told from 0 (95 %), else 0, so
    that noise has no rank; "edge". among: all settings, or all but the positive pairs, which are a family far from the
    Edge of Chaos.
    """
    rows = []
    for (dataset, optimizer), part in with_initial(cells, initial).groupby(["dataset", "optimizer"]):
        for among in ("all", "not positive"):
            mine = part[(part.activation != "positive") | (among == "all")]
            for name, given in (("ks_told", "edge"), ("edge", "ks_told")):
                head = {"dataset": dataset, "optimizer": optimizer, "among": among}
                found = predict(mine, name, given, key=(str(dataset), str(optimizer), among))._asdict()
                rows.append(head | {"predictor": name, "given": given} | found)
    return pd.DataFrame(rows)


def _standard_ranks(values: Array) -> Array:
    """Ranks within each row, of mean 0 and norm 1 (0 where all are equal)."""
    ranks = rankdata(values, axis=1)
    ranks -= ranks.mean(1, keepdims=True)
    norm = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.asarray(np.divide(ranks, norm, out=np.zeros_like(ranks), where=norm > 0))


def _correlation(x: Array, y: Array) -> float:
    """Mean over rows of the correlation of x with y, of mean 0; 0 for a row in which one of them is constant."""
    norms = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
    return float(np.divide((x * y).sum(1), norms, out=np.zeros_like(norms), where=norms > 1e-9).mean())


def _cubic(z: Array) -> Callable[[Array], Array]:
    """Projection of rows of values on cubic polynomials in z, row by row."""
    powers = np.stack([np.ones_like(z), z, z * z, z**3], axis=-1)
    left, size, _ = np.linalg.svd(powers, full_matrices=False)
    basis = np.where((size > 1e-9 * size[:, :1])[:, None, :], left, 0.0)
    return lambda values: np.einsum("ijk,ilk,il->ij", basis, basis, values)


def study_frames(
    runs: DataFrame,
    curves: DataFrame,
    race: DataFrame,
    initial: DataFrame,
    layers: DataFrame,
    followed: DataFrame,
    fitted: DataFrame | None = None,
) -> dict[str, DataFrame]:
    """All that tables, claims and figures of the training study read, from its raw rows.

    `layers` and `followed` are layers and runs of the study of persistence, `fitted` runs with fitted activations.
    """
    chosen_fitted = None if fitted is None else chosen_runs(fitted)
    cells = cell_table(runs)
    settings = [
        setting_table(part, initial).assign(dataset=dataset, optimizer=optimizer)
        for (dataset, optimizer), part in cells.groupby(["dataset", "optimizer"])
        if (part.depth > 0).any()
    ]
    return {
        "cells": cells,
        "sizes": size_table(runs, curves, cells, race),
        "start": with_initial(cells, initial),
        "loss": curve_table(curves, cells),
        "comparisons": comparisons(chosen_runs(runs), initial, chosen_fitted),
        "predictions": prediction_table(cells, initial),
        "settings": pd.concat(settings, ignore_index=True) if settings else pd.DataFrame(),
        "persistence": persistence_table(layers, followed),
    }
