"""Tables: exact points of the Edge of Chaos, claims of the literature with tests, schemes in one view."""

from typing import Any

import pandas as pd

from replication.edge_of_chaos.claims import edge_of_chaos_claims
from replication.jobs import job
from replication.tables import write_claims, write_table

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    found = run.read()
    families = found["families"]
    pairs = pd.concat([found["pairs"], families[families.listed].drop(columns="listed")], ignore_index=True)
    number = dict.fromkeys(("weight_variance", "chi", "sigma_w", "sigma_b", "variance_slope", "xi_c"), ".6g")
    write_table(pairs, snakemake.output.pairs, number | {"theta": "g", "b": "g"})
    if "fitted" in found:
        write_table(found["fitted"], [snakemake.output.fitted])
    write_claims(edge_of_chaos_claims(found), snakemake.output.claims)
    formats = dict.fromkeys(
        ("variance", "variance_theory", "gradient", "gradient_theory", "correlation", "correlation_theory"),
        ".3g",
    )
    formats |= {"ks": ".3f", "ks_standardized": ".3f"}
    headers = {
        "variance": "variance, last / first",
        "variance_theory": "(infinite width)",
        "gradient": "gradient, first / last",
        "gradient_theory": "(infinite width)",
        "correlation": "correlation from 1/2",
        "correlation_theory": "(infinite width)",
        "ks": "distance from the first layer's law",
        "ks_standardized": "standardized",
    }
    write_table(found["schemes"], snakemake.output.unified, formats, headers)
