"""Statistics of the training of rectified networks: cells at their chosen rates, schemes compared."""

from typing import Any

from replication.isometry.analysis import scheme_comparisons
from replication.jobs import job
from replication.training.analysis import training_frames

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    found = run.read()
    run.write(
        **training_frames(found["runs"], found["curves"]), comparisons=scheme_comparisons(found["runs"])
    )
