"""Execute a notebook on the results of the run; keep the executed copy and an HTML page."""

import os
from pathlib import Path
from typing import Any

import nbformat
from job import job, whole
from nbclient import NotebookClient
from nbconvert import HTMLExporter

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    os.environ["PREACTIVATIONS_SCALE"] = snakemake.params.scale
    notebook = nbformat.read(snakemake.input.notebook, as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": "notebooks"}}).execute()
    page, _ = HTMLExporter().from_notebook_node(notebook)
    whole(Path(snakemake.output.executed), lambda path: nbformat.write(notebook, path))
    whole(Path(snakemake.output.html), lambda path: path.write_text(page))
