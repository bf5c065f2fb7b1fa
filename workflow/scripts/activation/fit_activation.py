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
from replication.files import read_json, write_json, write_parquet
from replication.jobs import job
from replication.losses import keep_losses

snakemake: Any  # Snakemake puts it here


def activations_of(theta: float, table: pd.DataFrame, settings: ActivationSettings) -> dict[str, Any]:
    result: dict[str, Any] = {"theta": theta}
    for kind, points in table.groupby("kind"):
        try:
            fit, losses = fit_activation(theta, kind, points.x.to_numpy(), points.y.to_numpy(), settings)
        except FitError as error:
            raise keep_losses(
                error, Path(snakemake.log[0]).with_suffix(f".{kind}.losses.csv"), "step"
            ) from None
        # every tenth value, and the last
        result[str(kind)] = {"parameters": fit.parameters, "losses": losses[:-1:10] + losses[-1:]}
    return result


with job(snakemake):
    torch.set_num_threads(1)
    fitted, params = read_json(snakemake.input.density), snakemake.params
    density = DensityFit(**fitted["last"])
    settings = ActivationSettings(**(params.settings | {"start": tuple(params.settings["start"])}))
    x = interpolation_grid(settings)
    parts = [
        pd.DataFrame({"kind": kind, "x": x, "y": interpolate_activation(density, kind, x)})
        for kind in params.kinds
    ]
    table = pd.concat(parts)
    activations = activations_of(fitted["theta"], table, settings)
    write_parquet(table, snakemake.output.table)
    write_json(activations, snakemake.output.activation)
