"""Exact density of the factor of one weight law, on a grid."""

from typing import Any

from preactivations.pairs.factor import GaussianFactor
from replication.density.study import exact_density
from replication.files import write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    law = snakemake.wildcards.law
    write_parquet(
        exact_density(law, GaussianFactor(law), **snakemake.params.settings), snakemake.output.density
    )
