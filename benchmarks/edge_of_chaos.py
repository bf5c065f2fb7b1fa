"""Time of curves and maps of the Edge of Chaos, activations evaluated anew, one thread."""

from __future__ import annotations

from functools import partial

import numpy as np
from timing import best_times, machine, report, save

from preactivations.edge_of_chaos.critical import eoc_point
from preactivations.edge_of_chaos.curves import chi_map, eoc_curve
from preactivations.edge_of_chaos.maps import correlation_map
from preactivations.pairs.gaussian import GaussianPair
from preactivations.weights import SymmetricWeibull

if __name__ == "__main__":
    print(machine())
    pair = GaussianPair(SymmetricWeibull(4), "odd")
    w, b = np.meshgrid(np.linspace(0.01, 3, 200), np.linspace(0, 1, 200))
    for name, activation in (("tanh", "tanh"), ("GELU", "gelu"), ("phi, theta = 4", pair)):
        tasks = {
            "curve": partial(eoc_curve, activation, 200),
            "map": partial(chi_map, activation, w, b),
        }
        times = best_times(tasks, 3)
        # the slowest are those that the series of the correlations does not reach
        for v in (1.0, 100.0):
            task = partial(correlation_map, activation, np.linspace(-1, 1, 200), v)
            report("200 correlations", best_times({"": task}, 3)[""], unit="s", activation=name, v=v)
        report("curve of 200 points", times["curve"], 1, "s", activation=name)
        report("chi on 200 x 200 scales", times["map"], 5, "s", activation=name)
    report("exact point of a pair", best_times({"": partial(eoc_point, pair)}, 3)[""], unit="s")
    save(__file__)
