"""Mirrored initialization: rectified networks that start as linear ones (Burkholz & Dubatovka 2019).

For an activation with phi(h) - phi(-h) = c h (ReLU, GELU, SiLU, softplus: c = 1; leaky ReLU: c = 1 + slope) a hidden
layer of 2 m units whose pre-activations are [h0; -h0] hands on c W0 h0 and its mirror image through

    W = [[W0, -W0], [-W0, W0]],   b = [b0; -b0],   first layer [W1; -W1],   last layer [V, -V].

At initialization the network is the linear network V W0 ... W1, up to the factors c, which are divided out; all
parameters are free afterwards. With orthogonal blocks of one width all singular values of the Jacobian are 1 at any
depth. Where widths differ, orthonormal rows that are drawn without regard to the layers before keep a random part of
their image only: `mirror_network_` chooses them so that as many singular values are 1 as the narrowest of inputs,
halves and outputs has units, and the others 0. For convolutions W0 is a kernel, the halves are those of the channels,
and an orthogonal kernel has its orthogonal matrix in the middle tap and 0 elsewhere (delta-orthogonal: Xiao et al.
2018).
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from preactivations.init._layers import Weights, parameter_of, weights_of, working_dtype
from preactivations.real import real_number

__all__ = ["mirror_constant", "mirror_network_", "mirrored_gaussian_", "mirrored_orthogonal_"]

Position = Literal["first", "middle", "last"]
_POSITIONS = ("first", "middle", "last")
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


def mirrored_orthogonal_(
    tensor: Tensor | nn.Module,
    position: Position = "middle",
    gain: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    groups: int = 1,
    transposed: bool = False,
) -> Tensor:
    """Fill `tensor` with mirrored blocks of gain * W0, W0 (semi-)orthogonal and Haar-distributed.

    Parameters
    ----------
    tensor : Tensor or nn.Module
        Weights of shape (outputs, inputs, *kernel), any real floating dtype, or a linear or convolutional layer.
        Kernels have odd sizes: the middle tap is the only one that is not 0.
    position : {"first", "middle", "last"}, optional
        "middle" by default. [W0; -W0], [[W0, -W0], [-W0, W0]] or [W0, -W0].
    gain : float, optional
        Divide by c of the activation before the layer (see the module) in the middle and last position.
        1 by default.
    generator : torch.Generator, optional
        On the device of `tensor`.
    groups : int, optional
        1: a grouped layer is refused, since its groups see one half each, or parts of it.
    transposed : bool, optional
        Whether the tensor given is that of a transposed convolution, of shape (inputs, outputs, *kernel).

    Returns
    -------
    Tensor
        `tensor`, or the weight of the layer.

    Raises
    ------
    ValueError
        For an odd number of units or channels that must be halved, an even kernel, another position, fewer than two
        dimensions, a gain that is not finite, groups; weights computed from others (`torch.nn.utils.parametrizations`,
        `weight_norm`) or without a shape (lazy layers).
    TypeError
        For an integer or complex tensor, or another layer.

    Notes
    -----
    Where W0 has more inputs than outputs its rows are orthonormal, else its columns: singular values of the network are
    at most 1. They equal 1 for as many directions as its narrowest layer has if no width (inputs, halves, outputs)
    falls after one has risen. Else rows that are independent of the layers before lose a part; those that
    `mirror_network_` chooses do not.

    Examples
    --------
    >>> import torch
    >>> w = mirrored_orthogonal_(torch.empty(4, 4, dtype=torch.float64))
    >>> torch.linalg.svdvals(w).round(decimals=12).abs().tolist()  # a network, not a matrix, is isometric
    [2.0, 2.0, 0.0, 0.0]
    """
    weights = _checked(tensor, position, gain, groups, transposed, odd_kernel=True)

    def fill(block: Tensor) -> None:
        nn.init.orthogonal_(block, generator=generator)

    return _mirrored(weights, position, gain, fill, middle_tap=True)


def mirrored_gaussian_(
    tensor: Tensor | nn.Module,
    position: Position = "middle",
    gain: float = 1.0,
    generator: torch.Generator | None = None,
    *,
    groups: int = 1,
    transposed: bool = False,
) -> Tensor:
    """Fill `tensor` with mirrored blocks of gain * W0, entries of W0 normal with variance 1 / fan_in of W0.

    fan_in (see `tensors`) counts the inputs of a half: variance 2/n for a middle layer of n inputs. Norms are kept in
    the mean; log q of n/2 linear units drifts by about -2/n per layer. Parameters and errors as for
    `mirrored_orthogonal_`; kernels of any size.

    Returns
    -------
    Tensor
        `tensor`.
    """

    weights = _checked(tensor, position, gain, groups, transposed, odd_kernel=False)
    fan_in = weights.fan_in / (1 if position == "first" else 2)

    def fill(block: Tensor) -> None:
        block.normal_(0, 1 / math.sqrt(fan_in), generator=generator)

    return _mirrored(weights, position, gain, fill)


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
        _checked(layer, position, 1.0, odd_kernel=orthogonal)
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
        (channels, kept), positions = (
            image.shape,
            inputs // len(image),
        )  # positions of a channel that is flattened
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

    _mirrored(weights, position, gain, fill, middle_tap=True)
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


def _mirrored(
    weights: Weights,
    position: Position,
    gain: float,
    fill: Callable[[Tensor], None],
    middle_tap: bool = False,
) -> Tensor:
    """Blocks by `fill`, which is given W0, or the matrix of its middle tap."""
    tensor = weights.tensor.transpose(0, 1) if weights.transposed else weights.tensor
    outputs, inputs = tensor.shape[:2]
    shape = (
        outputs // (1 if position == "last" else 2),
        inputs // (1 if position == "first" else 2),
        *tensor.shape[2:],
    )
    with torch.no_grad():
        block = torch.zeros(shape, dtype=working_dtype(tensor), device=tensor.device)
        if middle_tap:
            matrix = torch.empty(shape[:2], dtype=block.dtype, device=block.device)
            fill(matrix)
            block[(..., *(size // 2 for size in shape[2:]))] = matrix
        else:
            fill(block)
        block *= gain
        if position != "first":
            block = torch.cat([block, -block], dim=1)
        if position != "last":
            block = torch.cat([block, -block], dim=0)
        tensor.copy_(block)
    return weights.tensor


def _checked(
    given: Tensor | nn.Module,
    position: Position,
    gain: float,
    groups: int = 1,
    transposed: bool = False,
    *,
    odd_kernel: bool,
) -> Weights:
    weights = weights_of(given, groups, transposed)
    if weights.groups != 1:
        raise ValueError(
            f"groups must be 1, got {weights.groups}: the groups of a layer see one half [h; -h] each, or parts of it, "
            "and do not mix them"
        )
    if not math.isfinite(real_number("gain", gain)):
        raise ValueError(f"gain must be finite, got {gain}")
    if position not in _POSITIONS:
        raise ValueError(f"position must be one of {', '.join(map(repr, _POSITIONS))}, got {position!r}")
    outputs, inputs, *kernel = (
        weights.tensor.transpose(0, 1).shape if weights.transposed else weights.tensor.shape
    )
    for name, size, halved in (
        ("outputs", outputs, position != "last"),
        ("inputs", inputs, position != "first"),
    ):
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}")
        if halved and size % 2:
            raise ValueError(
                f"{name} must be an even number, to be halved in position {position!r}, got {size}: a unit without a "
                "mirror image would break the linearity"
            )
    if odd_kernel and any(size % 2 == 0 for size in kernel):
        raise ValueError(f"kernel sizes must be odd, to have a middle tap, got {tuple(kernel)}")
    return weights
