"""Claims about pre-activations of finite networks, from the numbers of saved results. Reads tables.

Where many tests are made, their count is compared with that of the null law (binomial), or their maximum with
Bonferroni's limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import binom, chi2

from replication.inference import z_limit
from replication.labels import activation_name
from replication.propagation.analysis import CELL, FEWEST, LEVEL
from replication.tables import claims_markdown
from replication.verdicts import Finding, Source, claim, decided, every, resolved, some

if TYPE_CHECKING:
    from pandas import DataFrame

_PAIRS = ("odd", "positive")
_PAPER = "Wolinski & Arbel"
_KEPT = 0.01  # of a variance: our choice
# the paper shows the positive kind
_SOURCES: dict[str, tuple[Source, str]] = {"odd": ("our question", ""), "positive": ("published", _PAPER)}


def propagation_claims(results: dict[str, DataFrame], deep: int) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    `results` has the tables of `analysis.study_frames`; activations are compared at the depth `deep`.
    """
    layers, beyond, laws = results["layers"], results["beyond"], results["laws"]
    free = layers[~layers.activation.str.startswith("normalized_")]
    at = free[free.depth == deep]
    rows = [_not_gaussian(at[at.activation == name], name=activation_name(name)) for name in ("relu", "tanh")]
    for kind in _PAIRS:
        for reference in ("relu", "tanh"):
            words = f"pre-activations with phi {kind} stay closer to Gaussian than with {activation_name(reference)}"
            rows.append(
                claim(words, *_SOURCES[kind])(_closer)(
                    at[at.activation == kind], at[at.activation == reference], deep
                )
            )
    rows.append(_odd_is_farther(at, deep))
    for kind in _PAIRS:
        words = f"with phi {kind} pre-activations stay Gaussian at every width and depth"
        rows.append(claim(words, *_SOURCES[kind])(_stays_gaussian)(beyond[beyond.activation == kind]))
    rows += [
        _falls_with_width(at, deep),
        _first_order(laws),
        _variance_order(laws),
        _control(results["control"]),
        _after_one_layer(free),
        _closed_form_orders(results["orders"]),
        _exact_variance(layers),
        _drifts(results["drift"]),
    ]
    images = results["images"]
    for dataset, part in images.groupby("dataset") if len(images) else [("no data set", images)]:
        rows += [_covariances(part, dataset=str(dataset)), _tends(part, dataset=str(dataset))]
    return pd.DataFrame(rows)


@claim("with {name} the pre-activations of narrow deep networks are not Gaussian", "published", _PAPER)
def _not_gaussian(cells: DataFrame, *, name: str) -> Finding:
    ordered = cells.sort_values("width")
    listed = ", ".join(
        f"{row.ks_standardized:.3f} ({row.ks_standardized_limit:.3f}) at width {row.width}"
        for row in ordered.itertuples()
    )
    return Finding(
        f"standardized KS (95 % point of the null law) at depth {ordered.depth.iloc[0]}, at the smallest width",
        listed,
        ~ordered.ks_standardized_inside.to_numpy(bool)[:1],
    )


def _closer(pairs: DataFrame, reference: DataFrame, depth: int) -> Finding:
    """A constructed pair and a common activation, laws and widths where either is distinguishable from normal."""
    other = reference.set_index("width")
    ours = pairs[pairs.width.isin(other.index)]
    inside = ours.ks_standardized_inside & ours.width.map(other.ks_standardized_inside)
    compared = ours[~inside.to_numpy(bool)]
    closer = compared.ks_standardized < compared.width.map(other.ks_standardized)
    listed = ", ".join(
        f"{activation_name(row.activation, row.theta, row.law)} at width {row.width}"
        for row in compared[~closer].itertuples()
    )
    return Finding(
        f"standardized KS at depth {depth}, cells (law, width) in which either is distinguishable from normal",
        f"farther: {listed}" if listed else "",
        closer,
    )


