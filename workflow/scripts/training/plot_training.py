"""Figures of the training study, one data set: loss, accuracy against depth, share that trains, predictors."""

from typing import Any

import numpy as np

from replication.figures import panels, save, shared_legend, style, theta_colours, ticks, training_look
from replication.files import read_parquet
from replication.jobs import job
from replication.labels import activation_math, reference_name

snakemake: Any  # Snakemake puts it here

SETTING = ["activation", "law", "theta"]


def groups(frame: Any) -> Any:
    """(keyword arguments of plot, rows) per setting; colours by theta, dashes by kind."""
    for (activation, law, theta), rows in frame.groupby(SETTING, dropna=False, sort=False):
        options = training_look(activation, theta, colours, law)
        options["label"] = activation_math(activation, theta, law)
        yield options, rows


def plot_loss(paths: Any) -> None:
    widths, depths = sorted(set(curves.width)), sorted(set(curves.depth))
    figure, axes = panels(
        len(depths), len(widths), 1.6 * len(depths) + 1.4, letters=False, sharex=True, sharey=True
    )
    for i, depth in enumerate(depths):
        for j, width in enumerate(widths):
            ax = axes[i, j]
            for options, rows in groups(curves[(curves.width == width) & (curves.depth == depth)]):
                ax.plot(rows.epoch, rows.loss, lw=1, **{k: v for k, v in options.items() if k != "marker"})
            ax.axhline(np.log(10), color="0.6", lw=0.8, ls=":")
            ax.axhline(np.log(10) / 2, color="0.6", lw=0.8, ls="--")
            ax.set(yscale="log", ylim=(5e-3, 4))
            ax.set_title(f"width {width}, {depth} hidden layers", loc="center")
    for ax in axes[-1]:
        ax.set_xlabel("epoch")
    figure.supylabel("training loss (cross-entropy, mean over seeds)", fontsize=9)
    shared_legend(figure, axes, 4, fontsize=7)
    save(figure, paths, snakemake.params.dpi)


def plot_accuracy(paths: Any) -> None:
    """Odd pairs, positive pairs and phi_(.99, omega), each beside tanh and ReLU; the clean experiment."""
    kind = cells.activation.str.split("_").str[0]
    reference = cells.activation.isin(["relu", "tanh"])
    parts = {
        "odd": reference | (kind == "odd"),
        "positive, oscillating": reference | kind.isin(["positive", "oscillating"]),
        "same activation,\nGaussian or not": (cells.activation == "relu") | kind.isin(["normalized", "unit"]),
    }
    shown = {name: cells[mask] for name, mask in parts.items() if (mask & ~reference).any()}
    widths, depths = sorted(set(cells.width)), sorted(set(cells.depth))
    figure, axes = panels(len(shown), len(widths), 1.75 * len(shown) + 1.3, sharex=True, sharey=True)
    for row, (name, part) in zip(axes, shown.items(), strict=True):
        for ax, width in zip(row, widths, strict=True):
            many = list(groups(part[part.width == width]))
            for k, (options, rows) in enumerate(many):
                ordered = rows.sort_values("depth")
                shift = 1.015 ** (k - len(many) / 2)  # side by side, not on top of each other
                bars = [ordered.accuracy - ordered.accuracy_low, ordered.accuracy_high - ordered.accuracy]
                ax.errorbar(
                    ordered.depth * shift, ordered.accuracy, bars, ms=3, lw=0.9, elinewidth=0.7, **options
                )
            ax.axhline(0.1, color="0.6", lw=0.8, ls=":")
            ax.set(xscale="log", ylim=(0, 1))
            ticks(ax, depths)
        row[0].set_ylabel(f"{name}\ntest accuracy", fontsize=8)
    for ax, width in zip(axes[0], widths, strict=True):
        ax.set_title(f"width {width}", loc="center")
    for ax in axes[-1]:
        ax.set_xlabel("hidden layers")
    shared_legend(figure, axes[:, 0], 4, fontsize=7)
    save(figure, paths, snakemake.params.dpi)


