"""The companion paper on fractional moments (Gurbuzbalaban & Hu 2021), claim by claim, from saved results."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from preactivations.names import number_text
from replication.fractional.analysis import LEVEL
from replication.inference import z_limit
from replication.labels import activation_name, scheme_name
from replication.verdicts import Finding, below, claim, deviation, every, some

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_CHANCE = 0.001  # of a sound sample being refused
_RARE = 0.01  # probability that a norm is not small yet


def fractional_claims(results: dict[str, DataFrame], cells: DataFrame, comparisons: DataFrame) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`.

    `results` has the tables of `analysis.study_frames`, and constants, deep, agreement, clt and cost of the study;
    `cells` is `training.analysis.cell_table` with schemes as laws, `comparisons` `analysis.fractional_comparisons`.
    """
    rows = [
        _preserved(results["preserved"]),
        _recovered(results["recovered"]),
        _vanishing(results["vanishing"]),
        _deep(results["deep"], results["agreement"]),
        _slopes(results["slopes"]),
        _authors(results["constants"]),
        _limit_theorem(results["clt"]),
        _normality(results["convergence"]),
        _exact(results["laws"]),
        _small(results["rarer"][results["rarer"].keep == 1]),
        _tails(results["indices"]),
        _local(results["local"]),
        _dropout(results["masked"], results["rarer"][results["rarer"].keep < 1]),
        _cost(results["cost"]),
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
    """Fails if a drawn mean of |x'|^s is away from 1, or one of |x'|^(s/2) from its exact value, beyond chance."""
    z = pd.concat([rows.z, rows.z_lower]).abs()
    limit = z_limit(len(z))
    return Finding(
        f"drawn layers of {int(rows.width.max())} neurons, {len(rows)} cases: mean of |x'|^s against 1, and of "
        f"|x'|^(s/2) against its exact value: largest deviation in standard errors (limit for {len(z)} numbers)",
        "",
        every(below(z, limit), abs(rows.exact - 1) < 1e-9),
        number=deviation(z, limit),
    )


@claim(
    "in the limit s -> 2 the schemes are the traditional ones: He's for ReLU, Glorot's for linear units",
    "published",
    "abstract",
)
def _recovered(rows: DataFrame) -> Finding:
    """Fails if sigma at s = 2 is not the usual scale, or does not tend to it in proportion to 2 - s."""
    shown = rows[rows.width == rows.width.max()]
    return Finding(
        f"computed, no samples: sigma(2, d) over the scale of He (sqrt(2/d) for ReLU) or Glorot (sqrt(1/d) in square "
        f"layers) is 1 to 1e-14, widths {int(rows.width.min())} to {int(rows.width.max())}; the relative distance at "
        f"s < 2 falls as the power 1 of 2 - s within .05",
        f"at s = 2 {float(rows.at_two.max()):.0e}; width {int(shown.width.max())}: "
        + ", ".join(
            f"{activation_name(r.activation)} {r.first:.1e} at s = {r.first_s:g}, {r.last:.1e} at {r.last_s:g} (power "
            f"{r.power:.3f})"
            for r in shown.itertuples()
        ),
        (rows.at_two < 1e-14) & ((rows.power - 1).abs() < 0.05),
    )


@claim("samples of deep networks miss their moments", "derived here")
def _deep(rows: DataFrame, agreement: DataFrame) -> Finding:
    """Fails if a sample reaches the population moment, or drawn matrices and chains of norms have different laws."""
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
        number=f"{(second[['drawn', 'chain']].max(axis=1) / second.population).max():.2f} of the population's at most "
        "(below 1)",
    )


