"""Whether pre-activations stay Gaussian while networks train: a few cells with many seeds."""

from functools import partial
from typing import Any

import pandas as pd

from preactivations.names import theta_of
from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from preactivations.training.runs import Plan
from replication.jobs import Bar, Cells, job, write_parquet
from replication.settings import setting_by_name
from replication.training.inputs import prepare
from replication.training.study import Architecture, neuron_rows, persistence_rows

snakemake: Any  # Snakemake puts it here


def compute(activation: str, law: str) -> dict[str, Any]:
    neurons: list[Any] = []

    def keep(epoch: int, ensemble: Ensemble, who: Any) -> None:
        if activation == "relu" and epoch in (0, study["epochs"]):  # what the stage kernels looks at
            neurons.extend({"epoch": epoch} | row for row in neuron_rows(ensemble, who, plan))

    bar = Bar(study["epochs"], f"{activation} {law}")
    rows, runs = persistence_rows(
        setting_by_name(activation, law),
        Architecture(study["width"], study["depth"]),
        data,
        plan,
        Stream(seed, "training", "persistence", dataset, activation, law),
        Stream(seed, "training", dataset, "order"),
        epochs=[*study["at"], study["epochs"]],
        device=device,
        progress=bar.add,
        watch=keep,
    )
    bar.close()
    name = {"dataset": data.title, "activation": activation, "law": law, "theta": theta_of(law)}
    name |= {"width": study["width"], "optimizer": study["optimizer"]}
    return {
        "layers": pd.DataFrame([name | row for row in rows]),
        "runs": pd.DataFrame([name | {"depth": study["depth"]} | row for row in runs]),
    } | ({"neurons": pd.DataFrame(neurons)} if neurons else {})


with job(snakemake) as record:
    study, seed, dataset = snakemake.params.study, snakemake.params.seed, snakemake.params.study["dataset"]
    device, data = prepare(snakemake, dataset, record)
    plan = Plan(
        study["optimizer"], study["learning_rates"], study["seeds"], study["epochs"], study["batch_size"]
    )
    cells = Cells(snakemake)
    key = study | {"seed": seed, "title": data.title, "device": record["device"]}
    done = [
        cells.get(key | {"activation": activation, "law": law}, partial(compute, activation, law))
        for activation, law in snakemake.params.cells
    ]
    for name in ("layers", "runs", "neurons"):
        found = pd.concat([frames[name] for frames in done if name in frames])
        write_parquet(found, snakemake.output[name])
    cells.clear()
