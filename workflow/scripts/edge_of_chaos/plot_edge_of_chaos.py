"""Figures: Edge-of-Chaos curves and exact points, chi over the scales, maps, correlations, depth scales."""

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import TwoSlopeNorm

from replication.distances import told
from replication.figures import look, panels, save, shared_legend, style, theta_colours, ticks
from replication.files import read_parquet
from replication.jobs import job
from replication.labels import activation_math, activation_name

snakemake: Any  # Snakemake puts it here

PLACES = {
    "below": ("tab:blue", "below the edge"),
    "on": ("black", "on the edge"),
    "above": ("tab:red", "above"),
}


def plot_curves(paths: Any) -> None:
    figure, ((plane, odd, points),) = panels(1, 3, 3.6)
    for (activation, theta), rows in curves.groupby(["activation", "theta"], dropna=False):
        options = look(activation, theta, colours)
        if activation in ("odd", "positive"):
            if activation == "odd":
                odd.plot(rows.sigma_w, rows.sigma_b, lw=1.1, **options)
        elif len(rows) == 1:
            plane.plot(rows.sigma_w, rows.sigma_b, "s", ms=6, clip_on=False, zorder=5, **options)
        else:
            plane.plot(rows.sigma_w, rows.sigma_b, lw=1.3, **options)
    angle = np.linspace(0, np.pi / 2, 100)
    odd.plot(np.cos(angle), np.sin(angle), color="0.6", lw=0.8, ls=":", label=r"$\sigma_w^2+\sigma_b^2=1$")
    listed = pairs[pairs.kind == "odd"].dropna(subset="sigma_w")
    odd.scatter(listed.sigma_w, listed.sigma_b, s=16, c=[colours[t] for t in listed.theta], zorder=4)
    odd.plot([], [], "o", ms=4, color="0.3", label="exact point")
    plane.set(xlim=(0.8, 2.4), ylim=(0, 1.2), xlabel=r"$\sigma_w$", ylabel=r"$\sigma_b$")
    plane.text(0.03, 0.55, "ordered", transform=plane.transAxes, color="0.4")
    plane.text(0.75, 0.06, "chaotic", transform=plane.transAxes, color="0.4")
    odd.set(xlim=(0.8, 1.6), ylim=(0, 0.9), xlabel=r"$\sigma_w$", ylabel=r"$\sigma_b$")
    odd.set_title(r"$\phi_\theta$ odd")
    plane.set_title("common activations")

    family = read["families"][~read["families"].listed].sort_values(["theta", "b"])
    for kind, dashes in (("odd", "-"), ("positive", "--")):
        rows = family[(family.kind == kind) & family.theta.notna()]
        points.plot(rows.theta, rows.chi, dashes, color="black", label=rf"Weibull, {kind}")
        rows = family[(family.kind == kind) & family.b.notna() & np.isfinite(family.chi)]
        points.plot(2 + rows.b, rows.chi, dashes, color="royalblue", label=rf"spherical, {kind} ($2 + b$)")
    points.axhline(1, color="0.6", lw=0.8, ls=":")
    points.axvline(2.5, color="royalblue", lw=0.6, ls=":")
    points.set(
        xscale="log", ylim=(0, 2.2), xlabel=r"$\theta$, or $2 + b$", ylabel=r"$\chi_1$ at $\sigma_w = 1$"
    )
    ticks(points, [2, 3, 5, 10, 20, 50])
    points.set_title("exact pairs, $v = 1$")
    shared_legend(figure, [plane, odd, points], 5)
    save(figure, paths, snakemake.params.dpi)