@claim("the odd kind is farther from Gaussian than the positive one", "derived here")
def _odd_is_farther(at: DataFrame, depth: int) -> Finding:
    pairs = at[at.activation.isin(_PAIRS)]
    for kind in _PAIRS:
        some(pairs[pairs.activation == kind], f"networks with phi {kind}")
    both = pairs.pivot(
        index=["law", "width"], columns="activation", values=["ks_standardized", "ks_standardized_inside"]
    )
    both = some(both.dropna(), "law and width with both kinds")
    inside = both["ks_standardized_inside"].astype(bool).all(axis=1)
    compared = both[~inside]["ks_standardized"].astype(float)
    worse = compared.odd > compared.positive
    return Finding(
        f"standardized KS at depth {depth}, cells (law, width) in which either is distinguishable from normal",
        "",
        worse,
    )


def _stays_gaussian(cells: DataFrame) -> Finding:
    """Over all layers from the third on: the share beyond the 95 % point, against the binomial law of normal layers."""
    good = cells.beyond <= binom.ppf(0.999, cells.layers, 1 - LEVEL)
    listed = "; ".join(
        f"{activation_name(r.activation, r.theta, r.law)}, width {r.width}: {r.beyond} of {r.layers}, kurtosis "
        f"{r.kurtosis:.2f}"
        for r in cells[~good].itertuples()
    )
    return Finding(
        "layers from the third on, by cell (law, width): no more beyond the 95 % point than 99.9 % of normal ones",
        f"more: {listed} (median excess kurtosis)" if listed else "",
        good,
    )


@claim("the distance from Gaussian falls with width", "our question")
def _falls_with_width(at: DataFrame, depth: int) -> Finding:
    falls = []
    for _, cell in at.groupby(CELL, dropna=False):
        ordered = cell.sort_values("width")
        beyond = ordered[~ordered.ks_standardized_inside.to_numpy(bool)]
        falls += list(np.diff(beyond.ks_standardized) < 0)
    return Finding(
        f"steps of width at depth {depth} between cells that are distinguishable from normal", "", falls
    )


@claim("n Cov(z_i^2, z_j^2) tends to the first-order law with width", "derived here")
def _first_order(laws: DataFrame) -> Finding:
    some(laws.limit.dropna(), "two widths")
    limit = z_limit(len(laws))
    return Finding(
        f"limit of n -> infinity at depth {laws.depth.iloc[0]} from widths >= 10, linear in 1/n (predicted): within "
        f"{limit:.1f} standard errors",
        ", ".join(
            f"{activation_name(r.activation, r.theta, r.law)} {r.limit:.2f} +- {r.limit_error:.2f} ({r.predicted:.2f})"
            for r in laws.itertuples()
        ),
        (laws.limit - laws.predicted).abs() < limit * laws.limit_error,
    )


@claim("the variance deviates by O(1/n)", "derived here")
def _variance_order(laws: DataFrame) -> Finding:
    some(laws.limit.dropna(), "two widths")
    return Finding(
        f"at depth {laws.depth.iloc[0]}, widths >= 10, a/n + b/n^2 leaves no more than noise (level .001)",
        "a: "
        + ", ".join(
            f"{activation_name(r.activation, r.theta, r.law)} {r.variance:.2f}" for r in laws.itertuples()
        ),
        laws.chi2 < chi2.isf(0.001, laws.freedom),
    )


