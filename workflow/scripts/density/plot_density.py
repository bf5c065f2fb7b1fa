"""Figure: symmetrized densities of the factor Y, and their limits."""

from typing import Any

import pandas as pd

from replication.figures import TEXT_WIDTH, panels, save, shared_legend, style, theta_looks
from replication.files import read_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake), style():
    density = pd.concat(map(read_parquet, snakemake.input.tables))
    looks = theta_looks(density.theta)
    figure, axes = panels(1, 1, 3.0, letters=False, figsize=(0.62 * TEXT_WIDTH, 3.0))
    ax = axes[0, 0]
    for theta, rows in density.groupby("theta"):
        ax.plot(rows["at"], rows.value, **looks[theta])
    ax.set(xlabel="$y$", ylabel="density of $Y$", ylim=(0, 0.85))
    ax.set_xlim(density["at"].min(), density["at"].max())
    shared_legend(figure, axes, 1, loc="outside right center")
    save(figure, snakemake.output.figure, snakemake.params.dpi)