def plot_heat(paths: Any) -> None:
    cells = list(heat.groupby(["activation", "theta"], dropna=False))
    figure, axes = panels(1, len(cells), 2.9, sharey=True)
    for ax, ((activation, theta), rows) in zip(axes[0], cells, strict=True):
        table = rows.pivot(index="sigma_b", columns="sigma_w", values="chi")
        image = ax.pcolormesh(
            table.columns, table.index, table, norm=TwoSlopeNorm(1, 0, 2), cmap="PuOr_r", rasterized=True
        )
        size = rows.pivot(index="sigma_b", columns="sigma_w", values="variance")
        same = curves.theta.isna() if np.isnan(theta) else curves.theta == theta
        edge = curves[(curves.activation == activation) & same]
        ax.plot(edge.sigma_w, edge.sigma_b, color="black", lw=1)
        # where there is no edge chi may jump over 1
        below = table[table.index < edge.sigma_b.min()] if len(edge) else table
        if len(below) > 1 and below.to_numpy().min() < 1 < below.to_numpy().max():
            ax.contour(below.columns, below.index, below, [1], colors="black", linewidths=1, linestyles="--")
        ends = np.where(np.isinf(size), 1.0, np.nan)
        ax.contourf(size.columns, size.index, ends, levels=[0.5, 1.5], hatches=["///"], colors="none")
        ax.set_xlabel(r"$\sigma_w$")
        ax.set_title(activation_math(activation, theta))
        ax.grid(visible=False)
        ax.set(xlim=(table.columns.min(), table.columns.max()), ylim=(table.index.min(), table.index.max()))
    axes[0, 0].set_ylabel(r"$\sigma_b$")
    figure.colorbar(image, ax=axes, extend="max").set_label(r"$\chi_1$")
    save(figure, paths, snakemake.params.dpi)


def plot_maps(paths: Any) -> None:
    figure, ((common, oscillation, correlation),) = panels(1, 3, 3.2)
    for (activation, place), rows in maps.groupby(["activation", "place"]):
        graph = rows[rows.quantity == "variance"]
        points = rows[rows.quantity == "fixed variance"]
        if activation == "oscillating_6":
            oscillation.plot(graph["at"], graph.value / graph["at"], color="tab:green")
            stable = points.value.abs() < 1
            for chosen, fill in ((stable, "tab:green"), (~stable, "white")):
                oscillation.plot(
                    points["at"][chosen], np.ones(chosen.sum()), "o", ms=5, color="tab:green", mfc=fill
                )
            continue
        colour, label = PLACES[place]
        if activation == "tanh":
            common.plot(graph["at"], graph.value, color=colour, label=label)
            common.plot(points["at"], points["at"], "o", ms=4, color=colour)
        graph = rows[rows.quantity == "correlation"]
        dashes = "-" if activation == "tanh" else "--"
        correlation.plot(graph["at"], graph.value - graph["at"], dashes, lw=1, color=colour)
        points = rows[rows.quantity == "fixed correlation"]
        stable = (points.value.abs() < 1) | ((points["at"] == 1) & (points.value < 1 + 1e-9))
        for chosen, fill in ((stable, colour), (~stable, "white")):
            correlation.plot(points["at"][chosen], np.zeros(chosen.sum()), "o", ms=4, color=colour, mfc=fill)
    low, high = 1e-2, 3
    common.plot([low, high], [low, high], color="0.7", lw=0.8, zorder=0)
    common.set(xlim=(low, high), ylim=(low, high))
    correlation.axhline(0, color="0.7", lw=0.8, zorder=0)
    common.set(xscale="log", yscale="log", xlabel="$v$", ylabel="$v'$")
    common.set_title("variance, tanh")
    oscillation.axhline(1, color="0.7", lw=0.8, zorder=0)
    oscillation.set(xscale="log", xlabel="$v$", ylabel="$v'/v$")
    oscillation.set_title(r"variance, $\phi_{.99,6}$, $\sigma_w = .99$")
    correlation.set(xlabel="$c$", ylabel="$c' - c$", xlim=(-1.08, 1.08), ylim=(-0.1, 0.4))
    correlation.plot([], [], color="0.3", label="tanh")
    correlation.plot([], [], "--", color="0.3", label=activation_name("odd", theta_of_study))
    oscillation.plot([], [], "o", color="0.3", label="stable")
    oscillation.plot([], [], "o", color="0.3", mfc="white", label="unstable")
    correlation.set_title("correlation")
    shared_legend(figure, [common, oscillation, correlation], 4)
    save(figure, paths, snakemake.params.dpi)


