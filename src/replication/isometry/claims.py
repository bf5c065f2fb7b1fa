"""The second companion paper (Burkholz & Dubatovka 2019), claim by claim, from saved results. Computes nothing."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from replication.inference import z_limit
from replication.isometry.training_claims import training_claims
from replication.labels import scheme_name
from replication.verdicts import Finding, below, claim, decided, deviation, every, some

if TYPE_CHECKING:
    from pandas import DataFrame

_CHANCE = 0.001  # of a sound sample being refused, over all tests of a claim
_LOST = 0.95  # of the median of q: below, finite networks are not at its value 1 in mean field (our choice)
_SPREAD = 0.1  # of the variance of squared singular values: above, networks are not isometric (our choice)
_SHALLOW = 0.1  # of the width: deeper, few networks carry the mean of s^4, and a sample of them can't test it
_PARETO = 3.0  # tails of a larger index are not yet Pareto where P = 1e-9


def isometry_claims(results: dict[str, DataFrame], cells: DataFrame, epochs: Mapping[str, int]) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    `results` has the tables of `analysis.study_frames`, indices of the study and comparisons of
    `analysis.scheme_comparisons`; `cells` is `training.analysis.cell_table` with schemes as activations; `epochs` has
    those of each data set.
    """
    rows = [
        _exact_law(results["laws"]),
        _joint_law(results["unit_tests"], scores=results["unit_scores"]),
        _cells_agree(results["norms"]),
        _far_from_mean_field(results["norms"]),
        _shapes(results["shape_tests"]),
        _no_variance(results["roots"]),
        _infinite_mean(results["indices"]),
        _correlations(results["angles"]),
        _not_isometric_he(results["spectra"]),
        _not_isometric_orthogonal(results["spectra"]),
        _not_isometric_shared(results["spectra"]),
        _isometry(results["spectra"]),
    ]
    rows += training_claims(cells, results["comparisons"], epochs)
    return pd.DataFrame(rows)


