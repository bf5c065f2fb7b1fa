"""Speed of the exact pairs, of the import and of `GaussianActivation` against GELU (one thread)."""

from __future__ import annotations

import functools
import subprocess
import sys

import numpy as np
import torch
from timing import best_times, machine, report, save

from preactivations.activations.gaussian import GaussianActivation
from preactivations.pairs._exact_table import exact_table
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SphericalMarginal, SymmetricWeibull

THETAS = (2.05, 2.5, 3, 4, 5, 7, 10)


def exact_pairs() -> None:
    x = np.linspace(-10, 10, 800)
    for theta in THETAS:
        for kind in ("odd", "positive"):
            GaussianPair(SymmetricWeibull(theta), kind).phi(x)


def tables_against_tanh() -> None:
    x = np.random.default_rng(0).standard_normal(1_000_000)
    for law in (SymmetricWeibull(4), SphericalMarginal(0)):
        for kind in ("odd", "positive"):
            table = GaussianPair(law, kind).table()
            tasks = {
                "tanh": functools.partial(np.tanh, x),
                "phi": functools.partial(table.phi, x),
                "phi and dphi": functools.partial(table.value_and_slope, x),
            }
            times = best_times(tasks, 30)
            for name, target in (("phi", 4), ("phi and dphi", 8)):
                ratio = times[name] / times["tanh"]
                report("table of 10^6 / np.tanh", ratio, target, what=name, law=law, kind=kind)


def interpreter(code: str) -> functools.partial[subprocess.CompletedProcess[bytes]]:
    return functools.partial(subprocess.run, [sys.executable, "-c", code], check=True)


def forward_and_backward(module: torch.nn.Module, x: torch.Tensor, gradient: torch.Tensor) -> None:
    module(x).backward(gradient)
    x.grad = None


def against_gelu(compiled: bool) -> None:
    x, gradient = torch.randn(1_000_000, requires_grad=True), torch.randn(1_000_000)
    modules: dict[str, torch.nn.Module] = {"GELU": torch.nn.GELU()}
    for law in (SymmetricWeibull(3), SphericalMarginal(1)):
        for kind in ("odd", "positive"):
            modules[f"{law}, {kind}"] = GaussianActivation(law, kind)
    if compiled:
        modules = {name: torch.compile(module) for name, module in modules.items()}
    tasks = {n: functools.partial(forward_and_backward, m, x, gradient) for n, m in modules.items()}
    best_times(tasks, 3)  # warm-up and compilation
    times = best_times(tasks, 40)
    for name in list(times)[1:]:
        title = f"forward and backward of 10^6 / GELU, {'compiled' if compiled else 'eager'}"
        report(title, times[name] / times["GELU"], 3 if compiled else 6, what=name)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(machine())
    exact_pairs()
    report("exact phi, 7 thetas x 2 kinds x 800 points", best_times({"": exact_pairs}, 5)[""], 1, "s")
    imports = {
        "numpy": interpreter("import numpy, scipy.special"),
        "ours": interpreter("import preactivations as pre; pre.GaussianPair, pre.propagation"),
    }
    times = best_times(imports, 15)
    report("import of the library / numpy + scipy.special", times["ours"] / times["numpy"], 1.5)
    build = best_times({"": lambda: GaussianActivation(SymmetricWeibull(3))}, 5)[""]
    report("construction of GaussianActivation(SymmetricWeibull(3))", 1e3 * build, unit="ms")
    steep = GaussianPair(SphericalMarginal(36), "odd")
    report(
        "first table of the odd spherical pair b = 36",
        best_times({"": lambda: exact_table.__wrapped__(steep)}, 3)[""],
        unit="s",
    )
    tables_against_tanh()
    against_gelu(compiled=False)
    against_gelu(compiled=True)
    save(__file__)
