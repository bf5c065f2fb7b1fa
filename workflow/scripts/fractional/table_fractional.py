"""Tables of the companion paper on fractional moments: scales, limit theorem, tails, training, claims."""

from typing import Any

import pandas as pd

from replication.files import read_parquet, write_parquet
from replication.fractional.analysis import fractional_comparisons, width_slopes
from replication.fractional.claims import heavy_tails_claims
from replication.jobs import job
from replication.labels import HEADS, scheme_name
from replication.tables import write_table
from replication.training.results import CELL, cell_table, chosen_runs, curve_table

snakemake: Any  # Snakemake puts it here

READ = ("constants", "deep", "agreement", "widths", "tests", "one_layer", "clt", "normality", "tails")
HIDDEN = [
    "theta",
    "all_runs",
    "all_trains",
    "all_diverged",
    "trains_low",
    "trains_high",
    "loss_low",
    "loss_high",
]

with job(snakemake):
    results = {name: read_parquet(snakemake.input[name]) for name in READ}
    runs, curves = (
        pd.concat(map(read_parquet, snakemake.input[name]), ignore_index=True) for name in ("runs", "curves")
    )
    output = snakemake.output
    cells = cell_table(runs)
    comparisons = fractional_comparisons(runs)
    scales, slopes = results["widths"], width_slopes(results["widths"])
    scales = scales[scales.width.isin([2, 4, 8, 16, 32, 64, 89])]
    scales = scales.merge(slopes, on="s", how="left", suffixes=("", "_slope"))
    write_table(
        scales.rename(columns={"second_order_slope": "second_slope"}),
        output.scales,
        dict.fromkeys(("second_order_error", "authors_error"), ".1e")
        | dict.fromkeys(("sigma", "second_order", "authors"), ".6f")
        | {"s": "g", "sigma_slope": ".3f", "second_slope": ".3f"},
        {
            "authors": "authors' formula",
            "sigma_slope": "slope of sigma^2 - 2/d",
            "second_slope": "slope, second order",
        },
    )
    clt = results["clt"].merge(
        results["one_layer"][["activation", "s", "mean", "error"]],
        on=["activation", "s"],
        suffixes=("", "_preserved"),
    )
    write_table(
        clt,
        output.clt,
        dict.fromkeys(("mean", "variance", "approximation", "mean_chain", "variance_chain"), ".6f")
        | dict.fromkeys(("mean_error", "variance_error"), ".1e")
        | {"s": "g", "mean_preserved": ".5f", "error": ".1e"},
        {"mean_preserved": "E|x'|^s, drawn", "approximation": "-s variance/2"},
    )
    write_table(
        results["tails"],
        output.tails,
        {"s": "g", "share": "g", "hill": ".4f", "error": ".4f", "exact": ".5f"},
        {"hill": "Hill", "exact": "stationary law"},
    )
    named = cells.drop(columns=HIDDEN)
    write_table(
        named.assign(law=named.law.map(scheme_name)).rename(columns={"law": "scheme"}),
        output.training,
        dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high", "loss"), ".3f")
        | {"trains": ".0%", "learning_rate": "g", "epochs_to_loss": ".1f"},
        HEADS,
    )
    write_table(
        comparisons.assign(
            scheme=comparisons.scheme.map(scheme_name), baseline=comparisons.baseline.map(scheme_name)
        ),
        output.comparisons,
        dict.fromkeys(("accuracy", "least", "largest", "low", "high", "loss"), "+.3f")
        | dict.fromkeys(("p", "p_holm", "loss_p", "loss_p_holm"), ".2g"),
        HEADS | {"accuracy": "difference of test accuracy", "loss": "difference of training loss"},
    )
    write_table(heavy_tails_claims(results, cells, comparisons), output.claims)
    write_parquet(cells, output.cells)
    write_parquet(chosen_runs(runs)[[*CELL, "seed", "accuracy"]], output.chosen)
    write_parquet(curve_table(curves, cells), output.loss)
