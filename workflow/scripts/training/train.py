"""Training of ensembles, one cell per setting, architecture and optimizer; distance from Gaussian at the start."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from preactivations.names import theta_of
from preactivations.streams import Stream
from replication.activation.tables import Tables
from replication.jobs import job
from replication.settings import setting_by_name
from replication.training.cell import images, plan_of
from replication.training.study import Architecture, initial_rows, train_setting

snakemake: Any  # Snakemake puts it here


def trained(activation: str, law: str, width: int, depth: int, optimizer: str) -> dict[str, pd.DataFrame]:
    seed, dataset, study = run.params.seed, run.wildcards.dataset, run.params.study
    return train_setting(
        setting_by_name(activation, tables(law, run.params.route)),
        Architecture(width, depth),
        data,
        plan_of(study, optimizer, study["optimizers"][optimizer]["learning_rates"]),
        Stream(seed, "training", dataset, activation, law, width, depth),
        Stream(seed, "training", dataset, "order"),
        law=law,
        device=run.device,
    )


def initial(activation: str, law: str, width: int, depths: list[int]) -> dict[str, pd.DataFrame]:
    setting, networks = setting_by_name(activation, tables(law)), run.params.study["initial_networks"]
    stream = Stream(run.params.seed, "training", "initial", activation, law, width)
    name = {"activation": activation, "law": law, "theta": theta_of(law), "width": width}
    rows = initial_rows(setting, width, depths, networks, stream)
    return {"initial": pd.DataFrame([name | row for row in rows])}


def tasks() -> Iterator[Any]:
    study = run.params.study
    for activation, law in run.params.cells:
        for width, depths in run.params.architectures:
            cell = {"activation": activation, "law": law, "width": width}
            if width and study["initial_networks"]:
                yield initial, cell | {"depths": depths}
            for depth in depths:
                for name, optimizer in study["optimizers"].items():
                    if width in (optimizer["widths"] or [width]):
                        yield trained, cell | {"depth": depth, "optimizer": name}


with job(snakemake) as run:
    tables = Tables(snakemake.input.activations)
    data = images(run, run.wildcards.dataset)
    run.cells(tasks())
