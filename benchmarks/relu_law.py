"""Exact laws of ReLU networks: time, and ratio to a simulation that knows the distribution function to 1 %."""

from __future__ import annotations

import tracemalloc
from functools import partial

import numpy as np
from timing import best_times, machine, report, save

from preactivations.init.mirrored import mirrored_orthogonal_
from preactivations.relu_law.chain import NormChain
from preactivations.relu_law.stationary import stationary_law

if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    print(machine())
    q = np.geomspace(1e-3, 1e3, 100)
    for width, depth in ((100, 1000), (10_000, 1000)):
        times = best_times(
            {
                "exact": lambda width=width, depth=depth: NormChain(width, [width] * depth).law().cdf(q),
                # 1.36 / sqrt(n) = 1 %: 95 % band of the empirical distribution function
                "chains": lambda width=width, depth=depth: NormChain(width, [width] * depth).sample(
                    18_500, np.random.default_rng(0)
                ),
            },
            3,
        )
        report(f"law after {depth} layers", times["exact"], 1, "s", width=width)
        report("18 500 chains of norms, relative to it", times["chains"] / times["exact"], width=width)
    times = best_times({"": lambda: NormChain(100, [100] * 100, bias_variance=0.1).law()}, 3)
    report("with biases, 100 layers of width 100", times[""], unit="s")
    tracemalloc.start()
    narrowing = [512, 256, 128, 64, 10]
    seconds = best_times({"": lambda: NormChain(784, narrowing, bias_variance=0.1).law()}, 3)[""]
    report("with biases, 784-512-256-128-64-10", seconds, unit="s")
    report("its memory at its peak", tracemalloc.get_traced_memory()[1] / 1e9, unit="GB")
    tracemalloc.stop()
    report("stationary law, width 100, He", best_times({"": partial(stationary_law, 100)}, 3)[""], unit="s")
    weight = torch.empty(1000, 1000)
    times = best_times(
        {
            "mirrored": partial(mirrored_orthogonal_, weight),
            "orthogonal": partial(torch.nn.init.orthogonal_, weight),
        },
        3,
    )
    report(
        "mirrored_orthogonal_ of 1000 x 1000, relative to torch.nn.init.orthogonal_",
        times["mirrored"] / times["orthogonal"],
    )
    save(__file__)
