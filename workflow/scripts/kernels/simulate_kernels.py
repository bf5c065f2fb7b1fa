"""Drawn rectified layers and networks beside their kernels: one layer, finite width, depth, Gram matrices."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from preactivations.rows import RotationInvariant, row_law
from preactivations.streams import Stream
from replication.jobs import job
from replication.kernels.study import (
    constants,
    curve_rows,
    degree_rows,
    depth_rows,
    finite_width_row,
    gram_rows,
)

snakemake: Any  # Snakemake puts it here

Frames = dict[str, pd.DataFrame]


def invariant(name: str) -> RotationInvariant:
    law = row_law(name)
    assert isinstance(law, RotationInvariant), name  # by the configuration
    return law


def curves(law: str, replica: int) -> Frames:
    part = run.params.study["curves"]
    stream = Stream(run.params.seed, "kernels", "curves", law, replica)
    rows = curve_rows(invariant(law), part["inputs"], part["neurons"], part["slopes"], part["angles"], stream)
    return {"curves": pd.DataFrame([{"law": law, "replica": replica} | row for row in rows])}


def degrees(nu: float) -> Frames:
    part = run.params.study["degrees"]
    stream = Stream(run.params.seed, "kernels", "degrees", nu)
    inputs = run.params.study["curves"]["inputs"]
    return {"degrees": pd.DataFrame(degree_rows(nu, inputs, part["neurons"], part["angles"], stream))}


def finite_width(law: str, angle: float) -> Frames:
    part = run.params.study["finite_width"]
    stream = Stream(run.params.seed, "kernels", "finite_width", law, angle)
    inputs = run.params.study["curves"]["inputs"]
    row = finite_width_row(invariant(law), inputs, part["width"], angle, part["networks"], stream)
    return {"finite_width": pd.DataFrame([{"law": law} | row])}


def depth(law: str, networks: int) -> Frames:
    part = run.params.study["depth"]
    stream = Stream(run.params.seed, "kernels", "depth", law, part["width"])
    rows = depth_rows(row_law(law), part["width"], part["depths"], networks, stream)
    return {"depth": pd.DataFrame([{"law": law} | row for row in rows])}


def gram() -> Frames:
    part = run.params.study["gram"]
    stream = Stream(run.params.seed, "kernels", "gram", part["inputs"], part["dimension"])
    rows = gram_rows(
        part["inputs"],
        part["dimension"],
        part["depths"],
        part["slopes"],
        part["width"],
        part["networks"],
        stream,
    )
    return {"gram": pd.DataFrame(rows)}


def stated() -> Frames:
    return {"constants": pd.DataFrame(constants())}


def tasks() -> Iterator[Any]:
    study = run.params.study
    for law in study["laws"]:
        yield curves, {"law": law, "replica": 0}
    for law in study["controls"]:
        for replica in range(study["curves"]["replicas"]):
            yield curves, {"law": law, "replica": replica}
    for nu in study["degrees"]["nus"]:
        yield degrees, {"nu": nu}
    for law in study["laws"]:
        for angle in study["finite_width"]["angles"]:
            yield finite_width, {"law": law, "angle": angle}
        yield depth, {"law": law, "networks": study["depth"]["networks"]}
    for law in study["depth"]["matrices"]:
        yield depth, {"law": law, "networks": study["depth"]["matrix_networks"]}
    yield gram, {}
    yield stated, {}


with job(snakemake) as run:
    run.cells(tasks())
