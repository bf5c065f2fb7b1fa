"""Is it desirable to start from Gaussian pre-activations? The answer in words, from the numbers of saved results.

Reads tables; trains nothing. Each sentence carries its numbers; which sentence stands there depends on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pandas as pd

from preactivations.conclusions import name_of
from preactivations.training_results import (
    SETTING,
    cell_table,
    chosen_runs,
    comparisons,
    predict,
    with_initial,
)

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["persistence_table", "setting_table", "training_text"]

_LEVEL = 0.05


def setting_table(cells: DataFrame, initial: DataFrame) -> DataFrame:
    """One row per setting: means over the architectures of one data set and optimizer.

    chi (at infinite width), ks (mean standardized KS statistic at initialization), all_trains (share of all runs that
    train), trains and accuracy (at the chosen rate), deep_trains and deep_accuracy (deepest architectures), diverged
    (share of all runs).
    """
    table = with_initial(cells, initial)
    deepest = table.depth.max()
    rows = []
    for key, rows_of in table.groupby(SETTING, dropna=False, sort=False):
        deep = rows_of[rows_of.depth == deepest]
        rows.append(
            dict(zip(SETTING, key, strict=True))
            | {
                "chi": rows_of.chi.iloc[0],
                "ks": rows_of.ks_standardized.mean(),
                "all_trains": rows_of.all_trains.mean(),
                "trains": rows_of.trains.mean(),
                "accuracy": rows_of.accuracy.mean(),
                "deep_trains": deep.trains.mean(),
                "deep_accuracy": deep.accuracy.mean(),
                "all_diverged": rows_of.all_diverged.mean(),
            }
        )
    return pd.DataFrame(rows).sort_values("accuracy", ascending=False, ignore_index=True)


def persistence_table(layers: DataFrame, runs: DataFrame) -> DataFrame:
    """Standardized KS by setting and epoch at the chosen learning rate: mean, first and last layer, null mean."""
    best = chosen_runs(runs)[[*SETTING, "learning_rate"]].drop_duplicates()
    mine = layers.merge(best, on=[*SETTING, "learning_rate"])
    rows = []
    for key, cell in mine.groupby([*SETTING, "learning_rate", "epoch"], dropna=False, sort=False):
        ordered = cell.sort_values("depth")
        rows.append(
            dict(zip([*SETTING, "learning_rate", "epoch"], key, strict=True))
            | {
                "mean": ordered.ks_standardized.mean(),
                "first_layer": ordered.ks_standardized.iloc[0],
                "last_layer": ordered.ks_standardized.iloc[-1],
                "null_mean": ordered.null_mean.mean(),
                "null_95": ordered.null_95.mean(),
                "variance_last": ordered.variance.iloc[-1],
                "n_samples": int(ordered.n_samples.max()),
                "n_runs": int(ordered.n_runs.max()),
            }
        )
    return pd.DataFrame(rows)


def training_text(
    runs: DataFrame,
    curves: DataFrame,
    initial: DataFrame,
    layers: DataFrame,
    persistence_runs: DataFrame,
) -> str:
    """Markdown: the answer per data set and optimizer, its parts, and whether Gaussianity persists."""
    cells, chosen = cell_table(runs), chosen_runs(runs)
    tests = comparisons(chosen)
    lines = ["# Is it desirable to start from Gaussian pre-activations?", ""]
    lines += [
        "Protocol (our choice, see DEVIATIONS.md): cross-entropy, mini-batches; each image is scaled so that "
        "first-layer pre-activations are exactly N(0, v); the learning rate is chosen per cell on the validation part "
        "only; a run *trains* if the loss over the training part ends below log(10)/2 = 1.15, half of a guess; "
        "diverged runs count as guesses. Intervals are 95 % bootstrap over seeds (too narrow for few seeds), p-values "
        "of paired signed-rank tests, corrected for all comparisons (Holm).",
        "",
    ]
    for (dataset, optimizer), part in cells.groupby(["dataset", "optimizer"]):
        mine = runs[(runs.dataset == dataset) & (runs.optimizer == optimizer)]
        lines += [f"## {dataset}, {optimizer}", "", _size(mine, curves), ""]
        perceptrons = part[part.depth > 0]
        if len(perceptrons):
            at = tests[(tests.dataset == dataset) & (tests.optimizer == optimizer)] if len(tests) else tests
            lines += _answer(perceptrons, initial, at)
        if (part.depth == 0).any():
            lines += ["", *_convolutional(part[part.depth == 0])]
        lines.append("")
    lines += ["## Does it stay Gaussian while it trains?", "", *_persistence(layers, persistence_runs)]
    return "\n".join(lines).rstrip() + "\n"


def _size(runs: DataFrame, curves: DataFrame) -> str:
    cell = [*SETTING, "width", "depth"]
    rates = ", ".join(f"{rate:g}" for rate in sorted(set(runs.learning_rate)))
    mine = curves[(curves.dataset == runs.dataset.iloc[0]) & (curves.optimizer == runs.optimizer.iloc[0])]
    return (
        f"{len(runs)} runs: {runs.groupby(SETTING, dropna=False).ngroups} settings, "
        f"{runs.groupby(['width', 'depth']).ngroups} architectures ({runs.groupby(cell, dropna=False).ngroups} cells), "
        f"{runs.seed.nunique()} seeds, learning rates {rates}, {mine.epoch.max()} epochs; {runs.trains.mean():.0%} of "
        f"the runs train, {(runs.diverged > 0).mean():.1%} diverge."
    )


def _answer(cells: DataFrame, initial: DataFrame, tests: DataFrame) -> list[str]:
    """The verdict, its three parts, and the table behind it."""
    table = with_initial(cells, initial)
    ks = predict(table, "ks_standardized", "edge")
    edge = predict(table, "edge", "ks_standardized")
    clean = (
        tests[tests["first"].str.startswith("normalized_") & (tests["scope"] == "all")]
        if len(tests)
        else tests
    )
    better = clean[(clean.p_holm < _LEVEL) & (clean.difference > 0)] if len(clean) else clean
    worse = clean[(clean.p_holm < _LEVEL) & (clean.difference < 0)] if len(clean) else clean
    ks_helps = ks.rank_correlation < 0 and ks.p < _LEVEL
    edge_helps = edge.rank_correlation < 0 and edge.p < _LEVEL
    if len(clean) and len(better) == len(clean) and ks_helps:
        verdict = "Yes, on the whole"
    elif (len(better) and not len(worse)) or (ks_helps and not len(worse)):
        verdict = "In part"
    elif len(worse) or edge_helps:
        verdict = "Not by itself"
    else:
        verdict = "Not shown"
    if edge_helps:
        other = "closeness to the Edge of Chaos does"
    else:
        other = (
            "closeness to the Edge of Chaos is not shown to"
            if ks_helps
            else "nor is closeness to the Edge of Chaos"
        )
    lines = [
        f"**{verdict}.** With the same activation, made Gaussian or not, exactly Gaussian networks are better in "
        f"{len(better)}, worse in {len(worse)} of {len(clean)} cases. Over all settings, "
        + ("closeness to Gaussian goes" if ks_helps else "closeness to Gaussian is not shown to go")
        + f" with trainability (rank correlation of the KS statistic {_prediction(ks.rank_correlation, ks.p)}), "
        + other
        + f" (depth |log chi_1|: {_prediction(edge.rank_correlation, edge.p)}).",
        "",
    ]
    lines += [f"* {sentence}" for sentence in _clean(clean)]
    lines += [f"* {sentence}" for sentence in _constructed(tests)]
    lines += [
        f"* Closeness to Gaussian at initialization as a predictor of the share of runs that train, within each of "
        f"{ks.architectures} architectures over {ks.settings} settings: rank correlation of the standardized KS "
        f"statistic {_prediction(ks.rank_correlation, ks.p)}; with the distance from the Edge of Chaos held fixed "
        f"{_prediction(ks.partial, ks.partial_p)}. (Negative: the closer, the better. p by permuting settings.)",
        f"* Closeness to the Edge of Chaos, depth |log chi_1|: {_prediction(edge.rank_correlation, edge.p)}; with the "
        f"KS statistic held fixed {_prediction(edge.partial, edge.partial_p)}.",
    ]
    deepest = int(cells.depth.max())
    lines += [
        "",
        f"| setting | chi_1 | KS at start | runs that train | test accuracy | same, depth {deepest} | diverged |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for row in setting_table(cells, initial).itertuples():
        lines.append(
            f"| {name_of(row.activation, row.theta, row.law)} | {row.chi:.3f} | {row.ks:.3f} | {row.all_trains:.0%} | "
            f"{row.accuracy:.3f} | {row.deep_accuracy:.3f} | {row.all_diverged:.0%} |"
        )
    lines += [
        "",
        "KS: standardized, last hidden layer, mean over architectures. Runs that train, diverged: share of all "
        "runs. Accuracy: at the chosen learning rate, mean over architectures.",
    ]
    return lines


def _prediction(value: float, p: float) -> str:
    return "not known" if math.isnan(value) else f"{value:+.2f}, p = {p:.2g}"


def _difference(row: Any) -> str:
    return f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}], p = {row.p_holm:.2g}"


def _clean(clean: DataFrame) -> Iterator[str]:
    """The same psi and normal weights with and without normalization."""
    for row in clean.itertuples():
        psi = name_of(row.first.removeprefix("normalized_"), math.nan)
        verdict = "no difference shown"
        if row.p_holm < _LEVEL:
            verdict = "better" if row.difference > 0 else "worse"
        yield (
            f"{psi} with normal weights, exactly Gaussian by normalization against not: **{verdict}**; test accuracy "
            f"{_difference(row)} ({row.pairs} pairs)."
        )


def _constructed(tests: DataFrame) -> Iterator[str]:
    """Exact pairs against tanh and ReLU, on the edge against off it, positive against odd; scope by scope."""
    if not len(tests):
        return
    for kind in ("odd", "odd_edge", "positive"):
        for reference in ("tanh", "relu", "odd"):
            mine = tests[(tests["first"] == kind) & (tests.second == reference)]
            if not len(mine):
                continue
            parts = []
            for scope, rows in mine.groupby("scope"):
                sure = rows[rows.p_holm < _LEVEL]
                up, down = int((sure.difference > 0).sum()), int((sure.difference < 0).sum())
                listed = ", ".join(
                    f"{_law(row.first_law)} {row.difference:+.3f}{'' if row.p_holm < _LEVEL else ' (n.s.)'}"
                    for row in rows.itertuples()
                )
                where = "over all architectures" if scope == "all" else f"at {scope}"
                parts.append(f"{where} better for {up}, worse for {down} of {len(rows)} laws ({listed})")
            name = {"odd": "phi odd", "odd_edge": "phi odd on the edge", "positive": "phi positive"}
            other = {"tanh": "tanh on the edge", "relu": "ReLU (He)", "odd": "phi odd without bias"}[
                reference
            ]
            yield f"{name[kind]} against {other}, difference of test accuracy: {'; '.join(parts)}."


def _law(law: str) -> str:
    family, _, value = law.partition("_")
    return f"theta {value}" if family == "weibull" else "uniform weights" if law == "spherical_1" else law


def _convolutional(cells: DataFrame) -> list[str]:
    lines = ["| LeNet-like network | rate | trains | test accuracy |", "| --- | ---: | ---: | ---: |"]
    for row in cells.sort_values("accuracy", ascending=False).itertuples():
        lines.append(
            f"| {name_of(row.activation, row.theta, row.law)} | {row.learning_rate:g} | {row.trains:.0%} | "
            f"{row.accuracy:.3f} [{row.accuracy_low:.3f}, {row.accuracy_high:.3f}] |"
        )
    return lines


def _persistence(layers: DataFrame, runs: DataFrame) -> list[str]:
    table = persistence_table(layers, runs)
    epochs = sorted(set(table.epoch))
    first = layers.iloc[0]
    lines = [
        f"{first.dataset}, width {int(first.width)}, {int(layers.depth.max())} hidden layers, {first.optimizer}, the "
        f"rate chosen on validation, {int(table.n_runs.max())} seeds: standardized KS statistic over the neurons and "
        f"networks for one image, mean over layers and images (last layer). Independent normal samples of that size "
        f"({int(table.n_samples.max())}): {table.null_mean.min():.3f} on average.",
        "",
        "| setting | " + " | ".join(f"epoch {epoch}" for epoch in epochs) + " |",
        "| --- |" + " ---: |" * len(epochs),
    ]
    for (activation, law, theta), rows in table.groupby(SETTING, dropna=False, sort=False):
        at = rows.set_index("epoch")
        texts = [
            f"{at.loc[epoch, 'mean']:.3f} ({at.loc[epoch, 'last_layer']:.3f})"
            if epoch in at.index
            else "diverged"
            for epoch in epochs
        ]
        lines.append(f"| {name_of(activation, theta, law)} | " + " | ".join(texts) + " |")
    first, last = (table[table.epoch == epoch] for epoch in (epochs[0], epochs[-1]))
    before, after = (int((at["mean"] < at.null_95).sum()) for at in (first, last))
    point = table.null_95.min()
    lines += [
        "",
        f"At the start the mean over layers is below the 95 % point of independent normal samples ({point:.3f}) for "
        f"{before} of {len(first)} settings, at the end for {after} of {len(last)}: "
        + ("Gaussianity is lost in training." if after < before else "Gaussianity is not lost in training."),
    ]
    return lines
