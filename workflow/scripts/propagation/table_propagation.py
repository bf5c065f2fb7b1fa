"""Tables of the propagation study, and its conclusions in words."""

from typing import Any

from replication.jobs import job
from replication.propagation.claims import propagation_claims
from replication.propagation.text import propagation_text
from replication.tables import write_claims, write_table, write_words

snakemake: Any  # Snakemake puts it here

with job(snakemake) as run:
    found = run.read()
    endings = {
        "": "",
        "_error": ", error",
        "_found": ", found",
        "_band": ", band",
        "_theory": ", first order",
    }
    shown = {"ks": "from N(0, v)", "ks_standardized": "from the normal law of its variance"}
    headers = {
        name + ending: words + more for name, words in shown.items() for ending, more in endings.items()
    }
    formats = {"theta": "g"} | dict.fromkeys(headers, ".5f")
    write_table(found["distances"], snakemake.output.table, formats, headers | {"n_networks": "networks"})
    write_table(found["layers"], [snakemake.output.layers])
    write_table(found["drift"], [snakemake.output.drift])
    claims = propagation_claims(found, run.params.deepest)
    write_claims(claims, [snakemake.output.claims])
    text = propagation_text(found["distances"], claims, found["layers"])
    write_words(text, snakemake.output.text)
