"""Statistics of the propagation study: distances from Gaussian, their powers of width, and laws of dependence.

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

from preactivations.gaussianity import null_quantile, standardized_null_point
from preactivations.relu_law.chain import NormChain
from replication.distances import STATISTICS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame, Series

CELL = ["activation", "theta", "law"]
FEWEST = 50  # networks for statements that take an estimate as normal
_KINDS = ["odd", "positive"]
#: From this width on, and up to this predicted excess kurtosis, the first order in 1/n is claimed and drawn.
FIRST_ORDER_FROM, FIRST_ORDER_TO = 30, 0.2


def study_frames(
    layers: DataFrame,
    points: DataFrame,
    correlations: DataFrame,
    depths: Sequence[int],
    fitted: DataFrame | None = None,
) -> dict[str, DataFrame]:
    """All statistics that tables, claims and figures read, from the raw rows of the study.

    `fitted` are layers of networks with fitted activations, if there are any.
    """
    layers = with_limits(layers)
    points = points.assign(dependence=square_dependence(points.theta))
    return {
        "layers": layers,
        "distances": distance_table(layers, depths),
        "exponents": width_exponents(layers, max(depths)),
        "points": points,
        "orders": rank_orders(points),
        "control": control_table(layers),
        "laws": width_laws(layers, min(depths)),
        "images": image_deviations(correlations),
        "drift": drift_table(layers, fitted),
    }


def with_limits(layers: DataFrame) -> DataFrame:
    """`layers`, sorted, with what a plain test of one neuron per network would see, and `exact_variance`.

    ks_sample_limit, ks_standardized_sample_limit: 95 % points of KS statistics of that many normal numbers, with known
    and with estimated moments.
    """
    sizes = layers.n_networks
    limits = {
        "ks_sample_limit": sizes.map({n: null_quantile(0.95, n) for n in set(sizes)}),
        "ks_standardized_sample_limit": sizes.map({n: standardized_null_point(n) for n in set(sizes)}),
    }
    out = layers.assign(**limits).sort_values([*CELL, "width", "depth"], ignore_index=True)
    return out.assign(exact_variance=exact_variance(out))


def with_relu_law(layers: DataFrame) -> DataFrame:
    """`layers` with the distances of ReLU networks that are exact instead of at first order in 1/n.

    In ks_theory and ks_standardized_theory, which are the same, since the variance is exact.
    """
    layers, relu = layers.copy(), layers.activation == "relu"
    for width, rows in layers[relu].groupby("width"):
        depth = int(rows.depth.max())
        # the first layer is normal, and the norms of the others those of He's networks from one number on
        norms = NormChain(
            1, [int(width)] * max(1, depth - 1), weight_variance=[1.0] + [2 / width] * max(0, depth - 2)
        )
        exact = np.array([0.0] + [norms.first(layer).output_ks() for layer in range(1, depth)])
        for name in STATISTICS:
            layers.loc[rows.index, f"{name}_theory"] = exact[rows.depth.to_numpy() - 1]
    return layers


def distance_table(layers: DataFrame, depths: Sequence[int]) -> DataFrame:
    """Distances from Gaussian at some depths: by cell, depth and width, both, with errors, bands and first order."""
    kept = [
        f"{name}{ending}" for name in STATISTICS for ending in ("", "_error", "_found", "_band", "_theory")
    ]
    chosen = layers[layers.depth.isin(depths) & ~layers.activation.str.startswith("normalized_")]
    order = [*CELL, "depth", "width"]
    return chosen.sort_values(order, ignore_index=True)[[*order, "n_networks", *kept]]


def width_exponents(layers: DataFrame, depth: int, narrowest: int = FIRST_ORDER_FROM) -> DataFrame:
    """Exponent of the standardized distance as a power of width, by cell: slope, slope_error, widths.

    Weighted fit of the logarithms over widths from `narrowest` on at which the distance is known to a third; NaN for
    fewer than three.
    """
    chosen = layers[(layers.depth == depth) & (layers.width >= narrowest)]
    chosen = chosen[~chosen.activation.str.startswith("normalized_")]
    rows = []
    for key, cell in chosen.groupby(CELL, dropna=False):
        known = cell[cell.ks_standardized > 3 * cell.ks_standardized_error]
        row = dict(zip(CELL, key, strict=True)) | {"depth": depth, "widths": len(known)}
        if len(known) < 3:
            rows.append(row | {"slope": math.nan, "slope_error": math.nan})
            continue
        fit, covariance = np.polyfit(
            np.log(known.width), np.log(known.ks_standardized), 1,
            w=known.ks_standardized / known.ks_standardized_error, cov="unscaled",
        )  # fmt: skip
        rows.append(row | {"slope": fit[0], "slope_error": math.sqrt(covariance[0, 0])})
    return pd.DataFrame(rows, columns=[*CELL, "depth", "widths", "slope", "slope_error"])


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


def control_table(layers: DataFrame) -> DataFrame:
    """Normalized networks by activation and width: layers with ten living networks, p-values of their KS statistics.

    beyond: how many are below .05; smallest: the least; dead: most dead networks of a layer.
    """
    control = layers[layers.activation.str.startswith("normalized_")]
    p = control.sample_p.where(control.n_tested >= 10)
    cells = control.assign(p=p, exceeds=p < 0.05).groupby(["activation", "width"], as_index=False)
    return cells.agg(
        layers=("p", "count"), beyond=("exceeds", "sum"), smallest=("p", "min"), dead=("dead", "max")
    )


def width_laws(layers: DataFrame, depth: int) -> DataFrame:
    """First-order laws in 1/n at one depth, by cell, from widths >= 10: limit and variance.

    limit, limit_error: of n Cov(z_i^2, z_j^2), linear in 1/n; predicted. variance: a of v - 1 = a/n + b/n^2, nothing
    left for n -> infinity, with chi2 and degrees of freedom of the fit: widths - 2, and 1 for two widths (a/n alone).
    left_over, left_over_error: the constant of a fit that has one, c + a/n, from four widths on + b/n^2.
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
    free = np.stack([np.ones_like(x), x, x * x])[: 2 + (x.size > 3)] / cell.variance_error.to_numpy()
    constant, *_ = np.linalg.lstsq(free.T, target, rcond=None)
    return {
        "left_over": constant[0],
        "left_over_error": math.sqrt(np.linalg.inv(free @ free.T)[0, 0]),
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
