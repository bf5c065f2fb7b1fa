"""All points of the two-layer study in one table."""

from typing import Any

import pandas as pd

from replication.files import read_parquet
from replication.jobs import job
from replication.tables import write_table

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    frame = pd.concat(map(read_parquet, snakemake.input.points), ignore_index=True).drop(columns="ks_error")
    formats = {"theta": "g", "ks": ".5f", "ks_standardized": ".5f"}
    write_table(frame, snakemake.output.table, formats)
