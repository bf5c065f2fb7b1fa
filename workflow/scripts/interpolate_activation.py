"""Quantile coupling of the fitted density with a normal variable, on the grid of the activation fit."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
from job import job, write_parquet

from preactivations.fitted import ActivationSettings, DensityFit, interpolate_activation, interpolation_grid

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    density = DensityFit(**json.loads(Path(snakemake.input.fit).read_text())["last"])
    x = interpolation_grid(ActivationSettings(**snakemake.params.settings))
    parts = [
        pd.DataFrame({"kind": kind, "x": x, "y": interpolate_activation(density, kind, x)})
        for kind in snakemake.params.kinds
    ]
    write_parquet(pd.concat(parts), snakemake.output.table)
