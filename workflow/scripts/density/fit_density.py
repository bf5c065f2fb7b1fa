"""The density of one theta, fitted as published."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from preactivations.names import theta_of
from preactivations.pairs.fitted import (
    DensityFit,
    DensitySettings,
    FitError,
    fit_density,
    improve_density,
)
from replication.density.study import fitted_density
from replication.files import write_json, write_parquet
from replication.jobs import job
from replication.losses import keep_losses

snakemake: Any  # Snakemake puts it here


def density_of(theta: float, settings: DensitySettings, bound: float) -> dict[str, Any]:
    try:
        last, best, losses = fit_density(theta, settings, bound)
        improved, improved_loss = improve_density(last, settings)
    except FitError as error:
        raise keep_losses(error, Path(snakemake.log[0]).with_suffix(".losses.csv"), "epoch") from None
    return {
        "theta": theta,
        "last": vars(last),
        "best": vars(best),
        "improved": vars(improved),
        "improved_loss": improved_loss,
        "mass": last.mass,
        "best_loss": min(losses[settings.ramp :]),
        "spread_last_100": losses[-1] - min(losses[-100:]),
        "losses": losses,
    }


with job(snakemake):
    torch.set_num_threads(1)
    law, settings = snakemake.wildcards.law, snakemake.params.settings
    theta = theta_of(law)
    published = pd.read_csv(snakemake.input.published).set_index("theta").loss
    # ten times the published loss, or the largest one for a theta that the paper does not have
    bound = 10 * float(published.get(theta, published.max()))
    start = {"start": tuple(settings["start"])}
    result = density_of(theta, DensitySettings(**(settings | start)), bound)
    frame = fitted_density(law, DensityFit(**result["last"]), result["losses"][-1], **snakemake.params.grid)
    write_parquet(frame, snakemake.output.density)
    write_json(result, snakemake.output.fit)
