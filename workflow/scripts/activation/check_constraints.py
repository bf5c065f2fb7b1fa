"""The four constraints, checked for common pairs and for the exact ones."""

from typing import Any

import pandas as pd

from preactivations.pairs.constraints import COMMON_ACTIVATIONS, check_pair
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SphericalMarginal, SymmetricWeibull, as_law
from replication.files import write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    rows = []
    for law_name in snakemake.params.laws:
        law = as_law(law_name)
        activations = dict(COMMON_ACTIVATIONS)
        if isinstance(law, (SymmetricWeibull, SphericalMarginal)):  # exact ones are known
            activations |= {kind: GaussianPair(law, kind).phi for kind in ("odd", "positive")}
        for name, activation in activations.items():
            check = check_pair(law, activation)
            rows.append({"weights": law_name, "activation": name} | check._asdict())
            print(rows[-1])
    write_parquet(pd.DataFrame(rows), snakemake.output.table)
