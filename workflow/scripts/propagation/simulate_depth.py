"""Statistics of every layer of random networks: one cell per activation and width."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from preactivations.names import number_text, theta_of
from preactivations.streams import Stream
from replication.cells import progress
from replication.jobs import job
from replication.propagation.depth import layer_rows, quantile_rows, simulate_depth
from replication.settings import setting_by_name

snakemake: Any  # Snakemake puts it here


def layers(activation: str, width: int, networks: int) -> dict[str, pd.DataFrame]:
    params, cell = run.params, run.wildcards.cell
    law = f"weibull_{number_text(params.control_theta)}" if cell == "control" else cell
    setting = setting_by_name(activation, law)
    if setting.law is None:
        law = ""
    stream = Stream(params.seed, "propagation", activation, law, width)
    with progress(networks, f"{cell} {activation} n={width}") as add:
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
    run.cells(tasks())
