"""Speed of ensembles: steps of 30 members at once against a plain loop over them, and what each part of it adds.

One thread, batches of 100 inputs of 64 values, SGD with momentum. The plain loop: nn.Sequential, autograd,
torch.optim.SGD, one member after another (one is timed, times 30).
"""

from __future__ import annotations

import sys
from functools import partial

import numpy as np
import torch
from timing import best_times, machine, report, save
from torch import nn

from preactivations.activations.modules import activation
from preactivations.training.ensembles import Ensemble
from preactivations.training.loop import Sgd
from preactivations.training.networks import mlp
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


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(machine())
    for width, depth in ((10, 10), (10, 30), (30, 10), (30, 30), (100, 10), (100, 30)):
        compiled = depth == 10 and "--no-compile" not in sys.argv
        compare("tanh", "normal", width, depth, compiled)
        compare("relu", "normal", width, depth, compiled)
        compare("odd", "weibull_4", width, depth, compiled)
    save(__file__)
