"""Answers in words, from the numbers of saved results. Reads tables; draws no random numbers.

Where many tests are made, their count is compared with that of the null law (binomial), or their maximum with
Bonferroni's limit. A statement about no cases at all is "not tested".
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import binom, chi2, norm, spearmanr

from preactivations.activations.registry import label_of

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

_POINT, _WINDOW = 0.95, 5
_FEWEST = 50  # networks for statements that take an estimate as normal
_CELL = ["activation", "theta", "law"]
_PAIRS = ("odd", "positive")


def name_of(activation: str, theta: float, law: str = "") -> str:
    """phi odd, theta 4; phi odd on the edge, theta 4; tanh; tanh, normalized; tanh, unit variance."""
    for prefix, text in (("normalized_", "normalized"), ("unit_", "unit variance")):
        if activation.startswith(prefix):
            return f"{name_of(activation.removeprefix(prefix), theta, law)}, {text}"
    psi = activation.removesuffix("_edge")
    if psi not in _PAIRS:
        return label_of(psi)
    weights = "uniform weights" if law == "spherical_1" else law.replace("_", " ")
    edge = " on the edge" if psi != activation else ""
    return f"phi {psi}{edge}, " + (f"theta {theta:g}" if theta == theta else weights)


def within_null(layers: DataFrame, null: DataFrame) -> DataFrame:
    """`layers` with ks_inside and ks_standardized_inside: not told from normal.

    That is: of this and the four layers before, at most one is beyond the 95 % point of the null law (of the first
    layer alone none; for normal layers more happens with probability 2.3 %, neighbouring layers being almost
    independent), and less than half of the networks are dead.

    `null` has columns statistic, probability, quantile, n_samples. Where dead networks are left out the point of the
    standardized statistic is scaled by sqrt(n_networks / n_tested), its asymptotic dependence.
    """
    at = null[(null.probability == _POINT) & (null.statistic == "ks_standardized")]
    points = at.drop_duplicates("n_samples").set_index("n_samples")["quantile"]
    limit = layers.n_networks.map(points) * np.sqrt(layers.n_networks / layers.n_tested)
    out = layers.assign(
        ks_standardized_limit=limit,
        ks_beyond=~(layers.ks_p >= 1 - _POINT),
        ks_standardized_beyond=~(layers.ks_standardized <= limit),
    ).sort_values([*_CELL, "width", "depth"], ignore_index=True)
    enough = out.n_tested >= out.n_networks / 2
    for statistic in ("ks", "ks_standardized"):
        windows = out.groupby([*_CELL, "width"], dropna=False)[f"{statistic}_beyond"]
        beyond = windows.transform(lambda column: column.astype(int).rolling(_WINDOW, min_periods=1).sum())
        several = windows.cumcount() > 0
        out[f"{statistic}_inside"] = (beyond <= several) & enough
    return out


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


def _claim(statement: str, verdict: str, numbers: str) -> dict[str, Any]:
    return {"statement": statement, "verdict": verdict, "numbers": numbers}


def _of(count: int, total: int) -> str:
    """Verdict of a statement about each of `total` cases that holds in `count`."""
    if total == 0:
        return "not tested"
    return "confirmed" if count == total else ("in part" if count else "not confirmed")


def _whether(condition: Any) -> str:
    return "confirmed" if condition else "not confirmed"


def propagation_claims(
    layers: DataFrame, points: DataFrame, correlations: DataFrame, depths: Sequence[int]
) -> list[dict[str, Any]]:
    """Statements about finite networks with verdict and numbers.

    Parameters
    ----------
    layers : DataFrame
        As `within_null` returns it.
    points : DataFrame
        The two-layer study: route, activation, theta, sweep, n, ks.
    correlations : DataFrame
        dataset, activation, theta, law, width, depth, correlation, error, theory, largest_z, n_pairs, n_networks.
    depths : sequence of int
        Activations are compared at the largest; first-order laws in 1/n are tested at the smallest.
    """
    normalized = layers.activation.str.startswith("normalized_")
    free, deep = layers[~normalized], max(depths)
    at = free[free.depth == deep]
    return [
        *_reference_claims(at),
        *_pair_claims(at, deep),
        *_normal_claims(free),
        *_width_claims(free, deep, min(depths)),
        *_control_claims(layers[normalized]),
        *_dependence_claims(free, points),
        *_variance_claims(layers),
        *_correlation_claims(correlations),
    ]


def _reference_claims(at: DataFrame) -> Iterable[dict[str, Any]]:
    for activation in ("relu", "tanh"):
        cell = at[at.activation == activation].sort_values("width")
        if len(cell):
            listed = ", ".join(
                f"{row.ks_standardized:.3f} ({row.ks_standardized_limit:.3f}) at width {row.width}"
                for row in cell.itertuples()
            )
            yield _claim(
                f"With {name_of(activation, math.nan)} the pre-activations of narrow deep networks are not Gaussian",
                _whether(not cell.ks_standardized_inside.iloc[0]),
                f"standardized KS (95 % point of the null law) at depth {cell.depth.iloc[0]}: {listed}",
            )


def _pair_claims(at: DataFrame, depth: int) -> Iterable[dict[str, Any]]:
    """Constructed pairs closer to normal than ReLU and tanh, kind by kind; odd against positive."""
    pairs = at[at.activation.isin(_PAIRS)]
    for kind in _PAIRS:
        for reference in ("relu", "tanh"):
            other = at[at.activation == reference].set_index("width")
            mine = pairs[(pairs.activation == kind) & pairs.width.isin(other.index)]
            if not len(mine):
                continue
            # a difference counts if one of the two is told from normal
            told = mine[~(mine.ks_standardized_inside & mine.width.map(other.ks_standardized_inside))]
            farther = told[told.ks_standardized >= told.width.map(other.ks_standardized)]
            listed = ", ".join(
                f"{name_of(row.activation, row.theta, row.law)} at width {row.width}"
                for row in farther.itertuples()
            )
            yield _claim(
                f"Pre-activations with phi {kind} stay closer to Gaussian than with {name_of(reference, math.nan)}",
                _of(len(told) - len(farther), len(told)),
                f"in {len(told) - len(farther)} of {len(told)} cells (law, width) at depth {depth} in which either is "
                "told from normal" + (f"; farther: {listed}" if listed else ""),
            )
    both = pairs.pivot(
        index=["law", "width"], columns="activation", values=["ks_standardized", "ks_standardized_inside"]
    )
    if set(_PAIRS) <= set(pairs.activation):
        told = both[~both["ks_standardized_inside"].astype(bool).all(axis=1)]["ks_standardized"].astype(float)
        worse = int((told.odd > told.positive).sum())
        yield _claim(
            "The odd kind is farther from Gaussian than the positive one",
            _of(worse, len(told)),
            f"in {worse} of {len(told)} cells (law, width) at depth {depth} in which either is told from normal",
        )


def _normal_claims(free: DataFrame) -> Iterable[dict[str, Any]]:
    """Over all layers from the third on: the share beyond the 95 % point, against the binomial law of normal layers."""
    deep = free[(free.depth > 2) & free.activation.isin(_PAIRS)]
    for kind, rows in deep.groupby("activation"):
        good, cells, listed = 0, 0, []
        for (theta, law, width), cell in rows.groupby(["theta", "law", "width"], dropna=False):
            beyond, cells = int(cell.ks_standardized_beyond.sum()), cells + 1
            if beyond <= binom.ppf(0.999, len(cell), 1 - _POINT):
                good += 1
            else:
                kurtosis = cell["kurtosis"].median()
                listed.append(
                    f"{name_of(str(kind), theta, law)}, width {width}: {beyond} of {len(cell)}, kurtosis {kurtosis:.2f}"
                )
        yield _claim(
            f"With phi {kind} pre-activations stay Gaussian at every width and depth",
            _of(good, cells),
            f"{good} of {cells} cells (law, width) have no more layers beyond the 95 % point than 99.9 % of normal ones"
            + (f"; more: {'; '.join(listed)} (median excess kurtosis)" if listed else ""),
        )


def _width_claims(free: DataFrame, deep: int, shallow: int) -> Iterable[dict[str, Any]]:
    falls, total = 0, 0
    for _, cell in free[free.depth == deep].groupby(_CELL, dropna=False):
        ordered = cell.sort_values("width")
        seen = ordered[~ordered.ks_standardized_inside]
        total += max(0, len(seen) - 1)
        falls += int((np.diff(seen.ks_standardized) < 0).sum())
    yield _claim(
        "The distance from Gaussian falls with width",
        _of(falls, total),
        f"in {falls} of {total} steps of width at depth {deep} between cells that are told from normal",
    )
    # ReLU's moments have no known errors at depth, and its first-order law holds for depth << width only
    at = free[
        (free.depth == shallow)
        & (free.activation != "relu")
        & (free.width >= 10)
        & (free.n_networks >= _FEWEST)
    ]
    if at.width.nunique() < 2:
        return
    good, cells, listed = 0, 0, []
    for (activation, theta, law), cell in at.groupby(_CELL, dropna=False):
        x, weight = 1 / cell.width, 1 / (cell.width * cell.square_covariance_error)
        fit, covariance = np.polyfit(x, cell.width * cell.square_covariance, 1, w=weight, cov="unscaled")
        predicted = float((cell.width * cell.square_covariance_theory).iloc[0])
        error = math.sqrt(covariance[1, 1])
        cells += 1
        good += abs(fit[1] - predicted) < norm.isf(0.0005 / at.groupby(_CELL, dropna=False).ngroups) * error
        listed.append(f"{name_of(activation, theta, law)} {fit[1]:.2f} +- {error:.2f} ({predicted:.2f})")
    yield _claim(
        "n Cov(z_i^2, z_j^2) tends to the first-order law with width",
        _of(good, cells),
        f"limit of n -> infinity at depth {shallow} from widths >= 10, linear in 1/n (predicted): "
        + ", ".join(listed),
    )
    good, cells, listed = 0, 0, []
    for (activation, theta, law), cell in at.groupby(_CELL, dropna=False):
        # v - 1 = a / n + b / n^2, nothing left for n -> infinity: one degree of freedom less than widths - 2
        x = 1 / cell.width.to_numpy(float)
        columns = np.stack([x, x * x])[: max(1, min(2, x.size - 1))] / cell.variance_error.to_numpy()
        target = ((cell.variance - 1) / cell.variance_error).to_numpy()
        (a, *_), *_ = np.linalg.lstsq(columns.T, target, rcond=None)
        left = target - columns.T @ np.linalg.lstsq(columns.T, target, rcond=None)[0]
        freedom = x.size - len(columns)
        cells += 1
        good += float(left @ left) < chi2.isf(0.001, freedom)
        listed.append(f"{name_of(activation, theta, law)} {a:.2f}")
    yield _claim(
        "The variance deviates by O(1/n)",
        _of(good, cells),
        f"at depth {shallow}, widths >= 10, a/n + b/n^2 leaves no more than noise (level .001) in {good} of "
        f"{cells} cells; a: " + ", ".join(listed),
    )


def _control_claims(control: DataFrame) -> Iterable[dict[str, Any]]:
    """Exactly i.i.d. layers: p-values are uniform and, given the layers before, independent."""
    tested = control[control.n_tested >= 10]
    if not len(tested):
        return
    exceed, smallest = int((tested.ks_p < 0.05).sum()), float(tested.ks_p.min())
    high = int(binom.ppf(0.999, len(tested), 0.05))
    cells = tested.groupby(["activation", "width"]).ks_p.agg(["size", lambda p: int((p < 0.05).sum())])
    worst = bool((cells.iloc[:, 1] <= binom.ppf(1 - 0.001 / len(cells), cells["size"], 0.05)).all())
    lost = control[control.dead > 0]
    narrow = lost[lost.width == lost.width.min()]
    note = f"; dead networks of ReLU left out (width {narrow.width.min()}: {narrow.dead.max()} at the end)"
    yield _claim(
        "Dependence is all that is left: normalized networks (exact control) are Gaussian at every width and depth",
        _whether(exceed <= high and worst and smallest > 0.001 / len(tested)),
        f"{exceed} of {len(tested)} KS statistics beyond the 95 % point of the null law (99.9 % of such counts are at "
        f"most {high}), no cell (activation, width) above its own limit: {'yes' if worst else 'no'}; smallest p-value "
        f"{smallest:.1e}" + (note if len(lost) else ""),
    )


def _dependence_claims(free: DataFrame, points: DataFrame) -> Iterable[dict[str, Any]]:
    second = free[(free.depth == 2) & free.activation.isin(_PAIRS) & (free.n_networks >= _FEWEST)]
    if len(second):
        z = (second.square_covariance - second.square_covariance_theory) / second.square_covariance_error
        limit = float(norm.isf(0.0005 / len(z)))
        yield _claim(
            "After one layer Cov(z_i^2, z_j^2) is (3 (E W^2)^2 / E W^4 - 1)/n at any width, for both kinds",
            _whether(z.abs().max() < limit),
            f"largest deviation {z.abs().max():.1f} standard errors over {len(z)} cells (limit {limit:.1f})",
        )
    exact = points[(points.route == "exact") & (points.sweep == "iii") & points.activation.isin(_PAIRS)]
    # mean over widths: single points are near the noise floor
    ks = exact[exact.n > 1].groupby(["activation", "theta"]).ks.mean().unstack("activation")
    if set(_PAIRS) <= set(ks) and len(ks.dropna()) > 2:
        ks = ks.dropna()
        dependence = [square_dependence(theta) for theta in ks.index]
        orders = {kind: float(spearmanr(dependence, ks[kind]).statistic) for kind in _PAIRS}
        worse = int((ks.odd > ks.positive).sum())
        yield _claim(
            "The closed form orders the two-layer study: more dependence, more distance; odd above positive",
            _whether(orders["odd"] > 0.9 and worse >= len(ks) - 1),
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
    """Layers whose predicted variance is exact at any width, with a known error.

    The first two of any network; all normalized ones without dead; all of ReLU whose (exact) error is below 1/5.
    """
    normalized = layers.activation.str.startswith("normalized_")
    relu = (layers.activation == "relu") & (layers.variance_error < 0.2)
    first = (layers.depth <= 2) & ~normalized
    return layers[first | relu | (normalized & (layers.dead == 0))]


def _variance_claims(layers: DataFrame) -> Iterable[dict[str, Any]]:
    exact = exact_variance(layers[layers.n_networks >= _FEWEST])
    if not len(exact):
        return
    z = ((exact.variance - 1) / exact.variance_error).abs()
    limit = float(norm.isf(0.0005 / len(z)))
    yield _claim(
        "The predicted variance is exact at any width in the first two layers, and for ReLU and normalized networks at "
        "every depth",
        _whether(z.max() < limit),
        f"largest deviation {z.max():.1f} standard errors over {len(z)} layers (limit {limit:.1f})",
    )


def _correlation_claims(correlations: DataFrame) -> Iterable[dict[str, Any]]:
    known = correlations[correlations.n_networks >= _FEWEST]
    for dataset, rows in known[known.depth.isin([1, 2])].groupby("dataset"):
        limit = float(norm.isf(0.0005 / rows.n_pairs.sum()))
        yield _claim(
            f"Covariances between images ({dataset}) are the predicted ones at any width in the first two layers",
            _whether(rows.largest_z.max() < limit),
            f"largest deviation {rows.largest_z.max():.1f} standard errors over {int(rows.n_pairs.sum())} pairs "
            f"(limit {limit:.1f})",
        )
    for dataset, rows in known[known.depth == known.depth.max()].groupby("dataset"):
        good, listed, cells = 0, [], list(rows.groupby(_CELL, dropna=False))
        for (activation, theta, law), cell in cells:
            ordered = cell.sort_values("width")
            off = (ordered.correlation - ordered.theory).abs().to_numpy()
            widest = ordered.iloc[-1]
            # positive pairs: both are 1 to rounding
            noise = norm.isf(0.0005 / len(cells)) * widest.error + 1e-5
            good += off[-1] < max(noise, 0.5 * off[0])
            listed.append(
                f"{name_of(activation, theta, law)} {widest.correlation:.3f} +- {widest.error:.3f} "
                f"({widest.theory:.3f})"
            )
        yield _claim(
            f"The mean correlation of images ({dataset}) tends to the prediction of infinite width",
            _of(good, len(cells)),
            f"for {good} of {len(cells)} activations the deviation at width {int(rows.width.max())}, depth "
            f"{int(rows.depth.max())} is within error or less than half of that at width {int(rows.width.min())}; "
            f"measured (predicted): {', '.join(listed)}",
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
            f"below KS {point['ks', 0.95]:.4f} (standardized {point['ks_standardized', 0.95]:.4f}) in 95 % of cases, "
            f"so that smaller distances are not seen; standard error of the variance {error:.4f} (median)."
        )
    lines += ["", "## From which width on is it Gaussian?", ""]
    lines += [
        "Not told from normal at this and every larger width of the study: of this and the four layers before, at "
        "most one has a KS statistic (of one neuron per network) beyond the 95 % point of the null law. Raw: against "
        "N(0, v) with the predicted variance v; shape: standardized. A dash: not even at the largest width. Of normal "
        "layers 2.3 % fail per width.",
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
