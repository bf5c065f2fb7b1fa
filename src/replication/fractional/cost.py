"""What fractional initialization costs: the network of order s is He's, its weights times one constant per layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from preactivations.heavy_tails.scales import sigma
from replication.fractional.networks import deep_network

Row = dict[str, Any]


def cost_row(activation: str, s: float, inputs: int, width: int, depth: int, seed: int) -> Row:
    """Networks of order s and of He from the same random numbers, tensor by tensor.

    layers: whether both are the same layers of the same shapes; draws: whether the generator stands where it did after
    He's, so that as many random numbers were drawn; biases: whether biases are equal; largest: the largest relative
    difference of a weight from sigma(s, n_out) / sigma(2, n_out) times He's; parameters: their number.
    """
    generators = [torch.Generator().manual_seed(seed) for _ in range(2)]
    ours, he = (
        deep_network(scheme, activation, (inputs,), width, depth, generator)
        for scheme, generator in zip((f"fractional_{s!r}", "he"), generators, strict=True)
    )
    largest, biases = 0.0, True
    for mine, theirs in zip(_dense(ours), _dense(he), strict=True):
        n_out = mine.out_features
        constant = float(sigma(s, n_out, activation) / sigma(2.0, n_out, activation))
        expected = theirs.weight.detach().double() * constant
        largest = max(largest, float(((mine.weight.detach() - expected).abs() / expected.abs()).max()))
        biases = biases and torch.equal(mine.bias, theirs.bias)
    states = [generator.get_state() for generator in generators]
    return {"activation": activation, "s": s, "width": width, "depth": depth} | {
        "layers": str(ours) == str(he),
        "draws": torch.equal(*states),
        "biases": biases,
        "largest": largest,
        "parameters": sum(p.numel() for p in ours.parameters()),
    }


def _dense(network: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in network if isinstance(layer, nn.Linear)]
