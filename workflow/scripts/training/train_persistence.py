"""Whether pre-activations stay Gaussian while networks train: a few cells with many seeds."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from replication.activation.tables import Tables
from replication.jobs import job
from replication.settings import setting_by_name
from replication.training.cell import images, plan_of
from replication.training.study import Architecture, neuron_rows, persistence

snakemake: Any  # Snakemake puts it here


def cell(activation: str, law: str) -> dict[str, pd.DataFrame]:
    study, seed, dataset = run.params.study, run.params.seed, run.params.study["dataset"]
    plan, last = plan_of(study, study["optimizer"], study["learning_rates"]), study["epochs"]
    neurons: list[Any] = []

    def keep(epoch: int, ensemble: Ensemble, who: Any) -> None:
        if activation == "relu" and epoch in (0, last):  # what the stage kernels looks at
            neurons.extend({"epoch": epoch} | row for row in neuron_rows(ensemble, who))

    frames = persistence(
        setting_by_name(activation, tables(law)),
        Architecture(study["width"], study["depth"]),
        data,
        plan,
        Stream(seed, "training", "persistence", dataset, activation, law),
        Stream(seed, "training", dataset, "order"),
        epochs=[*study["at"], last],
        law=law,
        device=run.device,
        watch=keep,
    )
    return frames | ({"neurons": pd.DataFrame(neurons)} if neurons else {})


def tasks() -> Iterator[Any]:
    for activation, law in run.params.cells:
        yield cell, {"activation": activation, "law": law}


with job(snakemake) as run:
    tables = Tables(snakemake.input.activations)
    data = images(run, run.params.study["dataset"])
    run.cells(tasks())
