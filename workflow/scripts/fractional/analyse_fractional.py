"""Statistics: rate of the scales in width, cells of the training at their chosen rates, schemes compared."""

from typing import Any

from replication.fractional.analysis import fractional_comparisons, width_slopes
from replication.jobs import job
from replication.training.analysis import training_frames

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    found = run.read()
    run.write(
        **training_frames(found["runs"], found["curves"]),
        comparisons=fractional_comparisons(found["runs"]),
        slopes=width_slopes(found["widths"]),
    )
