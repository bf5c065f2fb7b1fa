"""What the second companion paper says and leaves open about training, claim by claim, from saved results."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replication.labels import SCHEMES, scheme_name
from replication.verdicts import Finding, claim, decided, some

if TYPE_CHECKING:
    from pandas import DataFrame

_FLAT, _COLLAPSE = 0.05, 0.2  # of accuracy from the shallowest to the deepest networks: our choice
_LEVEL = 0.05  # of comparisons of schemes, after Holm's correction
_SAME = 0.01  # of accuracy: pairs that all differ by less show no effect (our choice)
_OPEN = "the abstract says that initial weights decide on it, not which are better"


def training_claims(
    cells: DataFrame, comparisons: DataFrame, epochs: Mapping[str, int]
) -> list[dict[str, str]]:
    """Rows of each data set; arguments as for `claims.isometry_claims`, `comparisons` of `scheme_comparisons`."""
    rows = []
    for dataset, part in cells.groupby("dataset", sort=False) if len(cells) else [("no data set", cells)]:
        compared = comparisons
        if len(comparisons):
            compared = comparisons[(comparisons.dataset == dataset) & (comparisons.depth == "all")]
        name, budget = str(dataset), epochs.get(str(dataset), 0)
        rows += [
            _initial_weights(compared, dataset=name, epochs=budget),
            _trains(part, dataset=name, epochs=budget),
            _faster(compared, dataset=name, epochs=budget),
            _smaller_gap(compared, dataset=name, epochs=budget),
        ]
    return rows


@claim(
    "initial weights decide on trainability and on training speed ({dataset}, {epochs} epochs)",
    "published",
    "abstract",
)
def _initial_weights(rows: DataFrame, *, dataset: str, epochs: int) -> Finding:
    """Fails, for each of both alone, if networks of all schemes come out alike, seed by seed."""
    some(rows[rows.speed_pairs > 0], "scheme of which any network comes below the loss in so many epochs")
    ends = pd.concat([rows.least.abs(), rows.largest.abs()])
    alike = np.array([(ends < _SAME).all(), (rows.faster + rows.slower == 0).all()])
    differ = np.array([(rows.p_holm < _LEVEL).any(), (rows.speed_p_holm < _LEVEL).any()]) & ~alike
    cases, reason = decided(differ, alike, "questions")
    return Finding(
        "test accuracy, and epochs until the training loss is below its threshold (ranks): mirrored orthogonal differs "
        "from another scheme, paired by seed (Student over seeds; sign flips for ranks; Holm's correction, level "
        f"{_LEVEL:g}); alike: no pair differs by {_SAME:g} of accuracy, or in the epoch",
        "; ".join(
            f"{scheme_name(r.scheme)}: accuracy {r.difference:+.3f} (p {r.p_holm:.2g}), faster in {r.faster:.0f} and "
            f"slower in {r.slower:.0f} of {r.speed_pairs:.0f} pairs (p {r.speed_p_holm:.2g})"
            for r in rows.itertuples()
        ),
        cases,
        reason,
    )


@claim(
    "with a small budget isometric networks train at any depth, He's lose with depth ({dataset}, {epochs} epochs)",
    "our question",
)
def _trains(cells: DataFrame, *, dataset: str, epochs: int) -> Finding:
    """Fails if mirrored orthogonal networks lose accuracy with depth too, or He's do not."""
    table = cells.pivot_table(index="activation", columns="depth", values="accuracy")
    shares = cells.pivot_table(index="activation", columns="depth", values="trains")
    some(table.columns[1:], "second depth")
    shallow, deep = table.columns.min(), table.columns.max()
    lost = table[shallow] - table[deep]
    listed = "; ".join(
        f"{scheme_name(scheme)} "
        + ", ".join(f"{value:.3f}" for value in table.loc[scheme])
        + f" ({shares.loc[scheme, deep]:.0%} of the deepest train)"
        for scheme in SCHEMES
        if scheme in lost
    )
    some(lost[lost.index.isin(["he"])], "networks initialized as He's")
    some(lost[lost.index.isin(["mirrored_orthogonal"])], "mirrored orthogonal networks")
    some(shares[shares[shallow] > 0], "scheme whose shallowest networks train in so many epochs")
    return Finding(
        f"test accuracy at depth {', '.join(map(str, table.columns))}: mirrored orthogonal loses less than {_FLAT}, He "
        f"more than {_COLLAPSE} (our choice)",
        listed,
        [bool(lost["mirrored_orthogonal"] < _FLAT and lost["he"] > _COLLAPSE)],
        number=f"loses {lost['mirrored_orthogonal']:.3f} (below {_FLAT}), He {lost['he']:.3f} (above {_COLLAPSE})",
    )


@claim(
    "mirrored orthogonal networks train faster than He's ({dataset}, {epochs} epochs)",
    "our question",
    _OPEN,
)
def _faster(rows: DataFrame, *, dataset: str, epochs: int) -> Finding:
    """Fails if He's networks come below the loss earlier, or none of the mirrored ones does."""
    he = some(rows[(rows.scheme == "he") & (rows.speed_pairs > 0)], "pair of which one comes below the loss")
    significant = he.speed_p_holm < _LEVEL
    cases, reason = decided(
        significant & (he.faster > he.slower),
        (significant & (he.faster < he.slower)) | (he.faster == 0),
        "comparisons",
    )
    return Finding(
        "epochs until the training loss is below half of that of a guess, at the chosen learning rates, paired by "
        "depth and seed: sign flips of differences of ranks, in which runs that never come there are later than all "
        f"that do, and equal to one another (two-sided, Holm's correction, level {_LEVEL:g})",
        "; ".join(
            f"faster in {r.faster:.0f}, slower in {r.slower:.0f} of {r.speed_pairs:.0f} pairs"
            for r in he.itertuples()
        ),
        cases,
        reason,
        f"p = {he.speed_p_holm.max():.2g} (below {_LEVEL:g})",
    )


@claim(
    "mirrored orthogonal networks have a smaller generalization gap than He's ({dataset}, {epochs} epochs)",
    "our question",
    _OPEN,
)
def _smaller_gap(rows: DataFrame, *, dataset: str, epochs: int) -> Finding:
    """Fails if the gap of He's networks is the smaller one, or the larger one in no pair."""
    he = some(rows[(rows.scheme == "he") & (rows.gap_pairs > 0)], "pair in which both networks train")
    significant = he.gap_p_holm < _LEVEL
    cases, reason = decided(
        significant & (he.gap < 0), (significant & (he.gap > 0)) | (he.gap_least >= 0), "comparisons"
    )
    return Finding(
        "test loss minus training loss at the end, at the chosen learning rates, paired by depth and seed where both "
        f"networks train: Student's test over seeds (two-sided, Holm's correction, level {_LEVEL:g})",
        "; ".join(
            f"{r.gap_least:+.3f} to {r.gap_largest:+.3f} in {r.gap_pairs:.0f} pairs, p {r.gap_p_holm:.2g}"
            for r in he.itertuples()
        ),
        cases,
        reason,
        f"{he.gap.max():+.3f} (below 0), p = {he.gap_p_holm.max():.2g}",
    )
