"""Figures of the second companion paper: laws of norms, correlations, singular values, training against depth."""

from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from replication.figures import panels, save, shared_legend, style, ticks
from replication.files import read_parquet
from replication.jobs import job
from replication.labels import scheme_name

snakemake: Any  # Snakemake puts it here

# Okabe & Ito: told apart by all kinds of colour vision
WIDTHS = ("#D55E00", "#E69F00", "#009E73", "#0072B2", "#56B4E9", "#CC79A7")
SCHEMES = {
    "he": {"color": "#D55E00", "marker": "o", "ls": "-"},
    "orthogonal": {"color": "#E69F00", "marker": "s", "ls": "-"},
    "mirrored_gaussian": {"color": "#56B4E9", "marker": "^", "ls": "--"},
    "mirrored_orthogonal": {"color": "#0072B2", "marker": "D", "ls": "--"},
}


def colours(widths: Any) -> dict[int, str]:
    return dict(zip(sorted(set(widths)), WIDTHS, strict=False))


def plot_density(paths: Any) -> None:
    curves = list(density.groupby("width"))
    figure, axes = panels(1, len(curves), 2.6)
    for ax, (width, rows) in zip(axes[0], curves, strict=True):
        bars = histogram[histogram.width == width]
        tested = ks[ks.width == width].iloc[0]
        ax.bar(
            bars.low, bars.density, bars.high - bars.low, align="edge", color="0.8", label="drawn networks"
        )
        ax.plot(rows.log10_q, rows.density, color="#0072B2", label="exact")
        ax.axvline(0, color="black", ls="--", lw=1, label="mean field")
        ax.set(xlabel=r"$\log_{10} |x_L|^2$", ylim=(0, 1.3 * max(bars.density.max(), rows.density.max())))
        ax.set_title(f"$n = {width}$, $L = {int(tested.depth)}$")
        ax.text(
            0.03,
            0.97,
            f"{int(tested.networks)} networks\nKS {tested.ks:.4f} (5 % point {tested.critical:.4f})\n"
            f"dead: {tested.dead:.2g} ({tested.dead_drawn:.2g} drawn)",
            transform=ax.transAxes,
            va="top",
            fontsize=7,
        )
    axes[0, 0].set_ylabel("density")
    shared_legend(figure, axes[:, 0], 3)
    save(figure, paths, snakemake.params.dpi)


def plot_deviations(paths: Any) -> None:
    statistics = {
        "sd_log": (r"standard deviation of $\log q$", "log", 0.0),
        "p_low": (r"$P(q \leq 0.1)$", "linear", 0.0),
        "median": (r"median of $q$", "log", 1.0),
        "sd": (r"standard deviation of $q$", "log", 0.0),
    }
    figure, axes = panels(2, 2, 4.6, sharex=True)
    for ax, (name, (title, scale, limit)) in zip(axes.flat, statistics.items(), strict=True):
        for width, rows in deviations.groupby("width"):
            ordered = rows.sort_values("depth")
            colour = colours(deviations.width)[width]
            ax.plot(ordered.depth, ordered[name], color=colour, label=f"$n = {width}$")
            # deeper, the standard deviation of q is carried by networks that no sample holds
            seen = ordered[ordered.depth <= width / 5] if name == "sd" else ordered
            for sample, marker in (("chain", "o"), ("drawn", "x")):
                if f"{name}_{sample}" in seen:
                    ax.plot(seen.depth, seen[f"{name}_{sample}"], marker, color=colour, ms=4, mfc="none")
        if limit or scale == "linear":
            ax.axhline(limit, color="black", ls="--", lw=1)
        ax.set(xscale="log", yscale=scale, ylabel=title)
        ticks(ax, sorted(set(deviations.depth)))
    for ax in axes[1]:
        ax.set_xlabel("depth $L$")
    ax = axes[0, 0]
    ax.plot([], [], "o", color="0.3", ms=4, mfc="none", label="chains of norms")
    ax.plot([], [], "x", color="0.3", ms=4, label="drawn matrices")
    ax.plot([], [], color="black", ls="--", lw=1, label="mean field")
    shared_legend(figure, [ax], 4)
    save(figure, paths, snakemake.params.dpi)


