"""Finite-m corrections to kernels of independent weights, against the number m of inputs: by samples, and exact."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from preactivations.rows import Iid, row_law
from preactivations.streams import Stream
from replication.jobs import job
from replication.kernels.study import error_row, input_kinds, smooth_error_row, tail_error_row

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


def tail(nu: float, m: int) -> dict[str, pd.DataFrame]:
    return {"tail_errors": pd.DataFrame([tail_error_row(nu, m)])}


def smooth(law: str, activation: str, m: int) -> dict[str, pd.DataFrame]:
    row = smooth_error_row(independent(law), activation, m)
    return {"smooth_errors": pd.DataFrame([{"law": law} | row])}


def tasks() -> Iterator[Any]:
    for law in run.params.laws:
        for kind in input_kinds(independent(law)):
            for m in run.params.study["sizes"]:
                yield error, {"law": law, "kind": kind, "m": m}
    sums = run.params.sums
    for nu in sums["tails"]:
        for m in sums["tail_sizes"]:
            yield tail, {"nu": nu, "m": m}
    for law in sums["laws"]:
        for activation in sums["activations"]:
            for m in sums["sizes"]:
                yield smooth, {"law": law, "activation": activation, "m": m}


with job(snakemake) as run:
    run.cells(tasks())
