"""Kernels: time and memory of the exact maps, and draws that variance reduction saves."""

from __future__ import annotations

import tracemalloc

import numpy as np
from timing import best_times, machine, report, save

from preactivations.kernels.clt import clt_correction
from preactivations.kernels.finite_width import log_angle_moments
from preactivations.kernels.maps import angular_map, gram
from preactivations.rows import Gaussian, IidUniform, Sphere
from preactivations.streams import Stream
from replication.kernels.study import inputs

if __name__ == "__main__":
    print(machine())
    rng = np.random.default_rng(0)
    angles = rng.uniform(0, np.pi, 1_000_000)
    naive = lambda: np.arccos(  # noqa: E731
        np.clip((np.sin(angles) + (np.pi - angles) * np.cos(angles)) / np.pi, -1, 1)
    )
    times = best_times({"exact": lambda: angular_map(angles), "naive": naive}, 5)
    report(
        "angular_map of 10^6 angles, relative to the formula with its cancellation",
        times["exact"] / times["naive"],
    )
    tracemalloc.start()
    angular_map(angles)
    report("memory at its peak, per byte of result", tracemalloc.get_traced_memory()[1] / angles.nbytes)
    tracemalloc.stop()
    x = rng.standard_normal((500, 784))
    report(
        "Gram matrix of 500 inputs in R^784, 100 layers",
        best_times({"": lambda: gram(x, 100)}, 3)[""],
        unit="s",
    )
    times = best_times(
        {
            "theory": lambda: log_angle_moments(1.0, 100, 500),
            "networks": lambda: Gaussian().project(100 * 500 * 100, 500, 2, rng),
        },
        3,
    )
    report(
        "log angle after 100 layers of width 500: 100 networks (draws alone) over theory",
        times["networks"] / times["theory"],
    )
    times = best_times(
        {
            "rows": lambda: Sphere().sample(2000, 500, rng),
            "projections": lambda: Sphere().project(2000, 500, 2, rng),
        },
        5,
    )
    report(
        "2 000 rows of 500 weights over their exact projections on two inputs",
        times["rows"] / times["projections"],
    )

    from preactivations.kernels.monte_carlo import kernel_error

    x, y = inputs("signed", 512)
    found = kernel_error(IidUniform(), x, y, 1_000_000, Stream(0, "benchmark"))
    report(
        "variance of plain Monte Carlo over ours, same rows of 512 uniform weights",
        (found.plain_standard_error / found.standard_error) ** 2,
    )
    report(
        "standard error over the effect there",
        found.standard_error / abs(float(clt_correction(x, y, 0, -1.2))),
    )
    save(__file__)