def plot_correlations(paths: Any) -> None:
    widths = sorted(set(correlations.width))
    names = [name for name in ("tanh", "odd", "relu") if name in set(correlations.activation)]
    figure, axes = panels(len(names), len(widths) + 1, 1.75 * len(names) + 0.7)
    for row, activation in zip(axes, names, strict=True):
        mine = correlations[correlations.activation == activation]
        theta = mine.theta.iloc[0]
        for ax, width in zip(row, widths, strict=False):
            for place, rows in mine[mine.width == width].groupby("place"):
                colour, label = PLACES[place]
                ax.fill_between(rows.depth, rows.low, rows.high, color=colour, alpha=0.12, lw=0)
                ax.plot(rows.depth, rows.correlation, color=colour, label=label)
                ax.plot(rows.depth, rows.theory, color=colour, ls=":", lw=1.4)
            ax.set_ylim(-0.4, 1.03)
            if activation == names[0]:
                ax.set_title(f"width {width}", loc="center")
            ax.set_xlabel("depth (layers)" if activation == names[-1] else "")
        row[0].set_ylabel("correlation\n" + activation_math(activation, theta))
        for ax in row[1 : len(widths)]:
            ax.tick_params(labelleft=False)
        last = row[-1]
        rate = rates[rates.activation == activation]
        last.plot(rate.depth, rate.gap, color="black", ls=":", lw=1.4)
        power = 2 if activation == "relu" else 1
        guide = rate.gap.iloc[-1] * (rate.depth.iloc[-1] / rate.depth) ** power
        last.plot(rate.depth[rate.depth > 3], guide[rate.depth > 3], color="0.6", lw=0.8)
        widest = mine[(mine.width == widths[-1]) & (mine.place == "on")]
        last.plot(widest.depth, 1 - widest.correlation, color="black", lw=1)
        last.set(xscale="log", yscale="log", ylim=(max(1e-6, 0.5 * rate.gap.min()), 1.2))
        last.text(
            0.05, 0.08, "slope $-2$" if power == 2 else "slope $-1$", transform=last.transAxes, color="0.45"
        )
        last.set_xlabel("depth (layers)" if activation == names[-1] else "")
        last.yaxis.tick_right()
    axes[0, -1].set_title("$1 - c$ on the edge", loc="center")
    axes[0, 0].plot([], [], ":", color="0.3", label="infinite width")
    axes[0, 0].fill_between([], [], [], color="0.3", alpha=0.2, lw=0, label="5 % to 95 % of networks")
    shared_legend(figure, axes[:1, 0], 5)
    save(figure, paths, snakemake.params.dpi)


