"""Claims about pre-activations of finite networks, from the numbers of saved results. Reads tables.

Where many tests are made, their count is compared with that of the null law (binomial), or their maximum with
Bonferroni's limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from replication.inference import z_limit
from replication.labels import activation_name
from replication.propagation import dependence_claims, image_claims
from replication.propagation.analysis import CELL, FEWEST, FIRST_ORDER_FROM, FIRST_ORDER_TO
from replication.verdicts import Finding, claim, decided, resolved, some

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pandas import DataFrame

_PAIRS = ("odd", "positive")
_PAPER = "Wolinski & Arbel"
_KEPT = 0.01  # of a variance: our choice
_CLOSE = 0.01  # of a distance from Gaussian: our choice
_SLOPE = 0.15  # of an exponent
_SHARE, _LEAST = 0.2, 5e-4  # of a distance
_BAND = 1.96  # standard errors that a band of 95 % is taken for where limits for many are needed
_WORDS = {"ks": "N(0, v)", "ks_standardized": "the normal law of the same variance"}
_MOST_SIZE = "Wolinski & Arbel; the size is our choice"


def propagation_claims(results: dict[str, DataFrame], deep: int) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    `results` has the tables of `analysis.study_frames`; activations are compared at the depth `deep`.
    """
    layers, laws = results["layers"], results["laws"]
    free = layers[~layers.activation.str.startswith("normalized_")]
    at = free[free.depth == deep]
    rows = [_not_gaussian(at[at.activation == name], name=activation_name(name)) for name in ("relu", "tanh")]
    for kind in _PAIRS:
        for reference in ("relu", "tanh"):
            words = f"pre-activations with phi {kind} stay closer to Gaussian than with {activation_name(reference)}"
            rows.append(
                claim(words, "published", _PAPER)(_closer)(
                    at[at.activation == kind], at[at.activation == reference], deep
                )
            )
    rows.append(_odd_is_farther(at, deep))
    for kind in _PAIRS:
        for statistic, law in _WORDS.items():
            words = f"with phi {kind} every layer at every width is within {_CLOSE:g} of {law}"
            rows.append(
                claim(words, "published", _MOST_SIZE)(_stays_gaussian)(
                    free[free.activation == kind], statistic
                )
            )
    rows += [
        _falls_with_width(at, deep),
        _as_one_over_n(results["exponents"]),
        _first_order_distance(free),
        _exact_relu(free),
        dependence_claims.first_order(laws),
        dependence_claims.variance_order(laws),
        dependence_claims.control(results["control"]),
        dependence_claims.after_one_layer(free),
        dependence_claims.closed_form_orders(results["orders"]),
        _exact_variance(layers),
        _drifts(results["drift"]),
    ]
    images = results["images"]
    for dataset, part in images.groupby("dataset") if len(images) else [("no data set", images)]:
        rows += [
            image_claims.covariances(part, dataset=str(dataset)),
            image_claims.tends(part, dataset=str(dataset)),
        ]
    return pd.DataFrame(rows)


def _half_width(rows: DataFrame, statistic: str) -> pd.Series[float]:
    """Of intervals about the found supremum that hold for all rows at once."""
    return rows[f"{statistic}_band"] * (z_limit(len(rows)) / _BAND)


def _name(row: Any) -> str:
    return f"{activation_name(row.activation, row.theta, row.law)} at width {row.width}"


def _sizes(rows: DataFrame, statistic: str) -> str:
    parts = zip(rows.width, rows[statistic], rows[f"{statistic}_error"], strict=True)
    return ", ".join(f"{value:.4f} +- {error:.4f} at width {width}" for width, value, error in parts)


@claim("with {name} the pre-activations of narrow deep networks are not Gaussian", "published", _PAPER)
def _not_gaussian(cells: DataFrame, *, name: str) -> Finding:
    """Fails if the distance at the smallest width is at most the limit."""
    ordered = cells.sort_values("width")
    within, outside = resolved(ordered.ks_standardized_found, _half_width(ordered, "ks_standardized"), _CLOSE)
    return Finding(
        f"distance from {_WORDS['ks_standardized']} at depth {ordered.depth.iloc[0]}, at the smallest width: above "
        f"{_CLOSE:g}",
        _sizes(ordered, "ks_standardized"),
        *decided(outside[:1], within[:1], "widths"),
        number=f"{ordered.ks_standardized.iloc[0]:.3f} (above {_CLOSE:g})",
    )


