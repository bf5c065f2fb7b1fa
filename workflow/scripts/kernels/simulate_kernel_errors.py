"""What the central limit theorem leaves over in kernels of independent weights, against the number of inputs."""

from functools import partial
from typing import Any

import pandas as pd

from preactivations.rows import Iid, row_law
from preactivations.streams import Stream
from replication.jobs import Bar, Cells, job, write_parquet
from replication.kernels.study import error_row, input_kinds

snakemake: Any  # Snakemake puts it here

_FEW = 64  # inputs; beyond, evaluations grow with them, since errors shrink


def independent(name: str) -> Iid:
    law = row_law(name)
    assert isinstance(law, Iid), name  # by the configuration
    return law


def row(name: str, kind: str, m: int) -> dict[str, pd.DataFrame]:
    stream = Stream(seed, "kernels", "errors", name, kind, m)
    count = round(evaluations * max(1, m / _FEW))
    return {"errors": pd.DataFrame([{"law": name} | error_row(independent(name), kind, m, count, stream)])}


with job(snakemake):
    seed, evaluations = snakemake.params.seed, snakemake.params.study["evaluations"]
    grid = [
        (name, kind, m)
        for name in snakemake.params.laws
        for kind in input_kinds(independent(name))
        for m in snakemake.params.study["sizes"]
    ]
    cells, bar = Cells(snakemake), Bar(len(grid), "kernel errors")
    done = []
    for name, kind, m in grid:
        key = {"seed": seed, "evaluations": evaluations, "law": name, "kind": kind, "m": m}
        done.append(cells.get(key, partial(row, name, kind, m))["errors"])
        bar.add(1)
    bar.close()
    write_parquet(pd.concat(done, ignore_index=True), snakemake.output.errors)
    cells.clear()
