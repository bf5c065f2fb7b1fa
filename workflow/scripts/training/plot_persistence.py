"""Figure: standardized KS statistic of pre-activations while networks train."""

from typing import Any

import matplotlib.pyplot as plt

from replication.figures import COLOURS, panels, save, shared_legend, style
from replication.files import read_parquet
from replication.jobs import job
from replication.labels import activation_math

snakemake: Any  # Snakemake puts it here

with job(snakemake), style():
    layers, chosen = (read_parquet(snakemake.input[name]) for name in ("layers", "chosen"))
    keys = ["activation", "law", "theta", "learning_rate"]
    mine = layers.merge(chosen[keys].drop_duplicates(), on=keys)
    cells = list(mine.groupby(["activation", "law", "theta"], dropna=False, sort=False))
    figure, axes = panels(1, len(cells), 2.9, sharey=True)
    epochs = sorted(set(mine.epoch))
    shades = {
        epoch: plt.get_cmap("viridis")(0.9 * k / max(1, len(epochs) - 1)) for k, epoch in enumerate(epochs)
    }
    for ax, ((activation, law, theta), rows) in zip(axes[0], cells, strict=True):
        at = rows.sort_values("depth").drop_duplicates("depth")
        ax.fill_between(at.depth, 0, at.null_95, color="0.9", lw=0, label="95 % of normal samples")
        ax.plot(at.depth, at.null_mean, color=COLOURS["limit"], ls=":", lw=1, label="their mean")
        for epoch, own in rows.groupby("epoch"):
            ordered, label = own.sort_values("depth"), f"epoch {epoch}"
            ax.plot(
                ordered.depth, ordered.ks_standardized, "o-", ms=2.5, lw=1, color=shades[epoch], label=label
            )
        ax.set_title(activation_math(activation, theta, law).replace(", ", "\n"))
        ax.set(xlabel="hidden layer", yscale="log")
    axes[0, 0].set_ylabel("standardized KS, mean over images")
    shared_legend(figure, axes[:, 0], 6)
    save(figure, snakemake.output.figure, snakemake.params.dpi)
