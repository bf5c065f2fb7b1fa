"""Statistics of the Edge-of-Chaos study: exponents, depth scales, deviations from the maps, what schemes keep."""

from typing import Any

from replication.edge_of_chaos.analysis import study_frames
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    run.write(**study_frames(run.read()))
