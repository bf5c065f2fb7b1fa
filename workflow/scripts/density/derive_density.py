"""Exact density of the factor of each weight law, on a grid."""

from typing import Any

import numpy as np
import pandas as pd

from preactivations.pairs.factor import GaussianFactor
from preactivations.weights import SymmetricWeibull, as_law
from replication.files import write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here


def table(name: str, y_max: float, n_points: int) -> pd.DataFrame:
    """Columns quantity (density), at, value, derivative, theta; of Y with a random sign."""
    law = as_law(name)
    y = np.linspace(-y_max, y_max, n_points)
    factor = GaussianFactor(law)
    density = 0.5 * factor.pdf(np.abs(y))
    slope = density * np.sign(y) * factor.dlogpdf(np.abs(y))
    # theta = infinity is the law of weights +-1
    theta = law.theta if isinstance(law, SymmetricWeibull) else np.inf
    return pd.DataFrame(
        {"quantity": "density", "at": y, "value": density, "derivative": slope, "theta": theta}
    )


with job(snakemake):
    for name, path in zip(snakemake.params.laws, snakemake.output.tables, strict=True):
        write_parquet(table(name, **snakemake.params.settings), path)
