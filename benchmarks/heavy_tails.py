"""Exact scales of fractional initialization: time, and ratio to a simulation that knows the moment to 1e-4."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from timing import best_times, machine, report, save

from preactivations.heavy_tails.scales import sigma
from preactivations.init.tensors import fractional_moment_

if __name__ == "__main__":
    import torch

    torch.set_num_threads(1)
    print(machine())
    for activation in ("linear", "relu", "leaky_relu", "rrelu"):
        for width in (64, 100_000):
            times = best_times({"": partial(sigma, 0.8, width, activation)}, 20)
            report("sigma", 1e3 * times[""], 10, "ms", activation=activation, width=width)
    rng = np.random.default_rng(0)

    def simulated() -> float:
        q = (np.maximum(rng.standard_normal((50_000, 64)), 0) ** 2).sum(axis=1)
        return float((q**0.4).mean() ** (-1 / 0.8))  # standard error about 1e-3 of the moment

    times = best_times({"exact": partial(sigma, 0.8, 64), "simulated": simulated}, 5)
    report(
        "50 000 drawn layers of 64 neurons (error 4e-4) over exact (1e-13)",
        times["simulated"] / times["exact"],
    )
    weight = torch.empty(1000, 1000)
    times = best_times(
        {
            "fractional": partial(fractional_moment_, weight, 0.8, "relu"),
            "he": partial(torch.nn.init.kaiming_normal_, weight, nonlinearity="relu"),
        },
        5,
    )
    report(
        "fractional_moment_ of 1000 x 1000, relative to kaiming_normal_", times["fractional"] / times["he"]
    )
    layers = [torch.nn.Linear(64, 64) for _ in range(20)]

    def network(initialize: Callable[[torch.Tensor], object]) -> None:
        for layer in layers:
            initialize(layer.weight)

    times = best_times(
        {
            "fractional": partial(network, lambda w: fractional_moment_(w, 0.8, "relu")),
            "he": partial(network, lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="relu")),
        },
        20,
    )
    report(
        "the same for 20 layers of 64 x 64, the scale of which is computed once",
        times["fractional"] / times["he"],
    )
    save(__file__)
