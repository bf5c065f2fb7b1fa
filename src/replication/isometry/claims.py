"""The second companion paper (Burkholz & Dubatovka 2019), claim by claim, from saved results. Computes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replication.inference import z_limit
from replication.labels import SCHEMES, scheme_name
from replication.verdicts import Finding, claim, every, some

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["isometry_claims"]

_FACTORS = (0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3)
_FLAT, _COLLAPSE = 0.05, 0.2  # of accuracy from the shallowest to the deepest networks: our choice
_FEWEST = 10  # expected networks on either side for a test of a share
_SHALLOW = 0.1  # of the width: deeper, few networks carry the mean of s^4, and a sample of them can't test it


def isometry_claims(results: dict[str, DataFrame], cells: DataFrame, epochs: Mapping[str, int]) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    `results` has ks, deviations, eigenvalues, indices, correlations, jacobians of the studies; `cells` is
    `training.analysis.cell_table` with schemes as activations; `epochs` has those of each data set.
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
    ]
    for dataset, part in cells.groupby("dataset", sort=False) if len(cells) else [("no data set", cells)]:
        rows.append(_trains(part, dataset=str(dataset), epochs=epochs.get(str(dataset), 0)))
    return pd.DataFrame(rows)


@claim(
    "the law of q = x_L.x_L is known exactly at finite width, dead networks included", "published", "abstract"
)
def _exact_law(ks: DataFrame) -> Finding:
    return Finding(
        f"KS of {int(ks.networks.max())} networks with drawn matrices, {int(ks.depth.max())} layers, against the exact "
        "law (5 % point)",
        ", ".join(f"n = {r.width}: {r.ks:.5f} ({r.critical:.5f})" for r in ks.itertuples()),
        every(ks.ks < ks.critical),
    )


@claim(
    "mean and deviation of log q and P(q <= .1) are the exact ones at all widths and depths", "derived here"
)
def _cells_agree(cells: DataFrame) -> Finding:
    scores, drawn = [], 0
    for name in ("chain", "drawn"):
        if f"n_{name}" not in cells:
            continue
        sampled = cells[cells[f"n_{name}"] > 0]
        drawn += len(sampled) if name == "drawn" else 0
        for what in ("mean_log", "sd_log", "p_low"):
            z = (sampled[f"{what}_{name}"] - sampled[what]) / sampled[f"{what}_error_{name}"]
            if what == "p_low":  # a normal limit needs counts
                rare = sampled[f"n_{name}"] * sampled.p_low.where(sampled.p_low < 0.5, 1 - sampled.p_low)
                z = z[rare >= _FEWEST]
            scores.append(z)
    z = some(pd.concat(some(scores, "samples")).dropna().abs(), "samples")
    limit = z_limit(len(z))
    return Finding(
        f"chains of norms in {len(cells)} cells, drawn matrices in {drawn} of them: largest deviation in standard "
        f"errors (limit for {len(z)} numbers; not where fewer than {_FEWEST} networks are on one side of .1)",
        f"{z.max():.1f} ({limit:.1f})",
        every(z < limit),
    )


@claim("mean field (q = 1 at every depth) misses what finite networks do", "published", "abstract")
def _far_from_mean_field(cells: DataFrame) -> Finding:
    deep = cells[cells.depth == cells.depth.max()].sort_values("width")
    return Finding(
        f"computed, no samples: exact median and P(q <= .1) at depth {int(deep.depth.max())}; mean field says 1 and 0",
        ", ".join(
            f"n = {r.width}: median {r.median:.2g}, P(q <= .1) {r.p_low:.2f}" for r in deep.itertuples()
        ),
        [bool((deep["median"] < 0.95).any())],
    )


@claim("no Gaussian choice of variances gives stable propagation for ReLU", "published", "abstract")
def _no_variance(eigenvalues: DataFrame) -> Finding:
    listed, one_root = [], []
    for width, rows in eigenvalues[eigenvalues["m"] > 0].groupby("width"):
        at = rows.set_index("m").eigenvalue
        half, one, two = (_nearest(at, m) for m in (0.5, 1, 2))
        listed.append(f"n = {width}: {half:.4f}, {one:.4f}, {two:.4f}")
        for factor in _FACTORS:  # log lambda_m is convex and negative near 0: one root at most
            log = np.log(at.to_numpy()) + at.index.to_numpy() * math.log(factor)
            signs = np.sign(np.where(abs(log) < 1e-9, 0, log))
            one_root.append(
                int(np.count_nonzero(signs == 0)) <= 1
                and int(np.count_nonzero(np.diff(signs[signs != 0]))) <= 1
            )
    return Finding(
        f"computed, no samples: for variances of {_FACTORS[0]:g} to {_FACTORS[-1]:g} times He's the eigenvalue of the "
        "transfer operator is 1 for at most one order m of the moment; with He's at m = 1/2, 1, 2",
        "; ".join(listed),
        every(one_root),
    )


def _nearest(series: pd.Series[float], at: float) -> float:
    return float(series.iloc[int(abs(series.index - at).argmin())])


@claim(
    "with biases norms have a stationary law with a Pareto tail; with He's variance its mean is infinite",
    "derived here",
)
def _infinite_mean(indices: DataFrame) -> Finding:
    he = indices[indices.factor == 1]
    finite = indices[indices.mean_predicted < math.inf]
    return Finding(
        f"tail index of q = |x|^2 by weight variance, width {int(indices.width.max())}; mean of the computed law "
        "against the closed form where it is finite (1e-6)",
        ", ".join(
            f"{r.factor:g} x He: {r.squared_norm_tail_index:.4g} (mean {r.mean:.4g})"
            for r in indices.itertuples()
        ),
        every(
            (finite["mean"] / finite.mean_predicted - 1).abs() < 1e-6,
            (he.squared_norm_tail_index - 1).abs() < 1e-9,
        ),
    )


@claim("at finite width angles between inputs shrink faster than in mean field", "derived here")
def _correlations(rows: DataFrame) -> Finding:
    first = rows[(rows.depth == 1) & (rows.error > 0)]
    z = ((first["mean"] - first["first"]) / first.error).abs()
    limit = z_limit(len(z))
    deep = rows[rows.depth == rows.depth.max()]
    listed = ", ".join(
        f"start {r.start:g}: {math.exp(r.log_angle):.3f} +- {math.exp(r.log_angle) * r.log_angle_error:.3f} "
        f"(mean field {math.acos(r.mean_field):.3f}, with drift {math.acos(r.drift):.3f})"
        for r in deep.itertuples()
    )
    mean_field, drift = (np.log(np.arccos(deep[name])) for name in ("mean_field", "drift"))
    nearer = (deep.log_angle - drift).abs() < (deep.log_angle - mean_field).abs()
    below = deep.log_angle < mean_field - 3 * deep.log_angle_error
    return Finding(
        f"n = {int(rows.width.max())}: the mean correlation after one layer within {limit:.1f} standard errors of the "
        f"exact one; geometric mean of the angle at depth {int(deep.depth.max())} below mean field, and nearer to mean "
        "field times the drift of small angles (an approximation: exact for small angles only)",
        listed,
        every(nearer, below, z < limit),
    )


@claim(
    "neither He's nor orthogonal ReLU networks are dynamically isometric",
    "derived here",
    "abstract, for Gaussian weights",
)
def _jacobians(rows: DataFrame) -> Finding:
    plain = some(rows[rows.scheme.isin(["he", "orthogonal"])], "networks of these schemes")
    light = rows[(rows.scheme != "mirrored_orthogonal") & (rows.depth <= _SHALLOW * rows.width)]
    z = ((light.second - light.second_exact) / light.second_error).abs().dropna()
    limit = 5.0  # few networks: Student's law rather than the normal one
    listed = ", ".join(
        f"{scheme_name(r.scheme)} L = {r.depth}: {r.variance_exact:.3g}" for r in plain.itertuples()
    )
    return Finding(
        f"variance of squared singular values, exact; mean s^4 of drawn networks within {limit:g} standard errors "
        f"where depth is at most {_SHALLOW:g} of the width ({len(light)} cells; deeper, few networks carry it)",
        f"{listed}; largest deviation {z.max():.1f}",
        every(plain.variance_exact > 0.1, z < limit),
    )


@claim("mirrored orthogonal weights make ReLU networks dynamically isometric", "published", "abstract")
def _isometry(rows: DataFrame) -> Finding:
    mirrored = some(rows[rows.scheme == "mirrored_orthogonal"], "mirrored orthogonal networks")
    return Finding(
        f"largest distance from 1 of all singular values of {int(mirrored.networks.max())} networks, depths up to "
        f"{int(mirrored.depth.max())}, in float64 (1e-12)",
        f"{mirrored.largest_deviation.max():.1e}",
        every(mirrored.largest_deviation < 1e-12),
    )


@claim(
    "with a small budget isometric networks train at any depth, He's lose with depth ({dataset}, {epochs} epochs)",
    "our question",
)
def _trains(cells: DataFrame, *, dataset: str, epochs: int) -> Finding:
    table = cells.pivot_table(index="activation", columns="depth", values="accuracy")
    shares = cells.pivot_table(index="activation", columns="depth", values="trains")
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
    return Finding(
        f"test accuracy at depth {', '.join(map(str, table.columns))}: mirrored orthogonal loses less than {_FLAT}, He "
        f"more than {_COLLAPSE} (our choice)",
        listed,
        [bool(lost["mirrored_orthogonal"] < _FLAT and lost["he"] > _COLLAPSE)],
    )
