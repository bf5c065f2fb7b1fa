"""Networks with the initialization of the propagation study, as plain `torch.nn.Sequential`.

Pre-activations are z' = W phi(z) + b with

    W_ij = sigma_w X_ij / sqrt(fan_in),  X ~ weights,     b_i = sigma_b N(0, 1),

fan_in the number of inputs of a neuron (kernel included). W and b are the parameters that are trained (the standard
parametrization). X ~ N(0, 1) in the first layer whatever `weights` is, so that its pre-activations are normal
(Wolinski & Arbel). Exact pairs bring the scale of W with their law: sigma_w = 1, sigma_b = 0, or any point
of the circle sigma_w^2 + sigma_b^2 = 1.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from preactivations.activations.describe import AnyActivation
from preactivations.activations.modules import as_module
from preactivations.weights import Normal, WeightLaw, as_law

__all__ = ["initialize", "lenet", "mlp"]

_EPSILON = 1e-12  # of the mean square: a layer that is all 0 stays 0


def mlp(
    inputs: int,
    width: int,
    depth: int,
    classes: int = 10,
    *,
    activation: AnyActivation,
    weights: str | WeightLaw = "normal",
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    normalize: bool = False,
    rng: np.random.Generator | None = None,
) -> nn.Sequential:
    """Multilayer perceptron with `depth` hidden layers of `width` neurons.

    Parameters
    ----------
    inputs, width, depth, classes : int
        At least 1: input dimension, neurons per hidden layer, hidden layers, outputs.
    activation : str, Module, Activation, pair or function of tensors
        Whatever `activations.as_module` takes; all layers share the module.
    weights : str or WeightLaw
        A law, or its name ("weibull_4", "spherical_1", "normal"); for "odd" and "positive" that of the exact pair.
    sigma_w, sigma_b : float
        Scales in the formula of the module; sigma_w > 0, sigma_b >= 0.
    normalize : bool
        Divide each activation vector by its root mean square: with normal weights, sigma_w = 1 and sigma_b = 0 every
        pre-activation is then exactly N(0, 1) at any width and depth (for one input, of mean square 1 or else
        from the second layer on, as long as no activation vector is 0: with ReLU it is with probability
        2^-width per layer).
    rng : numpy.random.Generator, optional
        Source of the initial values; by default fresh.

    Returns
    -------
    nn.Sequential
        From shape (batch, inputs) to logits (batch, classes).

    Raises
    ------
    ValueError
        For sizes below 1, unknown names, scales out of range, and what `activations.activation` refuses.

    Examples
    --------
    >>> net = mlp(64, 10, 3, activation="odd", weights="weibull_4", rng=np.random.default_rng(0))
    >>> net(torch.zeros(5, 64)).shape
    torch.Size([5, 10])
    """
    _positive(inputs=inputs, width=width, depth=depth, classes=classes)
    law = as_law(weights)
    phi = as_module(activation, law)
    layers: list[nn.Module] = []
    for k in range(depth):
        layers += [_dense(width if k else inputs, width), phi]
        if normalize:
            layers.append(nn.RMSNorm(width, eps=_EPSILON, elementwise_affine=False))
    return initialize(nn.Sequential(*layers, _dense(width, classes)), law, sigma_w, sigma_b, rng)


def lenet(
    channels: int,
    size: int,
    classes: int = 10,
    *,
    activation: AnyActivation,
    weights: str | WeightLaw = "normal",
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    rng: np.random.Generator | None = None,
) -> nn.Sequential:
    """LeNet-like convolutional network: 6 and 16 channels of 5 x 5 kernels, max-pooling 2, then 120, 84, classes.

    Pooling comes before the activation: all activations here but GELU and SiLU increase, so that the two commute, and
    it is four times less work. The maximum of four is not Gaussian: the law of pre-activations is not
    kept across it, whatever the weights.

    Parameters
    ----------
    channels, size : int
        Of the images, shape (batch, channels, size, size); size at least 16.
    classes, activation, weights, sigma_w, sigma_b, rng
        As for `mlp`.

    Returns
    -------
    nn.Sequential
        From shape (batch, channels, size, size) to logits (batch, classes).

    Raises
    ------
    ValueError
        For size below 16; else as for `mlp`.
    """
    _positive(channels=channels, classes=classes)
    if size < 16:
        raise ValueError(f"size must be at least 16 (two 5 x 5 kernels and two poolings), got {size}")
    law = as_law(weights)
    phi = as_module(activation, law)
    side = ((size - 4) // 2 - 4) // 2
    layers: list[nn.Module] = []
    for before, after in ((channels, 6), (6, 16)):
        layers += [nn.utils.skip_init(nn.Conv2d, before, after, 5), nn.MaxPool2d(2), phi]
    layers.append(nn.Flatten())
    for before, after in ((16 * side * side, 120), (120, 84)):
        layers += [_dense(before, after), phi]
    return initialize(nn.Sequential(*layers, _dense(84, classes)), law, sigma_w, sigma_b, rng)


def initialize(
    network: nn.Sequential,
    weights: str | WeightLaw,
    sigma_w: float = 1.0,
    sigma_b: float = 0.0,
    rng: np.random.Generator | None = None,
) -> nn.Sequential:
    """Draw all weights and biases anew (formula of the module), in place; returns `network`.

    Concerns `nn.Linear` and `nn.Conv2d`; the first of them gets normal weights.

    Parameters
    ----------
    network : nn.Sequential
    weights : str or WeightLaw
        Law of X in all layers but the first, or its name.
    sigma_w, sigma_b : float
    rng : numpy.random.Generator, optional
        By default fresh.

    Returns
    -------
    nn.Sequential
        `network`.

    Raises
    ------
    ValueError
        For sigma_w that is not positive, a negative sigma_b, or a network without such layers.
    """
    if not (sigma_w > 0 and math.isfinite(sigma_w)):
        raise ValueError(f"sigma_w must be finite and > 0, got {sigma_w}")
    if not (sigma_b >= 0 and math.isfinite(sigma_b)):
        raise ValueError(f"sigma_b must be finite and >= 0, got {sigma_b}")
    rng = np.random.default_rng() if rng is None else rng
    layers = [layer for layer in network.modules() if isinstance(layer, (nn.Linear, nn.Conv2d))]
    if not layers:
        raise ValueError("there is nothing to initialize: the network has no nn.Linear or nn.Conv2d")
    law, further = as_law("normal"), as_law(weights)
    for layer in layers:
        fan_in = layer.weight[0].numel()
        values = law.sample32(layer.weight.numel(), rng).reshape(layer.weight.shape)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(values)).mul_(sigma_w / math.sqrt(fan_in))
            if layer.bias is not None:
                layer.bias.copy_(torch.from_numpy(Normal().sample32(layer.bias.numel(), rng))).mul_(sigma_b)
        law = further
    return network


def _dense(inputs: int, outputs: int) -> nn.Module:
    layer: nn.Module = nn.utils.skip_init(nn.Linear, inputs, outputs)
    return layer


def _positive(**sizes: int) -> None:
    for name, value in sizes.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, got {value}")
