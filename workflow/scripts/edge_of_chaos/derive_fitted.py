"""Points of the Edge of Chaos and maps of the activations that are fitted as in the paper."""

from typing import Any

import pandas as pd

from preactivations.names import number_text
from preactivations.pairs.table import Kind
from replication.activation.tables import Tables
from replication.edge_of_chaos.study import edge_settings, fitted_row, map_rows
from replication.files import write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

KINDS: tuple[Kind, ...] = ("odd", "positive")

with job(snakemake):
    params, tables = snakemake.params, Tables(snakemake.input.activations)
    rows = [fitted_row(tables(law, "fitted")(kind)) for law in params.laws for kind in KINDS]
    write_parquet(pd.DataFrame(rows), snakemake.output.fitted)

    settings = edge_settings(tables(f"weibull_{number_text(params.theta)}", "fitted"))
    maps = [
        pd.DataFrame(map_rows(setting.exact, **setting.scales, points=params.map_points)).assign(
            activation=activation, theta=params.theta, place=place
        )
        for (activation, place), setting in settings.items()
        if activation == "odd"
    ]
    write_parquet(pd.concat(maps), snakemake.output.maps)
