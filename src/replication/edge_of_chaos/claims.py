"""The Edge-of-Chaos literature, claim by claim, from saved results. Reads tables; computes no integrals."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replication.inference import z_limit
from replication.labels import activation_name
from replication.verdicts import Finding, below, claim, decided, deviation, every, resolved, some

if TYPE_CHECKING:
    from pandas import DataFrame

_RELU_RATE = 9 * math.pi**2 / 2
_KEPT = 0.01  # of a variance
_AT_END = 0.5  # of a log variance: our choice; ends are 2.1 apart
_NEAR = 0.1  # of a correlation: our choice
_RATE = 0.05  # of a rate: our choice
_SHRUNK = 0.6  # of a deviation: our choice
_FACTOR = 0.02  # of a factor per layer: our choice


def edge_of_chaos_claims(results: dict[str, DataFrame]) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    `results` has the tables of `analysis.study_frames`; and of theory unique (activation, theta, settings, most),
    ranges (omega, sigma_w_low, sigma_w_high) of the counter-example, and fitted (`study.fitted_row`) if there is that
    route.
    """
    return pd.DataFrame(
        [
            _one_point(results.get("pairs", pd.DataFrame())),
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
            _one_view(results["kept"]),
            _fits_leave(results.get("fitted", pd.DataFrame())),
        ]
    )


@claim(
    "at infinite width too, activations that are fitted as in the paper leave the variance 1", "derived here"
)
def _fits_leave(fitted: DataFrame) -> Finding:
    """Against exact pairs, whose variance stays 1.

    Fails for a fitted activation that keeps the variance, as exact pairs do.
    """
    rows = some(fitted, "fitted activations")
    listed = ", ".join(
        f"{activation_name(r.kind, r.theta)} {r.limit:.3f} (chi_1 {r.chi:.3f})" for r in rows.itertuples()
    )
    return Finding(
        f"variance to which sigma_w = 1 leads from 1, with chi_1 at 1; computed; more than {_KEPT:.0%} away",
        listed,
        (rows.limit - 1).abs() > _KEPT,
    )


@claim(
    "with sigma_w^2 + sigma_b^2 = 1 exact odd pairs have one point of the Edge of Chaos, exact positive ones none",
    "derived here",
)
def _one_point(pairs: DataFrame) -> Finding:
    """On the circle chi_1 = sigma_w^2 chi rises with sigma_w, to chi at sigma_w = 1: one point if chi >= 1, else none.

    Fails for an odd pair with chi < 1 or another point, or a positive one with chi >= 1.
    """
    odd = pairs.kind == "odd"
    there = (pairs.sigma_w**2 * pairs.chi - 1).abs() + (pairs.sigma_w**2 + pairs.sigma_b**2 - 1).abs() < 1e-12
    return Finding(
        "computed, no samples: chi = E W^2 E phi'^2 at variance 1 is at least 1, and the point is on the circle with "
        "chi_1 = 1 to 1e-12 (odd); chi below 1 (positive)",
        ", ".join(f"{activation_name(r.kind, r.theta)} {r.chi:.4f}" for r in pairs.itertuples()),
        np.where(odd, (pairs.chi >= 1) & there, pairs.chi < 1),
    )


@claim(
    "the variance map has at most one positive fixed point",
    "literature",
    "common assumption (Poole et al. 2016), which Wolinski & Arbel refute",
)
def _unique_variance(unique: DataFrame) -> Finding:
    """Fails for an activation with two positive fixed points at some scales."""
    several = unique[unique.most > 1]
    listed = ", ".join(f"{activation_name(r.activation, r.theta)} {r.most}" for r in several.itertuples())
    return Finding(
        f"fixed points in [1e-10, 1e8] at up to {int(unique.settings.max())} scales for {len(unique)} activations",
        f"more: {listed}" if listed else "",
        unique.most <= 1,
    )


