"""KS statistics of the two-layer study for the activations of one cell, and the noise-free line of sweep (i)."""

from typing import Any

import numpy as np
import pandas as pd
from job import job, write_parquet
from laws import weight_law

from preactivations.gaussianity import ks_standardized, ks_statistic
from preactivations.pairs import GaussianPair
from preactivations.propagation import ArrayMap, simulate
from preactivations.streams import Stream
from preactivations.two_layer import REFERENCE, Setting, ks_line, sweep_widths

snakemake: Any  # Snakemake puts it here


def setting_of(cell: str, activation: Any) -> tuple[Setting, ArrayMap]:
    """The network, and its activation in single precision for the simulation."""
    if activation in REFERENCE:
        setting: Any = REFERENCE[activation]
        return setting, setting.activation
    # PyTorch only where it is needed: the import takes seconds
    import torch

    from preactivations.nn import GaussianActivation, as_array_map

    torch.set_num_threads(1)
    pair = GaussianPair(weight_law(cell), activation)
    return Setting(pair.weights, pair.phi), as_array_map(GaussianActivation(pair.weights, activation))


with job(snakemake):
    settings, cell = snakemake.params.settings, snakemake.wildcards.cell
    theta = float(cell.partition("_")[2] or np.nan)
    points, lines = [], []
    for activation in snakemake.params.activations:
        setting, simulated = setting_of(cell, activation)
        name = {"route": "exact", "activation": activation, "theta": theta}
        for sweep in settings["sweeps"]:
            for n in settings["widths"]:
                z = simulate(
                    sweep_widths(sweep, n),
                    simulated,
                    weights=setting.weights,
                    sigma_w=setting.sigma_w,
                    sigma_b=setting.sigma_b,
                    n_networks=settings["n_samples"],
                    stream=Stream(snakemake.params.seed, "ks_two_layer", "exact", activation, cell, sweep, n),
                    memory=1e6 * snakemake.resources.batch_mb,
                    threads=snakemake.threads,
                )
                ks = {"ks": ks_statistic(z), "ks_standardized": ks_standardized(z)}
                points.append(name | {"sweep": sweep, "n": n} | ks | {"n_samples": z.size})
            print(f"{activation} {cell}: sweep ({sweep}) done")
        raw, standardized = ks_line(setting, settings["widths"])
        for n, ks, ks_scaled in zip(settings["widths"], raw, standardized, strict=True):
            lines.append(name | {"sweep": "i", "n": n, "ks": ks, "ks_standardized": ks_scaled})
    write_parquet(pd.DataFrame(points), snakemake.output.points)
    write_parquet(pd.DataFrame(lines), snakemake.output.line)
