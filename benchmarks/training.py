"""Speed of ensembles: steps of 30 members at once against a plain loop over them, and what each part of it adds.

Then what the machine gives: arithmetic of a step (products of matrices and convolutions, forward and back) in a second
over that of a product of 1000 x 1000 matrices in single precision, for five members, as a cell trains.

One thread, batches of 100 inputs of 64 values, SGD with momentum. The plain loop: nn.Sequential, autograd,
torch.optim.SGD, one member after another (one is timed, times 30).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from timing import best_times, machine, report, save
from torch import nn

from preactivations.activations.modules import activation
from preactivations.training.ensembles import Ensemble
from preactivations.training.loop import Sgd
from preactivations.training.networks import lenet, mlp
from preactivations.weights import as_law

MEMBERS, BATCH, INPUTS = 30, 100, 64
X, Y = torch.randn(1000, INPUTS), torch.randint(10, (1000,))


def alone(network: nn.Sequential, optimizer: torch.optim.Optimizer) -> None:
    at = torch.randint(len(X), (BATCH,))
    optimizer.zero_grad()
    nn.functional.cross_entropy(network(X[at]), Y[at]).backward()
    optimizer.step()


def together(ensemble: Ensemble, method: Sgd, rates: torch.Tensor) -> None:
    at = torch.randint(len(X), (MEMBERS, BATCH))
    ensemble.loss_and_gradient(X[at], Y[at])
    method.step(ensemble.parameters, ensemble.gradient, rates)


def gradient(ensemble: Ensemble) -> None:
    at = torch.randint(len(X), (MEMBERS, BATCH))
    ensemble.loss_and_gradient(X[at], Y[at])


class Batched(nn.Module):
    """The same products differentiated by autograd: what the hand-written gradient is compared with."""

    def __init__(self, networks: list[nn.Sequential], phi: nn.Module) -> None:
        super().__init__()
        layers = [[m for m in network if isinstance(m, nn.Linear)] for network in networks]
        self.phi = phi
        self.w = nn.ParameterList(
            torch.stack([m.weight.detach() for m in column]) for column in zip(*layers, strict=True)
        )
        self.b = nn.ParameterList(
            torch.stack([m.bias.detach()[:, None] for m in column]) for column in zip(*layers, strict=True)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x.mT
        for k, (w, b) in enumerate(zip(self.w, self.b, strict=True)):
            h = torch.baddbmm(b, w, self.phi(h) if k else h)
        return h.mT.flatten(0, 1)


def batched_step(module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
    at = torch.randint(len(X), (MEMBERS, BATCH))
    optimizer.zero_grad()
    (nn.functional.cross_entropy(module(X[at]), Y[at].flatten(), reduction="sum") / BATCH).backward()
    optimizer.step()


def compare(name: str, law: str, width: int, depth: int, compiled: bool = False) -> None:
    rng = np.random.default_rng(0)
    phi = activation(name, as_law(law) if name in ("odd", "positive") else None)
    networks = [mlp(INPUTS, width, depth, activation=phi, weights=law, rng=rng) for _ in range(MEMBERS)]
    ensemble = Ensemble(networks)
    batched = Batched(networks, phi)
    tasks = {
        "alone": partial(alone, networks[0], torch.optim.SGD(networks[0].parameters(), 1e-3, 0.9)),
        "together": partial(
            together, ensemble, Sgd(ensemble.parameters), ensemble.spread(torch.full((MEMBERS,), 1e-3))
        ),
        "gradient": partial(gradient, ensemble),
        "fused": partial(batched_step, batched, torch.optim.SGD(batched.parameters(), 1e-3, 0.9, fused=True)),
        "autograd": partial(batched_step, batched, torch.optim.SGD(batched.parameters(), 1e-3, 0.9)),
    }
    if compiled:
        torch.compiler.reset()  # or the limit of recompilations is met by the networks before
        module = torch.compile(Batched(networks, phi))
        tasks["compiled"] = partial(batched_step, module, torch.optim.SGD(module.parameters(), 1e-3, 0.9))
    best_times(tasks, 3)
    times = best_times(tasks, 15)
    loop = MEMBERS * times["alone"]
    target = 1.4 if width == 100 else 4
    at = {"width": width, "depth": depth, "activation": name}
    report("plain loop / ensemble", loop / times["together"], target, **at)
    report("of which the optimizer step", 100 * (1 - times["gradient"] / times["together"]), unit="%", **at)
    report("plain loop / batched products with autograd and torch.optim", loop / times["autograd"], **at)
    report("plain loop / the same with the fused step of torch.optim", loop / times["fused"], **at)
    if compiled:
        report("plain loop / the same under torch.compile", loop / times["compiled"], **at)


def operations(network: nn.Sequential, shape: tuple[int, ...]) -> float:
    """Multiplications and additions of a step for one input: a layer's products forward, and back by weights and input.

    The first layer needs no derivative by its input.
    """
    total, x = 0.0, torch.zeros(1, *shape)
    for k, module in enumerate(network):
        x = module(x)
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            own = module.weight.numel() * (x[0, 0].numel() if isinstance(module, nn.Conv2d) else 1)
            total += 2 * own * (3 if k else 2)
    return total


def share_of_the_limit(
    name: str, law: str, build: Callable[..., nn.Sequential], *sizes: int, members: int = 5
) -> None:
    rng = np.random.default_rng(0)
    networks = [build(*sizes, activation=name, weights=law, rng=rng) for _ in range(members)]
    shape = (sizes[0], sizes[1], sizes[1]) if build is lenet else (sizes[0],)
    x, y = torch.randn(members, BATCH, *shape), torch.randint(10, (members, BATCH))
    ensemble = Ensemble(networks)
    method, rates = Sgd(ensemble.parameters), ensemble.spread(torch.full((members,), 1e-3))

    def step() -> None:
        ensemble.loss_and_gradient(x, y)
        method.step(ensemble.parameters, ensemble.gradient, rates)

    square = torch.randn(1000, 1000)
    times = best_times({"step": step, "limit": lambda: square @ square}, 15)
    rate = members * BATCH * operations(networks[0], shape) / times["step"]
    what = "LeNet" if build is lenet else f"{sizes[1]} x {sizes[2]}"
    report(
        "share of the arithmetic limit", 100 * rate * times["limit"] / 2e9, unit="%", of=what, activation=name
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(machine())
    for width, depth in ((10, 10), (10, 30), (30, 10), (30, 30), (100, 10), (100, 30)):
        compiled = depth == 10 and "--no-compile" not in sys.argv
        compare("tanh", "normal", width, depth, compiled)
        compare("relu", "normal", width, depth, compiled)
        compare("odd", "weibull_4", width, depth, compiled)
    for name, law in (("tanh", "normal"), ("relu", "normal"), ("odd", "weibull_4")):
        share_of_the_limit(name, law, mlp, 784, 30, 10)
        share_of_the_limit(name, law, mlp, 784, 100, 10)
        share_of_the_limit(name, law, mlp, 784, 100, 30)
        share_of_the_limit(name, law, lenet, 3, 32)
    save(__file__)