@claim(
    "phi_(.99, omega) has infinitely many, alternately stable and unstable, with ratio exp(4 pi / omega)",
    "published",
    "counter-example of Wolinski & Arbel; formula and ratio are derived here",
)
def _counter_example(ranges: DataFrame, periods: DataFrame) -> Finding:
    """Fails if fixed points do not alternate, or their ratio is another one."""
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
    """Fails if all come to one end, or stay where they started (as with phi(x) = x)."""
    values = ", ".join(f"{r.start:g} -> {r.variance:.3g} ({r.theory:.3g})" for r in last.itertuples())
    there = last.own & (last.nearer < np.maximum(_AT_END, 0.5 * last.left))
    ends = last.end[there].nunique()
    return Finding(
        f"phi_(.99, 6), sigma_w .99, width {int(last.width.iloc[0])}, {int(last.n_networks.iloc[0])} networks, "
        f"depth {int(last.depth.iloc[0])}, by start: nearer to its end in the map than to other ends, and less than "
        f"half as far from it (in the logarithm) as the start is, or within a factor {math.exp(_AT_END):.1f}; at least "
        "three ends",
        f"start -> measured (map): {values}; {ends} ends of networks",
        there if ends > 2 else every(there, [False]),
        number=f"{there.sum()} of {len(there)} starts, {ends} ends (at least 3)",
    )


@claim(
    "the maps hold at finite width if the pre-activations of a layer are independent",
    "derived here",
    "for exact pairs Wolinski & Arbel",
)
def _maps_hold(layers: DataFrame) -> Finding:
    """Fails if the covariance in the second layer, where neurons are independent, is not that of the map."""
    z = some(layers[layers.depth == 2], "second layers").z.abs()
    limit = z_limit(len(z))
    return Finding(
        f"covariance of two inputs in the second layer, {len(z)} cells (activation, place, width)",
        "",
        every(below(z, limit)),
        number=deviation(z, limit),
    )


@claim("what is left at depth is dependence between neurons, which shrinks with width", "derived here")
def _dependence(layers: DataFrame) -> Finding:
    """Fails for an activation whose deviation from the map does not shrink with width."""
    deep = layers[(layers.depth == layers.depth.max()) & (layers.place == "on")]
    some(deep, "networks on the edge")
    parts, shrinks = [], []
    for (activation, theta), cell in deep.groupby(["activation", "theta"], dropna=False):
        ordered = cell.sort_values("width")
        listed = ", ".join(f"{value:+.3f}" for value in ordered.off)
        parts.append(f"{activation_name(activation, theta)} {listed}")
        first, last = ordered.off.abs().iloc[[0, -1]]
        own, end = ordered.correlation_error.iloc[[0, -1]]
        error = 3 * math.hypot(end, _SHRUNK * own)
        shrinks.append((last + error <= _SHRUNK * first, last - error > _SHRUNK * first))
    smaller, not_smaller = np.array(shrinks).T
    cases, reason = decided(smaller, not_smaller, "activations")
    widths = ", ".join(map(str, sorted(set(deep.width))))
    return Finding(
        f"mean correlation minus the map on the edge at depth {int(deep.depth.iloc[0])}, widths {widths}: the last at "
        f"most {_SHRUNK:g} of the first, by three standard errors of both",
        "; ".join(parts),
        cases,
        reason if deep.width.nunique() > 1 else "one width only",
    )


@claim(
    "correlations tend to 1 in the ordered phase and to c* < 1 in the chaotic one",
    "literature",
    "Poole et al. 2016, Schoenholz et al. 2017",
)
def _convergence(layers: DataFrame) -> Finding:
    """Fails if the mean correlation stays away from the fixed point of the map, or this is not that of its phase."""
    widest = layers[layers.width == layers.width.max()]
    deep = widest[(widest.depth == widest.depth.max()) & (widest.place != "on")]
    some(deep, "networks off the edge")
    half_width = z_limit(len(deep)) * deep.correlation_error
    within, outside = resolved((deep.correlation - deep.limit).abs(), half_width, _NEAR)
    at_one = deep.limit > 1 - 1e-9
    phase = at_one == (deep.place == "below")
    ordered = np.where(at_one, "1", "c*")
    listed = "; ".join(
        f"{activation_name(r.activation, r.theta)} {r.place} {r.correlation:.3f} +- {r.correlation_error:.3f} "
        f"({name} = {r.limit:.3f})"
        for r, name in zip(deep.itertuples(), ordered, strict=True)
    )
    return Finding(
        f"mean correlation at width {int(deep.width.iloc[0])}, depth {int(deep.depth.iloc[0])}: within {_NEAR:g} of "
        f"the stable fixed point of the map, in intervals of {z_limit(len(deep)):.1f} standard errors; this is 1 "
        "below the edge only",
        f"measured (fixed point): {listed}",
        *decided(within & phase, outside | ~phase, "networks"),
    )


