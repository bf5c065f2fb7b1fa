"""Networks of finite width on, above and below the edge, and from several variances with the counter-example."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from job import Bar, job, write_parquet
from laws import describe, device_of

from preactivations.eoc_study import correlation_rows, edge_settings, law_of, variance_rows
from preactivations.streams import Stream

snakemake: Any  # Snakemake puts it here

with job(snakemake) as record:
    torch.set_num_threads(1)
    study, seed = snakemake.params.study, snakemake.params.seed
    device = device_of(snakemake.params.device)
    record["device"] = describe(device)
    options: Any = {
        "memory": None if device else 1e6 * snakemake.resources.batch_mb,  # a device has a bound of its own
        "threads": snakemake.threads,
        "device": device,
    }
    rows: Any = []
    for activation, place, law in edge_settings(study["theta"]):
        for size in study["widths"]:
            width, networks = size["width"], size["networks"]
            bar = Bar(networks, f"{activation} {place} n={width}")
            stream = Stream(seed, "edge_of_chaos", activation, place, study["theta"], width)
            found = correlation_rows(
                law, width, study["depth"], networks, 0.5, stream, progress=bar.add, **options
            )
            bar.close()
            name = {
                "activation": activation,
                "place": place,
                "theta": study["theta"] if activation == "odd" else np.nan,
                "width": width,
                "n_networks": networks,
                **law.scales,
            }
            rows += [name | row for row in found]
    write_parquet(pd.DataFrame(rows), snakemake.output.correlations)

    # phi_(.99, 6) at a sigma_w inside its range: stable variances are a factor exp(4 pi / 6) = 8.1 apart
    law = law_of("oscillating_6", None, 0.99, 0.0)
    largest = max(study["widths"], key=lambda size: size["width"])
    rows = []
    for start in (0.02, 0.06, 0.2, 0.6, 2.0, 6.0, 20.0):
        stream = Stream(seed, "edge_of_chaos", "starts", start, largest["width"])
        found = variance_rows(
            law, largest["width"], study["depth"], largest["networks"], start, stream, **options
        )
        name = {
            "start": start,
            "width": largest["width"],
            "n_networks": largest["networks"],
            "sigma_w": law.sigma_w,
        }
        rows += [name | row for row in found]
    write_parquet(pd.DataFrame(rows), snakemake.output.variances)
