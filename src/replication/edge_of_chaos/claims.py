"""The Edge-of-Chaos literature, claim by claim, from saved results. Reads tables; computes no integrals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replication.inference import z_limit
from replication.labels import activation_name
from replication.verdicts import Finding, claim, every, some

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["edge_of_chaos_claims"]

_RELU_RATE = 9 * math.pi**2 / 2


def edge_of_chaos_claims(results: dict[str, DataFrame]) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    `results` has unique (activation, theta, settings, most, sigma_w, sigma_b), rates (activation, depth, gap),
    correlations (activation, place, width, depth, covariance, correlation, theory and errors), scales, ranges and
    points of the counter-example, variances (start, depth, variance, theory), unified (scheme, depth, gradient, ...).
    """
    return pd.DataFrame(
        [
            _unique_variance(results["unique"]),
            _counter_example(results["ranges"], results["points"]),
            _several_ends(results["variances"]),
            _maps_hold(results["correlations"]),
            _dependence(results["correlations"]),
            _convergence(results["correlations"]),
            _on_the_edge(results["rates"]),
            _off_the_edge(results["scales"]),
            _depth_follows_xi(results["correlations"]),
            _gradients(results["unified"]),
        ]
    )


@claim(
    "the variance map has at most one positive fixed point",
    "published",
    "common assumption (Poole et al. 2016)",
)
def _unique_variance(unique: DataFrame) -> Finding:
    several = unique[unique.most > 1]
    listed = ", ".join(f"{activation_name(r.activation, r.theta)} {r.most}" for r in several.itertuples())
    return Finding(
        f"fixed points in [1e-10, 1e8] at up to {int(unique.settings.max())} scales for {len(unique)} activations",
        f"more: {listed}" if listed else "",
        unique.most <= 1,
    )


@claim(
    "phi_(.99, omega) has infinitely many, alternately stable and unstable, with ratio exp(4 pi / omega)",
    "derived here",
    "counter-example of Wolinski & Arbel",
)
def _counter_example(ranges: DataFrame, points: DataFrame) -> Finding:
    as_derived = []
    for (omega, _), cell in points.groupby(["omega", "sigma_w"]):
        ordered = cell.sort_values("number")
        period = float(ranges[ranges.omega == omega].period.iloc[0])
        stable = ordered.stable.to_numpy(bool)
        as_derived += every(stable[1:] != stable[:-1], (ordered.ratio.dropna() / period - 1).abs() < 1e-6)
    listed = ", ".join(
        f"omega {r.omega:g}: [{r.sigma_w_low:.4f}, {r.sigma_w_high:.4f}]" for r in ranges.itertuples()
    )
    return Finding(
        f"three periods of fixed points at {len(as_derived)} values of sigma_w: they alternate with that ratio",
        f"sigma_w with fixed points: {listed}",
        as_derived,
    )


@claim(
    "networks that start from several variances end at different ones",
    "derived here",
    "counter-example of Wolinski & Arbel",
)
def _several_ends(variances: DataFrame) -> Finding:
    last = variances[variances.depth == variances.depth.max()].sort_values("start")
    values = ", ".join(f"{r.start:g} -> {r.variance:.3g} ({r.theory:.3g})" for r in last.itertuples())
    ends = len({round(math.log(v), 1) for v in last.theory})
    apart = every(np.diff(last.variance) > 0)
    return Finding(
        f"phi_(.99, 6), sigma_w .99, width {int(last.width.iloc[0])}, {int(last.n_networks.iloc[0])} networks, "
        f"depth {int(last.depth.iloc[0])}: the order of the starts is kept, and the map has at least three ends",
        f"start -> measured (map): {values}; the map has {ends} ends",
        [kept and ends > 2 for kept in apart],
    )


