"""Claims about what finite width adds: dependence between neurons, and what is predicted exactly. Reads tables."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import binom, chi2

from replication.inference import z_limit
from replication.labels import activation_name
from replication.propagation.analysis import FEWEST
from replication.verdicts import Finding, below, claim, decided, deviation, every, resolved, some

if TYPE_CHECKING:
    from pandas import DataFrame

_PRECISE = 0.1  # error of an estimate that a prediction is tested by, in units of it: our choice
_LIMIT = 0.15  # of the mean of limits over their predictions: our choice
_KEPT = 0.01  # of a variance: our choice
_PAIRS = ("odd", "positive")


@claim("n Cov(z_i^2, z_j^2) tends to the first-order law with width", "derived here")
def first_order(laws: DataFrame) -> Finding:
    """Fails if n Cov tends to another limit for a law, or to a multiple of the predicted ones for all."""
    some(laws.limit.dropna(), "two widths")
    limit = z_limit(len(laws))
    ratio, weight = laws.limit / laws.predicted, (laws.predicted / laws.limit_error) ** 2
    mean, half_width = np.average(ratio, weights=weight), z_limit(1) / math.sqrt(weight.sum())
    within, outside = resolved([abs(mean - 1)], [half_width], [_LIMIT])
    together, reason = decided(within, outside, "mean ratios")
    return Finding(
        f"limit of n -> infinity at depth {laws.depth.iloc[0]} from widths >= 10, linear in 1/n (predicted): each "
        f"within {limit:.1f} standard errors, and their mean ratio within {_LIMIT:.0%} of 1 (three standard errors)",
        ", ".join(
            f"{activation_name(r.activation, r.theta, r.law)} {r.limit:.2f} +- {r.limit_error:.2f} ({r.predicted:.2f})"
            for r in laws.itertuples()
        ),
        every((laws.limit - laws.predicted).abs() < limit * laws.limit_error, together),
        reason,
        f"mean ratio {mean:.3f} +- {half_width:.3f} (1 within {_LIMIT:.0%})",
    )


@claim("the variance deviates by O(1/n)", "derived here")
def variance_order(laws: DataFrame) -> Finding:
    """Fails if the variance deviates by another power, as 1/sqrt n, or does not tend to that of infinite width."""
    some(laws.limit.dropna(), "two widths")
    within, outside = resolved(laws.left_over.abs(), z_limit(len(laws)) * laws.left_over_error, _KEPT)
    poor = laws.chi2 >= chi2.isf(0.001, laws.freedom)
    return Finding(
        f"at depth {laws.depth.iloc[0]}, widths >= 10: a/n + b/n^2 leaves no more than noise (level .001), and a "
        f"constant beside them is within {_KEPT:g}, in intervals of {z_limit(len(laws)):.1f} standard errors",
        "a, constant: "
        + ", ".join(
            f"{activation_name(r.activation, r.theta, r.law)} {r.variance:.2f}, {r.left_over:+.4f} +- "
            f"{r.left_over_error:.4f}"
            for r in laws.itertuples()
        ),
        *decided(within & ~poor, outside | poor, "constants"),
    )


@claim(
    "dependence is all that is left: normalized networks (exact control) are Gaussian at every width and depth",
    "derived here",
)
def control(control: DataFrame) -> Finding:
    """Fails if normalized networks are not normal: then too many p-values are small.

    Under it they are uniform and, given the layers before, independent.
    """
    cells = some(control[control.layers > 0], "layers with ten living networks")
    layers, exceed, smallest = cells.layers.sum(), cells.beyond.sum(), cells.smallest.min()
    high = int(binom.ppf(0.999, layers, 0.05))
    worst = (cells.beyond <= binom.ppf(1 - 0.001 / len(cells), cells.layers, 0.05)).all()
    lost = control[control.dead > 0]
    narrow = lost[lost.width == lost.width.min()]
    note = f"; dead networks of ReLU left out (width {narrow.width.min()}: {narrow.dead.max()} at the end)"
    return Finding(
        f"KS statistics beyond the 95 % point of the null law: at most {high} (99.9 % of such counts), no cell "
        "(activation, width) above its own limit, smallest p-value within Bonferroni's limit",
        f"every cell below its limit: {'yes' if worst else 'no'}; smallest p-value "
        f"{smallest:.1e}" + (note if len(lost) else ""),
        [exceed <= high and worst and smallest > 0.001 / layers],
        number=f"{exceed} of {layers} beyond their 5 % point, {0.05 * layers:.0f} expected (limit {high})",
    )


@claim(
    "after one layer Cov(z_i^2, z_j^2) is (3 (E W^2)^2 / E W^4 - 1)/n at any width, for both kinds",
    "derived here",
)
def after_one_layer(free: DataFrame) -> Finding:
    """Fails if the covariance after one layer is another one, for either kind."""
    second = free[(free.depth == 2) & free.activation.isin(_PAIRS) & (free.n_networks >= FEWEST)]
    some(second, "second layers of constructed pairs")
    return predicted(
        second.square_covariance, second.square_covariance_theory, second.square_covariance_error, "cells"
    )


def predicted(
    estimate: pd.Series[float], predicted: pd.Series[float], error: pd.Series[float], cells: str
) -> Finding:
    """An exact prediction, by the estimates that are precise enough to refute it. Fails if one of them is far off."""
    precise = some(
        error[error <= _PRECISE * predicted.abs()].index, f"{cells} that are known to {_PRECISE:.0%}"
    )
    z = ((estimate - predicted) / error).loc[precise].abs()
    limit = z_limit(len(z))
    return Finding(
        f"largest deviation over {len(z)} {cells}, those with an error of at most {_PRECISE:.0%} of the prediction, "
        f"below {limit:.1f} standard errors",
        f"{len(error) - len(z)} {cells} are known less precisely",
        every(below(z, limit)),
        number=deviation(z, limit),
    )


@claim(
    "the closed form orders the two-layer study: more dependence, more distance; odd above positive",
    "derived here",
)
def closed_form_orders(orders: DataFrame) -> Finding:
    """Fails if a law with more dependence is not farther from normal, or the odd kind not above the positive one."""
    (row,) = some(orders.dropna(), "three thetas with both kinds").itertuples()
    return Finding(
        "rank correlation of the closed form with the KS statistic of sweep (iii), mean over n > 1: above .9 (odd and "
        "positive); odd above positive for all thetas but one",
        f"odd above positive for {row.worse} of {row.thetas} thetas",
        [min(row.odd, row.positive) > 0.9 and row.worse >= row.thetas - 1],
        number=f"rank correlation {row.odd:.2f} (odd), {row.positive:.2f} (positive), above .9",
    )
