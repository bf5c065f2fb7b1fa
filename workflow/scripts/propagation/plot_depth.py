"""Figures: KS statistic, moments and quantiles of pre-activations against depth; heat map of width and depth."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm

from replication.figures import look, panels, save, shared_legend, style, theta_colours
from replication.files import read_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

KINDS = ("odd", "positive")


def cells(frame: Any, kind: str | None = None) -> Any:
    """(keyword arguments of plot, rows) per activation; those of the other kind are left out, and so are controls."""
    for (activation, theta, law), rows in frame.groupby(["activation", "theta", "law"], dropna=False):
        if activation in KINDS and kind not in (None, activation):
            continue
        if not activation.startswith("normalized_"):
            yield activation, look(activation, theta, colours, law), rows


def plot_ks(statistic: str, paths: Any) -> None:
    figure, axes = panels(2, len(widths), 4.6, sharex=True, sharey=True)
    lowest = 0.7 * layers[statistic].min()
    for row, kind in zip(axes, KINDS, strict=True):
        for ax, width in zip(row, widths, strict=True):
            part = layers[layers.width == width]
            band = null[(null.n_samples == part.n_networks.iloc[0]) & (null.statistic == statistic)]
            quantile = band.drop_duplicates("probability").set_index("probability")["quantile"]
            ax.axhspan(lowest, quantile[0.95], color="0.9", lw=0, zorder=0, label="95 % of normal samples")
            for _, options, rows in cells(part, kind):
                ax.plot(rows.depth, rows[statistic], lw=1, **options)
            control = part[part.activation == "normalized_tanh"]
            if len(control):
                ax.plot(control.depth, control[statistic], lw=0.8, **look("normalized_tanh", np.nan, colours))
            ax.set_yscale("log")
            ax.set_ylim(lowest, 0.7)
            if kind == "odd":
                ax.set_title(f"n = {width}, {part.n_networks.iloc[0]} networks", fontsize=7)
            else:
                ax.set_xlabel("depth (layers)")
        words = "KS statistic" + (", standardized" if statistic != "ks" else r" against $N(0, v)$")
        row[0].set_ylabel(rf"{words}" + "\n" + rf"($\phi_\theta$ {kind})")
    shared_legend(figure, axes, 4)
    save(figure, paths, snakemake.params.dpi)


def plot_moments(paths: Any) -> None:
    figure, axes = panels(2, len(widths), 4.2, sharex=True, sharey="row")
    for column, width in zip(axes.T, widths, strict=True):
        part = layers[layers.width == width]
        for activation, options, rows in cells(part):
            dashes = {"ls": "--"} if activation == "positive" else {}
            options = options | dashes
            if activation in KINDS:
                options["label"] += f", {activation}"
            for ax, name in zip(column, ("variance", "kurtosis"), strict=True):
                low, high = (rows[name] + s * 2 * rows[f"{name}_error"] for s in (-1, 1))
                known = (rows[f"{name}_error"] < 0.5 * rows[name].abs()) | (rows[name].abs() < 0.5)
                ax.fill_between(rows.depth, low, high, where=known, color=options["color"], alpha=0.15, lw=0)
                ax.plot(rows.depth, rows[name], lw=0.9, **options)
        column[0].set_title(f"width {width}", loc="center", fontsize=9)
        column[0].set_ylim(0, 1.6)
        column[1].set_yscale("symlog", linthresh=0.1)
        column[1].set_ylim(-0.1, 1e3)
        column[1].set_xlabel("depth (layers)")
    axes[0, 0].set_ylabel(r"variance / $v$")
    axes[1, 0].set_ylabel("excess kurtosis")
    shared_legend(figure, axes, 4)
    save(figure, paths, snakemake.params.dpi)


def plot_quantiles(paths: Any) -> None:
    depths = sorted(snakemake.params.quantile_depths)
    figure, axes = panels(
        len(widths), len(depths), 1.7 * len(widths) + 1, letters=False, sharex=True, sharey=True
    )
    for row, width in zip(axes, widths, strict=True):
        for ax, depth in zip(row, depths, strict=True):
            part = quantiles[(quantiles.width == width) & (quantiles.depth == depth)]
            first = part[part.activation == part.activation.iloc[0]]
            first = first[first.theta.isna() | (first.theta == first.theta.iloc[0])]
            band, label = (first.null_low, first.null_high), "95 % per point, normal"
            ax.fill_between(first.normal, *band, color="0.85", lw=0, label=label)
            for activation, options, rows in cells(part):
                dashes = {"ls": "--"} if activation == "positive" else {}
                if activation in KINDS:
                    options["label"] += f", {activation}"
                ax.plot(rows.normal, rows["sample"], lw=0.9, **(options | dashes))
            ax.set(xlim=(-4, 4), ylim=(-6, 6))
            ax.text(0.04, 0.95, f"width {width}, depth {depth}", transform=ax.transAxes, va="top", fontsize=8)
    for ax in axes[-1]:
        ax.set_xlabel("normal quantile")
    for row in axes:
        row[0].set_ylabel(r"quantile of $z/\sqrt{v}$")
    shared_legend(figure, axes, 4)
    save(figure, paths, snakemake.params.dpi)


def plot_heat(paths: Any) -> None:
    shown = list(layers.groupby(["activation", "theta", "law"], dropna=False))
    shown.sort(key=lambda panel: panel[0][0].startswith("normalized_"))  # the control last
    columns = 4
    rows_of = -(-len(shown) // columns)
    figure, axes = panels(rows_of, columns, 1.35 * rows_of + 0.7, used=len(shown), letters=False)
    norm = LogNorm(0.5, 50)
    limits = null[(null.statistic == "ks_standardized") & (null.probability == 0.95)].set_index("n_samples")
    for ax, ((activation, theta, law), rows) in zip(axes.flat, shown, strict=False):
        # a sample with fewer than all networks (dead ones are left out of the control) has a wider null band
        limit = rows.n_networks.map(limits["quantile"]) * np.sqrt(rows.n_networks / rows.n_tested)
        ratio = (rows.ks_standardized / limit).where(rows.n_tested >= rows.n_networks / 2)
        values = rows.assign(ratio=ratio).pivot(index="width", columns="depth", values="ratio").to_numpy()
        mesh = ax.pcolormesh(values, norm=norm, cmap="viridis", rasterized=True)
        ax.set_facecolor("0.8")
        at = np.argwhere(values <= 1)
        ax.plot(at[:, 1] + 0.5, at[:, 0] + 0.5, ".", ms=1.6, mew=0, color="white")
        ax.set_yticks(np.arange(len(widths)) + 0.5, [str(width) for width in widths])
        ticks = [d for d in (1, 10, 20, 30, 40, 50, 75, 100) if d <= values.shape[1]]
        ax.set_xticks([d - 0.5 for d in ticks], [str(d) for d in ticks])
        ax.grid(visible=False)
        name = look(activation, theta, colours, law)["label"] + (
            f", {activation}" if activation in KINDS else ""
        )
        ax.set_title(name, loc="center")
    figure.supxlabel(
        "depth (layers); white dots: below the 95 % point; grey: too few networks alive", fontsize=9
    )
    figure.supylabel("width", fontsize=9)
    bar = figure.colorbar(mesh, ax=axes, aspect=40, pad=0.01)
    bar.set_label("standardized KS / its 95 % point for normal samples")
    save(figure, paths, snakemake.params.dpi)


with job(snakemake), style():
    layers = pd.concat(map(read_parquet, snakemake.input.layers), ignore_index=True)
    quantiles = pd.concat(map(read_parquet, snakemake.input.quantiles), ignore_index=True)
    null = read_parquet(snakemake.input.null)
    colours = theta_colours(layers.theta.dropna())
    widths = sorted(set(layers.width))
    plot_ks("ks", snakemake.output.ks)
    plot_ks("ks_standardized", snakemake.output.standardized)
    plot_moments(snakemake.output.moments)
    plot_quantiles(snakemake.output.quantiles)
    plot_heat(snakemake.output.heat)
