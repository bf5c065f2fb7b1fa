"""Training of ensembles, one cell per setting, architecture and optimizer; distance from Gaussian at the start."""

from functools import partial
from typing import Any

import pandas as pd

from preactivations.names import theta_of
from preactivations.streams import Stream
from preactivations.training.runs import Plan
from replication.jobs import Bar, Cells, job, write_parquet
from replication.settings import setting_by_name
from replication.training.inputs import prepare
from replication.training.study import Architecture, initial_rows, train_cell

snakemake: Any  # Snakemake puts it here


def trained(activation: str, law: str, architecture: Architecture, optimizer: Any) -> dict[str, Any]:
    plan = Plan(
        optimizer["name"], optimizer["learning_rates"], study["seeds"], study["epochs"], study["batch_size"]
    )
    bar = Bar(plan.epochs, f"{activation} {law} {architecture.width}x{architecture.depth} {plan.optimizer}")
    runs, curves = train_cell(
        setting_by_name(activation, law),
        architecture,
        data,
        plan,
        Stream(seed, "training", dataset, activation, law, *architecture),
        Stream(seed, "training", dataset, "order"),
        device=device,
        progress=bar.add,
    )
    bar.close()
    name = {
        "dataset": data.title,
        "activation": activation,
        "law": law,
        "theta": theta_of(law),
        "width": architecture.width,
        "depth": architecture.depth,
        "optimizer": plan.optimizer,
    }
    return {
        key: pd.DataFrame([name | row for row in rows]) for key, rows in (("runs", runs), ("curves", curves))
    }


def initial(activation: str, law: str, width: int, depths: list[int]) -> dict[str, Any]:
    rows = initial_rows(
        setting_by_name(activation, law),
        width,
        depths,
        study["initial_networks"],
        Stream(seed, "training", "initial", activation, law, width),
    )
    name = {"activation": activation, "law": law, "theta": theta_of(law), "width": width}
    return {"initial": pd.DataFrame([name | row for row in rows])}


with job(snakemake) as record:
    study, seed, dataset = snakemake.params.study, snakemake.params.seed, snakemake.wildcards.dataset
    device, data = prepare(snakemake, dataset, record)
    cells = Cells(snakemake)
    done: dict[str, list[Any]] = {"runs": [], "curves": [], "initial": []}
    settings = {key: value for key, value in study.items() if key != "optimizers"}
    settings |= {"seed": seed, "title": data.title, "device": record["device"]}
    for activation, law in snakemake.params.cells:
        for width, depths in snakemake.params.architectures:
            key = settings | {"activation": activation, "law": law, "width": width}
            if width and study["initial_networks"]:
                found = cells.get(key | {"depths": depths}, partial(initial, activation, law, width, depths))
                done["initial"].append(found["initial"])
            for depth in depths:
                for optimizer in study["optimizers"]:
                    found = cells.get(
                        key | {"depth": depth} | optimizer,
                        partial(trained, activation, law, Architecture(width, depth), optimizer),
                    )
                    for name in ("runs", "curves"):
                        done[name].append(found[name])
    for name, frames in done.items():
        write_parquet(pd.concat(frames) if frames else pd.DataFrame(), snakemake.output[name])
    cells.clear()
