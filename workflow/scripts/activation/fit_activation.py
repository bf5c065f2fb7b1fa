"""Activations of one theta as published: quantile coupling of the fitted density with a normal variable, then a fit."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from preactivations.pairs.fitted import (
    ActivationSettings,
    DensityFit,
    FitError,
    fit_activation,
    interpolate_activation,
    interpolation_grid,
)
from preactivations.pairs.table import KINDS
from replication.activation.tables import write_table
from replication.files import read_parquet, write_json, write_parquet
from replication.jobs import job
from replication.losses import keep_losses

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    torch.set_num_threads(1)
    facts, params, output = read_parquet(snakemake.input.density).attrs, snakemake.params, snakemake.output
    theta = facts["theta"]
    density = DensityFit(theta, *facts["parameters"])
    settings = ActivationSettings(**(params.settings | {"start": tuple(params.settings["start"])}))
    x = interpolation_grid(settings)
    points, fits = [], {"theta": theta}
    for kind in KINDS:
        y = interpolate_activation(density, kind, x)
        points.append(pd.DataFrame({"kind": kind, "x": x, "y": y}))
        try:
            fit, losses = fit_activation(theta, kind, x, y, settings)
        except FitError as error:
            kept = Path(snakemake.log[0]).with_suffix(f".{kind}.losses.csv")
            raise keep_losses(error, kept, "step") from None
        write_table(fit.table(), facts["law"], output[kind])
        # every tenth value, and the last
        fits[kind] = {"parameters": fit.parameters, "losses": losses[:-1:10] + losses[-1:]}
    write_parquet(pd.concat(points), output.coupling)
    write_json(fits, output.fit)
