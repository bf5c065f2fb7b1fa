"""Drawn ReLU networks beside the exact laws: norms, correlations, singular values of Jacobians."""

from collections import defaultdict
from typing import Any

import pandas as pd
import torch
from job import Bar, job, write_parquet
from laws import describe, device_of

from preactivations.isometry_study import SCHEMES, singular_value_rows
from preactivations.relu_study import correlation_rows, deviation_rows, drawn_norms, he_chain, histogram_rows
from preactivations.streams import Stream

snakemake: Any  # Snakemake puts it here


def drawn(width: int, depth: int, networks: int) -> Any:
    bar = Bar(networks, f"n={width} L={depth}")
    q = drawn_norms(
        width, depth, networks, Stream(seed, "relu_law", "drawn", width, depth), progress=bar.add, **options
    )
    bar.close()
    return q


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
    rows: dict[str, list[Any]] = defaultdict(list)

    law = study["law"]
    for width in law["widths"]:
        histogram, ks = histogram_rows(width, law["depth"], drawn(width, law["depth"], law["networks"]))
        rows["histogram"] += histogram
        rows["ks"].append(ks)

    cells = study["deviations"]
    for width in cells["widths"]:
        for depth in cells["depths"]:
            stream = Stream(seed, "relu_law", "chain", width, depth)
            samples = {"chain": he_chain(width, depth).sample(cells["chains"], stream.block(0))[-1]}
            networks = int(min(cells["networks"], cells["weights"] / (width**2 * depth)))
            if networks >= cells["fewest"]:
                samples["drawn"] = drawn(width, depth, networks)
            rows["deviations"].append(deviation_rows(width, depth, samples))

    pairs = study["correlations"]
    for start in pairs["starts"]:
        stream = Stream(seed, "relu_law", "correlations", pairs["width"], start)
        found, paths = correlation_rows(pairs["width"], pairs["depth"], start, pairs["networks"], stream)
        rows["correlations"] += found
        rows["paths"] += paths

    jacobian = study["jacobian"]
    for scheme in SCHEMES:
        for depth in jacobian["depths"]:
            stream = Stream(seed, "relu_law", "jacobian", scheme, jacobian["width"], depth)
            values, summary = singular_value_rows(
                scheme, jacobian["width"], depth, jacobian["networks"], stream
            )
            rows["singular_values"] += values
            rows["jacobians"].append(summary)

    for name, found in rows.items():
        write_parquet(pd.DataFrame(found), snakemake.output[name])
