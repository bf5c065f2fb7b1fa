"""KS statistics of the two-layer study for the activations of one theta that are fitted as published."""

from functools import partial
from typing import Any

import pandas as pd

from preactivations.pairs.fitted import ActivationFit
from preactivations.streams import Stream
from preactivations.weights import SymmetricWeibull
from replication.files import read_json, write_parquet
from replication.jobs import job
from replication.propagation.two_layer import ks_points

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    fits = read_json(snakemake.input.activation)
    theta, points = fits["theta"], []
    for kind in (k for k in ("odd", "positive") if k in fits):
        fit = ActivationFit(theta, kind, tuple(fits[kind]["parameters"]))
        name = {"route": "fitted", "activation": kind, "theta": theta}
        study = ks_points(
            fit,
            weights=SymmetricWeibull(theta),
            **snakemake.params.settings,
            stream=partial(Stream, snakemake.params.seed, "ks_two_layer", "fitted", kind, theta),
            memory=1e6 * snakemake.resources.batch_mb,
            threads=snakemake.threads,
        )
        points += [name | point for point in study]
    write_parquet(pd.DataFrame(points), snakemake.output.points)
