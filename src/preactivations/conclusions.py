"""Answers in words, from the numbers of saved results. Reads tables; draws no random numbers.

Tests are at the 1 % level per cell unless said otherwise; where many are counted, the count is compared with that of
the null law (binomial, or Bonferroni's correction for a maximum).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import binom, norm, spearmanr

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = [
    "exact_variance",
    "name_of",
    "normal_from_width",
    "propagation_claims",
    "propagation_text",
    "square_dependence",
    "within_null",
]

_LEVEL = 0.01
_CELL = ["activation", "theta", "law"]
_PAIRS = ("odd", "positive")


def name_of(activation: str, theta: float, law: str = "") -> str:
    """phi odd, theta 4; tanh; normalized tanh."""
    if activation.startswith("normalized_"):
        return f"{name_of(activation.removeprefix('normalized_'), theta, law)}, normalized"
    if activation not in _PAIRS:
        return {"relu": "ReLU"}.get(activation, activation.replace("_", " "))
    return f"phi {activation}, " + (f"theta {theta:g}" if theta == theta else law.replace("_", " "))


def within_null(layers: DataFrame, null: DataFrame) -> DataFrame:
    """`layers` with ks_inside and ks_standardized_inside: below the 99 % point of the null law for that many networks.

    `null` has columns statistic, probability, quantile, n_samples. Where dead networks are left out the point for the
    standardized statistic is scaled by sqrt(n_networks / n_tested), its asymptotic dependence on the number.
    """
    at = null[(null.probability == 1 - _LEVEL) & (null.statistic == "ks_standardized")]
    points = at.drop_duplicates("n_samples").set_index("n_samples")["quantile"]
    limit = layers.n_networks.map(points) * np.sqrt(layers.n_networks / layers.n_tested)
    return layers.assign(
        ks_inside=layers.ks_p >= _LEVEL,
        ks_standardized_inside=layers.ks_standardized <= limit,
        ks_standardized_limit=limit,
    )


def normal_from_width(layers: DataFrame, depths: Sequence[int]) -> DataFrame:
    """Smallest width from which on an activation is not told from normal, at each of the depths.

    `layers` as `within_null` returns it. "From which on": at this and at every larger width of the study. The column
    is NaN where the largest width still fails. `networks` are those at the largest width: with fewer, less is seen.
    """
    rows = []
    for (activation, theta, law), cell in layers.groupby(_CELL, dropna=False, sort=True):
        for depth in depths:
            at = cell[cell.depth == depth].sort_values("width", ascending=False)
            row = {"activation": activation, "theta": theta, "law": law, "depth": depth}
            for statistic in ("ks", "ks_standardized"):
                inside = at[f"{statistic}_inside"].to_numpy(bool)
                n_good = int(np.argmin(inside)) if not inside.all() else inside.size
                row[f"{statistic}_from_width"] = float(at.width.iloc[n_good - 1]) if n_good else math.nan
            row["largest_width"], row["networks"] = int(at.width.iloc[0]), int(at.n_networks.iloc[0])
            rows.append(row)
    return pd.DataFrame(rows)


def _claim(statement: str, confirmed: bool | None, numbers: str) -> dict[str, Any]:
    verdict = {True: "confirmed", False: "not confirmed", None: "in part"}[confirmed]
    return {"statement": statement, "verdict": verdict, "numbers": numbers}


def propagation_claims(
    layers: DataFrame, points: DataFrame, correlations: DataFrame, depth: int
) -> list[dict[str, Any]]:
    """Statements about finite networks with verdict and numbers.

    Parameters
    ----------
    layers : DataFrame
        As `within_null` returns it.
    points : DataFrame
        The two-layer study: route, activation, theta, sweep, n, ks.
    correlations : DataFrame
        dataset, activation, theta, width, depth, correlation, low, high, theory, largest_z, n_pairs.
    depth : int
        At which activations are compared.
    """
    free = layers[~layers.activation.str.startswith("normalized_")]
    at = free[free.depth == depth]
    claims = [
        *_reference_claims(at),
        *_pair_claims(at, depth),
        *_width_claims(at, depth),
        *_control_claims(layers[layers.activation.str.startswith("normalized_")]),
        *_dependence_claims(free, points),
        *_variance_claims(layers),
        *_correlation_claims(correlations),
    ]
    return claims


def _reference_claims(at: DataFrame) -> Iterable[dict[str, Any]]:
    for activation in ("relu", "tanh"):
        cell = at[at.activation == activation].sort_values("width")
        if len(cell):
            outside = cell[~cell.ks_standardized_inside.astype(bool)]
            listed = ", ".join(f"{row.ks_standardized:.3f} at width {row.width}" for row in cell.itertuples())
            yield _claim(
                f"With {name_of(activation, math.nan)} the pre-activations of narrow deep networks are not Gaussian",
                bool(cell.width.iloc[0] in set(outside.width)),
                f"standardized KS {listed} (depth {cell.depth.iloc[0]}; 99 % points of the null law "
                f"{', '.join(f'{v:.3f}' for v in cell.ks_standardized_limit)})",
            )


def _pair_claims(at: DataFrame, depth: int) -> Iterable[dict[str, Any]]:
    """Constructed pairs closer to normal than ReLU and tanh, kind by kind."""
    pairs = at[at.activation.isin(_PAIRS)]
    for kind in _PAIRS:
        for reference in ("relu", "tanh"):
            other = at[at.activation == reference].set_index("width").ks_standardized
            mine = pairs[(pairs.activation == kind) & pairs.width.isin(other.index)]
            if not len(mine) or not len(other):
                continue
            beside = mine.width.map(other)
            # a difference counts if one of the two is told from normal
            told = ~mine.ks_standardized_inside.astype(bool) | (beside > mine.ks_standardized_limit)
            closer = (mine.ks_standardized < beside) & told
            farther = (mine.ks_standardized >= beside) & told
            worst = mine[farther]
            listed = ", ".join(f"theta {row.theta:g} at width {row.width}" for row in worst.itertuples())
            yield _claim(
                f"Pre-activations with phi {kind} stay closer to Gaussian than with {name_of(reference, math.nan)}",
                True if not farther.any() else (None if closer.any() else False),
                f"{int(closer.sum())} of {int(told.sum())} cells (theta, width) at depth {depth} in which either is "
                f"told from normal" + (f"; farther: {listed}" if listed else ""),
            )
    by_kind = pairs.pivot_table(
        index=["theta", "law", "width"], columns="activation", values="ks_standardized"
    )
    if set(_PAIRS) <= set(by_kind):
        limit = pairs.groupby(["theta", "law", "width"]).ks_standardized_limit.first()
        seen = by_kind[by_kind.max(axis=1) > limit.reindex(by_kind.index)]
        worse = int((seen.odd > seen.positive).sum())
        yield _claim(
            "The odd kind is farther from Gaussian than the positive one",
            worse == len(seen),
            f"in {worse} of {len(seen)} cells (theta, width) at depth {depth} in which either is told from normal",
        )


def _width_claims(at: DataFrame, depth: int) -> Iterable[dict[str, Any]]:
    falls, total = 0, 0
    for _, cell in at.groupby(_CELL, dropna=False):
        ordered = cell.sort_values("width")
        seen = ordered[~ordered.ks_standardized_inside.astype(bool)]
        total += max(0, len(seen) - 1)
        falls += int((np.diff(seen.ks_standardized) < 0).sum())
    yield _claim(
        "The distance from Gaussian falls with width",
        falls == total,
        f"in {falls} of {total} steps of width at depth {depth} between cells that are told from normal",
    )
    slopes = []
    for (activation, theta, law), cell in at.groupby(_CELL, dropna=False):
        used = cell[(cell.width >= 10) & (cell.square_covariance > 4 * cell.square_covariance_error)]
        used = used[used.square_covariance < 0.5]  # where the first order can hold
        if len(used) > 1:
            x, y = np.log(used.width), np.log(used.square_covariance)
            weight = used.square_covariance / used.square_covariance_error
            (slope, _), covariance = np.polyfit(x, y, 1, w=weight, cov="unscaled")
            slopes.append((name_of(activation, theta, law), slope, math.sqrt(covariance[0, 0])))
    if slopes:
        within = [abs(slope + 1) < 3 * error + 0.1 for _, slope, error in slopes]
        yield _claim(
            "Dependence between neurons shrinks as 1/n",
            all(within) or None if any(within) else False,
            "exponents of the width (n >= 10, covariance of squares below 0.5): "
            + ", ".join(f"{name} {slope:.2f} +- {error:.2f}" for name, slope, error in slopes),
        )


def _control_claims(control: DataFrame) -> Iterable[dict[str, Any]]:
    """Exactly i.i.d. layers: p-values are uniform and, given the layers before, independent."""
    tested = control[control.n_tested >= 10]
    if not len(tested):
        return
    exceed = int((tested.ks_p < 0.05).sum())
    low, high = (int(binom.ppf(q, len(tested), 0.05)) for q in (0.0005, 0.9995))
    lost = control[control.dead > 0]
    note = f"; dead networks of narrow ReLU layers left out (width {lost.width.min()}: "
    note += f"{int(lost[lost.width == lost.width.min()].dead.max())} at the end)" if len(lost) else ""
    yield _claim(
        "Dependence is all that is left: normalized networks (exact control) are Gaussian at every width and depth",
        exceed <= high,
        f"{exceed} of {len(tested)} KS statistics beyond the 95 % point of the null law; 99.9 % of such counts lie in "
        f"[{low}, {high}]" + (note if len(lost) else ""),
    )


def _dependence_claims(free: DataFrame, points: DataFrame) -> Iterable[dict[str, Any]]:
    second = free[(free.depth == 2) & free.activation.isin(_PAIRS)]
    if len(second):
        z = (second.square_covariance - second.square_covariance_theory) / second.square_covariance_error
        limit = float(norm.isf(0.0005 / len(z)))
        yield _claim(
            "After one layer Cov(z_i^2, z_j^2) is (3 Gamma(1 + 2/theta)^2 / Gamma(1 + 4/theta) - 1)/n, for both kinds",
            bool(z.abs().max() < limit),
            f"largest deviation {z.abs().max():.1f} standard errors over {len(z)} cells (limit {limit:.1f})",
        )
    exact = points[(points.route == "exact") & (points.sweep == "iii") & points.activation.isin(_PAIRS)]
    # mean over widths: single points are near the noise floor
    ks = exact[exact.n > 1].groupby(["activation", "theta"]).ks.mean().unstack("activation")
    ks = ks.dropna()
    if len(ks) > 2 and set(_PAIRS) <= set(ks):
        dependence = [square_dependence(theta) for theta in ks.index]
        orders = {kind: float(spearmanr(dependence, ks[kind]).statistic) for kind in _PAIRS}
        worse = int((ks.odd > ks.positive).sum())
        yield _claim(
            "The closed form orders the two-layer study: more dependence, more distance; odd above positive",
            bool(orders["odd"] > 0.9 and worse >= len(ks) - 1) or None if orders["odd"] > 0.5 else False,
            "rank correlation of the closed form with the KS statistic of sweep (iii), mean over n > 1: "
            + ", ".join(f"{kind} {value:.2f}" for kind, value in orders.items())
            + f"; odd above positive for {worse} of {len(ks)} thetas",
        )


def square_dependence(theta: float) -> float:
    """n Cov(z_i^2, z_j^2) after one layer with exact pairs for Weibull(theta) weights: 3 (E W^2)^2 / E W^4 - 1.

    Examples
    --------
    >>> round(square_dependence(2), 12)
    0.5
    """
    return 3 * math.gamma(1 + 2 / theta) ** 2 / math.gamma(1 + 4 / theta) - 1


def exact_variance(layers: DataFrame) -> DataFrame:
    """Layers whose predicted variance is exact at any width: the first two, and all normalized ones without dead."""
    normalized = layers.activation.str.startswith("normalized_")
    return layers[((layers.depth <= 2) & ~normalized) | (normalized & (layers.dead == 0))]


def _variance_claims(layers: DataFrame) -> Iterable[dict[str, Any]]:
    exact = exact_variance(layers)
    z = ((exact.variance - 1) / exact.variance_error).abs()
    limit = float(norm.isf(0.0005 / len(z)))
    yield _claim(
        "The predicted variance is exact at any width in the first two layers, and at every depth when normalized",
        bool(z.max() < limit),
        f"largest deviation {z.max():.1f} standard errors over {len(z)} layers (limit {limit:.1f})",
    )


def _correlation_claims(correlations: DataFrame) -> Iterable[dict[str, Any]]:
    first = correlations[correlations.depth.isin([1, 2])]
    for dataset, rows in first.groupby("dataset"):
        limit = float(norm.isf(0.0005 / rows.n_pairs.sum()))
        yield _claim(
            f"Covariances between images ({dataset}) are the predicted ones at any width in the first two layers",
            bool(rows.largest_z.max() < limit),
            f"largest deviation {rows.largest_z.max():.1f} standard errors over {int(rows.n_pairs.sum())} pairs "
            f"(limit {limit:.1f})",
        )
    last = correlations[correlations.depth == correlations.depth.max()]
    for dataset, rows in last.groupby("dataset"):
        widest = rows[rows.width == rows.width.max()]
        inside = (widest.low <= widest.theory + 1e-6) & (widest.theory <= widest.high + 1e-6)
        listed = ", ".join(
            f"{name_of(row.activation, row.theta, getattr(row, 'law', ''))} {row.correlation:.3f} ({row.theory:.3f})"
            for row in widest.itertuples()
        )
        yield _claim(
            f"Infinite width predicts the mean correlation of images ({dataset}) in wide networks",
            bool(inside.all()) or None if inside.any() else False,
            f"predicted value between the 5 % and 95 % networks for {int(inside.sum())} of {len(inside)} activations "
            f"at width {int(widest.width.iloc[0])}, depth {int(widest.depth.iloc[0])}; measured (predicted): {listed}",
        )


def propagation_text(
    table: DataFrame, claims: list[dict[str, Any]], layers: DataFrame, null: DataFrame
) -> str:
    """Markdown: what was simulated, from which width on activations are normal, and the claims with verdicts."""
    lines = ["# Propagation with depth: conclusions", ""]
    for n, rows in layers.groupby("n_networks"):
        at = null[null.n_samples == n].drop_duplicates(["statistic", "probability"])
        point = at.set_index(["statistic", "probability"])["quantile"]
        error = rows[~rows.activation.isin(["relu"])].variance_error.median()
        lines.append(
            f"* {n} networks per cell at width {', '.join(map(str, sorted(set(rows.width))))}: normal samples stay "
            f"below KS {point['ks', 0.99]:.4f} (standardized {point['ks_standardized', 0.99]:.4f}) in 99 % of cases, "
            f"so that smaller distances are not seen; standard error of the variance {error:.4f} (median)."
        )
    lines += ["", "## From which width on is it Gaussian?", ""]
    lines += [
        "At this and every larger width of the study the KS statistic of one neuron per network is below the 99 % "
        "point of the null law. Raw: against N(0, v) with the predicted variance v; shape: standardized. A dash: not "
        f"even at the largest width. At that level about one entry in {1 / _LEVEL:.0f} is too large by chance.",
        "",
    ]
    depths = sorted(set(table.depth))
    heads = [f"depth {depth}, {what}" for depth in depths for what in ("raw", "shape")]
    lines += ["| activation | " + " | ".join(heads) + " |", "| --- |" + " ---: |" * len(heads)]
    for (activation, theta, law), rows in table.groupby(_CELL, dropna=False):
        cells = []
        for depth in depths:
            row = rows[rows.depth == depth].iloc[0]
            for column in ("ks_from_width", "ks_standardized_from_width"):
                cells.append("-" if math.isnan(row[column]) else f"{row[column]:.0f}")
        lines.append(f"| {name_of(activation, theta, law)} | " + " | ".join(cells) + " |")
    lines += ["", "## Claims", "", "| statement | verdict | numbers |", "| --- | --- | --- |"]
    lines += [f"| {claim['statement']} | **{claim['verdict']}** | {claim['numbers']} |" for claim in claims]
    return "\n".join(lines) + "\n"
