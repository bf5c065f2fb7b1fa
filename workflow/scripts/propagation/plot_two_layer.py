"""Figure: KS statistic of the output pre-activation against n, 2 x 3 panels as Figure 11 of the paper."""

from typing import Any

import pandas as pd
from matplotlib.lines import Line2D

from replication.distances import told
from replication.figures import MARKERS, look, panels, save, shared_legend, style, theta_colours
from replication.files import read_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

SWEEPS = {"i": "(i) $n_0 = 1$, $n_1 = n$", "ii": "(ii) $n_0 = n$, $n_1 = 2$", "iii": "(iii) $n_0 = n_1 = n$"}
KINDS = ("odd", "positive")


def draw(statistic: str, paths: list[str]) -> None:
    quantiles = (
        null[null.statistic == statistic].drop_duplicates("probability").set_index("probability")["quantile"]
    )
    colours = theta_colours(points.theta.dropna())
    sweeps = [sweep for sweep in SWEEPS if sweep in set(points.sweep)]

    lowest = min(1e-3, 0.9 * points[statistic].min())

    figure, axes = panels(2, len(sweeps), 5.0, sharex=True, sharey=True)
    for row, kind in zip(axes, KINDS, strict=True):
        for ax, sweep in zip(row, sweeps, strict=True):
            median, high = quantiles.loc[0.5], quantiles.loc[0.95]
            ax.axhspan(1e-4, high, color="0.9", lw=0, zorder=0, label="95 % of normal samples")
            ax.axhline(median, color="0.6", lw=0.8, zorder=0, label="their median")
            for (activation, theta), cell in points[points.sweep == sweep].groupby(
                ["activation", "theta"], dropna=False
            ):
                if activation in KINDS and activation != kind:
                    continue
                options = look(activation, theta, colours)
                colour = options["color"]
                marker = MARKERS.get(activation, "o")
                exact = lines[(lines.activation == activation) & (lines.sweep == sweep)]
                exact = exact[exact.theta.isna() | (exact.theta == theta)]
                ax.plot(cell.n, cell[statistic], marker, ms=2.6, mew=0, **options)
                # at width one the exact pairs are at 0, below the axis
                seen = told(exact, statistic)
                ax.plot(exact.n, exact[statistic].where(seen), "-", lw=0.9, color=colour)
            for theta, cell in fitted[(fitted.sweep == sweep) & (fitted.activation == kind)].groupby("theta"):
                ax.plot(cell.n, cell[statistic], ":", lw=0.8, color=colours[theta])
            ax.set_yscale("log")
            ax.set_ylim(lowest, 0.5)
            ax.grid(axis="x", visible=False)
            if kind == "odd":
                ax.set_title(SWEEPS[sweep], loc="center", fontsize=9)
            else:
                ax.set_xlabel("$n$")
            ax.set_xticks(sorted(set(points.n)))
        row[0].set_ylabel(
            f"KS statistic{', standardized' if statistic != 'ks' else ''}\n" + rf"($\phi_\theta$ {kind})"
        )
    exact_line = Line2D([], [], color="0.3", lw=0.9, label="with less noise")
    fitted_line = Line2D([], [], color="0.3", lw=0.8, ls=":", label="fitted as in the paper")
    shared_legend(figure, axes[:1, 0], 4, exact_line, fitted_line)
    save(figure, paths, snakemake.params.dpi)


with job(snakemake), style():
    points = pd.concat(map(read_parquet, snakemake.input.points), ignore_index=True)
    fitted, points = points[points.route == "fitted"], points[points.route == "exact"]
    lines = pd.concat(map(read_parquet, snakemake.input.lines), ignore_index=True)
    null = read_parquet(snakemake.input.null)
    draw("ks", snakemake.output.raw)
    draw("ks_standardized", snakemake.output.standardized)
