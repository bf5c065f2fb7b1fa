"""Figures: mean correlation of images against depth, and class-averaged correlation matrices."""

from typing import Any

import numpy as np

from replication.figures import look, panels, save, shared_legend, style, theta_colours
from replication.files import read_parquet
from replication.jobs import job
from replication.labels import activation_name

snakemake: Any  # Snakemake puts it here

KINDS = ("odd", "positive")


def plot_means(paths: Any) -> None:
    widths = sorted(set(means.width))
    figure, axes = panels(2, len(widths), 4.6, sharex=True, sharey="row")
    for row, (kind, others) in zip(axes, (("odd", False), ("positive", True)), strict=True):
        for ax, width in zip(row, widths, strict=True):
            part = means[means.width == width]
            for (activation, theta, law), rows in part.groupby(["activation", "theta", "law"], dropna=False):
                if activation != kind and (activation in KINDS or not others):
                    continue
                options = look(activation, theta, colours, law)
                inner = rows[rows.depth > 0]
                ax.fill_between(inner.depth, inner.low, inner.high, color=options["color"], alpha=0.15, lw=0)
                ax.plot(rows.depth, rows.correlation, lw=1.2, **options)
                ax.plot(rows.depth, rows.theory, color=options["color"], ls=":", lw=1.4)
            if kind == "odd":
                ax.set_title(f"width {width}, {part.n_networks.iloc[0]} networks", loc="center")
            else:
                ax.set_xlabel("depth (layers)")
    axes[0, 0].set_ylabel("mean correlation\n" + r"($\phi_\theta$ odd)")
    axes[1, 0].set_ylabel("mean correlation\n" + r"($\phi_\theta$ positive, ReLU, tanh)")
    axes[0, 0].plot([], [], color="0.3", ls=":", lw=1.4, label="infinite width")
    axes[0, 0].fill_between([], [], [], color="0.3", alpha=0.2, lw=0, label="5 % to 95 % of networks")
    shared_legend(figure, axes, 4)
    figure.suptitle(f"pairs of images, {means.dataset.iloc[0]}", fontsize=9)
    save(figure, paths, snakemake.params.dpi)


def plot_matrices(width: int, paths: Any) -> None:
    part = blocks[blocks.width == width]
    depths = sorted(set(part.depth))
    cells = list(part.groupby(["activation", "theta", "law"], dropna=False))
    figure, axes = panels(
        len(cells), len(depths), 0.95 * len(cells) + 0.8, letters=False, sharex=True, sharey=True
    )
    low = np.floor(10 * min(0.0, part.correlation.min())) / 10
    for row, ((activation, theta, law), rows) in zip(axes, cells, strict=True):
        for ax, depth in zip(row, depths, strict=True):
            matrix = rows[rows.depth == depth].pivot(index="class_a", columns="class_b", values="correlation")
            image = ax.imshow(matrix, vmin=low, vmax=1, cmap="viridis")
            ax.set_xticks([])
            ax.set_yticks([])
            ax.grid(visible=False)
        row[0].set_ylabel(activation_name(activation, theta, law).replace(", ", ",\n"), fontsize=7)
    for ax, depth in zip(axes[0], depths, strict=True):
        ax.set_title("images" if depth == 0 else f"depth {depth}", loc="center")
    bar = figure.colorbar(image, ax=axes, aspect=40, pad=0.01)
    bar.set_label("correlation, mean over pairs of two classes")
    figure.suptitle(f"{part.dataset.iloc[0]}, width {width}, classes 0 to 9", fontsize=9)
    save(figure, paths, snakemake.params.dpi)


with job(snakemake), style():
    means, blocks = read_parquet(snakemake.input.means), read_parquet(snakemake.input.blocks)
    colours = theta_colours(means.theta.dropna())
    plot_means(snakemake.output.means)
    for k, width in enumerate(snakemake.params.widths):
        plot_matrices(width, snakemake.output.matrices[2 * k : 2 * k + 2])
