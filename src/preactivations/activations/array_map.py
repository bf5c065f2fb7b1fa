"""Modules of PyTorch as maps of arrays. A file of its own, so that the engine need not import all activations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from preactivations.real import real_values

__all__ = ["as_array_map"]


def as_array_map(module: nn.Module) -> Callable[[NDArray[Any]], NDArray[Any]]:
    """`module` as a map from NumPy array to NumPy array (same floating dtype), without autograd."""
    function: Any = getattr(module, "values", None)  # `GaussianActivation.values` takes less time
    if not callable(function):
        function = module

    def apply(x: NDArray[Any]) -> NDArray[Any]:
        shape = np.shape(x)  # 0-dimensional arrays get a dimension
        with torch.inference_mode():
            x = np.ascontiguousarray(real_values("x", x))
            return np.asarray(function(torch.from_numpy(x)).numpy()).reshape(shape)

    return apply
