"""Tables of the companion paper on kernels: laws, errors and their rates, depth, Gram matrices, inputs, claims."""

from typing import Any

from replication.jobs import job
from replication.kernels.claims import kernels_claims
from replication.tables import write_claims, write_table

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    found, output = run.read(), snakemake.output
    laws, slopes, depth = found["law_deviations"], found["slopes"], found["angles"]
    digits = dict.fromkeys(("kernel", "kernel_drawn", "variance", "variance_drawn", "ratio", "angle"), ".4g")
    digits |= dict.fromkeys(("kernel_error", "variance_error"), ".2g")
    counts = dict.fromkeys(("neurons", "width", "networks"), ".0f")
    write_table(
        laws,
        output.laws,
        digits | counts | {"largest_deviation": ".4f", "kernel_z": "+.1f", "variance_z": "+.1f"},
        {
            "largest_deviation": "largest deviation of cos t'",
            "variance": "n Var",
            "variance_drawn": "n Var, drawn",
        },
    )
    write_table(
        found["degree_deviations"],
        output.degrees,
        {"nu": "g", "effective": ".0f"} | dict.fromkeys(("largest_deviation", "tolerance"), ".4f"),
        {
            "nu": "degrees of freedom",
            "effective": "normal rows that scatter alike",
            "largest_deviation": "largest deviation of cos t'",
        },
    )
    write_table(
        found["scores"].drop(columns=["z", "formula_z"]),
        output.errors,
        dict.fromkeys(("angle", "largest", "kernel"), ".4f")
        | {"error": "+.3e", "formula": "+.3e", "standard_error": ".1e", "plain_standard_error": ".1e"},
        {"error": "k - k_Gauss", "largest": "max |x_i|"},
    )
    write_table(
        slopes,
        output.slopes,
        dict.fromkeys(("slope", "slope_error", "half_width"), ".3f")
        | {"predicted": "g", "chi2_per_dof": ".2f"},
        {"half_width": "99 % half width", "points": "sizes"},
    )
    write_table(
        found["training"],
        output.training,
        dict.fromkeys(("accuracy", "reference"), ".4f")
        | dict.fromkeys(("difference", "low", "high"), "+.4f")
        | dict.fromkeys(("p", "p_holm"), ".2g"),
        {"reference": "from normal rows"},
    )
    write_table(
        depth,
        output.depth,
        dict.fromkeys(("map", "log_mean", "log_sd", "drawn_mean", "drawn_sd", "error"), ".4f"),
        {"map": "angle, infinite width", "log_mean": "mean log angle", "log_sd": "sd log angle"},
    )
    write_table(found["gram"], output.gram, {"condition": ".4g", "effective_rank": ".3f"})
    order = ["dataset", "form", "quantity"]
    hypotheses = found["hypotheses"]
    hypotheses = hypotheses[[*order, *(c for c in hypotheses if c not in order)]]
    write_table(
        hypotheses, output.hypotheses, {c: ".3f" for c in hypotheses if c.startswith("q") and c != "quantity"}
    )
    claims = kernels_claims(
        laws,
        found["degree_deviations"],
        run.params.controls,
        found["scores"],
        slopes,
        found["tail_rates"],
        found["smooth_rates"],
        found["training"],
        depth,
        *(found[name] for name in ("gram", "directions", "layers", "hypotheses")),
    )
    write_claims(claims, output.claims)
