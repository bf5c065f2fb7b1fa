"""Published and derived numbers next to ours, with uncertainty, tolerance and verdict."""

from typing import Any

import pandas as pd

from replication.activation.published import compare_fits
from replication.edge_of_chaos.published import compare_edge_of_chaos
from replication.files import read_json
from replication.fractional.published import compare_fractional
from replication.isometry.published import compare_isometry
from replication.jobs import job
from replication.kernels.published import compare_kernels
from replication.propagation.published import compare_fitted_sweep_iii, compare_sweep_iii, width_one
from replication.tables import write_table
from replication.verdicts import count_verdicts

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    found = run.read()
    published = pd.read_csv(snakemake.input.published)
    losses = pd.read_csv(snakemake.input.published_losses)
    fits = pd.DataFrame(read_json(path) for path in snakemake.input.densities)
    parts = [
        width_one(found["points"]),
        compare_fits(fits, losses, found["assessments"]),
        compare_fitted_sweep_iii(found["points"], published, fits, losses),
        compare_sweep_iii(found["points"], published),
        compare_edge_of_chaos(found["constants"], found["ranges"]),
        compare_isometry(found["isometry_constants"], found["isometry_ks"], found["jacobians"]),
        compare_kernels(found["kernel_constants"], found["kernel_slopes"]),
        compare_fractional(
            found["fractional_constants"], found["fractional_slopes"], found["fractional_tails"]
        ),
    ]
    formats = dict.fromkeys(("target", "ours", "uncertainty", "tolerance"), ".5g")
    rows = pd.concat(parts, ignore_index=True)
    write_table(rows, snakemake.output.table, formats)
    write_table(count_verdicts(rows), snakemake.output.verdicts)
