"""What the fitted route costs in accuracy for one theta, against the exact pair."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from preactivations.names import theta_of
from preactivations.pairs.fitted import ActivationFit, DensityFit, error_summary, product_ks, variance_after
from preactivations.pairs.table import KINDS
from preactivations.streams import Stream
from preactivations.weights import SymmetricWeibull
from replication.activation.tables import Tables
from replication.files import read_json, read_parquet, write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    theta, seed = theta_of(snakemake.wildcards.law), snakemake.params.seed
    law = SymmetricWeibull(theta)
    density = DensityFit(theta, *read_parquet(snakemake.input.density).attrs["parameters"])
    exact, pairs = read_parquet(snakemake.input.exact_density), Tables(snakemake.input.tables)
    fits = read_json(snakemake.input.fit)
    grid = snakemake.params.grid
    x = np.linspace(-grid["x_max"], grid["x_max"], grid["n_points"])
    exact = exact[exact.y <= grid["y_max"]]

    rows = []
    # halved: of Y with a random sign
    halves = {"fitted": 0.5 * density.pdf(exact.y), "exact": 0.5 * exact.density}
    curves = [pd.DataFrame({"quantity": "density", "at": exact.y} | halves)]
    for kind, normalized in product(KINDS, (False, True)):
        found = fits[f"{kind}_normalized" if normalized else kind]
        fit = ActivationFit(theta, kind, tuple(found["parameters"]))
        pair = pairs(snakemake.wildcards.law)(kind)
        if not normalized:
            curves.append(pd.DataFrame({"quantity": kind, "at": x, "fitted": fit(x), "exact": pair.phi(x)}))
        row: dict[str, Any] = {"theta": theta, "kind": kind, "normalized": normalized}
        row |= {"activation_mse": found["losses"][-1], "variance_scatter": found["variance_scatter"]}
        row |= error_summary(fit, pair)._asdict() | {"density_variance": law.variance * density.moment(2)}
        for n in snakemake.params.product_samples:
            row[f"ks_product_{n}"] = product_ks(
                fit, law, n, Stream(seed, "product", "fitted", kind, theta, n)
            )
        v10, v50, v_end = variance_after(fit, law, [10, 50, 5000])
        rows.append(row | {"variance_10": v10, "variance_50": v50, "variance_limit": v_end})
    write_parquet(pd.DataFrame(rows), snakemake.output.assessment)
    write_parquet(pd.concat(curves).assign(theta=theta), snakemake.output.curves)
