"""What the depth study found, in Markdown: how far from Gaussian, and the claims."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from replication.distances import STATISTICS, told
from replication.labels import activation_name
from replication.propagation.analysis import CELL
from replication.tables import claims_markdown, markdown_table

if TYPE_CHECKING:
    from pandas import DataFrame


def propagation_text(distances: DataFrame, claims: DataFrame, layers: DataFrame) -> str:
    """Markdown: what was simulated, how far from Gaussian it is, and the claims with verdicts."""
    lines = ["# Propagation with depth: conclusions", "", *_simulated(layers), "", *_distances(distances), ""]
    return "\n".join(lines) + f"\n## Claims\n\n{claims_markdown(claims)}\n"


def _simulated(layers: DataFrame) -> Iterator[str]:
    free = layers[~layers.activation.str.startswith("normalized_") & (layers.depth > 1)]
    for width, rows in free.groupby("width"):
        yield (
            f"* width {width}, at least {rows.n_networks.min()} networks per cell: standard errors of the distance at "
            f"most {rows.ks_error.max():.4f} (from N(0, v)) and {rows.ks_standardized_error.max():.4f} (from the "
            f"normal law of the same variance); a KS test of one neuron per network sees nothing below "
            f"{rows.ks_sample_limit.max():.4f} ({rows.ks_standardized_sample_limit.max():.4f})."
        )


def _distances(table: DataFrame) -> Iterator[str]:
    yield from [
        "## How far from Gaussian?",
        "",
        "sup |F - Phi|, F the law of a pre-activation: from N(0, v) with the predicted variance v and, in brackets, "
        "from the normal law of the same variance. In italics: not told from 0 (95 %).",
        "",
    ]
    widths, lines = sorted(set(table.width)), []
    for (activation, theta, law, depth), rows in table.groupby([*CELL, "depth"], dropna=False):
        shown = {int(row.width): _distance(row) for row in _with_told(rows).itertuples()}
        name = activation_name(activation, theta, law)
        lines.append([name, str(depth), *(shown.get(width, "") for width in widths)])
    yield markdown_table(["activation", "depth", *(f"width {width}" for width in widths)], lines)


def _with_told(rows: DataFrame) -> DataFrame:
    return rows.assign(**{f"{name}_told": told(rows, name) for name in STATISTICS})


def _distance(row: Any) -> str:
    texts = []
    for name in STATISTICS:
        text = f"{getattr(row, name):.4f}"
        texts.append(text if getattr(row, f"{name}_told") else f"*{text}*")
    return f"{texts[0]} ({texts[1]})"
