"""Figures: dependence between the neurons of a layer, and measured against predicted variance and covariance."""

from typing import Any

import numpy as np
import pandas as pd

from replication.figures import look, panels, save, shared_legend, style, theta_colours, ticks
from replication.files import read_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

KINDS = ("odd", "positive")
MARKS = {"odd": "o", "positive": "^", "relu": "s", "tanh": "D"}


def cells(frame: Any) -> Any:
    """(keyword arguments of plot, rows) per activation; odd filled and solid, positive open and dashed."""
    for (activation, theta, law), rows in frame.groupby(["activation", "theta", "law"], dropna=False):
        options = look(activation, theta, colours, law)
        options["marker"] = MARKS.get(activation, "v")
        if activation in KINDS:
            options["label"] += f", {activation}"
        if activation == "positive":
            options |= {"ls": "--", "mfc": "white"}
        yield options, rows.sort_values(["width", "depth"])


def without(options: Any, *names: str) -> Any:
    return {key: value for key, value in options.items() if key not in names}


def plot_dependence(paths: Any) -> None:
    figure, axes = panels(2, 2, 6.0)
    against_width, against_depth, two_layers, control = axes.flat

    for options, rows in cells(free[free.depth == 2]):
        bars = 2 * rows.square_covariance_error
        against_width.errorbar(
            rows.width, rows.square_covariance, bars, ms=3.5, lw=0, elinewidth=0.8, **options
        )
        against_width.plot(
            rows.width, rows.square_covariance_theory, **without(options, "marker", "label") | {"lw": 0.8}
        )
    against_width.set(xscale="log", yscale="log", xlabel="width $n$")
    against_width.set_ylabel(r"Cov$(z_i^2, z_j^2)/v^2$, second layer")
    ticks(against_width, sorted(set(free.width)))

    width = min(free.width, key=lambda n: abs(np.log(n / 30)))
    for options, rows in cells(free[free.width == width]):
        low, high = (rows.square_covariance + s * 2 * rows.square_covariance_error for s in (-1, 1))
        known = rows.square_covariance_error < 0.25 * rows.square_covariance
        against_depth.fill_between(
            rows.depth, low, high, where=known, color=options["color"], alpha=0.2, lw=0
        )
        against_depth.plot(rows.depth, rows.square_covariance, lw=1, **without(options, "marker", "label"))
        against_depth.plot(rows.depth, rows.square_covariance_theory, color="0.2", ls=":", lw=0.9)
    against_depth.plot([], [], color="0.2", ls=":", lw=0.9, label="first order in $1/n$")
    against_depth.set(yscale="log", xlabel="depth (layers)", ylim=(2e-3, 20))
    against_depth.set_ylabel(rf"Cov$(z_i^2, z_j^2)/v^2$, width {width}")
    against_depth.legend(loc="upper left")

    exact = points[
        (points.route == "exact") & (points.sweep == "iii") & points.activation.isin(KINDS) & (points.n > 1)
    ]
    for kind, filled in (("odd", True), ("positive", False)):
        mean = exact[exact.activation == kind].groupby("theta")[["ks", "dependence"]].mean()
        ks, x = mean.ks, mean.dependence
        two_layers.plot(x, ks, "-" if filled else "--", color="0.6", lw=0.8, zorder=1)
        for theta, at, value in zip(ks.index, x, ks, strict=True):
            colour = many[theta]
            two_layers.plot(at, value, MARKS[kind], ms=5, color=colour, mfc=colour if filled else "white")
            if filled:
                two_layers.annotate(
                    f"{theta:g}", (at, value), (0, 5), textcoords="offset points", ha="center", fontsize=7
                )
        two_layers.plot([], [], MARKS[kind], color="0.3", mfc="0.3" if filled else "white", label=kind)
    two_layers.set_xlabel(r"$n\,$Cov$(z_i^2, z_j^2)$, closed form (by $\theta$)")
    two_layers.set_ylabel("two-layer study: KS,\nsweep (iii), mean over $n > 1$")
    two_layers.legend(loc="upper left")
    two_layers.margins(y=0.15)

    for name, rows in layers[layers.activation.str.startswith("normalized_")].groupby("activation"):
        p = np.sort(rows[rows.n_tested >= 10].sample_p)
        control.plot(
            p, (np.arange(p.size) + 0.5) / p.size, lw=1.2, **look(name, np.nan, colours) | {"color": "black"}
        )
    if len(layers[layers.activation.str.startswith("normalized_")]):
        u = np.linspace(0, 1, 101)
        size = p.size
        control.fill_between(
            u, u - 1.36 / np.sqrt(size), u + 1.36 / np.sqrt(size), color="0.9", lw=0, label="95 %, uniform"
        )
    control.set(xlim=(0, 1), ylim=(0, 1), xlabel="$p$-value of the KS statistic, all widths and depths")
    control.set_ylabel("share of layers below")
    control.legend(loc="upper left")

    shared_legend(figure, [against_width], 4)
    save(figure, paths, snakemake.params.dpi)


