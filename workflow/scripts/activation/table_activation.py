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
    rows = []
    for density_path, activation_path in zip(
        snakemake.input.densities, snakemake.input.activations, strict=True
    ):
        density, fits = (read_json(path) for path in (density_path, activation_path))
        for kind in ("odd", "positive"):
            rows.append(
                {
                    "theta": density["theta"],
                    "kind": kind,
                    "loss_published": published.get(density["theta"], np.nan),
                    "loss": density["losses"][-1],
                    "loss_best": density["best_loss"],
                    "loss_improved": density["improved_loss"],
                    "mass": density["mass"],
                    "activation_mse": fits[kind]["losses"][-1],
                }
            )
    assessments = pd.concat(map(read_parquet, snakemake.input.assessments))
    frame = pd.DataFrame(rows).merge(assessments, on=["theta", "kind"], how="left")
    frame = frame.sort_values(["theta", "kind"], ignore_index=True)
    formats = {name: ".4f" for name in frame if name not in ("theta", "kind")}
    formats |= dict.fromkeys(("loss_published", "loss", "loss_best", "loss_improved"), ".5f")
    formats |= {"theta": "g", "activation_mse": ".2e"}
    write_table(frame, snakemake.output.table, formats)
