"""Distances from Gaussian as columns of saved rows, and whether they are told from 0."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray
    from pandas import DataFrame

    from preactivations.propagation.distances import LayerDistances

__all__ = ["STATISTICS", "distance_columns", "told"]

#: From a given normal law, and from the normal law of the same variance.
STATISTICS = ("ks", "ks_standardized")


def distance_columns(distances: LayerDistances) -> dict[str, NDArray]:
    """By layer: ks and ks_standardized, both with _error, _found (too large in the mean) and _band (95 %)."""
    columns = {}
    for name in STATISTICS:
        ending = name.removeprefix("ks")
        columns[name], columns[f"{name}_error"] = getattr(distances, name)
        columns |= {f"{name}_{what}": getattr(distances, f"{what}{ending}") for what in ("found", "band")}
    return columns


def told(rows: DataFrame, name: str = "ks_standardized") -> pd.Series[bool]:
    """Whether 0 is excluded at 95 %, row by row."""
    return rows[f"{name}_found"] > rows[f"{name}_band"]
