"""KS statistics of the two-layer study for the activations of one cell, and the noise-free line of sweep (i)."""

from functools import partial
from typing import Any

import pandas as pd

from preactivations.names import theta_of
from preactivations.streams import Stream
from replication.jobs import job, write_parquet
from replication.propagation.two_layer import ks_line, ks_points
from replication.settings import setting_by_name

snakemake: Any  # Snakemake puts it here


with job(snakemake):
    settings, cell = snakemake.params.settings, snakemake.wildcards.cell
    points, lines = [], []
    for activation in snakemake.params.activations:
        setting = setting_by_name(activation, cell)
        if setting.law is not None:  # PyTorch only where it is needed: the import takes seconds
            import torch

            torch.set_num_threads(1)
        name = {"route": "exact", "activation": activation, "theta": theta_of(cell)}
        study = ks_points(
            setting.simulated(),
            weights=setting.weights,
            **setting.scales,
            **settings,
            stream=partial(Stream, snakemake.params.seed, "ks_two_layer", "exact", activation, cell),
            memory=1e6 * snakemake.resources.batch_mb,
            threads=snakemake.threads,
        )
        points += [name | point for point in study]
        raw, standardized = ks_line(setting, settings["widths"])
        for n, ks, ks_scaled in zip(settings["widths"], raw, standardized, strict=True):
            lines.append(name | {"sweep": "i", "n": n, "ks": ks, "ks_standardized": ks_scaled})
    write_parquet(pd.DataFrame(points), snakemake.output.points)
    write_parquet(pd.DataFrame(lines), snakemake.output.line)
