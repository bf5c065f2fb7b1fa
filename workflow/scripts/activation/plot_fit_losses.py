"""Figure: loss curves of the density fits (published last values as circles) and of the activation fits."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from replication.figures import panels, save, shared_legend, style, theta_looks
from replication.files import read_json
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake), style():
    densities, activations = (
        sorted((read_json(path) for path in paths), key=lambda fit: fit["theta"])
        for paths in (snakemake.input.densities, snakemake.input.activations)
    )
    published = pd.read_csv(snakemake.input.published).set_index("theta").loss
    looks = theta_looks(fit["theta"] for fit in densities)
    figure, (axes,) = panels(1, 3, 2.9)
    for fit in densities:
        losses, theta = fit["losses"], fit["theta"]
        axes[0].plot(losses, lw=0.9, **looks[theta])
        if theta in published:
            axes[0].plot(
                len(losses) - 1, published[theta], "o", ms=4, mfc="none", color=looks[theta]["color"]
            )
    axes[0].set(xlabel="epoch", ylabel="sup error of $P(|W Y| > z)$", yscale="log")
    for ax, kind in zip(axes[1:], ("odd", "positive"), strict=True):
        for fit in activations:
            losses = fit[kind]["losses"]  # every tenth step, and the last
            ax.plot(10 * np.arange(len(losses)), losses, lw=0.9, color=looks[fit["theta"]]["color"])
        ax.set(xlabel="step", ylabel=f"mean squared error, {kind}", yscale="log")
        ax.xaxis.set_major_locator(plt.MaxNLocator(3))
    circle = plt.Line2D([], [], ls="", marker="o", ms=4, mfc="none", color="0.3", label="published")
    shared_legend(figure, axes[:1], 4, circle)
    save(figure, snakemake.output.figure, snakemake.params.dpi)
