"""Statistics of the study of dynamical isometry, from saved results: deviations, units, angles, schemes that train."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from preactivations.gaussianity import null_p_value
from replication.inference import holm, sign_flip_p
from replication.labels import SCHEMES
from replication.training.analysis import chosen_runs

if TYPE_CHECKING:
    from pandas import DataFrame

_FACTORS = (0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3)
_ORDERS = {"half": 0.5, "one": 1, "two": 2}
_FEWEST = 10  # expected networks on either side for a test of a share
_SKEWED = (
    0.1  # of a mean: beyond 4 standard errors its upper tail is then about twice that of a normal number
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
        for scheme in SCHEMES:
            if scheme == "mirrored_orthogonal" or not {scheme, "mirrored_orthogonal"} <= set(values):
                continue
            difference = (values.mirrored_orthogonal - values[scheme]).dropna()
            name = {"dataset": dataset, "scheme": scheme}
            p = sign_flip_p(difference.to_numpy(), str(dataset), scheme)
            scopes = {"all": difference} | {str(depth): at for depth, at in difference.groupby(level="depth")}
            mine += [
                name
                | {"depth": scope, "pairs": len(at), "difference": at.mean()}
                | {"least": at.min(), "largest": at.max(), "p": p if scope == "all" else math.nan}
                for scope, at in scopes.items()
            ]
        if mine:
            table = pd.DataFrame(mine)
            tested = table.p.notna()
            rows.append(table.assign(p_holm=pd.Series(holm(list(table.p[tested])), table.index[tested])))
    columns = ["dataset", "scheme", "depth", "pairs", "difference", "least", "largest", "p", "p_holm"]
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=columns)


def study_frames(found: dict[str, DataFrame]) -> dict[str, DataFrame]:
    """Statistics of networks at initialization that tables and claims read, from the raw rows of the study by name."""
    jacobians = found["jacobians"]
    second_z = (jacobians.second - jacobians.second_exact) / jacobians.second_error
    return {
        "norms": norm_scores(found["deviations"]),
        "unit_scores": unit_scores(found["units"]),
        "unit_tests": unit_tests(found["largest"]),
        "roots": root_counts(found["eigenvalues"]),
        "angles": angle_deviations(found["correlations"]),
        "spectra": jacobians.assign(second_z=second_z),
    }


def norm_scores(deviations: DataFrame) -> DataFrame:
    """`deviations` with z scores of mean_log, sd_log and p_low of each sample, in columns <name>_z_<sample>.

    NaN for p_low where fewer than 10 networks are expected on one side of .1: a normal limit needs counts.
    """
    out = deviations.copy()
    for sample in ("chain", "drawn"):
        if f"n_{sample}" in out:
            count = out[f"n_{sample}"]
            for name in ("mean_log", "sd_log", "p_low"):
                z = (out[f"{name}_{sample}"] - out[name]) / out[f"{name}_error_{sample}"]
                out[f"{name}_z_{sample}"] = z.where(count > 0)
            rare = count * out.p_low.where(out.p_low < 0.5, 1 - out.p_low)
            out[f"p_low_z_{sample}"] = out[f"p_low_z_{sample}"].where(rare >= _FEWEST)
    return out


def unit_scores(units: DataFrame) -> DataFrame:
    """`units` with z scores of the numbers of two units; NaN where the mean is too skewed for a normal limit."""
    z = (units.drawn - units.exact) / units.error
    return units.assign(z=z.where(units.skewness.abs() < _SKEWED))


def unit_tests(largest: DataFrame) -> DataFrame:
    """`largest` with p-values of its KS statistics (Kolmogorov's law), in columns <name>_p.

    The largest unit counts all networks, the share of the first half those that are alive; NaN where none is.
    """
    counts = {"largest": "networks", "largest_independent": "networks", "share": "alive"}
    return largest.assign(
        **{
            f"{name}_p": [
                null_p_value(statistic, int(n)) if n else math.nan
                for statistic, n in zip(largest[name], largest[count], strict=True)
            ]
            for name, count in counts.items()
        }
    )


def root_counts(eigenvalues: DataFrame) -> DataFrame:
    """For how many orders m > 0 of the moment the eigenvalue of the transfer operator is 1, by width and variance.

    factor: of He's variance, with which log lambda_m grows by m log(factor), from .7 to 1.3; zeros and crossings of the
    logarithm; half, one, two: eigenvalues at m = 1/2, 1, 2 with He's. (log lambda_m is convex and negative near 0: one
    root at most, on the grid, up to its largest m; a root that is a point of the grid is a zero and a crossing.)
    """
    rows = []
    for width, part in eigenvalues[eigenvalues["m"] > 0].groupby("width"):
        at = part.set_index("m").eigenvalue
        nearest = {name: float(at.iloc[int(abs(at.index - m).argmin())]) for name, m in _ORDERS.items()}
        for factor in _FACTORS:
            log = np.log(at.to_numpy()) + at.index.to_numpy() * math.log(factor)
            signs = np.sign(np.where(abs(log) < 1e-9, 0, log))
            zeros, crossings = (signs == 0).sum(), np.count_nonzero(np.diff(signs[signs != 0]))
            rows.append({"width": width, "factor": factor, "zeros": zeros, "crossings": crossings} | nearest)
    return pd.DataFrame(rows)


def angle_deviations(correlations: DataFrame) -> DataFrame:
    """First and last layer: z of the mean correlation, logarithms of the angles of mean field and drift.

    z is NaN but after one layer, and where networks do not scatter.
    """
    kept = correlations[correlations.depth.isin([1, correlations.depth.max()])]
    return kept.assign(
        z=((kept["mean"] - kept["first"]) / kept.error).where((kept.depth == 1) & (kept.error > 0)),
        log_mean_field=np.log(np.arccos(kept.mean_field)),
        log_drift=np.log(np.arccos(kept.drift)),
    )
