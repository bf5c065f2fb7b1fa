"""Figures of the companion paper on fractional moments."""

from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from replication.figures import COLOURS, PALETTE, TEXT_WIDTH, panels, save, shared_legend, style, ticks
from replication.files import read_parquet
from replication.jobs import job
from replication.labels import activation_name, scheme_name

snakemake: Any  # Snakemake puts it here

SCHEMES = {
    "he": ("#D55E00", "o", "-"),
    "xavier": ("#999999", "s", ":"),
    "random_walk": ("#E69F00", "^", "--"),
}
FRACTIONAL = ("#0072B2", "D", "-")


def colour_of(orders: Any) -> dict[float, str]:
    return dict(zip(sorted(set(orders), reverse=True), PALETTE, strict=False))


def plot_moments(paths: Any) -> None:
    figure, ((ax,),) = panels(1, 1, 3.2, letters=False, figsize=(0.62 * TEXT_WIDTH, 3.2))
    for s, rows in deep.groupby("s"):
        colour = colour_of(deep.s)[s]
        ax.plot(rows.alpha, rows.population, color=colour, lw=1, ls="--")
        ax.plot(rows.alpha, rows.chain, color=colour, lw=1.2)
        ax.plot(rows.alpha[::2], rows.drawn[::2], "o", color=colour, ms=4, mfc="none", label=f"$s = {s:g}$")
    told = deep.iloc[0]
    ax.plot([], [], color="0.3", ls="--", lw=1, label="population")
    ax.plot([], [], color="0.3", lw=1.2, label=f"{int(told.chains)} chains of norms")
    ax.plot([], [], "o", color="0.3", ms=4, mfc="none", label=f"{int(told.networks)} drawn networks")
    ax.set(yscale="log", xlabel=r"order $\alpha$", ylabel=r"$(\mathrm{mean}\,|x_j|^\alpha)^{1/\alpha}$")
    ax.set_title(f"{int(told.networks)} networks, {int(told.depth)} ReLU layers, width {int(told.width)}")
    ax.minorticks_off()
    shared_legend(figure, [ax], 3)
    save(figure, paths, snakemake.params.dpi)


def plot_widths(paths: Any) -> None:
    figure, ((left, right),) = panels(1, 2, 2.9)
    shown = [s for s in (0.5, 1.0, 1.5) if s in set(widths.s)]
    for s, colour in zip(shown, PALETTE, strict=False):
        rows = widths[(widths.s == s) & (widths.width >= 30)]
        left.plot(rows.width, rows.excess, color=colour, label=f"$s = {s:g}$")
        left.plot(rows.width, rows.second_order_excess, color=colour, ls=":", lw=1.8)
    x = np.array([30, 89])
    left.plot(x, 2.0 / x**2, color="0.5", ls="--", lw=0.8)
    left.text(34, 1.3 / 34**2, r"$\propto d^{-2}$", fontsize=8, color="0.4")
    left.set(xscale="log", yscale="log", xlabel="width $d$", ylabel=r"$\sigma^2 - 2/d$")
    ticks(left, [30, 40, 50, 60, 80], [2e-4, 5e-4, 1e-3, 2e-3, 4e-3])
    for s, colour in ((0.1, PALETTE[3]), (0.5, PALETTE[0]), (1.0, PALETTE[1]), (2.0, "black")):
        rows = widths[(widths.s == s) & (widths.width <= 30)]
        right.plot(rows.width, rows.scaled, color=colour, label=f"$s = {s:g}$")
        right.plot(rows.width, rows.authors_scaled, color=colour, ls=":", lw=1.8)
    right.set(xscale="log", xlabel="width $d$", ylabel=r"$\sigma\,\sqrt{d/2}$", ylim=(0.95, 2.5))
    ticks(right, [2, 4, 8, 16, 30])
    right.plot([], [], color="0.3", ls=":", lw=1.8, label="second order")
    left.legend()
    right.legend()
    save(figure, paths, snakemake.params.dpi)


