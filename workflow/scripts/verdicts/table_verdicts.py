"""Published and derived numbers next to ours, and statements of all stages, with verdicts; counted, and in blocks."""

from pathlib import Path
from typing import Any

import pandas as pd

from replication.activation.published import compare_fits
from replication.edge_of_chaos.published import compare_edge_of_chaos
from replication.files import read_json
from replication.fractional.published import compare_fractional
from replication.isometry.published import compare_isometry
from replication.jobs import job
from replication.kernels.published import compare_kernels
from replication.propagation.published import compare_fitted_sweep_iii, compare_sweep_iii, width_one
from replication.tables import write_claims, write_table
from replication.verdicts import blocks, count_verdicts, gather, worst_first

snakemake: Any  # Snakemake puts it here

HEADS = {
    "block": "numbers of one kind",
    "uncertainty": "standard error of the difference",
    "shared": "of the block",
    "above": "with ours above",
    "sign_p": "p of that count",
    "mean": "mean of ours - target",
    "error": "standard error",
    "p_holm": "p of the mean (Holm)",
    "within_2": "within 2 standard errors",
    "within_3": "within 3",
    "within_4": "within 4",
    "zero_agrees": "numbers that 0 would pass",
    "median_off": "median deviation",
}


def claims_of_stages() -> dict[str, pd.DataFrame]:
    """Saved statements by the stage that their file is named after."""
    tables = {Path(path).stem.removesuffix("_claims"): path for path in snakemake.input.claims}
    return {stage: pd.read_csv(path, keep_default_na=False) for stage, path in tables.items()}


with job(snakemake) as run:
    found = run.read()
    published = pd.read_csv(snakemake.input.published)
    losses = pd.read_csv(snakemake.input.published_losses)
    fits = pd.DataFrame(read_json(path) for path in snakemake.input.densities)
    fitted = compare_fitted_sweep_iii(found["points"], published, fits, found["assessments"])
    parts = [
        width_one(found["points"]),
        compare_fits(fits, losses, found["assessments"]),
        fitted,
        compare_sweep_iii(found["points"], published, fitted),
        compare_edge_of_chaos(found["constants"], found["ranges"]),
        compare_isometry(found["isometry_constants"], found["isometry_ks"], found["jacobians"]),
        compare_kernels(found["kernel_constants"], found["kernel_slopes"]),
        compare_fractional(
            found["fractional_constants"], found["fractional_slopes"], found["fractional_tails"]
        ),
    ]
    rows, claims = worst_first(pd.concat(parts, ignore_index=True)), worst_first(gather(claims_of_stages()))
    formats = dict.fromkeys(("uncertainty", "shared", "tolerance"), ".3g") | dict.fromkeys(
        ("target", "ours"), ".6g"
    )
    write_table(rows, snakemake.output.table, formats, HEADS)
    write_claims(claims, snakemake.output.claims)
    write_table(count_verdicts(rows, claims), snakemake.output.verdicts)
    formats = dict.fromkeys(("mean", "error", "sign_p", "p_holm"), ".2g") | {"z": "+.1f", "median_off": ".0%"}
    write_table(blocks(rows), snakemake.output.blocks, formats, HEADS)