@claim(
    "the law of q = x_L.x_L is known exactly at finite width, dead networks included", "published", "abstract"
)
def _exact_law(laws: DataFrame) -> Finding:
    """Fails if norms of drawn networks have another law, such as that of another variance, depth or share of dead."""
    level = _CHANCE / len(laws)
    return Finding(
        f"KS of {int(laws.networks.max())} networks with drawn matrices, {int(laws.depth.max())} layers, against the "
        f"exact law, each at level {level:.1g} (listed with the 5 % point)",
        ", ".join(f"n = {r.width}: {r.ks:.5f} ({r.critical:.5f})" for r in laws.itertuples()),
        every(laws.p > level),
        number=f"least p {laws.p.min():.2g} (above {level:.1g})",
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
    fits = every(below(z, limit), tests.largest_p > level, tests.share_p > level)
    like_independent = int((tests.largest_independent_p >= level).sum())
    return Finding(
        f"{int(tests.networks.max())} networks with drawn matrices in {len(tests)} cells: covariances of two units and "
        "of their squares, and P(both above t), largest deviation in exact standard errors (limit for "
        f"{len(z)} numbers; not where the mean is skewed); KS, each at level {level:.1g}: the largest of all units "
        "against the joint law, and against independent units of the same law, which must be refuted; the share of "
        "half of the units in |h|^2 against its beta law",
        f"KS of the largest against the joint law (independent units): {listed}; least p "
        f"of the joint law {tests.largest_p.min():.2g}, of the shares {tests.share_p.min():.2g}",
        fits,
        f"independent units are not refuted in {like_independent} of {len(tests)} cells"
        if all(fits) and like_independent
        else "",
        deviation(z, limit),
    )


@claim(
    "mean and deviation of log q and P(q <= .1) are the exact ones at all widths and depths", "derived here"
)
def _cells_agree(cells: DataFrame) -> Finding:
    """Fails if samples have another mean or deviation of log q, or another share at most .1, in any cell."""
    scores = [column.dropna().abs() for name, column in cells.items() if "_z_" in str(name)]
    z = some(pd.concat(some(scores, "samples")), "samples")
    drawn = (cells.n_drawn > 0).sum() if "n_drawn" in cells else 0
    limit = z_limit(len(z))
    return Finding(
        f"chains of norms in {len(cells)} cells, drawn matrices in {drawn} of them: largest deviation in standard "
        f"errors (limit for {len(z)} numbers; not where fewer than 10 networks are on one side of .1)",
        "",
        every(below(z, limit)),
        number=deviation(z, limit),
    )


@claim("mean field (q = 1 at every depth) misses what finite networks do", "published", "abstract")
def _far_from_mean_field(cells: DataFrame) -> Finding:
    """Fails if the deepest networks of finite width keep a median near 1, or drawn ones a mean of log q near 0."""
    deep = cells[cells.depth == cells.depth.max()].sort_values("width")
    z = some(deep.mean_field_z.dropna(), "samples") if "mean_field_z" in deep else some([], "samples")
    limit = z_limit(len(z))
    return Finding(
        f"depth {int(deep.depth.max())}, by width: exact median of q below {_LOST:g} (our choice; mean field says 1) "
        f"and mean of log q of a sample below 0 by more than {limit:.1f} standard errors",
        ", ".join(
            f"n = {r.width}: median {r.median:.2g}, P(q <= .1) {r.p_low:.2f}, sample {r.mean_field_z:+.1f}"
            for r in deep.itertuples()
        ),
        (deep["median"] < _LOST) & (deep.mean_field_z < -limit),
    )


@claim(
    "the shape of the stationary law of norms with biases is known for several parameters",
    "published",
    "abstract of the first version",
)
def _shapes(rows: DataFrame) -> Finding:
    """Fails, for each width and variance alone, if simulated norms or the computed tail are not of that shape."""
    level = _CHANCE / (2 * len(rows))
    heavy = rows.tail_index < _PARETO
    slope_is_index = ((rows.tail_slope / rows.tail_index - 1).abs() < 0.01) | ~heavy
    finite_below_he = (rows["mean"] < math.inf) == (rows.factor < 1)
    listed = "; ".join(
        f"n = {width}: "
        + ", ".join(
            f"{r.factor:g} x He: median {r.q50:.3g}, mean {r.mean:.3g}, skewness of log {r.skewness_log:.2f}, index "
            f"{r.tail_index:.3g}"
            for r in part.itertuples()
        )
        for width, part in rows.groupby("width")
    )
    return Finding(
        f"{int(rows.draws.max())} simulated draws of each law (series of layers): KS and number beyond the exact 99 % "
        f"point, each at level {level:.1g}; computed: slope of the tail from P = 1e-6 to 1e-9 within 1 % of the index "
        f"by Kesten's equation, where that is below {_PARETO:g}; mean finite below He's variance only",
        listed,
        (rows.ks_p > level) & (rows.above_p > level) & slope_is_index & finite_below_he,
    )


@claim(
    "no Gaussian choice of variances gives stable propagation for ReLU: one moment of the norm is kept at most",
    "derived here",
    "the abstract of the first version names the spectrum of the operator, not this result",
)
def _no_variance(roots: DataFrame) -> Finding:
    """Fails if some variance keeps two orders of the moment, or He's another one than m = 1."""
    return Finding(
        f"computed, no samples: for variances of {roots.factor.min():g} to {roots.factor.max():g} times He's the "
        "eigenvalue of the transfer operator is 1 for at most one order m > 0 of the moment, and its logarithm convex "
        "in m and at most 0 at m = 0, which says the same of any variance; with He's at m = 1/2, 1, 2: below 1, 1 and "
        "above",
        "; ".join(
            f"n = {r.width}: {r.half:.4f}, {r.one:.4f}, {r.two:.4f}"
            for r in roots.drop_duplicates("width").itertuples()
        ),
        every(
            roots.zeros <= 1,
            roots.crossings <= 1,
            roots.convex,
            roots.half < 1,
            (roots.one - 1).abs() < 1e-9,
            roots.two > 1,
        ),
        number=f"{roots.zeros.max()} order at a variance (at most 1)",
    )


@claim(
    "with biases norms have a stationary law with a Pareto tail; with He's variance its mean is infinite",
    "derived here",
)
def _infinite_mean(indices: DataFrame) -> Finding:
    """Fails if the computed law has another mean than the recursion of means, or He's variance another index than 1."""
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
        number=f"tail index {he.squared_norm_tail_index.max():.4g} with He's variance (mean infinite up to 1)",
    )


