"""Training of deep networks from initializations that preserve moments of different orders."""

from functools import partial
from typing import Any

import pandas as pd

from preactivations.streams import Stream
from preactivations.training.runs import Plan
from replication.fractional.training import train_scheme
from replication.jobs import Bar, Cells, job, write_parquet
from replication.training.inputs import prepare

snakemake: Any  # Snakemake puts it here

# of the cells' table: an activation and a scheme stand where the training study has activation and law
OPTIMIZER = "sgd_without_momentum"


def trained(activation: str, scheme: str) -> dict[str, pd.DataFrame]:
    depth = study["linear_depth"] if activation == "linear" else study["depth"]
    rates = snakemake.params.learning_rates[activation]
    plan = Plan(OPTIMIZER, rates, study["seeds"], study["epochs"], study["batch_size"])
    bar = Bar(plan.epochs, f"{activation} {scheme}")
    runs, curves = train_scheme(
        scheme,
        activation,
        study["width"],
        depth,
        data,
        plan,
        Stream(seed, "heavy_tails", "training", dataset, activation),  # schemes of one seed share their noise
        Stream(seed, "heavy_tails", "training", dataset, "order"),
        convolutional=data.train[0].shape[-1] == 32,
        device=device,
        weight_decay=study["weight_decay"],
        decay_epochs=study["decay_epochs"],
        progress=bar.add,
    )
    bar.close()
    name = {"dataset": data.title, "activation": activation, "law": scheme, "theta": float("nan")}
    name |= {"width": study["width"], "depth": depth, "optimizer": OPTIMIZER}
    return {
        key: pd.DataFrame([name | row for row in rows]) for key, rows in (("runs", runs), ("curves", curves))
    }


with job(snakemake) as record:
    study, seed, dataset = snakemake.params.study, snakemake.params.seed, snakemake.wildcards.dataset
    device, data = prepare(snakemake, dataset, record)
    cells = Cells(snakemake)
    key = study | {"seed": seed, "title": data.title, "device": record["device"]}
    done = []
    for activation in snakemake.params.activations:
        rates = {"rates": snakemake.params.learning_rates[activation], "activation": activation}
        # a name in raw rows, where order 1 is 1.0: not `number_text`
        fractional = f"fractional_{snakemake.params.orders[activation]!r}"
        for scheme in (fractional, "he", "xavier", "random_walk"):
            compute = partial(trained, activation, scheme)
            done.append(cells.get(key | rates | {"scheme": scheme}, compute))
    for name in ("runs", "curves"):
        write_parquet(pd.concat([frames[name] for frames in done]), snakemake.output[name])
    cells.clear()
