"""Exact points of the Edge of Chaos over families of laws, by the exact activations themselves."""

from typing import Any

import numpy as np
import pandas as pd

from preactivations.pairs.gaussian import GaussianPair
from preactivations.pairs.table import KINDS
from preactivations.weights import SphericalMarginal, SymmetricWeibull, WeightLaw
from replication.edge_of_chaos.study import pair_row
from replication.files import write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    params = snakemake.params.study
    # denser where chi bends
    share = np.linspace(0, 1, params["family_points"])
    # listed: in the table of points; the others are the curves
    laws: list[tuple[WeightLaw, bool]] = [(SphericalMarginal(b), True) for b in params["spherical"]]
    laws += [(SymmetricWeibull(float(t)), False) for t in 2 + (params["theta_max"] - 2) * share**4]
    laws += [(SphericalMarginal(float(b)), False) for b in params["b_max"] * share**2]
    rows = [pair_row(GaussianPair(law, kind)) | {"listed": listed} for law, listed in laws for kind in KINDS]
    write_parquet(pd.DataFrame(rows), snakemake.output.families)
