"""What only `torch.compile` and `torch.export` need of `modules`: the decorators of the compiler import it, a second.

Imported where a graph is compiled.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import TransformType
from torch.autograd import forward_ad

from preactivations.activations._table_autograd import Phi

__all__ = ["derivatives_taken", "is_differentiated_further", "uncompiled"]


@torch.compiler.assume_constant_result
def is_differentiated_further() -> bool:
    """Whether what is compiled now may be differentiated by other rules than those of `CompiledPhi`."""
    # a version that does not tell exports from compilations has the slower formula for both
    exporting = getattr(torch.compiler, "is_exporting", lambda: True)()
    return exporting or forward_ad._current_level >= 0


@torch.compiler.assume_constant_result
def derivatives_taken() -> int:
    """By how many transforms of `torch.func` what is compiled now is differentiated."""
    levels = torch._C._functorch.get_interpreter_stack() or []
    return sum(level.key() in (TransformType.Grad, TransformType.Jvp) for level in levels)


@torch.compiler.disable
def uncompiled(*arguments: Any) -> Tensor:
    """phi(x) outside of the graph: a compiled one would drop the tangents of its inputs."""
    out: Tensor = Phi.apply(*arguments)[0]
    return out
