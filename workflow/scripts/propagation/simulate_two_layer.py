"""KS statistics of the two-layer study for the activations of one cell, and the noise-free line of sweep (i)."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd

from preactivations.names import theta_of
from preactivations.streams import Stream
from replication.jobs import job
from replication.propagation.two_layer import ks_line, ks_points
from replication.settings import setting_by_name

snakemake: Any  # Snakemake puts it here


def study(activation: str) -> dict[str, pd.DataFrame]:
    cell, settings = run.wildcards.cell, dict(run.params.settings)
    setting = setting_by_name(activation, cell)
    if setting.law is not None:  # PyTorch only where it is needed: the import takes seconds
        import torch

        torch.set_num_threads(1)
    points = ks_points(
        setting.simulated(),
        weights=setting.weights,
        **setting.scales,
        **settings,
        stream=partial(Stream, run.params.seed, "ks_two_layer", "exact", activation, cell),
        memory=1e6 * snakemake.resources.batch_mb,
        threads=snakemake.threads,
    )
    widths = settings["widths"]
    line = [
        {"sweep": "i", "n": n, "ks": raw, "ks_standardized": standardized}
        for n, raw, standardized in zip(widths, *ks_line(setting, widths), strict=True)
    ]
    name = {"route": "exact", "activation": activation, "theta": theta_of(cell)}
    return {
        key: pd.DataFrame([name | row for row in rows]) for key, rows in (("points", points), ("line", line))
    }


def tasks() -> Iterator[Any]:
    for activation in run.params.activations:
        yield study, {"activation": activation}


with job(snakemake) as run:
    run.cells(tasks())
