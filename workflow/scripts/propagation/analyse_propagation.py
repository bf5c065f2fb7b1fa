"""Which layers and widths can be told from normal; what the two-layer study is drawn against."""

from typing import Any

from replication.jobs import job
from replication.propagation.analysis import normal_from_width, square_dependence, within_null

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    found = run.read()
    layers = within_null(found["layers"], found["null"])
    run.write(
        layers=layers,
        widths=normal_from_width(layers, run.params.depths),
        points=found["points"].assign(dependence=square_dependence(found["points"].theta)),
    )
