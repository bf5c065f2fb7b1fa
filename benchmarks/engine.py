"""The simulation engine against the plain way: float64, torch.distributions, one big torch.bmm.

200 000 networks [1, 10, 10, 1] with Weibull weights, theta = 3. Memory is the peak above what is resident after the
imports, each way in an interpreter of its own.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import torch
from timing import best_times, machine, report, save

from preactivations.activations.array_map import as_array_map
from preactivations.activations.gaussian import GaussianActivation
from preactivations.propagation.engine import simulate
from preactivations.streams import Stream
from preactivations.weights import SymmetricWeibull

N_NETWORKS, WIDTH, THETA = 200_000, 10, 3.0
LAW = SymmetricWeibull(THETA)
ACTIVATION = GaussianActivation(LAW, "odd")


def plain() -> torch.Tensor:
    one = torch.ones((), dtype=torch.float64)
    weibull = torch.distributions.Weibull(one, THETA * one)
    sign = torch.distributions.Bernoulli(0.5 * one)

    def weights(*shape: int) -> torch.Tensor:
        return weibull.sample(shape) * (2 * sign.sample(shape) - 1)

    with torch.no_grad():
        z = torch.randn(N_NETWORKS, WIDTH, 1, dtype=torch.float64)
        for fan_out in (WIDTH, 1):
            z = torch.bmm(weights(N_NETWORKS, fan_out, WIDTH), ACTIVATION(z)) / math.sqrt(WIDTH)
    return z


def engine(threads: int) -> object:
    return simulate(
        [1, WIDTH, WIDTH, 1],
        as_array_map(ACTIVATION),
        weights=LAW,
        n_networks=N_NETWORKS,
        stream=Stream(1, "benchmark"),
        threads=threads,
    )


def peak_above_imports(way: str) -> float:
    """MB, in an interpreter of its own."""
    run = subprocess.run([sys.executable, __file__, way], capture_output=True, text=True, check=True)
    return float(run.stdout)


def memory_mb(field: str) -> float:
    """VmRSS (resident now) or VmHWM (its peak) of this process; Linux. (ru_maxrss would count the parent's.)"""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) * 1024 / 1e6


if __name__ == "__main__":
    cores = os.cpu_count() or 1
    if len(sys.argv) > 1:
        before = memory_mb("VmRSS")
        torch.set_num_threads(cores if sys.argv[1] == "plain" else 1)
        plain() if sys.argv[1] == "plain" else engine(cores)
        print(memory_mb("VmHWM") - before)
    else:
        print(machine())

        def plain_on_all_cores() -> None:
            torch.set_num_threads(cores)
            plain()
            torch.set_num_threads(1)

        torch.set_num_threads(1)
        tasks = {
            "plain": plain_on_all_cores,
            "1 thread": lambda: engine(1),
            f"{cores} threads": lambda: engine(cores),
        }
        times = best_times(tasks, 5)
        for name in list(tasks)[1:]:
            report(
                f"time: plain way on {cores} cores / engine", times["plain"] / times[name], 10, threads=name
            )
        report("engine, 1 thread", 1e3 * times["1 thread"], unit="ms")
        memory = {way: peak_above_imports(way) for way in ("plain", "engine")}
        report("peak memory above imports: plain way", memory["plain"], unit="MB")
        report("peak memory above imports: engine", memory["engine"], unit="MB")
        report("memory: plain way / engine", memory["plain"] / memory["engine"], 10)
    save(__file__)
