"""Correlations of images in random networks, class-averaged and on average, against depth."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from preactivations.datasets import load
from preactivations.names import theta_of
from preactivations.streams import Stream
from replication.devices import describe, device_of
from replication.jobs import Bar, Cells, job, write_parquet
from replication.propagation.depth import study_correlations
from replication.settings import setting_by_name

snakemake: Any  # Snakemake puts it here


def compute(cell: str, activation: str, width: int, networks: int) -> dict[str, Any]:
    setting = setting_by_name(activation, cell)
    bar = Bar(networks, f"{data.title} {cell} {activation} n={width}")
    blocks, means = study_correlations(
        setting,
        images,
        labels,
        width=width,
        n_networks=networks,
        depths=study["depths"],
        stream=Stream(
            snakemake.params.seed, "correlations", snakemake.wildcards.dataset, activation, cell, width
        ),
        memory=None if device else 1e6 * snakemake.resources.batch_mb,  # a device has a bound of its own
        threads=snakemake.threads,
        device=device,
        progress=bar.add,
    )
    bar.close()
    name = {
        "dataset": data.title,
        "activation": activation,
        "law": cell if setting.law is not None else "",
        "theta": theta_of(cell),
        "width": width,
    }
    return {
        key: pd.DataFrame([name | row for row in rows])
        for key, rows in (("means", means), ("blocks", blocks))
    }


with job(snakemake) as record:
    study = snakemake.params.study
    device = device_of(snakemake.params.device)
    record["device"] = describe(device)
    data = load(snakemake.wildcards.dataset, mirror=snakemake.resources.mirror or None)
    chosen = np.concatenate(
        [np.flatnonzero(data.labels == label)[: study["images_per_class"]] for label in range(10)]
    )
    images, labels = data.images[chosen].reshape(chosen.size, -1), data.labels[chosen]
    cells, done = Cells(snakemake), []
    settings = {key: study[key] for key in ("images_per_class", "depths")}
    settings |= {"seed": snakemake.params.seed, "device": record["device"], "title": data.title}
    for cell, activations in snakemake.params.cells.items():
        for activation in activations:
            for size in study["widths"]:
                key = settings | size | {"cell": cell, "activation": activation}
                done.append(cells.get(key, partial(compute, cell, activation, **size)))
    for name in ("means", "blocks"):
        write_parquet(pd.concat([frames[name] for frames in done]), snakemake.output[name])
    cells.clear()
