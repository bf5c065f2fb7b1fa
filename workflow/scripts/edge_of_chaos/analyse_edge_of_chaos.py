"""What initialization schemes keep, from the first to the last layer."""

from typing import Any

from replication.edge_of_chaos.analysis import unified_table
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    run.write(schemes=unified_table(run.read()["unified"]))