def _told_apart(ours: pd.Series[float], error: pd.Series[float]) -> NDArray[np.bool_]:
    return (ours.abs() > z_limit(len(ours)) * error).to_numpy(bool)


def _told(holds: pd.Series[bool], apart: NDArray[np.bool_]) -> str:
    """Number of a `Finding` about what can be told apart."""
    return f"{holds[apart].sum()} of {apart.sum()} told apart, of {apart.size}"


def _closer(pairs: DataFrame, reference: DataFrame, depth: int) -> Finding:
    """Fails where the pair's distance is the larger one."""
    other = reference.set_index("width")
    ours = pairs[pairs.width.isin(other.index)]
    difference = ours.ks_standardized - ours.width.map(other.ks_standardized)
    apart = _told_apart(
        difference, np.hypot(ours.ks_standardized_error, ours.width.map(other.ks_standardized_error))
    )
    farther = ", ".join(map(_name, ours[apart & (difference > 0)].itertuples()))
    return Finding(
        f"distance from {_WORDS['ks_standardized']} at depth {depth}, cells (law, width) in which it can be told apart",
        f"farther: {farther}" if farther else "",
        difference[apart] < 0,
        number=_told(difference < 0, apart),
    )


@claim("the odd kind is farther from Gaussian than the positive one", "derived here")
def _odd_is_farther(at: DataFrame, depth: int) -> Finding:
    """Fails where the positive kind is farther."""
    for kind in _PAIRS:
        some(at[at.activation == kind], f"networks with phi {kind}")
    both = at[at.activation.isin(_PAIRS)].pivot(
        index=["law", "width"], columns="activation", values=["ks_standardized", "ks_standardized_error"]
    )
    both = some(both.dropna(), "law and width with both kinds")
    value, error = both["ks_standardized"], both["ks_standardized_error"]
    difference = value.odd - value.positive
    apart = _told_apart(difference, np.hypot(error.odd, error.positive))
    return Finding(
        f"distance from {_WORDS['ks_standardized']} at depth {depth}, cells (law, width) in which it can be told apart",
        "",
        difference[apart] > 0,
        number=_told(difference > 0, apart),
    )


def _stays_gaussian(layers: DataFrame, statistic: str) -> Finding:
    """Fails for a cell (law, width) with a layer that is outside the limit."""
    keys, found = [*CELL, "width"], layers[f"{statistic}_found"]
    within, outside = resolved(found, _half_width(layers, statistic), _CLOSE)
    largest = layers.groupby(keys, dropna=False)[f"{statistic}_found"].idxmax()
    cells = layers.assign(within=within, outside=outside).groupby(keys, dropna=False)
    worst = layers.loc[largest].assign(
        within=cells["within"].all().to_numpy(), outside=cells["outside"].any().to_numpy()
    )
    parts = [
        f"{_name(row)}, layer {row.depth}: {getattr(row, statistic):.4f} +- {getattr(row, f'{statistic}_error'):.4f}"
        for row in worst[~worst.within].itertuples()
    ]
    cases, unresolved = decided(worst.within, worst.outside, "cells")
    return Finding(
        f"distances of all layers, by cell (law, width): at most {_CLOSE:g} in bands for all layers of all cells",
        "; ".join(parts),
        cases,
        unresolved,
    )


@claim(
    "the distance from Gaussian falls with width",
    "literature",
    "Neal 1996, Matthews et al. 2018, for the limit",
)
def _falls_with_width(at: DataFrame, depth: int) -> Finding:
    """Fails where a wider network is farther from Gaussian."""
    steps = []
    for _, cell in at.groupby(CELL, dropna=False):
        ordered = cell.sort_values("width")
        steps.append(
            pd.DataFrame(
                {
                    "step": np.diff(ordered.ks_standardized),
                    "error": np.hypot(
                        ordered.ks_standardized_error.iloc[1:], ordered.ks_standardized_error.shift().iloc[1:]
                    ),
                }
            )
        )
    found = some(pd.concat(steps, ignore_index=True), "two widths")
    apart = _told_apart(found.step, found.error)
    return Finding(
        f"steps of width at depth {depth} between distances (from {_WORDS['ks_standardized']}) that can be told apart",
        "",
        found.step[apart] < 0,
        number=_told(found.step < 0, apart),
    )


