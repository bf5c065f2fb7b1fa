"""Is it desirable to start from Gaussian pre-activations? Claims and the answer in words, from saved results.

Reads tables; trains nothing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from replication.labels import activation_name, reference_name
from replication.tables import claims_markdown, markdown_table
from replication.training.analysis import SETTING
from replication.verdicts import CLAIM_COLUMNS, Finding, claim, decided, some

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

_LEVEL = 0.05
_NEAR = 1.2
_MOST = 0.5  # of runs: our choice
_SAME = 0.01  # of an accuracy: our choice
_TITLE = "question of the title of Wolinski & Arbel"
_PREDICTORS = {
    "ks_told": "closeness to Gaussian at initialization, by the standardized distance of the last hidden layer,",
    "edge": "closeness to the Edge of Chaos, by depth |log chi_1|,",
}


def training_claims(tests: DataFrame, predictions: DataFrame, start: DataFrame) -> DataFrame:
    """Claims about one data set and optimizer, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    Arguments: `comparisons.comparisons`, `comparisons.prediction_table`, `analysis.with_initial`.
    """
    control = tests[(tests.question == "control") & (tests["scope"] == "all")]
    rows = [_desirable(control, predictions)]
    for _, row in control.groupby("first", sort=False):
        psi = row["first"].iloc[0]
        name = activation_name(psi.removeprefix("normalized_"))
        rows.append(_better_gaussian(row, start[start.activation == psi], name=name))
    pairs = tests[tests.question == "pairs"]
    family = pairs["first"].where(~pairs["first"].str.startswith("oscillating_"), "oscillating_omega")
    for where, networks in (("perceptrons", pairs["scope"] != "LeNet"), ("LeNet", pairs["scope"] == "LeNet")):
        for (kind, reference), part in pairs[networks].groupby([family[networks], "second"], sort=False):
            first, second = activation_name(str(kind)), reference_name(str(reference))
            rows.append(_better_pair(part, first=first, second=second, where=where))
    rows.append(_narrow_and_deep(start))
    routes = tests[(tests.question == "route") & (tests["scope"] == "all")]
    if len(routes):
        rows.append(_route_matters(routes))
    rows += [
        _predicts(predictions, start, name, closeness=closeness) for name, closeness in _PREDICTORS.items()
    ]
    return pd.DataFrame(rows, columns=CLAIM_COLUMNS)


@claim("it is desirable to start from Gaussian pre-activations", "our question", _TITLE)
def _desirable(control: DataFrame, predictions: DataFrame) -> Finding:
    """Fails if Gaussian networks are somewhere worse and nowhere better, or closeness goes with less training."""
    better, worse = _significant(control)
    at = predictions.set_index(["among", "predictor"])
    ks, edge = _direction(at.loc["all", "ks_told"]), _direction(at.loc["all", "edge"])
    cases, unresolved = [], ""
    if better and worse:
        cases = [True, False]
    elif (better or ks < 0) and not worse:
        cases = [better > 0, better == len(control), ks < 0]
    elif worse or ks > 0:
        cases = [False]
    else:
        unresolved = "no difference is significant"
    return Finding(
        "the same activation with normal weights is significantly better if normalization makes it exactly Gaussian, "
        "for every activation; closeness to Gaussian goes with trainability over all settings",
        f"no 95 % interval of the difference of test accuracy goes above {control.high.max():+.3f}; closeness to "
        f"Gaussian {_GOES[ks]}, closeness to the Edge of Chaos {_GOES[edge]}",
        cases,
        unresolved,
        f"Gaussian networks better in {better}, worse in {worse} of {len(control)} cases",
    )


_GOES = {
    -1: "goes with more trainability",
    0: "is not shown to go with trainability",
    1: "goes with less trainability",
}


def _direction(row: Any) -> int:
    """-1: the smaller the better; 1: the larger the better; 0: not shown."""
    return 0 if not row.p < _LEVEL else int(np.sign(row.rank_correlation))


def _significant(rows: DataFrame) -> tuple[int, int]:
    """How many are significantly better, and worse."""
    sure = rows[rows.p_holm < _LEVEL]
    return int((sure.difference > 0).sum()), int((sure.difference < 0).sum())


def _difference(row: Any) -> str:
    interval = f"[{row.low:+.3f}, {row.high:+.3f}]" if row.low == row.low else "(equal seeds: no interval)"
    return f"{row.difference:+.3f} {interval}, p (Holm) = {row.p_holm:.2g}"


def _decided(rows: DataFrame) -> tuple[NDArray[Any], str]:
    """Cases of "the first is better": what is not significant is open."""
    sure = rows.p_holm < _LEVEL
    return decided(sure & (rows.difference > 0), sure & (rows.difference < 0), "differences")


@claim(
    "{name} with normal weights is better if normalization makes it exactly Gaussian", "our question", _TITLE
)
def _better_gaussian(row: DataFrame, cells: DataFrame, *, name: str) -> Finding:
    """Fails if it is worse; the same psi and normal weights with and without normalization."""
    test = row.iloc[0]
    left_out = len(cells) - test.architectures
    note = ""
    if left_out:
        note = (
            f"{left_out} of {len(cells)} architectures are left out: there networks are dead at the start (up to "
            f"{(cells.dead / cells.n_networks).max():.0%}), which is not Gaussian"
        )
    return Finding(
        f"difference of test accuracy, mean over {test.architectures} architectures for each of {test.seeds} seeds "
        "(normalization stays in the network and its gradient while it trains, so that it is more than a start)",
        note,
        *_decided(row),
        number=f"{_difference(test)} (above 0)",
    )


@claim("training tells an activation that is fitted as in the paper from the exact one", "our question")
def _route_matters(routes: DataFrame) -> Finding:
    """Fails if both train alike: intervals of fitted minus exact are within .01."""
    listed = "; ".join(
        f"{activation_name(r.first, law=r.first_law)} {_difference(r)}" for r in routes.itertuples()
    )
    differs = routes.p_holm < _LEVEL
    same = (routes[["low", "high"]].abs() <= _SAME).all(axis=1)
    return Finding(
        f"difference of test accuracy, fitted minus exact, mean over architectures for each of "
        f"{int(routes.seeds.min())} seeds, the same initial weights and batches: significant (not if the 95 % "
        f"interval is within {_SAME})",
        listed,
        *decided(differs & ~same, same, "differences"),
        number=f"{_difference(routes.iloc[0])} (not 0)" if len(routes) == 1 else "",
    )


@claim("{first} trains better than {second} ({where})", "our question", _TITLE)
def _better_pair(rows: DataFrame, *, first: str, second: str, where: str) -> Finding:
    """Fails where the second trains better.

    Exact pairs and phi_(.99, omega) against tanh and ReLU, on the edge against off it, positive against odd.
    """
    parts, whole = [], rows[rows["scope"].isin(["all", "LeNet"])]
    for scope, part in rows.groupby("scope", sort=False):
        better, worse = _significant(part)
        name = {"all": "all architectures: ", "LeNet": ""}.get(str(scope), f"{scope}: ")
        ends = f"{part.difference.min():+.3f} to {part.difference.max():+.3f}"
        parts.append(f"{name}better for {better}, worse for {worse} of {len(part)} (differences {ends})")
    return Finding(
        f"difference of test accuracy over seeds, for each weight law, p (Holm) below {_LEVEL:g}; the verdict is on "
        "all architectures",
        "; ".join(parts),
        *_decided(whole),
        number=f"{_difference(whole.iloc[0])} (above 0)" if len(whole) == 1 else "",
    )


@claim("narrow and deep networks can be trained with constructed pairs", "published", "Wolinski & Arbel")
def _narrow_and_deep(start: DataFrame) -> Finding:
    """Fails if no constructed pair trains in most runs where networks are deep and narrow."""
    deep = start[(start.depth == start.depth.max()) & start.trains.notna()]
    pairs = deep[deep.activation.str.split("_").str[0].isin(["odd", "positive"])]
    some(pairs, "deep networks with constructed pairs")
    best = pairs.loc[pairs.groupby("width").trains_low.idxmax()]
    low, high = best.trains_low > _MOST, pairs.groupby("width").trains_high.max().to_numpy() < _MOST
    listed = "; ".join(
        f"width {r.width}: {activation_name(r.activation, r.theta, r.law)} {r.trains:.0%} "
        f"[{r.trains_low:.0%}, {r.trains_high:.0%}]"
        for r in best.itertuples()
    )
    return Finding(
        f"{int(deep.depth.max())} hidden layers, by width: share of the runs at the chosen rate that train, of the "
        f"best pair, above {_MOST:.0%} (95 % intervals of Wilson; the best pair is chosen on the same runs)",
        listed,
        *decided(low, high, "widths"),
        number=f"{best.trains.iloc[0]:.0%} (above {_MOST:.0%})" if len(best) == 1 else "",
    )


@claim("{closeness} goes with more trainability", "our question", _TITLE)
def _predicts(predictions: DataFrame, start: DataFrame, name: str, *, closeness: str) -> Finding:
    """Fails if closer settings train less."""
    at = predictions.set_index(["among", "predictor"])
    row, rest = at.loc["all", name], at.loc["not positive", name]
    note = ""
    if name == "ks_told":
        note = (
            f"; {int((start.ks_told > 0).sum())} of {len(start)} cells are told from normal, the others are ties "
            "here"
        )
    return Finding(
        f"rank correlation with the share of runs that train, within each of {row.architectures} architectures over "
        f"{row.settings} settings (negative: the closer, the better; p by permuting settings, too small as far as "
        "settings are alike)",
        f"with the other predictor held fixed {_correlation(row.partial, row.partial_p)}; without the positive "
        f"pairs {_correlation(rest.rank_correlation, rest.p)}{note}",
        [_direction(row) < 0],
        "" if _direction(row) else "the correlation is not significant",
        f"rank correlation {_correlation(row.rank_correlation, row.p)} (below 0, p below {_LEVEL:g})",
    )


def _correlation(value: float, p: float) -> str:
    return "unknown" if math.isnan(value) else f"{value:+.2f}, p = {p:.2g}"


@claim("networks that are Gaussian at the start stay so in training", "our question", _TITLE)
def persistence_claim(table: DataFrame) -> Finding:
    """`table` is `analysis.persistence_table`. Settings that diverge or become constant are left out.

    Fails for a setting whose layers leave the normal law in training.
    """
    ends = []
    for _, rows in table.groupby(SETTING, dropna=False, sort=False):
        at = rows.sort_values("epoch")
        if len(at) > 1 and set(at.epoch) == set(table.epoch) and at["mean"].notna().all():
            ends.append((at["mean"] < _NEAR * at.null_mean).iloc[[0, -1]].tolist())
    kept = [after for before, after in ends if before]
    some(kept, "setting that is Gaussian at the start")
    return Finding(
        f"standardized KS within {_NEAR - 1:.0%} of the mean of independent normal samples, by setting",
        f"of {len(ends)} settings {len(kept)} are Gaussian at the start, of these {sum(kept)} at the end",
        kept,
    )


def claim_table(
    sizes: DataFrame, comparisons: DataFrame, predictions: DataFrame, start: DataFrame, persistence: DataFrame
) -> DataFrame:
    """All claims of the stage by data set and optimizer, in the order of `sizes`; that on persistence last.

    Frames as the rule `analyse_training` writes them.
    """
    parts = []
    for size in sizes.itertuples():
        own = (_of(frame, size) for frame in (comparisons, predictions, start))
        parts.append(
            training_claims(*own).assign(dataset=size.dataset, optimizer=size.optimizer, about="start")
        )
    study = persistence.iloc[0] if len(persistence) else sizes.iloc[0]
    last = pd.DataFrame([persistence_claim(persistence)])
    parts.append(last.assign(dataset=study.dataset, optimizer=study.optimizer, about="training"))
    return pd.concat(parts, ignore_index=True)


def _of(frame: DataFrame, size: Any) -> DataFrame:
    """Rows of a data set and optimizer."""
    return (
        frame[(frame.dataset == size.dataset) & (frame.optimizer == size.optimizer)] if len(frame) else frame
    )


def training_text(
    sizes: DataFrame,
    cells: DataFrame,
    settings: DataFrame,
    comparisons: DataFrame,
    claims: DataFrame,
    persistence: DataFrame,
) -> str:
    """Markdown: the claims per data set and optimizer with the tables behind them, and whether Gaussianity persists.

    Frames as the rule `analyse_training` writes them, and `claim_table`.
    """
    lines = ["# Is it desirable to start from Gaussian pre-activations?", ""]
    lines += [
        "Protocol (our choice, see DEVIATIONS.md): cross-entropy, mini-batches; images of perceptrons are scaled "
        "so that first-layer pre-activations are exactly N(0, v); the learning rate is chosen per cell on the "
        "validation part only; a run *trains* if the loss over the training part ends below log(10)/2 = 1.15, half of "
        "a guess; diverged runs count as guesses. Intervals (95 %) and p-values are of Student, the unit is the seed, "
        "for which differences are averaged over architectures; p-values are corrected for all comparisons of a data "
        "set and optimizer that ask the same question (Holm), intervals are not.",
        "",
    ]
    for size in sizes.itertuples():
        part, own_settings, own_claims = (_of(frame, size) for frame in (cells, settings, claims))
        shown = claims_markdown(own_claims[own_claims.about == "start"])
        lines += [f"## {size.dataset}, {size.optimizer}", "", _size(size), "", shown]
        lines += ["", *_compared(_of(comparisons, size))]
        if (part.depth > 0).any():
            lines += ["", *_settings(own_settings, int(part.depth.max()))]
        if (part.depth == 0).any():
            lines += ["", *_convolutional(part[part.depth == 0])]
        lines.append("")
    lines += ["## Does it stay Gaussian while it trains?", "", *_persistence(persistence)]
    lines += ["", claims_markdown(claims[claims.about == "training"])]
    return "\n".join(lines).rstrip() + "\n"


def _size(row: Any) -> str:
    ends = ""
    if "," in row.learning_rates and row.good:
        ends = (
            f" Of the {row.good} cells with an accuracy above .3, {row.at_largest:.0%} choose the largest rate and "
            f"{row.at_smallest:.0%} the smallest: there the best one may lie outside."
        )
    return (
        f"{row.runs} runs: {row.settings} settings, {row.architectures} architectures ({row.cells} cells), {row.seeds} "
        f"seeds, learning rates {row.learning_rates}, {row.epochs} epochs; {row.trains:.0%} of the runs train, "
        f"{row.diverged:.1%} diverge.{ends}"
    )


def _compared(tests: DataFrame) -> Iterator[str]:
    """Differences in a table: what is compared, then by scope."""
    scopes = list(dict.fromkeys(tests["scope"]))
    lines = []
    for key, rows in tests.groupby(["question", "first", "first_law", "second"], sort=False):
        question, first, law, second = map(str, key)
        at = {row.scope: _difference(row) for row in rows.itertuples()}
        other = {"control": "the same, not Gaussian", "route": "the same, exact"}.get(
            question, reference_name(second)
        )
        name = activation_name(first.removeprefix("normalized_"), law=law)
        lines.append([f"{name}, minus {other}", *(at.get(scope, "") for scope in scopes)])
    yield markdown_table(["difference of test accuracy", *map(str, scopes)], lines)


def _settings(settings: DataFrame, deepest: int) -> Iterator[str]:
    heads = ["setting", "chi_1", "distance at start", "runs that train", "test accuracy"]
    rows = (
        (
            activation_name(row.activation, row.theta, row.law), f"{row.chi:.3f}", f"{row.ks:.3f}",
            f"{row.trains:.0%}", f"{row.accuracy:.3f}", f"{row.deep_accuracy:.3f}", f"{row.diverged:.0%}",
        )
        for row in settings.itertuples()
    )  # fmt: skip
    yield markdown_table([*heads, f"same, depth {deepest}", "diverged"], rows)
    yield ""
    yield (
        "Distance: from the normal law of the same variance, last hidden layer, mean over architectures. Runs that "
        "train, that diverge, and accuracy: at the chosen learning rate, mean over architectures."
    )


def _convolutional(cells: DataFrame) -> Iterator[str]:
    rows = (
        (
            activation_name(row.activation, row.theta, row.law), f"{row.learning_rate:g}", f"{row.trains:.0%}",
            f"{row.accuracy:.3f} [{row.accuracy_low:.3f}, {row.accuracy_high:.3f}]",
        )
        for row in cells.sort_values("accuracy", ascending=False).itertuples()
    )  # fmt: skip
    yield markdown_table(["LeNet-like network", "rate", "trains", "test accuracy"], rows)
    yield ""
    yield "Its first layer sees patches, whose norm varies: only the image as a whole has the norm of the protocol."


def _persistence(table: DataFrame) -> Iterator[str]:
    epochs = sorted(set(table.epoch))
    first = table.iloc[0]
    yield (
        f"{first.dataset}, width {int(first.width)}, {int(first.depth)} hidden layers, {first.optimizer}, the "
        f"rate chosen on validation, {int(table.n_runs.max())} seeds: standardized KS statistic over the neurons and "
        f"networks for one image, mean over layers and images (last layer). Independent normal samples of that size "
        f"({int(table.n_samples.max())}): {table.null_mean.min():.3f} on average."
    )
    yield ""
    lines = []
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
        lines.append([activation_name(activation, theta, law), f"{rows.trains.iloc[0]:.0%}", *texts])
    yield markdown_table(["setting", "runs that train", *(f"epoch {epoch}" for epoch in epochs)], lines)
