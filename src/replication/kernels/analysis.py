"""Statistics of the kernel study, from saved results: laws, rates of the central limit theorem, angles with depth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import curve_fit
from scipy.stats import norm

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]

SLOPE_TOLERANCE = 0.2
CONFIDENCE = 0.99


def curve_tolerance(neurons: float) -> float:
    """Of cos t': .015 at 10^5 neurons, where the heavier laws reach .0095 by chance (the paper's note); 1/sqrt(n)."""
    return 0.015 * math.sqrt(100_000 / neurons)


def law_table(curves: DataFrame, finite_width: DataFrame) -> DataFrame:
    """Per law: largest |cos t' - map| over angles, slopes and replicas; per angle z scores of `finite_width`."""
    largest = (
        curves.assign(deviation=(curves.drawn - curves["map"]).abs())
        .groupby("law", sort=False)
        .agg(neurons=("neurons", "max"), largest_deviation=("deviation", "max"))
        .reset_index()
    )
    kernels = finite_width.assign(
        kernel_z=(finite_width.kernel_drawn - finite_width.kernel) / finite_width.kernel_error,
        variance_z=(finite_width.variance_drawn - finite_width.variance) / finite_width.variance_error,
    )
    return largest.merge(kernels, on="law", how="left")


def degree_table(degrees: DataFrame) -> DataFrame:
    """Per degree nu of multivariate t rows: largest |cos t' - map| over angles, and what chance explains.

    tolerance: `curve_tolerance` of the `effective` number of normal rows, since heavy rows are dominated by a few.
    """
    table = (
        degrees.assign(deviation=(degrees.drawn - degrees["map"]).abs())
        .groupby("nu", as_index=False)
        .agg(
            neurons=("neurons", "max"),
            effective=("effective", "first"),
            largest_deviation=("deviation", "max"),
        )
    )
    return table.assign(tolerance=table.effective.map(curve_tolerance))


def error_scores(errors: DataFrame) -> DataFrame:
    """`errors` with z: the error in standard errors, and formula_z: what the expansion leaves of it."""
    return errors.assign(
        z=errors.error / errors.standard_error.clip(lower=1e-12),
        formula_z=(errors.error - errors.formula) / errors.standard_error,
    )


def size_rates(errors: DataFrame, keys: list[str]) -> DataFrame:
    """How exact errors fall with m, by `keys`: rows of `study.tail_error_row` or `study.smooth_error_row`.

    first_m, last_m, first, last: the ends; falls: |error| at every step; slope: power of m between the two largest m;
    gap and gap_before: |error / formula - 1| at the largest m and at the one before.
    """
    rows = []
    for key, part in errors.groupby(keys, sort=False):
        ordered = part.sort_values("m")
        size, gap = ordered.error.abs(), (ordered.error / ordered.formula - 1).abs()
        slope = math.log(size.iloc[-1] / size.iloc[-2]) / math.log(ordered.m.iloc[-1] / ordered.m.iloc[-2])
        rows.append(
            dict(zip(keys, key, strict=True))
            | {"first_m": ordered.m.iloc[0], "last_m": ordered.m.iloc[-1]}
            | {"first": ordered.error.iloc[0], "last": ordered.error.iloc[-1]}
            | {"falls": bool((size.diff().dropna() < 0).all()), "slope": slope}
            | {"gap_before": gap.iloc[-2], "gap": gap.iloc[-1]}
        )
    columns = [*keys, "first_m", "last_m", "first", "last", "falls", "slope", "gap_before", "gap"]
    return pd.DataFrame(rows, columns=columns)


def slope_table(errors: DataFrame, fit_from: int) -> DataFrame:
    """Fits of error = A m^slope for m >= `fit_from` by law and kind of inputs, where a rate is predicted.

    predicted: -1 (symmetric weights; skewed ones with inputs of mean 0 are left out, their first order is not a power),
    -1/2 (skewed weights, positive inputs); slope, slope_error, chi2_per_dof, points; half_width (99 %): of slope_error
    times sqrt(chi2_per_dof) where that is above 1, since the error is a power to leading order only; within: the whole
    interval is within .2 of the predicted slope.
    """
    rows = []
    for (law, kind), part in errors.groupby(["law", "inputs"], sort=False):
        skewed = bool((errors[(errors.law == law)].inputs == "positive").any())
        if kind == "localized" or part.formula.isna().any() or (skewed and kind != "positive"):
            continue
        fitted = part[part.m >= fit_from].sort_values("m")
        found = slope_row(*(fitted[c].to_numpy(float) for c in ("m", "error", "standard_error")))
        predicted = -0.5 if skewed else -1.0
        half_width = float(norm.ppf((1 + CONFIDENCE) / 2)) * found["slope_error"]
        half_width *= math.sqrt(max(1.0, found["chi2_per_dof"]))
        rows.append(
            {"law": law, "inputs": kind, "predicted": predicted}
            | found
            | {
                "half_width": half_width,
                "within": abs(found["slope"] - predicted) + half_width <= SLOPE_TOLERANCE,
            }
        )
    return pd.DataFrame(rows, columns=_SLOPE_COLUMNS)


_SLOPE_COLUMNS = [
    "law", "inputs", "predicted", "slope", "slope_error", "chi2_per_dof", "points", "half_width", "within",
]  # fmt: skip


def slope_row(m: Array, error: Array, standard_error: Array) -> dict[str, float]:
    """Fit of error = A m^slope by weighted least squares: slope, standard error, chi2 per degree of freedom."""
    start = (error[0] * m[0], -1.0)

    def power(m: Array, amplitude: float, slope: float) -> Array:
        return amplitude * m**slope

    if not (standard_error > 0).all():
        raise ValueError(f"standard errors must be > 0, got {standard_error} for m = {m}")
    (amplitude, slope), covariance = curve_fit(
        power, m, error, start, sigma=standard_error, absolute_sigma=True
    )
    chi2 = (((power(m, amplitude, slope) - error) / standard_error) ** 2).sum()
    return {
        "slope": float(slope),
        "slope_error": float(math.sqrt(covariance[1, 1])),
        "chi2_per_dof": float(chi2 / (len(m) - 2)),
        "points": len(m),
    }


def depth_table(depth: DataFrame) -> DataFrame:
    """By law and depth: map, log_mean and log_sd (theory at this width), those of networks; how many.

    networks counts those whose angle is not 0, dead and coincident (angle 0) the others; error is that of drawn_mean.
    """
    alive = depth.assign(log_angle=np.log(depth.angle.where(depth.angle > 0)))
    table = alive.groupby(["law", "width", "depth"], sort=False, as_index=False).agg(
        map=("map", "first"),
        log_mean=("log_mean", "first"),
        log_sd=("log_sd", "first"),
        drawn_mean=("log_angle", "mean"),
        drawn_sd=("log_angle", "std"),
        networks=("log_angle", "count"),
        dead=("angle", lambda angle: int(angle.isna().sum())),
        coincident=("angle", lambda angle: int((angle == 0).sum())),
        tested=("tested", "first"),
    )
    return table.assign(
        error=table.drawn_sd / np.sqrt(table.networks),
        sd_error=table.drawn_sd / np.sqrt(2 * table.networks),  # of normal values
        drawn_low=np.exp(table.drawn_mean - table.drawn_sd),
        drawn_middle=np.exp(table.drawn_mean),
        drawn_high=np.exp(table.drawn_mean + table.drawn_sd),
        middle=np.exp(table.log_mean),
    )
