"""Constraints that a pair must satisfy, claim by claim, from saved results. Computes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from replication.labels import activation_name, weights_name
from replication.verdicts import Finding, claim, some

if TYPE_CHECKING:
    from pandas import DataFrame

_PAPER = "Wolinski & Arbel"
_NECESSARY = {"no_atom": "b", "no_double_density": "c", "conjugate_tails": "d"}
_EXACT = ("odd", "positive")


def activation_claims(constraints: DataFrame) -> DataFrame:
    """All claims, rows with the columns of `verdicts.CLAIM_COLUMNS`; `constraints` has the fields of `PairCheck`."""
    # normal weights have one exact pair, |phi| = 1
    sign = (constraints.activation == "sign") & (constraints.weights == "normal")
    exact = constraints.activation.isin(_EXACT) | sign
    return pd.DataFrame([_common_fail(constraints[~exact]), _constructed_pass(constraints[exact])])


@claim(
    "Gaussian pre-activations need constraints, and common pairs of weights and activation violate them",
    "published",
    _PAPER,
)
def _common_fail(common: DataFrame) -> Finding:
    """Fails if W phi(X) is normal for a common pair, or is not though the pair satisfies (b), (c) and (d)."""
    names = list(_NECESSARY)
    violated = [
        f"{activation_name(r.activation)} with {weights_name(r.weights)} violates "
        f"{''.join(mark for name, mark in _NECESSARY.items() if not getattr(r, name)) or 'none'}"
        for r in common.itertuples()
    ]
    return Finding(
        "computed, no samples: (a) W phi(X) is not normal, and one of (b) P(phi = 0) = 0, (c) no two densities at 0, "
        "(d) conjugate tails is violated",
        "; ".join(violated),
        ~common.gaussian & ~common[names].all(axis=1),
    )


@claim("constructed pairs satisfy all constraints", "published", _PAPER)
def _constructed_pass(exact: DataFrame) -> Finding:
    """Fails if a constructed pair violates one of the four."""
    pairs = some(exact, "constructed pairs")
    return Finding(
        "computed, no samples: constraints (a) to (d), odd and positive kind, by weight law",
        f"largest KS distance of W phi(X) from N(0, 1) {pairs.ks.max():.1e}",
        pairs[["gaussian", *_NECESSARY]].all(axis=1),
    )
