"""Tables of the propagation study, and its conclusions in words."""

from typing import Any

import pandas as pd

from replication.files import read_parquet
from replication.jobs import job
from replication.propagation.analysis import normal_from_width, within_null
from replication.propagation.claims import propagation_claims, propagation_text
from replication.tables import write_table, write_words

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    null = read_parquet(snakemake.input.null)
    layers = within_null(pd.concat(map(read_parquet, snakemake.input.layers), ignore_index=True), null)
    points = pd.concat(map(read_parquet, snakemake.input.points), ignore_index=True)
    correlations = pd.concat(map(read_parquet, snakemake.input.correlations), ignore_index=True)
    depths = snakemake.params.depths
    table = normal_from_width(layers, depths)
    headers = {
        "ks_from_width": "raw KS from width",
        "ks_standardized_from_width": "standardized KS from width",
        "largest_width": "largest width",
        "networks": "networks there",
    }
    formats = {"theta": "g", "ks_from_width": ".0f", "ks_standardized_from_width": ".0f"}
    write_table(table, snakemake.output.table, formats, headers)
    write_table(layers, [snakemake.output.layers])
    claims = propagation_claims(layers, points, correlations, depths)
    write_words(propagation_text(table, claims, layers, null), snakemake.output.text)
