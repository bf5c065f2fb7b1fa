"""Published and derived numbers next to ours, with uncertainty, tolerance and verdict."""

from typing import Any

import pandas as pd

from replication.activation.published import compare_fits
from replication.edge_of_chaos.published import compare_edge_of_chaos
from replication.files import read_json, read_parquet
from replication.fractional.analysis import width_slopes
from replication.fractional.published import compare_heavy_tails
from replication.isometry.published import compare_relu_law
from replication.jobs import job
from replication.kernels.analysis import slope_table
from replication.kernels.published import compare_kernels
from replication.propagation.published import compare_fitted_sweep_iii, compare_sweep_iii, width_one
from replication.tables import write_table
from replication.verdicts import count_verdicts

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    points = pd.concat(map(read_parquet, snakemake.input.points), ignore_index=True)
    published = pd.read_csv(snakemake.input.published)
    losses = pd.read_csv(snakemake.input.published_losses)
    fits = pd.DataFrame(read_json(path) for path in snakemake.input.densities)
    assessments = pd.concat(map(read_parquet, snakemake.input.assessments), ignore_index=True)
    parts = [
        width_one(points),
        compare_fits(fits, losses, assessments),
        compare_fitted_sweep_iii(points, published, fits, losses),
        compare_sweep_iii(points, published),
        compare_edge_of_chaos(read_parquet(snakemake.input.constants), read_parquet(snakemake.input.ranges)),
        compare_relu_law(
            *(read_parquet(snakemake.input[name]) for name in ("relu_constants", "relu_ks", "jacobians"))
        ),
        compare_kernels(
            read_parquet(snakemake.input.kernel_constants),
            slope_table(read_parquet(snakemake.input.kernel_errors), snakemake.params.fit_from),
        ),
        compare_heavy_tails(
            read_parquet(snakemake.input.heavy_constants),
            width_slopes(read_parquet(snakemake.input.heavy_widths)),
            read_parquet(snakemake.input.heavy_tails),
        ),
    ]
    formats = dict.fromkeys(("target", "ours", "uncertainty", "tolerance"), ".5g")
    rows = pd.concat(parts, ignore_index=True)
    write_table(rows, snakemake.output.table, formats)
    write_table(count_verdicts(rows), snakemake.output.verdicts)
