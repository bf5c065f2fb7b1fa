"""Known constants of the Edge of Chaos next to ours. All are derived here, none is printed in the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from replication.verdicts import compare, numbers, stated

if TYPE_CHECKING:
    from pandas import DataFrame

# by name: item, value, half a unit of its last digit
_CONSTANTS = {
    "tanh_variance": ("tanh at (1.46, 0.013): fixed variance q*", 0.3029, 5e-5),
    "tanh_chi": ("tanh at (1.46, 0.013): chi_1", 0.9989, 5e-5),
    "odd_4_slope": ("odd pair, theta 4: dv'/dv at v = 1", 0.80971, 5e-6),
}
_RANGES = {2.0: (0.697, 1.308), 3.0: (0.841, 1.103), 6.0: (0.974, 0.999)}


def compare_edge_of_chaos(constants: DataFrame, ranges: DataFrame) -> DataFrame:
    """Constants to the digits that are stated.

    `constants` has name and value; `ranges` has omega, sigma_w_low, sigma_w_high of phi_(.99, omega).
    """
    rows = stated(constants, _CONSTANTS)
    for row in ranges[ranges.omega.isin(_RANGES)].itertuples():
        for end, target in zip(("low", "high"), _RANGES[row.omega], strict=True):
            item = f"phi_(.99, {row.omega:g}): {end} end of sigma_w with fixed points"
            ours = float(getattr(row, f"sigma_w_{end}"))
            rows.append(compare(item, "derived here", target, ours, 5e-4, note=rows[0]["note"]))
    return numbers("1", rows)
