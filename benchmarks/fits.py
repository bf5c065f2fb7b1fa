"""Time of the paper's numerical route, one theta, one thread."""

from __future__ import annotations

import time

import numpy as np
import torch
from scipy.integrate import quad
from timing import best_times, machine, report, save

from preactivations.pairs.fitted import (
    DensityFit,
    fit_activation,
    fit_density,
    interpolate_activation,
    interpolation_grid,
)


def one_adaptive_quadrature_per_z(density: DensityFit, theta: float) -> None:
    for z in np.linspace(0.025, 5, 10):
        quad(lambda t, z=z: np.exp(-((z / t) ** theta)) * density.pdf(t), 1e-9, 12, limit=200, epsabs=1e-6)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(machine())
    fit_density(3.0)  # warm-up: the first optimizer loads more of PyTorch
    for theta in (2.05, 10.0):
        start = time.perf_counter()
        density, _, _ = fit_density(theta)
        ours = time.perf_counter() - start
        report("density, 600 epochs", ours, 5, "s", theta=theta)
        plain = best_times({"": lambda d=density, t=theta: one_adaptive_quadrature_per_z(d, t)}, 1)[""]
        # 20 times ten values of z, 600 epochs, without the gradient
        title = "the plain way, one adaptive quadrature per z, extrapolated / ours"
        report(title, plain * 20 * 600 / ours, theta=theta)
        x = interpolation_grid()
        for kind in ("odd", "positive"):
            y = interpolate_activation(density, kind, x)
            start = time.perf_counter()
            fit_activation(theta, kind, x, y)
            seconds = time.perf_counter() - start
            report("activation, 10 000 steps", seconds, 8, "s", theta=theta, kind=kind)
    save(__file__)
