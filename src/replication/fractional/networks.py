"""Networks that start from schemes which preserve moments of different orders (protocol of Gurbuzbalaban & Hu 2021).

Perceptrons of linear layers of constant width, the activation after each, the logits included; for images of 32 x 32
two convolutions with pooling before them. Biases, and convolutions, start as PyTorch makes them. Schemes:

* "fractional_<s>": `init.fractional_moment_` of order s;
* "he": order 2;  "xavier": `torch.nn.init.xavier_normal_`, gain 1;
* "random_walk": the mean log norm is preserved (Sussillo & Abbott 2014).

Images of CIFAR-10 are mirrored and shifted at random in training, as by the authors' program, where the configuration
says so.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

from preactivations.heavy_tails.scales import clt_mean_variance
from preactivations.init.tensors import fractional_moment_
from preactivations.names import parameter

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "linear": nn.Identity,
}


def deep_network(
    scheme: str,
    activation: str,
    shape: Sequence[int],
    width: int,
    depth: int,
    generator: torch.Generator,
    classes: int = 10,
) -> nn.Sequential:
    """A network of `depth` linear layers, depth - 1 of them hidden with `width` neurons.

    `scheme`: see the module; `activation`: relu, leaky_relu or linear. An input has `shape` (inputs,) or (channels,
    size, size): images pass two convolutions first (6 and 16 channels of 5 x 5, pooling 2). ValueError for an unknown
    scheme or activation, another shape, a depth below 2.
    """
    if activation not in _ACTIVATIONS:
        raise ValueError(
            f"activation must be one of {', '.join(map(repr, _ACTIVATIONS))}, got {activation!r}"
        )
    if depth < 2:
        raise ValueError(f"depth must be at least 2 linear layers, got {depth}")
    layers: list[nn.Module] = []
    features = shape[0]
    if len(shape) not in (1, 3) or (len(shape) == 3 and shape[1] < 16):
        raise ValueError(
            f"shape must be (inputs,) or (channels, size, size) with size at least 16, got {tuple(shape)}"
        )
    if len(shape) == 3:
        side = ((shape[1] - 4) // 2 - 4) // 2
        for before, after in ((shape[0], 6), (6, 16)):
            convolution = nn.utils.skip_init(nn.Conv2d, before, after, 5)
            _default_(convolution.weight, convolution.weight[0].numel(), generator)
            _default_(convolution.bias, convolution.weight[0].numel(), generator)
            layers += [convolution, nn.MaxPool2d(2), _ACTIVATIONS[activation]()]
        layers.append(nn.Flatten())
        features = 16 * side * side
    sizes = [features, *([width] * (depth - 1)), classes]
    for k in range(depth):
        layer = nn.utils.skip_init(nn.Linear, sizes[k], sizes[k + 1])
        _default_(layer.bias, sizes[k], generator)
        _initialize_(layer.weight, scheme, activation, generator)
        layers += [layer, _ACTIVATIONS[activation]()]
    return nn.Sequential(*layers)


def _default_(tensor: torch.Tensor, fan_in: int, generator: torch.Generator) -> None:
    """As `nn.Linear` and `nn.Conv2d` are made: uniform on +-1/sqrt(fan_in)."""
    with torch.no_grad():
        tensor.uniform_(-1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in), generator=generator)


def _initialize_(weight: torch.Tensor, scheme: str, activation: str, generator: torch.Generator) -> None:
    slope = 0.01 if activation == "leaky_relu" else None
    if scheme == "he":
        fractional_moment_(weight, 2.0, activation, "fan_in", generator, a=slope)
    elif scheme == "xavier":
        nn.init.xavier_normal_(weight, generator=generator)
    elif scheme == "random_walk":
        step = clt_mean_variance(2.0, len(weight), activation).mean
        fractional_moment_(weight, 2.0, activation, "fan_in", generator, a=slope)
        with torch.no_grad():
            weight.mul_(math.exp(-step))
    elif (order := parameter(scheme, "fractional")) is not None:
        fractional_moment_(weight, order, activation, "fan_in", generator, a=slope)
    else:
        raise ValueError(f"scheme must be 'he', 'xavier', 'random_walk' or 'fractional_<s>', got {scheme!r}")
