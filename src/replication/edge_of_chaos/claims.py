"""The Edge-of-Chaos literature, claim by claim, from saved results. Reads tables; computes no integrals.

Each claim is a row: statement, where it comes from, the test made, the result, a verdict.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from replication.propagation.claims import name_of

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["eoc_claims", "unified_table"]

_RELU_RATE = 9 * math.pi**2 / 2


def eoc_claims(results: dict[str, DataFrame]) -> DataFrame:
    """All claims.

    `results` has unique (activation, theta, settings, most, sigma_w, sigma_b), rates (activation, depth, gap),
    correlations (activation, place, width, depth, covariance, correlation, theory and errors), scales, ranges and
    points of the counter-example, variances (start, depth, variance, theory), unified (scheme, depth, gradient, ...).
    """
    rows = [
        _unique_variance(results["unique"]),
        _counter_example(results["ranges"], results["points"]),
        _several_ends(results["variances"]),
        _maps_hold(results["correlations"]),
        _dependence(results["correlations"]),
        _convergence(results["correlations"]),
        *_rates(results["rates"], results["scales"]),
        _depth_follows_xi(results["correlations"], results["scales"]),
        _gradients(results["unified"]),
    ]
    return pd.DataFrame(rows)


def _row(claim: str, source: str, test: str, result: str, verdict: str) -> dict[str, str]:
    return {"claim": claim, "source": source, "test": test, "result": result, "verdict": verdict}


def _unique_variance(unique: DataFrame) -> dict[str, str]:
    several = unique[unique.most > 1]
    listed = ", ".join(f"{name_of(r.activation, r.theta)} {r.most}" for r in several.itertuples())
    return _row(
        "the variance map has at most one positive fixed point",
        "common assumption (Poole et al. 2016)",
        f"fixed points in [1e-10, 1e8] at up to {int(unique.settings.max())} scales for {len(unique)} activations",
        f"at most one for {len(unique) - len(several)} activations" + (f"; more: {listed}" if listed else ""),
        f"fails for {len(several)} of {len(unique)} activations" if len(several) else "holds where tested",
    )


def _counter_example(ranges: DataFrame, points: DataFrame) -> dict[str, str]:
    good, total = 0, 0
    for (omega, _), cell in points.groupby(["omega", "sigma_w"]):
        ordered = cell.sort_values("number")
        period = float(ranges[ranges.omega == omega].period.iloc[0])
        stable = ordered.stable.to_numpy(bool)
        total += 1
        good += bool(np.all(stable[1:] != stable[:-1])) and bool(
            np.all(np.abs(ordered.ratio.dropna() / period - 1) < 1e-6)
        )
    listed = ", ".join(
        f"omega {r.omega:g}: [{r.sigma_w_low:.4f}, {r.sigma_w_high:.4f}]" for r in ranges.itertuples()
    )
    return _row(
        "phi_(.99, omega) has infinitely many, alternately stable and unstable, with ratio exp(4 pi / omega)",
        "Wolinski & Arbel",
        f"three periods of fixed points at {total} values of sigma_w",
        f"alternate with that ratio at {good} of {total}; sigma_w with fixed points: {listed}",
        "holds" if good == total else "fails",
    )


def _several_ends(variances: DataFrame) -> dict[str, str]:
    last = variances[variances.depth == variances.depth.max()].sort_values("start")
    width = int(last.width.iloc[0])
    values = ", ".join(f"{r.start:g} -> {r.variance:.3g} ({r.theory:.3g})" for r in last.itertuples())
    ends = len({round(math.log(v), 1) for v in last.theory})
    apart = bool(np.all(np.diff(last.variance) > 0))
    return _row(
        "networks that start from several variances end at different ones",
        "Wolinski & Arbel",
        f"phi_(.99, 6), sigma_w .99, width {width}, {int(last.n_networks.iloc[0])} networks, "
        f"depth {int(last.depth.iloc[0])}",
        f"start -> measured (map): {values}",
        f"holds: {ends} different ends" if apart and ends > 2 else "not seen",
    )


def _maps_hold(correlations: DataFrame) -> dict[str, str]:
    second = correlations[correlations.depth == 2]
    z = ((second.covariance - second.theory) / second.covariance_error).abs()
    limit = float(norm.isf(0.0005 / len(z)))
    return _row(
        "the maps hold at finite width if the pre-activations of a layer are independent",
        "derived here (for exact pairs: Wolinski & Arbel)",
        f"covariance of two inputs in the second layer, {len(z)} cells (activation, place, width)",
        f"largest deviation {z.max():.1f} standard errors (limit {limit:.1f})",
        "holds" if z.max() < limit else "fails",
    )


def _dependence(correlations: DataFrame) -> dict[str, str]:
    deep = correlations[(correlations.depth == correlations.depth.max()) & (correlations.place == "on")]
    parts = []
    shrinks = []
    for (activation, theta), cell in deep.groupby(["activation", "theta"], dropna=False):
        ordered = cell.sort_values("width")
        off = (ordered.correlation - ordered.theory).to_numpy()
        listed = ", ".join(f"{value:+.3f}" for value in off)
        parts.append(f"{name_of(activation, theta)} {listed}")
        shrinks.append(abs(off[-1]) < max(0.6 * abs(off[0]), 3 * ordered.correlation_error.iloc[-1]))
    widths = ", ".join(map(str, sorted(set(deep.width))))
    return _row(
        "what is left at depth is dependence between neurons, which shrinks with width",
        "derived here",
        f"mean correlation minus the map on the edge at depth {int(deep.depth.iloc[0])}, widths {widths}",
        "; ".join(parts),
        "holds" if all(shrinks) else "holds in part",
    )


def _convergence(correlations: DataFrame) -> dict[str, str]:
    deep = correlations[
        (correlations.depth == correlations.depth.max()) & (correlations.width == correlations.width.max())
    ]
    parts, good, cells = [], 0, 0
    for row in deep[deep.place != "on"].itertuples():
        cells += 1
        good += row.low - 1e-4 <= row.theory <= row.high + 1e-4
        parts.append(
            f"{name_of(row.activation, row.theta)} {row.place} {row.correlation:.3f} [{row.low:.3f}, {row.high:.3f}] "
            f"({row.theory:.3f})"
        )
    return _row(
        "correlations tend to 1 in the ordered phase and to c* < 1 in the chaotic one",
        "Poole et al. 2016, Schoenholz et al. 2017",
        f"mean correlation at width {int(deep.width.iloc[0])}, depth {int(deep.depth.iloc[0])}, with its 5 % and 95 % "
        "networks",
        "measured (map): " + "; ".join(parts),
        f"holds in {good} of {cells}: the map is inside the spread of networks",
    )


def _rates(rates: DataFrame, scales: DataFrame) -> list[dict[str, str]]:
    parts, good, cells = [], 0, 0
    for (activation, theta), cell in rates.groupby(["activation", "theta"], dropna=False):
        ordered = cell.sort_values("depth")
        late = ordered[ordered.depth >= ordered.depth.max() / 3]
        slope = float(np.polyfit(np.log(late.depth), np.log(late.gap), 1)[0])
        end, depth = float(ordered.gap.iloc[-1]), int(ordered.depth.iloc[-1])
        expected = -2 if activation == "relu" else -1
        cells += 1
        good += abs(slope - expected) < 0.1
        if activation == "relu":
            detail = f"l^2 (1 - c) = {end * depth**2:.2f} (9 pi^2 / 2 = {_RELU_RATE:.2f})"
        else:
            detail = f"l (1 - c) = {end * depth:.2f}"
        parts.append(f"{name_of(activation, theta)}: exponent {slope:.3f}, {detail} at l = {depth}")
    edge = _row(
        "on the edge 1 - c falls as 1/l (smooth activations) or 9 pi^2 / (2 l^2) (ReLU)",
        "Hayou et al. 2019",
        "the map iterated from c = 1/2; exponent over the last third of the depths",
        "; ".join(parts),
        "holds" if good == cells else f"holds in {good} of {cells}",
    )
    parts, good, cells = [], 0, 0
    for (activation, theta), cell in scales.groupby(["activation", "theta"], dropna=False):
        near = cell[((cell.sigma_w / cell.edge - 1).abs() < 0.02) & np.isfinite(cell.xi_c)]
        for side, rows in (
            ("below", near[near.sigma_w < near.edge]),
            ("above", near[near.sigma_w > near.edge]),
        ):
            if len(rows) < 3:
                continue
            slope = float(np.polyfit(np.log((rows.sigma_w / rows.edge - 1).abs()), np.log(rows.xi_c), 1)[0])
            cells += 1
            good += abs(slope + 1) < 0.1
            parts.append(f"{name_of(activation, theta)} {side} {slope:.2f}")
    off = _row(
        "off the edge convergence is exponential, with a depth scale that diverges at the edge as 1/|sigma_w - edge|",
        "Schoenholz et al. 2017 (exponent derived here)",
        "exponent of xi_c within 2 % of the edge",
        "; ".join(parts),
        "holds" if good == cells else f"holds in {good} of {cells}",
    )
    return [edge, off]


def _depth_follows_xi(correlations: DataFrame, scales: DataFrame) -> dict[str, str]:
    """Depth at which the two inputs are within a factor e of where they started from the limit, against xi_c."""
    widest = correlations[(correlations.width == correlations.width.max()) & (correlations.place != "on")]
    parts, ratios = [], []
    for (activation, theta, place), cell in widest.groupby(["activation", "theta", "place"], dropna=False):
        ordered = cell.sort_values("depth")
        limit = float(ordered.theory.iloc[-1])
        for name in ("correlation", "theory"):
            gap = (ordered[name] - limit).abs().to_numpy()
            below = np.flatnonzero(gap < gap[0] / math.e)
            if name == "correlation":
                measured = int(below[0]) if below.size else math.inf
            else:
                predicted = int(below[0]) if below.size else math.inf
        if predicted < math.inf and measured < math.inf and predicted > 0:
            ratios.append(measured / predicted)
        parts.append(f"{name_of(activation, theta)} {place}: {measured:g} layers (map {predicted:g})")
    good = bool(ratios) and all(0.5 <= ratio <= 2 for ratio in ratios)
    return _row(
        "the depth to which inputs can be told apart, and networks trained, follows xi",
        "Schoenholz et al. 2017",
        f"layers until the distance from the limit has fallen by e, width {int(widest.width.iloc[0])} (training is "
        "another stage)",
        "; ".join(parts),
        "the first half holds: within a factor 2 of the map" if good else "not within a factor 2 of the map",
    )


def _gradients(unified: DataFrame) -> dict[str, str]:
    """Slope of log second moment of the gradient per layer against the mean of log chi_1."""
    parts, good, cells = [], 0, 0
    for scheme, cell in unified.groupby("scheme", sort=False):
        first = cell.sort_values("depth").iloc[0]
        depth = int(cell.depth.max()) - 1
        measured = math.log(first.gradient) / depth
        predicted = math.log(first.gradient_theory) / depth
        # errors of a mean of heavy-tailed numbers are themselves uncertain: three of them, and 1 % per layer
        error = first.gradient_error / first.gradient / depth
        cells += 1
        good += abs(measured - predicted) < 3 * error + 0.01
        parts.append(f"{scheme} {math.exp(measured):.3f} ({math.exp(predicted):.3f})")
    return _row(
        "the second moment of gradients is multiplied by chi_1 per layer",
        "Schoenholz et al. 2017",
        f"automatic differentiation, width {int(unified.width.iloc[0])}, {depth} layers: mean factor per layer",
        "measured (chi_1): " + "; ".join(parts),
        f"holds in {good} of {cells} within 3 standard errors and 1 %",
    )


def unified_table(unified: DataFrame) -> DataFrame:
    """One row per scheme: what it keeps, the formula, and the measured drift from the first to the last layer."""
    rows: list[dict[str, Any]] = []
    for scheme, cell in unified[unified["keeps"] != ""].groupby("scheme", sort=False):
        ordered = cell.sort_values("depth")
        first, last = ordered.iloc[0], ordered.iloc[-1]
        rows.append(
            {
                "scheme": scheme,
                "keeps": first["keeps"],
                "formula": first.formula,
                "variance": last.variance / first.variance,
                "variance_theory": last.variance_theory / first.variance_theory,
                "gradient": first.gradient,
                "gradient_theory": first.gradient_theory,
                "correlation": last.correlation,
                "correlation_theory": last.correlation_theory,
                "ks": last.ks,
                "ks_standardized": last.ks_standardized,
                "layers": int(last.depth),
                "width": int(last.width),
                "n_networks": int(last.n_networks),
            }
        )
    return pd.DataFrame(rows)
