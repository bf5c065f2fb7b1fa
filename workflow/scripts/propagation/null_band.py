"""Quantiles of the KS statistics of normal samples: raw exactly, standardized by simulation."""

from typing import Any

import numpy as np
import pandas as pd

from preactivations.gaussianity import null_quantile, null_statistics
from preactivations.streams import Stream
from replication.files import write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here


def band(n: int, replicates: int, stream: Stream) -> pd.DataFrame:
    parts = np.array_split(np.arange(replicates), max(1, replicates // 100))
    simulated = np.concatenate(
        [null_statistics(n, part.size, stream.block(k)) for k, part in enumerate(parts)], axis=1
    )
    rows = []
    for p in (0.5, 0.95, 0.99, 0.999):
        rows.append({"statistic": "ks", "probability": p, "quantile": null_quantile(p, n), "method": "exact"})
        for name, values in zip(("ks", "ks_standardized"), simulated, strict=True):
            if replicates * (1 - p) >= 5:  # a quantile needs replicates beyond it
                quantile = float(np.quantile(values, p))
                rows.append(
                    {"statistic": name, "probability": p, "quantile": quantile, "method": "simulated"}
                )
    return pd.DataFrame(rows).assign(n_samples=n, n_replicates=replicates)


with job(snakemake):
    bands = [
        band(n, snakemake.params.n_replicates, Stream(snakemake.params.seed, "null_band", n))
        for n in snakemake.params.n_samples
    ]
    write_parquet(pd.concat(bands), snakemake.output.table)
