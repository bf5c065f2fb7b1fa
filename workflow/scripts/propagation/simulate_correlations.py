"""Correlations of images in random networks, class-averaged and on average, against depth."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from preactivations.datasets import load
from preactivations.names import theta_of
from preactivations.streams import Stream
from replication.activation.tables import Tables
from replication.cells import progress
from replication.jobs import job
from replication.propagation.depth import first_images, study_correlations
from replication.settings import setting_by_name

snakemake: Any  # Snakemake puts it here


def correlations(cell: str, activation: str, width: int, networks: int) -> dict[str, pd.DataFrame]:
    setting = setting_by_name(activation, tables(cell))
    stream = Stream(run.params.seed, "correlations", run.wildcards.dataset, activation, cell, width)
    with progress(networks, f"{data.title} {cell} {activation} n={width}") as add:
        sizes: Any = {"width": width, "n_networks": networks, "depths": run.params.study["depths"]}
        blocks, means = study_correlations(
            setting, images, labels, **sizes, stream=stream, progress=add, **run.engine
        )
    law = cell if setting.law is not None else ""
    name: dict[str, Any] = {"dataset": data.title, "activation": activation, "law": law}
    name |= {"theta": theta_of(cell), "width": width}
    return {
        key: pd.DataFrame([name | row for row in rows])
        for key, rows in (("means", means), ("blocks", blocks))
    }


def tasks() -> Iterator[Any]:
    for cell, activations in run.params.cells.items():
        for activation in activations:
            for size in run.params.study["widths"]:
                yield correlations, {"cell": cell, "activation": activation} | size


with job(snakemake) as run:
    tables = Tables(snakemake.input.activations)
    data = load(run.wildcards.dataset, mirror=run.mirror)
    images, labels = first_images(data, run.params.study["images_per_class"])
    run.cells(tasks())
