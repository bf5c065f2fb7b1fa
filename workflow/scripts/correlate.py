"""Correlations of images in random networks, class-averaged and on average, against depth."""

from typing import Any

import numpy as np
import pandas as pd
from job import Bar, job, write_parquet
from laws import describe, device_of, theta_of, weight_law

from preactivations.datasets import load
from preactivations.depth_study import depth_setting, study_correlations
from preactivations.streams import Stream

snakemake: Any  # Snakemake puts it here

with job(snakemake) as record:
    study, seed = snakemake.params.study, snakemake.params.seed
    device = device_of(snakemake.params.device)
    record["device"] = describe(device)
    data = load(snakemake.wildcards.dataset)
    chosen = np.concatenate(
        [np.flatnonzero(data.labels == label)[: study["images_per_class"]] for label in range(10)]
    )
    images, labels = data.images[chosen].reshape(chosen.size, -1), data.labels[chosen]
    all_blocks, all_means = [], []
    for cell, activations in snakemake.params.cells.items():
        for activation in activations:
            pair = activation in ("odd", "positive")
            setting = depth_setting(activation, weight_law(cell) if pair else None)
            for size in study["widths"]:
                width, networks = size["width"], size["networks"]
                bar = Bar(networks, f"{data.title} {cell} {activation} n={width}")
                blocks, means = study_correlations(
                    setting,
                    images,
                    labels,
                    width=width,
                    n_networks=networks,
                    depths=study["depths"],
                    stream=Stream(seed, "correlations", snakemake.wildcards.dataset, activation, cell, width),
                    memory=1e6 * snakemake.resources.batch_mb,
                    threads=snakemake.threads,
                    device=device,
                    progress=bar.add,
                )
                bar.close()
                name = {
                    "dataset": data.title,
                    "activation": activation,
                    "law": cell if pair else "",
                    "theta": theta_of(cell),
                    "width": width,
                }
                all_blocks += [name | row for row in blocks]
                all_means += [name | row for row in means]
    write_parquet(pd.DataFrame(all_means), snakemake.output.means)
    write_parquet(pd.DataFrame(all_blocks), snakemake.output.blocks)
