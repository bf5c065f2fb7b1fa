"""Statistics of the study of fractional moments, from saved results: rates, scores, comparisons of schemes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from replication.inference import bootstrap_interval, holm, sign_flip_p
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
    }


def convergence_rates(normality: DataFrame) -> DataFrame:
    """sup |F - Phi| by activation: first and last, the power of depth between them, whether it falls at all steps."""
    rows = []
    for activation, part in normality.groupby("activation", sort=False):
        ordered = part.sort_values("depth")
        first, last = ordered.iloc[0], ordered.iloc[-1]
        rate = math.log(last.ks / first.ks) / math.log(last.depth / first.depth)
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
                low, high = bootstrap_interval(gain.to_numpy()[None], *names)
                loss_p = sign_flip_p(worse.to_numpy(), "loss", *names) if len(worse) else math.nan
                rows.append(
                    {"dataset": dataset, "activation": activation, "scheme": fractional, "baseline": baseline}
                    | {
                        "pairs": len(gain),
                        "accuracy": gain.mean(),
                        "least": gain.min(),
                        "largest": gain.max(),
                    }
                    | {"low": low, "high": high, "p": sign_flip_p(gain.to_numpy(), *names)}
                    | {"loss": worse.mean(), "loss_pairs": len(worse), "loss_p": loss_p}
                )
        table = pd.DataFrame(rows)
        for p in ("p", "loss_p"):
            known = table[p].notna()
            table.loc[known, f"{p}_holm"] = holm(list(table.loc[known, p]))
        tables.append(table)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=_COLUMNS)


_COLUMNS = [
    "dataset", "activation", "scheme", "baseline", "pairs", "accuracy", "least", "largest", "low", "high", "p", "loss",
    "loss_pairs", "loss_p", "p_holm", "loss_p_holm",
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
