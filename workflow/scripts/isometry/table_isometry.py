"""Tables of the second companion paper: deviations from mean field, training by scheme, claims."""

from typing import Any

import pandas as pd

from replication.files import read_parquet, write_parquet
from replication.isometry.analysis import scheme_comparisons
from replication.isometry.claims import relu_law_claims
from replication.jobs import job
from replication.labels import HEADS, scheme_name
from replication.tables import write_table
from replication.training.results import CELL, cell_table, chosen_runs, curve_table

snakemake: Any  # Snakemake puts it here

READ = ("ks", "deviations", "eigenvalues", "indices", "correlations", "jacobians")
# bootstrap and Wilson intervals say too little about a few seeds: least and largest stand instead
HIDDEN = ["law", "theta", "all_runs", "all_trains", "all_diverged"]
HIDDEN += [f"{name}_{end}" for name in ("trains", "loss", "accuracy") for end in ("low", "high")]

with job(snakemake):
    results = {name: read_parquet(snakemake.input[name]) for name in READ}
    runs, curves = (
        pd.concat(map(read_parquet, snakemake.input[name]), ignore_index=True) for name in ("runs", "curves")
    )
    cells = cell_table(runs)
    deviations = results["deviations"]
    order = ["mean_log", "sd_log", "p_low", "median", "sd"]
    shown = ["width", "depth", "dead"]
    shown += [c for name in order for c in (name, f"{name}_chain", f"{name}_drawn") if c in deviations]
    shown += [c for c in ("n_chain", "n_drawn") if c in deviations]
    write_table(
        deviations[shown],
        snakemake.output.deviations,
        dict.fromkeys([c for c in shown if c.startswith(tuple(order))], ".4g")
        | {"dead": ".3g", "n_chain": ".0f", "n_drawn": ".0f"},
    )
    chosen = chosen_runs(runs)
    seeds = chosen.groupby(CELL, dropna=False, as_index=False).agg(
        accuracy_least=("accuracy", "min"), accuracy_largest=("accuracy", "max")
    )
    named = cells.merge(seeds, on=CELL).drop(columns=HIDDEN)
    write_table(
        named.assign(activation=named.activation.map(scheme_name)).rename(columns={"activation": "scheme"}),
        snakemake.output.training,
        dict.fromkeys(("accuracy", "accuracy_least", "accuracy_largest", "loss"), ".3f")
        | {"trains": ".0%", "learning_rate": "g", "epochs_to_loss": ".1f"},
        HEADS,
    )
    comparisons = scheme_comparisons(runs)
    write_table(
        comparisons.assign(scheme=comparisons.scheme.map(scheme_name)),
        snakemake.output.comparisons,
        dict.fromkeys(("difference", "least", "largest"), "+.3f") | {"p": ".2g", "p_holm": ".2g"},
        HEADS | {"scheme": "mirrored orthogonal minus", "difference": "test accuracy"},
    )
    jacobians = results["jacobians"]
    write_table(
        jacobians.assign(scheme=jacobians.scheme.map(scheme_name)),
        snakemake.output.jacobians,
        dict.fromkeys(("variance_exact", "variance", "second_exact", "second", "second_error"), ".4g")
        | {"largest_deviation": ".2g"},
        {
            "variance_exact": "Var s^2, exact",
            "variance": "drawn",
            "largest_deviation": "largest |s - 1|",
            "second_exact": "mean s^4, exact",
        },
    )
    epochs = curves.groupby("dataset").epoch.max().to_dict()
    write_table(relu_law_claims(results, cells, epochs), snakemake.output.claims)
    write_parquet(cells, snakemake.output.cells)
    write_parquet(chosen[[*CELL, "seed", "accuracy"]], snakemake.output.chosen)
    write_parquet(curve_table(curves, cells), snakemake.output.loss)
