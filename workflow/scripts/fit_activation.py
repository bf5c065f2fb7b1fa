"""Fit the activation families of one theta as published."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from job import job, write_json
from laws import theta_of

from preactivations.fitted import ActivationSettings, FitError, fit_activation

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    torch.set_num_threads(1)
    theta = theta_of(snakemake.wildcards.law)
    settings = dict(snakemake.params.settings)
    settings["start"] = tuple(settings["start"])
    result: dict[str, Any] = {"theta": theta}
    for kind, points in pd.read_parquet(snakemake.input.table).groupby("kind"):
        x, y = points.x.to_numpy(), points.y.to_numpy()
        try:
            fit, losses = fit_activation(theta, kind, x, y, ActivationSettings(**settings))
        except FitError as error:
            curve = Path(snakemake.log[0]).with_suffix(f".{kind}.losses.csv")
            pd.Series(error.losses, name="loss").to_csv(curve, index_label="step")
            raise FitError(f"{error}; the loss curve is in {curve}", error.losses) from None
        # every tenth value, and the last
        result[str(kind)] = {"parameters": fit.parameters, "losses": losses[:-1:10] + losses[-1:]}
    write_json(result, snakemake.output.fit)
