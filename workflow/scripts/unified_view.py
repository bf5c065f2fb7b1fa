"""What each initialization scheme keeps over the layers, forward and backward; gradients off the edge as well."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from job import Bar, job, write_parquet

from preactivations.eoc_study import edge_settings
from preactivations.gaussianity import null_statistics
from preactivations.streams import Stream
from preactivations.unified_view import measure, schemes

snakemake: Any  # Snakemake puts it here

with job(snakemake):
    torch.set_num_threads(1)
    study, seed = snakemake.params.study, snakemake.params.seed
    width, networks = study["unified"]["width"], study["unified"]["networks"]
    cells = [(s.name, s.law, s.keeps, s.formula, s.orthogonal) for s in schemes(study["theta"])]
    cells += [
        (f"{activation} {place} the edge", law, "", "", False)
        for activation, place, law in edge_settings(study["theta"])
        if place != "on"
    ]
    rows = []
    for name, law, keeps, formula, orthogonal in cells:
        bar = Bar(networks, name)
        found = measure(
            law,
            width,
            study["depth"],
            networks,
            0.5,
            Stream(seed, "unified_view", name, study["theta"], width),
            orthogonal=orthogonal,
            progress=bar.add,
        )
        bar.close()
        head = {"scheme": name, "keeps": keeps, "formula": formula, "width": width}
        rows += [head | row for row in found]
    # the null law of the standardized statistic for as many networks
    null = null_statistics(networks, 1000, Stream(seed, "unified_view", "null", networks).block(0))[1]
    frame = pd.DataFrame(rows).assign(ks_null_95=float(np.quantile(null, 0.95)))
    write_parquet(frame, snakemake.output.table)
