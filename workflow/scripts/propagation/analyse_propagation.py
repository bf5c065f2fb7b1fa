"""Distances from Gaussian, and laws in the width, from saved results."""

from typing import Any

from replication.jobs import job
from replication.propagation.analysis import study_frames, with_relu_law

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    frames = run.read()
    frames["layers"] = with_relu_law(frames["layers"])
    run.write(**study_frames(**frames, depths=run.params.depths))
