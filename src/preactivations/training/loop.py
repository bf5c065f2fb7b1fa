"""Training of ensembles: mini-batches, SGD with momentum and Adam, divergence recorded.

All seeds and learning rates of one architecture train at once (`ensembles`): each member has its own learning rate and
its own order of batches, and ends where it would alone, up to rounding.

A member diverges when its mean loss over a stretch of at most 100 steps, or on the validation part after an epoch, is
not finite or above `loss_bound`; it then leaves the ensemble, so that it costs no more, and is recorded, never dropped.
Members can also be sent away after an epoch, by `keep`: a race of learning rates (`runs.race`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble

__all__ = ["OPTIMIZERS", "Adam", "Score", "Sgd", "Training", "evaluate", "flipped_and_cropped", "train"]

Array = NDArray[np.float64]

_STRETCH = 100  # steps between looks at the loss
_CHUNK = 1 << 16  # neurons of a layer at once in an evaluation: what stays in the cache
_DEVICE_CHUNK = 1 << 24


class Sgd:
    """Gradient descent with momentum: v <- momentum v + g, w <- w - rate v.

    Sutskever et al. 2013, as in PyTorch.

    Parameters
    ----------
    parameters : Tensor, shape (p,)
        Flat, as of an `Ensemble`; only its shape, dtype and device matter.
    momentum : float
        .9 by default.

    Attributes
    ----------
    state : list of Tensor, shape (p,)
        [v], 0 at first.
    """

    def __init__(self, parameters: Tensor, momentum: float = 0.9) -> None:
        self.momentum = momentum
        self.state = [torch.zeros_like(parameters)]

    def step(self, parameters: Tensor, gradient: Tensor, rates: Tensor) -> None:
        """One step of `parameters`, in place; all three of shape (p,), `rates` the learning rate of each."""
        (velocity,) = self.state
        velocity.mul_(self.momentum).add_(gradient)
        parameters.addcmul_(rates, velocity, value=-1)


class Adam:
    """Adam (Kingma & Ba 2015), bias-corrected: beta = (.9, .999), epsilon = 1e-8 beside the square root.

    Parameters
    ----------
    parameters : Tensor, shape (p,)
        As for `Sgd`.

    Attributes
    ----------
    state : list of Tensor, shape (p,)
        Means of g and g^2, 0 at first.
    steps : int
        Steps done.
    """

    def __init__(self, parameters: Tensor) -> None:
        self.state = [torch.zeros_like(parameters), torch.zeros_like(parameters)]
        self.steps = 0

    def step(self, parameters: Tensor, gradient: Tensor, rates: Tensor) -> None:
        """One step of `parameters`, in place, as of `Sgd`."""
        self.steps += 1
        mean, square = self.state
        mean.lerp_(gradient, 0.1)
        square.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
        root = (square / (1 - 0.999**self.steps)).sqrt_().add_(1e-8)
        parameters.addcdiv_(rates * mean, root, value=-1 / (1 - 0.9**self.steps))


#: Optimizers by name; each takes the flat parameters.
OPTIMIZERS: dict[str, Callable[[Tensor], Any]] = {
    "sgd": Sgd,
    "sgd_without_momentum": functools.partial(Sgd, momentum=0.0),
    "adam": Adam,
}


class Score(NamedTuple):
    """Mean cross-entropy and share of right answers.

    Attributes
    ----------
    loss : array, shape (E,)
    accuracy : array, shape (E,)
    """

    loss: Array
    accuracy: Array


class Training(NamedTuple):
    """What happened to each of the E members.

    Attributes
    ----------
    loss : array, shape (n_epochs, E)
        Mean over the batches of each epoch of the loss before the step; NaN from the epoch of divergence on.
    validation : list of Score
        At the start and after each epoch, epochs + 1 in all; NaN from the epoch of divergence on, and after the one
        in which a member was sent away.
    diverged : array of int, shape (E,)
        The epoch (from 1) in which the member diverged, 0 if it did not.
    batch_loss : array, float32, shape (n_epochs * steps, E)
        Loss of each batch before its step; NaN from the epoch of divergence on, and after the one in which a member
        was sent away.
    ensemble : Ensemble or None
        The members that are left, as they ended; None if there are none.
    members : array of int, shape (k,)
        Their numbers.
    """

    loss: Array
    validation: list[Score]
    diverged: NDArray[np.int64]
    batch_loss: NDArray[np.float32]
    ensemble: Ensemble | None
    members: NDArray[np.int64]


def train(
    ensemble: Ensemble,
    inputs: Tensor,
    labels: Tensor,
    *,
    validation: tuple[Tensor, Tensor],
    learning_rates: Sequence[float],
    seeds: Sequence[int],
    stream: Stream,
    epochs: int,
    batch_size: int = 100,
    steps: int | None = None,
    optimizer: str = "sgd",
    weight_decay: float = 0.0,
    decay_epochs: Sequence[int] = (),
    loss_bound: float = 100.0,
    at_epoch: Callable[[int, Ensemble, NDArray[np.int64]], None] | None = None,
    keep: Callable[[int, Score, NDArray[np.int64]], NDArray[np.bool_]] | None = None,
    augment: Callable[[Tensor, np.random.Generator], Tensor] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Training:
    """Train all members of an ensemble (the given one is left as it is).

    Parameters
    ----------
    ensemble : Ensemble
        E members.
    inputs : Tensor, shape (n, *input)
        All tensors are on the device of the ensemble.
    labels : Tensor of int64, shape (n,)
        Classes from 0 on.
    validation : (Tensor, Tensor)
        Inputs and labels that are looked at after each epoch, and never trained on.
    learning_rates : sequence of float, length E
    seeds : sequence of int, length E
        The order of batches of a member comes from block `seed` of `stream`, part 0, and what `augment` draws from part
        1: members with one seed share both.
    stream : Stream
    epochs : int
        At least 1. Each is `steps` batches of one permutation; what is left of it is not used then.
    batch_size : int
        From 1 to n; 100 by default.
    steps : int, optional
        Batches of an epoch, from 1 to n // batch_size, the default.
    optimizer : {"sgd", "sgd_without_momentum", "adam"}
        "sgd" by default, with momentum .9.
    weight_decay : float
        Times a parameter is added to its gradient; 0 by default.
    decay_epochs : sequence of int
        After so many epochs all learning rates are divided by 10; none by default.
    loss_bound : float
        A mean loss above it counts as divergence, 100 by default; log(classes) is the loss of a guess.
    at_epoch : callable, optional
        Called with (epochs done, ensemble, numbers of its members) at the start and after each epoch in which
        a member is left.
    keep : callable, optional
        Called with (epochs done, validation scores, numbers of the members that they are of) after each epoch in which
        a member is left; says which of them go on. By default all.
    augment : callable, optional
        Changes the inputs of a batch of one seed, shape (batch, *input), at random: `flipped_and_cropped`. By default
        they are as given.
    progress : callable, optional
        Called with 1 after each epoch that is run: none follows once no member is left.

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        For lengths that are not E, a learning rate that is not positive, an unknown optimizer, a batch larger than n,
        more steps than there are batches, a weight decay that is negative, fewer than 1 epoch.
    """
    size, n = ensemble.n_members, len(inputs)
    if len(learning_rates) != size or len(seeds) != size:
        raise ValueError(
            f"learning_rates and seeds need one value per member ({size}), got {len(learning_rates)} and {len(seeds)}"
        )
    if not all(rate > 0 and math.isfinite(rate) for rate in learning_rates):
        raise ValueError(f"learning rates must be finite and > 0, got {list(learning_rates)}")
    if optimizer not in OPTIMIZERS:
        raise ValueError(f"unknown optimizer {optimizer!r}; accepted: {', '.join(map(repr, OPTIMIZERS))}")
    if not 1 <= batch_size <= n:
        raise ValueError(f"batch_size must be in [1, {n}], the number of inputs, got {batch_size}")
    if not (weight_decay >= 0 and math.isfinite(weight_decay)):
        raise ValueError(f"weight_decay must be finite and >= 0, got {weight_decay}")
    if epochs < 1:
        raise ValueError(f"epochs must be at least 1, got {epochs}")
    steps = n // batch_size if steps is None else steps
    if not 1 <= steps <= n // batch_size:
        raise ValueError(f"steps must be in [1, {n // batch_size}], the batches of an epoch, got {steps}")
    members = np.arange(size)
    ensemble = ensemble.select(torch.arange(size))
    device = ensemble.parameters.device
    rates = ensemble.spread(torch.tensor(learning_rates, dtype=torch.float64))
    method = OPTIMIZERS[optimizer](ensemble.parameters)
    orders = {seed: stream.block(seed) for seed in dict.fromkeys(seeds)}
    changes = [stream.block(seed, part=1) for seed in orders]
    row = np.array([list(orders).index(seed) for seed in seeds])
    loss = np.full((epochs, size), math.nan)
    batch_loss = np.full((epochs * steps, size), math.nan, dtype=np.float32)
    diverged = np.zeros(size, dtype=np.int64)
    scores = [_at(evaluate(ensemble, *validation), members, size)]
    if at_epoch is not None:
        at_epoch(0, ensemble, members)

    def drop(good: NDArray[np.bool_]) -> None:
        """Members that are not good leave; the others go on."""
        nonlocal members, rates, ensemble
        if good.all():
            return
        members = members[good]
        rest = torch.from_numpy(np.flatnonzero(good)).to(device)
        method.state = [ensemble.take(state, rest) for state in method.state]
        rates = ensemble.take(rates, rest)
        if len(members):
            ensemble = ensemble.select(rest)

    def check(good: NDArray[np.bool_], epoch: int) -> None:
        """Members that are not good have diverged."""
        diverged[members[~good]] = epoch + 1
        drop(good)

    for epoch in range(epochs):
        if epoch in decay_epochs:
            rates = rates / 10
        order = np.stack([rng.permutation(n)[: steps * batch_size] for rng in orders.values()])
        batches = torch.from_numpy(order.reshape(len(orders), steps, batch_size)).to(device)
        total = np.zeros(size)
        for start in range(0, steps, _STRETCH):
            stretch = range(start, min(steps, start + _STRETCH))
            which = torch.from_numpy(row[members]).to(device)
            losses = []
            for step in stretch:
                at = batches[which, step]  # (E, batch)
                x = inputs[at]
                if augment is not None:
                    drawn = {k: augment(inputs[batches[k, step]], changes[k]) for k in set(row[members])}
                    x = torch.stack([drawn[k] for k in row[members]])
                losses.append(ensemble.loss_and_gradient(x, labels[at]))
                if weight_decay:
                    ensemble.gradient.add_(ensemble.parameters, alpha=weight_decay)
                method.step(ensemble.parameters, ensemble.gradient, rates)
            each = torch.stack(losses).cpu().numpy()
            seen = each.sum(0, dtype=np.float64)
            total[members] += seen
            batch_loss[epoch * steps + start : epoch * steps + start + len(stretch), members] = each
            check(seen <= loss_bound * len(stretch), epoch)  # false for NaN
            if not len(members):
                break
        if len(members):
            score = evaluate(ensemble, *validation)
            good = score.loss <= loss_bound
            check(good, epoch)
            score = Score(score.loss[good], score.accuracy[good])
        if progress is not None:
            progress(1)
        batch_loss[epoch * steps :, diverged > 0] = math.nan
        if not len(members):
            break
        loss[epoch, members] = total[members] / steps
        scores.append(_at(score, members, size))
        if at_epoch is not None:
            at_epoch(epoch + 1, ensemble, members)
        if keep is not None:
            drop(keep(epoch + 1, score, members))
            if not len(members):
                break
    missing = np.full(size, math.nan)
    scores += [Score(missing, missing)] * (epochs + 1 - len(scores))
    return Training(loss, scores, diverged, batch_loss, ensemble if len(members) else None, members)


def flipped_and_cropped(images: Tensor, rng: np.random.Generator, border: int = 4) -> Tensor:
    """Images of a batch mirrored at random, and shifted by up to `border` pixels, 0 coming in at the sides.

    Parameters
    ----------
    images : Tensor, shape (batch, channels, height, width)
    rng : numpy.random.Generator
        Each image is mirrored with probability 1/2; its shifts, -border to border, are uniform in both directions.
    border : int
        4 by default, the usual one for images of 32 x 32.

    Returns
    -------
    Tensor
        New, of the same shape.
    """
    batch, _, height, width = images.shape
    mirrored = torch.from_numpy(rng.random(batch) < 0.5).to(images.device)
    rows, columns = torch.from_numpy(rng.integers(2 * border + 1, size=(2, batch))).to(images.device)
    padded = nn.functional.pad(images, [border] * 4)
    across = torch.arange(width, device=images.device)
    across = torch.where(mirrored[:, None], across.flip(0), across) + columns[:, None]
    down = torch.arange(height, device=images.device) + rows[:, None]
    which = torch.arange(batch, device=images.device)[:, None, None]
    # the channels last: indices on both sides of a slice
    return padded[which, :, down[:, :, None], across[:, None, :]].permute(0, 3, 1, 2).contiguous()


def evaluate(ensemble: Ensemble, inputs: Tensor, labels: Tensor) -> Score:
    """Loss and accuracy of each member on the same inputs, shape (n, *input), with labels, shape (n,).

    Arguments as for `train`.

    Returns
    -------
    Score
        In double precision, on the CPU.
    """
    members, n = ensemble.n_members, len(inputs)
    neurons = _CHUNK if inputs.device.type == "cpu" else _DEVICE_CHUNK
    chunk = max(1, neurons // (members * max(8, ensemble.widest)))
    loss = torch.zeros(members, dtype=torch.float64, device=inputs.device)
    right = torch.zeros(members, dtype=torch.int64, device=inputs.device)
    for start in range(0, n, chunk):
        y = labels[start : start + chunk]
        logits = ensemble.logits(inputs[start : start + chunk])
        log_p = torch.log_softmax(logits.double(), dim=1)  # (E, classes, chunk)
        loss -= log_p[:, y, torch.arange(len(y), device=y.device)].sum(1)
        right += (logits.argmax(1) == y).sum(1)
    return Score((loss / n).cpu().numpy(), (right.double() / n).cpu().numpy())


def _at(score: Score, members: NDArray[np.int64], size: int) -> Score:
    """Scores of all members; NaN where one is not there any more."""
    values = np.full((2, size), math.nan)
    values[:, members] = score
    return Score(*values)
