"""Statistics of drawn kernels: deviations from the formula, rates in the number of inputs, angles against depth."""

from typing import Any

from replication.jobs import job
from replication.kernels.analysis import (
    degree_table,
    depth_table,
    error_scores,
    law_table,
    size_rates,
    slope_table,
)
from replication.kernels.training import law_comparisons

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    found = run.read()
    run.write(
        law_deviations=law_table(found["curves"], found["finite_width"]),
        degree_deviations=degree_table(found["degrees"]),
        scores=error_scores(found["errors"]),
        tail_rates=size_rates(found["tail_errors"], ["nu", "predicted"]),
        smooth_rates=size_rates(found["smooth_errors"], ["activation", "law"]),
        training=law_comparisons(found["runs"]),
        slopes=slope_table(found["errors"], run.params.fit_from),
        angles=depth_table(found["depth"]),
    )