@claim("sigma^2 exceeds He's 2/d by a term of order d^-2", "authors' program", "figure 2")
def _slopes(slopes: DataFrame) -> Finding:
    """Fails if sigma^2 - 2/d falls as another power of d than -2, or is not positive."""
    table = slopes[slopes.s >= 0.5]
    return Finding(
        "computed, no samples: slope of log(sigma^2 - 2/d) against log d for d from 30 to 89, within .1 of -2 (our "
        "choice)",
        ", ".join(f"s = {r.s:g}: {r.sigma:.3f}" for r in table.itertuples()),
        every((table.sigma + 2).abs() < 0.1),
        number=f"slopes {table.sigma.min():.3f} to {table.sigma.max():.3f} (-2 within .1)",
    )


@claim(
    "the authors' second-order formula for leaky ReLU is off by more, the larger the slope", "derived here"
)
def _authors(constants: DataFrame) -> Finding:
    """Fails if the error does not grow with the slope at every step."""
    values = constants.set_index("name").value
    errors = {a: float(values[f"authors_{number_text(a)}"]) for a in (0.2, 0.5, 1.0)}
    return Finding(
        "computed, no samples: relative error of sigma at d = 64, s = 1 by slope a grows in size at every step",
        ", ".join(f"a = {a:g}: {value:.1e}" for a, value in errors.items()),
        every([abs(errors[0.2]) < abs(errors[0.5]), abs(errors[0.5]) < abs(errors[1.0])]),
        number=f"{abs(errors[0.2]):.1e}, {abs(errors[0.5]):.1e}, {abs(errors[1.0]):.1e} (increasing)",
    )


@claim("mean and variance of the log norm are those of the theorem", "published", "abstract")
def _limit_theorem(rows: DataFrame) -> Finding:
    """Fails if a mean or a variance of drawn log norms is away from the theorem's beyond chance."""
    z = pd.concat([rows.mean_z, rows.variance_z]).abs()
    limit = z_limit(len(z))
    return Finding(
        f"{len(rows)} cases, width {int(rows.width.max())}, {int(rows.depth.max())} layers: chains of norms, largest "
        f"deviation in standard errors (limit for {len(z)} numbers)",
        "",
        every(below(z, limit)),
        number=deviation(z, limit),
    )


@claim("the log norm tends to normal with depth", "published", "abstract")
def _normality(rates: DataFrame) -> Finding:
    """Fails if the distance from normal rises at a step, or falls as another power of depth than -1/2."""
    return Finding(
        f"computed, no samples: sup |F - Phi| from depth {int(rates.first_depth.min())} to "
        f"{int(rates.last_depth.max())}, falling at every step, between the two largest depths as the power -1/2 of "
        "depth within .1 (Berry-Esseen; our choice)",
        "; ".join(
            f"{activation_name(r.activation)} {r.first:.4f} -> {r.last:.4f} (rate {r.rate:.2f})"
            for r in rates.itertuples()
        ),
        every(rates.falls, (rates.rate + 0.5).abs() < 0.1),
        number=f"rates {rates.rate.min():.2f} to {rates.rate.max():.2f} (-1/2 within .1)",
    )


@claim("the law of the norm at finite width and depth is known exactly", "derived here")
def _exact(laws: DataFrame) -> Finding:
    """Fails if drawn networks are significantly away from the exact law."""
    return Finding(
        f"KS of {int(laws.networks.max())} networks with drawn matrices, width {int(laws.width.max())}, "
        f"{int(laws.depth.max())} layers (5 % point over {len(laws)} activations)",
        ", ".join(
            f"{activation_name(r.activation)} {r.ks:.4f} ({r.critical:.4f})" for r in laws.itertuples()
        ),
        every(laws.ks < laws.critical),
        number=f"KS {laws.ks.max():.4f} (limit {laws.critical.min():.4f})",
    )


@claim("smaller orders have fewer small outputs", "published", "abstract")
def _small(rows: DataFrame) -> Finding:
    """Fails if the probability of a small output is not lower at the smaller order, for a unit or a level."""
    return Finding(
        f"computed, no samples: P(|x^L| <= level), width {int(rows.width.max())}, {int(rows.depth.max())} layers, from "
        f"s = {rows.s_usual.max():g} to {rows.s_fractional.min():g}, levels {_listed(rows.level)}; for the same noise "
        "the output is multiplied, so that this holds at every level",
        _probabilities(rows[rows.level == rows.level.min()]),
        every(rows.fractional < rows.usual),
        number=f"ratio {(rows.fractional / rows.usual).max():.2f} at most (below 1)",
    )


