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

import math
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn

from preactivations.init._layers import Weights, weights_of, working_dtype
from preactivations.real import real_number

__all__ = ["mirrored_gaussian_", "mirrored_orthogonal_"]

Position = Literal["first", "middle", "last"]
_POSITIONS = ("first", "middle", "last")


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
    weights = checked_mirrored(tensor, position, gain, groups, transposed, odd_kernel=True)

    def fill(block: Tensor) -> None:
        nn.init.orthogonal_(block, generator=generator)

    return fill_mirrored(weights, position, gain, fill, middle_tap=True)


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

    weights = checked_mirrored(tensor, position, gain, groups, transposed, odd_kernel=False)
    fan_in = weights.fan_in / (1 if position == "first" else 2)

    def fill(block: Tensor) -> None:
        block.normal_(0, 1 / math.sqrt(fan_in), generator=generator)

    return fill_mirrored(weights, position, gain, fill)


def fill_mirrored(
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


def checked_mirrored(
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
