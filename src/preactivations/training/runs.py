"""Runs of training in rows: images in their parts, learning rates and seeds of an ensemble, what came out.

A run *trains* if the cross-entropy over the whole training part ends below half of that of a guess, log(classes) / 2 =
1.15 for ten classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from preactivations.datasets import Dataset
from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from preactivations.training.loop import Training, evaluate, train

__all__ = ["Plan", "Split", "curve_rows", "run_rows", "split_images", "tensors", "train_ensemble"]

Row = dict[str, Any]
Images = NDArray[np.float32]
Labels = NDArray[np.int64]


class Split(NamedTuple):
    """Images of unit mean square, shape (n, channels, height, width), with labels, by part."""

    title: str
    train: tuple[Images, Labels]
    validation: tuple[Images, Labels]
    test: tuple[Images, Labels]


class Plan(NamedTuple):
    """How a cell is trained.

    Attributes
    ----------
    optimizer : str
    learning_rates : sequence of float
    seeds : int
        Their number.
    epochs, batch_size : int
    """

    optimizer: str
    learning_rates: Sequence[float]
    seeds: int
    epochs: int
    batch_size: int = 100

    def members(self) -> list[tuple[float, int]]:
        """(learning rate, seed) of the members of the ensemble."""
        return [(rate, seed) for rate in self.learning_rates for seed in range(self.seeds)]


def split_images(training: Dataset, test: Dataset, validation_share: float, stream: Stream) -> Split:
    """Training, validation and test part; the validation part is drawn from the training part.

    All images are centred by the mean pixel of the training part, then each is divided by its root mean square.

    Raises
    ------
    ValueError
        For a share that leaves a part empty, or an image that is all mean.
    """
    n = len(training.labels)
    held = round(validation_share * n)
    if not 0 < held < n:
        raise ValueError(f"validation_share must leave both parts with images, got {validation_share} of {n}")
    order = stream.block(0).permutation(n)
    kept, chosen = np.sort(order[held:]), np.sort(order[:held])
    mean = training.images[kept].mean(dtype=np.float64).astype(np.float32)

    def scaled(images: Images) -> Images:
        centred = images - mean
        size = np.sqrt(np.mean(centred**2, axis=(1, 2, 3), keepdims=True, dtype=np.float64))
        if not size.all():
            raise ValueError(
                f"image {int(np.argmin(size))} of {training.title} is constant: it can't be scaled"
            )
        return (centred / size).astype(np.float32)

    return Split(
        training.title,
        (scaled(training.images[kept]), training.labels[kept]),
        (scaled(training.images[chosen]), training.labels[chosen]),
        (scaled(test.images), test.labels),
    )


def train_ensemble(
    ensemble: Ensemble,
    parts: Sequence[tuple[torch.Tensor, torch.Tensor]],
    plan: Plan,
    order: Stream,
    **options: Any,
) -> tuple[list[Row], list[Row]]:
    """Train an ensemble whose members stand in the order of `plan.members`; returns `run_rows` and `curve_rows`.

    `parts` are inputs and labels for training, validation and test; options as for `training.train`.
    """
    members = plan.members()
    (x, y), held, test = parts
    found = train(
        ensemble,
        x,
        y,
        validation=held,
        learning_rates=[rate for rate, _ in members],
        seeds=[seed for _, seed in members],
        stream=order,
        epochs=plan.epochs,
        batch_size=plan.batch_size,
        optimizer=plan.optimizer,
        **options,
    )
    classes = int(y.max()) + 1
    return run_rows(found, members, (x, y), test, 0.5 * math.log(classes)), curve_rows(found, members)


def tensors(
    part: tuple[Images, Labels], device: str | None, *, flat: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    """Images, as vectors if `flat`, and labels on a device."""
    images, labels = part
    if flat:
        images = images.reshape(len(images), -1)
    return torch.from_numpy(images).to(device), torch.from_numpy(labels).to(device)


def run_rows(
    found: Training,
    members: Sequence[tuple[float, int]],
    train_part: tuple[torch.Tensor, torch.Tensor],
    test_part: tuple[torch.Tensor, torch.Tensor],
    threshold: float,
) -> list[Row]:
    """One row per member: learning rate and seed, epoch of divergence (0: none), scores at the end, whether it trains.

    `threshold` is the loss below which a run trains; epochs_to_loss is the first epoch with a mean batch loss below it.
    """
    n = len(members)
    scores = np.full((4, n), math.nan)
    if found.ensemble is not None:
        scores[:2, found.members] = evaluate(found.ensemble, *train_part)
        scores[2:, found.members] = evaluate(found.ensemble, *test_part)
    loss, _, test_loss, test_accuracy = scores
    held = found.validation[-1]
    rows = []
    for k, (rate, seed) in enumerate(members):
        reached = np.flatnonzero(found.loss[:, k] < threshold)
        rows.append(
            {
                "learning_rate": rate,
                "seed": seed,
                "diverged": int(found.diverged[k]),
                "loss": loss[k],
                "validation_loss": held.loss[k],
                "validation_accuracy": held.accuracy[k],
                "test_loss": test_loss[k],
                "test_accuracy": test_accuracy[k],
                "trains": bool(loss[k] < threshold),
                "epochs_to_loss": float(reached[0] + 1) if reached.size else math.nan,
            }
        )
    return rows


def curve_rows(found: Training, members: Sequence[tuple[float, int]]) -> list[Row]:
    """One row per member and epoch, 0 being the start: mean loss of its batches, and scores of the validation part."""
    return [
        {
            "learning_rate": rate,
            "seed": seed,
            "epoch": epoch,
            "loss": found.loss[epoch - 1, k] if epoch else math.nan,
            "validation_loss": score.loss[k],
            "validation_accuracy": score.accuracy[k],
        }
        for k, (rate, seed) in enumerate(members)
        for epoch, score in enumerate(found.validation)
    ]
