"""Mirrored initialization of a whole network: its plan, the constants of its activations, blocks that keep the image.

The construction is in `mirrored`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from preactivations.init._layers import Weights, parameter_of
from preactivations.init.mirrored import Position, checked_mirrored, fill_mirrored, mirrored_gaussian_
from preactivations.real import real_number

__all__ = ["mirror_constant", "mirror_network_"]

# linear maps without parameters that act on each channel alone
_POOLING = (
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AvgPool3d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.ZeroPad2d,
)
_RANDOM = (_DropoutNd, nn.RReLU)
_Layer = nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d


def mirror_constant(activation: nn.Module | Callable[[Tensor], Tensor]) -> float:
    """c of phi(h) - phi(-h) = c h, found from values in double precision.

    Parameters
    ----------
    activation : nn.Module or callable
        Elementwise, a map of tensors of float64. A module is copied to the CPU and stays as it is.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Where there is no such c, or it is 0 (even activations), with the point at which it fails; for a random
        activation, or one that can't be evaluated on a vector.

    Notes
    -----
    The tolerance is 1e-8: `nn.Softplus` is linear above 20 and misses the identity by up to 2e-9 there, so that a deep
    network with pre-activations above 20 is isometric to about 1e-8 only.

    Examples
    --------
    >>> import torch
    >>> mirror_constant(torch.nn.LeakyReLU(0.25))
    1.25
    """
    h = torch.cat([torch.ones(1), torch.logspace(-6, 3, 400)]).double()
    values = torch.cat([h, -h])
    if any(isinstance(module, _RANDOM) for module in _modules(activation)):
        raise ValueError(f"{activation} is random: phi(h) - phi(-h) = c h is needed")
    phi = _in_double(activation)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            found, again = phi(values.clone()), phi(values.clone())
    except Exception as error:
        raise ValueError(f"{activation} can't be evaluated on a vector: {error}") from error
    if not torch.equal(found, again):
        raise ValueError(f"{activation} is random: phi(h) - phi(-h) = c h is needed")
    plus, minus = found.chunk(2)
    ratio = (plus - minus) / h
    c = float(ratio[0])
    worst = int((ratio - c).abs().argmax())
    if not abs(float(ratio[worst]) - c) <= 1e-8 * max(1.0, abs(c)):  # nn.Softplus is linear above 20: 2e-9
        raise ValueError(
            f"{activation} has no constant c with phi(h) - phi(-h) = c h: the ratio is {c:.6g} at h = 1 and "
            f"{float(ratio[worst]):.6g} at h = {float(h[worst]):.3g}; ReLU, leaky ReLU, GELU, SiLU and softplus do"
        )
    if abs(c) < 1e-9:
        raise ValueError(
            f"{activation} is even, phi(h) - phi(-h) = 0: the mirrored network would forget its input"
        )
    return c


@torch.no_grad()
def mirror_network_(
    network: nn.Sequential,
    weights: Literal["orthogonal", "gaussian"] = "orthogonal",
    sigma_b: float = 0.0,
    generator: torch.Generator | None = None,
) -> nn.Sequential:
    """Initialize a whole network mirrored, in place: first, middle and last layers with the right blocks and factors.

    Parameters
    ----------
    network : nn.Sequential
        Linear or convolutional layers with elementwise activations between; sequences may be nested. Average pooling
        may stand anywhere but after linear layers and between two activations; flattening before the first layer, and
        `nn.Flatten()` between convolutions and linear layers. The last layer is followed by no activation.
    weights : {"orthogonal", "gaussian"}, optional
        Blocks of `mirrored_orthogonal_` (the default) or `mirrored_gaussian_`.
    sigma_b : float, optional
        Standard deviation of the entries of b0; 0 (the default) keeps the network isometric and linear without offset.
        The last bias is not mirrored.
    generator : torch.Generator, optional

    Returns
    -------
    nn.Sequential
        `network`.

    Raises
    ------
    ValueError
        For fewer than two layers, odd hidden widths, an activation without phi(h) - phi(-h) = c h, grouped
        convolutions, modules in an order that does not keep the halves apart, layers that are parametrized
        (`torch.nn.utils.parametrizations`, `weight_norm`), lazy or used twice, other `weights`, a sigma_b that is
        negative or not finite; nothing is changed then.
    TypeError
        For a module that is not known to keep the mirror symmetry (pooling by maxima, normalization, dropout).

    Notes
    -----
    With orthogonal blocks the Jacobian has k singular values 1, k the smallest of the numbers of inputs, of units in
    each half, and of outputs; the others are 0. So all are 1, and norms are kept, if no half and no output is narrower
    than the input. For convolutions the numbers are channels, at odd kernels, stride 1 and periodic borders, without
    pooling. A layer that is narrower than the one before keeps what has come through: its orthonormal rows span the
    image, or lie in it.

    Examples
    --------
    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Linear(16, 8)).double()
    >>> jacobian = torch.autograd.functional.jacobian(mirror_network_(net), torch.ones(8, dtype=torch.float64))
    >>> bool((torch.linalg.svdvals(jacobian) - 1).abs().max() < 1e-12)
    True
    """
    if weights not in ("orthogonal", "gaussian"):
        raise ValueError(f"weights must be 'orthogonal' or 'gaussian', got {weights!r}")
    if not (real_number("sigma_b", sigma_b) >= 0 and math.isfinite(sigma_b)):
        raise ValueError(f"sigma_b must be finite and >= 0, got {sigma_b}")
    layers, constants = _plan(network)
    orthogonal = weights == "orthogonal"
    middle: list[Position] = ["middle"] * (len(layers) - 2)
    positions: list[Position] = ["first", *middle, "last"]
    found = [
        checked_mirrored(layer, position, 1.0, odd_kernel=orthogonal)
        for layer, position in zip(layers, positions, strict=True)
    ]
    image: Tensor | None = None  # orthonormal columns that span what comes through; None: all
    for layer, given, position, c in zip(layers, found, positions, constants, strict=True):
        if orthogonal:
            image = _fill_keeping(given, position, 1 / c, image, generator)
        else:
            mirrored_gaussian_(layer, position, 1 / c, generator)
        if layer.bias is not None:
            layer.bias.zero_()
            if sigma_b > 0:
                free = len(layer.bias) // (1 if position == "last" else 2)
                layer.bias[:free].normal_(0, sigma_b, generator=generator)
                layer.bias[free:] = -layer.bias[: len(layer.bias) - free]
    return network


def _fill_keeping(
    weights: Weights,
    position: Position,
    gain: float,
    image: Tensor | None,
    generator: torch.Generator | None,
) -> Tensor | None:
    """`mirrored_orthogonal_` that loses no more of the image of the layers before than it must; the new image.

    Given r orthonormal columns `image` of m channels, W0 has min(p, r) singular values 1 on them, p its outputs.
    """
    new: list[Tensor | None] = []

    def fill(block: Tensor) -> None:
        outputs, inputs = block.shape
        if image is None:
            nn.init.orthogonal_(block, generator=generator)
            new.append(block.clone() if outputs > inputs else None)
            return
        channels, kept = image.shape
        positions = inputs // channels  # of a channel that is flattened
        if outputs < inputs:
            rows = _rows_keeping(block, kept * positions, generator)
            basis = torch.linalg.qr(image, mode="complete").Q
            basis[:, :kept] = image  # of the same span
            # columns of `rows`: all positions of the first coordinate along `basis`, then of the second, ...
            rows = torch.einsum("okp,ck->ocp", rows.reshape(outputs, channels, positions), basis)
            block.copy_(rows.reshape(outputs, inputs))
        else:
            nn.init.orthogonal_(block, generator=generator)
        through = torch.einsum("ocp,ck->okp", block.reshape(outputs, channels, positions), image)
        new.append(through.reshape(outputs, -1) if outputs > kept * positions else None)

    fill_mirrored(weights, position, gain, fill, middle_tap=True)
    return new[0]


def _rows_keeping(like: Tensor, kept: int, generator: torch.Generator | None) -> Tensor:
    """Orthonormal rows, of the shape of `like`, with min(rows, kept) singular values 1 on the first `kept` coordinates.

    As uniformly distributed as that allows.
    """
    outputs, inputs = like.shape
    rows = torch.zeros_like(like)
    if outputs <= kept:
        rows[:, :kept] = nn.init.orthogonal_(like.new_empty(outputs, kept), generator=generator)
        return rows
    turned = nn.init.orthogonal_(like.new_empty(outputs, outputs), generator=generator)
    others = nn.init.orthogonal_(like.new_empty(outputs - kept, inputs - kept), generator=generator)
    rows[:, :kept], rows[:, kept:] = turned[:, :kept], turned[:, kept:] @ others
    return rows


def _plan(network: nn.Sequential) -> tuple[list[_Layer], list[float]]:
    """Layers, and for each the constant c of what stands before it (1 for the first)."""
    layers: list[_Layer] = []
    constants: list[float] = []
    between: list[nn.Module] = []  # activations since the last layer
    flat = pooled = False  # since the last layer; pooled after an activation
    for module in _flat(network):
        if isinstance(module, _Layer):
            _check_layer(module, layers, flat)
            if not layers and between:
                raise ValueError(
                    f"{between[0]} stands before the first layer, which must take the input itself"
                )
            constants.append(1.0 if not layers else mirror_constant(nn.Sequential(*between)))
            layers.append(module)
            between, flat, pooled = [], False, False
        elif isinstance(module, nn.Flatten):
            if layers and (
                isinstance(layers[-1], nn.Linear) or (module.start_dim, module.end_dim) != (1, -1)
            ):
                raise ValueError(
                    f"{module} after {layers[-1]} would mix the halves: nn.Flatten() after convolutions is known to "
                    "keep them"
                )
            flat = bool(layers)
        elif isinstance(module, _POOLING):
            if layers and (flat or isinstance(layers[-1], nn.Linear)):
                raise ValueError(f"{module} after a flat layer would mix the halves of its units")
            pooled = pooled or bool(between)
        elif _is_elementwise(module):
            if pooled:
                raise ValueError(
                    f"{module} stands after an activation and pooling: no identity phi(h) - phi(-h) = c h"
                )
            between.append(module)
        else:
            raise TypeError(
                f"{type(module).__name__} is not known to keep the mirror symmetry [h; -h]: use linear and "
                "convolutional layers, activations of single values, average pooling and flattening"
            )
    if len(layers) < 2:
        raise ValueError(f"a mirrored network needs a first and a last layer, got {len(layers)} layers")
    if between:
        raise ValueError(f"{between[0]} stands after the last layer, whose output must be free")
    return layers, constants


def _check_layer(layer: _Layer, before: list[_Layer], flat: bool) -> None:
    parameter_of(layer)  # its checks
    if getattr(layer, "groups", 1) != 1:
        raise ValueError(f"{layer} is grouped: its halves do not mix")
    if any(layer.weight is other.weight for other in before):
        raise ValueError(f"{layer} is used twice: each position needs a weight of its own")
    if not before:
        return
    last = before[-1]
    if isinstance(last, nn.Linear):
        if not isinstance(layer, nn.Linear):
            raise ValueError(f"{layer} after {last}: a convolution does not take units")
    elif isinstance(layer, nn.Linear):
        if not flat or layer.in_features % last.out_channels:
            raise ValueError(f"{layer} after {last} needs nn.Flatten() between, and whole channels of inputs")
    elif flat:
        raise ValueError(f"{layer} after nn.Flatten(): a convolution does not take units")


def _flat(network: nn.Module) -> Iterator[nn.Module]:
    """Modules in their order; a sequence with a forward of its own is one module."""
    if isinstance(network, nn.Sequential) and type(network).forward is nn.Sequential.forward:
        for module in network:
            yield from _flat(module)
    else:
        yield network


def _is_elementwise(module: nn.Module) -> bool:
    """Whether values do not depend on their neighbours: the same in any order and shape."""
    if isinstance(module, (*_RANDOM[:1], nn.Softmax, nn.LogSoftmax, nn.Softmin)):
        return False
    x = torch.linspace(-2, 2, 24, dtype=torch.float64).reshape(2, 3, 2, 2)
    phi = _in_double(module)
    try:
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            whole = phi(x.clone())
            parts = torch.stack([phi(value.reshape(1, 1, 1, 1)) for value in x.flatten()])
    except Exception:  # whatever a user's module raises: it is not known
        return False
    # a random activation is named as such by `mirror_constant`
    return isinstance(module, nn.RReLU) or (
        whole.shape == x.shape and bool(torch.allclose(whole.flatten(), parts.flatten(), rtol=1e-12))
    )


def _modules(activation: object) -> Iterator[nn.Module]:
    if isinstance(activation, nn.Module):
        yield from activation.modules()


def _in_double(activation: nn.Module | Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """A copy on the CPU: what is tried out leaves the user's module as it is."""
    if isinstance(activation, nn.Module):
        return copy.deepcopy(activation).to("cpu", torch.float64)
    return activation
