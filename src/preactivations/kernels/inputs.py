"""Inputs of kernels, arrays or tensors: checked, with norms that neither overflow nor vanish."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from preactivations.kernels.arc_cosine import holds, namespace
from preactivations.real import real_array, real_values

__all__ = ["at_angle", "checked_inputs", "checked_slope", "scaled"]

_LARGEST_SLOPE = 1e6


def checked_inputs(x: Any, y: Any, zeros: bool = False) -> tuple[Any, Any]:
    """Both as float64 arrays, or as tensors of one floating dtype on one device.

    Raises
    ------
    ValueError
        For no coordinates, different lengths, values that are not finite, and inputs that are 0 unless `zeros`.
    TypeError
        For numbers that are not real.
    """
    xp = namespace(x, y)
    if xp is np:
        x, y = real_array("x", x), real_array("y", y)
    else:
        for name, z in (("x", x), ("y", y)):
            if not isinstance(z, xp.Tensor):
                real_values(name, z)
            elif z.is_complex():
                raise TypeError(f"{name} must be real numbers, got dtype {z.dtype}")
        device = next(z.device for z in (x, y) if isinstance(z, xp.Tensor))
        x, y = (z if isinstance(z, xp.Tensor) else xp.as_tensor(z, device=device) for z in (x, y))
        dtype = xp.promote_types(x.dtype, y.dtype)
        dtype = dtype if dtype.is_floating_point else xp.get_default_dtype()
        x, y = x.to(dtype), y.to(dtype)
    if x.ndim == 0 or y.ndim == 0 or x.shape[-1] != y.shape[-1] or x.shape[-1] == 0:
        raise ValueError(
            "x and y must be vectors of one length, at least 1, along their last dimension, got shapes "
            f"{tuple(x.shape)} and {tuple(y.shape)}"
        )
    for name, z in (("x", x), ("y", y)):
        finite = xp.isfinite(z)
        if not holds(finite):
            raise ValueError(f"{name} must be finite, got {float(z[~finite][0])}")
        if not zeros and not holds((z != 0).any(axis=-1)):
            raise ValueError(f"{name} must not be 0: there is no angle")
    return x, y


def scaled(x: Any) -> tuple[Any, Any]:
    """(unit vectors, norms) along the last dimension, without overflow; (0, 0) for 0."""
    xp = namespace(x)
    size = abs(x).max(axis=-1, keepdims=True) if xp is np else abs(x.detach()).amax(dim=-1, keepdim=True)
    size = xp.where(size > 0, size, 1.0)
    z = x / size
    norm = (
        np.linalg.norm(z, axis=-1, keepdims=True)
        if xp is np
        else xp.linalg.vector_norm(z, dim=-1, keepdim=True)
    )
    return z / xp.where(norm > 0, norm, 1.0), (size * norm)[..., 0]


def at_angle(u: Any, angle: Any) -> tuple[Any, Any]:
    """w.x and w.y for inputs of norm 1 at an angle, from the projections u[..., :2] of w on their plane."""
    return u[..., 0], np.cos(angle) * u[..., 0] + np.sin(angle) * u[..., 1]


def checked_slope(slope: float) -> float:
    """A finite number.

    Raises
    ------
    TypeError, ValueError
        For what is no number (slopes have no gradients), or beyond 1e6 in absolute value.
    """
    if not isinstance(slope, numbers.Real):
        raise TypeError(f"slope must be a real number (it has no gradient), got {type(slope).__name__}")
    if not abs(slope) <= _LARGEST_SLOPE or math.isnan(slope):
        raise ValueError(f"slope must be between -1e6 and 1e6, got {slope}")
    return float(slope)
