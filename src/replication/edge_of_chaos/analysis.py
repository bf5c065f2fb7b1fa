"""Statistics of the Edge-of-Chaos study, from saved results: exponents, depth scales, deviations from the maps."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_SETTING = ["activation", "theta"]


def study_frames(found: dict[str, DataFrame]) -> dict[str, DataFrame]:
    """All statistics that tables and claims read, from the raw rows of the study by name."""
    return {
        "schemes": unified_table(found["unified"]),
        "gradients": gradient_factors(found["unified"]),
        "kept": kept_statistics(found["unified"]),
        "periods": period_table(found["ranges"], found["points"]),
        "ends": last_layers(found["variances"]),
        "deviations": map_deviations(found["correlations"]),
        "distances": distance_scales(found["correlations"]),
        "decays": decay_exponents(found["rates"]),
        "divergences": divergence_exponents(found["scales"]),
    }


def kept_statistics(unified: DataFrame) -> DataFrame:
    """By scheme that is made to keep something, and statistic: what networks do against what infinite width predicts.

    Variance of the last layer, gradient at the first layer, correlation in the last: measured, predicted, and off with
    its error: of the first two the difference of the logarithms per layer.
    """
    rows: list[dict[str, Any]] = []
    for scheme, cell in unified[unified["keeps"] != ""].groupby("scheme", sort=False):
        ordered = cell.sort_values("depth")
        layers = int(ordered.depth.max())
        at = {"variance": ordered.iloc[-1], "gradient": ordered.iloc[0], "correlation": ordered.iloc[-1]}
        for name, row in at.items():
            measured, predicted, error = row[name], row[f"{name}_theory"], row[f"{name}_error"]
            off = abs(measured - predicted)
            if name != "correlation":
                off, error = abs(math.log(measured / predicted)) / layers, error / measured / layers
            found = {"measured": measured, "predicted": predicted, "off": off, "error": error}
            rows.append(
                {"scheme": scheme, "statistic": name, "layers": layers, "width": int(row.width)} | found
            )
    return pd.DataFrame(rows)


def gradient_factors(unified: DataFrame) -> DataFrame:
    """By scheme: log second moment of the gradient per layer, its error, and predicted, the mean of log chi_1."""
    rows: list[dict[str, Any]] = []
    for scheme, cell in unified.groupby("scheme", sort=False):
        first, layers = cell.sort_values("depth").iloc[0], int(cell.depth.max()) - 1
        measured, predicted = (math.log(v) / layers for v in (first.gradient, first.gradient_theory))
        rows.append(
            {"scheme": scheme, "width": int(first.width), "layers": layers, "measured": measured}
            | {"error": first.gradient_error / first.gradient / layers, "predicted": predicted}
        )
    return pd.DataFrame(rows)


def period_table(ranges: DataFrame, points: DataFrame) -> DataFrame:
    """Fixed points of phi_(.99, omega) by omega and sigma_w, where there are several.

    alternates: stable ones follow unstable ones and the reverse; deviation: largest relative one of the ratio of every
    second variance from the period.
    """
    rows: list[dict[str, Any]] = []
    for (omega, sigma_w), cell in points.groupby(["omega", "sigma_w"]):
        ordered = cell.sort_values("number")
        stable, ratios = ordered.stable.to_numpy(bool), ordered.ratio.dropna()
        if len(stable) > 1 and len(ratios):
            deviation = (ratios / float(ranges[ranges.omega == omega].period.iloc[0]) - 1).abs().max()
            alternates = bool((stable[1:] != stable[:-1]).all())
            rows.append(
                {"omega": omega, "sigma_w": sigma_w, "alternates": alternates, "deviation": deviation}
            )
    return pd.DataFrame(rows, columns=["omega", "sigma_w", "alternates", "deviation"])


def last_layers(variances: DataFrame) -> DataFrame:
    """The last layer by start; `end`: which of the ends of the map (those of all starts) the networks are nearest to.

    Ends are told apart by .1 in the logarithm. own: whether it is the end of this start; left, nearer: distance in the
    logarithm of the start from its end in the map, and of the networks from it.
    """
    last = variances[variances.depth == variances.depth.max()].sort_values("start", ignore_index=True)
    last = last[(last.theory > 0) & (last.variance > 0)]
    ends = np.log(last.theory).round(1)
    different = np.log(last.theory.groupby(ends).first()).to_numpy()
    away = np.abs(np.log(last.variance).to_numpy()[:, None] - different)
    nearest = different[away.argmin(1)] if len(last) else np.zeros(0)
    return last.assign(
        end=np.exp(nearest),
        own=np.abs(nearest - np.log(last.theory)) < 0.1,
        left=np.abs(np.log(last.start / last.theory)),
        nearer=np.abs(np.log(last.variance / last.theory)),
    )


def map_deviations(correlations: DataFrame) -> DataFrame:
    """Second and last layers: z of the covariance, `off`, the mean correlation minus the map."""
    kept = correlations[correlations.depth.isin([2, correlations.depth.max()])]
    return kept.assign(
        z=(kept.covariance - kept.theory) / kept.covariance_error, off=kept.correlation - kept.theory
    )


def distance_scales(correlations: DataFrame) -> DataFrame:
    """Layers until the distance of two inputs from the limit of the map has fallen by a factor e, off the edge.

    At the largest width by activation, theta and place: measured in networks, predicted by the map; inf where the
    distance has not fallen that far in the layers that there are, `layers`.
    """
    off = correlations[(correlations.width == correlations.width.max()) & (correlations.place != "on")]
    rows: list[dict[str, Any]] = []
    for (activation, theta, place), cell in off.groupby([*_SETTING, "place"], dropna=False):
        ordered = cell.sort_values("depth")
        measured, predicted = (
            _depth_scale(ordered[name], ordered.limit.iloc[0]) for name in ("correlation", "theory")
        )
        setting = {"activation": activation, "theta": theta, "place": place, "width": int(cell.width.iloc[0])}
        rows.append(setting | {"measured": measured, "predicted": predicted, "layers": int(cell.depth.max())})
    return pd.DataFrame(rows)


def _depth_scale(correlation: Series[float], limit: float) -> float:
    gap = (correlation - limit).abs().to_numpy()
    below = np.flatnonzero(gap < gap[0] / math.e)
    return float(below[0]) if below.size else math.inf


def decay_exponents(rates: DataFrame) -> DataFrame:
    """On the edge: slope of log(1 - c) against log depth from a third of the depth on, and the last gap 1 - c."""
    rows: list[dict[str, Any]] = []
    for (activation, theta), cell in rates.groupby(_SETTING, dropna=False):
        late = cell.sort_values("depth")
        late = late[late.depth >= late.depth.max() / 3]
        last = {"depth": int(late.depth.iloc[-1]), "gap": float(late.gap.iloc[-1])}
        rows.append(
            {"activation": activation, "theta": theta, "exponent": _slope(late.depth, late.gap)} | last
        )
    return pd.DataFrame(rows)


def divergence_exponents(scales: DataFrame) -> DataFrame:
    """Slope of log xi_c against log |sigma_w / edge - 1| within 2 % of the edge, by side; NaN from less than 3."""
    rows: list[dict[str, Any]] = []
    for (activation, theta), cell in scales.groupby(_SETTING, dropna=False):
        near = cell[((cell.sigma_w / cell.edge - 1).abs() < 0.02) & np.isfinite(cell.xi_c)]
        for side, part in (
            ("below", near[near.sigma_w < near.edge]),
            ("above", near[near.sigma_w > near.edge]),
        ):
            slope = _slope((part.sigma_w / part.edge - 1).abs(), part.xi_c) if len(part) >= 3 else math.nan
            rows.append({"activation": activation, "theta": theta, "side": side, "exponent": slope})
    return pd.DataFrame(rows)


def _slope(x: Series[Any], y: Series[Any]) -> float:
    """Of log y against log x."""
    return float(np.polyfit(np.log(x), np.log(y), 1)[0])


def unified_table(unified: DataFrame) -> DataFrame:
    """One row per scheme: what it keeps, the formula, and the measured drift from the first to the last layer."""
    rows: list[dict[str, Any]] = []
    for scheme, cell in unified[unified["keeps"] != ""].groupby("scheme", sort=False):
        ordered = cell.sort_values("depth")
        first, last = ordered.iloc[0], ordered.iloc[-1]
        row = {"scheme": scheme, "keeps": first["keeps"], "formula": first.formula}
        row |= {name: last[name] / first[name] for name in ("variance", "variance_theory")}
        row |= {name: first[name] for name in ("gradient", "gradient_theory")}
        row |= {name: last[name] for name in ("correlation", "correlation_theory", "ks", "ks_standardized")}
        row |= {"layers": int(last.depth), "width": int(last.width), "n_networks": int(last.n_networks)}
        rows.append(row)
    return pd.DataFrame(rows)