@claim(
    "the maps hold at finite width if the pre-activations of a layer are independent",
    "derived here",
    "for exact pairs Wolinski & Arbel",
)
def _maps_hold(correlations: DataFrame) -> Finding:
    second = some(correlations[correlations.depth == 2], "second layers")
    z = ((second.covariance - second.theory) / second.covariance_error).abs()
    limit = z_limit(len(z))
    return Finding(
        f"covariance of two inputs in the second layer, {len(z)} cells (activation, place, width)",
        f"largest deviation {z.max():.1f} standard errors (limit {limit:.1f})",
        every(z < limit),
    )


@claim("what is left at depth is dependence between neurons, which shrinks with width", "derived here")
def _dependence(correlations: DataFrame) -> Finding:
    deep = correlations[(correlations.depth == correlations.depth.max()) & (correlations.place == "on")]
    some(deep, "networks on the edge")
    parts, shrinks = [], []
    for (activation, theta), cell in deep.groupby(["activation", "theta"], dropna=False):
        ordered = cell.sort_values("width")
        off = (ordered.correlation - ordered.theory).to_numpy()
        listed = ", ".join(f"{value:+.3f}" for value in off)
        parts.append(f"{activation_name(activation, theta)} {listed}")
        shrinks.append(abs(off[-1]) < max(0.6 * abs(off[0]), 3 * ordered.correlation_error.iloc[-1]))
    widths = ", ".join(map(str, sorted(set(deep.width))))
    return Finding(
        f"mean correlation minus the map on the edge at depth {int(deep.depth.iloc[0])}, widths {widths}",
        "; ".join(parts),
        shrinks,
        "" if deep.width.nunique() > 1 else "one width only",
    )


@claim(
    "correlations tend to 1 in the ordered phase and to c* < 1 in the chaotic one",
    "published",
    "Poole et al. 2016, Schoenholz et al. 2017",
)
def _convergence(correlations: DataFrame) -> Finding:
    widest = correlations[correlations.width == correlations.width.max()]
    deep = widest[(widest.depth == widest.depth.max()) & (widest.place != "on")]
    some(deep, "networks off the edge")
    inside = (deep.low - 1e-4 <= deep.theory) & (deep.theory <= deep.high + 1e-4)
    listed = "; ".join(
        f"{activation_name(r.activation, r.theta)} {r.place} {r.correlation:.3f} [{r.low:.3f}, {r.high:.3f}] "
        f"({r.theory:.3f})"
        for r in deep.itertuples()
    )
    return Finding(
        f"mean correlation at width {int(deep.width.iloc[0])}, depth {int(deep.depth.iloc[0])}, with its 5 % and 95 % "
        "networks: the map is between these",
        f"measured (map): {listed}",
        inside,
    )


@claim(
    "on the edge 1 - c falls as 1/l (smooth activations) or 9 pi^2 / (2 l^2) (ReLU)",
    "published",
    "Hayou et al. 2019",
)
def _on_the_edge(rates: DataFrame) -> Finding:
    parts, as_said = [], []
    for (activation, theta), cell in rates.groupby(["activation", "theta"], dropna=False):
        ordered = cell.sort_values("depth")
        late = ordered[ordered.depth >= ordered.depth.max() / 3]
        slope = float(np.polyfit(np.log(late.depth), np.log(late.gap), 1)[0])
        end, depth = float(ordered.gap.iloc[-1]), int(ordered.depth.iloc[-1])
        as_said.append(abs(slope - (-2 if activation == "relu" else -1)) < 0.1)
        if activation == "relu":
            detail = f"l^2 (1 - c) = {end * depth**2:.2f} (9 pi^2 / 2 = {_RELU_RATE:.2f})"
        else:
            detail = f"l (1 - c) = {end * depth:.2f}"
        parts.append(f"{activation_name(activation, theta)}: exponent {slope:.3f}, {detail} at l = {depth}")
    return Finding(
        "the map iterated from c = 1/2; exponent over the last third of the depths within .1",
        "; ".join(parts),
        as_said,
    )