def plot_share(paths: Any) -> None:
    names, table = [], []
    architectures = sorted(set(zip(cells.width, cells.depth, strict=True)))
    order = cells.groupby(SETTING, dropna=False).trains.mean().sort_values(ascending=False).index
    rows_of = {key: rows for key, rows in cells.groupby(SETTING, dropna=False)}
    lookup = {(a, law): rows for (a, law, _), rows in rows_of.items()}
    for activation, law, theta in order:
        share = lookup[activation, law].set_index(["width", "depth"]).trains
        names.append(activation_math(activation, theta, law))
        table.append([share.get(at, np.nan) for at in architectures])
    figure, ((ax,),) = panels(1, 1, 0.23 * len(names) + 1.4, letters=False)
    image = ax.imshow(table, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for i, row in enumerate(table):
        for j, value in enumerate(row):
            if np.isfinite(value):
                ax.text(
                    j, i, f"{100 * value:.0f}", ha="center", va="center", fontsize=7,
                    color="black" if value > 0.5 else "white",
                )  # fmt: skip
    ax.set_xticks(range(len(architectures)), [f"{w} x {d}" for w, d in architectures])
    ax.set_yticks(range(len(names)), names)
    ax.set_xlabel("width x hidden layers")
    ax.grid(visible=False)
    figure.colorbar(image, label="share of runs that train\n(at the chosen learning rate)", pad=0.02)
    save(figure, paths, snakemake.params.dpi)


def plot_comparisons(paths: Any) -> None:
    """A row per setting, a panel per what it is compared with; at last the same activation, Gaussian or not."""
    twins = {**{f"normalized_{psi}": f"unit_{psi}" for psi in ("tanh", "gelu")}, "normalized_relu": "relu"}
    free = tests[tests.question == "pairs"]
    heads = [second for second in ("tanh", "relu", "odd") if second in set(free.second)]
    named = free[["first", "first_law", "theta"]].drop_duplicates()
    names = list(named.itertuples(index=False, name=None))
    control = tests[tests.question == "control"]
    figure, axes = panels(
        2, len(heads), 0.17 * (len(names) + len(control)) + 1.9, sharex=True, letters=False,
        height_ratios=(max(1, len(names)), max(1, len(control)) + 1),
    )  # fmt: skip
    for ax, second in zip(axes[0], heads, strict=True):
        rows = free[free.second == second].set_index(["first", "first_law"])
        for y, (first, law, theta) in enumerate(names):
            if (first, law) in rows.index:
                interval(ax, y, rows.loc[(first, law)], training_look(first, theta, colours, law))
        ax.set_yticks(range(len(names)), [activation_math(a, t, law) for a, law, t in names], fontsize=7)
        ax.tick_params(labelleft=ax is axes[0, 0], labelbottom=True)
        ax.set_title(f"minus {reference_name(second)}", loc="center")
        ax.set_ylim(len(names) - 0.4, -0.6)
    below = axes[1, 0]
    for y, row in enumerate(control.itertuples()):
        interval(below, y, row, training_look(twins.get(row.first, row.first), row.theta, colours))
    below.set_yticks(
        range(len(control)),
        [activation_math(a.removeprefix("normalized_")) for a in control["first"]],
        fontsize=7,
    )
    below.set_ylim(len(control) - 0.4, -0.6)
    below.set_title("exactly Gaussian minus not", loc="center")
    for ax in axes[1, 1:]:
        ax.set_axis_off()
    for ax in [*axes[0], below]:
        ax.axvline(0, color="0.4", lw=0.8)
    figure.supxlabel(
        "difference of test accuracy (95 %, seeds are the units; filled: p < .05, Holm)", fontsize=8
    )
    save(figure, paths, snakemake.params.dpi)


def interval(ax: Any, y: int, row: Any, options: dict[str, Any]) -> None:
    """A difference with its interval, filled where it is significant."""
    ax.plot([row.low, row.high], [y, y], color=options["color"], lw=1.0)
    fill = options["color"] if row.p_holm < 0.05 else "white"
    ax.plot(row.difference, y, options["marker"], color=options["color"], mfc=fill, ms=4.5, mew=0.8)


def plot_predictors(paths: Any) -> None:
    figure, (axes,) = panels(1, 2, 4.2, sharey=True)
    labels = {
        "ks_told": "distance from Gaussian at initialization,\nlast hidden layer (at the left: not told from 0)",
        "edge": r"distance from the Edge of Chaos, depth $|\log\,\chi_1|$",
    }
    sizes = {depth: 3 + 2.2 * k for k, depth in enumerate(sorted(set(start.depth)))}
    for ax, (name, label) in zip(axes, labels.items(), strict=True):
        least = 1e-3 if name == "edge" else 1e-4
        for options, rows in groups(start):
            for depth, at in rows.groupby("depth"):
                ax.plot(
                    at[name].clip(lower=least), at.trains, options["marker"], color=options["color"], alpha=0.75,
                    ms=sizes[depth], mew=0.6, mfc="white" if options["marker"] == "^" else options["color"],
                )  # fmt: skip
        found = predictions[predictions.predictor == name].set_index("among")
        texts = [
            f"{row.rank_correlation:+.2f} (p = {row.p:.2g})"
            for row in found.loc[["all", "not positive"]].itertuples()
        ]
        ax.set_title(f"rank correlation {texts[0]},\nwithout positive pairs {texts[1]}")
        ax.set(xscale="log", xlabel=label, ylim=(-0.03, 1.03))
    axes[0].set_ylabel("share of runs that train")
    for options, _ in groups(start):
        fill = "white" if options["marker"] == "^" else options["color"]
        axes[0].plot(
            [], [], options["marker"], color=options["color"], mfc=fill, ms=4, mew=0.6, label=options["label"]
        )
    for depth, size in sizes.items():
        axes[0].plot([], [], "s", color="0.5", ms=size, label=f"depth {depth}")
    shared_legend(figure, axes[:1], 4, fontsize=7)
    save(figure, paths, snakemake.params.dpi)


with job(snakemake), style():
    read = ("cells", "start", "curves", "predictions", "comparisons")
    everything = [read_parquet(snakemake.input[name]) for name in read]
    title, optimizer = snakemake.params.title, snakemake.params.optimizer
    cells, start, curves, predictions, tests = (
        frame[frame.dataset.str.startswith(title) & (frame.optimizer == optimizer)] for frame in everything
    )
    cells, curves = cells[cells.depth > 0], curves[curves.depth > 0]
    colours = theta_colours(cells.theta.dropna())
    plot_loss(snakemake.output.loss)
    plot_accuracy(snakemake.output.accuracy)
    plot_share(snakemake.output.share)
    plot_predictors(snakemake.output.predictors)
    tests = tests[tests.scope == "all"]
    thetas = cells.drop_duplicates(["activation", "law"]).set_index(["activation", "law"]).theta
    tests = tests.assign(
        theta=[thetas.get(key, np.nan) for key in zip(tests["first"], tests.first_law, strict=True)]
    )
    plot_comparisons(snakemake.output.comparisons)