@claim(
    "dependence is all that is left: normalized networks (exact control) are Gaussian at every width and depth",
    "derived here",
)
def _control(control: DataFrame) -> Finding:
    """Exactly i.i.d. layers: p-values are uniform and, given the layers before, independent."""
    cells = some(control[control.layers > 0], "layers with ten living networks")
    layers, exceed, smallest = cells.layers.sum(), cells.beyond.sum(), cells.smallest.min()
    high = int(binom.ppf(0.999, layers, 0.05))
    worst = (cells.beyond <= binom.ppf(1 - 0.001 / len(cells), cells.layers, 0.05)).all()
    lost = control[control.dead > 0]
    narrow = lost[lost.width == lost.width.min()]
    note = f"; dead networks of ReLU left out (width {narrow.width.min()}: {narrow.dead.max()} at the end)"
    return Finding(
        f"KS statistics beyond the 95 % point of the null law: at most {high} (99.9 % of such counts), no cell "
        "(activation, width) above its own limit, smallest p-value within Bonferroni's limit",
        f"{exceed} of {layers}; every cell below its limit: {'yes' if worst else 'no'}; smallest p-value "
        f"{smallest:.1e}" + (note if len(lost) else ""),
        [exceed <= high and worst and smallest > 0.001 / layers],
    )


@claim(
    "after one layer Cov(z_i^2, z_j^2) is (3 (E W^2)^2 / E W^4 - 1)/n at any width, for both kinds",
    "derived here",
)
def _after_one_layer(free: DataFrame) -> Finding:
    second = free[(free.depth == 2) & free.activation.isin(_PAIRS) & (free.n_networks >= FEWEST)]
    some(second, "second layers of constructed pairs")
    z = (second.square_covariance - second.square_covariance_theory) / second.square_covariance_error
    return _largest_z(z.abs(), "cells")


def _largest_z(z: pd.Series[float], cells: str) -> Finding:
    limit = z_limit(len(z))
    return Finding(
        f"largest deviation over {len(z)} {cells} below {limit:.1f} standard errors",
        f"{z.max():.1f}",
        every(z.dropna() < limit),
    )


@claim(
    "the closed form orders the two-layer study: more dependence, more distance; odd above positive",
    "derived here",
)
def _closed_form_orders(orders: DataFrame) -> Finding:
    (row,) = some(orders.dropna(), "three thetas with both kinds").itertuples()
    return Finding(
        "rank correlation of the closed form with the KS statistic of sweep (iii), mean over n > 1: above .9 (odd); "
        "odd above positive for all thetas but one",
        f"odd {row.odd:.2f}, positive {row.positive:.2f}; odd above positive for {row.worse} of {row.thetas} thetas",
        [row.odd > 0.9 and row.worse >= row.thetas - 1],
    )


@claim(
    "the predicted variance is exact at any width in the first two layers, and for ReLU and normalized networks at "
    "every depth",
    "derived here",
)
def _exact_variance(layers: DataFrame) -> Finding:
    exact = some(layers[layers.exact_variance & (layers.n_networks >= FEWEST)], f"cells of {FEWEST} networks")
    return _largest_z(((exact.variance - 1) / exact.variance_error).abs(), "layers")


@claim(
    "covariances between images ({dataset}) are the predicted ones at any width in the first two layers",
    "derived here",
)
def _covariances(rows: DataFrame, *, dataset: str) -> Finding:
    rows = some(rows[(rows.n_networks >= FEWEST) & rows.depth.isin([1, 2])], f"cells of {FEWEST} networks")
    pairs = int(rows.n_pairs.sum())
    limit = z_limit(pairs)
    return Finding(
        f"largest deviation over {pairs} pairs below {limit:.1f} standard errors",
        f"{rows.largest_z.max():.1f}",
        every(rows.largest_z.dropna() < limit),
    )


@claim(
    "the mean correlation of images ({dataset}) tends to the prediction of infinite width",
    "published",
    "Poole et al. 2016",
)
def _tends(rows: DataFrame, *, dataset: str) -> Finding:
    rows = some(rows[rows.n_networks >= FEWEST], f"cells of {FEWEST} networks")
    rows = rows[rows.depth == rows.depth.max()]
    cells, good, listed = rows.groupby(CELL, dropna=False), [], []
    for (activation, theta, law), cell in cells:
        ordered = cell.sort_values("width")
        off = ordered.off.to_numpy()
        widest = ordered.iloc[-1]
        # positive pairs: both are 1 to rounding
        noise = z_limit(cells.ngroups) * widest.error + 1e-5
        good.append(off[-1] < max(noise, 0.5 * off[0]))
        listed.append(
            f"{activation_name(activation, theta, law)} {widest.correlation:.3f} +- {widest.error:.3f} "
            f"({widest.theory:.3f})"
        )
    return Finding(
        f"by activation: the deviation at width {int(rows.width.max())}, depth {int(rows.depth.max())} is within error "
        f"or less than half of that at width {int(rows.width.min())}",
        f"measured (predicted): {', '.join(listed)}",
        good,
    )


