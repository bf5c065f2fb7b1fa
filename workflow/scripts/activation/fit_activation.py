"""Activations of one theta as published: quantile coupling of the fitted density with a normal variable, then a fit.

Beside it a fit of the coupling of the density divided by its mass, to be compared with.
"""

from collections import deque
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from preactivations.pairs.fitted import (
    ActivationFit,
    ActivationSettings,
    DensityFit,
    FitError,
    couple_activation,
    fit_activation,
    interpolate_activation,
    interpolation_grid,
    variance_after,
)
from preactivations.pairs.table import KINDS
from preactivations.weights import SymmetricWeibull
from replication.activation.study import LAST_STEPS, variance_scatter
from replication.activation.tables import write_table
from replication.files import read_parquet, write_json, write_parquet
from replication.jobs import job
from replication.losses import keep_losses

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    torch.set_num_threads(1)
    facts, params, output = read_parquet(snakemake.input.density).attrs, snakemake.params, snakemake.output
    theta = facts["theta"]
    law = SymmetricWeibull(theta)
    density = DensityFit(theta, *facts["parameters"])
    settings = ActivationSettings(**(params.settings | {"start": tuple(params.settings["start"])}))
    x = interpolation_grid(settings)
    points: list[pd.DataFrame] = []
    fits: dict[str, Any] = {"theta": theta}
    for kind in KINDS:
        couplings = {
            kind: interpolate_activation(density, kind, x, settings),
            f"{kind}_normalized": couple_activation(density, kind, x),
        }
        points.append(pd.DataFrame({"kind": kind, "x": x, "y": couplings[kind]}))
        for name, y in couplings.items():
            last: deque[ActivationFit] = deque(maxlen=LAST_STEPS)
            try:
                fit, losses = fit_activation(theta, kind, x, y, settings, last.append)
            except FitError as error:
                kept = Path(snakemake.log[0]).with_suffix(f".{name}.losses.csv")
                raise keep_losses(error, kept, "step") from None
            # every tenth value, and the last
            fits[name] = {"parameters": fit.parameters, "losses": losses[:-1:10] + losses[-1:]}
            variances = [variance_after(at, law, [1])[0] for at in last]
            fits[name] |= {"variance_scatter": variance_scatter(variances)}
            if name == kind:
                write_table(fit.table(), facts["law"], output[kind])
    write_parquet(pd.concat(points), output.coupling)
    write_json(fits, output.fit)
