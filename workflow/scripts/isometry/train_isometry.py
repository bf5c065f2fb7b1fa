"""Training of ReLU perceptrons from schemes of initialization, against depth."""

from functools import partial
from typing import Any

import pandas as pd

from preactivations.streams import Stream
from preactivations.training.runs import Plan
from replication.isometry.training import train_scheme
from replication.jobs import Bar, Cells, job, write_parquet
from replication.training.inputs import prepare

snakemake: Any  # Snakemake puts it here


def trained(scheme: str, depth: int) -> dict[str, Any]:
    bar = Bar(plan.epochs, f"{scheme} {study['width']}x{depth}")
    runs, curves = train_scheme(
        scheme,
        study["width"],
        depth,
        data,
        plan,
        Stream(seed, "relu_law", "training", dataset, scheme, study["width"], depth),
        Stream(seed, "relu_law", "training", dataset, "order"),
        device=device,
        progress=bar.add,
    )
    bar.close()
    # the columns of the training study, so that its tables can be made of it; a scheme stands as activation
    name = {"dataset": data.title, "activation": scheme, "law": "", "theta": float("nan")}
    name |= {"width": study["width"], "depth": depth, "optimizer": plan.optimizer}
    return {
        key: pd.DataFrame([name | row for row in rows]) for key, rows in (("runs", runs), ("curves", curves))
    }


with job(snakemake) as record:
    study, seed, dataset = snakemake.params.study, snakemake.params.seed, snakemake.wildcards.dataset
    device, data = prepare(snakemake, dataset, record)
    optimizer = study["optimizer"]
    plan = Plan(
        optimizer["name"], optimizer["learning_rates"], study["seeds"], study["epochs"], study["batch_size"]
    )
    cells = Cells(snakemake)
    key = study | {"seed": seed, "title": data.title, "device": record["device"]}
    done = [
        cells.get(key | {"scheme": scheme, "depth": depth}, partial(trained, scheme, depth))
        for scheme in snakemake.params.schemes
        for depth in snakemake.params.depths
    ]
    for name in ("runs", "curves"):
        write_parquet(pd.concat([frames[name] for frames in done]), snakemake.output[name])
    cells.clear()