def plot_densities(paths: Any) -> None:
    names = list(densities.activation.unique())
    figure, axes = panels(2, len(names), 4.2, sharex="col")
    for column, name in zip(axes.T, names, strict=True):
        for s, colour in colour_of(densities.s).items():
            rows = densities[(densities.activation == name) & (densities.s == s)]
            bars = histogram[(histogram.activation == name) & (histogram.s == s)]
            column[0].stairs(
                bars.density, [*bars.low, bars.high.iloc[-1]], color=colour, alpha=0.25, fill=True
            )
            column[0].plot(rows.log_norm, rows.density, color=colour, label=f"$s = {s:g}$, exact")
            column[0].plot(rows.log_norm, rows.normal, color=colour, ls=":", lw=1.6)
            column[1].plot(rows.log_norm, rows["cdf"], color=colour)
            column[1].plot(rows.log_norm, rows.normal_cdf, color=colour, ls=":", lw=1.6)
        test = tests[tests.activation == name].iloc[0]
        column[0].set_ylim(top=1.45 * densities[densities.activation == name].density.max())
        words = f"KS {test.ks:.3f} (5 %: {test.critical:.3f})"
        column[0].text(0.03, 0.97, words, transform=column[0].transAxes, va="top", fontsize=7)
        column[0].set_title(activation_name(name))
        column[1].set(xlabel=r"$\log |x_L|$")
        for ax in column:
            ax.axvline(0, color="0.6", lw=0.7, ls="--")
    axes[0, 0].set_ylabel("density")
    axes[1, 0].set_ylabel("distribution function")
    axes[0, 0].plot([], [], color="0.3", ls=":", lw=1.6, label="central limit theorem")
    axes[0, 0].stairs([0], [0, 0], color="0.5", alpha=0.4, fill=True, label="drawn networks")
    shared_legend(figure, axes[:1, 0], 4)
    save(figure, paths, snakemake.params.dpi)


def plot_sigma(paths: Any) -> None:
    names = list(sigma.activation.unique())
    figure, (axes,) = panels(1, len(names), 2.6, sharey=True)
    for ax, name in zip(axes, names, strict=True):
        rows = sigma[sigma.activation == name]
        for (width, part), colour in zip(rows.groupby("width"), PALETTE, strict=False):
            ax.plot(part.s, part.ratio, color=colour, label=f"$d = {width}$")
        ax.set(xlabel="order $s$", yscale="log", ylim=(0.98, 3))
        ticks(ax, y=[1, 1.2, 1.5, 2, 3])
        ax.set_title(activation_name(name))
    axes[0].set_ylabel(r"$\sigma(s)\,/\,\sigma(2)$")
    shared_legend(figure, axes[:1], 5)
    save(figure, paths, snakemake.params.dpi)


def plot_clt(paths: Any) -> None:
    figure, ((left, middle, right),) = panels(1, 3, 2.9)
    places = np.arange(len(clt))
    labels = [f"{activation_name(r.activation)}, {r.s:g}" for r in clt.itertuples()]
    for ax, name, title in ((left, "mean", "mean"), (middle, "variance", "variance")):
        ax.axvspan(-1.96, 1.96, color="0.92", lw=0)
        ax.plot(clt[f"{name}_z"], places, "o", color=PALETTE[0], ms=4)
        ax.axvline(0, color="black", lw=0.7)
        ax.set(xlabel=f"{title}, standard errors", xlim=(-4.5, 4.5), ylim=(len(clt) - 0.5, -0.5))
        ax.set_yticks(places, labels if ax is left else [""] * len(clt), fontsize=7)
    for name, rows in normality.groupby("activation", sort=False):
        dashes = "o--" if name == "leaky_relu" else "o-"  # it covers ReLU
        right.plot(rows.depth, rows.ks, dashes, ms=3, color=COLOURS[name], label=activation_name(name))
    first = normality.iloc[0]
    depths = np.array(sorted(set(normality.depth)))
    right.plot(
        depths, 1.3 * first.ks / np.sqrt(depths), color="0.5", ls="--", lw=0.8, label=r"$\propto L^{-1/2}$"
    )
    right.set(xscale="log", yscale="log", xlabel="depth $L$", ylabel=r"$\sup|F - \Phi|$")
    ticks(right, [1, 10, 100], [1e-3, 2e-3, 5e-3, 1e-2, 2e-2])
    right.legend(fontsize=7)
    save(figure, paths, snakemake.params.dpi)


