"""Training of ReLU perceptrons from rows of several rotation-invariant laws."""

from typing import Any

from preactivations.rows import RotationInvariant, row_law
from preactivations.streams import Stream
from replication.jobs import job
from replication.kernels.training import row_network
from replication.training.cell import images, plan_of, train_cell

snakemake: Any  # Snakemake puts it here


def cell(law: str, width: int) -> Any:
    study, seed, dataset = run.params.study, run.params.seed, run.wildcards.dataset
    rows, depth = row_law(law), study["depth"]
    assert isinstance(rows, RotationInvariant), law  # by the configuration
    stream = Stream(seed, "kernels", "training", dataset, law, width, depth)
    return train_cell(
        data,
        plan_of(study, study["optimizer"]["name"], study["optimizer"]["learning_rates"]),
        Stream(seed, "kernels", "training", dataset, "order"),
        lambda shape, classes, k: row_network(rows, shape[0], width, depth, classes, stream.block(k)),
        activation="relu",
        law=law,
        width=width,
        depth=depth,
        device=run.device,
    )


with job(snakemake) as run:
    data = images(run, run.wildcards.dataset)
    run.cells((cell, {"law": law, "width": width}) for width in run.params.widths for law in run.params.laws)
