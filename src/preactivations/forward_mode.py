"""Forward-mode rules of `torch.autograd.Function` that are differentiable themselves.

PyTorch switches forward mode off inside of a rule `jvp`: an outer level would take its result for a constant, and
forward over forward give 0. A rule `@differentiable` switches it on again; what it reads by `primals` has lost the
tangents of its own level, which it is the rule for, and keeps those of outer ones.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.autograd import forward_ad

__all__ = ["differentiable", "primals"]


def differentiable(jvp: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator for the method `jvp`, below `@staticmethod`."""

    @functools.wraps(jvp)
    def rule(ctx: Any, *tangents: Any) -> Any:
        with forward_ad._set_fwd_grad_enabled(True):
            return jvp(ctx, *tangents)

    return rule


def primals(ctx: Any) -> tuple[Tensor, ...]:
    """The saved tensors of a context, inside of `jvp`."""
    return tuple(forward_ad.unpack_dual(tensor).primal for tensor in ctx.saved_tensors)
