"""Figure: test accuracy of the LeNet-like network by setting, one data set and optimizer."""

from typing import Any

from replication.figures import TEXT_WIDTH, panels, save, style, theta_colours, training_look
from replication.files import read_parquet
from replication.jobs import job
from replication.labels import activation_math

snakemake: Any  # Snakemake puts it here

with job(snakemake), style():
    cells = read_parquet(snakemake.input.cells)
    title, optimizer = snakemake.params.title, snakemake.params.optimizer
    mine = cells[cells.dataset.str.startswith(title) & (cells.optimizer == optimizer) & (cells.depth == 0)]
    colours = theta_colours(cells.theta.dropna())
    ordered = mine.sort_values("accuracy", ignore_index=True)
    height = 0.22 * len(ordered) + 0.9
    figure, ((ax,),) = panels(1, 1, height, letters=False, figsize=(0.75 * TEXT_WIDTH, height))
    for k, row in ordered.iterrows():
        options = {"color": "0.5"} | training_look(row.activation, row.theta, colours, row.law) | {"ls": "-"}
        bars = [[row.accuracy - row.accuracy_low], [row.accuracy_high - row.accuracy]]
        ax.errorbar(row.accuracy, k, xerr=bars, ms=4, **(options | {"label": None}))
        if row.trains < 1:
            at = (row.accuracy_high, k)
            ax.annotate(f"{row.trains:.0%} train", at, (6, -3), textcoords="offset points", fontsize=7)
    ax.set_yticks(
        range(len(ordered)), [activation_math(r.activation, r.theta, r.law) for r in ordered.itertuples()]
    )
    ax.set(xlabel="test accuracy at the chosen rate", ylim=(-0.7, len(ordered) - 0.3))
    ax.set_title(f"{ordered.dataset.iloc[0]}, {optimizer}", loc="center")
    save(figure, snakemake.output.figure, snakemake.params.dpi)
