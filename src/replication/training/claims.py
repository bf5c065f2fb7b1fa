"""Is it desirable to start from Gaussian pre-activations? The answer in words, from the numbers of saved results.

Reads tables; trains nothing. Each sentence carries its numbers; which sentence stands there depends on them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from replication.propagation.claims import name_of
from replication.training.comparisons import comparisons, prediction_table
from replication.training.results import SETTING, cell_table, chosen_runs, with_initial

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
    tests, predictions = comparisons(chosen, initial), prediction_table(cells, initial)
    lines = ["# Is it desirable to start from Gaussian pre-activations?", ""]
    lines += [
        "Protocol (our choice, see DEVIATIONS.md): cross-entropy, mini-batches; images of perceptrons are scaled "
        "so that "
        "first-layer pre-activations are exactly N(0, v); the learning rate is chosen per cell on the validation part "
        "only; a run *trains* if the loss over the training part ends below log(10)/2 = 1.15, half of a guess; "
        "diverged runs count as guesses. Intervals are 95 % bootstrap over seeds (too narrow for few seeds); p-values "
        "are of paired sign-flip tests, corrected for all comparisons of a data set and optimizer that ask the same "
        "question (Holm).",
        "",
    ]
    for (dataset, optimizer), part in cells.groupby(["dataset", "optimizer"]):
        mine, own_tests, own_predictions, own_curves = (
            frame[(frame.dataset == dataset) & (frame.optimizer == optimizer)] if len(frame) else frame
            for frame in (runs, tests, predictions, curves)
        )
        lines += [f"## {dataset}, {optimizer}", "", _size(mine, part, own_curves), ""]
        perceptrons = part[part.depth > 0]
        if len(perceptrons):
            lines += _answer(perceptrons, initial, own_tests, own_predictions)
        if (part.depth == 0).any():
            lines += ["", *_convolutional(part[part.depth == 0], own_tests)]
        lines.append("")
    lines += ["## Does it stay Gaussian while it trains?", "", *_persistence(layers, persistence_runs)]
    return "\n".join(lines).rstrip() + "\n"


def _size(runs: DataFrame, cells: DataFrame, curves: DataFrame) -> str:
    rates = sorted(set(runs.learning_rate))
    good = cells[cells.accuracy > 0.3]
    ends = ""
    if len(rates) > 1 and len(good):
        ends = (
            f" Of the {len(good)} cells with an accuracy above .3, "
            f"{(good.learning_rate == rates[-1]).mean():.0%} choose the "
            f"largest rate and {(good.learning_rate == rates[0]).mean():.0%} the smallest: there the best one "
            f"may lie outside."
        )
    return (
        f"{len(runs)} runs: {runs.groupby(SETTING, dropna=False).ngroups} settings, "
        f"{runs.groupby(['width', 'depth']).ngroups} architectures ({len(cells)} cells), {runs.seed.nunique()} seeds, "
        f"learning rates {', '.join(f'{rate:g}' for rate in rates)}, {curves.epoch.max()} epochs; "
        f"{runs.trains.mean():.0%} of "
        f"the runs train, {(runs.diverged > 0).mean():.1%} diverge.{ends}"
    )


def _direction(row: Any) -> int:
    """-1: the smaller the better; 1: the larger the better; 0: not shown."""
    return 0 if not row.p < _LEVEL else int(np.sign(row.rank_correlation))


def _answer(cells: DataFrame, initial: DataFrame, tests: DataFrame, predictions: DataFrame) -> list[str]:
    """The verdict, its parts, and the table behind it."""
    at = predictions.set_index(["among", "predictor"])
    ks, edge = at.loc["all", "ks_told"], at.loc["all", "edge"]
    clean = tests[(tests.question == "control") & (tests["scope"] == "all")]
    sure = clean[clean.p_holm < _LEVEL]
    better, worse = int((sure.difference > 0).sum()), int((sure.difference < 0).sum())
    if better and worse:
        verdict = "It depends"
    elif better and better == len(clean) and _direction(ks) < 0:
        verdict = "Yes, on the whole"
    elif (better or _direction(ks) < 0) and not worse:
        verdict = "In part"
    elif worse or _direction(ks) > 0 or _direction(edge) < 0:
        verdict = "Not by itself"
    else:
        verdict = "Not shown"
    tested = "The same activation, Gaussian or not: not tested."
    if len(clean):
        tested = (
            f"With the same activation, made Gaussian or not, Gaussian networks are better in {better}, worse in "
            f"{worse} "
            f"of {len(clean)} cases; no 95 % interval of the difference of test accuracy goes above "
            f"{clean.high.max():+.3f}."
        )
    words = {
        -1: "goes with more trainability",
        0: "is not shown to go with trainability",
        1: "goes with less trainability",
    }
    lines = [
        f"**{verdict}.** {tested} Over all settings, closeness to Gaussian {words[_direction(ks)]} (rank "
        f"correlation of the "
        f"KS statistic with the share of runs that train {_prediction(ks.rank_correlation, ks.p)}); closeness to "
        f"the Edge "
        f"of Chaos {words[_direction(edge)]} (depth |log chi_1|: {_prediction(edge.rank_correlation, edge.p)})"
        + _without_positive(at, edge)
        + ".",
        "",
    ]
    table = with_initial(cells, initial)
    lines += [f"* {sentence}" for sentence in (*_clean(clean, table), *_constructed(tests))]
    lines += [f"* {sentence}" for sentence in _predictors(at, table)]
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


def _without_positive(at: Any, edge: Any) -> str:
    """Whether the Edge of Chaos matters beyond the positive pairs."""
    rest = at.loc["not positive", "edge"]
    if not _direction(edge) or rest.settings == edge.settings or math.isnan(rest.p):
        return ""
    numbers = _prediction(rest.rank_correlation, rest.p)
    if _direction(rest) == _direction(edge):
        return f", also without the positive pairs ({numbers})"
    return f", which rests on the positive pairs: without them {numbers}"


def _predictors(at: Any, table: DataFrame) -> Iterator[str]:
    told = int((table.ks_told > 0).sum())
    for name, title in (
        (
            "ks_told",
            "Closeness to Gaussian at initialization, by the standardized KS statistic of the last hidden layer",
        ),
        ("edge", "Closeness to the Edge of Chaos, by depth |log chi_1|"),
    ):
        row, rest = at.loc["all", name], at.loc["not positive", name]
        yield (
            f"{title}: rank correlation with the share of runs that train, within each of {row.architectures} "
            f"architectures over {row.settings} settings, {_prediction(row.rank_correlation, row.p)}; with the "
            f"other one "
            f"held fixed {_prediction(row.partial, row.partial_p)}; without the positive pairs "
            f"{_prediction(rest.rank_correlation, rest.p)}. (Negative: the closer, the better. p by permuting "
            f"settings, "
            "too small as far as settings are alike.)"
            + (
                f" {told} of {len(table)} cells can be told from normal; the others are ties here, so that small "
                "distances are not compared."
                if name == "ks_told"
                else ""
            )
        )


def _prediction(value: float, p: float) -> str:
    return "not known" if math.isnan(value) else f"{value:+.2f}, p = {p:.2g}"


def _clean(clean: DataFrame, table: DataFrame) -> Iterator[str]:
    """The same psi and normal weights with and without normalization."""
    for row in clean.itertuples():
        psi = name_of(row.first.removeprefix("normalized_"), math.nan)
        verdict = "not resolved"
        if row.p_holm < _LEVEL:
            verdict = "better" if row.difference > 0 else "worse"
        mine = table[table.activation == row.first]
        left_out = len(mine) - row.architectures
        note = ""
        if left_out:
            note = (
                f" {left_out} of {len(mine)} architectures are left out: there networks are dead at the start (up to "
                f"{(mine.dead / mine.n_networks).max():.0%}), which is not Gaussian."
            )
        yield (
            f"{psi} with normal weights, exactly Gaussian by normalization against not: **{verdict}**; test accuracy "
            f"{row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}], p = {row.p_holm:.2g} ({row.pairs} pairs).{note}"
        )
    if len(clean):
        yield "(Normalization stays in the network and its gradient while it trains, so that it is more than a start.)"


_KINDS = {"odd": "phi odd", "odd_edge": "phi odd on the edge", "positive": "phi positive"}
_REFERENCES = {"tanh": "tanh on the edge", "relu": "ReLU (He)", "odd": "phi odd without bias"}


def _constructed(tests: DataFrame) -> Iterator[str]:
    """Exact pairs and phi_(.99, omega) against tanh and ReLU, on the edge against off it, positive against odd."""
    mine = tests[(tests.question == "pairs") & (tests["scope"] != "LeNet")]
    family = mine["first"].where(~mine["first"].str.startswith("oscillating_"), "phi_(.99, omega)")
    for (kind, reference), rows in mine.groupby([family, "second"], sort=False):
        parts = []
        for scope, own in rows.groupby("scope", sort=False):
            where = "all architectures" if scope == "all" else str(scope)
            parts.append(f"{where}: {_tally(own)}")
        yield (
            f"{_KINDS.get(kind, kind)} against {_REFERENCES.get(reference, reference)}, difference of test accuracy; "
            + "; ".join(parts)
            + "."
        )


def _tally(rows: DataFrame) -> str:
    """better for 1, worse for 0, not resolved for 2 (theta 4 +.09*, ...)."""
    sure = rows[rows.p_holm < _LEVEL]
    up, down = int((sure.difference > 0).sum()), int((sure.difference < 0).sum())
    listed = ", ".join(
        f"{_law(row.first, row.first_law)} {row.difference:+.3f} [{row.low:+.3f}, {row.high:+.3f}]"
        + ("\\*" if row.p_holm < _LEVEL else "")
        for row in rows.itertuples()
    )
    return f"better for {up}, worse for {down}, not resolved for {len(rows) - up - down} ({listed})"


def _law(activation: str, law: str) -> str:
    family, _, value = law.partition("_")
    if not law:
        return activation.replace("oscillating_", "omega ")
    return f"theta {value}" if family == "weibull" else "uniform weights" if law == "spherical_1" else law


def _convolutional(cells: DataFrame, tests: DataFrame) -> list[str]:
    lines = ["| LeNet-like network | rate | trains | test accuracy |", "| --- | ---: | ---: | ---: |"]
    for row in cells.sort_values("accuracy", ascending=False).itertuples():
        lines.append(
            f"| {name_of(row.activation, row.theta, row.law)} | {row.learning_rate:g} | {row.trains:.0%} | "
            f"{row.accuracy:.3f} [{row.accuracy_low:.3f}, {row.accuracy_high:.3f}] |"
        )
    lines += [
        "",
        "Its first layer sees patches, whose norm varies: only the image as a whole has the norm of the protocol.",
        "",
    ]
    for (kind, reference), rows in tests[tests["scope"] == "LeNet"].groupby(["first", "second"], sort=False):
        lines.append(
            f"* {_KINDS.get(kind, kind)} against {_REFERENCES.get(reference, reference)}: {_tally(rows)}."
        )
    return lines


_NEAR = 1.2


def _persistence(layers: DataFrame, runs: DataFrame) -> list[str]:
    table = persistence_table(layers, runs)
    trains = chosen_runs(runs).groupby(SETTING, dropna=False).trains.mean()
    epochs = sorted(set(table.epoch))
    first = layers.iloc[0]
    lines = [
        f"{first.dataset}, width {int(first.width)}, {int(layers.depth.max())} hidden layers, {first.optimizer}, the "
        f"rate chosen on validation, {int(table.n_runs.max())} seeds: standardized KS statistic over the neurons and "
        f"networks for one image, mean over layers and images (last layer). Independent normal samples of that size "
        f"({int(table.n_samples.max())}): {table.null_mean.min():.3f} on average.",
        "",
        "| setting | runs that train | " + " | ".join(f"epoch {epoch}" for epoch in epochs) + " |",
        "| --- | ---: |" + " ---: |" * len(epochs),
    ]
    before, after, followed = 0, 0, 0
    for key, rows in table.groupby(SETTING, dropna=False, sort=False):
        at = rows.set_index("epoch")
        texts = []
        for epoch in epochs:
            if epoch not in at.index:
                texts.append("diverged")
            elif math.isnan(at.loc[epoch, "mean"]):
                texts.append("constant")
            else:
                texts.append(f"{at.loc[epoch, 'mean']:.3f} ({at.loc[epoch, 'last_layer']:.3f})")
        activation, law, theta = key
        share = trains[trains.index.get_level_values(0) == activation].iloc[0]
        lines.append(f"| {name_of(activation, theta, law)} | {share:.0%} | " + " | ".join(texts) + " |")
        if "diverged" not in texts and "constant" not in texts:
            near = at["mean"] < _NEAR * at.null_mean
            followed += 1
            before += bool(near.iloc[0])
            after += bool(near.iloc[-1])
    if not before:
        verdict = "None was Gaussian at the start."
    elif after < before:
        verdict = "Gaussianity is lost in training."
    else:
        verdict = "Gaussianity is not lost in training."
    lines += [
        "",
        f"Within {_NEAR - 1:.0%} of the mean of independent normal samples at the start: {before} of {followed} "
        f"settings; at "
        f"the end: {after}. {verdict}",
    ]
    return lines
