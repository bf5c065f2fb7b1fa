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

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from pandas import DataFrame, Series

__all__ = ["CELL", "LEVEL", "exact_variance", "normal_from_width", "square_dependence", "within_null"]

CELL = ["activation", "theta", "law"]
LEVEL = 0.95  # of the null law
_WINDOW = 5  # layers


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
