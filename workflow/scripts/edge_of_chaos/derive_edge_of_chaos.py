"""Edge of Chaos by the maps: curves, exact points, maps of chi, depth scales, rates, and the counter-example."""

import math
from typing import Any

import numpy as np
import pandas as pd

from preactivations.names import number_text
from preactivations.pairs.table import KINDS
from replication.activation.tables import Tables
from replication.edge_of_chaos.study import (
    constant_rows,
    curve_rows,
    edge_settings,
    heat_rows,
    map_rows,
    oscillating_rows,
    pair_row,
    rate_rows,
    scale_rows,
    uniqueness_row,
)
from replication.files import write_parquet
from replication.jobs import job

snakemake: Any  # Snakemake puts it here


def named(name: str, theta: float, rows: Any) -> Any:
    return pd.DataFrame(rows).assign(activation=name, theta=theta)


with job(snakemake):
    params, nan = snakemake.params.study, math.nan
    theta = params["theta"]
    tables = Tables(snakemake.input.activations)
    pairs = tables(f"weibull_{number_text(theta)}")
    listed = [tables(f"weibull_{number_text(t)}")(kind) for t in snakemake.params.thetas for kind in KINDS]
    shown = dict.fromkeys([*params["activations"], *params["heat_maps"]])
    curves = [named(name, nan, curve_rows(name, params["curve_points"])) for name in shown]
    for pair in listed:
        t = getattr(pair.weights, "theta", nan)
        curves.append(named(pair.kind, t, curve_rows(pair, params["curve_points"])))
    if theta not in snakemake.params.thetas:
        curves.append(named("odd", theta, curve_rows(pairs("odd"), params["curve_points"])))
    write_parquet(pd.concat(curves), snakemake.output.curves)
    write_parquet(pd.DataFrame(map(pair_row, listed)), snakemake.output.pairs)

    w, b = np.linspace(0.01, 3, params["heat_points"]), np.linspace(0, 1, params["heat_points"])
    heat = [named(name, nan, heat_rows(name, w, b)) for name in params["heat_maps"]]
    heat.append(named("odd", theta, heat_rows(pairs("odd"), w, b)))
    write_parquet(pd.concat(heat), snakemake.output.heat)

    settings = edge_settings(pairs)
    maps, rates, scales = [], [], []
    for (activation, place), setting in settings.items():
        at = theta if activation == "odd" else nan
        if activation != "relu":
            maps.append(
                named(
                    activation, at, map_rows(setting.exact, **setting.scales, points=params["map_points"])
                ).assign(place=place)
            )
        if place == "on":
            rates.append(
                named(activation, at, rate_rows(setting.exact, **setting.scales, depth=params["rate_depth"]))
            )
    name = f"oscillating_{number_text(params['oscillating']['omega'])}"
    rows = map_rows(name, params["oscillating"]["sigma_w"], 0.0, params["map_points"])
    maps.append(named(name, nan, rows).assign(place="on"))
    write_parquet(pd.concat(maps), snakemake.output.maps)
    write_parquet(pd.concat(rates), snakemake.output.rates)

    n = params["scale_points"]
    near = np.concatenate([-np.geomspace(0.5, 1e-4, n), np.geomspace(1e-4, 1, n)])
    for activation in ("tanh", "odd"):
        setting = settings[activation, "on"]
        rows = scale_rows(setting.exact, setting.sigma_b, [float(v) for v in setting.sigma_w * (1 + near)])
        edge = setting.sigma_w
        scales.append(named(activation, theta if activation == "odd" else nan, rows).assign(edge=edge))
    write_parquet(pd.concat(scales), snakemake.output.scales)

    ranges, points = zip(*(oscillating_rows(omega) for omega in params["omegas"]), strict=True)
    write_parquet(pd.DataFrame([row for part in ranges for row in part]), snakemake.output.ranges)
    write_parquet(pd.DataFrame([row for part in points for row in part]), snakemake.output.points)

    names = [*params["activations"], *(f"oscillating_{number_text(omega)}" for omega in params["omegas"])]
    unique = [
        {"activation": name, "theta": nan} | uniqueness_row(name, params["unique_points"]) for name in names
    ]
    unique += [
        {"activation": kind, "theta": theta} | uniqueness_row(pairs(kind), params["unique_points"])
        for kind in KINDS
    ]
    write_parquet(pd.DataFrame(unique), snakemake.output.unique)
    write_parquet(pd.DataFrame(constant_rows(tables("weibull_4")("odd"))), snakemake.output.constants)
