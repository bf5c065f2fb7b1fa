"""Fit the density of one theta as published."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from job import job, write_json
from laws import theta_of

from preactivations.fitted import DensitySettings, FitError, fit_density, improve_density

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    torch.set_num_threads(1)
    theta = theta_of(snakemake.wildcards.law)
    published = pd.read_csv(snakemake.input.published).set_index("theta").loss
    settings = dict(snakemake.params.settings)
    settings["start"] = tuple(settings["start"])
    try:
        # ten times the published loss, or the largest one for a theta that the paper does not have
        bound = 10 * float(published.get(theta, published.max()))
        last, best, losses = fit_density(theta, DensitySettings(**settings), bound)
        improved, improved_loss = improve_density(last, DensitySettings(**settings))
    except FitError as error:
        curve = Path(snakemake.log[0]).with_suffix(".losses.csv")
        pd.Series(error.losses, name="loss").to_csv(curve, index_label="epoch")
        raise FitError(f"{error}; the loss curve is in {curve}", error.losses) from None
    result = {
        "theta": theta,
        "last": vars(last),
        "best": vars(best),
        "improved": vars(improved),
        "improved_loss": improved_loss,
        "mass": last.mass,
        "best_loss": min(losses[settings["ramp"] :]),
        "spread_last_100": losses[-1] - min(losses[-100:]),
        "losses": losses,
    }
    write_json(result, snakemake.output.fit)
