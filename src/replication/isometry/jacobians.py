"""Dynamical isometry of rectified networks: schemes of initialization, singular values of their Jacobians.

After Burkholz & Dubatovka (2019). Four schemes are compared: "he" and "orthogonal" (Gaussian weights of He's variance,
and Haar-orthogonal ones of the same scale), "mirrored_gaussian" and "mirrored_orthogonal" (`init.mirrored`). The last
layer has variance 1 / inputs, or orthonormal rows, and biases are 0.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from preactivations.init.mirrored_network import mirror_network_
from preactivations.relu_law.jacobians import jacobian_moments
from preactivations.streams import Stream

Row = dict[str, Any]

SCHEMES = ("he", "orthogonal", "mirrored_gaussian", "mirrored_orthogonal")


def network(
    scheme: str,
    inputs: int,
    width: int,
    depth: int,
    outputs: int,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
) -> nn.Sequential:
    """ReLU perceptron with `depth` hidden layers, initialized by a scheme of `SCHEMES`.

    ValueError for an unknown scheme, or what `init.mirror_network_` refuses.
    """
    sizes = [inputs, *([width] * depth)]
    layers: list[nn.Module] = []
    for before, after in itertools.pairwise(sizes):
        layers += [nn.utils.skip_init(nn.Linear, before, after, dtype=dtype), nn.ReLU()]
    net = nn.Sequential(*layers, nn.utils.skip_init(nn.Linear, width, outputs, dtype=dtype))
    if scheme in ("mirrored_gaussian", "mirrored_orthogonal"):
        return mirror_network_(
            net, "gaussian" if scheme == "mirrored_gaussian" else "orthogonal", 0.0, generator
        )
    if scheme not in SCHEMES:
        raise ValueError(f"scheme must be one of {', '.join(map(repr, SCHEMES))}, got {scheme!r}")
    dense = [layer for layer in net if isinstance(layer, nn.Linear)]
    for layer in dense:
        gain = 1.0 if layer is dense[-1] else math.sqrt(2)
        with torch.no_grad():
            layer.bias.zero_()
            if scheme == "he":
                layer.weight.normal_(0, gain / math.sqrt(layer.in_features), generator=generator)
            else:
                nn.init.orthogonal_(layer.weight, gain, generator=generator)
    return net


def singular_value_rows(
    scheme: str, width: int, depth: int, networks: int, stream: Stream
) -> tuple[dict[str, NDArray[Any]], Row]:
    """(columns network and singular_value, summary) of input-output Jacobians of drawn networks, in float64.

    "he" and "orthogonal": from as many inputs to the last hidden activations. Mirrored schemes: from width / 2 inputs
    to as many outputs, since no more than width / 2 directions fit. Summary: variance and second moment of the squared
    singular values, exact beside those of the networks (with the standard error of the second moment), and the largest
    |s - 1|.
    """
    mirrored = scheme.startswith("mirrored")
    size = width // 2 if mirrored else width
    values = np.empty((networks, size))
    for k in range(networks):
        generator = torch.Generator().manual_seed(stream.seed(k))
        net = network(scheme, size, width, depth, size, generator, torch.float64)
        layers = [module for module in net if isinstance(module, nn.Linear)]
        h = stream.block(k).standard_normal(size)
        jacobian = np.eye(size)
        for layer in layers if mirrored else layers[:-1]:
            w = layer.weight.detach().numpy()
            h, jacobian = w @ h, w @ jacobian
            if layer is not layers[-1]:
                jacobian[h <= 0] = 0
                h = np.maximum(h, 0)
        values[k] = np.linalg.svd(jacobian, compute_uv=False)
    square = values**2
    if scheme == "mirrored_gaussian":
        exact = jacobian_moments(size, [size] * (depth + 1), 1.0)
    elif scheme == "mirrored_orthogonal":
        exact = jacobian_moments(size, [size] * (depth + 1), 1.0, weights="orthogonal")
    else:
        exact = jacobian_moments(size, [size] * depth, weights="gaussian" if scheme == "he" else scheme)
    name = {"scheme": scheme, "width": width, "depth": depth}
    fourth = (square**2).mean(axis=1)
    variance = float(fourth.mean() - square.mean() ** 2)
    summary = name | {"networks": networks, "variance_exact": exact.variance, "variance": variance}
    summary |= {"second_exact": exact.second, "second": float(fourth.mean())}
    summary["second_error"] = float(fourth.std(ddof=1) / math.sqrt(networks))
    summary["largest_deviation"] = float(abs(values - 1).max())
    columns = {"network": np.repeat(np.arange(networks), size), "singular_value": values.ravel()}
    return columns, summary
