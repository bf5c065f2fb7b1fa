"""Numbers of a run that README, DEVIATIONS and docs quote, in words: read from its tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from replication.distances import STATISTICS, told
from replication.labels import activation_name
from replication.propagation.analysis import CELL
from replication.tables import markdown_table, read_table

if TYPE_CHECKING:
    from pandas import DataFrame


def excerpts(tables: Path) -> dict[str, str]:
    """By name; `tables` is the folder of a scale that has been run."""
    layers = read_table(tables / "propagation_layers.csv")
    return propagation_excerpts(layers)


def propagation_excerpts(layers: DataFrame) -> dict[str, str]:
    """Distances from Gaussian by width at the largest depth, a dash where they are not told from 0, and the largest."""
    free = layers[~layers.activation.str.startswith("normalized_")]
    texts = {name: free[name].map(_short).where(told(free, name), "-") for name in STATISTICS}
    shown = free.assign(distance=texts["ks"], standardized=texts["ks_standardized"])
    last = shown[shown.depth == shown.depth.max()].sort_values("width")
    odd = last[(last.activation == "odd") & (last.theta == last.theta.max())]
    return {
        "distances": f"\n\n{_distances(last)}\n\n",
        "distances_of_odd_pairs": ", ".join(odd.distance),
        "narrowest_odd_pair": odd.distance.iloc[0],
        "widest_odd_pair": odd.distance.iloc[-1],
        "largest_of_positive_pairs": _short(free[free.activation == "positive"].ks.max()),
    }


def _distances(last: DataFrame) -> str:
    widths, lines = sorted(set(last.width)), []
    for key, rows in last.groupby(CELL, dropna=False):
        at = {row.width: f"{row.distance} ({row.standardized})" for row in rows.itertuples()}
        lines.append([activation_name(*key), *(at.get(width, "") for width in widths)])
    return markdown_table(["activation", *(f"width {width}" for width in widths)], lines)


def _short(distance: float) -> str:
    """Two digits, and no more than four decimals."""
    if distance < 1e-4:
        return "< .0001"
    return f"{float(f'{distance:.2g}'):.4f}".rstrip("0").removeprefix("0")