def _listed(values: Series[float]) -> str:
    return ", ".join(f"{value:g}" for value in sorted(set(values)))


def _probabilities(rows: DataFrame) -> str:
    return f"P(|x| <= {rows.level.iloc[0]:g}): " + ", ".join(
        f"{activation_name(r.activation)}{f', keep {r.keep:g}' if r.keep < 1 else ''} {r.usual:.3f} -> "
        f"{r.fractional:.3f}"
        for r in rows.itertuples()
    )


@claim("with biases norms have a Pareto tail of index s", "derived here")
def _tails(rows: DataFrame) -> Finding:
    """Fails if Hill estimates are away from the exact law beyond chance, or that law has another index than s."""
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
        listed,
        every(below(z, limit), (deep.exact / deep.s - 1).abs() < 0.01),
        number=deviation(z, limit),
    )


@claim(
    "the output has a finite almost sure limit: without biases |x^L| -> 0, although E|x^L|^s is constant",
    "published",
    "abstract, for the limit",
)
def _vanishing(rows: DataFrame) -> Finding:
    """Fails if the moment of order s/2 does not shrink in a layer, the median rises, or E|x|^s is not constant."""
    rows = some(rows.dropna(subset=["moment_error"]), "moments")
    holds = rows.falls & (rows.growth < 1) & (rows["last"] < rows.peak) & (rows.exceeds < _RARE)
    shown = rows[rows.s == rows.s.min()]
    return Finding(
        f"computed, no samples: width {int(rows.width.max())}, to {int(rows.depth.max())} layers, orders "
        f"{_listed(rows.s)}: E|x|^(s/2) shrinks by a factor below 1 per layer, so that P(|x^L| > e) has a finite sum "
        f"over L (Markov, Borel-Cantelli); the median falls at every step, the 99.9 % quantile in the end, and at the "
        f"last P(|x^L| > .01) < {_RARE:g} (our choice); E|x|^s by quadrature of the law is 1 to 1e-6, as deep as 1e-10 "
        "of the networks hold it",
        f"s = {rows.s.min():g}: "
        + "; ".join(
            f"{activation_name(r.activation)} factor {r.growth:.5f}, log of the median {r.log_median:.0f}, of the 99.9 "
            f"% quantile at most {r.peak:.1f}, then {r.last:.0f}"
            for r in shown.itertuples()
        )
        + f"; moments off by at most {rows.moment_error.max():.0e}, to depth {int(rows.moment_depth.min())} and more",
        (holds & (rows.moment_error < 1e-6)).tolist(),
    )


@claim(
    "two readings of heavy tails: a Pareto tail of index s with biases, log-normality without them, whose tail is "
    "lighter than every power",
    "published",
    "abstract: 'heavy-tailed in some settings', log-normality; the index s and the comparison are derived here",
)
def _local(rows: DataFrame) -> Finding:
    """Fails if the exponent with biases is not s or E|x|^2 is finite there, or without them it stops rising."""
    pareto, light = (some(rows[rows.biases == kind], "rows of a reading") for kind in (True, False))
    both = some(
        pareto.merge(light, on=["activation", "s"], suffixes=("", "_light")), "orders with both readings"
    )
    listed = "; ".join(
        f"{activation_name(r.activation)}, s = {r.s:g}: {r.first:.3f} -> {r.last:.3f}, without biases "
        f"{r.first_light:.3f} -> {r.last_light:.3f}"
        for r in both.itertuples()
    )
    return Finding(
        f"computed, no samples: exponent -d log P(|x| > t) / d log t from P = .01 to {rows.lowest.min():.0e}, width "
        f"{int(rows.width.max())}: stationary law with biases, within 1 % of s from 1e-4 on and E|x|^2 infinite; after "
        f"{int(light.depth.max())} layers without biases, rising at every step and E|x|^2 finite (P given that no "
        "layer is dead)",
        listed,
        [
            *((pareto.error < 0.01) & (pareto.square == math.inf)),
            *(light.rises & (light.square < math.inf)),
        ],
    )


