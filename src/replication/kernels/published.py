"""Known numbers of the paper on kernels next to ours; none is printed in the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replication.kernels.analysis import SLOPE_TOLERANCE
from replication.verdicts import compare, numbers, stated

if TYPE_CHECKING:
    from pandas import DataFrame

# by name: item, value, half a unit of its last digit
_CONSTANTS = {
    "kernel": ("k(x, y) of ReLU, |x| = |y| = 1, angle 1.2", 0.2603, 5e-5),
    "cosine": ("cos t' of ReLU at angle 1.2", 0.5206, 5e-5),
    "cosine_1": ("cos of the angle after 1 ReLU layer, from a right angle", 0.318310, 5e-7),
    "cosine_4": ("the same after 4", 0.680954, 5e-7),
    "cosine_16": ("the same after 16", 0.929456, 5e-7),
    "cosine_64": ("the same after 64", 0.992066, 5e-7),
}


def compare_kernels(constants: DataFrame, slopes: DataFrame) -> DataFrame:
    """Values of the kernel and its iterates to their digits, rates of the central limit theorem.

    `constants` has name and value (`study.constants`), `slopes` is `analysis.slope_table`.
    """
    rows = stated(constants, _CONSTANTS)
    rows += [
        compare(
            f"slope in m of the kernel's error, {row.law}, {row.inputs} inputs",
            "derived here", row.predicted, row.slope, SLOPE_TOLERANCE,
            uncertainty=row.slope_error, half_width=row.half_width,
            note=f"the whole 99 % interval, +- {row.half_width:.3f}, has to be within the tolerance",
        )
        for row in slopes.itertuples()
    ]  # fmt: skip
    return numbers("3", rows)
