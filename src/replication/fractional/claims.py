"""The companion paper on fractional moments (Gurbuzbalaban & Hu 2021), claim by claim, from saved results.

Each claim is a row: claim, source, test, result, verdict. Draws nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from preactivations.names import number_text
from replication.training.comparisons import holm, sign_flip_p
from replication.training.results import bootstrap_interval, chosen_runs
from replication.verdicts import DERIVED, PAPER, claim_row, z_limit

if TYPE_CHECKING:
    from pandas import DataFrame, Series

__all__ = ["fractional_comparisons", "heavy_tails_claims", "scheme_name", "width_slopes"]

_LEVEL = 0.05
_CHANCE = 0.001  # of a sound sample being refused


def scheme_name(scheme: str) -> str:
    """A scheme in words."""
    names = {"he": "He", "xavier": "Xavier", "random_walk": "random walk"}
    return names.get(scheme) or f"s = {float(scheme.removeprefix('fractional_')):g}"


def fractional_comparisons(runs: DataFrame) -> DataFrame:
    """Fractional order minus each baseline, paired by seed: test accuracy and training loss at the chosen rates.

    Columns dataset, activation, scheme, baseline, pairs, accuracy (difference: mean, least, largest, 95 % bootstrap
    interval low to high), p (two-sided sign flips), p_holm over all baselines and activations of a data set; loss
    likewise (positive: the baseline's is lower). Seeds share the noise of weights, biases and the order of batches.
    Diverged runs count as guesses; losses compare pairs of which neither diverged.
    """
    tables = []
    chosen = chosen_runs(runs)
    for dataset, part in chosen.groupby("dataset", sort=False):
        rows: list[dict[str, object]] = []
        for activation, cell in part.groupby("activation", sort=False):
            accuracy = cell.pivot_table(index="seed", columns="law", values="accuracy")
            loss = cell.pivot_table(index="seed", columns="law", values="loss", dropna=False)
            fractional = next(law for law in accuracy if str(law).startswith("fractional"))
            for baseline in ("he", "xavier", "random_walk"):
                if baseline not in accuracy:
                    continue
                gain = (accuracy[fractional] - accuracy[baseline]).dropna()
                worse = (loss[fractional] - loss[baseline]).dropna() if baseline in loss else gain.iloc[:0]
                names = (str(dataset), str(activation), baseline)
                rows.append(
                    {
                        "dataset": dataset,
                        "activation": activation,
                        "scheme": fractional,
                        "baseline": baseline,
                        "pairs": len(gain),
                        "accuracy": gain.mean(),
                        "least": gain.min(),
                        "largest": gain.max(),
                        **dict(
                            zip(
                                ("low", "high"),
                                bootstrap_interval(gain.to_numpy()[None], *names),
                                strict=True,
                            )
                        ),
                        "p": sign_flip_p(gain.to_numpy(), *names),
                        "loss": worse.mean(),
                        "loss_pairs": len(worse),
                        "loss_p": sign_flip_p(worse.to_numpy(), "loss", *names) if len(worse) else math.nan,
                    }
                )
        table = pd.DataFrame(rows)
        for p in ("p", "loss_p"):
            known = table[p].notna()
            table.loc[known, f"{p}_holm"] = holm(list(table.loc[known, p]))
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def width_slopes(widths: DataFrame, low: int = 30, high: int = 89) -> DataFrame:
    """Slope of log(sigma^2 - 2/d) against log d, low <= d <= high, by s < 2, exact and second order; limit -2."""
    rows = []
    for s, part in widths[(widths.s < 2) & (widths.width >= low) & (widths.width <= high)].groupby("s"):
        x = np.log(part.width)
        slopes = {
            name: float(np.polyfit(x, np.log(part[column]), 1)[0])
            for name, column in (("sigma", "excess"), ("second_order", "second_order_excess"))
        }
        rows.append({"s": s} | slopes)
    return pd.DataFrame(rows)


def heavy_tails_claims(results: dict[str, DataFrame], cells: DataFrame, comparisons: DataFrame) -> DataFrame:
    """All claims.

    `results` has constants, deep, agreement, widths, tests, one_layer, clt, normality and tails of `heavy_tails_study`;
    `cells` is `training_results.cell_table` with schemes as laws, `comparisons` `fractional_comparisons`.
    """
    rows = [
        _preserved(results["one_layer"]),
        _deep(results["deep"], results["agreement"]),
        _slopes(results["widths"]),
        _authors(results["constants"]),
        _limit_theorem(results["clt"]),
        _normality(results["normality"]),
        _exact(results["tests"]),
        _small(results["tests"]),
        _tails(results["tails"]),
        *(
            _training(part, comparisons[comparisons.dataset == dataset])
            for dataset, part in cells.groupby("dataset", sort=False)
        ),
    ]
    return pd.DataFrame(rows)


def _preserved(rows: DataFrame) -> dict[str, str]:
    z = pd.concat(
        [
            (rows["mean"] - rows.exact) / rows.error,
            (rows.mean_lower - rows.exact_lower) / rows.error_lower,
        ]
    ).abs()
    limit = z_limit(len(z))
    return claim_row(
        "the moment of order s of a layer's output is preserved, for linear, ReLU, leaky and randomized leaky units",
        PAPER,
        f"drawn layers of {int(rows.width.max())} neurons, {len(rows)} cases: mean of |x'|^s against 1, and of "
        f"|x'|^(s/2) against its exact value: largest deviation in standard errors (limit for {len(z)} numbers)",
        f"{z.max():.1f} ({limit:.1f})",
        bool(z.max() < limit and (abs(rows.exact - 1) < 1e-9).all()),
    )


def _deep(rows: DataFrame, agreement: DataFrame) -> dict[str, str]:
    second = rows[abs(rows.alpha - 2) < 1e-9]
    listed = "; ".join(
        f"s = {r.s:g}: {r.drawn:.3g}, {r.chain:.3g}, {r.population:.4g}" for r in second.itertuples()
    )
    test = agreement.iloc[0]
    return claim_row(
        "samples of deep networks miss their moments",
        DERIVED,
        f"root mean square of the entries after {int(rows.depth.max())} ReLU layers of width {int(rows.width.max())}: "
        f"{int(rows.networks.max())} networks with drawn matrices, {int(test.chains)} chains of norms, population; log "
        f"norms of both samples differ by chance (KS, p > {_CHANCE:g})",
        f"{listed}; p = {test.p:.2f}",
        bool((second[["drawn", "chain"]].max(axis=1) < second.population).all() and test.p > _CHANCE),
    )


def _slopes(widths: DataFrame) -> dict[str, str]:
    table = width_slopes(widths)
    table = table[table.s >= 0.5]
    listed = ", ".join(f"s = {r.s:g}: {r.sigma:.3f}" for r in table.itertuples())
    return claim_row(
        "sigma^2 exceeds He's 2/d by a term of order d^-2",
        PAPER,
        "computed, no samples: slope of log(sigma^2 - 2/d) against log d for d from 30 to 89, within .1 of -2 (our "
        "choice)",
        listed,
        bool(((table.sigma + 2).abs() < 0.1).all()),
    )


def _authors(constants: DataFrame) -> dict[str, str]:
    values = constants.set_index("name").value
    errors = {a: float(values[f"authors_{number_text(a)}"]) for a in (0.2, 0.5, 1.0)}
    return claim_row(
        "the authors' second-order formula for leaky ReLU is off by more, the larger the slope",
        DERIVED,
        "computed, no samples: relative error of sigma at d = 64, s = 1 by slope a; from .2 to 1 it grows more than "
        "25-fold",
        ", ".join(f"a = {a:g}: {value:.1e}" for a, value in errors.items()),
        abs(errors[1.0]) > 25 * abs(errors[0.2]),
    )


def _limit_theorem(rows: DataFrame) -> dict[str, str]:
    z = pd.concat(
        [
            rows.mean_z,
            rows.variance_z,
        ]
    ).abs()
    limit = z_limit(len(z))
    return claim_row(
        "mean and variance of the log norm are those of the theorem",
        PAPER,
        f"{len(rows)} cases, width {int(rows.width.max())}, {int(rows.depth.max())} layers: chains of norms, largest "
        f"deviation in standard errors (limit for {len(z)} numbers)",
        f"{z.max():.1f} ({limit:.1f})",
        bool(z.max() < limit),
    )


def _normality(rows: DataFrame) -> dict[str, str]:
    listed, holds = [], True
    for activation, part in rows.groupby("activation", sort=False):
        ordered = part.sort_values("depth")
        first, last = ordered.iloc[0], ordered.iloc[-1]
        rate = math.log(last.ks / first.ks) / math.log(last.depth / first.depth)
        holds &= bool((ordered.ks.diff().dropna() < 0).all() and abs(rate + 0.5) < 0.05)
        listed.append(f"{activation} {first.ks:.4f} -> {last.ks:.4f} (rate {rate:.2f})")
    return claim_row(
        "the log norm tends to normal with depth",
        PAPER,
        f"computed, no samples: sup |F - Phi| from depth {int(rows.depth.min())} to {int(rows.depth.max())}, falling "
        "at every step, as the power -1/2 of depth within .05 (Berry-Esseen)",
        "; ".join(listed),
        holds,
    )


def _exact(tests: DataFrame) -> dict[str, str]:
    known = tests.drop_duplicates("activation")  # the orders are translates
    limit = len(known)
    critical = known.critical * math.sqrt(math.log(2 * limit / _LEVEL) / math.log(2 / _LEVEL))
    listed = ", ".join(
        f"{r.activation} {r.ks:.4f} ({c:.4f})" for r, c in zip(known.itertuples(), critical, strict=True)
    )
    return claim_row(
        "the law of the norm at finite width and depth is known exactly",
        DERIVED,
        f"KS of {int(tests.networks.max())} networks with drawn matrices, width {int(tests.width.max())}, "
        f"{int(tests.depth.max())} layers (5 % point over {limit} activations)",
        listed,
        bool((known.ks < critical).all()),
    )


def _small(tests: DataFrame) -> dict[str, str]:
    listed, holds = [], True
    for activation, part in tests.groupby("activation", sort=False):
        by = part.set_index("s")
        listed.append(
            f"{activation} P(|x| <= .1): {by.small[2.0]:.3f} -> {by.small[1.0]:.3f}, median {by['median'][2.0]:.3f} -> "
            f"{by['median'][1.0]:.3f}"
        )
        holds &= bool(by.small[1.0] < by.small[2.0])
    return claim_row(
        "smaller orders have fewer small outputs",
        PAPER,
        "computed, no samples: s = 2 to s = 1; for the same noise the output is multiplied, so that this holds at "
        "every level",
        "; ".join(listed),
        holds,
    )


def _tails(rows: DataFrame) -> dict[str, str]:
    z = ((rows.hill - rows.exact) / rows.error).abs()
    limit = z_limit(len(z))
    deep = rows[rows.share == rows.share.min()]
    listed = ", ".join(
        f"s = {r.s:g}: {r.hill:.3f} +- {r.error:.3f} ({r.exact:.4f})" for r in deep.itertuples()
    )
    return claim_row(
        "with biases norms have a Pareto tail of index s",
        PAPER,
        f"Hill estimates of {int(rows.networks.max())} chains, width {int(rows.width.max())}, {int(rows.depth.max())} "
        f"layers, against the same quantity of the exact stationary law: largest deviation in standard errors "
        f"({limit:.1f}); listed: the largest {deep.share.iloc[0]:.1%}, where the exact one is within 1 % of s",
        f"{z.max():.1f}; {listed}",
        bool(z.max() < limit and ((deep.exact / deep.s - 1).abs() < 0.01).all()),
    )


def _training(cells: DataFrame, comparisons: DataFrame) -> dict[str, str]:
    listed = []
    for activation, part in cells.groupby("activation", sort=False):
        accuracy = ", ".join(f"{scheme_name(str(r.law))} {r.accuracy:.3f}" for r in part.itertuples())
        listed.append(f"{activation}: {accuracy}")
    against_he = comparisons[comparisons.baseline == "he"]
    better = (comparisons.accuracy > 0) & (comparisons.p_holm < _LEVEL)
    worse = (comparisons.accuracy < 0) & (comparisons.p_holm < _LEVEL)
    faster = (comparisons.loss < 0) & (comparisons.loss_p_holm < _LEVEL)
    slower = (comparisons.loss > 0) & (comparisons.loss_p_holm < _LEVEL)
    he = ", ".join(
        f"{r.activation} {r.accuracy:+.3f} (p {r.p_holm:.2g}; training loss {r.loss:+.3f}, p {r.loss_p_holm:.2g})"
        for r in against_he.itertuples()
    )

    def names(which: Series[bool]) -> str:
        found = [
            f"{r.activation} against {scheme_name(str(r.baseline))}" for r in comparisons[which].itertuples()
        ]
        return ", ".join(found) or "none"

    pairs = int(comparisons.pairs.max()) if len(comparisons) else 0
    row = claim_row(
        f"fractional orders improve training and test performance ({cells.dataset.iloc[0]})",
        PAPER,
        f"test accuracy and training loss, {pairs} seeds, paired by seed against He, Xavier and random walk (sign "
        f"flips, which give no less than {2.0 ** (1 - pairs):.2g}, Holm over {len(comparisons)}): both significantly "
        "better than each, for each activation; against He listed",
        f"{'; '.join(listed)}. Minus He: {he}. Accuracy significantly better: {names(better)}; worse: {names(worse)}. "
        f"Loss significantly lower: {names(faster)}; higher: {names(slower)}",
        bool(len(comparisons) and better.all() and faster.all()),
    )
    # a difference that is not significant is no proof that there is none
    return row if row["verdict"] == "holds" or (worse | slower).any() else row | {"verdict": "not seen"}
