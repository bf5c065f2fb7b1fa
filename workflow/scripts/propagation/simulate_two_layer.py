"""KS statistics of the two-layer study for the activations of one cell; if exact, distances without much noise."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd

from preactivations.names import theta_of
from preactivations.streams import Stream
from replication.activation.tables import Tables
from replication.jobs import job
from replication.propagation.two_layer import ks_line, ks_points
from replication.settings import setting_by_name

snakemake: Any  # Snakemake puts it here


def study(activation: str) -> dict[str, pd.DataFrame]:
    cell, route, settings = run.wildcards.cell, run.params.route, dict(run.params.settings)
    setting = setting_by_name(activation, tables(cell, route))
    if setting.law is not None:  # PyTorch only where it is needed: the import takes seconds
        import torch

        torch.set_num_threads(1)
    name = {"route": route, "activation": activation, "theta": theta_of(cell)}
    law = cell if route == "exact" else theta_of(cell)
    machine = {"memory": 1e6 * snakemake.resources.batch_mb, "threads": snakemake.threads}

    def stream(kind: str) -> Any:
        return partial(Stream, run.params.seed, kind, route, activation, law)

    points = ks_points(
        setting.simulated(),
        weights=setting.weights,
        **setting.scales,
        **settings,
        stream=stream("ks_two_layer"),
        **machine,
    )
    frames = {"points": points}
    if route == "exact":
        chosen = {
            "sweeps": settings["sweeps"],
            "widths": settings["widths"],
            "n_networks": run.params.n_networks,
        }
        frames["line"] = ks_line(
            setting, **chosen, stream=stream("two_layer_line"), threads=snakemake.threads
        )
    return {key: pd.DataFrame([name | row for row in rows]) for key, rows in frames.items()}


def tasks() -> Iterator[Any]:
    for activation in run.params.activations:
        yield study, {"activation": activation}


with job(snakemake) as run:
    tables = Tables(snakemake.input.activations)
    run.cells(tasks())
