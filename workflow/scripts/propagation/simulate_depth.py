"""Statistics of every layer of random networks: one cell per activation and width."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from preactivations.names import theta_of
from preactivations.streams import Stream
from replication.activation.tables import Tables
from replication.cells import progress
from replication.jobs import job
from replication.propagation.depth import layer_rows, quantile_rows, simulate_depth
from replication.settings import setting_by_name

snakemake: Any  # Snakemake puts it here


def layers(activation: str, width: int, networks: int) -> dict[str, pd.DataFrame]:
    params, route = run.params, run.params.route
    setting = setting_by_name(activation, tables(params.law, route))
    law = params.law if setting.law is not None else ""
    key = [] if route == "exact" else [route]
    stream = Stream(params.seed, "propagation", activation, law, width, *key)
    with progress(networks, f"{run.wildcards.cell} {activation} {route} n={width}") as add:
        found = simulate_depth(setting, width, params.depth, networks, stream, progress=add, **run.engine)
    name = {"activation": activation, "law": law, "theta": theta_of(law)}
    name |= {"width": width, "n_networks": networks}
    rows = {"layers": layer_rows(setting, found), "quantiles": quantile_rows(setting, found)}
    return {key: pd.DataFrame([name | row for row in value]) for key, value in rows.items()}


def tasks() -> Iterator[Any]:
    for activation in run.params.activations:
        for size in run.params.widths:
            yield layers, {"activation": activation} | size


with job(snakemake) as run:
    tables = Tables(snakemake.input.activations)
    run.cells(tasks())
