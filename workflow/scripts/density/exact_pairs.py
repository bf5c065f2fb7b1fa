"""Exact density of the factor and exact activations of each weight law, on grids."""

from typing import Any

import numpy as np
import pandas as pd

from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SymmetricWeibull, law_by_name
from replication.jobs import job, write_parquet

snakemake: Any  # Snakemake puts it here


def rows(quantity: str, at: np.ndarray, value: np.ndarray, derivative: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame({"quantity": quantity, "at": at, "value": value, "derivative": derivative})


def table(name: str, settings: dict[str, Any]) -> pd.DataFrame:
    law = law_by_name(name)
    x = np.linspace(-settings["x_max"], settings["x_max"], settings["n_points"])
    y = np.linspace(-settings["y_max"], settings["y_max"], settings["n_points"])
    pairs = {kind: GaussianPair(law, kind) for kind in ("odd", "positive")}
    factor = pairs["odd"].factor
    density = 0.5 * factor.pdf(np.abs(y))
    parts = [rows("density", y, density, density * np.sign(y) * factor.dlogpdf(np.abs(y)))]
    parts += [rows(kind, x, pair.phi(x), pair.dphi(x)) for kind, pair in pairs.items()]
    # theta = infinity is the law of weights +-1
    return pd.concat(parts).assign(theta=law.theta if isinstance(law, SymmetricWeibull) else np.inf)


with job(snakemake):
    for name, path in zip(snakemake.params.laws, snakemake.output.tables, strict=True):
        write_parquet(table(name, snakemake.params.settings), path)
