"""Exact activations of each weight law, odd and positive, on a grid."""

from typing import Any

import numpy as np
import pandas as pd

from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SymmetricWeibull, as_law
from replication.files import write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here


def table(name: str, x_max: float, n_points: int) -> pd.DataFrame:
    """Columns quantity (odd, positive), at, value, derivative, theta."""
    law = as_law(name)
    x = np.linspace(-x_max, x_max, n_points)
    parts = []
    for kind in ("odd", "positive"):
        pair = GaussianPair(law, kind)
        parts.append(
            pd.DataFrame({"quantity": kind, "at": x, "value": pair.phi(x), "derivative": pair.dphi(x)})
        )
    # theta = infinity is the law of weights +-1
    return pd.concat(parts).assign(theta=law.theta if isinstance(law, SymmetricWeibull) else np.inf)


with job(snakemake):
    for name, path in zip(snakemake.params.laws, snakemake.output.tables, strict=True):
        write_parquet(table(name, **snakemake.params.settings), path)