@claim(
    "off the edge convergence is exponential, with a depth scale that diverges at the edge as 1/|sigma_w - edge|",
    "published",
    "Schoenholz et al. 2017; the exponent is derived here",
)
def _off_the_edge(scales: DataFrame) -> Finding:
    parts, as_said = [], []
    for (activation, theta), cell in scales.groupby(["activation", "theta"], dropna=False):
        near = cell[((cell.sigma_w / cell.edge - 1).abs() < 0.02) & np.isfinite(cell.xi_c)]
        for side, rows in (
            ("below", near[near.sigma_w < near.edge]),
            ("above", near[near.sigma_w > near.edge]),
        ):
            if len(rows) < 3:
                continue
            slope = float(np.polyfit(np.log((rows.sigma_w / rows.edge - 1).abs()), np.log(rows.xi_c), 1)[0])
            as_said.append(abs(slope + 1) < 0.1)
            parts.append(f"{activation_name(activation, theta)} {side} {slope:.2f}")
    some(as_said, "three scales within 2 % of the edge on either side")
    return Finding(
        "exponent of xi_c within 2 % of the edge: -1 within .1",
        "; ".join(parts),
        as_said,
    )


@claim(
    "the depth to which two inputs can be distinguished follows xi",
    "published",
    "Schoenholz et al. 2017",
)
def _depth_follows_xi(correlations: DataFrame) -> Finding:
    """Depth at which the two inputs are within a factor e of where they started from the limit, against the map's."""
    widest = correlations[(correlations.width == correlations.width.max()) & (correlations.place != "on")]
    some(widest, "networks off the edge")
    parts, near = [], []
    for (activation, theta, place), cell in widest.groupby(["activation", "theta", "place"], dropna=False):
        ordered = cell.sort_values("depth")
        measured, predicted = (
            _depth_scale(ordered[name], ordered.theory.iloc[-1]) for name in ("correlation", "theory")
        )
        if measured < math.inf and 0 < predicted < math.inf:
            near.append(0.5 <= measured / predicted <= 2)
        parts.append(f"{activation_name(activation, theta)} {place}: {measured:g} layers (map {predicted:g})")
    some(near, "distance that has fallen by e, in networks and in the map")
    return Finding(
        f"layers until the distance from the limit has fallen by e, width {int(widest.width.iloc[0])}: within a factor "
        "2 of the map, where networks come that near (that they train to this depth is not tested)",
        f"in {sum(near)} of {len(near)}; " + "; ".join(parts),
        every(near),
    )


def _depth_scale(correlation: pd.Series[float], limit: float) -> float:
    gap = (correlation - limit).abs().to_numpy()
    below = np.flatnonzero(gap < gap[0] / math.e)
    return int(below[0]) if below.size else math.inf


@claim(
    "the second moment of gradients is multiplied by chi_1 per layer", "published", "Schoenholz et al. 2017"
)
def _gradients(unified: DataFrame) -> Finding:
    """Slope of log second moment of the gradient per layer against the mean of log chi_1."""
    parts, as_said = [], []
    for scheme, cell in unified.groupby("scheme", sort=False):
        first = cell.sort_values("depth").iloc[0]
        depth = int(cell.depth.max()) - 1
        measured = math.log(first.gradient) / depth
        predicted = math.log(first.gradient_theory) / depth
        # errors of a mean of heavy-tailed numbers are themselves uncertain: three of them, and 1 % per layer
        error = first.gradient_error / first.gradient / depth
        as_said.append(abs(measured - predicted) < 3 * error + 0.01)
        parts.append(f"{scheme} {math.exp(measured):.3f} ({math.exp(predicted):.3f})")
    return Finding(
        f"automatic differentiation, width {int(unified.width.iloc[0])}, {depth} layers: mean factor per layer within "
        "3 standard errors and 1 %",
        "measured (chi_1): " + "; ".join(parts),
        as_said,
    )
