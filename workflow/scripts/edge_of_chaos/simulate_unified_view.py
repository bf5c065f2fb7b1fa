"""What each initialization scheme keeps over the layers, forward and backward; gradients off the edge as well."""

import functools
from collections.abc import Iterator
from typing import Any

import pandas as pd
import torch

from preactivations.names import number_text
from preactivations.streams import Stream
from replication.activation.tables import Tables
from replication.cells import progress
from replication.edge_of_chaos.unified_view import Scheme, measure, schemes
from replication.jobs import job

snakemake: Any  # Snakemake puts it here


@functools.cache
def schemes_of(theta: float, width: int) -> dict[str, Scheme]:
    return schemes(tables(f"weibull_{number_text(theta)}"), tables("spherical_1"), width)


def scheme(name: str) -> dict[str, pd.DataFrame]:
    study, seed = run.params.study, run.params.seed
    theta, depth, start = study["theta"], study["depth"], study["correlation"]
    width, networks = study["unified"]["width"], study["unified"]["networks"]
    kept = schemes_of(theta, width)[name]
    stream = Stream(seed, "unified_view", name, theta, width)
    with progress(networks, name) as add:
        rows = measure(
            kept.setting, width, depth, networks, start, stream,
            matrices=kept.matrices, theory=kept.theory, progress=add,
        )  # fmt: skip
    head = {"scheme": name, "keeps": kept.keeps, "formula": kept.formula, "width": width}
    return {"unified": pd.DataFrame([head | row for row in rows])}


def tasks() -> Iterator[Any]:
    for name in schemes_of(run.params.study["theta"], run.params.study["unified"]["width"]):
        yield scheme, {"name": name}


with job(snakemake) as run:
    torch.set_num_threads(1)
    tables = Tables(snakemake.input.activations)
    run.cells(tasks())
