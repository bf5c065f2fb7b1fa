"""Figures of the companion paper on kernels: curves, errors, depth, Gram matrices, trained rows and real inputs."""

from typing import Any

import numpy as np

from replication.figures import PALETTE, panels, save, shared_legend, style, ticks
from replication.files import read_parquet
from replication.jobs import job
from replication.kernels.analysis import curve_tolerance
from replication.labels import law_math

snakemake: Any  # Snakemake puts it here

MARKERS = "osD^vPX*"
INPUTS = {"signed": ("#0072B2", "o"), "positive": ("#D55E00", "s"), "localized": ("#009E73", "^")}
BARS: Any = {"ms": 3.5, "mfc": "none", "lw": 0.8}
PI_TICKS = ([0, np.pi / 4, np.pi / 2, 3 * np.pi / 4, np.pi], ["0", "π/4", "π/2", "3π/4", "π"])


def plot_curves(paths: Any) -> None:
    slopes = sorted(set(curves.slope))
    laws = [law for law in curves.law.unique() if law not in controls]
    figure, axes = panels(2, len(slopes) + 1, 4.4, sharex=True)
    for column, slope in zip(axes.T, slopes, strict=False):
        mine = curves[curves.slope == slope]
        exact = mine[mine.law == laws[0]]
        column[0].plot(exact.angle, exact["map"], color="black", lw=1.2, label="formula")
        for k, law in enumerate(laws):
            rows = mine[mine.law == law]
            looks: Any = {"color": PALETTE[k % 8], "label": law_math(law)}
            column[0].plot(rows.angle[k::8], rows.drawn[k::8], MARKERS[k % 8], ms=4, mfc="none", **looks)
            column[1].plot(rows.angle, rows.drawn - rows["map"], lw=0.9, **looks)
        limit = curve_tolerance(exact.neurons.iloc[0])
        for sign in (-1, 1):
            column[1].axhline(sign * limit, color="0.4", ls="--", lw=0.8)
        column[1].set(ylim=(-1.4 * limit, 1.4 * limit))
        column[0].set_title(f"slope $a = {slope:g}$")
    last = axes[:, -1]
    for _, rows in curves[curves.law.isin(controls) & (curves.slope == slopes[0])].groupby(
        ["law", "replica"]
    ):
        last[0].plot(rows.angle, rows.drawn, color="#D55E00", lw=0.8)
        last[1].plot(rows.angle, rows.drawn - rows["map"], color="#D55E00", lw=0.8)
    exact = curves[(curves.law == laws[0]) & (curves.slope == slopes[0])]
    last[0].plot(exact.angle, exact["map"], color="black", lw=1.2)
    last[0].set_title("control: " + ", ".join(map(law_math, controls)))
    axes[0, 0].set_ylabel(r"$\cos\theta'$")
    axes[1, 0].set_ylabel(r"$\cos\theta'$ drawn $-$ formula")
    for ax in axes[1]:
        ax.set_xlabel(r"angle $\theta$ (radians)")
        ax.set_xticks(*PI_TICKS)
    shared_legend(figure, axes[:1, 0], 4)
    save(figure, paths, snakemake.params.dpi)


