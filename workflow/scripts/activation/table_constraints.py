"""Which constraint fails for which pair, and the KS distance that it costs."""

from typing import Any

from replication.activation.claims import activation_claims
from replication.files import read_parquet
from replication.jobs import job
from replication.tables import write_claims, write_table

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    frame = read_parquet(snakemake.input.table)
    headers = {
        "gaussian": "(a) W phi(X) normal",
        "no_atom": "(b) P(phi = 0) = 0",
        "no_double_density": "(c) densities at 0",
        "conjugate_tails": "(d) tails",
        "ks": "KS",
        "ks_standardized": "KS, unit variance",
        "variance": "E W^2 E phi^2",
    }
    formats = {"ks": ".4f", "ks_standardized": ".4f", "variance": ".4f", "zero_probability": ".2g"}
    formats |= dict.fromkeys(("weight_exponent", "factor_exponent", "weight_tail", "factor_tail"), ".3g")
    write_table(frame, snakemake.output.table, formats, headers)
    write_claims(activation_claims(frame), snakemake.output.claims)
