"""Files of a data set, verified, into data/raw/<name>/: from a mirror or the network. The output lists them."""

from pathlib import Path
from typing import Any

from preactivations.datasets import fetch
from replication.files import write_json
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    name, folder = snakemake.wildcards.dataset, Path(snakemake.output.manifest).parent
    files = fetch(name, folder=folder, mirror=snakemake.resources.mirror or None)
    write_json({path.name: path.stat().st_size for path in files}, snakemake.output.manifest)
