"""Figure: variance against depth with activations that are fitted as in the paper, and with exact ones."""

from typing import Any

from matplotlib.lines import Line2D

from replication.figures import panels, save, style, theta_looks
from replication.files import read_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake), style():
    drift = read_parquet(snakemake.input.drift)
    widest = drift[drift.width == drift.width.max()]
    looks = theta_looks(drift.theta)
    figure, (axes,) = panels(1, 2, 2.9, sharey=True)
    for ax, kind in zip(axes, ("odd", "positive"), strict=True):
        for theta, rows in widest[widest.activation == kind].groupby("theta"):
            rows = rows.sort_values("depth")
            colour = looks[theta]["color"]
            for name, error, dashes in (
                ("variance", "variance_error", "-"),
                ("exact", "exact_error", "--"),
            ):
                low, high = (rows[name] + side * 2 * rows[error] for side in (-1, 1))
                ax.fill_between(rows.depth, low, high, color=colour, alpha=0.15, lw=0)
                ax.plot(rows.depth, rows[name], dashes, color=colour, label=looks[theta]["label"])
            ax.plot(rows.depth, rows.infinite, ":", color=colour, lw=2)
        ax.set(xlabel="depth (layers)")
        ax.set_title(rf"$\phi$ {kind}, width {widest.width.max()}")
    axes[0].set_ylabel("variance")
    ways = [
        Line2D([], [], color="0.3", ls=dashes, lw=width, label=label)
        for dashes, width, label in (
            ("-", 1.2, "fitted as in the paper"),
            (":", 2, "fitted, infinite width"),
            ("--", 1.2, "exact"),
        )
    ]
    thetas = [
        Line2D([], [], color=looks[t]["color"], label=looks[t]["label"]) for t in sorted(set(drift.theta))
    ]
    figure.legend(handles=[*thetas, *ways], loc="outside lower center", ncols=5)
    save(figure, snakemake.output.figure, snakemake.params.dpi)
