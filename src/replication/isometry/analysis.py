"""Statistics of the study of dynamical isometry, from saved results: deviations, units, angles, schemes that train."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.stats import binomtest
from scipy.stats import t as student

from preactivations.gaussianity import null_p_value
from replication.inference import holm, mean_test, sign_flip_p
from replication.isometry.shapes import TAIL
from replication.labels import SCHEMES
from replication.training.analysis import chosen_runs

if TYPE_CHECKING:
    from pandas import DataFrame, Series

_FACTORS = (0.7, 0.8, 0.9, 0.95, 1.0, 1.05, 1.1, 1.2, 1.3)
_COMPARED = [
    *("dataset", "scheme", "depth", "pairs", "difference", "least", "largest", "p", "p_holm"),
    *("speed_pairs", "faster", "slower", "speed_p", "speed_p_holm"),
    *("gap_pairs", "gap", "gap_least", "gap_largest", "gap_p", "gap_p_holm"),
]
_ORDERS = {"half": 0.5, "one": 1, "two": 2}
_FEWEST = 10  # expected networks on either side for a test of a share
_SKEWED = (
    0.1  # of a mean: beyond 4 standard errors its upper tail is then about twice that of a normal number
)


def scheme_comparisons(runs: DataFrame) -> DataFrame:
    """Mirrored orthogonal against each other scheme at the chosen rates, paired by seed, by depth and over all.

    Columns dataset, scheme, depth ("all": depths together, which alone are tested), and of three questions, with
    two-sided p and Holm's correction within the question and data set, p_holm. Means are tested by Student's law, the
    unit is the seed, for which differences are averaged over depths:

    * test accuracy: pairs, mean difference, least, largest; p, p_holm. Diverged runs are guesses.
    * speed, epochs until the training loss is below its threshold: speed_pairs, those in which at least one run comes
      there; in faster of them mirrored orthogonal does earlier, in slower later; speed_p, speed_p_holm from sign flips
      of differences of ranks among the runs of both schemes at a depth, pairs are the units. A run that never comes
      there, or diverges, is later than all that do, and equal to others that don't.
    * generalization gap, test loss minus training loss at the end: gap_pairs, those in which both runs train (a network
      that stays at a guess has no gap, and says nothing); mean difference gap, gap_least, gap_largest; gap_p,
      gap_p_holm.

    Seeds share the order of batches and the split, not initial values: given these, pairs of one seed are independent,
    and the two of a pair are interchangeable if both schemes have one law, as sign flips assume.
    """
    rows = []
    for dataset, part in chosen_runs(runs).groupby("dataset", sort=False):
        mirrored = part[part.activation == "mirrored_orthogonal"]
        mine: list[dict[str, object]] = []
        for scheme in SCHEMES:
            other = part[part.activation == scheme]
            if scheme == "mirrored_orthogonal" or not len(mirrored) or not len(other):
                continue
            both = mirrored.merge(other, on=["depth", "seed"], suffixes=("", "_other"))
            both = both.set_index(["depth", "seed"])
            scopes = {"all": both} | {str(depth): at for depth, at in both.groupby(level="depth")}
            mine += [
                {"dataset": dataset, "scheme": scheme, "depth": scope}
                | _paired(at, scope == "all", str(dataset), scheme)
                for scope, at in scopes.items()
            ]
        if mine:
            compared = pd.DataFrame(mine)
            for name in ("p", "speed_p", "gap_p"):
                tested = compared[name].notna()
                corrected = pd.Series(holm(list(compared[name][tested])), compared.index[tested], dtype=float)
                compared.insert(compared.columns.get_loc(name) + 1, f"{name}_holm", corrected)
            rows.append(compared)
    return pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=_COMPARED)


def _paired(pairs: DataFrame, tested: bool, *key: str) -> dict[str, float]:
    """One row of `scheme_comparisons` from pairs of runs, with p-values if they are `tested` (NaN else)."""
    accuracy = pairs.accuracy - pairs.accuracy_other
    row: dict[str, float] = {"pairs": len(pairs), "difference": accuracy.mean()}
    row |= {"least": accuracy.min(), "largest": accuracy.max(), "p": _p(accuracy, tested)}
    epochs = pd.DataFrame(
        {
            end: pairs[f"steps_to_loss{end}"].where(pairs[f"diverged{end}"] == 0).fillna(math.inf)
            for end in ("", "_other")
        }
    )
    reached = epochs[(epochs < math.inf).any(axis=1)]
    # of the runs of both schemes at a depth; ties have their mean rank
    ranks = epochs.stack().groupby(level="depth").rank().unstack()
    order = (ranks[""] - ranks["_other"]).loc[reached.index]
    row |= {"speed_pairs": len(reached), "faster": int((order < 0).sum()), "slower": int((order > 0).sum())}
    row["speed_p"] = sign_flip_p(order.to_numpy(), "speed", *key) if tested and len(order) else math.nan
    train = pairs[(pairs.trains.astype(bool)) & (pairs.trains_other.astype(bool))]
    gap = (train.test_loss - train.loss) - (train.test_loss_other - train.loss_other)
    row |= {"gap_pairs": len(gap), "gap": gap.mean(), "gap_least": gap.min(), "gap_largest": gap.max()}
    return row | {"gap_p": _p(gap, tested)}


def _p(differences: Series[float], tested: bool) -> float:
    return mean_test(differences.groupby(level="seed").mean()).p if tested and len(differences) else math.nan


def study_frames(found: dict[str, DataFrame]) -> dict[str, DataFrame]:
    """Statistics of networks at initialization that tables and claims read, from the raw rows of the study by name."""
    return {
        "laws": law_tests(found["ks"]),
        "norms": norm_scores(found["deviations"]),
        "unit_scores": unit_scores(found["units"]),
        "unit_tests": unit_tests(found["largest"]),
        "shape_tests": shape_tests(found["shapes"]),
        "roots": root_counts(found["eigenvalues"]),
        "angles": angle_deviations(found["correlations"]),
        "spectra": spectrum_scores(found["jacobians"]),
    }


def law_tests(ks: DataFrame) -> DataFrame:
    """`ks` with the p-value of the statistic of each law (Kolmogorov's law; too large where a law has an atom)."""
    return ks.assign(p=[null_p_value(r.ks, int(r.networks)) for r in ks.itertuples()])


def spectrum_scores(jacobians: DataFrame) -> DataFrame:
    """`jacobians` with second_z of the mean s^4 of drawn networks, and its p-value second_p (Student's law)."""
    z = (jacobians.second - jacobians.second_exact) / jacobians.second_error
    return jacobians.assign(second_z=z, second_p=2 * student.sf(z.abs(), jacobians.networks - 1))


def shape_tests(shapes: DataFrame) -> DataFrame:
    """`shapes` with p-values of the simulated draws: ks_p, and above_p of the number beyond the exact 99 % point."""
    return shapes.assign(
        ks_p=[null_p_value(r.ks, int(r.draws)) for r in shapes.itertuples()],
        above_p=[binomtest(int(r.above), int(r.draws), TAIL).pvalue for r in shapes.itertuples()],
    )


def norm_scores(deviations: DataFrame) -> DataFrame:
    """`deviations` with z scores of mean_log, sd_log and p_low of each sample, in columns <name>_z_<sample>.

    NaN for p_low where fewer than 10 networks are expected on one side of .1: a normal limit needs counts. Also
    mean_field_z: how many standard errors the mean of log q is from 0, its value in mean field, for drawn networks
    where there are any, else for chains.
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
            from_0 = (out[f"mean_log_{sample}"] / out[f"mean_log_error_{sample}"]).where(count > 0)
            out["mean_field_z"] = from_0.fillna(out.get("mean_field_z", math.nan))
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
    logarithm; half, one, two: eigenvalues at m = 1/2, 1, 2 with He's. (A root that is a point of the grid is a zero and
    a crossing.) convex: whether log lambda_m is convex on the grid, and at most 0 at m = 0: then it has at most
    one root above 0 for any factor, which adds m log(factor).
    """
    rows = []
    for width, part in eigenvalues.sort_values("m").groupby("width"):
        all_orders = part.set_index("m").eigenvalue
        slopes = np.diff(np.log(all_orders)) / np.diff(all_orders.index)
        convex = bool((np.diff(slopes) > 0).all() and all_orders.get(0.0, math.nan) <= 1)
        at = all_orders[all_orders.index > 0]
        if not len(at):
            continue
        log_he, m = np.log(at.to_numpy()), at.index.to_numpy()
        nearest = {name: float(at.iloc[int(abs(at.index - m).argmin())]) for name, m in _ORDERS.items()}
        for factor in _FACTORS:
            log = log_he + m * math.log(factor)
            signs = np.sign(np.where(abs(log) < 1e-9, 0, log))
            zeros, crossings = (signs == 0).sum(), np.count_nonzero(np.diff(signs[signs != 0]))
            counts = {"zeros": zeros, "crossings": crossings, "convex": convex}
            rows.append({"width": width, "factor": factor} | counts | nearest)
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
