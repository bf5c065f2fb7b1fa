"""Tables of the second companion paper: deviations from mean field, units, stationary laws, training, claims."""

from typing import Any

from replication.isometry.claims import isometry_claims
from replication.jobs import job
from replication.labels import scheme_name
from replication.tables import write_claims, write_table
from replication.training.analysis import CELL

snakemake: Any  # Snakemake puts it here

# Wilson intervals say too little about a few seeds, and few seeds have wide ones of Student: least and largest instead
HIDDEN = ["law", "theta"]
HIDDEN += [f"{name}_{end}" for name in ("trains", "loss", "accuracy") for end in ("low", "high")]

with job(snakemake) as run:
    found = run.read()
    deviations, cells = found["norms"], found["cells"]
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
    write_table(
        found["unit_scores"],
        snakemake.output.units,
        dict.fromkeys(("exact", "independent", "drawn", "error"), ".4g")
        | {"bias_variance": "g", "t": "g", "skewness": ".2g", "z": ".1f"},
        {"bias_variance": "bias variance", "t": "t (deviations)", "independent": "if independent"},
    )
    shapes = found["shape_tests"]
    numbers = [c for c in shapes if c.startswith("q") or c in ("mode", "mean", "median_drawn")]
    write_table(
        shapes,
        snakemake.output.shapes,
        dict.fromkeys([*numbers, "tail_index", "tail_slope"], ".4g")
        | dict.fromkeys(("sd_log", "skewness_log"), ".3f")
        | {"factor": "g", "bias_variance": "g", "ks": ".4f", "ks_p": ".2g", "above_p": ".2g"},
        {"factor": "times He's variance", "q50": "median", "above": "beyond the 99 % point"},
    )
    seeds = (
        found["chosen"]
        .groupby(CELL, dropna=False, as_index=False)
        .agg(accuracy_least=("accuracy", "min"), accuracy_largest=("accuracy", "max"))
    )
    named = cells.merge(seeds, on=CELL).drop(columns=HIDDEN)
    write_table(
        named.assign(activation=named.activation.map(scheme_name)).rename(columns={"activation": "scheme"}),
        snakemake.output.training,
        dict.fromkeys(("accuracy", "accuracy_least", "accuracy_largest", "loss"), ".3f")
        | {"trains": ".0%", "learning_rate": "g", "steps_to_loss": ".0f"},
    )
    comparisons = found["comparisons"]
    write_table(
        comparisons.assign(scheme=comparisons.scheme.map(scheme_name)),
        snakemake.output.comparisons,
        dict.fromkeys(("difference", "least", "largest", "gap", "gap_least", "gap_largest"), "+.3f")
        | {f"{question}{p}": ".2g" for question in ("", "speed_", "gap_") for p in ("p", "p_holm")},
        {
            "scheme": "mirrored orthogonal against",
            "difference": "test accuracy",
            "faster": "earlier at the loss",
        }
        | {"slower": "later", "speed_pairs": "pairs at the loss", "gap": "generalization gap"}
        | {"gap_pairs": "pairs that train"},
    )
    jacobians = found["spectra"].drop(columns=["second_z", "second_p"])
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
    epochs = found["loss"].groupby("dataset").epoch.max().to_dict()
    write_claims(isometry_claims(found, cells, epochs), snakemake.output.claims)