def plot_errors(paths: Any) -> None:
    laws = list(errors.law.unique())
    columns = min(3, len(laws))
    rows_of = -(-len(laws) // columns)
    figure, axes = panels(rows_of, columns, 2.5 * rows_of + 0.4, used=len(laws), sharex=True)
    for ax, law in zip(axes.flat, laws, strict=False):
        for kind, (colour, marker) in INPUTS.items():
            rows = errors[(errors.law == law) & (errors.inputs == kind)].sort_values("m")
            if not len(rows):
                continue
            error = rows.error.abs()
            ax.plot(rows.m, rows.formula.abs(), color=colour, lw=1, ls="-" if kind != "localized" else ":")
            low = np.minimum(error - error.clip(upper=1e-6), 1.96 * rows.standard_error)
            bars = [low, 1.96 * rows.standard_error]
            ax.errorbar(rows.m, error, bars, fmt=marker, color=colour, **BARS)
            fit = slopes[(slopes.law == law) & (slopes.inputs == kind)]
            if len(fit):
                told = fit.iloc[0]
                ax.text(
                    0.04, 0.05, f"slope {told.slope:.2f} ± {told.half_width:.2f}\n(predicted {told.predicted:g})",
                    transform=ax.transAxes, fontsize=7, color=colour,
                )  # fmt: skip
        plain = errors[(errors.law == law) & (errors.inputs == "signed") & (errors.plain_standard_error > 0)]
        plain = plain.sort_values("m")
        ax.plot(plain.m, plain.plain_standard_error, color="0.6", ls="--", lw=0.8)
        ax.set(xscale="log", yscale="log", ylim=(1e-5, 0.3))
        ticks(ax, sorted(set(errors.m))[::2])
        ax.set_title(law_math(law))
    for ax in axes[-1]:
        ax.set_xlabel("inputs $m$")
    for ax in axes[:, 0]:
        ax.set_ylabel(r"$|k - k_{\mathrm{Gauss}}|$")
    ax = axes[0, 0]
    for kind, (colour, marker) in INPUTS.items():
        label = "inputs of mean 0" if kind == "signed" else f"{kind} inputs"
        ax.errorbar([], [], [], fmt=marker, color=colour, label=label, **BARS)
    ax.plot([], [], color="0.3", lw=1, label="formula")
    ax.plot([], [], color="0.6", ls="--", lw=0.8, label="standard error of plain Monte Carlo, as many rows")
    shared_legend(figure, [ax], 3)
    save(figure, paths, snakemake.params.dpi)


def plot_depth(paths: Any) -> None:
    laws = list(table.law.unique())
    figure, ((left, right),) = panels(1, 2, 3.4)
    for k, (law, shift) in enumerate(zip(laws, np.linspace(-0.16, 0.16, len(laws)), strict=True)):
        rows = table[table.law == law].sort_values("depth")
        at = rows.depth * np.exp(shift)  # side by side
        colour = PALETTE[k % 8]
        looks: Any = {"fmt": MARKERS[k % 8], "ms": 3.5, "color": colour, "lw": 0.8}
        looks["mfc"] = colour if law.startswith("iid_") else "none"
        mean = rows.drawn_middle
        left.errorbar(at, mean, [mean - rows.drawn_low, rows.drawn_high - mean], label=law_math(law), **looks)
        right.errorbar(at, rows.drawn_sd, 1.96 * rows.sd_error, **looks)
        left.plot(at, rows.middle, "_", ms=9, color=colour, mew=1.5)
        right.plot(at, rows.log_sd, "_", ms=9, color=colour, mew=1.5)
    line = table.drop_duplicates("depth").sort_values("depth")
    left.plot(line.depth, line["map"], color="black", lw=1, label="infinite width")
    left.plot(line.depth, 3 * np.pi / line.depth, color="0.5", ls=":", lw=1, label=r"$3\pi/\ell$")
    left.set(xscale="log", yscale="log", xlabel=r"depth $\ell$", ylabel="angle (radians)", ylim=(None, 4))
    right.set(xscale="log", yscale="log", xlabel=r"depth $\ell$", ylabel="deviation of the log angle")
    for ax in (left, right):
        ticks(ax, sorted(set(table.depth)))
    left.plot([], [], "_", ms=9, color="0.3", mew=1.5, label="theory at this width")
    shared_legend(figure, [left], 4)
    save(figure, paths, snakemake.params.dpi)


def plot_gram(paths: Any) -> None:
    figure, (axes,) = panels(1, 2, 2.9)
    for k, (slope, rows) in enumerate(gram.groupby("slope")):
        wide = rows[rows.network < 0].sort_values("depth")
        drawn = rows[rows.network >= 0]
        looks: Any = {
            "ms": 4,
            "mfc": "none",
            "color": PALETTE[k],
            "label": f"drawn networks, $a = {slope:g}$",
        }
        for ax, quantity in zip(axes, ("condition", "effective_rank"), strict=True):
            ax.plot(wide.depth, wide[quantity], color=PALETTE[k], label=f"infinite width, $a = {slope:g}$")
            ax.plot(drawn.depth, drawn[quantity], MARKERS[k], **looks)
    for ax in axes:
        ax.set_xscale("symlog", base=2, linthresh=1)
        ticks(ax, sorted(set(gram.depth)))
        ax.set(yscale="log", xlabel="depth (layers)")
    axes[0].set_ylabel("condition number")
    axes[1].set_ylabel("effective rank")
    ticks(axes[1], y=[t for t in (1, 2, 5, 10, 20, 50, 100) if t <= 1.2 * gram.effective_rank.max()])
    shared_legend(figure, axes[:1], 4)
    save(figure, paths, snakemake.params.dpi)


def plot_inputs(paths: Any) -> None:
    figure, axes = panels(2, 2, 5.0)
    scatter, spread, angles, largest = axes.flat
    layers, epochs = sorted(set(directions.layer)), sorted(set(directions.epoch))
    for k, layer in enumerate(layers):
        for epoch, dashes in zip(epochs, ("--", "-"), strict=False):
            rows = directions[(directions.layer == layer) & (directions.epoch == epoch)]
            label = f"layer {layer}, {'trained' if epoch else 'untrained'}"
            spread.plot(rows.angle, rows.sd, color=PALETTE[k], ls=dashes, label=label)
    spread.set(
        xlabel=r"angle $\theta$ (radians)", ylabel=r"deviation of $\cos\theta'$ over pairs", ylim=(0, None)
    )
    spread.set_xticks(*PI_TICKS)
    spread.set_ylim(top=1.5 * directions.sd.max())
    spread.legend(fontsize=7, loc="upper left", ncols=2)
    last = images[images.epoch == images.epoch.max()]
    for k, layer in enumerate((int(images.layer.min()), int(images.layer.max()))):
        rows = last[last.layer == layer]
        rows = rows.sample(min(400, len(rows)), random_state=0)
        looks: Any = {"ms": 2.5, "mfc": "none", "mew": 0.6, "color": PALETTE[k], "label": f"layer {layer}"}
        scatter.plot(rows.angle, np.cos(rows.after), MARKERS[k], **looks)
    exact = directions[(directions.layer == layers[0]) & (directions.epoch == epochs[0])]
    scatter.plot(exact.angle, exact["map"], color="black", label="formula")
    scatter.set(xlabel=r"angle before the layer (radians)", ylabel=r"$\cos\theta'$, pairs of images")
    scatter.set_xticks(*PI_TICKS)
    scatter.legend(fontsize=7)
    shown = ("q01", "q05", "q25", "q50", "q75", "q95", "q99")
    for ax, quantity, title in (
        (angles, "angle", "angle of random pairs (radians)"),
        (largest, "delocalization", r"$\max|x_i|\,/\,|x|$"),
    ):
        rows = hypotheses[hypotheses.quantity == quantity]
        for k, row in enumerate(rows.itertuples()):
            low, five, quarter, middle, three, ninety, high = (getattr(row, q) for q in shown)
            ax.plot([low, high], [k, k], color=PALETTE[0], lw=0.8)
            ax.plot([five, ninety], [k, k], color=PALETTE[0], lw=2.5, solid_capstyle="butt")
            ax.plot([quarter, three], [k, k], color=PALETTE[5], lw=6, solid_capstyle="butt")
            ax.plot(middle, k, "|", color="black", ms=9, mew=1.5)
            if quantity == "delocalization":
                ax.plot(1 / np.sqrt(row.inputs), k, "x", color=PALETTE[1], ms=5)
        ax.set_yticks(range(len(rows)), [f"{r.dataset},\n{r.form}" for r in rows.itertuples()], fontsize=7)
        ax.set(xlabel=title, ylim=(-0.7, len(rows) - 0.3))
    largest.set_xlim(0, 1)
    angles.set_xlim(0, np.pi)
    angles.set_xticks(*PI_TICKS)
    largest.plot([], [], "x", color=PALETTE[1], ms=5, label=r"$1/\sqrt{m}$, the least")
    largest.legend(fontsize=7, loc="upper right")
    save(figure, paths, snakemake.params.dpi)


with job(snakemake), style():
    inputs = snakemake.input
    curves, gram, errors = (read_parquet(inputs[n]) for n in ("curves", "gram", "errors"))
    slopes, table = read_parquet(inputs.slopes), read_parquet(inputs.angles)
    directions, images, hypotheses = (read_parquet(inputs[n]) for n in ("directions", "images", "hypotheses"))
    controls = snakemake.params.controls
    output = snakemake.output
    plot_curves(output.curves)
    plot_errors(output.errors)
    plot_depth(output.depth)
    plot_gram(output.gram)
    plot_inputs(output.inputs)
