"""Tables of the companion paper on fractional moments: scales, limit theorem, tails, training, claims."""

from typing import Any

from replication.fractional.claims import fractional_claims
from replication.jobs import job
from replication.labels import scheme_name
from replication.tables import write_claims, write_table

snakemake: Any  # Snakemake puts it here

HIDDEN = ["theta"]
HIDDEN += [f"{name}_{end}" for name in ("trains", "loss") for end in ("low", "high")]

with job(snakemake) as run:
    found, output = run.read(), snakemake.output
    cells, comparisons = found["cells"], found["comparisons"]
    scales, slopes = found["widths"], found["slopes"]
    powers_of_two = scales.width & (scales.width - 1) == 0
    scales = scales[powers_of_two | (scales.width == scales.width.max())]
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
    clt = found["clt"].merge(
        found["preserved"][["activation", "s", "mean", "error"]],
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
        found["indices"].drop(columns="z"),
        output.tails,
        {"s": "g", "share": "g", "hill": ".4f", "error": ".4f", "exact": ".5f"},
        {"hill": "Hill", "exact": "stationary law"},
    )
    named = cells.drop(columns=HIDDEN)
    write_table(
        named.assign(law=named.law.map(scheme_name)).rename(columns={"law": "scheme"}),
        output.training,
        dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high", "loss"), ".3f")
        | {"trains": ".0%", "learning_rate": "g", "steps_to_loss": ".0f"},
    )
    write_table(
        comparisons.assign(
            scheme=comparisons.scheme.map(scheme_name), baseline=comparisons.baseline.map(scheme_name)
        ),
        output.comparisons,
        dict.fromkeys(
            ("accuracy", "least", "largest", "low", "high", "loss", "loss_low", "loss_high"), "+.3f"
        )
        | dict.fromkeys(("p", "p_holm", "loss_p", "loss_p_holm"), ".2g"),
        {"accuracy": "difference of test accuracy", "loss": "difference of training loss"},
    )
    write_claims(fractional_claims(found, cells, comparisons), output.claims)
