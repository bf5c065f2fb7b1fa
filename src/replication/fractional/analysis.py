"""Statistics of the study of fractional moments, from saved results: rates, scores, comparisons of schemes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replication.inference import holm, mean_test
from replication.training.analysis import chosen_runs

if TYPE_CHECKING:
    from pandas import DataFrame

LEVEL = 0.05


def study_frames(found: dict[str, DataFrame]) -> dict[str, DataFrame]:
    """Statistics of networks at initialization that tables and claims read, from the raw rows of the study by name."""
    one, tails = found["one_layer"], found["tails"]
    return {
        "slopes": width_slopes(found["widths"]),
        "preserved": one.assign(
            z=(one["mean"] - one.exact) / one.error,
            z_lower=(one.mean_lower - one.exact_lower) / one.error_lower,
        ),
        "convergence": convergence_rates(found["normality"]),
        "laws": law_tests(found["tests"]),
        "indices": tails.assign(z=(tails.hill - tails.exact) / tails.error),
        "recovered": recovered_scales(found["traditional"]),
        "vanishing": vanishing_norms(found["far"]),
        "local": local_tails(found["exponents"]),
        "masked": found["dropout"].assign(
            z=(found["dropout"]["mean"] - found["dropout"].formula) / found["dropout"].error
        ),
        "rarer": rarer_outputs(found["small"]),
    }


def vanishing_norms(far: DataFrame) -> DataFrame:
    """|x^L| without biases by activation and s, from `limits.depth_rows`: what tends to 0, and what does not.

    falls: the log median at every step; peak, last: largest and deepest log of the 99.9 % quantile, both given that no
    layer is dead; exceeds: P(|x^L| > .01) at the largest depth; moment_error: largest |E|x^L|^s - 1| over the depths to
    moment_depth, where it is known; growth: factor of E|x|^(s/2) per layer.
    """
    rows = []
    for (activation, s), part in far.groupby(["activation", "s"], sort=False):
        ordered = part.sort_values("depth")
        deepest, known = ordered.iloc[-1], ordered[ordered.moment.notna()]
        rows.append(
            {"activation": activation, "s": s, "width": deepest.width, "depth": deepest.depth}
            | {"moment_depth": known.depth.max()}
            | {"falls": bool((ordered.log_median.diff().dropna() < 0).all())}
            | {"log_median": deepest.log_median, "peak": ordered.log_high.max(), "last": deepest.log_high}
            | {"exceeds": deepest.exceeds, "moment_error": (ordered.moment - 1).abs().max()}
            | {"growth": ordered.growth.max()}
        )
    return pd.DataFrame(rows, columns=_VANISHING)


def local_tails(exponents: DataFrame) -> DataFrame:
    """Tails by activation, s and biases, from `limits.exponent_rows`.

    first and last: exponent at the highest and the lowest level; rises: whether it grows at every step; error: largest
    distance of the exponent from s over the levels from 1e-4 down, relative to s; square: E|x|^2; log_normal: exponent
    of the normal law of the log norm at the lowest level.
    """
    rows = []
    for (activation, s, biases), part in exponents.groupby(["activation", "s", "biases"], sort=False):
        ordered = part.sort_values("level", ascending=False)
        far = ordered[ordered.level <= 1e-4]
        rows.append(
            {"activation": activation, "s": s, "biases": bool(biases), "lowest": ordered.level.min()}
            | {"width": ordered.width.iloc[0], "depth": ordered.depth.iloc[0]}
            | {"first": ordered.exponent.iloc[0], "last": ordered.exponent.iloc[-1]}
            | {"rises": bool((ordered.exponent.diff().dropna() > 0).all())}
            | {"error": ((far.exponent - s) / s).abs().max(), "square": ordered.square.iloc[0]}
            | {"log_normal": ordered.log_normal.iloc[-1]}
        )
    return pd.DataFrame(rows, columns=_LOCAL)


def rarer_outputs(small: DataFrame) -> DataFrame:
    """P(|x^L| <= level) at the largest and the smallest order: `usual`, `fractional`, by activation, keep and level."""
    keys = ["activation", "keep", "level", "width", "depth"]
    ends = small[small.s == small.s.max()], small[small.s == small.s.min()]
    both = ends[0].merge(ends[1], on=keys, suffixes=("_usual", "_fractional"))
    return both.rename(columns={"small_usual": "usual", "small_fractional": "fractional"})


def recovered_scales(traditional: DataFrame) -> DataFrame:
    """How sigma meets the usual scale as s -> 2, by activation and width, from `limits.order_rows`.

    at_two: relative distance at s = 2; first and last: at the smallest and the largest s below 2; power: that of 2 - s
    by which the distance falls between them (1: sigma is smooth in s there).
    """
    rows = []
    for (activation, width), part in traditional.groupby(["activation", "width"], sort=False):
        below = part[part.below > 0].sort_values("s")
        first, last = below.iloc[0], below.iloc[-1]
        rows.append(
            {"activation": activation, "width": width, "first_s": first.s, "last_s": last.s}
            | {"traditional": first.traditional, "at_two": part[part.below == 0].distance.abs().max()}
            | {"first": first.distance, "last": last.distance}
            | {"power": math.log(abs(last.distance / first.distance)) / math.log(last.below / first.below)}
        )
    return pd.DataFrame(rows, columns=_RECOVERED)


_VANISHING = [
    "activation", "s", "width", "depth", "falls", "log_median", "peak", "last", "exceeds", "moment_error", "growth",
    "moment_depth",
]  # fmt: skip
_LOCAL = [
    "activation", "s", "biases", "lowest", "width", "depth", "first", "last", "rises", "error", "square", "log_normal",
]  # fmt: skip
_RECOVERED = ["activation", "width", "first_s", "last_s", "traditional", "at_two", "first", "last", "power"]


def convergence_rates(normality: DataFrame) -> DataFrame:
    """sup |F - Phi| by activation: first and last, whether it falls at all steps, and its power of depth.

    rate: the power between the two largest depths, since the rate of Berry and Esseen is that of large depths.
    """
    rows = []
    for activation, part in normality.groupby("activation", sort=False):
        ordered = part.sort_values("depth")
        first, before, last = ordered.iloc[0], ordered.iloc[-2], ordered.iloc[-1]
        rate = math.log(last.ks / before.ks) / math.log(last.depth / before.depth)
        rows.append(
            {"activation": activation, "first_depth": first.depth, "last_depth": last.depth}
            | {"first": first.ks, "last": last.ks, "rate": rate}
            | {"falls": bool((ordered.ks.diff().dropna() < 0).all())}
        )
    return pd.DataFrame(rows)


def law_tests(tests: DataFrame) -> DataFrame:
    """KS of drawn networks by activation, `critical` being the 5 % point over all of them (Bonferroni)."""
    known = tests.drop_duplicates("activation")  # the orders are translates
    corrected = math.sqrt(math.log(2 * len(known) / LEVEL) / math.log(2 / LEVEL)) if len(known) else math.nan
    return known.assign(critical=known.critical * corrected)


def fractional_comparisons(runs: DataFrame) -> DataFrame:
    """Fractional order minus each baseline, paired by seed: test accuracy and training loss at the chosen rates.

    Columns dataset, activation, scheme, baseline, pairs, accuracy (difference: mean, least, largest, 95 % interval low
    to high), p (two-sided; both of Student), p_holm over all baselines and activations of a data set; loss likewise
    with loss_low and loss_high (positive: the baseline's is lower). The unit of intervals and of tests is the seed: one
    pair of networks, which share the noise of weights, biases and the order of batches.
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
                tested, lost = mean_test(gain), mean_test(worse)
                loss_p = lost.p if len(worse) else math.nan
                rows.append(
                    {"dataset": dataset, "activation": activation, "scheme": fractional, "baseline": baseline}
                    | {
                        "pairs": len(gain),
                        "accuracy": gain.mean(),
                        "least": gain.min(),
                        "largest": gain.max(),
                    }
                    | {"low": tested.low, "high": tested.high, "p": tested.p}
                    | {"loss": worse.mean(), "loss_low": lost.low, "loss_high": lost.high}
                    | {"loss_pairs": len(worse), "loss_p": loss_p}
                )
        table = pd.DataFrame(rows)
        for p in ("p", "loss_p"):
            known = table[p].notna()
            table.loc[known, f"{p}_holm"] = holm(list(table.loc[known, p]))
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_COLUMNS)


_COLUMNS = [
    "dataset", "activation", "scheme", "baseline", "pairs", "accuracy", "least", "largest", "low", "high", "p", "loss",
    "loss_low", "loss_high", "loss_pairs", "loss_p", "p_holm", "loss_p_holm",
]  # fmt: skip


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
    return pd.DataFrame(rows, columns=["s", "sigma", "second_order"])
