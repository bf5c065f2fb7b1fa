"""Distances from Gaussian, and laws in the width, from saved results."""

from typing import Any

from replication.jobs import job
from replication.propagation.analysis import study_frames

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    run.write(**study_frames(**run.read(), depths=run.params.depths))