def plot_scales(paths: Any) -> None:
    figure, ((scale, ends, starts),) = panels(1, 3, 3.0)
    for (activation, theta), rows in scales.groupby(["activation", "theta"], dropna=False):
        options = look(activation, theta, colours)
        ordered = rows.sort_values("sigma_w")
        x = ordered.sigma_w / ordered.edge - 1
        name = activation_name(activation, theta)
        scale.plot(x, ordered.xi_c, color=options["color"], label=rf"$\xi_c$, {name}")
        scale.plot(x, ordered.xi_v, "--", lw=1, color=options["color"], label=rf"$\xi_v$, {name}")
        ends.plot(x, ordered.correlation, color=options["color"], label=name)
    scale.set(yscale="log", ylabel="layers", xlabel=r"$\sigma_w / $edge $-\,1$", ylim=(0.3, 1e5))
    scale.set_title("depth scales")
    ends.set(ylabel="$c^*$", xlabel=r"$\sigma_w / $edge $-\,1$")
    ends.set_title("limit of correlations")
    shades = plt.get_cmap("viridis")
    groups = list(variances.groupby("start"))
    for k, (_, rows) in enumerate(groups):
        colour = shades(0.9 * k / max(1, len(groups) - 1))
        starts.plot(rows.depth, rows.variance, color=colour, lw=1.1)
        starts.plot(rows.depth, rows.theory, ":", color=colour, lw=1.2)
    starts.set(yscale="log", xlabel="depth (layers)", ylabel="variance")
    starts.set_title(rf"$\phi_{{.99,6}}$, width {variances.width.iloc[0]}")
    starts.plot([], [], color="0.3", label="networks, seven starts")
    starts.plot([], [], ":", color="0.3", label="infinite width")
    shared_legend(figure, [scale, starts], 3)
    save(figure, paths, snakemake.params.dpi)


def plot_unified(paths: Any) -> None:
    """By scheme: factors per layer of variance and gradient, correlation and distance at the end."""
    figure, (axes,) = panels(1, 4, 3.3, sharey=True)
    shown = unified[unified["keeps"] != ""]
    schemes = list(dict.fromkeys(shown.scheme))[::-1]
    for k, scheme in enumerate(schemes):
        rows = shown[shown.scheme == scheme].sort_values("depth")
        first, last = rows.iloc[0], rows.iloc[-1]
        per_layer = 1 / (last.depth - first.depth)
        kept = [last.variance / first.variance, last.variance_theory / first.variance_theory]
        pairs = [
            [value**per_layer for value in kept],
            [value**per_layer for value in (first.gradient, first.gradient_theory)],
            [last.correlation, last.correlation_theory],
        ]
        for ax, (measured, theory) in zip(axes, pairs, strict=False):
            ax.plot(theory, k, "o", ms=7, mfc="none", mec="0.5")
            ax.plot(measured, k, "o", ms=3.5, color="black")
        seen = bool(told(rows[-1:], "ks").iloc[0])
        axes[3].plot(
            last.ks if seen else 0, k, "o" if seen else "x", ms=3.5, color="black" if seen else "0.5"
        )
    titles = ("variance / layer", "gradient$^2$ / layer", "correlation, end", "distance, end")
    for ax, title, start in zip(axes, titles, (1, 1, 0.5, 0), strict=True):
        ax.axvline(start, color="0.5", ls=":", lw=0.8)
        ax.set_title(title)
    axes[0].set_yticks(range(len(schemes)), schemes, fontsize=7)
    marks = {"networks": ("o", 3.5, "black", "black"), "infinite width": ("o", 7, "none", "0.5")}
    marks["not told from 0"] = ("x", 3.5, "0.5", "0.5")
    for label, (marker, size, face, edge) in marks.items():
        axes[0].plot([], [], marker, ms=size, mfc=face, mec=edge, label=label)
    shared_legend(figure, axes[:1], 3)
    save(figure, paths, snakemake.params.dpi)


with job(snakemake), style():
    read = {name: read_parquet(path) for name, path in snakemake.input.items() if name != "code"}
    curves, pairs, heat, maps = (read[name] for name in ("curves", "pairs", "heat", "maps"))
    rates, scales, correlations = (read[name] for name in ("rates", "scales", "correlations"))
    variances, unified = read["variances"], read["unified"]
    theta_of_study = float(correlations.theta.dropna().iloc[0])
    colours = theta_colours([*curves.theta.dropna(), theta_of_study])
    plot_curves(snakemake.output.curves)
    plot_heat(snakemake.output.heat)
    plot_maps(snakemake.output.maps)
    plot_correlations(snakemake.output.correlations)
    plot_scales(snakemake.output.scales)
    plot_unified(snakemake.output.unified)