def plot_tails(paths: Any) -> None:
    figure, ((ax,),) = panels(1, 1, 3.0, letters=False, figsize=(0.62 * TEXT_WIDTH, 3.0))
    for s, rows in tails.groupby("s"):
        colour = colour_of(tails.s)[s]
        ax.errorbar(rows.share, rows.hill, 1.96 * rows.error, fmt="o", ms=4, mfc="none", color=colour, lw=0.9)
        ax.plot(rows.share, rows.exact, color=colour, label=f"$s = {s:g}$")
        ax.axhline(s, color=colour, ls="--", lw=0.7)
    ax.plot([], [], color="0.3", label="stationary law")
    ax.errorbar([], [], [], fmt="o", ms=4, mfc="none", color="0.3", lw=0.9, label="chains (95 %)")
    ax.set(
        xscale="log",
        xlabel="largest part of the networks",
        ylabel="Hill estimate, tail index of the norm",
        ylim=(0, None),
    )
    shares = sorted(set(tails.share))
    ax.set_xticks(shares, [f"{100 * share:g} %" for share in shares])
    ax.minorticks_off()
    shared_legend(figure, [ax], 3)
    save(figure, paths, snakemake.params.dpi)


def plot_limits(paths: Any) -> None:
    figure, ((left, right, last),) = panels(1, 3, 2.9)
    relu, mine = far[far.activation == "relu"], exponents[exponents.activation == "relu"]
    colours = colour_of([*relu.s, *mine.s])
    for s, rows in relu.groupby("s"):
        left.plot(rows.depth, rows.log_median, "o", ms=3.5, color=colours[s], label=f"$s = {s:g}$")
        left.plot(rows.depth, rows.log_high, "^", ms=3.5, mfc="none", color=colours[s])
    left.plot([], [], "o", ms=3.5, color="0.3", label="median")
    left.plot([], [], "^", ms=3.5, mfc="none", color="0.3", label="99.9 %")
    left.axhline(0, color="0.5", ls=":", lw=0.8)
    left.set(xscale="log", xlabel="depth $L$", ylabel=r"$\log\,|x^L|$")
    left.set_yscale("symlog", linthresh=10)
    ticks(left, y=(-1000, -100, -10, 0, 10))
    left.set_title(f"ReLU, no biases, width {int(relu.width.iloc[0])}")
    left.legend(fontsize=7)
    for s, rows in mine[mine.biases].groupby("s"):
        right.plot(rows.level, rows.exponent, lw=1.2, color=colours[s], label=f"biases, $s = {s:g}$")
    # the same for all orders, which are translates
    rows = mine[~mine.biases & (mine.s == mine.s.min())]
    right.plot(rows.level, rows.exponent, "o--", ms=3, lw=1.2, color="0.3", label="no biases, any $s$")
    right.set(xscale="log", xlabel="$P(|x| > t)$", ylabel="tail exponent at $t$", ylim=(0, 2.4))
    right.invert_xaxis()
    right.set_title(f"ReLU, width {int(mine.width.iloc[0])}")
    right.legend(fontsize=7, loc="upper left")
    kept = dropout[dropout.activation == "relu"]
    for colour, (keep, rows) in zip(("black", "0.6"), kept.groupby("keep"), strict=False):
        at = rows.sort_values("s")
        last.plot(at.s, at.uncorrected, "--", lw=1, color=colour)
        last.errorbar(at.s, at["mean"], 2 * at.error, fmt="o", ms=4, color=colour, label=f"keep {keep:g}")
    last.axhline(1, color="0.5", ls=":", lw=0.8)
    last.plot([], [], "o", ms=4, color="0.3", label="scale for dropout")
    last.plot([], [], "--", lw=1, color="0.3", label="scale without")
    last.set(xlabel="order $s$", ylabel="$E|x'|^s$ for $|x| = 1$", ylim=(0.9, None))
    last.set_title(f"dropout, ReLU, width {int(kept.width.iloc[0])}")
    last.legend(fontsize=7)
    save(figure, paths, snakemake.params.dpi)


