"""Verdicts for the companion papers: values that were derived elsewhere, and published ones, against ours.

Rows as in `replication`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd

from replication.published import COLUMNS, ks_standard_error

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["compare_heavy_tails", "compare_kernels", "compare_relu_law"]

# by name: item, value, half a unit of its last digit
_RELU_CONSTANTS = {
    "mean_log": ("E log(Q / E Q) of a ReLU layer, n = 50", -0.051739, 5e-7),
    "variance_log": ("Var log Q of a ReLU layer, n = 50", 0.108168, 5e-7),
}


def _stated(values: Any, constants: dict[str, tuple[str, float, float]]) -> list[dict[str, object]]:
    """Rows of values, by name, that were derived by another route."""
    return [
        {
            "item": item,
            "published": math.nan,
            "ours": float(values[name]),
            "tolerance": half,
            "verdict": "agrees" if abs(values[name] - stated) <= half else "fails",
            "note": f"derived: {stated}, another route; half a unit of the last digit",
        }
        for name, (item, stated, half) in constants.items()
    ]


def compare_relu_law(constants: DataFrame, ks: DataFrame, jacobians: DataFrame) -> DataFrame:
    """Paper 2: derived constants to their digits, drawn networks against the exact law, isometry.

    `constants` has name and value, `ks` width, depth, networks, ks and critical (5 % point), `jacobians` scheme, depth
    and largest_deviation.
    """
    values = constants.set_index("name").value
    rows = _stated(values, _RELU_CONSTANTS)
    rows.append(
        {
            "item": "tail index of the stationary squared norm with biases, He, n = 50",
            "published": math.nan,
            "ours": float(values["squared_norm_tail_index"]),
            "tolerance": 1e-9,
            "verdict": "agrees" if abs(values["squared_norm_tail_index"] - 1) <= 1e-9 else "fails",
            "note": "derived: 1, infinite mean",
        }
    )
    for row in ks.itertuples():
        rows.append(
            {
                "item": f"KS of |x_L|^2 against the exact law, n {row.width}, {row.depth} layers",
                "published": math.nan,
                "ours": row.ks,
                "uncertainty": ks_standard_error(row.networks),
                "tolerance": row.critical,
                "verdict": "agrees" if row.ks < row.critical else "fails",
                "note": f"derived: exact; tolerance is the 95 % point for {row.networks} networks with drawn matrices",
            }
        )
    for row in jacobians[jacobians.scheme == "mirrored_orthogonal"].itertuples():
        rows.append(
            {
                "item": f"mirrored orthogonal: largest |s - 1| of singular values, {row.depth} layers",
                "published": math.nan,
                "ours": row.largest_deviation,
                "tolerance": 1e-12,
                "verdict": "agrees" if row.largest_deviation < 1e-12 else "fails",
                "note": "derived: exactly 0; rounding in float64",
            }
        )
    return pd.DataFrame(rows).assign(paper="2").reindex(columns=COLUMNS)


_KERNEL_CONSTANTS = {
    "kernel": ("k(x, y) of ReLU, |x| = |y| = 1, angle 1.2", 0.2603, 5e-5),
    "cosine": ("cos t' of ReLU at angle 1.2", 0.5206, 5e-5),
    "cosine_1": ("cos of the angle after 1 ReLU layer, from a right angle", 0.318310, 5e-7),
    "cosine_4": ("the same after 4", 0.680954, 5e-7),
    "cosine_16": ("the same after 16", 0.929456, 5e-7),
    "cosine_64": ("the same after 64", 0.992066, 5e-7),
}


def compare_kernels(constants: DataFrame, slopes: DataFrame) -> DataFrame:
    """Paper 3: stated values of the kernel and its iterates to their digits, rates of the central limit theorem.

    `constants` has name and value (`kernels.study.constants`), `slopes` is `kernel_claims.slope_table`.
    """
    values = constants.set_index("name").value
    rows = _stated(values, _KERNEL_CONSTANTS)
    rows += [
        {
            "item": f"slope in m of the kernel's error, {row.law}, {row.inputs} inputs",
            "published": math.nan,
            "ours": row.slope,
            "uncertainty": row.slope_error,
            "tolerance": 0.2,
            "verdict": "agrees" if row.within else "fails",
            "note": f"derived: {row.predicted:g}; the 99 % interval, +- {row.half_width:.3f}, is within the tolerance",
        }
        for row in slopes.itertuples()
    ]
    return pd.DataFrame(rows).assign(paper="3").reindex(columns=COLUMNS)


_HEAVY_CONSTANTS = {
    "relu_10_0.5": ("sigma sqrt(d/2), ReLU, d = 10, s = .5", 1.113519, 5e-7),
    "relu_10_1": ("sigma sqrt(d/2), ReLU, d = 10, s = 1", 1.068790, 5e-7),
    "relu_10_1.5": ("sigma sqrt(d/2), ReLU, d = 10, s = 1.5", 1.031828, 5e-7),
    "relu_64_0.5": ("sigma sqrt(d/2), ReLU, d = 64, s = .5", 1.015024, 5e-7),
    "relu_64_1": ("sigma sqrt(d/2), ReLU, d = 64, s = 1", 1.009907, 5e-7),
    "relu_64_1.5": ("sigma sqrt(d/2), ReLU, d = 64, s = 1.5", 1.004901, 5e-7),
    "linear_64_0.5": ("sigma sqrt(d), linear, d = 64, s = .5", 1.005892, 5e-7),
    "linear_64_1": ("sigma sqrt(d), linear, d = 64, s = 1", 1.003914, 5e-7),
    "linear_64_1.5": ("sigma sqrt(d), linear, d = 64, s = 1.5", 1.001950, 5e-7),
    "clt_mean_1": ("mean step of log |x|, ReLU, d = 64, s = 1", -0.010196, 5e-7),
    "clt_mean_2": ("mean step of log |x|, ReLU, d = 64, s = 2", -0.020054, 5e-7),
    "clt_variance": ("variance of the step of log |x|, ReLU, d = 64", 0.020749, 5e-7),
    "authors_0.2": ("relative error of the authors' sigma, leaky ReLU .2, d = 64, s = 1", -1.6e-4, 5e-6),
    "authors_0.5": ("the same for slope .5", -1.3e-3, 5e-5),
    "authors_1": ("the same for slope 1", -1.1e-2, 5e-4),
    "population_1.5": (
        "population root mean square, 500 ReLU layers, second-order sigma, s = 1.5",
        11.35,
        5e-3,
    ),
    "population_1": ("the same for s = 1", 125.9, 5e-2),
}


def compare_heavy_tails(constants: DataFrame, slopes: DataFrame, tails: DataFrame) -> DataFrame:
    """Paper 4: stated values to their digits, the slope -2 of figure 2, tail indices.

    `constants` has name and value, `slopes` is `heavy_tails_claims.width_slopes`, `tails` has s, share, hill, error,
    exact.
    """
    values = constants.set_index("name").value
    rows = _stated(values, _HEAVY_CONSTANTS)
    rows += [
        {
            "item": f"slope of log(sigma^2 - 2/d) against log d, d = 30 to 89, s = {row.s:g}",
            "published": -2.0,
            "ours": row.sigma,
            "tolerance": 0.1,
            "verdict": "agrees" if abs(row.sigma + 2) <= 0.1 else "fails",
            "note": f"'about -2'; exact sigma; the second order of the authors' program gives {row.second_order:.3f}",
        }
        for row in slopes[slopes.s >= 0.5].itertuples()
    ]
    for row in tails[tails.share == tails.share.min()].itertuples():
        tolerance = 3 * row.error
        rows.append(
            {
                "item": f"tail index of the norm with biases, Hill, largest {row.share:.1%} of networks, s = {row.s:g}",
                "published": math.nan,
                "ours": row.hill,
                "uncertainty": row.error,
                "tolerance": tolerance,
                "verdict": "agrees" if abs(row.hill - row.s) <= tolerance else "fails",
                "note": f"derived: {row.s:g}; tolerance three standard errors; stationary law {row.exact:.4f}",
            }
        )
    return pd.DataFrame(rows).assign(paper="4").reindex(columns=COLUMNS)
