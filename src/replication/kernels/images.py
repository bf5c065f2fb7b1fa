"""Do the hypotheses of the kernels hold on real inputs, and their formula for rows that have been trained?

For rows w_i that are whatever they are, the mean of the kernel over all pairs of inputs at one angle, uniformly
rotated, is exactly |w|^2 k_1: only its scatter over pairs tells trained rows from rotation-invariant ones. Real inputs
are no such average.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from preactivations.kernels.inputs import at_angle
from preactivations.kernels.maps import angle_between, angle_if_alive, angular_map
from preactivations.streams import Stream

if TYPE_CHECKING:
    from pandas import DataFrame

Array = NDArray[np.float64]
Row = dict[str, Any]
Layer = tuple[Array, Array]  # weights (neurons, inputs), biases

_QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def networks_of(neurons: DataFrame) -> dict[int, list[Layer]]:
    """Hidden layers by seed, from rows seed, layer (from 1), neuron, weights (list), bias of one epoch and rate."""
    found: dict[int, list[Layer]] = {}
    ordered = neurons.sort_values(["seed", "layer", "neuron"])
    for (seed, _), layer in ordered.groupby(["seed", "layer"]):
        weights = np.stack([np.asarray(w, dtype=np.float64) for w in layer.weights])
        found.setdefault(int(seed), []).append((weights, layer.bias.to_numpy(np.float64)))
    return found


def direction_rows(
    networks: dict[int, list[Layer]], layer: int, angles: int, pairs: int, stream: Stream
) -> list[Row]:
    """cos t' of ReLU with the rows of one layer (from 1) of all networks together, for pairs in random directions.

    By angle: map, mean and sd over pairs of which both sides are alive, their number, neurons (rows). Biases are left
    out.
    """
    w = np.concatenate([layers[layer - 1][0] for layers in networks.values()])
    rng = stream.block(0)
    frames, r = np.linalg.qr(rng.standard_normal((pairs, w.shape[1], 2)))
    frames = (
        frames * np.sign(np.diagonal(r, axis1=1, axis2=2))[:, None]
    )  # uniform only with these signs (Mezzadri)
    z = w @ frames  # (pairs, neurons, 2)
    rows: list[Row] = []
    for angle in np.linspace(0, math.pi, angles):
        h, g = at_angle(z, angle)
        cosine = np.cos(angle_if_alive(np.maximum(h, 0), np.maximum(g, 0)))
        cosine = cosine[~np.isnan(cosine)]
        mean, sd = (float(cosine.mean()), float(cosine.std())) if cosine.size else (math.nan, math.nan)
        rows.append(
            {"layer": layer, "angle": angle, "map": math.cos(float(angular_map(angle)))}
            | {"mean": mean, "sd": sd, "neurons": len(w), "pairs": cosine.size}
        )
    return rows


def image_rows(
    networks: dict[int, list[Layer]], images: NDArray[Any], pairs: int, stream: Stream
) -> list[Row]:
    """Pairs of images through ReLU networks: angle before and after each layer, biases included, and its map.

    Rows: seed, layer, pair, angle, after, map (angles in radians); pairs with a dead side are left out.
    """
    rng = stream.block(0)
    chosen = np.stack([rng.choice(len(images), 2, replace=False) for _ in range(pairs)])
    rows: list[Row] = []
    for seed, layers in networks.items():
        h = images.reshape(len(images), -1)[chosen]  # (pairs, 2, inputs)
        for number, (weights, bias) in enumerate(layers, 1):
            before = h
            h = np.maximum(h @ weights.T + bias, 0)
            angle, after = (angle_if_alive(z[:, 0], z[:, 1]) for z in (before, h))
            alive = np.flatnonzero(~np.isnan(angle) & ~np.isnan(after))
            rows += [
                {
                    "seed": seed,
                    "layer": number,
                    "pair": int(k),
                    "angle": angle[k],
                    "after": after[k],
                    "map": c,
                }
                for k, c in zip(alive, angular_map(angle[alive]), strict=True)
            ]
    return rows


def image_layers(images: DataFrame) -> DataFrame:
    """cos t' minus the map over pairs of images, by layer and epoch: mean, and mean square.

    `images` has the rows of `image_rows`, with epoch.
    """
    off = np.cos(images.after) - np.cos(images["map"])
    cells = images.assign(off=off, square=off**2).groupby(["layer", "epoch"], as_index=False)
    return cells.agg(mean=("off", "mean"), square=("square", "mean"))


def hypothesis_table(images: NDArray[Any], pairs: int, stream: Stream) -> DataFrame:
    """Quantiles of what the theorems ask of inputs: norm, largest coordinate over norm, angle of random pairs.

    `images` has shape (n, ...). Quantities: "norm" is |x| / sqrt(m), "delocalization" max |x_i| / |x|, which must be
    small (1 for a single coordinate, about sqrt(2 log m / m) for a normal input), "angle" in radians. Inputs that are
    0 are counted in `zeros` and left out.
    """
    x = images.reshape(len(images), -1).astype(np.float64)
    if not np.isfinite(x).all():
        raise ValueError("images must be finite")
    norm = np.linalg.norm(x, axis=1)
    zeros = int((norm == 0).sum())
    x, norm = x[norm > 0], norm[norm > 0]
    if len(x) < 2:
        raise ValueError(f"pairs need at least 2 images that are not 0, got {len(x)} of {len(images)}")
    rng = stream.block(0)
    first = rng.integers(len(x), size=pairs)
    second = (first + rng.integers(1, len(x), size=pairs)) % len(x)
    found = {
        "norm": norm / math.sqrt(x.shape[1]),
        "delocalization": abs(x).max(axis=1) / norm,
        "angle": angle_between(x[first], x[second]),
    }
    rows = [
        {"quantity": name, "inputs": x.shape[1], "zeros": zeros}
        | {f"q{100 * p:02.0f}": float(np.quantile(values, p)) for p in _QUANTILES}
        for name, values in found.items()
    ]
    return pd.DataFrame(rows)
