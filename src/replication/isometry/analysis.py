"""Comparisons of initialization schemes that train, from saved runs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from replication.inference import holm, sign_flip_p
from replication.labels import SCHEMES
from replication.training.analysis import chosen_runs

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["scheme_comparisons"]


def scheme_comparisons(runs: DataFrame) -> DataFrame:
    """Mirrored orthogonal minus each other scheme: test accuracy at the chosen rates, paired by seed.

    Columns dataset, scheme, depth, pairs, difference (mean, least and largest), p (two-sided sign flips) and p_holm
    within the data set, of all depths together ("all": one test per scheme). Seeds share the order of batches and the
    split, not initial values.
    """
    rows = []
    for dataset, part in chosen_runs(runs).groupby("dataset", sort=False):
        values = part.pivot_table(index=["depth", "seed"], columns="activation", values="accuracy")
        mine: list[dict[str, object]] = []
        for scheme in SCHEMES:
            if scheme == "mirrored_orthogonal" or not {scheme, "mirrored_orthogonal"} <= set(values):
                continue
            difference = (values.mirrored_orthogonal - values[scheme]).dropna()
            name = {"dataset": dataset, "scheme": scheme}
            p = sign_flip_p(difference.to_numpy(), str(dataset), scheme)
            scopes = {"all": difference} | {str(depth): at for depth, at in difference.groupby(level="depth")}
            mine += [
                name
                | {
                    "depth": scope,
                    "pairs": len(at),
                    "difference": at.mean(),
                    "least": at.min(),
                    "largest": at.max(),
                }
                | {"p": p if scope == "all" else math.nan}
                for scope, at in scopes.items()
            ]
        if mine:
            table = pd.DataFrame(mine)
            tested = table.p.notna()
            rows.append(table.assign(p_holm=pd.Series(holm(list(table.p[tested])), table.index[tested])))
    columns = ["dataset", "scheme", "depth", "pairs", "difference", "least", "largest", "p", "p_holm"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)