def plot_training(paths: Any) -> None:
    datasets, names = list(dict.fromkeys(cells.dataset)), ["relu", "leaky_relu", "linear"]
    names = [name for name in names if name in set(cells.activation)]
    figure, axes = panels(2 * len(datasets), len(names), 4.6 * len(datasets))
    for i, dataset in enumerate(datasets):
        for j, name in enumerate(names):
            top, bottom = axes[2 * i, j], axes[2 * i + 1, j]
            part = cells[(cells.dataset == dataset) & (cells.activation == name)]
            schemes = sorted(part.law, key=lambda law: (not law.startswith("fractional"), law))
            for k, scheme in enumerate(schemes):
                colour, marker, dashes = SCHEMES.get(scheme, FRACTIONAL)
                row = part[part.law == scheme].iloc[0]
                seeds = chosen[
                    (chosen.dataset == dataset) & (chosen.activation == name) & (chosen.law == scheme)
                ]
                spread = np.linspace(-0.2, 0.2, len(seeds))
                top.plot(k + spread, seeds.accuracy, marker, ms=3, color=colour, alpha=0.6)
                if row.accuracy_low == row.accuracy_low:
                    top.plot([k, k], [row.accuracy_low, row.accuracy_high], color="black", lw=1)
                top.plot(k, row.accuracy, "_", ms=14, mew=2, color="black")
                curve = loss[
                    (loss.dataset == dataset) & (loss.activation == name) & (loss.law == scheme)
                ].sort_values("epoch")
                bottom.plot(curve.epoch, curve.loss, color=colour, ls=dashes, label=scheme_name(scheme))
            top.set_xticks(
                range(len(schemes)), [scheme_name(s).replace(" walk", "\nwalk") for s in schemes], fontsize=7
            )
            top.axhline(0.1, color="0.5", ls=":", lw=1)
            top.set(ylim=(0, 1))
            top.set_title(f"{activation_name(name)}, {int(part.depth.iloc[0])} layers")
            bottom.axhline(np.log(10), color="0.5", ls=":", lw=1)
            bottom.set(xlabel="epoch", yscale="log")
            least = 0.8 * loss.loss.min()
            ticks(bottom, y=[t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2) if t > least])
            bottom.xaxis.set_major_locator(MaxNLocator(integer=True))
            bottom.legend(fontsize=7)
        axes[2 * i, 0].set_ylabel(f"test accuracy ({dataset})")
        axes[2 * i + 1, 0].set_ylabel("training loss (nats)")
    save(figure, paths, snakemake.params.dpi)


with job(snakemake), style():
    inputs = snakemake.input
    deep, widths, sigma, densities = (
        read_parquet(inputs[n]) for n in ("deep", "widths", "sigma", "densities")
    )
    histogram, tests, clt = (read_parquet(inputs[n]) for n in ("histogram", "tests", "clt"))
    normality, tails = (read_parquet(inputs[n]) for n in ("normality", "tails"))
    cells, chosen, loss = (read_parquet(inputs[n]) for n in ("cells", "chosen", "loss"))
    far, exponents, dropout = (read_parquet(inputs[n]) for n in ("far", "exponents", "dropout"))
    output = snakemake.output
    plot_moments(output.moments)
    plot_widths(output.widths)
    plot_densities(output.densities)
    plot_sigma(output.sigma)
    plot_clt(output.clt)
    plot_tails(output.tails)
    plot_limits(output.limits)
    plot_training(output.training)
