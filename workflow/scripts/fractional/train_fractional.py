"""Training of deep networks from initializations that preserve moments of different orders."""

from typing import Any

from preactivations.streams import Stream
from preactivations.training.loop import flipped_and_cropped
from replication.fractional.networks import deep_network
from replication.jobs import job
from replication.training.cell import generator, images, plan_of, train_cell

snakemake: Any  # Snakemake puts it here


def cell(activation: str, scheme: str) -> Any:
    study, seed, dataset = run.params.study, run.params.seed, run.wildcards.dataset
    width, depth = study["width"], study["linear_depth" if activation == "linear" else "depth"]
    # schemes of one seed share their noise
    stream = Stream(seed, "heavy_tails", "training", dataset, activation)
    return train_cell(
        data,
        plan_of(study, "sgd_without_momentum", run.params.learning_rates[activation]),
        Stream(seed, "heavy_tails", "training", dataset, "order"),
        lambda shape, classes, k: deep_network(
            scheme, activation, shape, width, depth, generator(stream, k), classes
        ),
        activation=activation,
        law=scheme,  # stands where the training study has the law of the weights
        width=width,
        depth=depth,
        flat=data.train[0].shape[-1] != 32,
        device=run.device,
        weight_decay=study["weight_decay"],
        decay_epochs=study["decay_epochs"],
        augment=flipped_and_cropped if study["augment"] else None,
    )


def tasks() -> Any:
    for activation in run.params.activations:
        for scheme in (f"fractional_{run.params.orders[activation]!r}", "he", "xavier", "random_walk"):
            yield cell, {"activation": activation, "scheme": scheme}


with job(snakemake) as run:
    data = images(run, run.wildcards.dataset)
    run.cells(tasks())
