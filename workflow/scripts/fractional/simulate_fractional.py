"""Fractional moments: scales, moments and laws of deep networks, exact with drawn networks beside them; tails."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from preactivations.streams import Stream
from replication.fractional.dropout import dropout_row, small_rows
from replication.fractional.limits import depth_rows, exponent_rows, order_rows
from replication.fractional.study import (
    agreement_row,
    chain_log_norms,
    clt_rows,
    constants,
    deep_moment_rows,
    density_rows,
    draw_networks,
    ks_to_normal_rows,
    one_layer_row,
    sigma_rows,
    tail_rows,
    width_rows,
)
from replication.jobs import job

snakemake: Any  # Snakemake puts it here

Frames = dict[str, pd.DataFrame]
ACTIVATIONS = ["relu", "leaky_relu", "linear"]
ALL = [*ACTIVATIONS, "rrelu"]


def scales() -> Frames:
    study = run.params.study
    return {
        "constants": pd.DataFrame(constants()),
        "widths": pd.DataFrame(width_rows(study["orders"], range(2, study["largest_width"] + 1))),
        "sigma": pd.DataFrame(sigma_rows(study["widths"], ALL)),
        "traditional": pd.DataFrame(order_rows(ALL, study["widths"])),
    }


def deep() -> Frames:
    part = run.params.study["deep"]
    width, depth, chains = part["width"], part["depth"], part["chains"]
    drawn, last_but_one, all_layers = (
        Stream(run.params.seed, "heavy_tails", name, width, depth) for name in ("deep", "chain", "whole")
    )
    log_norm, direction = draw_networks("relu", width, depth, part["networks"], drawn)
    chain = chain_log_norms("relu", width, depth - 1, chains, last_but_one)
    whole = chain_log_norms("relu", width, depth, chains, all_layers)
    rows = deep_moment_rows(
        part["orders"], list(np.linspace(1, 3, 21)), width, depth, log_norm, direction, chain
    )
    agreement = {"width": width, "depth": depth} | agreement_row(log_norm, whole)
    return {"deep": pd.DataFrame(rows), "agreement": pd.DataFrame([agreement])}


def densities(activation: str) -> Frames:
    part = run.params.study["log_norms"]
    stream = Stream(run.params.seed, "heavy_tails", "density", activation, part["width"], part["depth"])
    log_norm, _ = draw_networks(activation, part["width"], part["depth"], part["networks"], stream)
    found = density_rows(activation, part["orders"], part["width"], part["depth"], log_norm)
    return dict(zip(("densities", "histogram", "tests"), map(pd.DataFrame, found), strict=True))


def log_norms(activation: str, s: float) -> Frames:
    part = run.params.study["log_norms"]
    stream = Stream(run.params.seed, "heavy_tails", "clt", activation, s, part["width"])
    chain = chain_log_norms(activation, part["width"], part["depth"], part["chains"], stream)
    stream = Stream(run.params.seed, "heavy_tails", "layer", activation, s)
    layers = one_layer_row(activation, s, part["layer_width"], part["chains"], stream)
    return {
        "clt": pd.DataFrame([clt_rows(activation, s, part["width"], part["depth"], chain)]),
        "one_layer": pd.DataFrame([layers]),
    }


def normality() -> Frames:
    part = run.params.study["log_norms"]
    return {"normality": pd.DataFrame(ks_to_normal_rows(ACTIVATIONS, part["width"], part["depths"]))}


def tails() -> Frames:
    part = run.params.study["tails"]
    shares = [share for share in part["shares"] if share * part["networks"] >= 20]
    stream = Stream(run.params.seed, "heavy_tails", "tails", part["width"])
    rows = tail_rows(part["orders"], part["width"], part["depth"], part["networks"], shares, stream)
    return {"tails": pd.DataFrame(rows)}


def far(activation: str) -> Frames:
    part = run.params.study["far"]
    rows = [row for s in part["orders"] for row in depth_rows(activation, s, part["width"], part["depths"])]
    return {"far": pd.DataFrame(rows)}


def exponents(activation: str) -> Frames:
    part, depth = run.params.study["tails"], run.params.study["log_norms"]["depth"]
    rows = [row for s in part["orders"] for row in exponent_rows(activation, s, part["width"], depth)]
    return {"exponents": pd.DataFrame(rows)}


def dropout(activation: str) -> Frames:
    study = run.params.study
    part, deep = study["dropout"], study["log_norms"]
    masked = [
        dropout_row(
            activation,
            s,
            keep,
            part["width"],
            part["draws"],
            Stream(run.params.seed, "heavy_tails", "dropout", activation, s, keep),
        )
        for s in part["orders"]
        for keep in part["keeps"]
    ]
    small = [
        row
        for keep in (1.0, *part["keeps"])
        for row in small_rows(activation, keep, part["orders"], deep["width"], deep["depth"])
    ]
    return {"dropout": pd.DataFrame(masked), "small": pd.DataFrame(small)}


def tasks() -> Iterator[Any]:
    yield scales, {}
    for activation in ALL:
        yield far, {"activation": activation}
        yield dropout, {"activation": activation}
    for activation in ("relu", "linear"):
        yield exponents, {"activation": activation}
    yield deep, {}
    for activation in ACTIVATIONS:
        yield densities, {"activation": activation}
    # of the central limit theorem
    for activation in ("relu", "linear", "leaky_relu"):
        for s in run.params.study["log_norms"]["cases"]:
            yield log_norms, {"activation": activation, "s": s}
    yield log_norms, {"activation": "rrelu", "s": 1.0}
    yield normality, {}
    yield tails, {}


with job(snakemake) as run:
    run.cells(tasks())