@claim("at finite width angles between inputs shrink faster than in mean field", "derived here")
def _correlations(rows: DataFrame) -> Finding:
    """Fails if angles at depth are not below mean field, or farther from the drift than from mean field."""
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
    lower, reason = decided(above < -half_width, above > half_width, "angles")
    return Finding(
        f"n = {int(rows.width.max())}: the mean correlation after one layer within {limit:.1f} standard errors of the "
        f"exact one; geometric mean of the angle at depth {int(deep.depth.max())} below mean field, and nearer to mean "
        "field times the drift of small angles (an approximation: exact for small angles only)",
        listed,
        every(nearer, lower, below(z, limit)),
        reason if nearer.all() and (z < limit).all() else "",
        f"{above.max():+.2f} in the log angle (below 0)",
    )


@claim("He's ReLU networks are not dynamically isometric", "published", "abstract")
def _not_isometric_he(rows: DataFrame) -> Finding:
    """Fails if Gaussian weights give singular values near 1, by formula or in drawn networks."""
    return _not_isometric(rows, "he")


@claim("scaled orthogonal weights do not make ReLU networks dynamically isometric", "derived here")
def _not_isometric_orthogonal(rows: DataFrame) -> Finding:
    """Fails if orthogonal weights give singular values near 1, by formula or in drawn networks."""
    return _not_isometric(rows, "orthogonal")


@claim("shared weights with Gaussian blocks do not make ReLU networks dynamically isometric", "derived here")
def _not_isometric_shared(rows: DataFrame) -> Finding:
    """Fails if mirrored Gaussian blocks give singular values near 1, by formula or in drawn networks."""
    return _not_isometric(rows, "mirrored_gaussian")


def _not_isometric(rows: DataFrame, scheme: str) -> Finding:
    """Fails if singular values of the scheme are near 1, by formula or in drawn networks."""
    rows = some(rows[rows.scheme == scheme], f"networks of the scheme {scheme_name(scheme)}")
    light = rows[rows.depth <= _SHALLOW * rows.width]
    p = some(light.second_p.dropna(), "networks shallow enough for their mean s^4 to be known")
    level = _CHANCE / len(p)
    return Finding(
        f"variance of squared singular values, exact, above {_SPREAD:g} (our choice); mean s^4 of drawn networks is "
        f"the exact one (Student's test, level {level:.1g}) where depth is at most {_SHALLOW:g} of the width ({len(p)} "
        "cells; deeper, few networks carry it)",
        ", ".join(
            f"L = {r.depth}: {r.variance_exact:.3g} ({r.variance:.3g} drawn)" for r in rows.itertuples()
        )
        + f"; least p {p.min():.2g}",
        every(rows.variance_exact > _SPREAD, p > level),
        number=f"variance {rows.variance_exact.min():.3g} or more (above {_SPREAD:g})",
    )


@claim(
    "initial parameter sharing makes ReLU networks dynamically isometric (mirrored orthogonal blocks)",
    "published",
    "abstract, for the sharing; that the blocks be orthogonal is not said there",
)
def _isometry(rows: DataFrame) -> Finding:
    """Fails if any singular value of any mirrored orthogonal network is not 1 to rounding."""
    mirrored = some(rows[rows.scheme == "mirrored_orthogonal"], "mirrored orthogonal networks")
    return Finding(
        f"largest distance from 1 of all singular values of {int(mirrored.networks.max())} networks, as many inputs "
        f"and outputs as units in a half, depths up to {int(mirrored.depth.max())}, in float64 (1e-12)",
        "",
        every(mirrored.largest_deviation < 1e-12),
        number=f"{mirrored.largest_deviation.max():.1e} (limit 1e-12)",
    )