def plot_eigenvalues(paths: Any) -> None:
    figure, ((left, right),) = panels(1, 2, 2.8)
    for width, rows in eigenvalues.groupby("width"):
        left.plot(rows.m, rows.eigenvalue, color=colours(eigenvalues.width)[width], label=f"$n = {width}$")
    left.axhline(1, color="black", ls="--", lw=1, label="mean field")
    left.set(xlabel="order $m$ of the moment", ylabel=r"eigenvalue $\lambda_m$", yscale="log")
    most = 1.05 * eigenvalues.eigenvalue.max()
    ticks(left, y=[t for t in (0.9, 1, 1.2, 1.5, 2, 3, 5) if t < most])
    left.legend()
    for (factor, rows), colour in zip(stationary.groupby("factor"), WIDTHS, strict=False):
        kappa = float(indices[indices.factor == factor].squared_norm_tail_index.iloc[0])
        right.plot(
            10**rows.log10_q, rows.sf, color=colour, label=rf"{factor:g} $\times$ He: $\kappa = {kappa:.3g}$"
        )
    right.set(xscale="log", yscale="log", xlabel=r"$x$", ylabel=r"$P(|x_\infty|^2 > x)$", ylim=(1e-8, 2))
    right.set_xlim(left=float(10 ** stationary[stationary.sf < 0.999].log10_q.min()) / 2)
    title = rf"stationary, $n = {int(indices.width.iloc[0])}$, $\kappa$: tail index of $|x|^2$"
    right.legend(title=title, title_fontsize=8)
    save(figure, paths, snakemake.params.dpi)


def plot_correlations(paths: Any) -> None:
    starts = sorted(set(correlations.start))
    figure, axes = panels(2, len(starts), 4.4, sharex=True, sharey="row")
    for column, start in zip(axes.T, starts, strict=True):
        rows = correlations[correlations.start == start].sort_values("depth")
        for ax, shown in zip(column, (lambda c: c, lambda c: np.arccos(c)), strict=True):
            for _, path in paths_of[paths_of.start == start].groupby("path"):
                ax.plot(path.depth, shown(path.correlation), color="0.8", lw=0.5, zorder=1)
            ax.fill_between(
                rows.depth, shown(rows.q05), shown(rows.q95), color="#56B4E9", alpha=0.3, lw=0,
                label="5 to 95 % of networks",
            )  # fmt: skip
            ax.plot(rows.depth, shown(rows.q50), color="#0072B2", lw=1.5, label="median of networks")
            ax.plot(rows.depth, shown(rows.mean_field), color="black", ls="--", label="mean field")
            label = "mean field, small-angle drift"
            ax.plot(rows.depth, shown(rows.drift), color="#D55E00", ls=":", lw=1.8, label=label)
        column[0].set_title(f"start {start:g}")
        column[1].set(yscale="log", xlabel="depth")
    axes[0, 0].set_ylabel("correlation")
    axes[1, 0].set_ylabel("angle (radians)")
    axes[1, 0].set_ylim(0.5 * np.arccos(correlations.q95.clip(upper=1 - 1e-9)).min(), np.pi * 1.1)
    axes[0, 0].plot([], [], color="0.8", lw=0.8, label="single networks")
    shared_legend(figure, axes[:1, 0], 3)
    save(figure, paths, snakemake.params.dpi)


