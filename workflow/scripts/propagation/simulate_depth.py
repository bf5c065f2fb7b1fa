"""Statistics of every layer of random networks: one cell per activation and width."""

from functools import partial
from typing import Any

import pandas as pd

from preactivations.names import number_text, theta_of
from preactivations.streams import Stream
from replication.devices import describe, device_of
from replication.jobs import Bar, Cells, job, write_parquet
from replication.propagation.depth import layer_rows, quantile_rows, simulate_depth
from replication.settings import setting_by_name

snakemake: Any  # Snakemake puts it here


def compute(cell: str, activation: str, width: int, networks: int) -> dict[str, Any]:
    params = snakemake.params
    law = f"weibull_{number_text(params.control_theta)}" if cell == "control" else cell
    setting = setting_by_name(activation, law)
    if setting.law is None:
        law = ""
    bar = Bar(networks, f"{cell} {activation} n={width}")
    layers = simulate_depth(
        setting,
        width,
        params.depth,
        networks,
        Stream(params.seed, "propagation", activation, law, width),
        memory=None if device else 1e6 * snakemake.resources.batch_mb,  # a device has a bound of its own
        threads=snakemake.threads,
        device=device,
        progress=bar.add,
    )
    bar.close()
    name = {
        "activation": activation,
        "law": law,
        "theta": theta_of(law),
        "width": width,
        "n_networks": networks,
    }
    rows = {
        "layers": layer_rows(setting, layers),
        "quantiles": quantile_rows(setting, layers),
    }
    return {key: pd.DataFrame([name | row for row in value]) for key, value in rows.items()}


with job(snakemake) as record:
    device = device_of(snakemake.params.device)
    record["device"] = describe(device)
    cell, cells, done = snakemake.wildcards.cell, Cells(snakemake), []
    settings = {key: value for key, value in snakemake.params.items() if key not in ("activations", "widths")}
    for activation in snakemake.params.activations:
        for size in snakemake.params.widths:
            key = settings | size | {"cell": cell, "activation": activation, "device": record["device"]}
            done.append(cells.get(key, partial(compute, cell, activation, **size)))
    for name in ("layers", "quantiles"):
        write_parquet(pd.concat([frames[name] for frames in done]), snakemake.output[name])
    cells.clear()
