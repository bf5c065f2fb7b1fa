"""Statistics: rates and scores at initialization, cells of the training at their chosen rates, schemes compared."""

from typing import Any

from replication.fractional.analysis import fractional_comparisons, study_frames
from replication.jobs import job
from replication.training.analysis import training_frames

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    found = run.read()
    trained = training_frames(found["runs"], found["curves"])
    run.write(**trained, comparisons=fractional_comparisons(found["runs"]), **study_frames(found))
