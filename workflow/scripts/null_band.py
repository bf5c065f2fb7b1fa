"""Quantiles of the KS statistics of normal samples: raw exactly, standardized by simulation."""

from typing import Any

import numpy as np
import pandas as pd
from job import job, write_parquet

from preactivations.gaussianity import null_quantile, null_statistics
from preactivations.streams import Stream

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    n, replicates = snakemake.params.n_samples, snakemake.params.n_replicates
    stream = Stream(snakemake.params.seed, "null_band", n)
    parts = np.array_split(np.arange(replicates), max(1, replicates // 100))
    simulated = np.concatenate(
        [null_statistics(n, part.size, stream.block(k)) for k, part in enumerate(parts)], axis=1
    )
    rows = []
    for p in (0.5, 0.95, 0.999):
        rows.append({"statistic": "ks", "probability": p, "quantile": null_quantile(p, n), "method": "exact"})
        for name, values in zip(("ks", "ks_standardized"), simulated, strict=True):
            if replicates * (1 - p) >= 5:  # a quantile needs replicates beyond it
                quantile = float(np.quantile(values, p))
                rows.append(
                    {"statistic": name, "probability": p, "quantile": quantile, "method": "simulated"}
                )
    write_parquet(pd.DataFrame(rows).assign(n_samples=n, n_replicates=replicates), snakemake.output.table)