def plot_singular_values(paths: Any) -> None:
    depths = sorted(set(singular_values.depth))
    figure, axes = panels(1, len(depths), 3.0, sharey=True)
    for ax, depth in zip(axes[0], depths, strict=True):
        for k, (scheme, looks) in enumerate(SCHEMES.items()):
            at = singular_values[(singular_values.scheme == scheme) & (singular_values.depth == depth)]
            told = jacobians[(jacobians.scheme == scheme) & (jacobians.depth == depth)].iloc[0]
            s = np.sort(at.singular_value.to_numpy())
            share = np.arange(1, s.size + 1) / s.size
            x = np.concatenate([[1e-4], np.maximum(s, 1e-4), [1e2]])
            ax.plot(x, np.concatenate([[0], share, [1]]), color=looks["color"], ls=looks["ls"], drawstyle="steps-post",
                    label=scheme_name(scheme))  # fmt: skip
            words = f"Var $s^2$ = {told.variance_exact:.3g}"
            if told.variance_exact <= 1e-9:
                words = f"Var $s^2$ = 0, $\\max|s - 1|$ = {told.largest_deviation:.0e}"
            options = {"va": "top", "fontsize": 7, "color": looks["color"], "weight": "bold"}
            ax.text(0.04, 0.97 - 0.075 * k, words, transform=ax.transAxes, **options)
        ax.axvline(1, color="black", ls=":", lw=0.8)
        ax.set(xscale="log", xlim=(1e-4, 1e2), ylim=(0, 1.6), xlabel="singular value $s$")
        ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
        ax.set_title(f"$L = {depth}$")
    axes[0, 0].set_ylabel("share of singular values up to $s$")
    shared_legend(figure, axes[:, 0], 4)
    save(figure, paths, snakemake.params.dpi)


def plot_training(paths: Any) -> None:
    datasets = list(dict.fromkeys(cells.dataset))
    figure, axes = panels(len(datasets), 2, 2.9 * len(datasets))
    for (left, right), dataset in zip(axes, datasets, strict=True):
        deepest = cells.depth.max()
        for scheme, looks in SCHEMES.items():
            rows = cells[(cells.dataset == dataset) & (cells.activation == scheme)].sort_values("depth")
            left.plot(rows.depth, rows.accuracy, ms=5, label=scheme_name(scheme), **looks)
            seeds = chosen[(chosen.dataset == dataset) & (chosen.activation == scheme)]
            left.plot(seeds.depth, seeds.accuracy, looks["marker"], ms=2.5, color=looks["color"], alpha=0.7)
            curve = loss[
                (loss.dataset == dataset) & (loss.activation == scheme) & (loss.depth == deepest)
            ].sort_values("epoch")
            right.plot(curve.epoch, curve.loss, color=looks["color"], ls=looks["ls"])
            right.fill_between(
                curve.epoch, curve.loss_low, curve.loss_high, color=looks["color"], alpha=0.2, lw=0
            )
        left.axhline(0.1, color="0.5", ls=":", lw=1, label="guess")
        left.set(xlabel="depth (hidden layers)", ylabel=f"test accuracy ({dataset})", ylim=(0, 1))
        left.set_xticks(sorted(set(cells.depth)))
        right.axhline(np.log(10), color="0.5", ls=":", lw=1)
        right.set(xlabel="epoch", ylabel="training loss (nats)", yscale="log")
        right.xaxis.set_major_locator(MaxNLocator(integer=True))
        right.set_title(f"{deepest} hidden layers")
    shared_legend(figure, axes[:1, 0], 5)
    save(figure, paths, snakemake.params.dpi)


with job(snakemake), style():
    inputs = snakemake.input
    density, histogram, ks = (read_parquet(inputs[name]) for name in ("density", "histogram", "ks"))
    deviations, eigenvalues = (read_parquet(inputs[name]) for name in ("deviations", "eigenvalues"))
    stationary, indices = (read_parquet(inputs[name]) for name in ("stationary", "indices"))
    correlations, paths_of = (read_parquet(inputs[name]) for name in ("correlations", "paths"))
    singular_values, jacobians = (read_parquet(inputs[name]) for name in ("singular_values", "jacobians"))
    cells, chosen, loss = (read_parquet(inputs[name]) for name in ("cells", "chosen", "loss"))
    output = snakemake.output
    plot_density(output.density)
    plot_deviations(output.deviations)
    plot_eigenvalues(output.eigenvalues)
    plot_correlations(output.correlations)
    plot_singular_values(output.singular_values)
    plot_training(output.training)
