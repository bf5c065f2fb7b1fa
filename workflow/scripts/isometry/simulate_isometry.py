"""Drawn ReLU networks beside the exact laws: norms, correlations, singular values of Jacobians."""

from collections import defaultdict
from functools import partial
from typing import Any

import pandas as pd
import torch

from preactivations.streams import Stream
from replication.devices import describe, device_of
from replication.isometry.jacobians import SCHEMES, singular_value_rows
from replication.isometry.study import correlation_rows, deviation_rows, drawn_norms, he_chain, histogram_rows
from replication.jobs import Bar, Cells, job, write_parquet

snakemake: Any  # Snakemake puts it here

Frames = dict[str, pd.DataFrame]


def drawn(width: int, depth: int, networks: int) -> Any:
    bar = Bar(networks, f"n={width} L={depth}")
    q = drawn_norms(
        width, depth, networks, Stream(seed, "relu_law", "drawn", width, depth), progress=bar.add, **options
    )
    bar.close()
    return q


def law(width: int, depth: int, networks: int) -> Frames:
    histogram, ks = histogram_rows(width, depth, drawn(width, depth, networks))
    return {"histogram": pd.DataFrame(histogram), "ks": pd.DataFrame([ks])}


def deviations(width: int, depth: int, chains: int, networks: int) -> Frames:
    stream = Stream(seed, "relu_law", "chain", width, depth)
    samples = {"chain": he_chain(width, depth).sample(chains, stream.block(0))}
    if networks:
        samples["drawn"] = drawn(width, depth, networks)
    return {"deviations": pd.DataFrame([deviation_rows(width, depth, samples)])}


def correlations(width: int, depth: int, networks: int, start: float) -> Frames:
    stream = Stream(seed, "relu_law", "correlations", width, start)
    rows, paths = correlation_rows(width, depth, start, networks, stream)
    return {"correlations": pd.DataFrame(rows), "paths": pd.DataFrame(paths)}


def jacobians(width: int, depth: int, networks: int, scheme: str) -> Frames:
    stream = Stream(seed, "relu_law", "jacobian", scheme, width, depth)
    columns, summary = singular_value_rows(scheme, width, depth, networks, stream)
    values = pd.DataFrame({"scheme": scheme, "width": width, "depth": depth} | columns)
    return {"singular_values": values, "jacobians": pd.DataFrame([summary])}


def cells_of(study: Any) -> Any:
    """(what, arguments) of each cell."""
    for width in study["law"]["widths"]:
        yield law, {"width": width, "depth": study["law"]["depth"], "networks": study["law"]["networks"]}
    grid = study["deviations"]
    for width in grid["widths"]:
        for depth in grid["depths"]:
            networks = int(min(grid["networks"], grid["weights"] / (width**2 * depth)))
            size = {"chains": grid["chains"], "networks": networks if networks >= grid["fewest"] else 0}
            yield deviations, {"width": width, "depth": depth} | size
    pairs = dict(study["correlations"])
    for start in pairs.pop("starts"):
        yield correlations, pairs | {"start": start}
    jacobian = dict(study["jacobian"])
    depths = jacobian.pop("depths")
    for scheme in SCHEMES:
        for depth in depths:
            yield jacobians, jacobian | {"scheme": scheme, "depth": depth}


with job(snakemake) as record:
    torch.set_num_threads(1)
    seed = snakemake.params.seed
    device = device_of(snakemake.params.device)
    record["device"] = describe(device)
    options: Any = {
        "memory": None if device else 1e6 * snakemake.resources.batch_mb,  # a device has a bound of its own
        "threads": snakemake.threads,
        "device": device,
    }
    cells = Cells(snakemake)
    done: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for compute, arguments in cells_of(snakemake.params.study):
        key = {"what": compute.__name__, "seed": seed, "device": record["device"]} | arguments
        for name, frame in cells.get(key, partial(compute, **arguments)).items():
            done[name].append(frame)
    for name, frames in done.items():
        write_parquet(pd.concat(frames, ignore_index=True), snakemake.output[name])
    cells.clear()
