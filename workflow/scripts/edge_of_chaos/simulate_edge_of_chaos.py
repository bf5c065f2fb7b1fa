"""Networks of finite width on, above and below the edge, and from several variances with the counter-example."""

import functools
import math
from collections.abc import Iterator
from typing import Any

import pandas as pd
import torch

from preactivations.names import number_text
from preactivations.streams import Stream
from replication.activation.tables import Tables
from replication.cells import progress
from replication.edge_of_chaos.study import correlation_rows, edge_settings, variance_rows
from replication.jobs import job
from replication.settings import Setting, setting_by_name

snakemake: Any  # Snakemake puts it here

Frames = dict[str, pd.DataFrame]


@functools.cache
def settings(theta: float) -> dict[tuple[str, str], Setting]:
    return edge_settings(tables(f"weibull_{number_text(theta)}"))


def correlations(activation: str, place: str, width: int, networks: int) -> Frames:
    study = run.params.study
    theta, depth = study["theta"], study["depth"]
    setting = settings(theta)[activation, place]
    stream = Stream(run.params.seed, "edge_of_chaos", activation, place, theta, width)
    with progress(networks, f"{activation} {place} n={width}") as add:
        rows = correlation_rows(
            setting, width, depth, networks, study["correlation"], stream, progress=add, **run.engine
        )
    name = {"activation": activation, "place": place, "theta": theta if activation == "odd" else math.nan}
    name |= {"width": width, "n_networks": networks} | setting.scales
    return {"correlations": pd.DataFrame([name | row for row in rows])}


def variances(width: int, networks: int, start: float) -> Frames:
    oscillating, depth = run.params.study["oscillating"], run.params.study["depth"]
    setting = setting_by_name(
        f"oscillating_{number_text(oscillating['omega'])}", sigma_w=oscillating["sigma_w"]
    )
    stream = Stream(run.params.seed, "edge_of_chaos", "starts", start, width)
    rows = variance_rows(setting, width, depth, networks, start, stream, **run.engine)
    name = {"start": start, "width": width, "n_networks": networks, "sigma_w": setting.sigma_w}
    return {"variances": pd.DataFrame([name | row for row in rows])}


def tasks() -> Iterator[Any]:
    study = run.params.study
    for activation, place in settings(study["theta"]):
        for size in study["widths"]:
            yield correlations, {"activation": activation, "place": place} | size
    largest = max(study["widths"], key=lambda size: size["width"])
    for start in study["oscillating"]["starts"]:
        yield variances, largest | {"start": start}


with job(snakemake) as run:
    torch.set_num_threads(1)
    tables = Tables(snakemake.input.activations)
    run.cells(tasks())
