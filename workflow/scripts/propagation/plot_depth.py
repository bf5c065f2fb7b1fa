"""Figures: distances from Gaussian, moments and quantiles of pre-activations against depth and width."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LogNorm

from replication.distances import told
from replication.figures import look, panels, save, shared_legend, style, theta_colours, ticks
from replication.files import read_parquet
from replication.jobs import job
from replication.propagation.analysis import FIRST_ORDER_FROM, FIRST_ORDER_TO

snakemake: Any  # Snakemake puts it here

KINDS = ("odd", "positive")
FLOOR = 1e-4  # of distances that are drawn


def cells(frame: Any, kind: str | None = None) -> Any:
    """(keyword arguments of plot, rows) per activation; those of the other kind are left out, and so are controls."""
    for (activation, theta, law), rows in frame.groupby(["activation", "theta", "law"], dropna=False):
        if activation in KINDS and kind not in (None, activation):
            continue
        if not activation.startswith("normalized_") and (np.isnan(theta) or theta in thetas):
            yield activation, look(activation, theta, colours, law), rows


def few(values: Iterable[float], most: int = 4) -> list[Any]:
    """The least, the largest, and some between."""
    ordered = sorted(set(values))
    if len(ordered) <= most:
        return ordered
    return [ordered[round(at)] for at in np.linspace(0, len(ordered) - 1, most)]


def plot_distance(statistic: str, paths: Any) -> None:
    figure, axes = panels(2, len(widths), 4.6, sharex=True, sharey=True)
    for row, kind in zip(axes, KINDS, strict=True):
        for ax, width in zip(row, widths, strict=True):
            part = layers[(layers.width == width) & (layers.depth > 1)]
            limit = part[f"{statistic}_sample_limit"].max()
            ax.axhline(limit, color="0.6", lw=0.6, zorder=0, label="least that a plain KS test sees")
            for _, options, rows in cells(part, kind):
                seen = told(rows, statistic)  # single layers by chance
                value, error = rows[statistic].where(seen & (seen.mean() > 0.5)), rows[f"{statistic}_error"]
                low, high = ((value + side * 2 * error).clip(lower=FLOOR / 10) for side in (-1, 1))
                ax.fill_between(rows.depth, low, high, color=options["color"], alpha=0.2, lw=0)
                ax.plot(rows.depth, value, lw=1, **options)
                claimed = (rows.kurtosis_theory.abs() < FIRST_ORDER_TO) & (rows.width >= FIRST_ORDER_FROM)
                known = rows[claimed | (rows.activation == "relu")]
                ax.plot(known.depth, known[f"{statistic}_theory"], ":", color=options["color"], lw=1)
            ax.plot([], [], ":", color="0.3", lw=1, label="first order in $1/n$, ReLU exact")
            ax.set_yscale("log")
            ax.set_ylim(FLOOR, 0.7)
            if kind == "odd":
                ax.set_title(f"width {width}", loc="center")
            else:
                ax.set_xlabel("depth (layers)")
        words = "normal law of\nits variance" if statistic != "ks" else "$N(0, v)$"
        row[0].set_ylabel(rf"($\phi_\theta$ {kind}) distance from" + f"\n{words}")
    shared_legend(figure, axes, 4)
    save(figure, paths, snakemake.params.dpi)


def plot_widths(paths: Any) -> None:
    """At the largest depth."""
    figure, (axes,) = panels(1, 2, 3.4, sharex=True, sharey=True)
    last = layers[layers.depth == layers.depth.max()]
    every = np.array(sorted(set(last.width)), dtype=float)
    for ax, (statistic, words) in zip(
        axes, (("ks", "$N(0, v)$"), ("ks_standardized", "normal law of its variance")), strict=True
    ):
        for activation, options, rows in cells(last):
            ordered = rows.sort_values("width")
            value, error = ordered[statistic], 2 * ordered[f"{statistic}_error"]
            seen = told(ordered, statistic) & (value > error)
            if activation in KINDS:
                options["label"] += f", {activation}"
            options |= {"ls": "--", "mfc": "white"} if activation == "positive" else {"ls": "-"}
            bars = [np.minimum(error, 0.98 * value.abs()), error]
            ax.errorbar(
                ordered.width[seen], value[seen], [side[seen] for side in bars], marker="o", ms=3, lw=0.9,
                elinewidth=0.7, **options,
            )  # fmt: skip
        ax.plot(every, 0.5 / every, color="0.5", lw=0.8, label="$1/n$")
        ax.set(xscale="log", yscale="log", xlabel="width $n$", ylim=(FLOOR, 0.7))
        ax.set_title(f"distance from {words}", loc="center")
        ticks(ax, every)
    axes[0].set_ylabel(f"sup $|F - \\Phi|$, layer {last.depth.iloc[0]}")
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
    shown = [
        (key, rows)
        for key, rows in layers.groupby(["activation", "theta", "law"], dropna=False)
        if np.isnan(key[1]) or key[1] in thetas
    ]
    shown.sort(key=lambda panel: panel[0][0].startswith("normalized_"))  # the control last
    columns, every = 4, sorted(set(layers.width))
    rows_of = -(-len(shown) // columns)
    figure, axes = panels(rows_of, columns, 1.35 * rows_of + 0.7, used=len(shown), letters=False)
    for ax, ((activation, theta, law), rows) in zip(axes.flat, shown, strict=False):
        both = rows.assign(told=told(rows)).pivot(
            index="width", columns="depth", values=["ks_standardized", "told"]
        )
        values = both["ks_standardized"].to_numpy(float)
        mesh = ax.pcolormesh(
            np.maximum(values, FLOOR), norm=LogNorm(FLOOR, 0.5), cmap="viridis", rasterized=True
        )
        ax.set_facecolor("0.8")
        at = np.argwhere(~both["told"].to_numpy(bool) & np.isfinite(values))
        ax.plot(at[:, 1] + 0.5, at[:, 0] + 0.5, ".", ms=1.6, mew=0, color="white")
        ax.set_yticks(np.arange(len(every)) + 0.5, [str(width) for width in every])
        at_depths = [d for d in (1, 10, 20, 30, 40, 50, 75, 100) if d <= values.shape[1]]
        ax.set_xticks([d - 0.5 for d in at_depths], [str(d) for d in at_depths])
        ax.grid(visible=False)
        name = look(activation, theta, colours, law)["label"] + (
            f", {activation}" if activation in KINDS else ""
        )
        ax.set_title(name, loc="center")
    figure.supxlabel("depth (layers); white dots: not told from normal (95 %)", fontsize=9)
    figure.supylabel("width", fontsize=9)
    bar = figure.colorbar(mesh, ax=axes, aspect=40, pad=0.01)
    bar.set_label("distance from the normal law of its variance")
    save(figure, paths, snakemake.params.dpi)


with job(snakemake), style():
    layers = read_parquet(snakemake.input.layers)
    quantiles = pd.concat(map(read_parquet, snakemake.input.quantiles), ignore_index=True)
    colours = theta_colours(layers.theta.dropna())
    widths, thetas = few(layers.width), few(layers.theta.dropna())
    plot_distance("ks", snakemake.output.ks)
    plot_distance("ks_standardized", snakemake.output.standardized)
    plot_widths(snakemake.output.widths)
    plot_moments(snakemake.output.moments)
    plot_quantiles(snakemake.output.quantiles)
    plot_heat(snakemake.output.heat)
