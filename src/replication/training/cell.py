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
from preactivations.training.runs import Plan, Race, Split, race, split_images, tensors, train_ensemble
from replication.cells import progress
from replication.jobs import Job

Build = Callable[[Sequence[int], int, int], nn.Sequential]
Watch = Callable[[int, Ensemble, list[tuple[float, int]]], None]


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
    """The plan of a cell; seeds, epochs, batch_size and race (or None) are those of the study."""
    chosen = study["race"] and Race(study["race"]["seeds"], study["race"]["share"])
    return Plan(optimizer, learning_rates, study["seeds"], study["epochs"], study["batch_size"], chosen)


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
    watch: Watch | None = None,
    **options: Any,
) -> dict[str, pd.DataFrame]:
    """Train all seeds of a setting at once: with all learning rates, or with the one that wins the plan's race.

    Parameters
    ----------
    order : Stream
        Order of batches: block k for seed k.
    build : callable
        (shape of an input, number of classes, seed) -> the network of that seed at its start. Seeds of the race follow
        those of the plan.
    activation, law, theta, width, depth
        What the rows are named by.
    flat : bool
        Whether inputs are vectors.
    input_norm : float
        Mean square of the inputs.
    device : str, optional
        By default the CPU.
    watch : callable, optional
        Called with (epochs done, ensemble, (learning rate, seed) of its members) at the start and after each epoch of
        the networks that count: not in the race.
    **options
        As for `training.loop.train`: weight_decay, decay_epochs, augment.

    Returns
    -------
    runs : DataFrame
        Names, steps, learning_rate, seed, diverged (epoch, 0: did not), loss, validation_loss, validation_accuracy,
        test_loss, test_accuracy (at the end, NaN if it diverged), trains, steps_to_loss (first step at which the mean
        loss of the last batches is below the threshold, NaN if none).
    curves : DataFrame
        Names, learning_rate, seed, epoch (0 is the start), loss (mean over the batches of the epoch, NaN at the start),
        validation_loss, validation_accuracy.
    race : DataFrame
        Names and the rows of `runs.race`; none of a full grid.
    """
    parts = [tensors(part, device, flat=flat) for part in data[1:]]
    if input_norm != 1:
        parts = [(x * math.sqrt(input_norm), y) for x, y in parts]
    shape, classes = parts[0][0].shape[1:], int(parts[0][1].max()) + 1

    def ensemble_of(plan: Plan, first: int = 0) -> Ensemble:
        networks = [build(shape, classes, first + seed) for seed in range(plan.seeds)]
        return Ensemble([networks[seed] for _, seed in plan.members()], device=device)

    names = {"dataset": data.title, "activation": activation, "law": law, "theta": theta}
    names |= {"width": width, "depth": depth, "optimizer": plan.optimizer}
    raced: list[dict[str, Any]] = []
    if plan.race and len(plan.learning_rates) > 1:
        contenders = ensemble_of(plan._replace(seeds=plan.race.seeds), plan.seeds)
        free = {key: value for key, value in options.items() if key in ("weight_decay", "augment")}
        best, raced = race(contenders, parts, plan, order, **free)
        plan = plan._replace(learning_rates=[best])
    if watch is not None:
        members, told = plan.members(), watch
        options["at_epoch"] = lambda epoch, ensemble, who: told(epoch, ensemble, [members[k] for k in who])
    with progress(plan.epochs, f"{activation} {law} {width}x{depth} {plan.optimizer}") as add:
        rows = train_ensemble(ensemble_of(plan), parts, plan, order, progress=add, **options)
    steps = {"steps": plan.epochs * (len(parts[0][0]) // plan.batch_size)}
    return {
        "runs": pd.DataFrame([names | steps | row for row in rows[0]]),
        "curves": pd.DataFrame([names | row for row in rows[1]]),
        "race": pd.DataFrame([names | row for row in raced]),
    }
