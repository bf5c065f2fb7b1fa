"""The training study: is it desirable to start from Gaussian pre-activations? (Wolinski & Arbel; our protocol.)

A cell is a setting (`settings`), an architecture, a data set and an optimizer; all its learning rates and seeds train
at once. Images are centred by the mean pixel of the training part, and each is scaled to the norm with which the
pre-activations of the first layer are exactly N(0, v), v the variance at which the setting stays: what differs at the
start is the law further on. A seed fixes initial values (with the cell) and the order of batches (for all cells), so
that activations can be compared in pairs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import nn

from preactivations.gaussianity import ks_standardized, null_statistics
from preactivations.names import theta_of
from preactivations.streams import Stream
from preactivations.training.ensembles import Ensemble
from preactivations.training.networks import lenet, mlp
from preactivations.training.runs import Plan, Split, tensors
from replication.propagation.depth import layer_rows, simulate_depth
from replication.settings import Setting
from replication.training.cell import Watch, train_cell

Row = dict[str, Any]


class Architecture(NamedTuple):
    """Width and depth (hidden layers) of a perceptron; (0, 0) is the convolutional network."""

    width: int
    depth: int

    @property
    def convolutional(self) -> bool:
        return self == (0, 0)


def train_setting(
    setting: Setting,
    architecture: Architecture,
    data: Split,
    plan: Plan,
    stream: Stream,
    order: Stream,
    *,
    law: str = "",
    **options: Any,
) -> dict[str, pd.DataFrame]:
    """Train all members of a cell. Seed k has block k of `stream` for initial values and of `order` for the batches.

    `law` is the name of the law of an exact pair; options are device, watch, ... of `cell.train_cell`.
    """
    width, depth = architecture
    network: Any = {"activation": setting.module(), "weights": setting.weights} | setting.scales
    if architecture.convolutional and setting.normalize:
        raise ValueError("the convolutional network has no normalized form here")

    def build(shape: Sequence[int], classes: int, seed: int) -> nn.Sequential:
        rng = stream.block(seed)
        if architecture.convolutional:
            return lenet(shape[0], shape[1], classes, rng=rng, **network)
        return mlp(shape[0], width, depth, classes, normalize=setting.normalize, rng=rng, **network)

    return train_cell(
        data,
        plan,
        order,
        build,
        activation=setting.name,
        law=law,
        theta=theta_of(law),
        width=width,
        depth=depth,
        flat=not architecture.convolutional,
        input_norm=setting.input_norm,
        **options,
    )


def initial_rows(
    setting: Setting, width: int, depths: Sequence[int], n_networks: int, stream: Stream
) -> list[Row]:
    """How far from N(0, v) perceptrons are at initialization in their last hidden layer, and chi_1; a row per depth.

    ks from N(0, v) and ks_standardized, from the normal law of the layer's variance (an atom, .5, where that vanishes):
    `propagation.layer_distances`, with _error, _found and _band; variance (in units of v), kurtosis; dead: networks
    whose layer is all 0; chi, chi_1 at v; edge, depth |log chi_1|, which is 0 on the Edge of Chaos.
    """
    rows = layer_rows(setting, simulate_depth(setting, width, max(depths), n_networks, stream))
    chi = setting.chi
    found = []
    for depth in depths:
        row = rows[depth - 1]
        kept = [name for name in row if name.startswith("ks") and not name.endswith("theory")]
        at_start: Row = {name: row[name] for name in (*kept, "variance", "kurtosis", "dead")}
        if math.isnan(row["ks_standardized"]):
            at_start |= {"ks_standardized": 0.5, "ks_standardized_found": 0.5, "ks_standardized_band": 0.0}
        found.append(
            {"depth": depth, "n_networks": n_networks, "chi": chi, "edge": depth * abs(math.log(chi))}
            | at_start
        )
    return found


def persistence(
    setting: Setting,
    architecture: Architecture,
    data: Split,
    plan: Plan,
    stream: Stream,
    order: Stream,
    *,
    epochs: Sequence[int],
    images: int = 50,
    law: str = "",
    device: str | None = None,
    watch: Watch | None = None,
) -> dict[str, pd.DataFrame]:
    """Do pre-activations stay Gaussian while a network trains? Frames "layers", and "runs" as from `train_setting`.

    For each learning rate, epoch of `epochs` and hidden layer: the standardized KS statistic over neurons and networks
    (all seeds that have not diverged) for one image, its mean over `images` images of the test part: `ks_standardized`;
    that of independent normal samples of the same size, `null_mean`, and its 95 % point `null_95` for one image;
    n_samples; n_runs; variance in units of v. The neurons of a network are dependent, the more so once it has trained,
    so that the null values are a reference and not a test. `watch` is called as by `cell.train_cell`, at
    those epochs.
    """
    probes, _ = tensors((data.test[0][:images], data.test[1][:images]), device, flat=True)
    probes = probes * math.sqrt(setting.input_norm)
    rows: list[Row] = []
    known: dict[int, tuple[float, float]] = {}

    def look(epoch: int, ensemble: Ensemble, who: list[tuple[float, int]]) -> None:
        if epoch not in epochs:
            return
        if watch is not None:
            watch(epoch, ensemble, who)
        layers = [z.double().cpu().numpy() for z in ensemble.pre_activations(probes)[:-1]]
        for rate in sorted({rate for rate, _ in who}):
            mine = [k for k, (own, _) in enumerate(who) if own == rate]
            for depth, z in enumerate(layers, 1):
                sample = z[mine].reshape(-1, z.shape[-1])
                size = len(sample)
                if size not in known:
                    null = null_statistics(size, 500, Stream(0, "null", size).block(0))[1]
                    known[size] = float(null.mean()), float(np.quantile(null, 0.95))
                null_mean, null_95 = known[size]
                rows.append(
                    {"learning_rate": rate, "epoch": epoch, "depth": depth}
                    | {"ks_standardized": _mean_statistic(sample), "null_mean": null_mean, "null_95": null_95}
                    | {"n_samples": size, "n_runs": len(mine)}
                    | {"variance": float(sample.var()) / setting.variance}
                )

    runs = train_setting(
        setting, architecture, data, plan, stream, order, law=law, device=device, watch=look
    )["runs"]
    names = runs.iloc[0][["dataset", "activation", "law", "theta", "width", "optimizer"]].to_dict()
    return {"layers": pd.DataFrame([names | row for row in rows]), "runs": runs}


def neuron_rows(ensemble: Ensemble, who: list[tuple[float, int]]) -> list[Row]:
    """Weights of an ensemble of perceptrons: learning_rate, seed, layer (from 1), neuron, weights (list), bias.

    `who` lists (learning rate, seed) of its members.
    """
    rows: list[Row] = []
    for k, (rate, seed) in enumerate(who):
        dense = [layer for layer in ensemble.network(k) if isinstance(layer, nn.Linear)]
        for number, layer in enumerate(dense, 1):
            weights, biases = (p.detach().cpu().numpy() for p in (layer.weight, layer.bias))
            rows += [
                {"learning_rate": rate, "seed": seed, "layer": number, "neuron": neuron}
                | {"weights": row.tolist(), "bias": float(bias)}
                for neuron, (row, bias) in enumerate(zip(weights, biases, strict=True))
            ]
    return rows


def _mean_statistic(sample: NDArray[np.float64]) -> float:
    """Mean standardized KS statistic of the columns whose values are not all equal; NaN if there are none."""
    values = [ks_standardized(column) for column in sample.T if np.ptp(column) > 0]
    return float(np.mean(values)) if values else math.nan
