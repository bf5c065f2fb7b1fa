"""KS statistics of the two-layer study for the activations of one cell, and the noise-free line of sweep (i)."""

from functools import partial
from typing import Any

import pandas as pd

from preactivations.names import theta_of
from preactivations.pairs.gaussian import GaussianPair
from preactivations.propagation.engine import ArrayMap
from preactivations.propagation.output_laws import Setting
from preactivations.streams import Stream
from preactivations.weights import law_by_name
from replication.jobs import job, write_parquet
from replication.propagation.two_layer import REFERENCE, ks_line, ks_points

snakemake: Any  # Snakemake puts it here


def setting_of(cell: str, activation: Any) -> tuple[Setting, ArrayMap]:
    """The network, and its activation in single precision for the simulation."""
    if activation in REFERENCE:
        setting: Any = REFERENCE[activation]
        return setting, setting.activation
    # PyTorch only where it is needed: the import takes seconds
    import torch

    from preactivations.activations.array_map import as_array_map
    from preactivations.activations.modules import GaussianActivation

    torch.set_num_threads(1)
    pair = GaussianPair(law_by_name(cell), activation)
    return Setting(pair.weights, pair.phi), as_array_map(GaussianActivation(pair.weights, activation))


with job(snakemake):
    settings, cell = snakemake.params.settings, snakemake.wildcards.cell
    points, lines = [], []
    for activation in snakemake.params.activations:
        setting, simulated = setting_of(cell, activation)
        name = {"route": "exact", "activation": activation, "theta": theta_of(cell)}
        study = ks_points(
            setting,
            simulated,
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
