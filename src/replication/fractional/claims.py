"""The companion paper on fractional moments (Gurbuzbalaban & Hu 2021), claim by claim, from saved results."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from preactivations.names import number_text
from replication.fractional.analysis import LEVEL
from replication.inference import z_limit
from replication.labels import activation_name, scheme_name
from replication.verdicts import Finding, claim, every, some

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_CHANCE = 0.001  # of a sound sample being refused


def fractional_claims(results: dict[str, DataFrame], cells: DataFrame, comparisons: DataFrame) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    `results` has the tables of `analysis.study_frames`, and constants, deep, agreement, tests and clt of the study;
    `cells` is `training.analysis.cell_table` with schemes as laws, `comparisons` `analysis.fractional_comparisons`.
    """
    rows = [
        _preserved(results["preserved"]),
        _deep(results["deep"], results["agreement"]),
        _slopes(results["slopes"]),
        _authors(results["constants"]),
        _limit_theorem(results["clt"]),
        _normality(results["convergence"]),
        _exact(results["laws"]),
        _small(results["tests"]),
        _tails(results["indices"]),
    ]
    for dataset, part in cells.groupby("dataset", sort=False) if len(cells) else [("no data set", cells)]:
        rows.append(_training(part, comparisons[comparisons.dataset == dataset], dataset=str(dataset)))
    return pd.DataFrame(rows)


@claim(
    "the moment of order s of a layer's output is preserved, for linear, ReLU, leaky and randomized leaky units",
    "published",
    "abstract",
)
def _preserved(rows: DataFrame) -> Finding:
    z = pd.concat([rows.z, rows.z_lower]).abs()
    limit = z_limit(len(z))
    return Finding(
        f"drawn layers of {int(rows.width.max())} neurons, {len(rows)} cases: mean of |x'|^s against 1, and of "
        f"|x'|^(s/2) against its exact value: largest deviation in standard errors (limit for {len(z)} numbers)",
        f"{z.max():.1f} ({limit:.1f})",
        every(z < limit, abs(rows.exact - 1) < 1e-9),
    )


@claim("samples of deep networks miss their moments", "derived here")
def _deep(rows: DataFrame, agreement: DataFrame) -> Finding:
    second = some(rows[abs(rows.alpha - 2) < 1e-9], "second moments")
    test = agreement.iloc[0]
    return Finding(
        f"root mean square of the entries after {int(rows.depth.max())} ReLU layers of width {int(rows.width.max())}: "
        f"{int(rows.networks.max())} networks with drawn matrices, {int(test.chains)} chains of norms, population; log "
        f"norms of both samples differ by chance (KS, p > {_CHANCE:g})",
        "; ".join(
            f"s = {r.s:g}: {r.drawn:.3g}, {r.chain:.3g}, {r.population:.4g}" for r in second.itertuples()
        )
        + f"; p = {test.p:.2f}",
        every(second[["drawn", "chain"]].max(axis=1) < second.population, [test.p > _CHANCE]),
    )


@claim("sigma^2 exceeds He's 2/d by a term of order d^-2", "authors' program", "figure 2")
def _slopes(slopes: DataFrame) -> Finding:
    table = slopes[slopes.s >= 0.5]
    return Finding(
        "computed, no samples: slope of log(sigma^2 - 2/d) against log d for d from 30 to 89, within .1 of -2 (our "
        "choice)",
        ", ".join(f"s = {r.s:g}: {r.sigma:.3f}" for r in table.itertuples()),
        every((table.sigma + 2).abs() < 0.1),
    )


@claim(
    "the authors' second-order formula for leaky ReLU is off by more, the larger the slope", "derived here"
)
def _authors(constants: DataFrame) -> Finding:
    values = constants.set_index("name").value
    errors = {a: float(values[f"authors_{number_text(a)}"]) for a in (0.2, 0.5, 1.0)}
    return Finding(
        "computed, no samples: relative error of sigma at d = 64, s = 1 by slope a; from .2 to 1 it grows more than "
        "25-fold",
        ", ".join(f"a = {a:g}: {value:.1e}" for a, value in errors.items()),
        [abs(errors[1.0]) > 25 * abs(errors[0.2])],
    )


@claim("mean and variance of the log norm are those of the theorem", "published", "abstract")
def _limit_theorem(rows: DataFrame) -> Finding:
    z = pd.concat([rows.mean_z, rows.variance_z]).abs()
    limit = z_limit(len(z))
    return Finding(
        f"{len(rows)} cases, width {int(rows.width.max())}, {int(rows.depth.max())} layers: chains of norms, largest "
        f"deviation in standard errors (limit for {len(z)} numbers)",
        f"{z.max():.1f} ({limit:.1f})",
        every(z < limit),
    )


