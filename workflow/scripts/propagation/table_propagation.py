"""Tables of the propagation study, and its conclusions in words."""

from typing import Any

from replication.jobs import job
from replication.propagation.claims import propagation_claims, propagation_text
from replication.tables import write_table, write_words

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    found = run.read()
    headers = {
        "ks_from_width": "raw KS from width",
        "ks_standardized_from_width": "standardized KS from width",
        "largest_width": "largest width",
        "networks": "networks there",
    }
    formats = {"theta": "g", "ks_from_width": ".0f", "ks_standardized_from_width": ".0f"}
    write_table(found["widths"], snakemake.output.table, formats, headers)
    write_table(found["layers"], [snakemake.output.layers])
    claims = propagation_claims(found, run.params.deepest)
    text = propagation_text(found["widths"], claims, found["layers"], found["null"])
    write_words(text, snakemake.output.text)
