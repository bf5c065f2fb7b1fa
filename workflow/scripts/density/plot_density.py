"""Figure: symmetrized densities of the factor Y, and their limits."""

from typing import Any

import numpy as np

from replication.figures import TEXT_WIDTH, panels, save, shared_legend, style, theta_looks
from replication.files import read_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake), style():
    densities = {frame.attrs["theta"]: frame for frame in map(read_parquet, snakemake.input.tables)}
    looks = theta_looks(densities)
    figure, axes = panels(1, 1, 3.0, letters=False, figsize=(0.62 * TEXT_WIDTH, 3.0))
    ax = axes[0, 0]
    for theta, rows in sorted(densities.items()):
        # of Y with a random sign
        y, value = (rows[name].to_numpy() for name in ("y", "density"))
        ax.plot(np.append(-y[::-1], y), 0.5 * np.append(value[::-1], value), **looks[theta])
    ax.set(xlabel="$y$", ylabel="density of $Y$", ylim=(0, 0.85))
    ax.set_xlim(-snakemake.params.y_max, snakemake.params.y_max)
    shared_legend(figure, axes, 1, loc="outside right center")
    save(figure, snakemake.output.figure, snakemake.params.dpi)
