"""What the fitted route costs in accuracy for one theta, against the exact pair."""

from typing import Any

import numpy as np
import pandas as pd

from preactivations.names import theta_of
from preactivations.pairs.fitted import ActivationFit, DensityFit, error_summary, product_ks, variance_after
from preactivations.pairs.gaussian import GaussianPair
from preactivations.streams import Stream
from preactivations.weights import SymmetricWeibull
from replication.files import read_json, write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    theta, seed = theta_of(snakemake.wildcards.law), snakemake.params.seed
    law = SymmetricWeibull(theta)
    density = DensityFit(**read_json(snakemake.input.density)["last"])
    fits = read_json(snakemake.input.activation)
    grid = snakemake.params.grid
    x = np.linspace(-grid["x_max"], grid["x_max"], grid["n_points"])
    y = np.linspace(0, grid["y_max"], grid["n_points"])

    rows = []
    exact_density = 0.5 * GaussianPair(law).factor.pdf(y)
    curves = [
        pd.DataFrame({"quantity": "density", "at": y, "fitted": 0.5 * density.pdf(y), "exact": exact_density})
    ]
    for kind in (k for k in ("odd", "positive") if k in fits):
        fit = ActivationFit(theta, kind, tuple(fits[kind]["parameters"]))
        pair = GaussianPair(law, kind)
        curves.append(pd.DataFrame({"quantity": kind, "at": x, "fitted": fit(x), "exact": pair.phi(x)}))
        row: dict[str, Any] = {"theta": theta, "kind": kind} | error_summary(fit, pair)._asdict()
        row["density_variance"] = law.variance * density.moment(2)
        for n in snakemake.params.product_samples:
            row[f"ks_product_{n}"] = product_ks(
                fit, law, n, Stream(seed, "product", "fitted", kind, theta, n)
            )
        v10, v50, v_end = variance_after(fit, law, [10, 50, 5000])
        rows.append(row | {"variance_10": v10, "variance_50": v50, "variance_limit": v_end})
    write_parquet(pd.DataFrame(rows), snakemake.output.assessment)
    write_parquet(pd.concat(curves).assign(theta=theta), snakemake.output.curves)
