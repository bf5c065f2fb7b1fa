"""The Edge-of-Chaos literature, claim by claim, from saved results. Reads tables; computes no integrals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from replication.inference import z_limit
from replication.labels import activation_name
from replication.verdicts import Finding, claim, every, some

if TYPE_CHECKING:
    from pandas import DataFrame

_RELU_RATE = 9 * math.pi**2 / 2
_KEPT = 0.01  # of a variance


def edge_of_chaos_claims(results: dict[str, DataFrame]) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    `results` has the tables of `analysis.study_frames`; and of theory unique (activation, theta, settings, most),
    ranges (omega, sigma_w_low, sigma_w_high) of the counter-example, and fitted (`study.fitted_row`) if there is that
    route.
    """
    return pd.DataFrame(
        [
            _unique_variance(results["unique"]),
            _counter_example(results["ranges"], results["periods"]),
            _several_ends(results["ends"]),
            _maps_hold(results["deviations"]),
            _dependence(results["deviations"]),
            _convergence(results["deviations"]),
            _on_the_edge(results["decays"]),
            _off_the_edge(results["divergences"]),
            _depth_follows_xi(results["distances"]),
            _gradients(results["gradients"]),
            _fits_leave(results.get("fitted", pd.DataFrame())),
        ]
    )


@claim(
    "at infinite width too, activations that are fitted as in the paper leave the variance 1", "derived here"
)
def _fits_leave(fitted: DataFrame) -> Finding:
    """Against exact pairs, whose variance stays 1."""
    rows = some(fitted, "fitted activations")
    listed = ", ".join(
        f"{activation_name(r.kind, r.theta)} {r.limit:.3f} (chi_1 {r.chi:.3f})" for r in rows.itertuples()
    )
    return Finding(
        f"variance to which sigma_w = 1 leads from 1, with chi_1 there; computed; more than {_KEPT:.0%} away",
        listed,
        (rows.limit - 1).abs() > _KEPT,
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
def _counter_example(ranges: DataFrame, periods: DataFrame) -> Finding:
    listed = ", ".join(
        f"omega {r.omega:g}: [{r.sigma_w_low:.4f}, {r.sigma_w_high:.4f}]" for r in ranges.itertuples()
    )
    return Finding(
        f"three periods of fixed points at {len(periods)} values of sigma_w: they alternate with that ratio",
        f"sigma_w with fixed points: {listed}",
        periods.alternates & (periods.deviation < 1e-6),
    )


@claim(
    "networks that start from several variances end at different ones",
    "derived here",
    "counter-example of Wolinski & Arbel",
)
def _several_ends(last: DataFrame) -> Finding:
    values = ", ".join(f"{r.start:g} -> {r.variance:.3g} ({r.theory:.3g})" for r in last.itertuples())
    ends = len({round(math.log(v), 1) for v in last.theory.dropna()})
    apart = every(last.step.iloc[1:] > 0)
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
def _maps_hold(layers: DataFrame) -> Finding:
    z = some(layers[layers.depth == 2], "second layers").z.abs()
    limit = z_limit(len(z))
    return Finding(
        f"covariance of two inputs in the second layer, {len(z)} cells (activation, place, width)",
        f"largest deviation {z.max():.1f} standard errors (limit {limit:.1f})",
        every(z < limit),
    )


@claim("what is left at depth is dependence between neurons, which shrinks with width", "derived here")
def _dependence(layers: DataFrame) -> Finding:
    deep = layers[(layers.depth == layers.depth.max()) & (layers.place == "on")]
    some(deep, "networks on the edge")
    parts, shrinks = [], []
    for (activation, theta), cell in deep.groupby(["activation", "theta"], dropna=False):
        ordered = cell.sort_values("width")
        off = ordered.off.to_numpy()
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
def _convergence(layers: DataFrame) -> Finding:
    widest = layers[layers.width == layers.width.max()]
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
def _on_the_edge(decays: DataFrame) -> Finding:
    parts = []
    for r in decays.itertuples():
        if r.activation == "relu":
            detail = f"l^2 (1 - c) = {r.gap * r.depth**2:.2f} (9 pi^2 / 2 = {_RELU_RATE:.2f})"
        else:
            detail = f"l (1 - c) = {r.gap * r.depth:.2f}"
        name = activation_name(r.activation, r.theta)
        parts.append(f"{name}: exponent {r.exponent:.3f}, {detail} at l = {r.depth}")
    predicted = -1.0 - (decays.activation == "relu")
    return Finding(
        "the map iterated from c = 1/2; exponent from a third of the depth on within .1",
        "; ".join(parts),
        (decays.exponent - predicted).abs() < 0.1,
    )


@claim(
    "off the edge convergence is exponential, with a depth scale that diverges at the edge as 1/|sigma_w - edge|",
    "published",
    "Schoenholz et al. 2017; the exponent is derived here",
)
def _off_the_edge(divergences: DataFrame) -> Finding:
    fitted = some(divergences.dropna(subset="exponent"), "three scales within 2 % of the edge on either side")
    return Finding(
        "exponent of xi_c within 2 % of the edge: -1 within .1",
        "; ".join(
            f"{activation_name(r.activation, r.theta)} {r.side} {r.exponent:.2f}" for r in fitted.itertuples()
        ),
        (fitted.exponent + 1).abs() < 0.1,
    )


@claim("the depth to which two inputs can be distinguished follows xi", "published", "Schoenholz et al. 2017")
def _depth_follows_xi(distances: DataFrame) -> Finding:
    """Depth at which the two inputs are within a factor e of where they started from the limit, against the map's."""
    fallen = distances[(distances.measured < math.inf) & distances.predicted.between(0, math.inf, "neither")]
    near = (fallen.measured / fallen.predicted).between(0.5, 2)
    some(near, "distance that has fallen by e, in networks and in the map")
    listed = "; ".join(
        f"{activation_name(r.activation, r.theta)} {r.place}: {r.measured:g} layers (map {r.predicted:g})"
        for r in distances.itertuples()
    )
    return Finding(
        f"layers until the distance from the limit has fallen by e, width {distances.width.iloc[0]}: within a factor "
        "2 of the map, where networks come that near (that they train to this depth is not tested)",
        f"in {near.sum()} of {len(near)}; {listed}",
        every(near),
    )


@claim(
    "the second moment of gradients is multiplied by chi_1 per layer", "published", "Schoenholz et al. 2017"
)
def _gradients(gradients: DataFrame) -> Finding:
    listed = "; ".join(
        f"{r.scheme} {math.exp(r.measured):.3f} ({math.exp(r.predicted):.3f})" for r in gradients.itertuples()
    )
    return Finding(
        f"automatic differentiation, width {gradients.width.iloc[0]}, {gradients.layers.iloc[-1]} layers: mean factor "
        "per layer within 3 standard errors and 1 %",
        f"measured (chi_1): {listed}",
        # errors of a mean of heavy-tailed numbers are themselves uncertain: three of them, and 1 % per layer
        (gradients.measured - gradients.predicted).abs() < 3 * gradients.error + 0.01,
    )
