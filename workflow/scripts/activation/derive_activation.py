"""Exact activations of one weight law, odd and positive: tables, checked by the density of its factor; curves."""

from typing import Any

import numpy as np
import pandas as pd

from preactivations.pairs.gaussian import GaussianPair
from preactivations.pairs.table import KINDS
from replication.activation.study import check_coupling
from replication.activation.tables import write_table
from replication.density.study import law_theta
from replication.files import read_parquet, write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    law, density = snakemake.wildcards.law, read_parquet(snakemake.input.density)
    x_max, n_points = snakemake.params.x_max, snakemake.params.n_points
    x = np.linspace(-x_max, x_max, n_points)
    curves = []
    for kind in KINDS:
        table = GaussianPair(law, kind).table()
        print(f"{kind}: largest error {check_coupling(table, density):.2g} by the density; {table.errors}")
        write_table(table, law, snakemake.output[kind])
        phi, dphi = table.value_and_slope(x)
        curves.append(pd.DataFrame({"kind": kind, "x": x, "phi": phi, "dphi": dphi}))
    write_parquet(pd.concat(curves).assign(theta=law_theta(law)), snakemake.output.curves)
