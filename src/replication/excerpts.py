"""Numbers of a run that README, DEVIATIONS and docs quote, in words: read from its tables."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

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
    """Distances from Gaussian by width at the largest depth, and the largest one of positive pairs in any layer."""
    free = layers[~layers.activation.str.startswith("normalized_")]
    last = free[free.depth == free.depth.max()]
    odd = last[(last.activation == "odd") & (last.theta == last.theta.max())].sort_values("width")
    positive = free[free.activation == "positive"].ks.max()
    return {
        "distances": f"\n\n{_distances(last)}\n\n",
        "distances_of_odd_pairs": ", ".join(map(_short, odd.ks)),
        "narrowest_odd_pair": _short(odd.ks.iloc[0]),
        "widest_odd_pair": _short(odd.ks.iloc[-1]),
        "largest_of_positive_pairs": _decimals(math.ceil(1000 * positive) / 1000),
    }


def _distances(last: DataFrame) -> str:
    widths, lines = sorted(set(last.width)), []
    for key, rows in last.groupby(CELL, dropna=False):
        at = {row.width: f"{_short(row.ks)} ({_short(row.ks_standardized)})" for row in rows.itertuples()}
        lines.append([activation_name(*key), *(at.get(width, "") for width in widths)])
    return markdown_table(["activation", *(f"width {width}" for width in widths)], lines)


def _short(distance: float) -> str:
    """Two digits, of what is above .0005."""
    return "< .0005" if distance < 5e-4 else _decimals(float(f"{distance:.2g}"))


def _decimals(value: float) -> str:
    return f"{value:.4f}".rstrip("0").removeprefix("0")
