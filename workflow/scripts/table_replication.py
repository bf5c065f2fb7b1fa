"""Published numbers next to ours, with uncertainty, tolerance and verdict."""

from typing import Any

import pandas as pd
from job import job

from preactivations.replication import compare_sweep_iii, width_one
from preactivations.tables import write_table

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    points = pd.concat(map(pd.read_parquet, snakemake.input.points), ignore_index=True)
    published = pd.read_csv(snakemake.input.published)
    frame = pd.concat([width_one(points), compare_sweep_iii(points, published)], ignore_index=True)
    formats = dict.fromkeys(("published", "ours", "uncertainty", "tolerance"), ".5f")
    write_table(frame, snakemake.output.table, formats)
