"""Points of the Edge of Chaos and maps of the activations that are fitted as in the paper."""

import contextlib
from typing import Any

import pandas as pd

from preactivations.names import number_text
from preactivations.pairs.table import KINDS
from replication.activation.tables import Tables
from replication.edge_of_chaos.study import fitted_row, map_rows
from replication.files import write_parquet
from replication.jobs import job
from replication.settings import setting_by_name

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    params, tables = snakemake.params, Tables(snakemake.input.activations)
    rows = [fitted_row(tables(law, "fitted")(kind)) for law in params.laws for kind in KINDS]
    write_parquet(pd.DataFrame(rows), snakemake.output.fitted)

    maps: Any = []
    with contextlib.suppress(ValueError):  # there is no edge at variance 1
        on = setting_by_name("odd_edge", tables(f"weibull_{number_text(params.theta)}", "fitted"))
        maps = map_rows(on.exact, **on.scales, points=params.map_points)
    frame = pd.DataFrame(maps, columns=["quantity", "at", "value"])
    write_parquet(frame.assign(activation="odd", theta=params.theta, place="on"), snakemake.output.maps)
