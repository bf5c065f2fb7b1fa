"""Figure: exact activations, odd and positive, in full and close up."""

from typing import Any

import pandas as pd

from replication.figures import panels, save, shared_legend, style, theta_looks
from replication.files import read_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake), style():
    curves = pd.concat(map(read_parquet, snakemake.input.curves))
    looks = theta_looks(curves.theta)
    figure, axes = panels(2, 2, 4.8)
    for (full, close), kind in zip(axes, ("odd", "positive"), strict=True):
        for theta, rows in curves[curves.kind == kind].groupby("theta"):
            near = rows[rows.x.abs() <= snakemake.params.x_zoom]
            for ax, part in ((full, rows), (close, near)):
                ax.plot(part.x, part.phi, **looks[theta])
                ax.set_xlim(part.x.min(), part.x.max())
                ax.set(xlabel="$x$", ylabel=rf"$\phi(x)$, {kind}")
    shared_legend(figure, axes, 1, loc="outside right center")
    save(figure, snakemake.output.figure, snakemake.params.dpi)