@claim("with activations that are fitted as in the paper the variance drifts with depth", "derived here")
def _drifts(drift: DataFrame) -> Finding:
    widest = some(drift[drift.width == drift.width.max()], "networks with fitted activations")
    last = widest[widest.depth == widest.depth.max()]
    off, half_width = (last.variance - 1).abs(), z_limit(len(last)) * last.variance_error
    within, _ = resolved(off, half_width, _KEPT)
    listed = ", ".join(
        f"{activation_name(r.activation, r.theta)} {r.variance:.3f} (infinite width {r.infinite:.3f}; exact "
        f"activation {r.exact:.3f})"
        for r in last.itertuples()
    )
    return Finding(
        f"variance in units of the first layer's, depth {last.depth.iloc[0]}, width {last.width.iloc[0]}; beyond "
        f"{z_limit(len(last)):.1f} standard errors from 1 (not if these are within {_KEPT:.0%})",
        listed,
        *decided(off > half_width, within & (off <= half_width), "variances"),
    )


def propagation_text(table: DataFrame, claims: DataFrame, layers: DataFrame, null: DataFrame) -> str:
    """Markdown: what was simulated, from which width on activations are normal, and the claims with verdicts."""
    lines = ["# Propagation with depth: conclusions", "", *_simulated(layers, null), "", *_widths(table), ""]
    return "\n".join(lines) + f"\n## Claims\n\n{claims_markdown(claims)}\n"


def _simulated(layers: DataFrame, null: DataFrame) -> Iterator[str]:
    for n, rows in layers.groupby("n_networks"):
        at = null[null.n_samples == n].drop_duplicates(["statistic", "probability"])
        point = at.set_index(["statistic", "probability"])["quantile"]
        error = rows[~rows.activation.isin(["relu"])].variance_error.median()
        yield (
            f"* {n} networks per cell at width {', '.join(map(str, sorted(set(rows.width))))}: normal samples stay "
            f"below KS {point['ks', 0.95]:.4f} (standardized {point['ks_standardized', 0.95]:.4f}) in 95 % of cases, "
            f"so that smaller distances are not seen; standard error of the variance {error:.4f} (median)."
        )


def _widths(table: DataFrame) -> Iterator[str]:
    yield from [
        "## From which width on is it Gaussian?",
        "",
        "Not distinguishable from normal at this and every larger width of the study: of this and the four layers "
        "before, at most one has a KS statistic (of one neuron per network) beyond the 95 % point of the null law. "
        "Raw: against N(0, v) with the predicted variance v; shape: standardized. A dash: not even at the largest "
        "width. Of normal layers 2.3 % fail per width.",
        "",
    ]
    depths = sorted(set(table.depth))
    heads = [f"depth {depth}, {what}" for depth in depths for what in ("raw", "shape")]
    yield "| activation | " + " | ".join(heads) + " |"
    yield "| --- |" + " ---: |" * len(heads)
    for (activation, theta, law), rows in table.groupby(CELL, dropna=False):
        cells = []
        for depth in depths:
            row = rows[rows.depth == depth].iloc[0]
            for column in ("ks_from_width", "ks_standardized_from_width"):
                cells.append("-" if math.isnan(row[column]) else f"{row[column]:.0f}")
        yield f"| {activation_name(activation, theta, law)} | " + " | ".join(cells) + " |"
