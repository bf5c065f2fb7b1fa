"""Networks of finite width on, above and below the edge, and from several variances with the counter-example."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from preactivations.streams import Stream
from replication.devices import describe, device_of
from replication.edge_of_chaos.study import correlation_rows, edge_settings, variance_rows
from replication.jobs import Bar, Cells, job, write_parquet
from replication.settings import Setting, setting_by_name

snakemake: Any  # Snakemake puts it here

Frames = dict[str, pd.DataFrame]


def correlations(activation: str, place: str, setting: Setting, width: int, networks: int) -> Frames:
    bar = Bar(networks, f"{activation} {place} n={width}")
    stream = Stream(seed, "edge_of_chaos", activation, place, theta, width)
    found = correlation_rows(setting, width, depth, networks, 0.5, stream, progress=bar.add, **options)
    bar.close()
    name = {
        "activation": activation,
        "place": place,
        "theta": theta if activation == "odd" else np.nan,
        "width": width,
        "n_networks": networks,
        **setting.scales,
    }
    return {"rows": pd.DataFrame([name | row for row in found])}


def variances(setting: Setting, width: int, networks: int, start: float) -> Frames:
    stream = Stream(seed, "edge_of_chaos", "starts", start, width)
    found = variance_rows(setting, width, depth, networks, start, stream, **options)
    name = {"start": start, "width": width, "n_networks": networks, "sigma_w": setting.sigma_w}
    return {"rows": pd.DataFrame([name | row for row in found])}


with job(snakemake) as record:
    torch.set_num_threads(1)
    study, seed = snakemake.params.study, snakemake.params.seed
    theta, depth = study["theta"], study["depth"]
    device = device_of(snakemake.params.device)
    record["device"] = describe(device)
    options: Any = {
        "memory": None if device else 1e6 * snakemake.resources.batch_mb,  # a device has a bound of its own
        "threads": snakemake.threads,
        "device": device,
    }
    cells = Cells(snakemake)
    shared = {"seed": seed, "theta": theta, "depth": depth, "device": record["device"]}
    done = []
    for activation, place, setting in edge_settings(theta):
        for size in study["widths"]:
            key = shared | size | {"activation": activation, "place": place}
            done.append(cells.get(key, partial(correlations, activation, place, setting, **size))["rows"])
    write_parquet(pd.concat(done, ignore_index=True), snakemake.output.correlations)

    # phi_(.99, 6) at a sigma_w inside its range: stable variances are a factor exp(4 pi / 6) = 8.1 apart
    setting = setting_by_name("oscillating_6", sigma_w=0.99)
    largest = max(study["widths"], key=lambda size: size["width"])
    done = []
    for start in (0.02, 0.06, 0.2, 0.6, 2.0, 6.0, 20.0):
        key = shared | largest | {"start": start}
        done.append(cells.get(key, partial(variances, setting, start=start, **largest))["rows"])
    write_parquet(pd.concat(done, ignore_index=True), snakemake.output.variances)
    cells.clear()
