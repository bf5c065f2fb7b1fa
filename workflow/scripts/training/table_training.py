"""Tables and words of the training study."""

from typing import Any

from replication.jobs import job
from replication.labels import HEADS
from replication.tables import write_table, write_words
from replication.training.claims import training_text

snakemake: Any  # Snakemake puts it here

SHARES = ("trains", "trains_low", "trains_high", "all_trains", "all_diverged")
DECIMALS = ("accuracy", "accuracy_low", "accuracy_high", "loss", "loss_low", "loss_high")

with job(snakemake) as run:
    found = run.read()
    del found["loss"]
    write_table(
        found["cells"],
        snakemake.output.table,
        dict.fromkeys(SHARES, ".0%")
        | dict.fromkeys(DECIMALS, ".3f")
        | {"theta": "g", "learning_rate": "g", "epochs_to_loss": ".1f"},
        HEADS,
    )
    write_table(
        found["comparisons"],
        snakemake.output.comparisons,
        dict.fromkeys(("difference", "low", "high"), "+.3f") | {"p": ".2g", "p_holm": ".2g"},
        HEADS | {"difference": "difference of test accuracy"},
    )
    write_words(training_text(**found), snakemake.output.text)