@claim("the results extend to dropout", "published", "abstract of the proceedings")
def _dropout(rows: DataFrame, small: DataFrame) -> Finding:
    """Fails if a moment with masks is not 1, is 1 at the scale without dropout, or small outputs are not rarer."""
    z, limit = rows.z.abs(), z_limit(len(rows))
    return Finding(
        f"E|x'|^s of layers of {int(rows.width.max())} neurons with drawn masks, factor 1/keep, {len(rows)} cases: "
        f"(c sigma)^s E M_(s/2)(K) is 1 to 1e-9, K neurons left, the drawn mean within {limit:.1f} standard errors of "
        "it, and beyond 1.01 at the scale without dropout; P(|x^L| <= level) lower at the smaller order",
        f"at the scale without dropout {rows.uncorrected.min():.3f} to {rows.uncorrected.max():.3f}; "
        + _probabilities(small[small.level == small.level.min()]),
        every(
            (rows.formula - 1).abs() < 1e-9,
            below(z, limit),
            rows.uncorrected > 1.01,
            small.fractional < small.usual,
        ),
        number=f"{deviation(z, limit)}, formula off 1 by {(rows.formula - 1).abs().max():.0e} (limit 1e-9)",
    )


@claim("the schemes have no extra cost in training", "published", "abstract")
def _cost(rows: DataFrame) -> Finding:
    """Fails if layers, biases or the number of random draws differ from He's, or weights by more than a constant."""
    return Finding(
        f"networks of {int(rows.depth.max())} linear layers of width {int(rows.width.max())} from the random numbers "
        "of He's, one per activation: same layers, as many draws, equal biases, weights those of He times one constant "
        "per layer to 1e-6 (what is trained is the same; times are in benchmarks/heavy_tails.py)",
        ", ".join(
            f"{activation_name(r.activation)}, s = {r.s:g}: {r.largest:.0e} over {int(r.parameters)} parameters"
            for r in rows.itertuples()
        ),
        (rows.layers & rows.draws & rows.biases & (rows.largest < 1e-6)).tolist(),
    )


@claim("fractional orders improve training and test performance ({dataset})", "published", "abstract")
def _training(cells: DataFrame, comparisons: DataFrame, *, dataset: str) -> Finding:
    """Fails if a baseline is significantly better in accuracy or loss; not resolved by differences that are neither."""
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
        f"{activation_name(r.activation)} {r.accuracy:+.3f} [{r.low:+.3f}, {r.high:+.3f}] (p {r.p_holm:.2g}; training "
        f"loss {r.loss:+.3f} [{r.loss_low:+.3f}, {r.loss_high:+.3f}], p {r.loss_p_holm:.2g})"
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
        f"test accuracy and training loss, {pairs} seeds, paired by seed against He, Xavier and random walk "
        "(Student's test over seeds): both "
        f"significantly better than each, for each activation; p are corrected by Holm over {len(comparisons)} "
        "comparisons, 95 % intervals and p are over seeds; against He listed",
        f"{'; '.join(listed)}. Minus He: {he}. Accuracy significantly better: {names(better)}; worse: {names(worse)}. "
        f"Loss significantly lower: {names(faster)}; higher: {names(slower)}",
        every(better, faster),
        f"{open_ones} of {len(comparisons)} differences are not significant"
        if open_ones and not (worse | slower).any()
        else "",
        f"both better in {(better & faster).sum()} of {len(comparisons)} comparisons; than each of three baselines for "
        f"{(better & faster).groupby(comparisons.activation).all().sum()} of {comparisons.activation.nunique()} "
        "activations (all)",
    )
