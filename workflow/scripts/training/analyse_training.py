"""Statistics of the training study: cells at their chosen rates, comparisons, predictors, persistence."""

from typing import Any

from replication.jobs import job
from replication.training.comparisons import study_frames

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    run.write(**study_frames(**run.read()))
