"""Exact laws of the signal in ReLU networks: densities, eigenvalues, stationary laws, stated constants."""

from typing import Any

import pandas as pd

from replication.files import write_parquet
from replication.isometry.study import constants, density_rows, eigenvalue_rows, stationary_rows
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    study = snakemake.params.study
    law, stationary = study["law"], study["stationary"]
    curves, indices = stationary_rows(stationary["width"], stationary["bias_variance"], stationary["factors"])
    rows = {
        "density": [row for width in law["widths"] for row in density_rows(width, law["depth"])],
        "eigenvalues": eigenvalue_rows(study["eigenvalue_widths"]),
        "stationary": curves,
        "indices": indices,
        "constants": constants(),
    }
    for name, found in rows.items():
        write_parquet(pd.DataFrame(found), snakemake.output[name])