@claim("the log norm tends to normal with depth", "published", "abstract")
def _normality(rates: DataFrame) -> Finding:
    return Finding(
        f"computed, no samples: sup |F - Phi| from depth {int(rates.first_depth.min())} to "
        f"{int(rates.last_depth.max())}, falling at every step, as the power -1/2 of depth within .05 (Berry-Esseen)",
        "; ".join(
            f"{activation_name(r.activation)} {r.first:.4f} -> {r.last:.4f} (rate {r.rate:.2f})"
            for r in rates.itertuples()
        ),
        every(rates.falls, (rates.rate + 0.5).abs() < 0.05),
    )


@claim("the law of the norm at finite width and depth is known exactly", "derived here")
def _exact(laws: DataFrame) -> Finding:
    return Finding(
        f"KS of {int(laws.networks.max())} networks with drawn matrices, width {int(laws.width.max())}, "
        f"{int(laws.depth.max())} layers (5 % point over {len(laws)} activations)",
        ", ".join(
            f"{activation_name(r.activation)} {r.ks:.4f} ({r.critical:.4f})" for r in laws.itertuples()
        ),
        every(laws.ks < laws.critical),
    )


@claim("smaller orders have fewer small outputs", "published", "abstract")
def _small(tests: DataFrame) -> Finding:
    listed, fewer = [], []
    for activation, part in tests.groupby("activation", sort=False):
        by = part.set_index("s")
        fewer.append(by.small[1.0] < by.small[2.0])
        listed.append(
            f"{activation_name(str(activation))} P(|x| <= .1): {by.small[2.0]:.3f} -> {by.small[1.0]:.3f}, median "
            f"{by['median'][2.0]:.3f} -> {by['median'][1.0]:.3f}"
        )
    return Finding(
        "computed, no samples: s = 2 to s = 1; for the same noise the output is multiplied, so that this holds at "
        "every level",
        "; ".join(listed),
        every(fewer),
    )


@claim("with biases norms have a Pareto tail of index s", "derived here")
def _tails(rows: DataFrame) -> Finding:
    z = rows.z.abs()
    limit = z_limit(len(z))
    deep = rows[rows.share == rows.share.min()]
    listed = ", ".join(
        f"s = {r.s:g}: {r.hill:.3f} +- {r.error:.3f} ({r.exact:.4f})" for r in deep.itertuples()
    )
    return Finding(
        f"Hill estimates of {int(rows.networks.max())} chains, width {int(rows.width.max())}, {int(rows.depth.max())} "
        f"layers, against the same quantity of the exact stationary law: largest deviation in standard errors "
        f"({limit:.1f}); listed: the largest {deep.share.iloc[0]:.1%}, where the exact one is within 1 % of s",
        f"{z.max():.1f}; {listed}",
        every(z < limit, (deep.exact / deep.s - 1).abs() < 0.01),
    )


@claim("fractional orders improve training and test performance ({dataset})", "published", "abstract")
def _training(cells: DataFrame, comparisons: DataFrame, *, dataset: str) -> Finding:
    listed = []
    for activation, part in cells.groupby("activation", sort=False):
        accuracy = ", ".join(f"{scheme_name(str(r.law))} {r.accuracy:.3f}" for r in part.itertuples())
        listed.append(f"{activation_name(str(activation))}: {accuracy}")
    against_he = comparisons[comparisons.baseline == "he"]
    better = (comparisons.accuracy > 0) & (comparisons.p_holm < LEVEL)
    worse = (comparisons.accuracy < 0) & (comparisons.p_holm < LEVEL)
    faster = (comparisons.loss < 0) & (comparisons.loss_p_holm < LEVEL)
    slower = (comparisons.loss > 0) & (comparisons.loss_p_holm < LEVEL)
    he = ", ".join(
        f"{activation_name(r.activation)} {r.accuracy:+.3f} (p {r.p_holm:.2g}; training loss {r.loss:+.3f}, p "
        f"{r.loss_p_holm:.2g})"
        for r in against_he.itertuples()
    )

    def names(which: Series[bool]) -> str:
        rows = comparisons[which].itertuples()
        return (
            ", ".join(f"{activation_name(r.activation)} against {scheme_name(r.baseline)}" for r in rows)
            or "none"
        )

    pairs = int(comparisons.pairs.max())
    # a difference that is not significant is no proof that there is none
    open_ones = len(comparisons) - (better & faster | worse | slower).sum()
    return Finding(
        f"test accuracy and training loss, {pairs} seeds, paired by seed against He, Xavier and random walk (sign "
        f"flips, which give no less than {max(2.0 ** (1 - pairs), 5e-5):.2g}, Holm over {len(comparisons)}): both "
        "significantly better than each, for each activation; against He listed",
        f"{'; '.join(listed)}. Minus He: {he}. Accuracy significantly better: {names(better)}; worse: {names(worse)}. "
        f"Loss significantly lower: {names(faster)}; higher: {names(slower)}",
        every(better, faster),
        f"{open_ones} of {len(comparisons)} differences are not significant"
        if open_ones and not (worse | slower).any()
        else "",
    )
