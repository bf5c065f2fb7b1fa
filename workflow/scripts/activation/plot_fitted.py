"""Figure: fitted against exact density and activations, with the error below each."""

from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from replication.figures import panels, save, shared_legend, style, theta_looks
from replication.files import read_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

PANELS = {
    "density": ("$y$", "density of $|Y|$, halved"),
    "odd": ("$x$", r"$\phi(x)$, odd"),
    "positive": ("$x$", r"$\phi(x)$, positive"),
}

with job(snakemake), style():
    curves = pd.concat(map(read_parquet, snakemake.input.curves), ignore_index=True)
    looks = theta_looks(curves.theta)
    figure, axes = panels(2, 3, 4.6, height_ratios=(3, 2), sharex="col")
    for (quantity, (x_label, y_label)), (above, below) in zip(PANELS.items(), axes.T, strict=True):
        for theta, rows in curves[curves.quantity == quantity].groupby("theta"):
            colour = looks[theta]["color"]
            above.plot(rows["at"], rows.exact, "-", lw=0.7, color=colour)
            above.plot(rows["at"], rows.fitted, "--", lw=1.1, color=colour)
            below.plot(
                rows["at"], rows.fitted - rows.exact, lw=0.9, color=colour, label=looks[theta]["label"]
            )
        above.set(ylabel=y_label, xlim=(rows["at"].min(), rows["at"].max()))
        below.set(xlabel=x_label, ylabel="fitted - exact")
    axes[0, 0].set_ylim(0, 0.85)
    density = curves[curves.quantity == "density"]
    nearest = density[density.theta == density.theta.min()]
    # next to theta = 2 the two terms of the family leave a gap between them that the exact density does not have
    inside = nearest[nearest["at"].between(0.4, 0.9)]
    dip = inside.loc[inside.fitted.idxmin()]
    shallow = dip.fitted > 0.7 * min(inside.fitted.iloc[0], inside.fitted.iloc[-1])
    if not shallow:
        axes[0, 0].annotate(
            "spurious dip,\n" + rf"$\theta = {dip.theta:g}$",
            (dip["at"], dip.fitted),
            (0.08, 0.62),
            fontsize=7,
            arrowprops={"arrowstyle": "->", "lw": 0.7},
        )
    exact = Line2D([], [], color="0.3", lw=0.7, label="exact")
    fitted = Line2D([], [], color="0.3", lw=1.1, ls="--", label="fitted")
    shared_legend(figure, axes[1:, 0], 5, exact, fitted)
    save(figure, snakemake.output.figure, snakemake.params.dpi)
