"""Published numbers of the two-layer study (Figure 11) next to ours, and its exact case of width one."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from preactivations.gaussianity import null_quantile
from replication.verdicts import Source, compare, numbers

if TYPE_CHECKING:
    from pandas import DataFrame

_PUBLISHED_SAMPLES = 200_000
_KS_OF_VARIANCE = 0.5 / math.sqrt(2 * math.pi * math.e)  # max x n(x) / 2


def width_one(points: DataFrame) -> DataFrame:
    """At width one the exact pairs must not differ from normal: below the 99.9 % point of the null law."""
    chosen = points[
        (points.n == 1) & points.sweep.isin(["i", "iii"]) & points.activation.isin(["odd", "positive"])
    ]
    rows = [
        compare(
            f"KS at width one: {row.activation}, theta {row.theta:g}, sweep ({row.sweep})",
            "derived here", 0.0, row.ks, null_quantile(0.999, row.n_samples),
            uncertainty=row.ks_error,
            note=f"exactly normal; tolerance is the 99.9 % point for {row.n_samples} samples",
        )
        for row in chosen[chosen.route == "exact"].itertuples()
    ]  # fmt: skip
    return numbers("1", rows)


def compare_fitted_sweep_iii(
    points: DataFrame, published: DataFrame, fits: DataFrame, assessments: DataFrame
) -> DataFrame:
    """Sweep (iii) of Figure 11 with fitted activations: the published procedure against the published numbers.

    Tolerance: 3 standard errors, of Monte Carlo in both runs, and of the fits, which all widths of a theta and kind
    share. For the density: the difference between its last and its best iterate of the last 100 epochs (a loss is a
    distance between distribution functions, so it is in the units of the statistic). For the activation: .121 times the
    scatter of its variance over the last iterates (`activation.study.variance_scatter`). Of both runs, each.
    """
    shared = _fit_errors(fits, assessments)
    rows = []
    for row in _both(points, published, "fitted").itertuples():
        own, fit = _error(row), shared[row.activation, row.theta]
        rows.append(
            compare(
                f"Figure 11 (iii): KS, fitted, {row.activation}, theta {row.theta:g}, n {row.n}",
                "published", row.ks_published, row.ks, 3 * math.hypot(own, fit),
                block=f"Figure 11 (iii), fitted, {row.activation}, theta {row.theta:g}", uncertainty=own, shared=fit,
                note="3 standard errors",
            )
        )  # fmt: skip
    return numbers("1", rows)


def _fit_errors(fits: DataFrame, assessments: DataFrame) -> dict[tuple[str, float], float]:
    """Standard error of a statistic with fitted activations by kind and theta, ours and the published one together."""
    own = fits.set_index("theta")
    found = {}
    for row in assessments[~assessments.normalized].itertuples():
        scatter = _KS_OF_VARIANCE * row.variance_scatter
        found[row.kind, row.theta] = math.sqrt(2) * math.hypot(own.loc[row.theta].spread_last_100, scatter)
    return found


def compare_sweep_iii(points: DataFrame, published: DataFrame, fitted: DataFrame) -> DataFrame:
    """Sweep (iii) of Figure 11 against the exact route, and the controls ReLU and tanh.

    `published` has columns activation (odd, pos, relu, tanh), theta, n, ks, and was obtained with fitted activations;
    `fitted` is what `compare_fitted_sweep_iii` gives. A point of the exact route outside 3 standard errors of Monte
    Carlo differs by design only if the fitted route, by the same engine, agrees with the published value of that very
    cell.
    """
    agreed = set(fitted.item[fitted.verdict == "agrees"])
    rows = []
    for row in _both(points, published, "exact").itertuples():
        error = _error(row)
        theta = "" if math.isnan(row.theta) else f", theta {row.theta:g}"
        name = f"{row.activation}{theta}"
        by_design = f"Figure 11 (iii): KS, fitted, {name}, n {row.n}" in agreed
        outside = abs(row.ks - row.ks_published) > 3 * error
        source: Source = "published for fits" if theta else "published"
        rows.append(
            compare(
                f"Figure 11 (iii): KS, {name}, n {row.n}",
                source, row.ks_published, row.ks, 3 * error, block=f"Figure 11 (iii), {name}", uncertainty=error,
                by_design=by_design, note="published with fitted activations; ours agree" * (by_design and outside),
            )
        )  # fmt: skip
    return numbers("1", rows)


def _error(row: Any) -> float:
    """Of the difference of two runs, which have the same law but not the same number of samples."""
    return row.ks_error * math.hypot(1, math.sqrt(row.n_samples / _PUBLISHED_SAMPLES))


def _both(points: DataFrame, published: DataFrame, route: str) -> DataFrame:
    """Points of sweep (iii) of a route, with the published statistic in `ks_published`."""
    published = published.replace({"activation": {"pos": "positive"}})
    ours = points[(points.sweep == "iii") & (points.route == route)]
    return ours.merge(published, on=["activation", "theta", "n"], suffixes=("", "_published"))
