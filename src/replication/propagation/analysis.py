"""Statistics of the propagation study: which layers are distinguishable from normal, and closed forms of dependence.

Reads tables; draws no random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import gamma
from scipy.stats import spearmanr

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame, Series

CELL = ["activation", "theta", "law"]
LEVEL = 0.95  # of the null law
FEWEST = 50  # networks for statements that take an estimate as normal
_WINDOW = 5  # layers
_KINDS = ["odd", "positive"]


def study_frames(
    layers: DataFrame,
    null: DataFrame,
    points: DataFrame,
    correlations: DataFrame,
    depths: Sequence[int],
    fitted: DataFrame | None = None,
) -> dict[str, DataFrame]:
    """All statistics that tables, claims and figures read, from the raw rows of the study.

    `fitted` are layers of networks with fitted activations, if there are any.
    """
    layers = within_null(layers, null)
    points = points.assign(dependence=square_dependence(points.theta))
    return {
        "layers": layers,
        "widths": normal_from_width(layers, depths),
        "points": points,
        "orders": rank_orders(points),
        "beyond": count_beyond(layers),
        "control": control_table(layers),
        "laws": width_laws(layers, min(depths)),
        "images": image_deviations(correlations),
        "drift": drift_table(layers, fitted),
    }


def within_null(layers: DataFrame, null: DataFrame) -> DataFrame:
    """`layers` with ks_inside and ks_standardized_inside: not told from normal.

    That is: of this and the four layers before, at most one is beyond the 95 % point of the null law (of the first
    layer alone none; for normal layers more happens with probability 2.3 %, neighbouring layers being almost
    independent), and less than half of the networks are dead.

    Also `exact_variance`, see there. `null` has columns statistic, probability, quantile, n_samples. Where dead
    networks are left out the point of the standardized statistic is scaled by sqrt(n_networks / n_tested), its
    asymptotic dependence.
    """
    at = null[(null.probability == LEVEL) & (null.statistic == "ks_standardized")]
    points = at.drop_duplicates("n_samples").set_index("n_samples")["quantile"]
    limit = layers.n_networks.map(points) * np.sqrt(layers.n_networks / layers.n_tested)
    out = layers.assign(
        ks_standardized_limit=limit,
        ks_beyond=~(layers.ks_p >= 1 - LEVEL),
        ks_standardized_beyond=~(layers.ks_standardized <= limit),
    ).sort_values([*CELL, "width", "depth"], ignore_index=True)
    enough = out.n_tested >= out.n_networks / 2
    for statistic in ("ks", "ks_standardized"):
        windows = out.groupby([*CELL, "width"], dropna=False)[f"{statistic}_beyond"]
        beyond = windows.transform(lambda column: column.astype(int).rolling(_WINDOW, min_periods=1).sum())
        several = windows.cumcount() > 0
        out[f"{statistic}_inside"] = (beyond <= several) & enough
    return out.assign(exact_variance=exact_variance(out))


def normal_from_width(layers: DataFrame, depths: Sequence[int]) -> DataFrame:
    """Smallest width from which on an activation is not told from normal, at each of the depths.

    `layers` as `within_null` returns it. "From which on": at this and at every larger width of the study. The column
    is NaN where the largest width still fails. `networks` are those at the largest width: with fewer, less is seen.
    """
    rows = []
    for (activation, theta, law), cell in layers.groupby(CELL, dropna=False, sort=True):
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


def square_dependence(theta: ArrayLike) -> NDArray[np.float64]:
    """n Cov(z_i^2, z_j^2) after one layer with exact pairs for Weibull(theta) weights: 3 (E W^2)^2 / E W^4 - 1.

    NaN where theta is.

    Examples
    --------
    >>> float(square_dependence(2).round(12))
    0.5
    """
    theta = np.asarray(theta, dtype=np.float64)
    return np.asarray(3 * gamma(1 + 2 / theta) ** 2 / gamma(1 + 4 / theta) - 1)


def exact_variance(layers: DataFrame) -> Series:
    """Whether the predicted variance of a layer is exact at any width, with a known error.

    So it is for the first two layers of any network, for all normalized ones without dead ones, and for all of ReLU
    whose (exact) error is below 1/5.
    """
    normalized = layers.activation.str.startswith("normalized_")
    relu = (layers.activation == "relu") & (layers.variance_error < 0.2)
    first = (layers.depth <= 2) & ~normalized
    return first | relu | (normalized & (layers.dead == 0))


def count_beyond(layers: DataFrame) -> DataFrame:
    """By cell and width, from the third layer on: layers, how many of them beyond the 95 % point, median kurtosis."""
    cells = layers[layers.depth > 2].groupby([*CELL, "width"], dropna=False, as_index=False)
    return cells.agg(
        layers=("depth", "size"), beyond=("ks_standardized_beyond", "sum"), kurtosis=("kurtosis", "median")
    )


def control_table(layers: DataFrame) -> DataFrame:
    """Normalized networks by activation and width: layers with ten living networks, p-values of their KS statistics.

    beyond: how many are below .05; smallest: the least; dead: most dead networks of a layer.
    """
    control = layers[layers.activation.str.startswith("normalized_")]
    p = control.ks_p.where(control.n_tested >= 10)
    cells = control.assign(p=p, exceeds=p < 0.05).groupby(["activation", "width"], as_index=False)
    return cells.agg(
        layers=("p", "count"), beyond=("exceeds", "sum"), smallest=("p", "min"), dead=("dead", "max")
    )


def width_laws(layers: DataFrame, depth: int) -> DataFrame:
    """First-order laws in 1/n at one depth, by cell, from widths >= 10: limit and variance.

    limit, limit_error: of n Cov(z_i^2, z_j^2), linear in 1/n; predicted. variance: a of v - 1 = a/n + b/n^2, nothing
    left for n -> infinity, with chi2 and degrees of freedom of the fit: widths - 2, and 1 for two widths (a/n alone).
    NaN for one width. ReLU is left out: its moments have no known errors at depth, and its first-order law holds for
    depth << width only.
    """
    chosen = layers[(layers.depth == depth) & (layers.activation != "relu") & (layers.width >= 10)]
    chosen = chosen[(chosen.n_networks >= FEWEST) & ~chosen.activation.str.startswith("normalized_")]
    rows = []
    for key, cell in chosen.groupby(CELL, dropna=False):
        row = dict(zip(CELL, key, strict=True)) | {"depth": depth}
        rows.append(row | (_width_law(cell) if chosen.width.nunique() > 1 else {"limit": math.nan}))
    return pd.DataFrame(rows)


def _width_law(cell: DataFrame) -> dict[str, float]:
    x, weight = 1 / cell.width, 1 / (cell.width * cell.square_covariance_error)
    fit, covariance = np.polyfit(x, cell.width * cell.square_covariance, 1, w=weight, cov="unscaled")
    x = 1 / cell.width.to_numpy(float)
    columns = np.stack([x, x * x])[: max(1, min(2, x.size - 1))] / cell.variance_error.to_numpy()
    target = ((cell.variance - 1) / cell.variance_error).to_numpy()
    coefficients, *_ = np.linalg.lstsq(columns.T, target, rcond=None)
    left = target - columns.T @ coefficients
    return {
        "limit": fit[1],
        "limit_error": math.sqrt(covariance[1, 1]),
        "predicted": float((cell.width * cell.square_covariance_theory).iloc[0]),
        "variance": coefficients[0],
        "chi2": float(left @ left),
        "freedom": x.size - len(columns),
    }


def rank_orders(points: DataFrame) -> DataFrame:
    """Rank correlation of the closed form with the KS statistic of sweep (iii), by kind, where three thetas have both.

    One row: odd, positive (NaN for fewer thetas); thetas, and at how many of them the odd kind is farther from normal.
    The mean over widths above 1 is taken: single points are near the noise floor.
    """
    exact = points[(points.route == "exact") & (points.sweep == "iii") & points.activation.isin(_KINDS)]
    ks = exact[exact.n > 1].groupby(["activation", "theta"]).ks.mean().unstack("activation")
    ks = ks.reindex(columns=_KINDS).dropna()
    orders: dict[str, float] = dict.fromkeys(_KINDS, math.nan)
    if len(ks) >= 3:
        dependence = square_dependence(ks.index)
        orders = {kind: float(spearmanr(dependence, ks[kind]).statistic) for kind in _KINDS}
    return pd.DataFrame([orders | {"thetas": len(ks), "worse": int((ks.odd > ks.positive).sum())}])


def image_deviations(correlations: DataFrame) -> DataFrame:
    """First two layers and the last one: with `off`, distance of the mean correlation from that of infinite width."""
    kept = correlations[correlations.depth.isin([1, 2, correlations.depth.max()])]
    return kept.assign(off=(kept.correlation - kept.theory).abs())


def drift_table(layers: DataFrame, fitted: DataFrame | None) -> DataFrame:
    """Variances of networks with fitted activations, layer by layer, beside those with exact ones.

    variance and its error: fitted; infinite: of infinite width; exact, exact_error. Without fitted ones no row.
    """
    keys, columns = [*CELL, "width", "depth"], ["variance", "variance_error"]
    if fitted is None or not len(fitted):
        return pd.DataFrame(columns=[*keys, *columns, "infinite", "exact", "exact_error"])
    exact = layers[[*keys, *columns]].rename(columns={"variance": "exact", "variance_error": "exact_error"})
    ours = fitted[[*keys, *columns, "variance_theory"]].rename(columns={"variance_theory": "infinite"})
    return ours.merge(exact, on=keys)
