"""Runs of training in rows: images in their parts, learning rates and seeds of an ensemble, what came out.

Learning rates are those of a full grid, all of them with all seeds to the end, or one that a `race` has chosen before
by successive halving (Jamieson & Talwalkar 2016).

A run *trains* if the cross-entropy over the whole training part ends below half of that of a guess, log(classes) / 2 =
1.15 for ten classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from preactivations.datasets import Dataset
from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from preactivations.training.loop import Score, Training, evaluate, train

__all__ = [
    "Plan",
    "Race",
    "Split",
    "curve_rows",
    "race",
    "ranked",
    "run_rows",
    "split_images",
    "tensors",
    "train_ensemble",
]

_SMOOTH = 20  # batches whose mean loss says that a run has come below the threshold

Row = dict[str, Any]
Images = NDArray[np.float32]
Labels = NDArray[np.int64]


class Split(NamedTuple):
    """Images of unit mean square, shape (n, channels, height, width), with labels, by part."""

    title: str
    train: tuple[Images, Labels]
    validation: tuple[Images, Labels]
    test: tuple[Images, Labels]


class Race(NamedTuple):
    """How a learning rate is chosen before networks are trained with it.

    Attributes
    ----------
    seeds : int
        Networks per rate. They are no others' seeds: choice and result are independent.
    share : float
        Length of the race in the epochs of a run.
    """

    seeds: int
    share: float

    def rounds(self, rates: int) -> list[int]:
        """How many of so many rates are left after each round: the better half, rounded up.

        >>> Race(2, 0.25).rounds(6)
        [3, 2, 1]
        """
        left = []
        while rates > 1:
            rates = (rates + 1) // 2
            left.append(rates)
        return left


class Plan(NamedTuple):
    """How a cell is trained.

    Attributes
    ----------
    optimizer : str
    learning_rates : sequence of float
    seeds : int
        Their number.
    epochs, batch_size : int
    race : Race, optional
        Of the learning rates; by default all are trained.
    """

    optimizer: str
    learning_rates: Sequence[float]
    seeds: int
    epochs: int
    batch_size: int = 100
    race: Race | None = None

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


def ranked(rates: Sequence[float], accuracies: Sequence[float], losses: Sequence[float]) -> list[float]:
    """Learning rates from the best on: by validation accuracy; of equal ones by loss (NaN last), then the smaller."""
    order = sorted(
        zip(rates, accuracies, losses, strict=True),
        key=lambda r: (-r[1], math.inf if math.isnan(r[2]) else r[2], r[0]),
    )
    return [rate for rate, _, _ in order]


def race(
    ensemble: Ensemble,
    parts: Sequence[tuple[torch.Tensor, torch.Tensor]],
    plan: Plan,
    order: Stream,
    **options: Any,
) -> tuple[float, list[Row]]:
    """The learning rate of a cell by successive halving: (rate, rows of the race).

    All rates start with `plan.race.seeds` networks. After each round the better half goes on, by mean accuracy on the
    validation part, with diverged runs as guesses; the last round ends after the share `plan.race.share` of the steps
    of a run, the one before after half of that, and so on.

    Parameters
    ----------
    ensemble : Ensemble
        Networks by rate, then by seed, as of `Plan.members` with the seeds of the race.
    parts, order, **options
        As for `train_ensemble`; block `plan.seeds` + k of `order` is that of the k-th seed. Learning rates do not fall.

    Returns
    -------
    float
    list of dict
        One row per rate and round in which it runs: learning_rate, round (from 1), steps done then,
        seeds, validation_accuracy and validation_loss (means), diverged (of the seeds), stays.

    Raises
    ------
    ValueError
        Without a race in the plan; else as for `training.train`.
    """
    if plan.race is None:
        raise ValueError("the plan has no race")
    (x, y), held, _ = parts
    seeds, left = plan.race.seeds, plan.race.rounds(len(plan.learning_rates))
    if not left:
        return plan.learning_rates[0], []
    members = plan._replace(seeds=seeds).members()
    guess = 1 / (int(y.max()) + 1)
    # the first round is one unit long, each later one ends at twice the units
    full = len(x) // plan.batch_size
    unit = plan.race.share * plan.epochs * full / 2 ** (len(left) - 1)
    epochs = math.ceil(unit / full)
    steps = max(1, round(unit / epochs))
    standing = list(plan.learning_rates)
    rows: list[Row] = []

    def judge(epoch: int, score: Score, who: NDArray[np.int64]) -> NDArray[np.bool_]:
        """After a round: which members stay; notes the rows of the rates in it."""
        nonlocal standing
        number = sum(epochs * 2**k < epoch for k in range(len(left)))
        if epoch != epochs * 2**number:
            return np.ones(len(who), dtype=bool)
        alive = np.array([members[member][0] for member in who])
        found = []
        for rate in standing:
            mine = alive == rate
            right = score.accuracy[mine].sum() + guess * (seeds - mine.sum())
            loss = float(score.loss[mine].mean()) if mine.any() else math.nan
            found.append((rate, right / seeds, loss, int(seeds - mine.sum())))
        best = ranked(*zip(*(row[:3] for row in found), strict=True))[: left[number]]
        rows.extend(
            {"learning_rate": rate, "round": number + 1, "steps": epoch * steps, "seeds": seeds}
            | {"validation_accuracy": accuracy, "validation_loss": loss, "diverged": diverged}
            | {"stays": rate in best}
            for rate, accuracy, loss, diverged in found
        )
        standing = best
        return np.isin(alive, best)

    found = train(
        ensemble,
        x,
        y,
        validation=held,
        learning_rates=[rate for rate, _ in members],
        seeds=[plan.seeds + seed for _, seed in members],
        stream=order,
        epochs=epochs * 2 ** (len(left) - 1),
        batch_size=plan.batch_size,
        steps=steps,
        optimizer=plan.optimizer,
        keep=judge,
        **options,
    )
    if len(standing) > 1:  # all that stood have diverged
        none = Score(np.array([]), np.array([]))
        for number in range(len(set(row["round"] for row in rows)), len(left)):
            judge(epochs * 2**number, none, found.members[:0])
    return standing[0], rows


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

    `threshold` is the loss below which a run trains; steps_to_loss is the first step at which the mean loss of the last
    20 batches is below it.
    """
    n = len(members)
    scores = np.full((4, n), math.nan)
    if found.ensemble is not None:
        scores[:2, found.members] = evaluate(found.ensemble, *train_part)
        scores[2:, found.members] = evaluate(found.ensemble, *test_part)
    loss, _, test_loss, test_accuracy = scores
    held = found.validation[-1]
    smooth = sliding_window_view(found.batch_loss, min(_SMOOTH, len(found.batch_loss)), axis=0).mean(-1)
    rows = []
    for k, (rate, seed) in enumerate(members):
        reached = np.flatnonzero(smooth[:, k] < threshold)
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
                "steps_to_loss": float(reached[0] + len(found.batch_loss) - len(smooth) + 1)
                if reached.size
                else math.nan,
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
