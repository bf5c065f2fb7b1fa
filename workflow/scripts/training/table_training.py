"""Tables and words of the training study, and what its figures show: cells, curves, predictors, persistence."""

from typing import Any

import pandas as pd

from replication.files import read_parquet, write_parquet
from replication.jobs import job
from replication.labels import HEADS
from replication.tables import write_table, write_words
from replication.training.claims import training_text
from replication.training.comparisons import comparisons, prediction_table
from replication.training.results import (
    cell_table,
    chosen_runs,
    curve_table,
    persistence_table,
    with_initial,
)

snakemake: Any  # Snakemake puts it here

SHARES = ("trains", "trains_low", "trains_high", "all_trains", "all_diverged")
DECIMALS = ("accuracy", "accuracy_low", "accuracy_high", "loss", "loss_low", "loss_high")

with job(snakemake):
    runs, curves, initial = (
        pd.concat(
            [f for f in map(read_parquet, snakemake.input[name]) if len(f)] or [pd.DataFrame()],
            ignore_index=True,
        )
        for name in ("runs", "curves", "initial")
    )
    layers, followed = read_parquet(snakemake.input.layers), read_parquet(snakemake.input.followed)
    cells = cell_table(runs)
    write_table(
        cells,
        snakemake.output.table,
        dict.fromkeys(SHARES, ".0%")
        | dict.fromkeys(DECIMALS, ".3f")
        | {"theta": "g", "learning_rate": "g", "epochs_to_loss": ".1f"},
        HEADS,
    )
    tests = comparisons(chosen_runs(runs), initial)
    write_table(
        tests,
        snakemake.output.comparisons,
        dict.fromkeys(("difference", "low", "high"), "+.3f") | {"p": ".2g", "p_holm": ".2g"},
        HEADS | {"difference": "difference of test accuracy"},
    )
    write_words(training_text(runs, curves, initial, layers, followed), snakemake.output.text)
    write_parquet(cells, snakemake.output.cells)
    write_parquet(with_initial(cells, initial), snakemake.output.start)
    write_parquet(curve_table(curves, cells), snakemake.output.curves)
    write_parquet(prediction_table(cells, initial), snakemake.output.predictions)
    write_parquet(persistence_table(layers, followed), snakemake.output.persistence)
