"""Training of ReLU perceptrons from schemes of initialization, against depth (our protocol)."""

from typing import Any

from preactivations.streams import Stream
from replication.isometry.jacobians import network
from replication.jobs import job
from replication.training.cell import generator, images, plan_of, train_cell

snakemake: Any  # Snakemake puts it here


def cell(scheme: str, depth: int) -> Any:
    study, seed, dataset = run.params.study, run.params.seed, run.wildcards.dataset
    width, optimizer = study["width"], study["optimizer"]
    stream = Stream(seed, "relu_law", "training", dataset, scheme, width, depth)
    return train_cell(
        data,
        plan_of(study, optimizer["name"], optimizer["learning_rates"]),
        Stream(seed, "relu_law", "training", dataset, "order"),
        lambda shape, classes, k: network(scheme, shape[0], width, depth, classes, generator(stream, k)),
        activation=scheme,  # stands where the training study has the activation
        width=width,
        depth=depth,
        device=run.device,
    )


with job(snakemake) as run:
    data = images(run, run.wildcards.dataset)
    run.cells(
        (cell, {"scheme": scheme, "depth": depth})
        for scheme in run.params.schemes
        for depth in run.params.depths
    )
