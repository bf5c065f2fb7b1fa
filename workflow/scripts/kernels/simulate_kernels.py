"""Drawn rectified layers and networks beside their kernels: one layer, finite width, depth, Gram matrices."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pandas as pd

from preactivations.rows import RotationInvariant, row_law
from preactivations.streams import Stream
from replication.jobs import Cells, job, write_parquet
from replication.kernels.study import constants, curve_rows, depth_rows, finite_width_row, gram_rows

snakemake: Any  # Snakemake puts it here


def invariant(name: str) -> RotationInvariant:
    law = row_law(name)
    assert isinstance(law, RotationInvariant), name  # by the configuration
    return law


def curves(law: str, replica: int) -> list[dict[str, Any]]:
    part = study["curves"]
    stream = Stream(seed, "kernels", "curves", law, replica)
    rows = curve_rows(invariant(law), part["inputs"], part["neurons"], part["slopes"], part["angles"], stream)
    return [{"law": law, "replica": replica} | row for row in rows]


def finite_width(law: str, angle: float) -> list[dict[str, Any]]:
    part = study["finite_width"]
    stream = Stream(seed, "kernels", "finite_width", law, angle)
    inputs = study["curves"]["inputs"]
    row = finite_width_row(invariant(law), inputs, part["width"], angle, part["networks"], stream)
    return [{"law": law} | row]


def depth(law: str, networks: int) -> list[dict[str, Any]]:
    part = study["depth"]
    stream = Stream(seed, "kernels", "depth", law, part["width"])
    rows = depth_rows(row_law(law), part["width"], part["depths"], networks, stream)
    return [{"law": law} | row for row in rows]


def gram() -> list[dict[str, Any]]:
    part = study["gram"]
    stream = Stream(seed, "kernels", "gram", part["inputs"], part["dimension"])
    return gram_rows(
        part["inputs"],
        part["dimension"],
        part["depths"],
        part["slopes"],
        part["width"],
        part["networks"],
        stream,
    )


def framed(compute: Callable[..., Any], arguments: dict[str, Any]) -> dict[str, pd.DataFrame]:
    return {compute.__name__: pd.DataFrame(compute(**arguments))}


# what each needs to know, besides its arguments
USED = {
    "curves": ["curves"],
    "finite_width": ["curves", "finite_width"],
    "depth": ["depth"],
    "gram": ["gram"],
}


def tasks() -> Iterator[tuple[Callable[..., Any], dict[str, Any]]]:
    for law in study["laws"]:
        yield curves, {"law": law, "replica": 0}
    for law in study["controls"]:
        for replica in range(study["curves"]["replicas"]):
            yield curves, {"law": law, "replica": replica}
    for law in study["laws"]:
        for angle in study["finite_width"]["angles"]:
            yield finite_width, {"law": law, "angle": angle}
        yield depth, {"law": law, "networks": study["depth"]["networks"]}
    for law in study["depth"]["matrices"]:
        yield depth, {"law": law, "networks": study["depth"]["matrix_networks"]}
    yield gram, {}


with job(snakemake):
    study, seed = snakemake.params.study, snakemake.params.seed
    cells = Cells(snakemake)
    done: dict[str, list[pd.DataFrame]] = defaultdict(list)
    for compute, arguments in tasks():
        parts = {name: study[name] for name in USED[compute.__name__]}
        key = {"what": compute.__name__, "seed": seed} | parts | arguments
        for name, frame in cells.get(key, partial(framed, compute, arguments)).items():
            done[name].append(frame)
    for name, frames in done.items():
        write_parquet(pd.concat(frames, ignore_index=True), snakemake.output[name])
    write_parquet(pd.DataFrame(constants()), snakemake.output.constants)
    cells.clear()
