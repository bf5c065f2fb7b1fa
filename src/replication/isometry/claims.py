"""The second companion paper (Burkholz & Dubatovka 2019), claim by claim, from saved results. Computes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from replication.inference import z_limit
from replication.labels import SCHEMES, scheme_name
from replication.verdicts import Finding, claim, decided, every, some

if TYPE_CHECKING:
    from pandas import DataFrame

_FLAT, _COLLAPSE = 0.05, 0.2  # of accuracy from the shallowest to the deepest networks: our choice
_CHANCE = 0.001  # of a sound sample being refused, over all tests of a claim
_SHALLOW = 0.1  # of the width: deeper, few networks carry the mean of s^4, and a sample of them can't test it


def isometry_claims(results: dict[str, DataFrame], cells: DataFrame, epochs: Mapping[str, int]) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    `results` has the tables of `analysis.study_frames`, and ks and indices of the study; `cells` is
    `training.analysis.cell_table` with schemes as activations; `epochs` has those of each data set.
    """
    rows = [
        _exact_law(results["ks"]),
        _joint_law(results["unit_tests"], scores=results["unit_scores"]),
        _cells_agree(results["norms"]),
        _far_from_mean_field(results["norms"]),
        _no_variance(results["roots"]),
        _infinite_mean(results["indices"]),
        _correlations(results["angles"]),
        _jacobians(results["spectra"]),
        _isometry(results["spectra"]),
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
    "the joint law of the units of a layer is known exactly: dependent by their common scale, and independent given "
    "the norm of the layer before",
    "published",
    "abstract",
)
def _joint_law(tests: DataFrame, *, scores: DataFrame) -> Finding:
    """Fails if drawn units are independent of one another, share another scale, or have another law of directions."""
    z = some(scores.z.dropna().abs(), "numbers of two units that a normal limit can test")
    limit, level = z_limit(len(z)), _CHANCE / (3 * len(tests))
    listed = ", ".join(
        f"n = {r.width}, L = {r.depth}, biases {r.bias_variance:g}: {r.largest:.4f} ({r.largest_independent:.3f})"
        for r in tests.itertuples()
    )
    fits = every(z < limit, tests.largest_p > level, tests.share_p > level)
    like_independent = int((tests.largest_independent_p >= level).sum())
    return Finding(
        f"{int(tests.networks.max())} networks with drawn matrices in {len(tests)} cells: covariances of two units and "
        "of their squares, and P(both above t), largest deviation in exact standard errors (limit for "
        f"{len(z)} numbers; not where the mean is skewed); KS, each at level {level:.1g}: the largest of all units "
        "against the joint law, and against independent units of the same law, which must be refuted; the share of "
        "half of the units in |h|^2 against its beta law",
        f"{z.max():.1f} ({limit:.1f}); KS of the largest against the joint law (independent units): {listed}; least p "
        f"of the joint law {tests.largest_p.min():.2g}, of the shares {tests.share_p.min():.2g}",
        fits,
        f"independent units are not refuted in {like_independent} of {len(tests)} cells"
        if all(fits) and like_independent
        else "",
    )


@claim(
    "mean and deviation of log q and P(q <= .1) are the exact ones at all widths and depths", "derived here"
)
def _cells_agree(cells: DataFrame) -> Finding:
    scores = [column.dropna().abs() for name, column in cells.items() if "_z_" in str(name)]
    z = some(pd.concat(some(scores, "samples")), "samples")
    drawn = (cells.n_drawn > 0).sum() if "n_drawn" in cells else 0
    limit = z_limit(len(z))
    return Finding(
        f"chains of norms in {len(cells)} cells, drawn matrices in {drawn} of them: largest deviation in standard "
        f"errors (limit for {len(z)} numbers; not where fewer than 10 networks are on one side of .1)",
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
def _no_variance(roots: DataFrame) -> Finding:
    return Finding(
        f"computed, no samples: for variances of {roots.factor.min():g} to {roots.factor.max():g} times He's the "
        "eigenvalue of the transfer operator is 1 for at most one order m of the moment; with He's at m = 1/2, 1, 2",
        "; ".join(
            f"n = {r.width}: {r.half:.4f}, {r.one:.4f}, {r.two:.4f}"
            for r in roots.drop_duplicates("width").itertuples()
        ),
        every(roots.zeros <= 1, roots.crossings <= 1),
    )


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
    z = rows.z.dropna().abs()
    limit = z_limit(len(z))
    deep = rows[rows.depth == rows.depth.max()]
    listed = ", ".join(
        f"start {r.start:g}: {math.exp(r.log_angle):.3f} +- {math.exp(r.log_angle) * r.log_angle_error:.3f} "
        f"(mean field {math.acos(r.mean_field):.3f}, with drift {math.acos(r.drift):.3f})"
        for r in deep.itertuples()
    )
    nearer = (deep.log_angle - deep.log_drift).abs() < (deep.log_angle - deep.log_mean_field).abs()
    above, half_width = deep.log_angle - deep.log_mean_field, 3 * deep.log_angle_error
    below, reason = decided(above < -half_width, above > half_width, "angles")
    return Finding(
        f"n = {int(rows.width.max())}: the mean correlation after one layer within {limit:.1f} standard errors of the "
        f"exact one; geometric mean of the angle at depth {int(deep.depth.max())} below mean field, and nearer to mean "
        "field times the drift of small angles (an approximation: exact for small angles only)",
        listed,
        every(nearer, below, z < limit),
        reason if nearer.all() and (z < limit).all() else "",
    )


@claim(
    "neither He's nor orthogonal ReLU networks are dynamically isometric",
    "derived here",
    "abstract, for Gaussian weights",
)
def _jacobians(rows: DataFrame) -> Finding:
    plain = some(rows[rows.scheme.isin(["he", "orthogonal"])], "networks of these schemes")
    light = rows[(rows.scheme != "mirrored_orthogonal") & (rows.depth <= _SHALLOW * rows.width)]
    z = light.second_z.abs().dropna()
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
        f"largest distance from 1 of all singular values of {int(mirrored.networks.max())} networks, as many inputs "
        f"and outputs as units in a half, depths up to {int(mirrored.depth.max())}, in float64 (1e-12)",
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
    )
