"""Networks of fractional order beside He's from the same random numbers: what the order costs."""

from typing import Any

import pandas as pd

from preactivations.streams import Stream
from replication.fractional.cost import cost_row
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

INPUTS = 64

with job(snakemake) as run:
    networks = run.params.networks
    rows = [
        cost_row(
            activation,
            s,
            INPUTS,
            networks["width"],
            networks["depth"],
            Stream(run.params.seed, "heavy_tails", "cost", activation).seed(0),
        )
        for activation, s in sorted(networks["orders"].items())
    ]
    run.write(cost=pd.DataFrame(rows))
