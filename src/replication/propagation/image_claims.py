"""Claims about correlations of images in finite networks, from saved results. Reads tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from replication.inference import z_limit
from replication.labels import activation_name
from replication.propagation.analysis import CELL, FEWEST
from replication.verdicts import Finding, below, claim, decided, deviation, every, resolved, some

if TYPE_CHECKING:
    from pandas import DataFrame

_TENDS = 0.02, 0.2  # of a correlation, and of a deviation (1/10 would be of order 1/n): our choice


@claim(
    "covariances between images ({dataset}) are the predicted ones at any width in the first two layers",
    "derived here",
)
def covariances(rows: DataFrame, *, dataset: str) -> Finding:
    """Fails if the covariance of a pair of images is not the predicted one."""
    rows = some(rows[(rows.n_networks >= FEWEST) & rows.depth.isin([1, 2])], f"cells of {FEWEST} networks")
    pairs = int(rows.n_pairs.sum())
    limit = z_limit(pairs)
    return Finding(
        f"largest deviation over {pairs} pairs below {limit:.1f} standard errors",
        "",
        every(below(rows.largest_z.dropna(), limit)),
        number=deviation(rows.largest_z, limit),
    )


@claim(
    "the mean correlation of images ({dataset}) tends to the prediction of infinite width",
    "literature",
    "Poole et al. 2016",
)
def tends(rows: DataFrame, *, dataset: str) -> Finding:
    """Fails for an activation whose correlation stays as far from the prediction at large width as at small."""
    rows = some(rows[rows.n_networks >= FEWEST], f"cells of {FEWEST} networks")
    rows = rows[rows.depth == rows.depth.max()]
    cells, decisions, listed = rows.groupby(CELL, dropna=False), [], []
    for (activation, theta, law), cell in cells:
        ordered = cell.sort_values("width")
        off = ordered.off.to_numpy()
        widest = ordered.iloc[-1]
        allowed = max(_TENDS[0], _TENDS[1] * off[0] if len(off) > 1 else 0.0)
        decisions.append(resolved(off[-1], z_limit(cells.ngroups) * widest.error, allowed))
        listed.append(
            f"{activation_name(activation, theta, law)} {widest.correlation:.3f} +- {widest.error:.3f} "
            f"({widest.theory:.3f})"
        )
    within, outside = np.array(decisions).T
    return Finding(
        f"by activation: the deviation at width {int(rows.width.max())}, depth {int(rows.depth.max())} is at most "
        f"{_TENDS[0]:g}, or {_TENDS[1]:g} of that at width {int(rows.width.min())}, in intervals of "
        f"{z_limit(cells.ngroups):.1f} standard errors",
        f"measured (predicted): {', '.join(listed)}",
        *decided(within, outside, "activations"),
    )
