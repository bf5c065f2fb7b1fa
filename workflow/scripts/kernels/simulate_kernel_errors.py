"""Finite-m corrections to kernels of independent weights, against the number m of inputs."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from preactivations.rows import Iid, row_law
from preactivations.streams import Stream
from replication.jobs import job
from replication.kernels.study import error_row, input_kinds

snakemake: Any  # Snakemake puts it here


def independent(name: str) -> Iid:
    law = row_law(name)
    assert isinstance(law, Iid), name  # by the configuration
    return law


def error(law: str, kind: str, m: int) -> dict[str, pd.DataFrame]:
    stream = Stream(run.params.seed, "kernels", "errors", law, kind, m)
    study = run.params.study
    count = round(study["evaluations"] * max(1, m / study["grow_from"]))
    return {"errors": pd.DataFrame([{"law": law} | error_row(independent(law), kind, m, count, stream)])}


def tasks() -> Iterator[Any]:
    for law in run.params.laws:
        for kind in input_kinds(independent(law)):
            for m in run.params.study["sizes"]:
                yield error, {"law": law, "kind": kind, "m": m}


with job(snakemake) as run:
    run.cells(tasks())
