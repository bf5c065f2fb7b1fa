"""The fits of one theta as published: density, its quantile coupling with a normal variable, activation families."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch

from preactivations.names import theta_of
from preactivations.pairs.fitted import (
    ActivationSettings,
    DensityFit,
    DensitySettings,
    FitError,
    fit_activation,
    fit_density,
    improve_density,
    interpolate_activation,
    interpolation_grid,
)
from replication.jobs import job, write_json, write_parquet

snakemake: Any  # Snakemake puts it here


def failed(error: FitError, name: str, step: str) -> FitError:
    """The error with the place of its loss curve, written beside the log."""
    curve = Path(snakemake.log[0]).with_suffix(name)
    pd.Series(error.losses, name="loss").to_csv(curve, index_label=step)
    return FitError(f"{error}; the loss curve is in {curve}", error.losses)


def density_of(theta: float, settings: DensitySettings, bound: float) -> tuple[DensityFit, dict[str, Any]]:
    try:
        last, best, losses = fit_density(theta, settings, bound)
        improved, improved_loss = improve_density(last, settings)
    except FitError as error:
        raise failed(error, ".losses.csv", "epoch") from None
    return last, {
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


def activations_of(theta: float, table: pd.DataFrame, settings: ActivationSettings) -> dict[str, Any]:
    result: dict[str, Any] = {"theta": theta}
    for kind, points in table.groupby("kind"):
        try:
            fit, losses = fit_activation(theta, kind, points.x.to_numpy(), points.y.to_numpy(), settings)
        except FitError as error:
            raise failed(error, f".{kind}.losses.csv", "step") from None
        # every tenth value, and the last
        result[str(kind)] = {"parameters": fit.parameters, "losses": losses[:-1:10] + losses[-1:]}
    return result


with job(snakemake):
    torch.set_num_threads(1)
    theta, params = theta_of(snakemake.wildcards.law), snakemake.params
    published = pd.read_csv(snakemake.input.published).set_index("theta").loss
    # ten times the published loss, or the largest one for a theta that the paper does not have
    bound = 10 * float(published.get(theta, published.max()))
    start = {"start": tuple(params.density["start"])}
    density, result = density_of(theta, DensitySettings(**(params.density | start)), bound)

    settings = ActivationSettings(**(params.activation | {"start": tuple(params.activation["start"])}))
    x = interpolation_grid(settings)
    parts = [
        pd.DataFrame({"kind": kind, "x": x, "y": interpolate_activation(density, kind, x)})
        for kind in params.kinds
    ]
    table = pd.concat(parts)
    activations = activations_of(theta, table, settings)

    write_json(result, snakemake.output.density)
    write_parquet(table, snakemake.output.table)
    write_json(activations, snakemake.output.activation)
