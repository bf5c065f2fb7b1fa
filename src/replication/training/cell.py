"""One training cell for all stages: networks of a setting with all learning rates and seeds, trained at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import torch
from torch import nn

from preactivations.datasets import load
from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from preactivations.training.runs import Plan, Split, split_images, tensors, train_ensemble
from replication.cells import progress
from replication.jobs import Job

Build = Callable[[Sequence[int], int, int], nn.Sequential]


def images(job: Job, dataset: str) -> Split:
    """A data set in its parts, by the parameters `study.validation_share` and `seed` of the job."""
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False  # convolutions in single precision on every GPU
    return split_images(
        load(dataset, "train", mirror=job.mirror),
        load(dataset, "test", mirror=job.mirror),
        job.params.study["validation_share"],
        Stream(job.params.seed, "training", dataset, "split"),
    )


def plan_of(study: Any, optimizer: str, learning_rates: Sequence[float]) -> Plan:
    """The plan of a cell; seeds, epochs and batch_size are those of the study."""
    return Plan(optimizer, learning_rates, study["seeds"], study["epochs"], study["batch_size"])


def generator(stream: Stream, seed: int) -> torch.Generator:
    """Initial values of the networks of one seed, where PyTorch draws them."""
    return torch.Generator().manual_seed(stream.seed(seed))


def train_cell(
    data: Split,
    plan: Plan,
    order: Stream,
    build: Build,
    *,
    activation: str,
    width: int,
    depth: int,
    law: str = "",
    theta: float = math.nan,
    flat: bool = True,
    input_norm: float = 1.0,
    device: str | None = None,
    **options: Any,
) -> dict[str, pd.DataFrame]:
    """Train all learning rates and seeds of a setting at once.

    Parameters
    ----------
    order : Stream
        Order of batches: block k for seed k.
    build : callable
        (shape of an input, number of classes, seed) -> the network of that seed at its start.
    activation, law, theta, width, depth
        What the rows are named by.
    flat : bool
        Whether inputs are vectors.
    input_norm : float
        Mean square of the inputs.
    device : str, optional
        By default the CPU.
    **options
        As for `training.loop.train`: weight_decay, decay_epochs, at_epoch.

    Returns
    -------
    runs : DataFrame
        Names, learning_rate, seed, diverged (epoch, 0: did not), loss, validation_loss, validation_accuracy, test_loss,
        test_accuracy (at the end, NaN if it diverged), trains, epochs_to_loss (first epoch whose mean batch loss is
        below the threshold, NaN if none).
    curves : DataFrame
        Names, learning_rate, seed, epoch (0 is the start), loss (mean over the batches of the epoch, NaN at the start),
        validation_loss, validation_accuracy.
    """
    parts = [tensors(part, device, flat=flat) for part in data[1:]]
    if input_norm != 1:
        parts = [(x * math.sqrt(input_norm), y) for x, y in parts]
    shape, classes = parts[0][0].shape[1:], int(parts[0][1].max()) + 1
    networks = [build(shape, classes, seed) for seed in range(plan.seeds)]
    ensemble = Ensemble([networks[seed] for _, seed in plan.members()], device=device)
    with progress(plan.epochs, f"{activation} {law} {width}x{depth} {plan.optimizer}") as add:
        rows = train_ensemble(ensemble, parts, plan, order, progress=add, **options)
    names = {"dataset": data.title, "activation": activation, "law": law, "theta": theta}
    names |= {"width": width, "depth": depth, "optimizer": plan.optimizer}
    runs, curves = (pd.DataFrame([names | row for row in part]) for part in rows)
    return {"runs": runs, "curves": curves}
