"""Published numbers of the fitted densities and activations next to ours."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from replication.verdicts import compare, numbers

if TYPE_CHECKING:
    from pandas import DataFrame

_KS = "ks_product_200000"
_KS_ERROR = 0.34  # at most, of a symmetric law times sqrt(n) (`gaussianity.ks_error`)


def compare_fits(fits: DataFrame, losses: DataFrame, assessments: DataFrame) -> DataFrame:
    """The published losses, and three facts about the authors' fits where all their thetas were fitted.

    `fits` has theta, losses (list), spread_last_100 and mass; `losses`, published, theta and loss; `assessments` theta,
    kind, normalized, density_variance and ks_product_<n>.
    """
    rows, assessments = [], assessments[~assessments.normalized]
    published = losses.set_index("theta").loss
    for fit in fits.sort_values("theta").itertuples():
        if fit.theta in published:
            loss, at = fit.losses[-1], float(published[fit.theta])
            row = compare(
                f"last loss of the density, theta {fit.theta:g}",
                "published", at, loss, 0.1 * at, block="last losses of the density",
                note=f"{loss / at - 1:+.1%}; within 10 %; {fit.spread_last_100:.1e} above the best of the last 100",
            )  # fmt: skip
            rows.append(row)
    if set(published.index) <= set(fits.theta):
        facts = [
            ("largest mass of a fitted density", 1.009, fits["mass"].max(), 5e-4, "up to 1.009"),
            (
                "smallest E W^2 E Y^2 of a fitted density",
                0.963,
                assessments.density_variance.min(),
                5e-3,
                "3.7 % below 1",
            ),
        ]
        odd = assessments[(assessments.theta == 10) & (assessments.kind == "odd")]
        if _KS in odd and len(odd):
            tolerance = 3 * math.sqrt(2) * _KS_ERROR / math.sqrt(200_000)
            facts.append(
                (
                    "KS of W phi(X), theta 10, fitted",
                    0.0106,
                    float(odd[_KS].iloc[0]),
                    tolerance,
                    "odd kind; not said which",
                )
            )
        rows += [
            compare(item, "authors' data", target, ours, tolerance, note=note)
            for item, target, ours, tolerance, note in facts
        ]
    return numbers("1", rows)
