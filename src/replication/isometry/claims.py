"""The second companion paper (Burkholz & Dubatovka 2019), claim by claim, from saved results. Computes nothing.

Each claim is a row: claim, source, test, result, verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replication.training.comparisons import holm, sign_flip_p
from replication.training.results import chosen_runs
from replication.verdicts import DERIVED, PAPER, claim_row, z_limit

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["SCHEME_NAMES", "relu_law_claims", "scheme_comparisons"]

#: Schemes in words.
SCHEME_NAMES = {
    "he": "He",
    "orthogonal": "orthogonal",
    "mirrored_gaussian": "mirrored Gaussian",
    "mirrored_orthogonal": "mirrored orthogonal",
}
_FACTORS = (0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3)
_FLAT, _COLLAPSE = 0.05, 0.2  # of accuracy from the shallowest to the deepest networks: our choice
_FEWEST = 10  # expected networks on either side for a test of a share
_SHALLOW = 0.1  # of the width: deeper, few networks carry the mean of s^4, and a sample of them can't test it


def relu_law_claims(results: dict[str, DataFrame], cells: DataFrame, epochs: Mapping[str, int]) -> DataFrame:
    """All claims.

    `results` has ks, deviations, eigenvalues, indices, correlations, jacobians of `study` and `jacobians`;
    `cells` is `training.results.cell_table` with schemes as activations; `epochs` has those of each data set.
    """
    rows = [
        _exact_law(results["ks"]),
        _cells_agree(results["deviations"]),
        _far_from_mean_field(results["deviations"]),
        _no_variance(results["eigenvalues"]),
        _infinite_mean(results["indices"]),
        _correlations(results["correlations"]),
        _jacobians(results["jacobians"]),
        _isometry(results["jacobians"]),
        *(_trains(rows, epochs[str(dataset)]) for dataset, rows in cells.groupby("dataset", sort=False)),
    ]
    return pd.DataFrame(rows)


def _exact_law(ks: DataFrame) -> dict[str, str]:
    listed = ", ".join(f"n = {r.width}: {r.ks:.5f} ({r.critical:.5f})" for r in ks.itertuples())
    return claim_row(
        "the law of q = x_L.x_L is known exactly at finite width, dead networks included",
        PAPER,
        f"KS of {int(ks.networks.max())} networks with drawn matrices, {int(ks.depth.max())} layers, against the exact "
        "law (5 % point)",
        listed,
        bool((ks.ks < ks.critical).all()),
    )


def _cells_agree(cells: DataFrame) -> dict[str, str]:
    scores, drawn = [], 0
    for name in ("chain", "drawn"):
        if f"n_{name}" not in cells:
            continue
        there = cells[cells[f"n_{name}"] > 0]
        drawn += len(there) if name == "drawn" else 0
        for what in ("mean_log", "sd_log", "p_low"):
            z = (there[f"{what}_{name}"] - there[what]) / there[f"{what}_error_{name}"]
            if what == "p_low":  # a normal limit needs counts
                rare = there[f"n_{name}"] * there.p_low.where(there.p_low < 0.5, 1 - there.p_low)
                z = z[rare >= _FEWEST]
            scores.append(z)
    z = pd.concat(scores).dropna()
    limit = z_limit(len(z))
    return claim_row(
        "mean and deviation of log q and P(q <= .1) are the exact ones at all widths and depths",
        DERIVED,
        f"chains of norms in {len(cells)} cells, drawn matrices in {drawn} of them: largest deviation in standard "
        f"errors (limit for {len(z)} numbers; not where fewer than {_FEWEST} networks are on one side of .1)",
        f"{z.abs().max():.1f} ({limit:.1f})",
        bool(z.abs().max() < limit),
    )


def _far_from_mean_field(cells: DataFrame) -> dict[str, str]:
    worst = cells.sort_values(["depth", "width"], ascending=[False, True])
    deep = worst[worst.depth == worst.depth.max()]
    listed = ", ".join(
        f"n = {r.width}: median {r.median:.2g}, P(q <= .1) {r.p_low:.2f}" for r in deep.itertuples()
    )
    return claim_row(
        "mean field (q = 1 at every depth) misses what finite networks do",
        PAPER,
        f"computed, no samples: exact median and P(q <= .1) at depth {int(deep.depth.max())}; mean field says 1 and 0",
        listed,
        bool((deep["median"] < 0.95).any()),
    )


def _no_variance(eigenvalues: DataFrame) -> dict[str, str]:
    listed, holds = [], True
    for width, rows in eigenvalues.groupby("width"):
        at = rows[rows["m"] > 0].set_index("m").eigenvalue
        half, one, two = (_nearest(at, m) for m in (0.5, 1, 2))
        listed.append(f"n = {width}: {half:.4f}, {one:.4f}, {two:.4f}")
        for factor in _FACTORS:  # log lambda_m is convex and negative near 0: one root at most
            log = np.log(at.to_numpy()) + at.index.to_numpy() * math.log(factor)
            signs = np.sign(np.where(abs(log) < 1e-9, 0, log))
            holds &= (
                int(np.count_nonzero(signs == 0)) <= 1
                and int(np.count_nonzero(np.diff(signs[signs != 0]))) <= 1
            )
    return claim_row(
        "no Gaussian choice of variances gives stable propagation for ReLU",
        PAPER,
        f"computed, no samples: for variances of {_FACTORS[0]:g} to {_FACTORS[-1]:g} times He's the eigenvalue of the "
        "transfer operator is 1 for at most one order m of the moment; with He's at m = 1/2, 1, 2",
        "; ".join(listed),
        holds,
    )


def _nearest(series: pd.Series[float], at: float) -> float:
    return float(series.iloc[int(abs(series.index - at).argmin())])


def _infinite_mean(indices: DataFrame) -> dict[str, str]:
    listed = ", ".join(
        f"{r.factor:g} x He: {r.squared_norm_tail_index:.4g} (mean {r.mean:.4g})"
        for r in indices.itertuples()
    )
    he = indices[indices.factor == 1]
    finite = indices[indices.mean_predicted < math.inf]
    good = ((finite["mean"] / finite.mean_predicted - 1).abs() < 1e-6).all()
    return claim_row(
        "with biases norms have a stationary law with a Pareto tail; with He's variance its mean is infinite",
        DERIVED,
        f"tail index of q = |x|^2 by weight variance, width {int(indices.width.max())}; mean of the computed law "
        "against the closed form where it is finite (1e-6)",
        listed,
        bool(good and ((he.squared_norm_tail_index - 1).abs() < 1e-9).all()),
    )


def _correlations(rows: DataFrame) -> dict[str, str]:
    first = rows[(rows.depth == 1) & (rows.error > 0)]
    z = ((first["mean"] - first["first"]) / first.error).abs()
    limit = z_limit(len(z))
    deep = rows[rows.depth == rows.depth.max()]
    listed = ", ".join(
        f"start {r.start:g}: {math.exp(r.log_angle):.3f} +- {math.exp(r.log_angle) * r.log_angle_error:.3f} "
        f"(mean field {math.acos(r.mean_field):.3f}, with drift {math.acos(r.drift):.3f})"
        for r in deep.itertuples()
    )
    nearer = (
        (deep.log_angle - deep.drift.map(math.acos).map(math.log)).abs()
        < (deep.log_angle - deep.mean_field.map(math.acos).map(math.log)).abs()
    ).all()
    angle = deep.mean_field.map(math.acos).map(math.log)
    below = bool((deep.log_angle < angle - 3 * deep.log_angle_error).all())
    return claim_row(
        "at finite width angles between inputs shrink faster than in mean field",
        DERIVED,
        f"n = {int(rows.width.max())}: the mean correlation after one layer within {limit:.1f} standard errors of the "
        f"exact one; geometric mean of the angle at depth {int(deep.depth.max())} below mean field, and nearer to mean "
        "field times the drift of small angles (an approximation: exact for small angles only)",
        listed,
        bool(nearer and below and (not len(z) or z.max() < limit)),
    )


def _jacobians(rows: DataFrame) -> dict[str, str]:
    light = rows[(rows.scheme != "mirrored_orthogonal") & (rows.depth <= _SHALLOW * rows.width)]
    z = ((light.second - light.second_exact) / light.second_error).abs()
    listed = ", ".join(
        f"{SCHEME_NAMES[r.scheme]} L = {r.depth}: {r.variance_exact:.3g}"
        for r in rows.itertuples()
        if r.scheme in ("he", "orthogonal")
    )
    limit = 5.0  # few networks: Student's law rather than the normal one
    return claim_row(
        "neither He's nor orthogonal ReLU networks are dynamically isometric",
        PAPER,
        f"variance of squared singular values, exact; mean s^4 of drawn networks within {limit:g} standard errors "
        f"where depth is at most {_SHALLOW:g} of the width ({len(light)} cells; deeper, few networks carry it)",
        listed + (f"; largest deviation {z.max():.1f}" if len(z) else ""),
        bool(
            (rows[rows.scheme.isin(["he", "orthogonal"])].variance_exact > 0.1).all()
            and (z.fillna(0) < limit).all()
        ),
    )


def _isometry(rows: DataFrame) -> dict[str, str]:
    mine = rows[rows.scheme == "mirrored_orthogonal"]
    return claim_row(
        "mirrored orthogonal weights make ReLU networks dynamically isometric",
        PAPER,
        f"largest distance from 1 of all singular values of {int(mine.networks.max())} networks, depths up to "
        f"{int(mine.depth.max())}, in float64 (1e-12)",
        f"{mine.largest_deviation.max():.1e}",
        bool(mine.largest_deviation.max() < 1e-12),
    )


def _trains(cells: DataFrame, epochs: int) -> dict[str, str]:
    table = cells.pivot_table(index="activation", columns="depth", values="accuracy")
    shares = cells.pivot_table(index="activation", columns="depth", values="trains")
    shallow, deep = table.columns.min(), table.columns.max()
    lost = table[shallow] - table[deep]
    listed = "; ".join(
        f"{SCHEME_NAMES[str(scheme)]} "
        + ", ".join(f"{value:.3f}" for value in table.loc[scheme])
        + f" ({shares.loc[scheme, deep]:.0%} of the deepest train)"
        for scheme in SCHEME_NAMES
        if scheme in table.index
    )
    return claim_row(
        f"with a small budget isometric networks train at any depth, He's lose with depth ({cells.dataset.iloc[0]}, "
        f"{epochs} epochs)",
        PAPER,
        f"test accuracy at depth {', '.join(map(str, table.columns))}: mirrored orthogonal loses less than {_FLAT}, He "
        f"more than {_COLLAPSE} (our choice)",
        listed,
        bool(lost.get("mirrored_orthogonal", math.inf) < _FLAT and lost.get("he", 0.0) > _COLLAPSE),
    )


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
        for scheme in SCHEME_NAMES:
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
