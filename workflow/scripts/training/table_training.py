"""Tables and words of the training study."""

from typing import Any

from replication.jobs import job
from replication.tables import write_claims, write_table, write_words
from replication.training.claims import claim_table, training_text

snakemake: Any  # Snakemake puts it here

SHARES = ("trains", "trains_low", "trains_high")
DECIMALS = ("accuracy", "accuracy_low", "accuracy_high", "loss", "loss_low", "loss_high")

with job(snakemake) as run:
    found = run.read()
    write_table(
        found["cells"],
        snakemake.output.table,
        dict.fromkeys(SHARES, ".0%")
        | dict.fromkeys(DECIMALS, ".3f")
        | {"theta": "g", "learning_rate": "g", "steps_to_loss": ".0f"},
    )
    write_table(
        found["comparisons"],
        snakemake.output.comparisons,
        dict.fromkeys(("difference", "low", "high"), "+.3f") | {"p": ".2g", "p_holm": ".2g"},
        {"difference": "difference of test accuracy"},
    )
    claims = claim_table(*(found[n] for n in ("sizes", "comparisons", "predictions", "start", "persistence")))
    write_claims(claims, [snakemake.output.claims])
    text = training_text(
        found["sizes"], found["cells"], found["settings"], found["comparisons"], claims, found["persistence"]
    )
    write_words(text, snakemake.output.text)
