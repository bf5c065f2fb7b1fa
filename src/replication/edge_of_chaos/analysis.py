"""Statistics of the Edge-of-Chaos study, from saved results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["unified_table"]


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