@claim("the distance from Gaussian falls as 1/width", "derived here")
def _as_one_over_n(exponents: DataFrame) -> Finding:
    """Fails for an activation whose exponent is another one, as -1/2."""
    known = some(exponents.dropna(subset="slope"), "three widths with known distances")
    within, outside = resolved((known.slope + 1).abs(), z_limit(len(known)) * known.slope_error, _SLOPE)
    listed = ", ".join(
        f"{activation_name(r.activation, r.theta, r.law)} {r.slope:.2f} +- {r.slope_error:.2f}"
        for r in known.itertuples()
    )
    return Finding(
        f"exponent of width, from {FIRST_ORDER_FROM} on, of the distance from {_WORDS['ks_standardized']} at depth "
        f"{known.depth.iloc[0]}: within {_SLOPE:g} of -1",
        listed,
        *decided(within, outside, "activations"),
    )


@claim("distances of wide networks are those of the first order in 1/width", "derived here")
def _first_order_distance(free: DataFrame) -> Finding:
    """Fails where the distance is another one than the first order says."""
    wide = free[
        (free.kurtosis_theory.abs() < FIRST_ORDER_TO) & (free.depth > 2) & (free.width >= FIRST_ORDER_FROM)
    ]
    wide = wide[wide.activation != "relu"]
    wide = some(wide.dropna(subset="ks_standardized_theory"), "wide networks")
    # where the allowance is smaller than the prediction: nearer, 0 would pass
    large = some(
        wide[(1 - _SHARE) * wide.ks_standardized_theory > _LEAST], "predictions beyond the allowance"
    )
    off = (large.ks_standardized - large.ks_standardized_theory).abs()
    allowed = _SHARE * large.ks_standardized_theory + _LEAST
    within, outside = resolved(off, z_limit(len(large)) * large.ks_standardized_error, allowed)
    told = within | outside
    return Finding(
        f"layers from the third on, width >= {FIRST_ORDER_FROM}, predicted excess kurtosis below {FIRST_ORDER_TO:g}, "
        f"where the error tells and 0 would not pass: distance from {_WORDS['ks_standardized']} within {_SHARE:.0%} + "
        f"{_LEAST:g} of .0229 |kurtosis|",
        f"{len(wide) - len(large)} layers are predicted nearer, where the allowance says nothing",
        within[told],
        number=f"{within.sum()} of {told.sum()} where the error tells, of {len(large)}",
    )


@claim("distances of ReLU networks are those of their exact law", "derived here")
def _exact_relu(free: DataFrame) -> Finding:
    """Fails if a layer's distance is not that of the exact law of norms, at any width and depth."""
    relu = some(free[(free.activation == "relu") & (free.depth > 1)], "layers of ReLU networks")
    return dependence_claims.predicted(
        relu.ks_standardized, relu.ks_standardized_theory, relu.ks_standardized_error, "layers"
    )


@claim(
    "the predicted variance is exact at any width in the first two layers, and for ReLU and normalized networks at "
    "every depth",
    "derived here",
)
def _exact_variance(layers: DataFrame) -> Finding:
    """Fails if a variance that is exact at any width is not the measured one."""
    exact = some(layers[layers.exact_variance & (layers.n_networks >= FEWEST)], f"cells of {FEWEST} networks")
    return dependence_claims.predicted(
        exact.variance, pd.Series(1.0, exact.index), exact.variance_error, "layers"
    )


@claim(
    "with activations that are fitted as in the paper the variance drifts farther than with exact ones",
    "derived here",
)
def _drifts(drift: DataFrame) -> Finding:
    """Fails if the variance stays as near to 1 as with the exact activation at the same width."""
    widest = some(drift[drift.width == drift.width.max()], "networks with fitted activations")
    last = widest[widest.depth == widest.depth.max()]
    beyond = (last.variance - 1).abs() - (last.exact - 1).abs()
    half_width = z_limit(len(last)) * np.hypot(last.variance_error, last.exact_error)
    listed = ", ".join(
        f"{activation_name(r.activation, r.theta)} {r.variance:.3f} (infinite width {r.infinite:.3f}; exact "
        f"activation {r.exact:.3f})"
        for r in last.itertuples()
    )
    return Finding(
        f"variance in units of the first layer's, depth {last.depth.iloc[0]}, width {last.width.iloc[0]}: farther "
        f"from 1 than with the exact activation by more than {z_limit(len(last)):.1f} standard errors (not if by "
        f"less than {_KEPT:.0%} at most)",
        listed,
        *decided(beyond > half_width, (beyond + half_width <= _KEPT) & (beyond <= half_width), "variances"),
    )
