"""Statistics of every layer of deep networks: the engine against the plain way, and against drawing uniform numbers.

Then neurons drawn from their law given the layer before, against weights, by width.

Width 30, depth 100, Weibull weights with theta = 4, odd activation. The plain way: a loop over networks in float64 with
torch.distributions. Per network, so that each way may simulate as many as it can in a moment.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from timing import best_times, machine, report, save

from preactivations import streams
from preactivations.activations.array_map import as_array_map
from preactivations.activations.gaussian import GaussianActivation
from preactivations.propagation.engine import Method, block_bytes, block_size, n_weights, simulate_layers
from preactivations.streams import Stream
from preactivations.weights import SymmetricWeibull

WIDTH, DEPTH, THETA = 30, 100, 4.0
LAW = SymmetricWeibull(THETA)
MODULE = GaussianActivation(LAW, "odd")
ACTIVATION = as_array_map(MODULE)
BLOCK = block_size([1] + [WIDTH] * DEPTH)


def plain(n_networks: int) -> None:
    one = torch.ones((), dtype=torch.float64)
    weibull, sign = torch.distributions.Weibull(one, THETA * one), torch.distributions.Bernoulli(0.5 * one)
    moments = torch.zeros(DEPTH, 4, dtype=torch.float64)
    with torch.no_grad():
        for _ in range(n_networks):
            z = torch.randn(WIDTH, dtype=torch.float64)
            for layer in range(DEPTH):
                if layer > 0:
                    w = weibull.sample((WIDTH, WIDTH)) * (2 * sign.sample((WIDTH, WIDTH)) - 1)
                    z = w @ MODULE(z) / math.sqrt(WIDTH)
                for power in range(4):
                    moments[layer, power] += (z ** (power + 1)).mean()


def engine(
    n_networks: int, threads: int, depth: int = DEPTH, width: int = WIDTH, method: Method = "weights"
) -> None:
    simulate_layers(
        [1] + [width] * depth,
        ACTIVATION,
        weights=LAW,
        n_networks=n_networks,
        stream=Stream(1),
        threads=threads,
        method=method,
    )


def by_width() -> None:
    """Time per network and layer of both methods, and memory, at one thread."""
    networks = {"weights": {300: 128, 1000: 16}, "conditional": {100: 4096, 300: 1024, 1000: 512, 100_000: 8}}
    tasks = {
        f"{method} {width}": lambda method=method, width=width, n=n: engine(n, 1, 4, width, method)
        for method, sizes in networks.items()
        for width, n in sizes.items()
    }
    times = best_times(tasks, 3)
    per_layer = {
        f"{method} {width}": times[f"{method} {width}"] / (4 * n)
        for method, sizes in networks.items()
        for width, n in sizes.items()
    }
    for width, least in ((300, 20), (1000, 60)):
        ratio = per_layer[f"weights {width}"] / per_layer[f"conditional {width}"]
        report("networks per second: given the layer before / from weights", ratio, least, width=width)
    grown = per_layer["conditional 1000"] / per_layer["conditional 100"]
    report("time per layer given the layer before: width 1000 / width 100", grown, 12)
    per_neuron = per_layer["conditional 100000"] / 100_000
    report("width 100 000, given the layer before, per neuron", 1e9 * per_neuron, unit="ns")
    for width in (1000, 100_000):
        memory = block_bytes([1, width, width], method="conditional")
        report("memory of a block", memory / 1e6, unit="MB", width=width)


def uniform(n_networks: int, threads: int) -> None:
    """As many uniform numbers as there are weights, by the same generator, block by block into one buffer."""
    per_block = WIDTH * WIDTH * BLOCK

    def block(index: int) -> None:
        rng, out = Stream(1).block(index), np.empty(per_block, np.float32)
        for _ in range(DEPTH - 1):
            streams.uniform(per_block, rng, out)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(block, range(-(-n_networks // BLOCK))))


if __name__ == "__main__":
    cores = os.cpu_count() or 1
    torch.set_num_threads(1)
    print(machine())
    n, few = 4 * BLOCK, 20

    def plain_on_all_cores() -> None:
        torch.set_num_threads(cores)
        plain(few)
        torch.set_num_threads(1)

    tasks = {"plain": plain_on_all_cores}
    for threads in (1, cores):
        tasks[f"engine {threads}"] = lambda threads=threads: engine(n, threads)
        tasks[f"uniform {threads}"] = lambda threads=threads: uniform(n, threads)
    times = best_times(tasks, 3)
    for threads in (1, cores):
        ours = times[f"engine {threads}"]
        faster = times["plain"] / few / (ours / n)
        report("time per network: plain way / engine", faster, 10, threads=threads)
        report("time: engine / uniform numbers alone", ours / times[f"uniform {threads}"], 3, threads=threads)
        per_weight = ours / (n * n_weights([1] + [WIDTH] * DEPTH))
        report("engine, per weight", 1e9 * per_weight, unit="ns", threads=threads)

    grown = best_times(
        {
            "once": lambda: engine(2 * BLOCK, 1, 50),
            "networks": lambda: engine(8 * BLOCK, 1, 50),
            "depth": lambda: engine(2 * BLOCK, 1, 200),
        },
        3,
    )
    report("time for 4 times the networks", grown["networks"] / grown["once"], 4)
    report("time for 4 times the depth", grown["depth"] / grown["once"], 4)
    by_width()
    save(__file__)
