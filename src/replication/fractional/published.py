"""Known numbers of the paper on fractional moments next to ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replication.verdicts import compare, numbers, stated

if TYPE_CHECKING:
    from pandas import DataFrame

# by name: item, value, half a unit of its last digit
_CONSTANTS = {
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


def compare_fractional(constants: DataFrame, slopes: DataFrame, tails: DataFrame) -> DataFrame:
    """Values to their digits, the slope -2 of figure 2, tail indices.

    `constants` has name and value, `slopes` is `analysis.width_slopes`, `tails` has s, share, hill, error, exact.
    """
    rows = stated(constants, _CONSTANTS)
    rows += [
        compare(
            f"slope of log(sigma^2 - 2/d) against log d, d = 30 to 89, s = {row.s:g}",
            "authors' program", -2.0, row.sigma, 0.1,
            note=f"'about -2'; exact sigma; the second order of the authors' program gives {row.second_order:.3f}",
        )
        for row in slopes[slopes.s >= 0.5].itertuples()
    ]  # fmt: skip
    rows += [
        compare(
            f"tail index of the norm with biases, Hill, largest {row.share:.1%} of networks, s = {row.s:g}",
            "derived here", row.s, row.hill, 3 * row.error, uncertainty=row.error,
            note=f"tolerance three standard errors; stationary law {row.exact:.4f}",
        )
        for row in tails[tails.share == tails.share.min()].itertuples()
    ]  # fmt: skip
    return numbers("4", rows)