def plot_check(paths: Any) -> None:
    figure, ((scores, shrinking, covariances),) = panels(1, 3, 3.1)

    exact = layers[layers.exact_variance]
    z = np.sort((exact.variance - 1) / exact.variance_error)
    scores.plot([-4, 4], [-4, 4], color="0.7", lw=0.8)
    scores.plot(normal_scores(z.size), z, ".", ms=3, color="black")
    scores.set(xlim=(-4, 4), ylim=(-4, 4), xlabel="normal quantile")
    scores.set_ylabel("(variance $-\\, v$) / its error")
    scores.set_title(f"{z.size} layers, exact")

    depth = min(10, int(free.depth.max()))
    for options, rows in cells(free[free.depth == depth]):
        off, bars = (rows.variance - 1).abs(), 2 * rows.variance_error
        shrinking.errorbar(
            rows.width, off, [np.minimum(bars, 0.98 * off), bars], ms=3.5, lw=0.8, elinewidth=0.8, **options
        )
    n = np.array(sorted(set(free.width)), dtype=float)
    shrinking.plot(n, 1 / n, color="0.5", ls=":", lw=1, label="$1/n$")
    shrinking.set(xscale="log", yscale="log", xlabel="width $n$", ylim=(2e-4, 2))
    shrinking.set_ylabel("|variance$/v - 1|$")
    shrinking.set_title(f"depth {depth}, 2 errors")
    ticks(shrinking, n)

    both = correlations[correlations.depth.isin([1, 2])]
    for options, rows in cells(both):
        bars = 2 * rows.covariance_error
        covariances.errorbar(
            rows.theory, rows.covariance, bars, ms=3, lw=0, elinewidth=0.7, **without(options, "label", "ls")
        )
    ends = [both.theory.min() - 0.05, both.theory.max() + 0.05]
    covariances.plot(ends, ends, color="0.7", lw=0.8, zorder=0)
    covariances.set(xlabel="predicted covariance $/v$", ylabel="measured, mean over pairs")
    covariances.set_title("images, layers 1 and 2")

    shared_legend(figure, [shrinking], 4)
    save(figure, paths, snakemake.params.dpi)


def normal_scores(size: int) -> Any:
    from statistics import NormalDist

    return [NormalDist().inv_cdf((k + 0.5) / size) for k in range(size)]


with job(snakemake), style():
    layers, points = read_parquet(snakemake.input.layers), read_parquet(snakemake.input.points)
    correlations = pd.concat(map(read_parquet, snakemake.input.correlations), ignore_index=True)
    free = layers[~layers.activation.str.startswith("normalized_")]
    colours, many = theta_colours(layers.theta.dropna()), theta_colours(points.theta.dropna())
    plot_dependence(snakemake.output.dependence)
    plot_check(snakemake.output.check)