@claim(
    "on the edge 1 - c falls as 1/l (smooth activations) or 9 pi^2 / (2 l^2) (ReLU)",
    "literature",
    "Hayou et al. 2019",
)
def _on_the_edge(decays: DataFrame) -> Finding:
    """Fails if 1 - c falls by another power of depth, or with another constant for ReLU."""
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
        f"the map iterated from c = 1/2; exponent from a third of the depth on within .1, constant of ReLU within "
        f"{_RATE:.0%} at the last depth",
        "; ".join(parts),
        ((decays.exponent - predicted).abs() < 0.1)
        & ((decays.activation != "relu") | ((decays.gap * decays.depth**2 / _RELU_RATE - 1).abs() < _RATE)),
    )


@claim(
    "off the edge convergence is exponential, with a depth scale that diverges at the edge as 1/|sigma_w - edge|",
    "derived here",
    "the exponent; exponential convergence is that of Schoenholz et al. 2017",
)
def _off_the_edge(divergences: DataFrame) -> Finding:
    """Fails if the depth scale diverges by another power, or not at all."""
    fitted = some(divergences.dropna(subset="exponent"), "three scales within 2 % of the edge on either side")
    return Finding(
        "exponent of xi_c within 2 % of the edge: -1 within .1",
        "; ".join(
            f"{activation_name(r.activation, r.theta)} {r.side} {r.exponent:.2f}" for r in fitted.itertuples()
        ),
        (fitted.exponent + 1).abs() < 0.1,
    )


@claim(
    "the depth to which two inputs can be distinguished follows xi", "literature", "Schoenholz et al. 2017"
)
def _depth_follows_xi(distances: DataFrame) -> Finding:
    """Depth at which the two inputs are within a factor e of where they started from the limit, against the map's.

    Fails where networks take more than twice, or less than half, as many layers as the map.
    """
    # deeper networks could tell the others
    known = distances[distances.predicted.between(0, distances.layers / 2, "right")]
    near = some(
        (known.measured / known.predicted).between(0.5, 2), "distance that falls by e in half of the layers"
    )
    listed = "; ".join(
        f"{activation_name(r.activation, r.theta)} {r.place}: {r.measured:g} layers (map {r.predicted:g})"
        for r in distances.itertuples()
    )
    return Finding(
        f"layers until the distance from the limit has fallen by e, width {distances.width.iloc[0]}: within a factor "
        "2 of the map, where that comes there in half of the layers that there are (that networks train to this depth "
        "is not tested)",
        listed,
        near,
    )


@claim(
    "the second moment of gradients is multiplied by chi_1 per layer", "literature", "Schoenholz et al. 2017"
)
def _gradients(gradients: DataFrame) -> Finding:
    """Fails for a scheme whose gradients grow by another factor than chi_1."""
    within, outside = resolved((gradients.measured - gradients.predicted).abs(), 3 * gradients.error, _FACTOR)
    listed = "; ".join(
        f"{r.scheme} {math.exp(r.measured):.3f} ({math.exp(r.predicted):.3f})" for r in gradients.itertuples()
    )
    return Finding(
        f"automatic differentiation, width {gradients.width.iloc[0]}, {gradients.layers.iloc[-1]} layers: mean factor "
        f"per layer within {_FACTOR:.0%} of chi_1, by three standard errors",
        f"measured (chi_1): {listed}",
        *decided(within, outside, "schemes"),
    )


@claim(
    "one view of initialization schemes, those of the companion papers among them: maps say what each keeps",
    "published",
    "Wolinski & Arbel, for well-known schemes",
)
def _one_view(kept: DataFrame) -> Finding:
    """Fails for a scheme whose variance, gradient or correlation at the end is not what its maps say."""
    limit = np.where(kept.statistic == "correlation", _NEAR, _FACTOR)
    within, outside = resolved(kept.off, 3 * kept.error, limit)
    off = "; ".join(
        f"{r.scheme}, {r.statistic} {r.measured:.3g} ({r.predicted:.3g})" for r in kept[outside].itertuples()
    )
    return Finding(
        f"{kept.scheme.nunique()} schemes, {kept.layers.iloc[0]} layers of width {kept.width.iloc[0]}: factors per "
        f"layer of the variance and of the gradient within {_FACTOR:.0%} of those of infinite width, correlation "
        f"within {_NEAR:g}, by three standard errors",
        f"not: {off}" if off else "",
        *decided(within, outside, "statistics"),
    )
