"""Known numbers of the paper on dynamical isometry next to ours; none is printed in the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scipy.stats import kstwo

from replication.verdicts import compare, numbers, stated

if TYPE_CHECKING:
    from pandas import DataFrame

# by name: item, value, half a unit of its last digit
_CONSTANTS = {
    "mean_log": ("E log(Q / E Q) of a ReLU layer, n = 50", -0.051739, 5e-7),
    "variance_log": ("Var log Q of a ReLU layer, n = 50", 0.108168, 5e-7),
}


def compare_isometry(constants: DataFrame, ks: DataFrame, jacobians: DataFrame) -> DataFrame:
    """Constants to their digits, drawn networks against the exact law, isometry.

    `constants` has name and value, `ks` width, depth, networks, ks and critical (5 % point), `jacobians` scheme, depth
    and largest_deviation.
    """
    tail_index = float(constants.set_index("name").value["squared_norm_tail_index"])
    item = "tail index of the stationary squared norm with biases, He, n = 50"
    rows = stated(constants, _CONSTANTS)
    rows.append(compare(item, "derived here", 1.0, tail_index, 1e-9, note="infinite mean"))
    rows += [
        compare(
            f"KS of |x_L|^2 against the exact law, n {row.width}, {row.depth} layers",
            "derived here", 0.0, row.ks, row.critical, uncertainty=kstwo.std(row.networks),
            note=f"tolerance is the 95 % point for {row.networks} networks with drawn matrices",
        )
        for row in ks.itertuples()
    ]  # fmt: skip
    rows += [
        compare(
            f"mirrored orthogonal: largest |s - 1| of singular values, {row.depth} layers",
            "derived here", 0.0, row.largest_deviation, 1e-12, note="exactly 0; rounding in float64",
        )
        for row in jacobians[jacobians.scheme == "mirrored_orthogonal"].itertuples()
    ]  # fmt: skip
    return numbers("2", rows)
