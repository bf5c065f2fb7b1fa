"""What an initializer is given, a tensor or a layer, and the numbers of inputs and outputs that its weights join."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.parameter import UninitializedParameter

__all__ = ["Weights", "parameter_of", "weights_of", "working_dtype"]


class Weights(NamedTuple):
    """A tensor of weights, shape (outputs, inputs / groups, *kernel), or (inputs, outputs / groups, *kernel)."""

    tensor: Tensor
    groups: int
    transposed: bool  # the second shape
    stride: int  # positions of the finer side per position of the coarser one

    @property
    def fan_in(self) -> float:
        """Inputs per output, in the mean over the positions of outputs away from the border."""
        first, second, *kernel = self.tensor.shape
        inputs = first / self.groups / self.stride if self.transposed else second
        return inputs * math.prod(kernel)

    @property
    def fan_out(self) -> float:
        """Outputs per input, likewise."""
        first, second, *kernel = self.tensor.shape
        outputs = second if self.transposed else first / self.groups / self.stride
        return outputs * math.prod(kernel)


def weights_of(given: Tensor | nn.Module, groups: int = 1, transposed: bool = False) -> Weights:
    """The weights of a layer, or a tensor with what a tensor does not tell.

    Raises
    ------
    ValueError
        For fewer than two dimensions, groups that do not divide the first; weights that are computed from others or
        have no shape yet; `groups` or `transposed` beside a layer.
    TypeError
        For what is no real floating tensor, nor a linear or convolutional layer.
    """
    stride = 1
    if isinstance(given, nn.Module):
        if groups != 1 or transposed:
            raise ValueError(f"groups and transposed are those of the layer, {given}: leave them out")
        if not isinstance(given, (nn.Linear, _ConvNd)):
            raise TypeError(
                f"{type(given).__name__} is neither linear nor convolutional: give its tensor of weights"
            )
        tensor = parameter_of(given)
        if isinstance(given, _ConvNd):
            groups, transposed = given.groups, isinstance(given, _ConvTransposeNd)
            stride = math.prod(given.stride)
    elif isinstance(given, Tensor):
        tensor = given
    else:
        raise TypeError(f"tensor must be a tensor or a layer, got {type(given).__name__}")
    if isinstance(tensor, UninitializedParameter):
        raise ValueError("tensor has no shape yet: materialize its layer first (call it once)")
    if not tensor.is_floating_point():
        raise TypeError(f"tensor must be of a real floating dtype, got {tensor.dtype}")
    owner = tensor._base if tensor._is_view() and tensor._base is not None else tensor
    if not owner.is_leaf:
        raise ValueError(
            "tensor is computed from other parameters (torch.nn.utils.parametrizations, weight_norm, spectral_norm, "
            "pruning): what is written to it is lost; initialize the layer, then parametrize it"
        )
    if tensor.dim() < 2:
        raise ValueError(f"weights need a tensor with at least 2 dimensions, got shape {tuple(tensor.shape)}")
    if isinstance(groups, bool) or not isinstance(groups, int) or groups < 1 or tensor.shape[0] % groups:
        raise ValueError(f"groups must be a number that divides {tensor.shape[0]}, got {groups!r}")
    return Weights(tensor, groups, transposed, stride)


def parameter_of(layer: nn.Module) -> Tensor:
    """The weight of a layer; ValueError if it is computed from other parameters, or has no shape yet."""
    weight = layer._parameters.get("weight")
    if weight is None:
        raise ValueError(
            f"{type(layer).__name__} has a parametrized weight (torch.nn.utils.parametrizations, weight_norm, "
            "spectral_norm, pruning): what is written to it is lost; initialize the layer, then parametrize it"
        )
    if isinstance(weight, UninitializedParameter):
        raise ValueError(f"{layer} has no shape yet: materialize it first (call it once)")
    return weight


def working_dtype(tensor: Tensor) -> torch.dtype:
    """Of draws: float64 for float64, float32 else. Half precision has too few levels for logarithms and tails."""
    return torch.float64 if tensor.dtype == torch.float64 else torch.float32
