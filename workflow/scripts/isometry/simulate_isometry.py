"""Drawn ReLU networks beside the exact laws: norms, units, correlations, Jacobians; stationary laws."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
import torch

from preactivations.streams import Stream
from replication.cells import progress
from replication.isometry.jacobians import SCHEMES, singular_value_rows
from replication.isometry.shapes import shape_row
from replication.isometry.study import correlation_rows, deviation_rows, drawn_norms, he_chain, histogram_rows
from replication.isometry.units import unit_rows
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

Frames = dict[str, pd.DataFrame]


def drawn(width: int, depth: int, networks: int) -> Any:
    stream = Stream(run.params.seed, "relu_law", "drawn", width, depth)
    with progress(networks, f"n={width} L={depth}") as add:
        return drawn_norms(width, depth, networks, stream, progress=add, **run.engine)


def law(width: int, depth: int, networks: int) -> Frames:
    histogram, ks = histogram_rows(width, depth, drawn(width, depth, networks))
    return {"histogram": pd.DataFrame(histogram), "ks": pd.DataFrame([ks])}


def deviations(width: int, depth: int, chains: int, networks: int) -> Frames:
    stream = Stream(run.params.seed, "relu_law", "chain", width, depth)
    samples = {"chain": he_chain(width, depth).sample(chains, stream.block(0))}
    if networks:
        samples["drawn"] = drawn(width, depth, networks)
    return {"deviations": pd.DataFrame([deviation_rows(width, depth, samples)])}


def units(width: int, depth: int, bias_variance: float, networks: int) -> Frames:
    stream = Stream(run.params.seed, "relu_law", "units", width, depth, bias_variance)
    with progress(networks, f"n={width} L={depth} b={bias_variance:g}") as add:
        rows, test = unit_rows(width, depth, bias_variance, networks, stream, progress=add, **run.engine)
    return {"units": pd.DataFrame(rows), "largest": pd.DataFrame([test])}


def shapes(width: int, factor: float, bias_variance: float, draws: int) -> Frames:
    stream = Stream(run.params.seed, "relu_law", "stationary", width, factor, bias_variance)
    return {"shapes": pd.DataFrame([shape_row(width, factor, bias_variance, draws, stream)])}


def correlations(width: int, depth: int, networks: int, start: float) -> Frames:
    stream = Stream(run.params.seed, "relu_law", "correlations", width, start)
    rows, paths = correlation_rows(width, depth, start, networks, stream)
    return {"correlations": pd.DataFrame(rows), "paths": pd.DataFrame(paths)}


def jacobians(width: int, depth: int, networks: int, scheme: str) -> Frames:
    stream = Stream(run.params.seed, "relu_law", "jacobian", scheme, width, depth)
    columns, summary = singular_value_rows(scheme, width, depth, networks, stream)
    values = pd.DataFrame({"scheme": scheme, "width": width, "depth": depth} | columns)
    return {"singular_values": values, "jacobians": pd.DataFrame([summary])}


def tasks() -> Iterator[Any]:
    study = run.params.study
    law_size, grid, joint, stationary, pairs, jacobian = (
        dict(study[part]) for part in ("law", "deviations", "joint", "shapes", "correlations", "jacobian")
    )
    for width in law_size.pop("widths"):
        yield law, law_size | {"width": width}
    for width in grid["widths"]:
        for depth in grid["depths"]:
            networks = int(min(grid["networks"], grid["weights"] / (width**2 * depth)))
            size = {"chains": grid["chains"], "networks": networks if networks >= grid["fewest"] else 0}
            yield deviations, {"width": width, "depth": depth} | size
    for width in joint["widths"]:
        for depth in joint["depths"]:
            for variance in joint["bias_variances"]:
                size = {"width": width, "depth": depth, "networks": joint["networks"]}
                yield units, size | {"bias_variance": float(variance)}
    for width in stationary["widths"]:
        for factor in stationary["factors"]:
            size = {"draws": stationary["draws"], "bias_variance": float(stationary["bias_variance"])}
            yield shapes, size | {"width": width, "factor": float(factor)}
    for start in pairs.pop("starts"):
        yield correlations, pairs | {"start": start}
    depths = jacobian.pop("depths")
    for scheme in SCHEMES:
        for depth in depths:
            yield jacobians, jacobian | {"scheme": scheme, "depth": depth}


with job(snakemake) as run:
    torch.set_num_threads(1)
    run.cells(tasks())
