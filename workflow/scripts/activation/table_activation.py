"""The fitted route, one row per theta and kind: losses, mass, moments, KS, errors, drift."""

from typing import Any

import numpy as np
import pandas as pd

from replication.files import read_json, read_parquet
from replication.jobs import job
from replication.tables import write_table

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    published = pd.read_csv(snakemake.input.published).set_index("theta").loss
    densities = pd.DataFrame(
        {
            "theta": density["theta"],
            "loss_published": published.get(density["theta"], np.nan),
            "loss": density["losses"][-1],
            "loss_best": density["best_loss"],
            "loss_improved": density["improved_loss"],
            "mass": density["mass"],
        }
        for density in map(read_json, snakemake.input.densities)
    )
    assessments = pd.concat(map(read_parquet, snakemake.input.assessments))
    frame = densities.merge(assessments, on="theta")
    named = ["theta", "kind", "normalized"]
    frame = frame.sort_values(named, ignore_index=True)[
        [*named, *frame.columns.difference(named, sort=False)]
    ]
    formats = {name: ".4f" for name in frame if name not in named}
    formats |= dict.fromkeys(("loss_published", "loss", "loss_best", "loss_improved"), ".5f")
    formats |= {"theta": "g", "activation_mse": ".2e", "variance_scatter": ".1e"}
    heads = {
        "loss_published": "loss of the density, published",
        "loss": "loss",
        "loss_best": "best of all epochs",
        "loss_improved": "improved",
        "product_variance": "E W^2 E phi^2",
        "density_variance": "the same, by density",
    }
    heads |= {f"ks_product_{n}": f"KS of W phi(X), {n} samples" for n in (200_000, 10_000_000)}
    heads |= {f"variance_{depth}": f"variance at depth {depth}" for depth in (10, 50)}
    write_table(frame, snakemake.output.table, formats, heads)
