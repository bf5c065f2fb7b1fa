"""Trained rows against the kernel of rotation-invariant ones, and what the theorems ask of inputs on real data."""

from typing import Any

import pandas as pd

from preactivations.datasets import load
from preactivations.streams import Stream
from replication.files import read_parquet
from replication.jobs import job
from replication.kernels.images import direction_rows, hypothesis_table, image_layers, image_rows, networks_of
from replication.training.analysis import chosen_runs
from replication.training.cell import images as images_of

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    seed, pairs = run.params.seed, run.params.pairs
    data = images_of(run, run.params.trained_on)
    neurons = read_parquet(snakemake.input.neurons)
    runs = read_parquet(snakemake.input.runs)
    rate = float(chosen_runs(runs[runs.activation == "relu"]).learning_rate.iloc[0])
    hidden = neurons[(neurons.learning_rate == rate) & (neurons.layer < neurons.layer.max())]
    depth = int(hidden.layer.max())
    directions, images = [], []
    for epoch, rows in hidden.groupby("epoch"):
        networks = networks_of(rows)
        name = {"dataset": data.title, "epoch": int(epoch), "learning_rate": rate}
        for layer in sorted({1, (depth + 1) // 2, depth}):
            found = direction_rows(
                networks, layer, run.params.angles, pairs, Stream(seed, "kernels", "directions", layer)
            )
            directions += [name | row for row in found]
        pictures = image_rows(networks, data.test[0], pairs, Stream(seed, "kernels", "images"))
        images += [name | row for row in pictures]
    hypotheses = []
    for dataset in run.params.datasets:
        pixels = load(dataset, "train", mirror=run.mirror)
        for form, values in (("pixels", pixels.images), ("centred", pixels.images - pixels.images.mean())):
            table = hypothesis_table(
                values, run.params.data_pairs, Stream(seed, "kernels", "hypotheses", dataset)
            )
            hypotheses.append(table.assign(dataset=pixels.title, form=form))
    image_table = pd.DataFrame(images)
    run.write(
        directions=pd.DataFrame(directions),
        images=image_table,
        layers=image_layers(image_table),
        hypotheses=pd.concat(hypotheses, ignore_index=True),
    )
