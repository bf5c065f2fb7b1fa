"""What each initialization scheme keeps over the layers, forward and backward; gradients off the edge as well."""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import torch

from preactivations.gaussianity import null_statistics
from preactivations.streams import Stream
from replication.edge_of_chaos.study import edge_settings
from replication.edge_of_chaos.unified_view import measure, schemes
from replication.jobs import Bar, Cells, job, write_parquet
from replication.settings import Setting

snakemake: Any  # Snakemake puts it here


def compute(name: str, setting: Setting, orthogonal: bool) -> dict[str, pd.DataFrame]:
    bar = Bar(networks, name)
    stream = Stream(seed, "unified_view", name, theta, width)
    found = measure(setting, width, depth, networks, 0.5, stream, orthogonal=orthogonal, progress=bar.add)
    bar.close()
    return {"rows": pd.DataFrame(found)}


with job(snakemake):
    torch.set_num_threads(1)
    study, seed = snakemake.params.study, snakemake.params.seed
    theta, depth = study["theta"], study["depth"]
    width, networks = study["unified"]["width"], study["unified"]["networks"]
    settings = [(s.name, s.setting, s.keeps, s.formula, s.orthogonal) for s in schemes(theta)]
    settings += [
        (f"{activation} {place} the edge", setting, "", "", False)
        for activation, place, setting in edge_settings(theta)
        if place != "on"
    ]
    cells, shared = Cells(snakemake), study["unified"] | {"seed": seed, "theta": theta, "depth": depth}
    done = []
    for name, setting, keeps, formula, orthogonal in settings:
        found = cells.get(shared | {"scheme": name}, partial(compute, name, setting, orthogonal))["rows"]
        head = {"scheme": name, "keeps": keeps, "formula": formula, "width": width}
        done.append(pd.DataFrame({key: [value] * len(found) for key, value in head.items()}).join(found))
    # the null law of the standardized statistic for as many networks
    null = null_statistics(networks, 1000, Stream(seed, "unified_view", "null", networks).block(0))[1]
    frame = pd.concat(done, ignore_index=True).assign(ks_null_95=float(np.quantile(null, 0.95)))
    write_parquet(frame, snakemake.output.table)
    cells.clear()
