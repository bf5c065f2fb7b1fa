"""Execute a notebook on the results of the run; the executed copy is a log, the page a result that opens offline.

A script, not the `notebook:` directive of Snakemake: that puts a cell with a pickled object into the notebook, which
would not open alone, and its executed copy is a log, of which no other rule could make the page.
"""

import os
import re
from pathlib import Path
from typing import Any

import nbformat
import papermill
from latex2mathml.converter import convert
from nbconvert import HTMLExporter

from replication.files import whole
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

# nothing from the network: formulas become MathML, which browsers draw without a library
_ALONE = dict.fromkeys(("mathjax_url", "require_js_url", "jquery_url", "mermaid_js_url"), "")


def mathml(markdown: str) -> str:
    """Markdown with $...$ and $$...$$ as MathML; code is left as it is."""

    def formula(match: re.Match[str]) -> str:
        code, block, inline = match.groups()
        return code or convert(block or inline, display="block" if block else "inline")

    return re.sub(r"(`[^`]*`)|\$\$(.+?)\$\$|\$(.+?)\$", formula, markdown, flags=re.DOTALL)


with job(snakemake):
    os.environ["PREACTIVATIONS_SCALE"] = snakemake.params.scale
    executed = papermill.execute_notebook(
        snakemake.input.notebook, snakemake.log.notebook, cwd="notebooks", kernel_name="python3",
        progress_bar=False, execution_timeout=600,
    )  # fmt: skip
    for cell in executed.cells:
        if cell.cell_type == "markdown":
            cell.source = mathml(cell.source)
    executed.metadata["title"] = snakemake.wildcards.name.replace("_", " ")
    page, _ = HTMLExporter(**_ALONE).from_notebook_node(nbformat.from_dict(executed))
    whole(Path(snakemake.output.html), lambda path: path.write_text(page, encoding="utf-8"))
